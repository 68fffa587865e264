"""A network that is ready to be simulated: its plan, its wiring, and the program of a backend."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from thalia import backends
from thalia.backends import Backend, Progress, Sample, Session
from thalia.backends.threads import check_threads
from thalia.compiler.plan import Plan
from thalia.connectivity.build import Arrays, wire
from thalia.connectivity.selection import recorded_neurons
from thalia.errors import CircuitError, fail
from thalia.simulation.loop import Clock


@dataclass(frozen=True)
class Engine:
    """The backend that runs a plan, with a remark if it is not the fastest one.

    `threads` is their number if it was asked for.
    """

    name: str
    backend: Backend
    remark: str = ""
    threads: int | None = None

    @classmethod
    def for_plan(cls, plan: Plan, name: str | None = None, threads: int | None = None) -> "Engine":
        """The backend of this name, or by default the fastest that works here.

        Raises
        ------
        CircuitError
            If there is no such backend, or it cannot run the plan, or not on so many threads.
        """
        name, remark = (name, "") if name else backends.choose()
        engine = cls(name, backends.find(name), remark, threads)
        if threads is not None:
            check_threads(threads, name)
        if reasons := engine.backend.refuse(plan):
            raise CircuitError(
                fail(f"backend '{name}': {reason}").problems[0] for reason in reasons
            )
        return engine


@dataclass(frozen=True)
class Network:
    """A plan with its arrays and its program."""

    plan: Plan
    engine: Engine
    arrays: Arrays
    program: object

    @classmethod
    def build(cls, plan: Plan, engine: Engine, clock: Clock, progress: Progress) -> "Network":
        """Wire a plan, and compile its program if the cache has none."""
        progress("wiring", 0.0)
        for name in plan.record.traces:
            recorded_neurons(plan, name)  # refuses now what would be refused after compiling
        arrays = wire(plan)
        clock.lap("wire")
        return cls.of_arrays(plan, engine, arrays, clock, progress)

    @classmethod
    def of_arrays(
        cls, plan: Plan, engine: Engine, arrays: Arrays, clock: Clock, progress: Progress
    ) -> "Network":
        """A network that is wired already."""
        program = engine.backend.build(plan, progress)
        emitted = getattr(program, "emit_seconds", 0.0)
        clock.lap("build")
        clock.seconds["emit"], clock.seconds["build"] = emitted, clock.seconds["build"] - emitted
        return cls(plan, engine, arrays, program)

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return sum(len(wired) for wired in self.arrays.synapses.values())

    def start(
        self, samples: Iterable[Sample] = (), given_up: frozenset[str] = frozenset()
    ) -> Session:
        """A session at time zero; the synapses of the objects in `given_up` are not held here."""
        return self.engine.backend.start(
            self.plan,
            self.program,
            replace(self.arrays, given_up=given_up),
            tuple(samples),
            self.plan.seed,
            self.engine.threads,
        )

"""The NumPy backend: Brian2 in this process, for tiny circuits and machines without a compiler.

Never on Cython: Brian2 2.10.1 cannot save and restore its random numbers, so that a resumed run
would not be identical.
"""

import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Compiled, Piece, Progress, Sample, in_kind
from thalia.backends.poisson_input import SPARSE, PoissonInput
from thalia.backends.random_numbers import Draws, key_of, stream_of
from thalia.codegen.brian_model import FLUSH_CLOCK, import_brian2, later_name, model_of, network
from thalia.compiler.drives import Drive
from thalia.compiler.plan import Plan
from thalia.connectivity.build import Arrays, Wired
from thalia.connectivity.playbacks import playback_arrays
from thalia.syntax.time_grid import interval_steps

CHUNK_SECONDS = 0.01  # of model time in the first chunk, and the least in any


def refuse(plan: Plan) -> list[str]:
    """Why this backend cannot run the plan here; it always can."""
    return []


def build(plan: Plan, progress: Progress) -> Compiled:
    """Nothing is compiled ahead of a run."""
    return Compiled(0, False)


class RuntimeSession:
    """A Brian2 network in this process; see `thalia.backends.Session`."""

    def __init__(self, plan: Plan, samples: tuple[Sample, ...], seed: int):
        self.draws = Draws(key_of(seed))
        b2 = import_brian2()
        b2.set_device("runtime")
        b2.prefs.codegen.target = "numpy"
        self.compiled = Compiled(0, False)
        self.chunk_steps = interval_steps(CHUNK_SECONDS, plan.dt)
        self.second = b2.second
        self.dt = plan.dt
        self.network, self.objects = network(model_of(plan, native_drives=True))
        self.objects |= {
            path.name: path
            for made in list(self.objects.values())
            for path in getattr(made, "_pathways", ())
        }
        for name in ("timestep", "t"):
            b2.defaultclock.variables[name].set_value(
                0
            )  # the process has one clock, which earlier runs have advanced
        self.groups = [group.name for group in plan.groups]
        self.samples = samples
        self.inputs = [made for drive in plan.drives for made in self._inputs(plan, drive)]
        self.steps: list[tuple[Callable[[], None], bool]] | None = None
        self.spent: dict[str, float] | None = None
        self.flush_interval = plan.flush_interval
        self.repeating = plan.repeating()

    def write(self, name: str, values: NDArray[Any]) -> None:
        """Set a variable; the length must match."""
        owner, _, variable = name.rpartition(".")
        held = self.objects[owner].variables[variable]
        if np.size(held.get_value()) != np.size(values):
            raise RuntimeError(
                f"{name}: has {np.size(held.get_value())} numbers, given {np.size(values)}"
            )
        kept = in_kind(name, values, held.dtype)
        held.set_value(kept.reshape(()) if held.scalar else kept)

    def prescribe(self, name: str, steps: NDArray[Any], neurons: NDArray[Any]) -> None:
        """Prescribe the spikes of a group, also several of a neuron in a step."""
        group = self.objects[name]
        group.set_spikes(neurons, steps * self.dt * self.second, sorted=True)
        group.variables["_timebins"].set_value(in_kind(name, steps, "i4"))
        group._spikes_changed, group._previous_dt = False, self.dt  # or Brian2 would refuse those

    def read(self, name: str) -> NDArray[Any]:
        """A copy of a variable."""
        owner, _, variable = name.rpartition(".")
        return np.array(self.objects[owner].variables[variable].get_value())

    def read_together(self, names: Sequence[str]) -> list[NDArray[Any]]:
        """Copies of variables."""
        return [self.read(name) for name in names]

    def state(self, without: Container[str] = ()) -> dict[str, NDArray[Any]]:
        """Everything that the next step depends on, except the variables in `without`."""
        self._prepared()  # before the first step queues have no room for their delays yet
        found = {
            name: np.array(variable.get_value())
            for name, variable in self._variables()
            if name not in without
        }
        for name, queue in self._queues():
            offset, steps = queue._full_state()
            found[f"{name}.queue"] = np.array(
                [offset, len(steps), *map(len, steps), *(i for s in steps for i in s)], np.int32
            )
        key = self.draws.key
        return found | {"random.key": np.array([key & 0xFFFFFFFF, key >> 32], np.uint32)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a state that `state` returned."""
        variables, queues = dict(self._variables()), dict(self._queues())
        for name, values in state.items():
            owner, _, variable = name.rpartition(".")
            if variable == "queue":
                count = int(values[1])
                bounds = np.cumsum([2 + count, *values[2 : 2 + count]])
                steps = [values[a:b].tolist() for a, b in itertools.pairwise(bounds)]
                queues[owner]._restore_from_full_state((int(values[0]), steps))
            elif owner != "random":
                held = variables[name]
                held.set_value(values.reshape(()) if held.scalar else values)
        first, second = state["random.key"].tolist()
        self.draws.key = first | second << 32
        self.network.t_ = float(variables["defaultclock.t"].get_value().item())

    def _variables(self) -> Iterator[tuple[str, Any]]:
        """Every array of the model by name, the clock's included."""
        b2 = import_brian2()
        for owner in (*self.objects.values(), b2.defaultclock):
            for name, variable in owner.variables.items():
                if (
                    isinstance(variable, b2.core.variables.ArrayVariable)
                    and variable.owner.name == owner.name
                ):
                    yield f"{owner.name}.{name}", variable

    def _queues(self) -> Iterator[tuple[str, Any]]:
        return (
            (name, made.queue)
            for name, made in self.objects.items()
            if getattr(made, "queue", None) is not None
        )

    def advance(self, steps: int) -> Chunk:
        """Simulate some steps, without the preparations that Brian2's `run` makes each time."""
        prepared = self._prepared()
        clock = import_brian2().defaultclock
        spaces = {
            name: self.objects[name].variables["_spikespace"].get_value() for name in self.groups
        }
        spikes: dict[str, tuple[list[int], list[Any]]] = {name: ([], []) for name in self.groups}
        taken: dict[str, list[Any]] = {sample.name: [] for sample in self.samples}
        for _ in range(steps):
            step = int(clock.variables["timestep"].get_value().item())
            for sample in self.samples:
                if step % sample.every == 0:
                    taken[sample.name].append(
                        self.read(f"{sample.group}.{sample.variable}")[sample.neurons]
                    )
            for each in self.inputs:
                self._deliver(*each, step)
            is_due = self.flush_interval and step and step % self.flush_interval == 0
            for run, at_flush in prepared:
                if is_due or not at_flush:
                    run()
            for name, space in spaces.items():
                if count := int(space[-1]):
                    spikes[name][0].extend([step] * count)
                    spikes[name][1].append(space[:count].copy())
            clock.variables["timestep"].set_value(step + 1)
            clock.variables["t"].set_value((step + 1) * clock.dt_)
            self.network.t_ = (step + 1) * clock.dt_
        return Chunk(
            {
                n: (np.array(t, np.int64), np.concatenate(i) if i else np.empty(0, np.int32))
                for n, (t, i) in spikes.items()
            },
            {
                s.name: np.array(taken[s.name], dtype=float).reshape(-1, len(s.neurons))
                for s in self.samples
            },
        )

    def play(self, pieces: Iterable[Piece]) -> Chunk:
        """Set variables and simulate some steps, several times."""
        chunks = []
        for changes, steps in pieces:
            for name, values in changes.items():
                self.write(name, values)
            chunks.append(self.advance(steps))
        return Chunk.joined(chunks)

    def _inputs(
        self, plan: Plan, drive: Drive
    ) -> Iterator[tuple[PoissonInput, NDArray[Any], NDArray[Any], NDArray[Any] | None]]:
        """Constant input, and of the neurons that it reaches: the variable, weights, a gate."""
        variables = self.objects[drive.group].variables
        target = next(e for e in plan.group(drive.group).equations() if e.name == drive.target)
        names = [drive.target, drive.weight]
        names += ["not_refractory"] if "unless refractory" in target.flags else []
        for each in drive.members if not drive.rate else ():
            _, member = plan.population(each.population)
            if each.mean and member.size:
                stream = stream_of(drive.object_name)
                made = PoissonInput(stream, member.start, member.size, each.mean * plan.dt)
                values, weights, *gate = (
                    variables[name].get_value()[member.start : member.stop] for name in names
                )
                yield made, values, weights, gate[0] if gate else None

    def _deliver(
        self,
        drawn: PoissonInput,
        values: NDArray[Any],
        weights: NDArray[Any],
        gate: NDArray[Any] | None,
        step: int,
    ) -> None:
        counts = drawn.counts(self.draws.key, step)
        if gate is not None:
            counts *= gate
        if drawn.mean >= SPARSE:
            values += counts * weights
            return
        for done in range(counts.max(initial=0)):  # one by one, as in a compiled program
            values += np.where(counts > done, weights, 0)

    def _prepared(self) -> list[tuple[Callable[[], None], bool]]:
        """What is run in a step, in order, and whether it is due at flushes only."""
        if self.steps is None:
            with np.errstate(
                over="ignore"
            ):  # Brian2 compares with 1e50, beyond the range of single precision
                self.network.run(0 * self.second, namespace={})
            active = [made for made in self.network.sorted_objects if made.active]
            self.steps = [(self._timed(made), made.clock.name == FLUSH_CLOCK) for made in active]
        return self.steps

    def _run(self, made: Any) -> Callable[[], None]:
        """What runs an object in a step."""
        repeats = hasattr(made, "queue") and made.source.name in self.repeating
        run: Callable[[], None] = in_turn(made) if repeats else _without_detours(made)
        drawing = [
            (each.namespace, name)
            for each in made.code_objects
            for name in ("rand", "randn", "poisson")
            if name in each.namespace
        ]
        if not drawing:
            return run
        for namespace, name in drawing:
            namespace[name] = getattr(self.draws, name)
        step = import_brian2().defaultclock.variables["timestep"]

        def begin_and_run() -> None:
            self.draws.begin(made.name, int(step.get_value().item()))
            run()

        return begin_and_run

    def _timed(self, made: Any) -> Callable[[], None]:
        """What runs an object in a step, and measures how long that takes if profiling is on."""
        run = self._run(made)
        if self.spent is None:
            return run
        spent, name = self.spent, made.name

        def run_and_note() -> None:
            begin = perf_counter()
            run()
            spent[name] = spent.get(name, 0.0) + perf_counter() - begin

        return run_and_note

    def profile(self) -> None:
        """From now on, measure how the time of a step is spent; called before the first step."""
        self.spent = {}

    def profiled(self) -> dict[str, float]:
        """Seconds spent in each object since `profile`."""
        return dict(self.spent or {})

    def flush(self) -> None:
        """Add the pending sums to every weight now."""
        for run, at_flush in self._prepared():
            if at_flush:
                run()

    def close(self) -> None:
        """Release the network."""
        self.objects.clear()


class InTurn:
    """A queue of arrivals that gives those of the same synapse in one step one after another.

    NumPy would do at once, and so only once, what they do to the synapse.
    """

    def __init__(self, queue: Any):
        self.queue = queue
        self.left: NDArray[Any] | None = None

    def peek(self) -> NDArray[Any]:
        """Those that come next, each synapse at most once."""
        arrivals = self.queue.peek().copy() if self.left is None else self.left
        first = np.unique(arrivals, return_index=True)[1]
        self.left = np.delete(arrivals, first)
        return arrivals[np.sort(first)]

    def advance(self) -> None:
        """Go on to the next step, once nothing is left of this one."""
        if self.left is not None and not len(self.left):
            self.left = None
            self.queue.advance()


def _without_detours(made: Any) -> Callable[[], None]:
    """What runs an object in a step: its blocks of code, past three calls of Brian2 for each."""
    base = import_brian2().core.base.BrianObject
    if type(made).run is not base.run or any(each.nonconstant_values for each in made.code_objects):
        return made.run  # type: ignore[no-any-return]
    blocks = [each.run_block for each in made.code_objects if each.compiled_code["run"]]

    def run() -> None:
        for block in blocks:
            block("run")

    return run


def in_turn(pathway: Any) -> Callable[[], None]:
    """What runs a synaptic pathway whose source may have several spikes of a neuron in a step."""
    push, arrive = pathway.code_objects
    queue = arrive.namespace["_queue"] = InTurn(pathway.queue)

    def run() -> None:
        push()
        arrive()
        while queue.left is not None:
            arrive()

    return run


def start(
    plan: Plan,
    built: Compiled,
    arrays: Arrays,
    samples: tuple[Sample, ...],
    seed: int,
    threads: None = None,
) -> RuntimeSession:
    """A session at time zero, with every array in place."""
    session = RuntimeSession(plan, samples, seed)
    for group, variables in arrays.groups.items():
        for name, values in variables.items():
            session.write(f"{group}.{name}", values)
    for name, wired in arrays.synapses.items():
        _connect(session, plan, name, wired)
    for plan_group in plan.groups:
        if plan_group.plays_spikes:
            session.prescribe(plan_group.name, *playback_arrays(plan, plan_group.name))
    return session


def _connect(session: RuntimeSession, plan: Plan, name: str, wired: Wired) -> None:
    synapses = session.objects[name]
    if len(wired) == 0:
        synapses.active = False
        synapses._connect_called = True
        return
    synapses.connect(i=wired.pre, j=wired.post)
    for variable, values in wired.variables.items():
        session.write(f"{name}.{variable}", values)
    session.write(f"{name}_pre.delay", wired.axonal * plan.dt)
    for index, delays in enumerate(wired.later):
        session.write(f"{name}_{later_name(index)}.delay", delays * plan.dt)
    if next(each for each in plan.synapses if each.name == name).on_post:
        session.write(f"{name}_post.delay", wired.dendritic * plan.dt)

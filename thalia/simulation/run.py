"""Runs: a circuit is simulated from beginning to end, and recorded in a run file."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from thalia.backends import Progress, Session, silent
from thalia.circuit.load import dumps, loads
from thalia.circuit.spec import Circuit
from thalia.codegen.listing import describe
from thalia.compiler.options import CompilerOptions, with_options
from thalia.compiler.pipeline import compile_circuit, load_whole
from thalia.compiler.plan import Plan
from thalia.compiler.resources import check_disk, check_memory, held_synapses
from thalia.errors import CircuitError, fail, is_of_the_machine, many_times, system_error
from thalia.recording.outputs import Claim, claim, claim_new
from thalia.recording.page_checksums import edited
from thalia.recording.run_file import Run
from thalia.recording.writer import RunWriter
from thalia.simulation.checkpoint import (
    Checkpointer,
    EndWhenSaved,
    SavedState,
    derived,
    fingerprint,
    interval_of,
)
from thalia.simulation.closed_loop import ClosedLoop, Task
from thalia.simulation.interruption import EndRequest, terminable
from thalia.simulation.loop import Clock, Loop, enter_phase
from thalia.simulation.network import Engine, Network
from thalia.simulation.observers import Observers
from thalia.simulation.origin import origin_of
from thalia.simulation.progress import ProgressReporter
from thalia.simulation.progress_bar import Shown, shown
from thalia.simulation.recorder import Recorder, SpikeCounter, samples_of
from thalia.simulation.sensors import Sensors
from thalia.simulation.summary import summary
from thalia.simulation.warm_start import take_over
from thalia.syntax.time_grid import interval_rounding
from thalia.syntax.units import Value


@dataclass(frozen=True)
class RunOptions:
    """The options of a run; `run` documents them."""

    output: str | FilePath | None = None
    backend: str | None = None
    seed: int | None = None
    duration: str | Value | None = None
    scale: float | None = None
    set: Mapping[str, Any] | None = None
    lower: str = "on"
    precision: str = "double"
    threads: int | None = None
    overwrite: bool = False
    checkpoint_every: str | Value | None = None
    chunk: str | Value | None = None
    start_from: str | FilePath | None = None
    task: Task | None = None
    profile: bool = False
    progress: Progress = silent

    def loop_options(self) -> "LoopOptions":
        """Those that the run loop needs, with times in seconds.

        Raises
        ------
        CircuitError
            If a time cannot be read.
        """
        return LoopOptions(
            interval_of("--checkpoint-every", self.checkpoint_every),
            interval_of("--chunk", self.chunk),
            self.task,
            self.progress,
            FilePath(self.start_from) if self.start_from is not None else None,
            self.profile,
        )


@dataclass(frozen=True)
class LoopOptions:
    """How a network is simulated; intervals are model time in seconds."""

    checkpoint_every: float | None = None
    chunk: float | None = None
    task: Task | None = None
    progress: Progress = silent
    start_from: FilePath | None = None
    profile: bool = False

    @property
    def holds_all(self) -> bool:
        """Whether all synapses as drawn are needed while they are simulated."""
        return self.task is not None or self.start_from is not None

    def roundings(self, plan: Plan) -> Iterator[str]:
        """Which of the intervals are not multiples of dt, and what they become."""
        asked = {"--checkpoint-every": self.checkpoint_every, "--chunk": self.chunk}
        asked["the task's interval"] = self.task.interval if self.task else None
        for what, seconds in asked.items():
            if seconds and (becomes := interval_rounding(seconds, plan.dt)):
                yield f"{what}: {becomes}"


def run(  # noqa: PLR0913  # a public function: its keywords are the options
    circuit: Circuit | str | FilePath,
    *,
    output: str | FilePath | None = None,
    backend: str | None = None,
    seed: int | None = None,
    duration: str | Value | None = None,
    scale: float | None = None,
    set: Mapping[str, Any] | None = None,
    lower: str = "on",
    precision: str = "double",
    threads: int | None = None,
    overwrite: bool = False,
    checkpoint_every: str | Value | None = None,
    chunk: str | Value | None = None,
    start_from: str | FilePath | None = None,
    task: Task | None = None,
    profile: bool = False,
    progress: Shown = True,
) -> Run:
    """Simulate a circuit and store everything in a run file.

    Parameters
    ----------
    circuit : Circuit or path of a YAML file
    output : path, optional
        The run file; by default `runs/<circuit>/<UTC time>.h5`.
    backend : 'cpp', 'cuda' or 'runtime', optional
        By default the compiled one where a compiler is found; 'cuda', a GPU, is never chosen by
        default.
    seed : int, optional
        Of all random numbers; by default the circuit's.
    duration : time, optional
        Model time, as in '2 s'; by default the circuit's.
    scale : float, optional
        The fraction of the neurons, and of the synapses per neuron, to build.
    set : mapping, optional
        Values to replace, by dotted path, before anything is checked.
    lower : 'on' or 'off'
        With 'off' every synaptic variable is integrated at every step, as a reference.
    precision : 'double' or 'single'
        Of the variables of synapses; 'single' halves their memory. Everything else stays in double
        precision.
    threads : int, optional
        Of the C++ program; by default as many as are fastest, up to the available processors or the
        environment variable `THALIA_THREADS`. Results do not depend on it.
    overwrite : bool
        Replace the run file if it exists.
    checkpoint_every : time, optional
        Model time between two states from which an interrupted run can be resumed; by default as
        often as takes less than a twentieth of the wall-clock time.
    chunk : time, optional
        Model time between two reports of progress; by default about a fifth of a second of
        wall-clock time.
    start_from : path of a run file, optional
        Start with the weights and the state of plasticity rules that another run ended with,
        matched by the names of pathways and populations.
    task : Task, optional
        Observes the network while it runs, and sets what is `from_task`.
    profile : bool
        Measure how long each object of the network takes: `results["profile_s"]`.
    progress : bool or function
        Whether to show a bar, where output goes to a terminal or a notebook; or what is called with
        what is being done, the fraction that is done, and a text.

    Returns
    -------
    Run
        Reads spikes, weights, modulators and recorded variables from the run file.

    Raises
    ------
    CircuitError
        For anything that the user can correct. No file is left behind, unless it holds a state that
        can be resumed.
    KeyboardInterrupt, Terminated
        After Ctrl-C, or if the process is asked to end by SIGTERM or SIGHUP: once the state is
        saved. `Terminated` is a `SystemExit` with the status that such an end has.
    """
    with shown(progress) as reported:
        options = RunOptions(
            output=output,
            backend=backend,
            seed=seed,
            duration=duration,
            scale=scale,
            set=set,
            lower=lower,
            precision=precision,
            threads=threads,
            overwrite=overwrite,
            checkpoint_every=checkpoint_every,
            chunk=chunk,
            start_from=start_from,
            task=task,
            profile=profile,
            progress=reported,
        )
        return run_with(circuit, options)


@terminable()
def run_with(circuit: Circuit | str | FilePath, options: RunOptions) -> Run:
    """Simulate a circuit; see `run`."""
    clock = Clock()
    circuit = with_options(_loaded(circuit, options.set), options.seed, options.scale)
    clock.lap("load")
    compiler_options = CompilerOptions(options.lower, options.precision, options.duration)
    compiled = compile_circuit(circuit, compiler_options)
    plan = compiled.plan
    engine = Engine.for_plan(plan, options.backend, options.threads)
    loop_options = options.loop_options()
    check_memory(plan, loop_options.holds_all or engine.name != "cpp")
    with claimed(plan.name, options.output, options.overwrite) as name:
        file = name.file
        check_disk(plan, file)
        clock.lap("plan")
        network = Network.build(plan, engine, clock, options.progress)
        with RunWriter.create(name, plan, compiled.files, describe(plan), engine.name) as writer:
            settings = {
                "backend": engine.name,
                "lower": options.lower,
                "precision": plan.precision,
                "wiring": fingerprint(network.arrays),
                "task": options.task is not None,
            }
            if options.start_from is not None:
                settings["start_from"] = str(options.start_from)
            writer.origin(*origin_of(compiled.expanded), settings)
            simulate(network, writer, clock, loop_options)
    return Run(file)


@contextmanager
def explained(file: FilePath) -> Iterator[None]:
    """Report that a run file, or what it needs, cannot be written as an error of the user."""
    try:
        yield
    except CircuitError:
        raise
    except Exception as raised:
        error = _refused(raised)
        if error is None:
            raise
        if is_of_the_machine(error) or error.errno == errno.ENOENT:
            hint = f"`thalia resume {file}` continues from its last state" if file.is_file() else ""
            raise system_error(error, file, hint=hint) from None
        if error is raised and error.errno is None:  # of HDF5, whose reasons have no number
            raise fail(
                f"{file}: cannot be read or written: {error}", "take a copy of the file"
            ) from error
        raise


def _refused(raised: BaseException | None) -> OSError | None:
    """What the system refused; Brian2 has wrapped it, if it was one of its objects that asked."""
    while raised is not None and not isinstance(raised, OSError):
        raised = raised.__cause__
    return raised


def _loaded(circuit: Circuit | str | FilePath, set: Mapping[str, Any] | None) -> Circuit:
    if not isinstance(circuit, Circuit):
        return load_whole(circuit, set)
    if set:
        return loads(dumps(circuit), circuit.name, circuit.folder, set)
    return circuit


@contextmanager
def claimed(name: str, output: str | FilePath | None, overwrite: bool = False) -> Iterator[Claim]:
    """The name of a run file, taken now; by default a new one below `runs`, with the time.

    Raises
    ------
    CircuitError
        If it is a folder, exists and is not to be overwritten, or cannot be written.
    """
    if output is not None and FilePath(output).is_dir():
        raise fail(
            f"{output}: is a folder, expected the name of a run file",
            f"give {FilePath(output) / 'run.h5'}",
        )
    taken = (
        claim_new(FilePath("runs") / name, ".h5")
        if output is None
        else claim(FilePath(output), overwrite)
    )
    try:
        with explained(taken.file):
            yield taken
    except BaseException:
        taken.drop()
        raise


class Simulation:
    """A run in progress: a session of a network, and its observers.

    Parameters
    ----------
    saved : SavedState, optional
        The state that it continues from; without variables it starts at the beginning, in a run
        file that exists.
    """

    def __init__(
        self,
        network: Network,
        session: Session,
        writer: RunWriter,
        clock: Clock,
        options: LoopOptions,
        saved: SavedState | None,
    ):
        self.plan, self.session, self.clock, self.options = network.plan, session, clock, options
        self.saved, self.constant = saved, derived(network.plan)
        plan = network.plan
        self.remark = "\n".join(filter(None, (network.engine.remark, *options.roundings(plan))))
        self.counter = SpikeCounter(plan, saved.counts if saved else None)
        self.recorder = Recorder(plan, network.arrays, writer, session.read, plan.steps)
        self.task = (
            ClosedLoop(Sensors(plan, network.arrays, session), self.counter, options.task, saved)
            if options.task
            else None
        )
        self.checkpointer = Checkpointer(
            plan, writer, self.state, options.checkpoint_every, plan.steps
        )
        self.request = EndRequest()
        self.observers = replace(
            Observers.of_plan(plan, network.arrays, session),
            recording=(self.counter, self.recorder),
            task=(self.task,) if self.task else (),
            checkpoints=(self.checkpointer, EndWhenSaved(self.request, self.checkpointer)),
            progress=(ProgressReporter(plan, session, self._report, options.chunk),),
        )
        self.begin = saved.step if saved else 0
        self.loop = Loop(session, self.observers, clock, self.begin)

    def state(self) -> SavedState:
        """The present state."""
        return SavedState(
            self.loop.done,
            self.session.state(without=self.constant),
            self.counter.counts,
            self.task.counted if self.task else {},
            recent=self.task.recent.state() if self.task else {},
        )

    def prepare(self, network: Network) -> None:
        """Set the network to its beginning, to what another run learned, or to the saved state."""
        if self.saved and self.saved.variables:
            self.session.restore(self.saved.variables)
        else:
            self.observers.connect()
            if self.options.start_from is not None:
                with edited(FilePath(self.options.start_from)):
                    taken = take_over(
                        self.options.start_from, self.plan, network.arrays, self.session
                    )
                told = taken.text(self.options.start_from)
                self.remark = "\n".join(filter(None, (self.remark, told)))
            self.observers.accept_weights()
        if self.saved is None:
            self.recorder.declare(network.arrays)
            self.recorder.take_weights(0)

    def advance(self) -> None:
        """Simulate from where the run starts to its end, phase by phase."""
        end = 0
        for index, phase in enumerate(self.plan.phases):
            begin, end = end, end + phase.steps
            if self.loop.done >= end:
                continue
            if self.plan.flush_interval and self.loop.done == begin:
                self.session.flush()  # so that nothing is pending while plasticity is off
            enter_phase(self.plan, self.session, index)
            self.loop.advance(end, index)

    def _report(self, done: int) -> None:
        """Model time, how many times as long simulating takes, and spikes."""
        plan = self.plan
        ratio = self.clock.seconds["simulate"] / ((done - self.begin) * plan.dt)
        spikes = sum(self.counter.totals().values())
        detail = (
            f"{done * plan.dt:.4g} of {plan.duration:.4g} s, {many_times(ratio)} x model time, "
            f"{spikes:,} spikes"
        )
        self.options.progress("simulating", done / plan.steps, detail)


def simulate(
    network: Network,
    writer: RunWriter,
    clock: Clock,
    options: LoopOptions,
    saved: SavedState | None = None,
) -> None:
    """Simulate a network from its beginning or from a saved state, and write the run file."""
    plan, drawn = network.plan, frozenset(network.arrays.synapses)
    clock.lap("store")
    given_up = frozenset[str]() if options.holds_all else drawn - held_synapses(plan)
    session = network.start(samples_of(plan), given_up)
    try:
        simulation = Simulation(network, session, writer, clock, options, saved)
        simulation.prepare(network)
        writer.commit()
        clock.lap("emit")
        if options.profile:
            session.profile()
        if options.start_from is not None:
            simulation.checkpointer.keep()  # wiring alone would not restore what was taken over
        with simulation.request.awaited():
            simulation.advance()
        clock.lap("store")
        results = summary(
            network,
            session,
            simulation.counter,
            simulation.recorder,
            simulation.remark,
        )
        if options.profile:
            results["profile_s"] = {
                key: round(value, 4) for key, value in session.profiled().items()
            }
    finally:
        session.close()
    clock.lap("store")
    results["simulated_s"] = plan.duration - simulation.begin * plan.dt  # by this command
    results["timings_s"] = {key: round(value, 4) for key, value in clock.seconds.items()}
    writer.finish(results)

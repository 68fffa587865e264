"""Pass 8: network → run file. Phases, chunks, progress, and the summary of what happened."""

import errno
import os
from collections.abc import Callable, Container, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path as FilePath
from time import perf_counter
from typing import Any

import numpy as np

from thalia import backends
from thalia.analysis import interval_cv, mean_rate
from thalia.backends import Backend, Sample, Session
from thalia.describe import describe
from thalia.errors import CircuitError, Path, Problem, fail
from thalia.fuse import fuse
from thalia.load import dumps, load, loads
from thalia.lower import lower as lower_pass
from thalia.memory import check_memory
from thalia.phases import lasting
from thalia.plan import Plan
from thalia.resolve import resolve
from thalia.spec import Circuit, Scale
from thalia.store import Run, RunWriter, weight_unit
from thalia.units import Value, constant, display_unit, parse_value
from thalia.wire import Arrays, wire

Progress = Callable[[str, float], None]
CHUNK_SECONDS = 0.1  # of model time between two reports of progress


def plan_of(circuit: Circuit, lower: str = "on") -> Plan:
    """The plan that would run: passes 2 to 5.

    Raises
    ------
    CircuitError
        With every mistake in the circuit.
    """
    return lower_pass(fuse(resolve(circuit)), lower)


def load_whole(file: str | FilePath, set: Mapping[str, Any] | None = None) -> Circuit:
    """Load a circuit; if it has mistakes, report those of the later passes in the same go.

    Raises
    ------
    CircuitError
        With every mistake of every pass.
    """
    try:
        return load(file, set)
    except CircuitError as error:
        if not isinstance(error.rest, Circuit):
            raise
        try:
            plan_of(error.rest)
        except CircuitError as later:
            told = [problem.path for problem in error.problems]
            words = {str(part) for path in told for part in path[1:2]}
            new = [p for p in later.problems if not _follows(p, told, words)]
            raise error.rest.source.placed([*error.problems, *new]) from None
        raise


def _follows(problem: Problem, told: list[Path], words: Container[str]) -> bool:
    """Whether a problem may only be there because something else is missing."""
    near = any(problem.path[: len(path)] == path or path[: len(problem.path)] == problem.path for path in told)
    named = problem.message.partition("'")[2].partition("'")[0]
    return near or named in words


def with_options(
    circuit: Circuit, seed: int | None = None, duration: str | Value | None = None, scale: float | None = None
) -> Circuit:
    """The circuit with another seed, duration or scale.

    Raises
    ------
    CircuitError
        If one of them cannot be read.
    """
    if seed is not None:
        if not 0 <= seed < 2**63:
            raise fail(f"--seed: expected a whole number from 0 to 2^63 - 1, found {seed}")
        circuit = circuit.with_(seed=seed)
    if scale is not None:
        if not 0 < scale <= 1:
            raise fail(f"--scale: expected a fraction above 0 and up to 1, found {scale}")
        circuit = circuit.with_(scale=Scale(neurons=constant(scale), synapses=constant(scale)))
    if duration is not None:
        try:
            length = parse_value(duration)
        except ValueError as error:
            raise fail(f"--duration: {error}") from None
        if length.dimension != circuit.dt.dimension or length.is_random or length.mean <= 0:
            raise fail(f"--duration: expected a time such as '2 s', found {duration}")
        circuit = lasting(circuit, length)
    return circuit


def run(
    circuit: Circuit | str | FilePath,
    *,
    output: str | FilePath | None = None,
    backend: str | None = None,
    seed: int | None = None,
    duration: str | Value | None = None,
    scale: float | None = None,
    set: Mapping[str, Any] | None = None,
    lower: str = "on",
    overwrite: bool = False,
    progress: Progress = lambda what, fraction: None,
) -> Run:
    """Simulate a circuit and keep everything in a run file.

    Parameters
    ----------
    circuit : Circuit or path of a YAML file
    output : path, optional
        The run file; by default `runs/<circuit>/<UTC time>.h5`.
    backend : 'cpp' or 'runtime', optional
        By default the compiled one where a compiler is found.
    set : mapping, optional
        Values to replace, by dotted path, before anything is checked.
    lower : 'on' or 'off'
        With 'off' every synaptic variable is integrated at every step, as a reference.

    Raises
    ------
    CircuitError
        For anything the user can mend; nothing is left behind.
    """
    clock = _Clock()
    circuit = _loaded(circuit, set)
    circuit = with_options(circuit, seed, duration, scale)
    clock.lap("load")
    if lower not in ("on", "off"):
        raise fail(f"--lower: expected 'on' or 'off', found '{lower}'")
    plan = plan_of(circuit, lower)
    name, remark = (backend, "") if backend else backends.choose()
    engine = backends.find(name)
    if reasons := engine.refuse(plan):
        raise CircuitError(fail(f"backend '{name}': {reason}").problems[0] for reason in reasons)
    file = output_file(plan.name, output, overwrite)
    check_memory(plan)
    clock.lap("plan")
    try:
        return _run(circuit, plan, name, engine, file, clock, remark, progress)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM):
            raise fail(f"{file}: cannot be written: {os.strerror(error.errno).lower()}") from None
        raise


class _Clock:
    """Seconds spent in each pass."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(("load", "plan", "wire", "emit", "build", "simulate", "store"), 0.0)
        self.last = perf_counter()

    def lap(self, name: str) -> None:
        now = perf_counter()
        self.seconds[name] += now - self.last
        self.last = now


def _loaded(circuit: Circuit | str | FilePath, set: Mapping[str, Any] | None) -> Circuit:
    if not isinstance(circuit, Circuit):
        return load_whole(circuit, set)
    if set:
        return loads(dumps(circuit), circuit.name, circuit.folder, set)
    return circuit


def output_file(name: str, output: str | FilePath | None, overwrite: bool = False) -> FilePath:
    """Where the run file goes; an existing file is never overwritten unasked.

    Raises
    ------
    CircuitError
        If it exists, or its folder cannot be made.
    """
    if output is None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        file = FilePath("runs") / name / f"{stamp}.h5"
        count = 2
        while file.exists():
            file = file.with_name(f"{stamp}_{count}.h5")
            count += 1
        return file
    file = FilePath(output)
    if file.is_dir():
        raise fail(f"{file}: is a folder, expected the name of a run file", f"give {file / 'run.h5'}")
    if file.exists() and not overwrite:
        raise fail(f"{file}: exists already", "choose another name, or say --overwrite")
    if file.parent.exists() and not file.parent.is_dir():
        raise fail(f"{file.parent}: is not a folder")
    return file


def _run(
    circuit: Circuit, plan: Plan, name: str, engine: Backend, file: FilePath, clock: _Clock, remark: str, progress: Progress
) -> Run:
    progress("wiring", 0.0)
    arrays = wire(plan)
    clock.lap("wire")
    built = engine.build(plan, progress)
    clock.lap("build")
    emitted = getattr(built, "emit_seconds", 0.0)
    clock.seconds["emit"], clock.seconds["build"] = emitted, clock.seconds["build"] - emitted
    samples = tuple(_samples(plan))
    files = circuit.source.files or {f"{plan.name}.yaml": dumps(circuit)}
    with RunWriter(file, plan, files, describe(plan), name) as writer:
        clock.lap("store")
        session = engine.start(plan, built, arrays, samples, plan.seed)
        try:
            watch = _Watch(plan, arrays, writer, session)
            clock.lap("emit")
            _simulate(plan, session, watch, clock, progress)
            results = watch.results(clock, session, name, remark)
        finally:
            session.close()
        clock.lap("store")
        results["timings_s"] = {key: round(value, 4) for key, value in clock.seconds.items()}
        writer.finish(results)
    return Run(file)


def _samples(plan: Plan) -> Iterator[Sample]:
    for name, state in plan.record.states.items():
        group, member = plan.population(state.population)
        neurons = np.arange(member.start, min(member.stop, member.start + state.neurons), dtype=np.int32)
        every = max(1, round(state.every.mean / plan.dt))
        for variable in state.variables:
            yield Sample(f"{name}/{variable}", group.name, variable, every, neurons)


def _simulate(plan: Plan, session: Session, watch: "_Watch", clock: _Clock, progress: Progress) -> None:
    done = 0
    watch.take_weights(0)
    for index, phase in enumerate(plan.phases):
        for synapses in plan.synapses:
            if synapses.switches:
                session.write(f"{synapses.name}.plastic", np.array([float(synapses.members[0].plastic[index])]))
        stop = done + phase.steps
        while done < stop:
            steps = watch.next_stop(done, stop) - done
            chunk = session.advance(steps)
            done += steps
            clock.lap("simulate")
            watch.take(chunk, done)
            clock.lap("store")
            progress("simulating", done / plan.steps)


class _Watch:
    """Takes what a run produces to the run file, and counts for the summary."""

    def __init__(self, plan: Plan, arrays: Arrays, writer: RunWriter, session: Session):
        self.plan, self.arrays, self.writer, self.session = plan, arrays, writer, session
        every = plan.record.weights.every
        self.weight_steps = max(1, round(every.mean / plan.dt)) if every else plan.steps
        self.chunk_steps = getattr(session, "chunk_steps", None) or plan.steps
        self.trains: dict[str, list[tuple[Any, Any]]] = {group.name: [] for group in plan.groups}
        self.recorded = [(s.name, p.name) for s, p in plan.pathways() if self._wants(p.name, s.is_plastic)]
        self.means: dict[str, list[float]] = {name: [] for _, name in self.recorded}
        for synapses, pathway in self.recorded:
            writer.pathway(pathway, arrays.synapses[synapses], weight_unit(plan, pathway))
        for name, state in plan.record.states.items():
            self._declare(name, state)

    def _wants(self, pathway: str, plastic: bool) -> bool:
        wanted = self.plan.record.weights.pathways
        named = any(pathway == name or pathway.startswith(f"{name}.") for name in wanted)
        return named or "all" in wanted or (plastic and "plastic" in wanted)

    def _declare(self, name: str, state: Any) -> None:
        group, member = self.plan.population(state.population)
        neurons = np.arange(min(member.size, state.neurons), dtype=np.int32)
        for variable in state.variables:
            dimension = next(e.dimension for e in group.equations() if e.name == variable)
            every = max(1, round(state.every.mean / self.plan.dt)) * self.plan.dt
            self.writer.report(name, state.population, variable, display_unit(dimension)[0], neurons, every)

    def next_stop(self, done: int, phase_end: int) -> int:
        """The next step at which something is to be taken."""
        marks = [(done // size + 1) * size for size in (self.weight_steps, self.chunk_steps)]
        return min(phase_end, *marks)

    def take(self, chunk: backends.Chunk, done: int) -> None:
        """Keep the spikes and samples of a chunk, and the weights if they are due."""
        for group, (steps, neurons) in chunk.spikes.items():
            self.writer.spikes(group, steps, neurons)
            self.trains[group].append((steps, neurons))
        for name, values in chunk.samples.items():
            report, _, variable = name.rpartition("/")
            population = self.plan.record.states[report].population
            group, _ = self.plan.population(population)
            size = display_unit(next(e.dimension for e in group.equations() if e.name == variable))[1]
            self.writer.samples(report, population, variable, values / size)
        if done % self.weight_steps == 0 or done == self.plan.steps:
            self.take_weights(done)

    def take_weights(self, done: int) -> None:
        """Keep the weights of every recorded pathway."""
        held: dict[str, Any] = {}
        for synapses, pathway in self.recorded:
            if synapses not in held:
                held[synapses] = self.session.read(f"{synapses}.w")
            values = held[synapses][self.arrays.synapses[synapses].rows[pathway]] / weight_unit(self.plan, pathway)[1]
            self.writer.weights(pathway, done * self.plan.dt, values)
            self.means[pathway].append(float(values.mean()) if len(values) else 0.0)

    def results(self, clock: _Clock, session: Session, backend: str, remark: str) -> dict[str, Any]:
        """The summary, as `thalia run --json` prints it."""
        plan = self.plan
        rates = self._rates()
        last = plan.phases[-1].name
        plastic = {p.name for s, p in plan.pathways() if s.is_plastic}
        weights = {
            name: {"unit": weight_unit(plan, name)[0], "before": means[0], "after": means[-1]}
            for name, means in self.means.items()
            if name in plastic
        }
        return {
            "circuit": plan.name, "backend": backend, "seed": plan.seed, "duration_s": plan.duration,
            "neurons": sum(group.size for group in plan.groups),
            "synapses": sum(len(wired) for wired in self.arrays.synapses.values()),
            "rates_hz": {name: rate[last] for name, rate in rates.items()},
            "rates_by_phase_hz": {p.name: {name: rate[p.name] for name, rate in rates.items()} for p in plan.phases},
            "cv_isi": self._cv(), "weights": weights, "timings_s": {},
            "compiled": {"code_objects": session.compiled.code_objects, "cached": session.compiled.cached},
            "notes": [*plan.notes, *([remark] if remark else [])],
        }  # fmt: skip

    def _trains(self) -> Iterator[tuple[str, int, Any, Any]]:
        for group in self.plan.groups:
            pieces = self.trains[group.name]
            steps = np.concatenate([s for s, _ in pieces]) if pieces else np.empty(0, np.int64)
            neurons = np.concatenate([n for _, n in pieces]) if pieces else np.empty(0, np.int32)
            for member in group.members:
                mine = (neurons >= member.start) & (neurons < member.stop)
                yield member.name, member.size, steps[mine] * self.plan.dt, (neurons[mine] - member.start).astype(np.int64)

    def _rates(self) -> dict[str, dict[str, float]]:
        rates: dict[str, dict[str, float]] = {}
        for name, size, times, _ in self._trains():
            start = -self.plan.dt / 2
            for phase in self.plan.phases:
                stop = start + phase.steps * self.plan.dt
                rates.setdefault(name, {})[phase.name] = mean_rate(times, size, start, stop)
                start = stop
        return rates

    def _cv(self) -> dict[str, float | None]:
        last = self.plan.duration - self.plan.phases[-1].steps * self.plan.dt - self.plan.dt / 2
        result: dict[str, float | None] = {}
        for name, size, times, neurons in self._trains():
            values = interval_cv(times[times >= last], neurons[times >= last], size)
            result[name] = float(values.mean()) if len(values) else None
        return result

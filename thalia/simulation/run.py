"""Pass 8: network → run file. Phases, chunks, progress, and the summary of what happened."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath
from time import perf_counter
from typing import Any

import numpy as np

from thalia import backends
from thalia.backends import Backend, Progress, Sample, Session, silent
from thalia.circuit.load import dumps, loads
from thalia.circuit.spec import Circuit
from thalia.codegen.listing import describe
from thalia.compiler.pipeline import files_of, load_whole, plan_of, with_options
from thalia.compiler.plan import SHARED, Plan
from thalia.compiler.resolve.neuromodulators import word
from thalia.compiler.resources import check_disk, check_memory
from thalia.connectivity.build import Arrays, wire
from thalia.errors import CircuitError, fail
from thalia.recording.run_file import Run
from thalia.recording.writer import RunWriter
from thalia.simulation.checkpoint import Checkpoints, Kept, fingerprint, interval_of, origin_of
from thalia.simulation.closed_loop import Between, Task
from thalia.simulation.recorder import Watch
from thalia.simulation.warm_start import take_over
from thalia.syntax.units import Value


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
    precision: str = "double",
    overwrite: bool = False,
    checkpoint_every: str | Value | None = None,
    chunk: str | Value | None = None,
    start_from: str | FilePath | None = None,
    task: Task | None = None,
    profile: bool = False,
    progress: Progress = silent,
) -> Run:
    """Simulate a circuit and keep everything in a run file.

    Parameters
    ----------
    circuit : Circuit or path of a YAML file
    output : path, optional
        The run file; by default `runs/<circuit>/<UTC time>.h5`.
    backend : 'cpp', 'cuda' or 'runtime', optional
        By default the compiled one where a compiler is found; 'cuda' is a GPU, and never taken unasked.
    set : mapping, optional
        Values to replace, by dotted path, before anything is checked.
    lower : 'on' or 'off'
        With 'off' every synaptic variable is integrated at every step, as a reference.
    precision : 'double' or 'single'
        In which synapses keep their variables; 'single' halves their memory, and neurons and sums stay in double precision.
    checkpoint_every : time, optional
        Model time between two states from which a run that was interrupted goes on; by default as often as costs
        less than a twentieth of the time.
    chunk : time, optional
        Model time between two reports of progress; by default so that each takes about a fifth of a second.
    start_from : path of a run file, optional
        Start with the weights, and the state of rules, that another run ended with, by the names of pathways and populations.
    task : Task, optional
        What watches the network while it runs, and releases the modulators that are `from_task`.
    profile : bool
        Measure how long each object of the network takes: `results["profile_s"]`.

    Raises
    ------
    CircuitError
        For anything the user can mend. Nothing is left behind, unless a state was kept that `resume` can go on from.
    """
    clock = Clock()
    circuit = _loaded(circuit, set)
    origin = with_options(circuit, seed, None, scale)
    circuit = with_options(origin, duration=duration)
    clock.lap("load")
    plan = plan_of(circuit, lower, precision)
    name, remark = (backend, "") if backend else backends.choose()
    engine = backends.find(name)
    if reasons := engine.refuse(plan):
        raise CircuitError(fail(f"backend '{name}': {reason}").problems[0] for reason in reasons)
    learned = FilePath(start_from) if start_from is not None else None
    course = Course(
        interval_of("--checkpoint-every", checkpoint_every, plan),
        interval_of("--chunk", chunk, plan),
        task,
        progress,
        learned,
        profile,
    )
    file = output_file(plan.name, output, overwrite)
    check_memory(plan)
    check_disk(plan, file)
    clock.lap("plan")
    with explained(file):
        return _run(origin, plan, name, lower, engine, file, clock, remark, course)


@contextmanager
def explained(file: FilePath) -> Iterator[None]:
    """Say in words when a run file cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (
            errno.ENOSPC,
            errno.EDQUOT,
            errno.EACCES,
            errno.EROFS,
            errno.EPERM,
            errno.ENOENT,
            errno.ENOTDIR,
        ):
            hint = f"`thalia resume {file}` goes on from its last state" if file.is_file() else ""
            raise fail(
                f"{file}: cannot be written: {os.strerror(error.errno).lower()}", hint
            ) from None
        raise


@dataclass(frozen=True)
class Course:
    """How a run goes on: seconds of model time between states and between reports, what watches it, and what it starts from."""

    checkpoint_every: float | None = None
    chunk: float | None = None
    task: Task | None = None
    progress: Progress = silent
    start_from: FilePath | None = None
    profile: bool = False


class Clock:
    """Seconds spent in each pass."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(
            ("load", "plan", "wire", "emit", "build", "simulate", "store"), 0.0
        )
        self.last = perf_counter()

    def lap(self, name: str) -> float:
        """Count the time since the last lap for a pass; it is also what comes back."""
        now = perf_counter()
        passed, self.last = now - self.last, now
        self.seconds[name] += passed
        return passed


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
        raise fail(
            f"{file}: is a folder, expected the name of a run file", f"give {file / 'run.h5'}"
        )
    if file.exists() and not overwrite:
        raise fail(f"{file}: exists already", "choose another name, or say --overwrite")
    if file.parent.exists() and not file.parent.is_dir():
        raise fail(f"{file.parent}: is not a folder")
    return file


def _run(
    circuit: Circuit,
    plan: Plan,
    name: str,
    lower: str,
    engine: Backend,
    file: FilePath,
    clock: Clock,
    remark: str,
    course: Course,
) -> Run:
    course.progress("wiring", 0.0)
    arrays = wire(plan)
    clock.lap("wire")
    built = engine.build(plan, course.progress)
    clock.lap("build")
    with RunWriter.create(file, plan, files_of(circuit), describe(plan), name) as writer:
        settings = {
            "backend": name,
            "lower": lower,
            "precision": plan.precision,
            "wiring": fingerprint(arrays),
        }
        settings["task"] = course.task is not None
        writer.origin(*origin_of(circuit), settings)
        simulate(plan, engine, built, arrays, writer, name, clock, course, remark)
    return Run(file)


def simulate(
    plan: Plan,
    engine: Backend,
    built: object,
    arrays: Arrays,
    writer: RunWriter,
    name: str,
    clock: Clock,
    course: Course,
    remark: str = "",
    kept: Kept | None = None,
) -> None:
    """Run a plan from the start, or from what was kept, to its end; everything goes to the run file as it happens."""
    emitted = getattr(built, "emit_seconds", 0.0)
    clock.seconds["emit"], clock.seconds["build"] = emitted, clock.seconds["build"] - emitted
    clock.lap("store")
    session = engine.start(plan, built, arrays, tuple(_samples(plan)), plan.seed)
    try:
        watch = Watch(plan, arrays, writer, session, course.chunk)
        between = Between(plan, arrays, session, course.task, kept.seen if kept else {})
        if kept is None or not kept.state:
            between.begin()
        if course.start_from is not None:
            taken = take_over(course.start_from, plan, arrays, session)
            remark = "\n".join(filter(None, (remark, taken.text(course.start_from))))
        if kept is None or not kept.state:
            between.remember()
        if kept is None:
            watch.declare(arrays)
            watch.take_weights(0)
        else:
            watch.counts = kept.counts
            if kept.state:
                session.restore(kept.state)
        del arrays  # the program has them now
        writer.commit()
        clock.lap("emit")
        if course.profile:
            session.profile()
        checkpoints = Checkpoints(plan, session, watch, between, writer, course.checkpoint_every)
        if course.start_from is not None:
            checkpoints.keep(0)  # wiring would not make again what was taken over
        _advance(
            plan,
            session,
            watch,
            between,
            checkpoints,
            kept.step if kept else 0,
            clock,
            course.progress,
        )
        clock.lap("store")
        results = watch.results(session, name, remark)
        if course.profile:
            results["profile_s"] = {
                key: round(value, 4) for key, value in session.profiled().items()
            }
    finally:
        session.close()
    clock.lap("store")
    results["simulated_s"] = plan.duration - (
        kept.step * plan.dt if kept else 0.0
    )  # by this command
    results["timings_s"] = {key: round(value, 4) for key, value in clock.seconds.items()}
    writer.finish(results)


def _samples(plan: Plan) -> Iterator[Sample]:
    for name in plan.modulators:
        every = max(1, round(plan.record.modulators.mean / plan.dt))
        yield Sample(
            f"modulators/{name}", SHARED, f"{word(name)}_level", every, np.zeros(1, np.int32)
        )
    for name, state in plan.record.states.items():
        group, member = plan.population(state.population)
        neurons = np.arange(
            member.start, min(member.stop, member.start + state.neurons), dtype=np.int32
        )
        every = max(1, round(state.every.mean / plan.dt))
        for variable in state.variables:
            yield Sample(f"{name}/{variable}", group.name, variable, every, neurons)


def _advance(
    plan: Plan,
    session: Session,
    watch: Watch,
    between: Between,
    checkpoints: Checkpoints,
    done: int,
    clock: Clock,
    progress: Progress,
) -> None:
    stop, begin = 0, done
    for index, phase in enumerate(plan.phases):
        stop += phase.steps
        if done >= stop:
            continue
        if plan.epoch and done == stop - phase.steps:
            session.settle()  # so that nothing is pending, and nothing rounded, while plasticity is off
        switch(plan, session, index)
        while done < stop:
            steps = (
                checkpoints.next_stop(done, between.next_stop(done, watch.next_stop(done, stop)))
                - done
            )
            chunk = session.advance(steps)
            done += steps
            watch.pace(clock.lap("simulate"))
            watch.take(chunk, done, index)
            between.act(done, index, watch.totals())
            checkpoints.take(done)
            clock.lap("store")
            progress("simulating", done / plan.steps, _how_it_goes(done, begin, watch, clock))


def _how_it_goes(done: int, begin: int, watch: Watch, clock: Clock) -> str:
    """Model time, how many times as long simulating takes, and spikes."""
    dt = watch.plan.dt
    ratio = clock.seconds["simulate"] / ((done - begin) * dt)
    return f"{done * dt:.4g} of {watch.plan.duration:.4g} s, {ratio:.2g} x model time, {sum(watch.totals().values()):,} spikes"


def switch(plan: Plan, session: Session, phase: int) -> None:
    """Turn plasticity on or off, and give modulators other numbers, as the phase says."""
    for name, value in plan.phases[phase].shared.items():
        session.write(f"{SHARED}.{name}", np.array([value]))
    for synapses in plan.synapses:
        if synapses.switches:
            on = np.array([float(synapses.members[0].plastic[phase])])
            session.write(f"{synapses.name}.plastic", on)
            if synapses.shared_switch:
                session.write(f"{SHARED}.{synapses.shared_switch}", on)
    for group in plan.groups:
        for each in group.inputs:
            if each.switch:
                session.write(f"{group.name}.{each.switch}", np.array([float(each.plastic[phase])]))

"""A run goes on from the state in its file, bit for bit as if it had never stopped."""

from dataclasses import replace
from difflib import unified_diff
from pathlib import Path as FilePath

import h5py

from thalia import backends
from thalia.backends import Progress, silent
from thalia.compiler.resources import check_memory
from thalia.connectivity.build import wire
from thalia.errors import CircuitError, fail
from thalia.recording.run_file import Run
from thalia.recording.writer import RunWriter, mended
from thalia.simulation.checkpoint import Kept, fingerprint, interval_of, plan_from, read_state
from thalia.simulation.closed_loop import Task
from thalia.simulation.run import Clock, Course, explained, simulate
from thalia.syntax.units import Value
from thalia.syntax.yaml_reader import read_text

MOST_LINES = 6  # of an edit that a message quotes


def resume(
    file: str | FilePath,
    *,
    for_: str | Value | None = None,
    checkpoint_every: str | Value | None = None,
    chunk: str | Value | None = None,
    task: Task | None = None,
    as_it_was: bool = False,
    progress: Progress = silent,
) -> Run:
    """Go on with a run that was interrupted, or with a finished one for longer.

    Parameters
    ----------
    file : path of a run file
    for_ : time, optional
        Model time to go on for; by default to the end that the run was meant to have.
    checkpoint_every, chunk : times, optional
        As in `run`.
    task : Task, optional
        The task of a run that has one; its code is not in the file.
    as_it_was : bool
        Go on with the circuit in the file also where the one that it was read from has been edited since.

    Raises
    ------
    CircuitError
        If the file is no run, is damaged, is being written by another process, has nothing left to do, or its circuit was edited.
    """
    path, clock = mended(FilePath(file)), Clock()
    run = Run(path)  # says in words what is wrong with a file that is no run
    if not as_it_was:
        _check_edits(run)
    with h5py.File(path) as h5:
        kept = read_state(h5, path)
        plan, origin = plan_from(h5, path, kept, for_)
    if bool(origin.get("task")) != (task is not None):
        raise fail(
            f"{path}: was run {'with' if task is None else 'without'} a task",
            "give `resume` the task that `run` had",
        )
    kept = kept or Kept(0, {}, {})
    if kept.step >= plan.steps:
        raise fail(
            f"{path}: is complete, {plan.duration:g} s", "say for how long to go on, as in --for 1s"
        )
    counts = {
        m.name: (kept.counts.get(m.name, []) + [0] * len(plan.phases))[: len(plan.phases)]
        for _, m in plan.populations()
    }
    kept = replace(kept, counts=counts)
    clock.lap("load")
    name = str(origin["backend"])
    engine = backends.find(name)
    if reasons := engine.refuse(plan):
        raise CircuitError(fail(f"backend '{name}': {reason}").problems[0] for reason in reasons)
    if plan.unmodified:
        raise fail(
            f"{path}: was run with backend.unmodified, whose state brian2cuda cannot restore",
            "run it again, longer",
        )
    check_memory(plan)
    arrays = wire(plan)
    if fingerprint(arrays) != int(origin["wiring"]):
        raise fail(
            f"{path}: the network comes out differently here, so its state would not fit",
            "resume with the versions of Thalia and NumPy that the file names",
        )
    clock.lap("wire")
    built = engine.build(plan, progress)
    clock.lap("build")
    every, length = (
        interval_of("--checkpoint-every", checkpoint_every, plan),
        interval_of("--chunk", chunk, plan),
    )
    course = Course(every, length, task, progress)
    with explained(path), RunWriter.reopen(path, plan) as writer:
        simulate(plan, engine, built, arrays, writer, name, clock, course, kept=kept)
    return Run(path)


def _check_edits(run: Run) -> None:
    """Refuse to go on silently with a circuit that is no longer the one in its file.

    Raises
    ------
    CircuitError
        With the lines that differ.
    """
    circuit = run.circuit_files[0][0]
    for name, kept in run.files_beside:
        found = read_text(FilePath(name)) if FilePath(name).is_file() else kept
        lines = list(unified_diff(kept.splitlines(), found.splitlines(), lineterm="", n=0))[
            2:
        ]  # without its heading
        if changes := [line for line in lines if not line.startswith("@@")]:
            more = f"; and {len(changes) - MOST_LINES} more" if len(changes) > MOST_LINES else ""
            raise fail(
                f"{name}: was edited since {run.file} was written: {'; '.join(changes[:MOST_LINES])}{more}",
                f"`thalia run {circuit} --from {run.file}` starts the edited circuit with what was learned, "
                f"`thalia resume {run.file} --as-it-was` goes on with the circuit as it was",
            )

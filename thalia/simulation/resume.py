"""Resuming: a run continues from the state in its file, bit-identical to an uninterrupted one."""

from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from shlex import quote

from thalia.backends import Progress, silent
from thalia.compiler.plan import Plan
from thalia.compiler.resources import check_memory
from thalia.errors import CircuitError, fail
from thalia.recording.page_checksums import edited, reading
from thalia.recording.run_file import Run
from thalia.recording.writer import RunWriter, mended
from thalia.simulation.checkpoint import (
    SavedState,
    fingerprint,
    interval_of,
    read_state,
)
from thalia.simulation.closed_loop import Task
from thalia.simulation.interruption import terminable
from thalia.simulation.loop import Clock
from thalia.simulation.network import Engine, Network
from thalia.simulation.origin import read_origin
from thalia.simulation.progress_bar import Shown, shown
from thalia.simulation.run import LoopOptions, explained, simulate
from thalia.syntax.folder import MAX_TEXT, read_text
from thalia.syntax.units import Value

MOST_LINES = 6  # of an edit that a message quotes


@dataclass(frozen=True)
class ResumeOptions:
    """The options of a resumed run; `resume` documents them."""

    for_: str | Value | None = None
    checkpoint_every: str | Value | None = None
    chunk: str | Value | None = None
    task: Task | None = None
    threads: int | None = None
    as_it_was: bool = False
    progress: Progress = silent


def resume(
    file: str | FilePath,
    *,
    for_: str | Value | None = None,
    checkpoint_every: str | Value | None = None,
    chunk: str | Value | None = None,
    task: Task | None = None,
    threads: int | None = None,
    as_it_was: bool = False,
    progress: Shown = True,
) -> Run:
    """Continue a run that was interrupted, or extend a finished one.

    Parameters
    ----------
    file : path of a run file
    for_ : time, optional
        Model time to continue for; by default until the end that the run was meant to have.
    checkpoint_every, chunk : times, optional
        As in `run`.
    task : Task, optional
        The task of a run that has one; its code is not in the file.
    threads : int, optional
        As in `run`; the number may be another one.
    as_it_was : bool
        Resume with the stored circuit even if the YAML has changed.
    progress : bool or function
        As in `run`.

    Raises
    ------
    CircuitError
        If the file is not a run, is damaged, is being written by another process, or is complete;
        or its circuit was edited.
    """
    with shown(progress) as reported:
        options = ResumeOptions(for_, checkpoint_every, chunk, task, threads, as_it_was, reported)
        return resume_with(file, options)


@terminable()
def resume_with(file: str | FilePath, options: ResumeOptions) -> Run:
    """Continue a run; see `resume`."""
    path = mended(FilePath(file))
    run = Run(path)  # reports a file that is not a run
    with edited(path):
        return _resumed(run, path, options)


def _resumed(run: Run, path: FilePath, options: ResumeOptions) -> Run:
    clock = Clock()
    if not options.as_it_was:
        _check_edits(run)
    with reading(path, "state") as h5:
        saved, stored = read_state(h5, path), read_origin(h5, path)
    plan, origin = stored.plan(saved, options.for_), stored.settings
    if origin.get("experiment"):
        raise fail(
            f"{path}: is the recording of an experiment, which only its task can continue",
            f"`thalia run CIRCUIT --from {path}` starts a run with what it learned",
        )
    if bool(origin.get("task")) != (options.task is not None):
        raise fail(
            f"{path}: was run {'with' if options.task is None else 'without'} a task",
            "give `resume` the task that `run` had",
        )
    saved = saved.named_as_in(plan) if saved else SavedState(0, {}, {})
    saved = _continued(saved, plan, run)
    clock.lap("load")
    engine = Engine.for_plan(plan, str(origin["backend"]), options.threads)
    if plan.unmodified:
        raise fail(
            f"{path}: was run with backend.unmodified, whose state brian2cuda cannot restore",
            "run it again, longer",
        )
    loop_options = LoopOptions(
        interval_of("--checkpoint-every", options.checkpoint_every),
        interval_of("--chunk", options.chunk),
        options.task,
        options.progress,
    )
    check_memory(plan, loop_options.holds_all or engine.name != "cpp")
    network = Network.build(plan, engine, clock, options.progress)
    if fingerprint(network.arrays) != int(origin["wiring"]):
        raise fail(
            f"{path}: the network comes out differently here, so its state would not fit",
            "resume with the versions of Thalia and NumPy that the file names",
        )
    with explained(path), RunWriter.reopen(path, plan) as writer:
        simulate(network, writer, clock, loop_options, saved)
    return Run(path)


def _continued(saved: SavedState, plan: Plan, run: Run) -> SavedState:
    """The state to continue from, with a count for every phase of the plan.

    A run that was killed after its last step only lacks its results.

    Raises
    ------
    CircuitError
        If the run is complete.
    """
    if saved.step > plan.steps or (saved.step == plan.steps and run.attributes["complete"]):
        raise fail(
            f"{run.file}: is complete, {plan.duration:g} s",
            "say how much longer to run, as in --for 1s",
        )
    phases = len(plan.phases)
    counts = {
        member.name: (saved.counts.get(member.name, []) + [0] * phases)[:phases]
        for _, member in plan.populations()
    }
    return replace(saved, counts=counts)


def _check_edits(run: Run) -> None:
    """Do not silently continue with a circuit that differs from the one in its file.

    Only what ran is quoted: the run file of a stranger may name any file here.

    Raises
    ------
    CircuitError
        With the lines that were changed.
    """
    circuit = run.circuit_files[0][0]
    for name, kept in run.files_beside:
        if changes := _changes(kept.splitlines(), _present(FilePath(name), kept).splitlines()):
            more = f"; and {len(changes) - MOST_LINES} more" if len(changes) > MOST_LINES else ""
            raise fail(
                f"{name}: was edited since {run.file} was written: "
                f"{'; '.join(changes[:MOST_LINES])}{more}",
                f"`thalia run {quote(circuit)} --from {run.file}` starts the edited circuit "
                "with what was learned, "
                f"`thalia resume {run.file} --as-it-was` resumes with the stored circuit",
            )


def _present(file: FilePath, kept: str) -> str:
    """The text of a file as it is now; of one that is not there any more, as it was kept."""
    try:
        return read_text(file, most=max(MAX_TEXT, 2 * len(kept.encode())))
    except CircuitError:
        return kept


def _changes(kept: list[str], found: list[str]) -> list[str]:
    """The lines that are not there any more, or that others are there."""
    if kept == found:
        return []
    first = next((n for n, (a, b) in enumerate(zip(kept, found, strict=False)) if a != b), None)
    begin = min(len(kept), len(found)) if first is None else first
    still = {*found}
    gone = [
        f"line {n + 1} was `{kept[n]}`" for n in range(begin, len(kept)) if kept[n] not in still
    ]
    return gone or [f"other lines follow line {begin}"]

"""A run goes on from the state in its file, bit for bit as if it had never stopped."""

from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

import h5py

from thalia import backends
from thalia.checkpoint import Kept, checkpoint_interval, fingerprint, read_state, time_of
from thalia.errors import CircuitError, fail
from thalia.journal import recover
from thalia.load import loads
from thalia.memory import check_memory
from thalia.passes import plan_of
from thalia.phases import lasting
from thalia.plan import SECOND, Plan
from thalia.result import Run
from thalia.run import Clock, Progress, explained, simulate
from thalia.store import RunWriter
from thalia.units import Value, constant
from thalia.wire import wire


def resume(
    file: str | FilePath,
    *,
    for_: str | Value | None = None,
    checkpoint_every: str | Value | None = None,
    progress: Progress = lambda what, fraction: None,
) -> Run:
    """Go on with a run that was interrupted, or with a finished one for longer.

    Parameters
    ----------
    file : path of a run file
    for_ : time, optional
        Model time to go on for; by default to the end that the run was meant to have.
    checkpoint_every : time, optional
        As in `run`.

    Raises
    ------
    CircuitError
        If the file is no run, is damaged, is being written by another process, or has nothing left to do.
    """
    path, clock = FilePath(file), Clock()
    if path.exists():
        recover(path)
    Run(path)  # says in words what is wrong with a file that is no run
    with h5py.File(path) as h5:
        kept = read_state(h5, path)
        plan, origin = _plan_from(h5, path, kept, for_)
    kept = kept or Kept(0, {}, {})
    if kept.step >= plan.steps:
        raise fail(f"{path}: is complete, {plan.duration:g} s", "say for how long to go on, as in --for 1s")
    counts = {m.name: (kept.counts.get(m.name, []) + [0] * len(plan.phases))[: len(plan.phases)] for _, m in plan.populations()}
    kept = Kept(kept.step, kept.state, counts)
    clock.lap("load")
    name = str(origin["backend"])
    engine = backends.find(name)
    if reasons := engine.refuse(plan):
        raise CircuitError(fail(f"backend '{name}': {reason}").problems[0] for reason in reasons)
    check_memory(plan)
    arrays = wire(plan)
    if fingerprint(arrays) != int(origin["wiring"]):
        raise fail(f"{path}: the network comes out differently here, so its state would not fit",
                   "resume with the versions of Thalia and NumPy that the file names")  # fmt: skip
    clock.lap("wire")
    built = engine.build(plan, progress)
    clock.lap("build")
    every = checkpoint_interval(checkpoint_every, plan)
    with explained(path), RunWriter.reopen(path, plan) as writer:
        simulate(plan, engine, built, arrays, writer, name, clock, "", every, progress, kept)
    return Run(path)


def _plan_from(h5: h5py.File, path: FilePath, kept: Kept | None, for_: str | Value | None) -> tuple[Plan, dict[str, Any]]:
    """The plan of the circuit in a run file, for as long as it is to run, and with what it was run."""
    group = h5.get("origin")
    if group is None:
        raise fail(f"{path}: holds no state to go on from", "it was written by Thalia 0.1; run the circuit again")
    dt, duration = float(h5.attrs["dt"]), float(h5.attrs["duration"])
    if for_ is not None:
        duration = (kept.step if kept else 0) * dt + time_of("--for", for_).mean
    with TemporaryDirectory() as folder:
        for each in group.get("files", {}).values():
            target = FilePath(folder) / each.attrs["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(each.asstr()[()])
        circuit = loads(group["circuit"].asstr()[()], path.name, FilePath(folder))
        return plan_of(lasting(circuit, constant(duration, SECOND)), str(group.attrs["lower"])), dict(group.attrs)

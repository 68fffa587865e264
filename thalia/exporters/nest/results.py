"""What a program for NEST has written, as a run: its spikes, in a run file."""

import shutil
from pathlib import Path as FilePath
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from thalia.compiler.pipeline import Compiled
from thalia.compiler.plan import Plan
from thalia.errors import fail
from thalia.recording.outputs import replacing
from thalia.recording.page_checksums import reading
from thalia.recording.writer import RunWriter, mended
from thalia.simulation.origin import origin_of, read_origin
from thalia.simulation.run import claimed
from thalia.simulation.summary import of_spikes

TEMPLATE, RUN, OUTPUT = "circuit.h5", "run.h5", "output"
BACKEND, COLLECTED = "nest", "collected"


def write_template(compiled: Compiled, file: FilePath) -> None:
    """The run file of an export: all but what happens."""
    with (
        claimed(compiled.plan.name, file) as name,
        RunWriter.create(name, compiled.plan, compiled.files, "", BACKEND) as writer,
    ):
        settings = {"backend": BACKEND, "lower": "on", "precision": "double", "task": False}
        writer.origin(*origin_of(compiled.expanded), settings)
        writer.commit()


def collected(folder: FilePath) -> FilePath:
    """The run file of an export, made from what its program has written last.

    Raises
    ------
    CircuitError
        If the folder is no export, or its program has not run to the end.
    """
    template, file = folder / TEMPLATE, folder / RUN
    if not template.is_file():
        raise fail(
            f"{folder}: is a folder, expected a run file", "or what `thalia export --to nest` wrote"
        )
    parts = sorted((folder / OUTPUT).glob("spikes_*.h5"))
    newest = max((each.stat().st_mtime_ns for each in parts), default=None)
    if newest is None:
        raise fail(f"{folder}: its program has not run", f"python {folder / 'run.py'}")
    if file.exists():
        with reading(mended(file)) as h5:
            if int(h5.attrs.get(COLLECTED, 0)) == newest:
                return file
    with reading(template) as h5:
        plan = read_origin(h5, template).plan(None)
    spikes, synapses = _spikes(parts, plan, folder)
    with replacing(file) as partial:
        shutil.copyfile(template, partial)
        with RunWriter.reopen(partial, plan) as writer:
            for name, (steps, neurons) in spikes.items():
                writer.spikes(name, steps, neurons)
            writer.h5.attrs[COLLECTED] = newest
            writer.finish(of_spikes(plan, writer, BACKEND, synapses, _counts(plan, spikes)))
    return file


def _spikes(
    parts: list[FilePath], plan: Plan, folder: FilePath
) -> tuple[dict[str, tuple[NDArray[np.int64], NDArray[np.int32]]], int]:
    """Steps and neurons of each group, and the number of synapses, from files of all processes."""
    found: dict[str, Any] = {group.name: [] for group in plan.groups}
    synapses = 0
    for place in parts:
        with h5py.File(place, "r") as h5:
            if int(h5.attrs["processes"]) != len(parts):
                raise fail(
                    f"{folder / OUTPUT}: has the spikes of {len(parts)} processes, expected "
                    f"{int(h5.attrs['processes'])}",
                    "remove the files of an earlier run, and run it again",
                )
            synapses += int(h5.attrs["synapses"])
            for group, member in plan.populations():
                own = h5[f"spikes/{member.name}"]
                steps = np.rint(own["timestamps"][:] / (plan.dt * 1e3)).astype(np.int64)
                found[group.name].append(
                    (steps, own["node_ids"][:].astype(np.int32) + member.start)
                )
    return {
        name: (np.concatenate([s for s, _ in each]), np.concatenate([n for _, n in each]))
        for name, each in found.items()
    }, synapses


def _counts(plan: Plan, spikes: Any) -> dict[str, list[int]]:
    """Spikes of each population in each phase."""
    ends = np.cumsum([phase.steps for phase in plan.phases])
    counts = {}
    for group, member in plan.populations():
        steps, neurons = spikes[group.name]
        mine = steps[(neurons >= member.start) & (neurons < member.stop)]
        phases = np.searchsorted(ends, mine, side="right")
        counts[member.name] = np.bincount(phases, minlength=len(ends))[: len(ends)].tolist()
    return counts

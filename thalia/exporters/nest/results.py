"""What a program for NEST has written, as a run: its spikes, in a run file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from thalia.compiler.pipeline import Compiled
from thalia.compiler.plan import Member, Plan
from thalia.data.hdf5 import members, numbers
from thalia.errors import fail
from thalia.recording.outputs import replacing
from thalia.recording.page_checksums import reading
from thalia.recording.writer import RunWriter, mended
from thalia.simulation.origin import origin_of, read_origin
from thalia.simulation.run import claimed
from thalia.simulation.summary import of_spikes
from thalia.syntax.folder import opened

TEMPLATE, RUN, OUTPUT = "circuit.h5", "run.h5", "output"
BACKEND, COLLECTED = "nest", "collected"
MOST_SPIKES = 500_000_000  # of a process: 8 GB


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
        with _opened(place) as h5:
            if (processes := int(h5.attrs["processes"])) != len(parts):
                raise fail(
                    f"{folder / OUTPUT}: has the spikes of {len(parts)} processes, expected "
                    f"{processes}",
                    "remove the files of an earlier run, and run it again",
                )
            synapses += int(h5.attrs["synapses"])
            held = members(members(h5).get("spikes"))
            for group, member in plan.populations():
                steps, neurons = _spikes_of(held.get(member.name), member, plan, place)
                found[group.name].append((steps, neurons + member.start))
    return {
        name: (np.concatenate([s for s, _ in each]), np.concatenate([n for _, n in each]))
        for name, each in found.items()
    }, synapses


@contextmanager
def _opened(place: FilePath) -> Iterator[h5py.File]:
    """What a process has written, which may be damaged, or a stranger's."""
    with opened(place, str(place)):
        try:
            with h5py.File(place, "r") as h5:
                yield h5
        except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
            reason = str(error).split("(")[0].strip()
            raise fail(f"{place}: is no output of the program: {reason}", "run it again") from None


def _spikes_of(
    group: Any, member: Member, plan: Plan, place: FilePath
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Steps and neurons of a population, (n_spikes,) each."""
    held, here = members(group), f"{place}: spikes/{member.name}"
    times = numbers(held.get("timestamps"), f"{here}/timestamps", "f", MOST_SPIKES)[:]
    ids = numbers(held.get("node_ids"), f"{here}/node_ids", "iu", MOST_SPIKES)[:]
    if len(times) != len(ids) or not np.isfinite(times).all():
        raise fail(f"{here}: expected a finite time for each neuron", "run the program again")
    steps = np.rint(times / (plan.dt * 1e3))
    if len(ids) and not (0 <= ids.min() <= ids.max() < member.size):
        raise fail(f"{here}: expected neurons from 0 to {member.size - 1}", "run the program again")
    if len(ids) and not (0 <= steps.min() <= steps.max() < plan.steps):
        lasts = f"{plan.steps * plan.dt * 1e3:g} ms"
        raise fail(f"{here}: expected times from 0 to {lasts}", "run the program again")
    return steps.astype(np.int64), ids.astype(np.int32)


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

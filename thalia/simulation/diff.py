"""What differs between two runs: circuits, spikes, weights, samples, and final states."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path as FilePath

import h5py
import numpy as np

from thalia.recording.page_checksums import reading
from thalia.recording.run_file import Run
from thalia.simulation.checkpoint import changed, read_state
from thalia.simulation.origin import read_origin

ATTRIBUTES = ("backend", "seed", "dt", "duration", "thalia", "brian2", "numpy", "complete")


def compare(first: str | FilePath, second: str | FilePath) -> list[str]:
    """Every difference, one a line; none if the runs are bit-identical.

    Raises
    ------
    CircuitError
        If one of the files is not a run, or its state is damaged.
    """
    one, other = Run(first), Run(second)
    lines = [
        f"{key}: {one.attributes.get(key)} and {other.attributes.get(key)}"
        for key in ATTRIBUTES
        if one.attributes.get(key) != other.attributes.get(key)
    ]
    with reading(one.file) as a, reading(other.file) as b:
        lines += _origins(a, b, (one.file, other.file))
        for kind in ("spikes", "weights", "reports", "modulators"):
            lines += _data(a, b, kind)
        states = [read_state(h5, run.file) for h5, run in ((a, one), (b, other))]
        before, after = (state.variables if state else {} for state in states)
        lines += [f"state {name}" for name in changed(before, after)]
    return lines


def _origins(a: h5py.File, b: h5py.File, files: tuple[FilePath, FilePath]) -> Iterator[str]:
    """What the runs were rebuilt from: the lines of circuits and files, and the settings."""
    before, after = (
        read_origin(h5, file) if "origin" in h5 else None
        for h5, file in zip((a, b), files, strict=True)
    )
    texts = [{"circuit": each.circuit, **each.texts} if each else {} for each in (before, after)]
    for name in dict.fromkeys([*texts[0], *texts[1]]):
        old, new = (each.get(name, "").splitlines() for each in texts)
        lines = unified_diff(old, new, lineterm="", n=0)
        yield from (
            f"{name} {line}" for line in lines if not line.startswith(("--- ", "+++ ", "@@"))
        )
    settings = [dict(each.settings) if each else {} for each in (before, after)]
    for name in sorted({*settings[0], *settings[1]} - {"backend"}):  # which is an attribute, too
        one, other = (each.get(name) for each in settings)
        if one != other:
            yield f"origin {name}: {one} and {other}"


def _data(a: h5py.File, b: h5py.File, kind: str) -> Iterator[str]:
    one, other = dict(datasets(a, kind)), dict(datasets(b, kind))
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            yield f"{name}: only in the {'first' if name in one else 'second'}"
        elif one[name].shape != other[name].shape:
            yield f"{name}: {one[name].shape} and {other[name].shape} numbers"
        elif not np.array_equal(one[name][...], other[name][...]):
            different = one[name][...] != other[name][...]
            first = tuple(int(i) for i in np.argwhere(different)[0])
            count = np.count_nonzero(different)
            yield f"{name}: {count:,} of {different.size:,} differ, the first at {first}"


def datasets(h5: h5py.File, kind: str) -> list[tuple[str, h5py.Dataset]]:
    """Every data set of a kind ('spikes', 'weights', 'reports', 'modulators') with its path."""
    found: list[tuple[str, h5py.Dataset]] = []
    if kind in h5:
        h5[kind].visititems(
            lambda name, node: (
                found.append((f"{kind}/{name}", node)) if isinstance(node, h5py.Dataset) else None
            )
        )
    return found

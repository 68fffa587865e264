"""What differs between two runs: circuits, spikes, weights, samples, and final states."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path as FilePath

import h5py
import numpy as np

from thalia.recording.run_file import Run
from thalia.simulation.checkpoint import changed, read_state

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
    with h5py.File(one.file) as a, h5py.File(other.file) as b:
        lines += _circuits(a, b)
        for kind in ("spikes", "weights", "reports", "modulators"):
            lines += _data(a, b, kind)
        states = [read_state(h5, run.file) for h5, run in ((a, one), (b, other))]
        before, after = (state.variables if state else {} for state in states)
        lines += [f"state {name}" for name in changed(before, after)]
    return lines


def _circuits(a: h5py.File, b: h5py.File) -> Iterator[str]:
    """The lines of the circuits, every option applied, that are not in both."""
    before, after = (
        h5["origin/circuit"].asstr()[()].splitlines() if "origin" in h5 else [] for h5 in (a, b)
    )
    lines = unified_diff(before, after, lineterm="", n=0)
    return (f"circuit {line}" for line in lines if line[:2] not in ("--", "++", "@@"))


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

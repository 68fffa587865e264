"""Prescribed spikes from files: text with one spike per line, or SONATA, as run files are."""

import csv
from io import StringIO
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from thalia.errors import did_you_mean, fail
from thalia.syntax.yaml_reader import read_text

if TYPE_CHECKING:
    import h5py

HDF5 = b"\x89HDF\r\n\x1a\n"


def spikes_as_text(file: FilePath, population: str | None, target: str) -> str:
    """A file of spikes as text, a line of `index, time in ms` per spike.

    Parameters
    ----------
    population : str or None
        Whose spikes to take from a SONATA file; by default those of its only population, or of
        `target`.

    Raises
    ------
    CircuitError
        If it cannot be read, or its population is not there.
    """
    if not file.is_file():
        return read_text(file)  # says that it is not there
    with open(file, "rb") as raw:
        is_hdf5 = raw.read(len(HDF5)) == HDF5
    return _sonata_as_text(file, population, target) if is_hdf5 else read_text(file)


def read_spikes(text: str, name: str) -> list[tuple[int, float]]:
    """The neuron and the time in seconds of every spike; lines that begin with # are comments.

    Raises
    ------
    CircuitError
        At the first line that is not `index, time in ms`.
    """
    spikes = []
    for line, row in enumerate(csv.reader(StringIO(text)), start=1):
        if not row or row[0].lstrip().startswith("#"):
            continue
        try:
            index, time = row
            spikes.append((int(index), float(time) * 1e-3))
        except ValueError:
            found = ",".join(row)
            raise fail(f"{name}:{line}: expected `index, time in ms`, found '{found}'") from None
    return spikes


def _sonata_as_text(file: FilePath, population: str | None, target: str) -> str:
    import h5py  # a tenth of a second, and only such files need it

    try:
        with h5py.File(file) as h5:
            found = _populations_in(h5)
            name = population or (next(iter(found)) if len(found) == 1 else target)
            if not found:
                raise fail(
                    f"{file}: is HDF5 without spikes in SONATA's layout",
                    "it should have /spikes/POPULATION/timestamps",
                )
            if name not in found:
                raise fail(
                    f"{file}: has no spikes of '{name}'",
                    f"say `population:`; {did_you_mean(name, found)}",
                )
            times, neurons = found[name]["timestamps"], found[name]["node_ids"]
            units = times.attrs.get("units", "ms")
            if str(units) not in ("ms", "b'ms'"):
                raise fail(f"{file}: its times are in {units}, expected ms")
            if times.shape != neurons.shape or times.ndim != 1:
                raise fail(
                    f"{file}: has {times.size} timestamps and {neurons.size} node_ids of '{name}'"
                )
            pairs = zip(neurons[:].tolist(), times[:].tolist(), strict=True)
            return "".join(f"{index},{time!r}\n" for index, time in pairs)
    except OSError as error:
        raise fail(f"{file}: cannot be read as HDF5 ({str(error).split('(')[0].strip()})") from None


def _populations_in(h5: "h5py.File") -> dict[str, Any]:
    """The groups that hold spikes, by population."""
    import h5py

    spikes = h5.get("spikes")
    nodes = dict(spikes) if isinstance(spikes, h5py.Group) else {}
    return {
        name: node
        for name, node in nodes.items()
        if isinstance(node, h5py.Group) and {"timestamps", "node_ids"} <= {*node}
    }

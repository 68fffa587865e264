"""Prescribed spikes from files: text, SONATA as in run files, NWB, and what Neo reads."""

import csv
from io import StringIO
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from thalia.data.hdf5 import blocks, members, numbers
from thalia.data.neo_reader import MAX_SPIKES
from thalia.data.recordings import neo_as_text, nwb_as_text
from thalia.errors import did_you_mean, fail
from thalia.syntax.folder import Folder, opened, read_text

if TYPE_CHECKING:
    import h5py

# what the names of recordings end with that Neo reads, and nothing else here
NEO = frozenset(
    (".nix", ".mat", ".nev", ".plx", ".pl2", ".nex", ".smr", ".smrx", ".nse", ".ntt", ".pkl")
)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_BEGINNINGS = (0, 512, 1024, 2048)  # where HDF5 may begin, after a block of the user
MAX_BYTES = 250_000_000  # of a text, about twice what the most spikes take


def spikes_as_text(folder: Folder, name: str, population: str | None, target: str) -> str:
    """A file of spikes as text, a line of `index, time in ms` per spike.

    Parameters
    ----------
    folder : Folder
        Where the file is.
    population : str or None
        Whose spikes to take from a SONATA or NWB file; by default those of its only population, or
        of `target`.

    Raises
    ------
    CircuitError
        If it cannot be read, has too many spikes, or its population is not there.
    """
    if folder.texts is not None:
        return folder.text(name)
    file, name = folder.file(name), folder.named(name)
    with opened(file, name) as raw:
        beginning = raw.read(_BEGINNINGS[-1] + len(_HDF5))
        is_hdf5 = any(beginning.startswith(_HDF5, start) for start in _BEGINNINGS)
    if file.suffix.lower() in NEO:
        return neo_as_text(file, name)
    if not is_hdf5:
        return read_text(file, name, MAX_BYTES)
    read = nwb_as_text if file.suffix.lower() == ".nwb" else _sonata_as_text
    try:
        return read(file, name, population, target)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        # whatever HDF5 raises for a damaged file
        raise fail(f"{name}: cannot be read as HDF5 ({str(error).split('(')[0].strip()})") from None


def read_spikes(text: str, name: str) -> list[tuple[int, float]]:
    """The neuron and the time in seconds of every spike; lines that begin with # are comments.

    Raises
    ------
    CircuitError
        At the first line that is not `index, time in ms`, which is not quoted, since it may be of
        any file; or if there are too many.
    """
    spikes: list[tuple[int, float]] = []
    rows = csv.reader(StringIO(text))
    try:
        for row in rows:
            if not row or row[0].lstrip().startswith("#"):
                continue
            index, time = row
            spikes.append((int(index), float(time) * 1e-3))
            if len(spikes) > MAX_SPIKES:
                raise fail(f"{name}: has more than {MAX_SPIKES:,} spikes, the most that are read")
    except (ValueError, csv.Error):
        raise fail(
            f"{name}:{rows.line_num}: expected `index, time in ms`", "such as `3, 12.5`"
        ) from None
    return spikes


def _sonata_as_text(file: FilePath, name: str, population: str | None, target: str) -> str:
    import h5py  # a tenth of a second, and only such files need it

    with h5py.File(file) as h5:
        found = _populations_in(h5)
        chosen = population or (next(iter(found)) if len(found) == 1 else target)
        if not found:
            raise fail(
                f"{name}: is HDF5 without spikes in SONATA's layout",
                "it should have /spikes/POPULATION/timestamps",
            )
        if chosen not in found:
            raise fail(
                f"{name}: has no spikes of '{chosen}'",
                f"say `population:`; {did_you_mean(chosen, found)}",
            )
        place = f"{name}: spikes/{chosen}"
        times, neurons = (
            numbers(found[chosen][key], f"{place}/{key}", kinds, MAX_SPIKES)
            for key, kinds in (("timestamps", "iuf"), ("node_ids", "iu"))
        )
        units = times.attrs.get("units", "ms")
        if str(units) not in ("ms", "b'ms'"):
            raise fail(f"{name}: its times are in {units}, expected ms")
        if len(times) != len(neurons):
            raise fail(
                f"{name}: has {len(times)} timestamps and {len(neurons)} node_ids of '{chosen}'"
            )
        return "".join(
            f"{index},{time!r}\n"
            for of_neurons, of_times in blocks(neurons, times)
            for index, time in zip(of_neurons.tolist(), of_times.tolist(), strict=True)
        )


def _populations_in(h5: "h5py.File") -> "dict[str, dict[str, h5py.Dataset]]":
    """The datasets of the groups that hold spikes, by population."""
    import h5py

    spikes = members(h5).get("spikes")
    nodes = members(spikes) if isinstance(spikes, h5py.Group) else {}
    held = {name: members(node) for name, node in nodes.items() if isinstance(node, h5py.Group)}
    return {name: each for name, each in held.items() if {"timestamps", "node_ids"} <= each.keys()}

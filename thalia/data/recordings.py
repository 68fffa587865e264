"""Prescribed spikes from recordings: the units of an NWB file, and what Neo reads."""

from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from thalia.data.hdf5 import blocks, members, numbers
from thalia.errors import counted, did_you_mean, fail
from thalia.syntax.late_imports import optional

if TYPE_CHECKING:
    import h5py

MAX_SPIKES = 5_000_000  # of a file; about a gigabyte of memory while they are read
MAX_UNITS = 1_000_000


def nwb_as_text(file: FilePath, name: str, population: str | None, target: str) -> str:
    """The units of an NWB file as text, a line of `index, time in ms` per spike.

    Units with a column `population`, as Thalia exports them, are those of one of the populations,
    and numbered by their column `neuron`; others are numbered in their order.

    Raises
    ------
    CircuitError
        If it has no units, too many spikes, or no such population.
    """
    import h5py  # a tenth of a second, and only such files need it

    with h5py.File(file) as h5:
        units = members(members(h5)["units"]) if "units" in members(h5) else {}
        if not {"spike_times", "spike_times_index"} <= units.keys():
            hint = "it should have the table /units with `spike_times`"
            raise fail(f"{name}: is HDF5 without spikes in NWB's layout", hint)
        times = numbers(units["spike_times"], f"{name}: units/spike_times", "iuf", MAX_SPIKES)
        stops = numbers(units["spike_times_index"], f"{name}: units", "iu", MAX_UNITS)[:].tolist()
        if stops != sorted(stops) or (stops[-1] if stops else 0) != len(times):
            raise fail(f"{name}: its spike_times_index is no index into its spike_times")
        index = _indices(units, len(stops), f"{name}: units", population, target)
        owner = 0
        lines: list[str] = []
        for (block,) in blocks(times):
            for time in block.tolist():
                while stops[owner] <= len(lines):
                    owner += 1
                lines.append(f"{index[owner]},{time * 1e3!r}\n" if owner in index else "")
        return "".join(lines)


def _indices(
    units: dict[str, Any], count: int, place: str, population: str | None, target: str
) -> dict[int, int]:
    """The index of the neuron that each unit becomes; units of other populations become none."""
    whose = units.get("population")
    if whose is None:
        if population:
            raise fail(f"{place} has no column `population`", "remove 'population'")
        return {unit: unit for unit in range(count)}
    held = [str(each) for each in _column(whose, count, f"{place}/population").asstr()[:]]
    known = list(dict.fromkeys(held))
    chosen = population or (known[0] if len(known) == 1 else target)
    if chosen not in known:
        hint = f"say `population:`; {did_you_mean(chosen, known)}"
        raise fail(f"{place} has no units of '{chosen}'", hint)
    mine = [unit for unit, each in enumerate(held) if each == chosen]
    if "neuron" not in units:
        return {unit: number for number, unit in enumerate(mine)}
    neurons = numbers(units["neuron"], f"{place}/neuron", "iu", MAX_UNITS)[:].tolist()
    return {unit: neurons[unit] for unit in mine}


def _column(data: Any, count: int, place: str) -> "h5py.Dataset":
    import h5py

    is_text = isinstance(data, h5py.Dataset) and h5py.check_string_dtype(data.dtype) is not None
    if not is_text or data.shape != (count,) or data.external or data.is_virtual:
        raise fail(f"{place}: expected a text for each of {counted(count, 'unit')}")
    return data


def neo_as_text(file: FilePath, name: str) -> str:
    """The spike trains of a recording that Neo reads as text; they are numbered in their order.

    Raises
    ------
    CircuitError
        If Neo is not installed or cannot read it, if it is a pickle, which could run code, or if it
        has no spike trains, several segments, or too many spikes.
    """
    if file.suffix.lower() == ".pkl":
        raise fail(
            f"{name}: is a pickle, which can run code and is not read",
            "export it as NWB, or in Python pass its spike trains as `times`",
        )
    neo = optional("neo", f"{name} is a recording, and reading it")
    try:
        block = neo.io.get_io(str(file)).read_block()
    except Exception as error:  # its readers raise anything, for a damaged or another file
        raise fail(f"{name}: Neo cannot read it ({error})") from None
    if len(block.segments) != 1:
        found = counted(len(block.segments), "segment")
        raise fail(f"{name}: has {found}, expected one", "save the one to be played by itself")
    return as_text(train_times(block.segments[0].spiketrains, name))


def train_times(trains: Iterable[Any], name: str) -> dict[int, list[float]]:
    """The times of Neo's spike trains in seconds, by their number.

    Raises
    ------
    CircuitError
        If there are none, or too many spikes.
    """
    times = {k: each.rescale("s").magnitude.tolist() for k, each in enumerate(trains)}
    if not times:
        raise fail(f"{name}: has no spike trains")
    if sum(map(len, times.values())) > MAX_SPIKES:
        raise fail(f"{name}: has more than {MAX_SPIKES:,} spikes, the most that are read")
    return times


def as_text(times: dict[int, list[float]]) -> str:
    """Times in seconds as text, a line of `index, time in ms` per spike."""
    return "".join(f"{k},{time * 1e3!r}\n" for k, each in times.items() for time in each)

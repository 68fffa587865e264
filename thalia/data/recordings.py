"""Prescribed spikes from recordings: the units of an NWB file, and what Neo reads."""

import json
import os
import subprocess
import sys
from pathlib import Path as FilePath
from typing import Any

from thalia.data.hdf5 import blocks, members, numbers, texts
from thalia.data.neo_reader import MAX_SPIKES, REFUSED
from thalia.errors import counted, did_you_mean, fail
from thalia.syntax.late_imports import require

MAX_UNITS = 1_000_000
# of the process that reads a recording: bytes of addresses, of which its libraries take one GB
MEMORY = 4 << 30
SECONDS = 60


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
        units = members(members(h5).get("units"))
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
    held = texts(whose, f"{place}/population").tolist()
    if len(held) != count:
        raise fail(
            f"{place}/population: has {len(held):,} texts, expected {counted(count, 'unit')}"
        )
    known = list(dict.fromkeys(held))
    chosen = population or (known[0] if len(known) == 1 else target)
    if chosen not in known:
        hint = f"say `population:`; {did_you_mean(chosen, known)}"
        raise fail(f"{place} has no units of '{chosen}'", hint)
    mine = [unit for unit, each in enumerate(held) if each == chosen]
    if "neuron" not in units:
        return {unit: number for number, unit in enumerate(mine)}
    column = numbers(units["neuron"], f"{place}/neuron", "iu", MAX_UNITS)
    if len(column) != count:
        raise fail(
            f"{place}/neuron: has {len(column):,} entries, expected {counted(count, 'unit')}"
        )
    neurons = column[:].tolist()
    return {unit: neurons[unit] for unit in mine}


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
    require("neo", f"{name} is a recording, and reading it")
    # Python itself starts without the current folder, from which it would import anything
    command = [sys.executable, "-P", "-m", "thalia.data.neo_reader", str(MEMORY), str(file), name]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise fail(f"{name}: Neo did not read it within {SECONDS} s") from None
    if done.returncode == REFUSED:
        raise fail(*json.loads(done.stdout))
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        by_itself = done.returncode > 0 and said
        reason = (
            said[-1] if by_itself else f"it ended with at most {MEMORY >> 30} GB and {SECONDS} s"
        )
        raise fail(f"{name}: Neo cannot read it ({reason})")
    return done.stdout.decode()

"""A recording read by Neo, in a process of its own with limits of memory and time.

Its readers are many, of many formats, and allocate, seek and wait as a file says. `recordings`
starts this module; what it prints is the spikes as text, or with status 2 what is wrong.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Any

from thalia.errors import CircuitError, counted, fail
from thalia.syntax.late_imports import optional

MAX_SPIKES = 5_000_000  # of a file; about a gigabyte of memory while they are read
REFUSED = 2


def spikes_of(file: FilePath, name: str) -> str:
    """The spike trains of a recording as text; they are numbered in their order.

    Raises
    ------
    CircuitError
        If Neo cannot read it, or if it has no spike trains, several segments, or too many spikes.
    """
    neo = optional("neo", name)
    try:
        block = neo.io.get_io(str(file)).read_block()
    except Exception as error:  # its readers raise anything, for a damaged or another file
        raise fail(f"{name}: Neo cannot read it ({error})") from None
    segments: list[Any] = getattr(block, "segments", [])
    if len(segments) != 1:
        found = counted(len(segments), "segment")
        raise fail(f"{name}: has {found}, expected one", "save the one to be played by itself")
    return as_text(train_times(segments[0].spiketrains, name))


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


def main() -> None:
    """Print the spikes of a recording; arguments are the memory to use, its path and its name."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # some readers print
    memory, file, name = sys.argv[1:]
    _limit_itself(int(memory))
    with out:
        try:
            out.write(spikes_of(FilePath(file), name))
        except CircuitError as error:
            (problem,) = error.problems
            json.dump([problem.message, problem.hint], out)
            sys.exit(REFUSED)


def _limit_itself(memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    known = (each for each in resource.getrlimit(resource.RLIMIT_AS) if each >= 0)
    least = min([memory, *known])  # what is unlimited is -1
    resource.setrlimit(resource.RLIMIT_AS, (least, least))


if __name__ == "__main__":
    main()

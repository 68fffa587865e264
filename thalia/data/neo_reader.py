"""A recording read by Neo, in a process of its own with limits of memory and time.

Its readers are many, of many formats, and allocate, seek and wait as a file says. `recordings`
starts this module; what it prints is the spikes as text, or with status 2 what is wrong.
"""

import json
import os
import sys
from pathlib import Path as FilePath

from thalia.errors import CircuitError, counted, fail
from thalia.syntax.late_imports import optional

MEMORY = 4 << 30  # bytes of address space, of which the libraries take one
SECONDS = 60  # of a processor
REFUSED = 2


def spikes_of(file: FilePath, name: str) -> str:
    """The spike trains of a recording as text; they are numbered in their order.

    Raises
    ------
    CircuitError
        If Neo cannot read it, or if it has no spike trains, several segments, or too many spikes.
    """
    from thalia.data.recordings import as_text, train_times

    neo = optional("neo", name)
    try:
        block = neo.io.get_io(str(file)).read_block()
    except Exception as error:  # its readers raise anything, for a damaged or another file
        raise fail(f"{name}: Neo cannot read it ({error})") from None
    segments = getattr(block, "segments", ())
    if len(segments) != 1:
        found = counted(len(segments), "segment")
        raise fail(f"{name}: has {found}, expected one", "save the one to be played by itself")
    return as_text(train_times(segments[0].spiketrains, name))


def main() -> None:
    """Print the spikes of the recording that the first argument names; the second is its name."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # some readers print
    _limit_itself()
    with out:
        try:
            out.write(spikes_of(FilePath(sys.argv[1]), sys.argv[2]))
        except CircuitError as error:
            (problem,) = error.problems
            json.dump([problem.message, problem.hint], out)
            sys.exit(REFUSED)


def _limit_itself() -> None:
    if sys.platform == "win32":
        return
    import resource

    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        known = (each for each in resource.getrlimit(kind) if each != resource.RLIM_INFINITY)
        least = min([most, *known])
        resource.setrlimit(kind, (least, least))


if __name__ == "__main__":
    main()

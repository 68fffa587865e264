"""Tables of benchmarks that are kept as JSON and rendered on the pages that show them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rendering import RESULTS, render
from benchmarks.speed import write
from plots.conditions import provenance

SPEED = RESULTS / "speed"


def keep(
    file: Path,
    command: str,
    columns: Mapping[str, str],
    sides: Mapping[str, Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    side: str = "side",
    **more: Any,
) -> None:
    """Keep a table with how it was made; one of this repository is rendered where pages show it.

    Parameters
    ----------
    columns : mapping from the name of a number to its title, with its unit
    sides : mapping from a side to its numbers by name
        Those that it does not have are left out.
    seeds : list of int
        Those of the runs that were measured.
    side : str
        The title of the first column.
    **more
        Other numbers of it, by name, such as ratios that a text tells.
    """
    made = provenance(command)
    made["machine"] += f", {len(os.sched_getaffinity(0))} processors"
    table = {
        "side": side,
        "columns": dict(columns),
        "sides": {k: dict(v) for k, v in sides.items()},
    }
    write(file, made | {"seeds": [*seeds]} | more | table)
    if file.parent == SPEED:
        render()


def times(of: Mapping[str, float], to: str) -> dict[str, float]:
    """How many times as long as one side all sides take."""
    return {side: value / of[to] for side, value in of.items()} if to in of else {}

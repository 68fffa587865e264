"""What benchmarks of speed have in common: processor time, memory, medians, and files of results."""

import json
import os
import resource
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def processor_seconds() -> float:
    """Of this process, and of the programs that it ran and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def resident(process: int) -> float:
    """MB of memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text("utf-8").split()[1])
    return pages * resource.getpagesize() / 1e6


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return [int(each) for file in lists for each in file.read_text("utf-8").split()]


def memory_in_use() -> tuple[float, float]:
    """MB of the largest program that this process runs, and of this process."""
    return max(map(resident, children(os.getpid())), default=0.0), resident(os.getpid())


def median_of(lines: Iterable[Mapping[str, float]], key: str) -> float:
    """The median of a number over rounds, with three significant digits."""
    return float(f"{statistics.median(line[key] for line in lines):.3g}")


def write(file: Path, found: Mapping[str, Any]) -> None:
    """Keep results as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")

"""What benchmarks of speed have in common: medians, and files of results."""

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def median_of(lines: Iterable[Mapping[str, float]], key: str) -> float:
    """The median of a number over rounds, with three significant digits."""
    return float(f"{statistics.median(line[key] for line in lines):.3g}")


def write(file: Path, found: Mapping[str, Any]) -> None:
    """Keep results as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")

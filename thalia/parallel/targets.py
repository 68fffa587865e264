"""What a fit aims at: ranges of numbers of runs, and how far a run is off."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log
from pathlib import Path as FilePath
from typing import Any

from thalia.analysis.health import COLUMNS, CRITICAL, OK, WARN, Health
from thalia.circuit.spec import Circuit
from thalia.errors import did_you_mean, fail
from thalia.parallel.workers import WEIGHTS, Numbers
from thalia.syntax.folder import read_text
from thalia.syntax.yaml_reader import read_yaml

LEAST_RATE = 1e-3  # Hz, in the place of a rate whose logarithm is none
TOLERANCE = 0.05  # of a single number: what lies this near is met
RATES, HEALTH, OF_RATE = "rates", "health", "rates_hz."
OF_POPULATIONS, OF_PATHWAYS = ("rates_hz", "cv_isi"), ("drift", "saturated")
SUMMARY = (*OF_POPULATIONS, "weights")
VERDICTS = {WARN: 1.0, CRITICAL: 2.0}  # what each adds to the distance


@dataclass(frozen=True)
class Target:
    """Ranges of numbers of a run by name; with `judged`, the verdicts of `health` as well.

    Of a rate the distance is the logarithm of the ratio to the nearest limit, of other numbers the
    difference to it as a fraction of the width of the range. Distances are added up.
    """

    name: str
    ranges: Mapping[str, tuple[float, float]]
    judged: bool = False

    @property
    def needs_health(self) -> bool:
        """Whether it needs measures that are not in the summary of a run."""
        return self.judged or any(name.partition(".")[0] not in SUMMARY for name in self.ranges)

    def distance(self, numbers: Numbers) -> float:
        """How far a run is off; 0 if it meets the target."""
        beyond = sum(_beyond(name, numbers.get(name), each) for name, each in self.ranges.items())
        return beyond + (numbers["health"] if self.judged else 0.0)

    def misses(self, runs: Sequence[Numbers]) -> list[str]:
        """What some runs of the same values miss, in words, worst first; values are means."""
        found = []
        for name, (low, high) in self.ranges.items():
            off = sum(_beyond(name, numbers.get(name), (low, high)) for numbers in runs)
            if off:
                values = [numbers[name] for numbers in runs if name in numbers]
                mean = f"{sum(values) / len(values):.4g}" if values else "nothing"
                found.append((off, f"{name} is {mean}, expected {low:g} to {high:g}"))
        if self.judged and (worst := max(numbers["health"] for numbers in runs)):
            found.append((worst, "`thalia health` finds values out of range"))
        return [text for _, text in sorted(found, reverse=True)]


def target_of(text: str, circuit: Circuit) -> Target:
    """`rates`, `health`, or a file with a number or a range for each name.

    Parameters
    ----------
    circuit : Circuit
        Written out; its `reference:` has the ranges of rates.

    Raises
    ------
    CircuitError
        If the circuit says no ranges, or the file is not such a mapping.
    """
    if text in (RATES, HEALTH):
        ranges = circuit.reference.ranges if circuit.reference else {}
        if not ranges:
            raise fail(
                f"--target {text}: {circuit.name} says no ranges of rates",
                "reference: {source: …, ranges: {l4e: [1 Hz, 10 Hz]}}, or a file of targets",
            )
        limits = {f"{OF_RATE}{name}": (a.mean, b.mean) for name, (a, b) in ranges.items()}
        return Target(text, limits, judged=text == HEALTH)
    if not text.endswith((".yaml", ".yml")):
        raise fail(f"--target {text}: expected rates, health or a YAML file")
    data, _ = read_yaml(read_text(FilePath(text), f"--target {text}"), text)
    if not isinstance(data, dict) or not data:
        raise fail(
            f"{text}: expected a number or a range for each name", "as in rates_hz.l4e: [1, 10]"
        )
    asked = {str(name): _range(text, name, each) for name, each in data.items()}
    _check_names(text, asked, circuit)
    return Target(text, asked)


def _check_names(file: str, names: Iterable[str], circuit: Circuit) -> None:
    """Refuse names that no run of the circuit has."""
    populations, pathways = circuit.populations, circuit.pathways
    known = [
        *(f"{kind}.{name}" for kind in (*OF_POPULATIONS, *COLUMNS) for name in populations),
        *(f"weights.{name}.{key}" for key in WEIGHTS for name in pathways),
        *(f"{kind}.{name}" for kind in OF_PATHWAYS for name in pathways),
    ]
    for name in names:
        if name not in known:
            message = f"{file}: no number of a run is called '{name}'"
            raise fail(message, did_you_mean(name, known))


def measures_of(health: Health) -> Numbers:
    """The measures of a run by name, as `fano.l4e`, and how much is out of range, `health`."""
    found = {
        f"{measure}.{where}": float(value)
        for where, measures in {**health.populations, **health.pathways}.items()
        for measure, value in measures.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    }
    verdicts = sum(VERDICTS[each.verdict] for each in health.findings if each.verdict != OK)
    return found | {"health": verdicts}


def _beyond(name: str, value: float | None, limits: tuple[float, float]) -> float:
    """How far a number is outside its range; one that cannot be told counts as a whole width."""
    low, high = limits
    if value is None:
        return 1.0
    if low <= value <= high:
        return 0.0
    nearest = low if value < low else high
    if name.startswith(OF_RATE):
        return abs(log(max(value, LEAST_RATE) / max(nearest, LEAST_RATE)))
    return abs(value - nearest) / (high - low)


def _range(file: str, name: Any, found: Any) -> tuple[float, float]:
    match found:
        case bool():
            pass
        case int() | float() if isfinite(found) and found:
            near = abs(found) * TOLERANCE
            return found - near, found + near
        case [int() | float() as low, int() | float() as high] if -1e300 < low < high < 1e300:
            return float(low), float(high)
    raise fail(
        f"{file}: {name}: expected a number other than 0 or a range [low, high], found {found}",
        "as in rates_hz.l4e: [1, 10]",
    )

"""Gains that bring every rate into its published range: run, compare, correct a little, repeat.

A gain multiplies all excitation of a population. The same circuit, seeds and gains to start from
give the same gains.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from pathlib import Path as FilePath
from typing import Any

from thalia.circuit.load import load
from thalia.circuit.reference_spec import Reference
from thalia.circuit.spec import Circuit
from thalia.compiler.drive_to_weight import excited_in
from thalia.compiler.pipeline import compile_circuit
from thalia.errors import fail
from thalia.parallel.gpu_batch import compiled_with
from thalia.parallel.workers import all_here, job_of, simulate_one
from thalia.simulation.origin import origin_of
from thalia.syntax.units import constant

MARGIN = 1.1  # rates this close to a limit are corrected too: another seed may exceed it
STEP = 1.5  # the most that one round changes a gain by
FASTER, SLOWER = 1.2, 0.5
FASTEST = 1000.0  # Hz, in the place of a rate that cannot be divided by

Gains = dict[str, float]
Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Round:
    """The gains that runs had, and the rates of their last phase in Hz, means over seeds."""

    gains: Gains
    rates: dict[str, float]


@dataclass(frozen=True)
class Calibration:
    """Every round of a calibration."""

    circuit: str
    ranges: Ranges
    rounds: tuple[Round, ...]

    @property
    def best(self) -> Round:
        """The round with the fewest and nearest populations out of range; of several, the last."""
        return min(reversed(self.rounds), key=lambda each: _distance(each.rates, self.ranges))

    @property
    def outside(self) -> tuple[str, ...]:
        """The populations that no gain brought into their range."""
        return tuple(
            name
            for name, limits in self.ranges.items()
            if not limits[0] <= self.best.rates[name] <= limits[1]
        )

    def text(self) -> str:
        """The file that a circuit includes as its gains."""
        lines = [
            f"# Written by `thalia calibrate {self.circuit}`: "
            "the gain of all excitation of each population; its rate with it."
        ]
        for name, gain in self.best.gains.items():
            published = (
                "{:g} to {:g} Hz".format(*self.ranges[name])
                if name in self.ranges
                else "nothing, and kept"
            )
            lines.append(
                f"{name}: {gain:g}  # {self.best.rates[name]:.2f} Hz, published {published}"
            )
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Knob:
    """A gain, its damping, and the direction of its last change: 1 up, -1 down, 0 none.

    A gain changes by the ratio of target to rate, to the power of the damping.
    """

    gain: float
    damping: float
    way: int = 0

    def turned(self, rate: float, limits: tuple[float, float]) -> "_Knob":
        """The knob after a run.

        It turns by half as much once it has gone too far (Riedmiller & Braun 1993), else by more.
        """
        low, high = limits
        inner = (low * MARGIN, high / MARGIN)
        if low <= rate <= high and (inner[0] <= rate <= inner[1] or inner[0] > inner[1]):
            return _Knob(self.gain, self.damping)
        target = sqrt(max(low, high / 100) * high)
        way = 1 if rate < target else -1
        damping = self.damping * {1: FASTER, 0: 1.0, -1: SLOWER}[way * self.way]
        change = (target / max(rate, target / FASTEST)) ** damping
        # in four digits, so that the file says exactly what was run
        return _Knob(float(f"{self.gain * min(max(change, 1 / STEP), STEP):.4g}"), damping, way)


def calibrate(
    circuit: str | FilePath,
    *,
    rounds: int = 20,
    damping: float = 0.15,
    seeds: Sequence[int] | None = None,
    workers: int | None = None,
    set: Mapping[str, Any] | None = None,
    told: Callable[[int, Round], None] = lambda count, each: None,
    **options: Any,
) -> Calibration:
    """Find gains that bring the rates of the last phase into the ranges under `reference:`.

    Parameters
    ----------
    circuit : path of a YAML file
        It starts from the gains that the circuit includes, if their file is there.
    rounds : int
        How often it is run at most, with all seeds.
    damping : float
        The power of target over rate by which a gain changes at first; it shrinks once a rate has
        overshot. The target is the middle of the range on a logarithmic scale, and no change is
        beyond a factor of 1.5.
    seeds : sequence of int, optional
        Rates are means over them; by default the circuit's own seed.
    workers : int, optional
        Parallel processes, by default one for each core.
    set : mapping, optional
        Values in place of those in the file, by dotted path, as in `load`.
    told : function, optional
        Called after each round.
    **options
        Options of `run`: `duration`, `scale`, `backend`.

    Raises
    ------
    CircuitError
        If the circuit has mistakes, gives no range, nothing excites any population that has one, or
        a run fails.
    """
    if rounds < 1 or not 0 < damping <= 1:
        raise fail(
            "expected at least 1 round and a damping above 0 and up to 1, "
            f"found {rounds} and {damping:g}"
        )
    loaded = load(circuit, set)
    if isinstance(loaded.gains, str) and not loaded.folder.has(loaded.gains):
        loaded = loaded.with_(gains={})
    compiled = compile_circuit(loaded)
    whole = compiled.expanded
    assert not isinstance(whole.gains, str)  # `expand` has read the file
    ranges = _ranges(whole.reference, str(circuit))
    excited = excited_in(compiled.read)
    adjustable = [name for name in ranges if name in excited]
    if not adjustable:
        raise fail(
            f"{circuit}: nothing excites any population that has a range",
            "a gain multiplies what excites",
        )
    kept = {name: gain.mean for name, gain in whole.gains.items() if name not in adjustable}
    knobs = {
        name: _Knob(whole.gains[name].mean if name in whole.gains else 1.0, damping)
        for name in adjustable
    }
    chosen, done = seeds or (loaded.seed,), list[Round]()
    for count in range(rounds):
        gains = kept | {name: knob.gain for name, knob in knobs.items()}
        with_gains = loaded.with_(gains={name: constant(gain) for name, gain in gains.items()})
        done.append(Round(gains, _rates(with_gains, chosen, workers, options)))
        told(count, done[-1])
        knobs = {
            name: knob.turned(done[-1].rates[name], ranges[name]) for name, knob in knobs.items()
        }
        if all(knob.way == 0 for knob in knobs.values()):
            break
    return Calibration(str(circuit), ranges, tuple(done))


def _ranges(reference: Reference | None, file: str) -> Ranges:
    if reference is None or not reference.ranges:
        hint = "reference: {source: …, ranges: {l4e: [1 Hz, 10 Hz]}}"
        raise fail(f"{file}: says no ranges of rates to calibrate to", hint)
    return {name: (low.mean, high.mean) for name, (low, high) in reference.ranges.items()}


def _rates(
    circuit: Circuit, seeds: Sequence[int], workers: int | None, options: Mapping[str, Any]
) -> dict[str, float]:
    """The mean over seeds of the rate of every population, in runs of one build."""
    compiled = compiled_with(circuit, options)
    origin = origin_of(compiled.expanded)
    jobs = [job_of(place, origin, seed, options) for place, seed in enumerate(seeds)]
    found = all_here(simulate_one, jobs, workers)
    return {
        name: sum(numbers[f"rates_hz.{name}"] for numbers in found) / len(found)
        for name in compiled.expanded.populations
    }


def _distance(rates: Mapping[str, float], ranges: Ranges) -> tuple[int, float]:
    """How many rates are outside their range, and by how much in all, on a logarithmic scale."""
    beyond = []
    for name, (low, high) in ranges.items():
        rate = max(rates[name], 1 / FASTEST)
        if not low <= rates[name] <= high:
            beyond.append(abs(log(rate / max(low if rate < low else high, 1 / FASTEST))))
    return len(beyond), sum(beyond)

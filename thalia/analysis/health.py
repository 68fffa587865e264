"""Is the activity of a run healthy? Measures of populations and plastic pathways, with verdicts.

Rates are not enough: a neuron whose dendrite latches fires like a clock, within its range.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalia.analysis.spike_trains import band_peaks, counts_of, dominant_band, population_rate
from thalia.analysis.variability import (
    adaptation,
    bursting,
    bursts_by_chance,
    fano_factor,
    irregularity,
    local_variation,
    mean_correlation,
)
from thalia.errors import did_you_mean, fail
from thalia.recording.page_checksums import edited
from thalia.recording.results import Weights
from thalia.recording.run_file import Run
from thalia.syntax.units import parse_value

OK, WARN, CRITICAL = "ok", "warn", "critical"
SAMPLE = 200  # neurons whose correlations are computed
COUNTING, CORRELATING, SPECTRUM = (
    0.1,
    0.02,
    0.002,
)  # seconds: windows of the Fano factor, of correlations, and of the spectrum
LEAST_FOR_RHYTHM = 200  # spikes; N of a rate that a rhythm modulates fully make a peak of N/12
INTERVAL = 1.96  # standard errors: half of a 95 % interval


@dataclass(frozen=True)
class Limit:
    """The values beyond which a measure is a warning, and critical, on either side."""

    critical_low: float = -np.inf
    warn_low: float = -np.inf
    warn_high: float = np.inf
    critical_high: float = np.inf

    def verdict(self, value: float, margin: float = 0.0) -> str:
        """The verdict on a value: the mildest on what lies within the margin of it."""
        if value < self.warn_low:
            value = min(value + margin, self.warn_low)
        elif value > self.warn_high:
            value = max(value - margin, self.warn_high)
        if not self.critical_low <= value <= self.critical_high:
            return CRITICAL
        return OK if self.warn_low <= value <= self.warn_high else WARN

    def text(self) -> str:
        """What is expected, in words."""
        if np.isinf(self.warn_low):
            return f"at most {self.warn_high:g}"
        return (
            f"at least {self.warn_low:g}"
            if np.isinf(self.warn_high)
            else f"{self.warn_low:g} to {self.warn_high:g}"
        )


# Correlations, Fano factors, drift, and a CV of 0.35, below which firing is regular: the
# diagnostics of PyTorch Thalia, from which this project originates (cortical neurons have 0.5 to 1:
# Softky & Koch 1993, from memory); the least Fano factor is that of a renewal process of this CV,
# its square. Chosen here: clock-like firing, bursts beyond chance, silence.
LIMITS = {
    "cv": Limit(critical_low=0.1, warn_low=0.35),
    "fano": Limit(warn_low=0.12, warn_high=3.0),
    "correlation": Limit(critical_low=-0.4, warn_low=-0.15, warn_high=0.15, critical_high=0.4),
    "bursts": Limit(warn_high=0.5, critical_high=0.9),
    "silent": Limit(warn_high=0.99),
    "drift": Limit(warn_high=0.5, critical_high=1.0),
    "saturated": Limit(warn_high=0.8, critical_high=0.95),
}
# of w_max, which a lower mean counts as: small changes of small weights are no drift
NEAR_ZERO = 0.1
COLUMNS = {
    "rate": "Hz",
    "cv": "CV",
    "cv2": "CV2",
    "fano": "Fano",
    "correlation": "corr",
    "bursts": "burst",
    "adaptation": "adapt",
    "silent": "silent",
    "band": "band",
    "excitation_inhibition": "E/I",
}
OF_PACEMAKERS = {"cv", "fano"}  # not judged of a population that is known to fire regularly
OF_RHYTHMS = {"cv", "fano", "correlation"}  # nor of one that is known to be paced by a rhythm
RHYTHM = Limit(
    warn_low=10.0
)  # power of the highest peak in a known band over the median, as in `dominant_band`


def shown(measures: dict[str, Any], key: str) -> str:
    """A measure as text for a table; a dash where there are too few spikes for it."""
    value = measures.get(key)
    if value is None:
        return "–" if key in measures.get("missing", {}) else ""
    if isinstance(value, str):
        return value
    return f"{round(value, 2) + 0.0:.2f}" if abs(value) < 100 else f"{value:.0f}"  # no "-0.00"


@dataclass(frozen=True)
class Finding:
    """One measure of a population or pathway that is out of range."""

    where: str
    measure: str
    value: float
    verdict: str
    expected: str

    def text(self) -> str:
        """The finding in words."""
        return f"{self.where}: {self.measure} {self.value:.3g}, expected {self.expected}"


@dataclass(frozen=True)
class Health:
    """Measures by population and by plastic pathway, those out of range, and what is not judged.

    Of each population, `spikes` is their number, `errors` has the standard errors of measures, and
    `missing` the reasons why some are None; `judged` is whether a reference names it.
    """

    populations: dict[str, dict[str, Any]]
    pathways: dict[str, dict[str, float]]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst of all verdicts."""
        return self.of(None)

    def of(self, where: str | None, measure: str | None = None) -> str:
        """The worst verdict on a population or pathway, `where`, or on one `measure` of it."""
        found = [
            f for f in self.findings if where in (None, f.where) and measure in (None, f.measure)
        ]
        return max((f.verdict for f in found), key=(OK, WARN, CRITICAL).index, default=OK)

    def missing(self) -> Iterator[tuple[str, str, list[str]]]:
        """Each measure that is not given, with the reason, and of which populations."""
        where: dict[tuple[str, str], list[str]] = {}
        for name, measures in self.populations.items():
            for key, reason in measures["missing"].items():
                where.setdefault((key, reason), []).append(name)
        yield from ((key, reason, names) for (key, reason), names in where.items())


@dataclass(frozen=True)
class Claims:
    """What the `reference:` of a circuit says of its populations."""

    rates: dict[str, float] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    pacemakers: list[str] = field(default_factory=list)
    bands: dict[str, str] = field(default_factory=dict)
    asynchronous: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, run: Run) -> "Claims":
        """Those of the circuit that was run."""
        reference = run.structure["reference"] or {}
        return cls(**{key: reference[key] for key in cls.__annotations__ if key in reference})

    def name(self, population: str) -> bool:
        """Whether they say anything of a population."""
        return any(population in getattr(self, key) for key in self.__annotations__)

    def unjudged(self, population: str, duration: float) -> set[str]:
        """The measures on which a run of this duration in seconds gives no verdict."""
        found = set() if population in self.asynchronous else {"correlation"}
        found |= OF_PACEMAKERS if population in self.pacemakers else set()
        found |= OF_RHYTHMS if population in self.bands else set()
        _, highest = self.ranges.get(population, (0, np.inf))
        if np.exp(-highest * duration) > LIMITS["silent"].warn_high:
            found.add("silent")  # so would be Poisson processes of a published rate
        return found


def health(run: Run, phase: str = "") -> Health:
    """Measure a phase of a run, by default the last, and compare it with published values.

    Ranges of rates, pacemakers, bands of rhythms, and what is asynchronous are those of the
    circuit's `reference:`; all other limits are `LIMITS`. Only populations that the reference names
    are judged, and those without afferent pathways by rate and rhythm only, since the rest depends
    on their stimuli. A verdict needs the whole 95 % interval of a measure to be out of range.
    Weights are those of the whole run, whatever the phase; their drift is that of the second half
    of the time in which they changed, if they were recorded in between, since what learns settles
    in the end, and what runs away does not; it is relative to their mean before, or to a tenth of
    the bound if that is more. A neuron whose equations overflowed is critical,
    whatever else is measured.

    Raises
    ------
    CircuitError
        If the run recorded neither spikes nor plastic weights, or has no phase of this name.
    """
    if not list(run.spikes) and not _learned(run):
        raise fail(
            f"{run.file}: has neither spikes nor weights of plastic pathways to judge",
            "record them with `record: {spikes: all}`",
        )
    with edited(run.file):
        return _judged(run, _period(run, phase))


def _period(run: Run, phase: str) -> tuple[float, float]:
    """Start and end of a phase in seconds, of the last one by default."""
    periods = {name: (start, stop) for name, start, stop in run.phases}
    if phase and phase not in periods:
        raise fail(f"{run.file}: has no phase '{phase}'", did_you_mean(phase, periods))
    return periods[phase or run.phases[-1][0]]


def _judged(run: Run, period: tuple[float, float]) -> Health:
    claims = Claims.of(run)
    overflowed = run.results.get("overflowed", {})
    populations = {
        name: _population(run, name, *period)
        | {"judged": claims.name(name), "overflowed": overflowed.get(name, 0)}
        for name in run.spikes
    }
    balance = _balance(run, {name: measures["rate"] for name, measures in populations.items()})
    for name, measures in populations.items():
        measures["excitation_inhibition"] = balance.get(name)
    pathways = {name: _pathway(run, name) for name in _learned(run)}
    duration = period[1] - period[0]
    findings = tuple(_findings(run, claims, populations, pathways, duration))
    return Health(populations, pathways, findings, tuple(_notes(run, claims, populations)))


def _learned(run: Run) -> list[str]:
    """The plastic pathways whose weights were recorded."""
    return [name for name in run.weights if run.network.pathways[name].plastic]


def _population(run: Run, name: str, start: float, stop: float) -> dict[str, Any]:
    spikes = run.spikes[name]
    late = (spikes.times >= start) & (spikes.times < stop)
    times, neurons = spikes.times[late], spikes.neurons[late]
    some = neurons < SAMPLE
    correlated = counts_of(
        times[some], neurons[some], min(SAMPLE, spikes.size), start, stop, CORRELATING
    )
    rate = population_rate(times - start, spikes.size, stop - start, SPECTRUM)
    estimates = {
        "cv": irregularity(times, neurons),
        "cv2": local_variation(times, neurons),
        "fano": fano_factor(counts_of(times, neurons, spikes.size, start, stop, COUNTING)),
        "correlation": mean_correlation(correlated),
        "bursts": bursting(times, neurons, stop - start),
        "adaptation": adaptation(times, neurons),
    }
    missing = {key: each.missing for key, each in estimates.items() if each.missing}
    if rhythm := len(times) < LEAST_FOR_RHYTHM:
        missing["band"] = f"fewer than {LEAST_FOR_RHYTHM} spikes"
    return {
        "spikes": len(times),
        "rate": len(times) / (spikes.size * (stop - start)),
        **{key: each.value for key, each in estimates.items()},
        "bursts_by_chance": bursts_by_chance(neurons, stop - start),
        "silent": 1 - len(np.unique(neurons)) / spikes.size,
        "band": None if rhythm else dominant_band(rate, SPECTRUM),
        "peaks": band_peaks(rate, SPECTRUM),
        "errors": {"rate": _counting_error(len(times)) / (spikes.size * (stop - start))}
        | {key: each.error for key, each in estimates.items() if each.error is not None},
        "missing": missing,
    }


def _counting_error(spikes: int) -> float:
    """A standard error of a count: its 95 % interval has the mean of a Poisson process."""
    return float(2 * np.sqrt(spikes + 1) + 2) / INTERVAL  # 4 of 0, where the exact bound is 3.7


def _balance(run: Run, rates: dict[str, float]) -> dict[str, float]:
    """Excitation over inhibition from recorded populations: sums of synapses x weight x rate.

    Weights are those that arrive at the end where they are recorded, else those of the circuit.
    Only where all weights have the same unit; stimuli are not included.
    """
    received: dict[str, dict[bool, float]] = {}
    units: dict[str, set[str]] = {}
    for name, pathway in run.network.pathways.items():
        if pathway.pre in rates:
            arriving = _arriving(run, name)
            weight = pathway.weight if arriving is None else arriving
            sums = received.setdefault(pathway.post, {True: 0.0, False: 0.0})
            sums[pathway.inhibitory] += pathway.synapses * abs(weight) * rates[pathway.pre]
            units.setdefault(pathway.post, set()).add(pathway.unit)
    return {
        name: sums[False] / sums[True]
        for name, sums in received.items()
        if sums[True] and len(units[name]) == 1
    }


def _arriving(run: Run, pathway: str) -> float | None:
    """Mean of the weights that arrive at the end, in SI, if they are recorded."""
    if pathway not in run.weights or not (weights := run.weights[pathway]).w.size:
        return None
    size = 1.0 if weights.unit == "1" else parse_value(f"1 {weights.unit}").mean
    return float(weights.arriving[-1].mean()) * size


def _pathway(run: Run, name: str) -> dict[str, float]:
    weights = run.weights[name]
    if not weights.w.size:
        return {}
    before, after = (weights.arriving[record] for record in _late(weights))
    least = NEAR_ZERO * (weights.w_max or 0)
    base = max(abs(before.mean()), least)
    found = {"drift": float(abs(after.mean() - before.mean()) / base)} if base else {}
    if weights.w_max:
        share = weights.w[-1] / weights.w_max  # the bounds are those of the weight itself
        found["saturated"] = float(np.mean((share < 0.01) | (share > 0.99)))
    return found


def _late(weights: Weights) -> tuple[int, int]:
    """The records in the middle and at the end of the time in which the weights changed.

    Without a record in between, that at its start.
    """
    changed = np.flatnonzero(np.any(np.diff(weights.arriving, axis=0), axis=1))
    if not len(changed):
        return -1, -1
    first, last = int(changed[0]), int(changed[-1]) + 1
    if last == first + 1:
        return first, last
    times = weights.time[first : last + 1]
    return first + int(np.argmax(times >= times[[0, -1]].mean())), last


def _findings(
    run: Run,
    claims: Claims,
    populations: dict[str, dict[str, Any]],
    pathways: dict[str, dict[str, float]],
    duration: float,
) -> Iterator[Finding]:
    receiving = {pathway.post for pathway in run.network.pathways.values()}
    for name, measures in populations.items():
        if lost := measures["overflowed"]:
            yield Finding(name, "neurons that overflowed", lost, CRITICAL, "none")
        if name in claims.ranges:
            low, high = claims.ranges[name]
            limit, rate = Limit(low / 2, low, high, high * 2), measures["rate"]
            verdict = limit.verdict(rate, INTERVAL * measures["errors"]["rate"])
            if verdict != OK:
                yield Finding(name, "rate", rate, verdict, f"{limit.text()} Hz")
        if name in claims.bands and "band" not in measures["missing"]:
            peak = measures["peaks"][claims.bands[name]]
            if peak is not None and RHYTHM.verdict(peak) != OK:
                yield Finding(name, claims.bands[name], peak, WARN, RHYTHM.text())
        if name in receiving and measures["judged"]:
            without = claims.unjudged(name, duration)
            yield from (each for each in _beyond(name, measures) if each.measure not in without)
    for name, changes in pathways.items():
        yield from _beyond(name, changes)


def _beyond(where: str, measures: dict[str, Any]) -> Iterator[Finding]:
    for key, limit in LIMITS.items():
        value, error = measures.get(key), measures.get("errors", {}).get(key, 0.0)
        if value is not None and (verdict := limit.verdict(value, INTERVAL * error)) != OK:
            yield Finding(where, key, value, verdict, limit.text())


def _notes(run: Run, claims: Claims, populations: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What is out of the usual range, but not judged because no reference speaks of it."""
    receiving = {pathway.post for pathway in run.network.pathways.values()}
    for name, measures in populations.items():
        beyond = {each.measure: each for each in _beyond(name, measures)}
        together = beyond.pop("correlation", None)
        if together and name not in (*claims.bands, *claims.asynchronous):
            band = measures["band"] or "gamma"
            yield (
                f"{name}: correlation {together.value:.3g}: not judged; if it oscillates, say "
                f"`reference: {{bands: {{{name}: {band}}}}}`, and if it should not, "
                f"`reference: {{asynchronous: [{name}]}}`"
            )
        if beyond and name in receiving and not measures["judged"]:
            unusual = ", ".join(f"{each.measure} {each.value:.3g}" for each in beyond.values())
            yield (
                f"{name}: {unusual}: not judged, since `reference:` does not name it; give its "
                f"`rates` or `ranges`, or say `pacemakers: [{name}]` if it fires like a clock"
            )

"""Is the activity of a run healthy? Measures of populations and plastic pathways, with verdicts.

Rates are not enough: a neuron whose dendrite latches fires like a clock, within its range.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalia.analysis.spike_trains import (
    adaptation,
    band_peaks,
    burst_fraction,
    counts_of,
    dominant_band,
    fano_factor,
    interval_cv,
    local_variation,
    mean_correlation,
    population_rate,
)
from thalia.errors import fail
from thalia.recording.run_file import Run

OK, WARN, CRITICAL = "ok", "warn", "critical"
SAMPLE = 200  # neurons whose correlations are computed
COUNTING, CORRELATING, SPECTRUM = (
    0.1,
    0.02,
    0.002,
)  # seconds: windows of the Fano factor, of correlations, and of the spectrum


@dataclass(frozen=True)
class Limit:
    """The values beyond which a measure is a warning, and critical, on either side."""

    critical_low: float = -np.inf
    warn_low: float = -np.inf
    warn_high: float = np.inf
    critical_high: float = np.inf

    def verdict(self, value: float) -> str:
        """The verdict on a value."""
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
# Softky & Koch 1993, from memory). Chosen here: clock-like firing, bursts, silence.
LIMITS = {
    "cv": Limit(critical_low=0.1, warn_low=0.35),
    "fano": Limit(warn_low=0.3, warn_high=3.0),
    "correlation": Limit(critical_low=-0.4, warn_low=-0.15, warn_high=0.15, critical_high=0.4),
    "bursts": Limit(warn_high=0.5, critical_high=0.9),
    "silent": Limit(warn_high=0.99),
    "drift": Limit(warn_high=0.5, critical_high=1.0),
    "saturated": Limit(warn_high=0.8, critical_high=0.95),
}
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
OF_PACEMAKERS = {
    "cv",
    "fano",
}  # not applied to a population that is known to fire regularly
OF_RHYTHMS = {"correlation"}  # nor to one that is known to be paced by a rhythm
RHYTHM = Limit(
    warn_low=10.0
)  # power of the highest peak in a known band over the median, as in `dominant_band`


def shown(value: Any) -> str:
    """A measure as text for a table."""
    if value is None:
        return ""
    return (
        value if isinstance(value, str) else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
    )


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
    """Measures by population and by plastic pathway, and those out of range."""

    populations: dict[str, dict[str, Any]]
    pathways: dict[str, dict[str, float]]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """The worst of all verdicts."""
        return self.of(None)

    def of(self, where: str | None, measure: str | None = None) -> str:
        """The worst verdict on a population or pathway, or on one of its measures."""
        found = [
            f for f in self.findings if where in (None, f.where) and measure in (None, f.measure)
        ]
        return max((f.verdict for f in found), key=(OK, WARN, CRITICAL).index, default=OK)


def health(run: Run) -> Health:
    """Measure the last phase of a run, and compare it with published values.

    Ranges of rates, pacemakers and bands of rhythms are those of the circuit's `reference:`; all
    other limits are `LIMITS`. Populations without afferent pathways are judged by rate and rhythm
    only, since the rest depends on their stimuli.

    Raises
    ------
    CircuitError
        If the run recorded no spikes.
    """
    if not list(run.spikes):
        raise fail(
            f"{run.file}: has no spikes to judge", "record them with `record: {spikes: all}`"
        )
    populations = {name: _population(run, name) for name in run.spikes}
    balance = _balance(run, {name: measures["rate"] for name, measures in populations.items()})
    for name, measures in populations.items():
        measures["excitation_inhibition"] = balance.get(name)
    pathways = {
        name: _pathway(run, name) for name in run.weights if run.network.pathways[name].plastic
    }
    return Health(populations, pathways, tuple(_findings(run, populations, pathways)))


def _population(run: Run, name: str) -> dict[str, Any]:
    spikes = run.spikes[name]
    _, start, stop = run.phases[-1]
    late = (spikes.times >= start) & (spikes.times < stop)
    times, neurons = spikes.times[late], spikes.neurons[late]
    cv = interval_cv(times, neurons, spikes.size)
    some = neurons < SAMPLE
    correlated = counts_of(
        times[some], neurons[some], min(SAMPLE, spikes.size), start, stop, CORRELATING
    )
    rate = population_rate(times - start, spikes.size, stop - start, SPECTRUM)
    return {
        "rate": len(times) / (spikes.size * (stop - start)),
        "cv": float(cv.mean()) if len(cv) else None,
        "cv2": local_variation(times, neurons),
        "fano": fano_factor(counts_of(times, neurons, spikes.size, start, stop, COUNTING)),
        "correlation": mean_correlation(correlated),
        "bursts": burst_fraction(times, neurons),
        "adaptation": adaptation(times, neurons),
        "silent": 1 - len(np.unique(neurons)) / spikes.size,
        "band": dominant_band(rate, SPECTRUM),
        "peaks": band_peaks(rate, SPECTRUM),
    }


def _balance(run: Run, rates: dict[str, float]) -> dict[str, float]:
    """Excitation over inhibition from recorded populations: sums of synapses x weight x rate.

    Only where all weights have the same unit; stimuli are not included.
    """
    received: dict[str, dict[bool, float]] = {}
    units: dict[str, set[str]] = {}
    for pathway in run.network.pathways.values():
        if pathway.pre in rates:
            sums = received.setdefault(pathway.post, {True: 0.0, False: 0.0})
            sums[pathway.inhibitory] += pathway.synapses * abs(pathway.weight) * rates[pathway.pre]
            units.setdefault(pathway.post, set()).add(pathway.unit)
    return {
        name: sums[False] / sums[True]
        for name, sums in received.items()
        if sums[True] and len(units[name]) == 1
    }


def _pathway(run: Run, name: str) -> dict[str, float]:
    weights = run.weights[name]
    if not weights.w.size:
        return {}
    before, after = weights.w[0], weights.w[-1]
    found = (
        {"drift": float(abs(after.mean() - before.mean()) / abs(before.mean()))}
        if before.mean()
        else {}
    )
    if weights.w_max:
        share = after / weights.w_max
        found["saturated"] = float(np.mean((share < 0.01) | (share > 0.99)))
    return found


def _findings(
    run: Run, populations: dict[str, dict[str, Any]], pathways: dict[str, dict[str, float]]
) -> Iterator[Finding]:
    reference = run.structure["reference"] or {}
    ranges, pacemakers, bands = (
        reference.get("ranges", {}),
        reference.get("pacemakers", []),
        reference.get("bands", {}),
    )
    receiving = {pathway.post for pathway in run.network.pathways.values()}
    for name, measures in populations.items():
        if name in ranges:
            low, high = ranges[name]
            limit = Limit(low / 2, low, high, high * 2)
            verdict = limit.verdict(measures["rate"])
            if verdict != OK:
                yield Finding(name, "rate", measures["rate"], verdict, f"{limit.text()} Hz")
        if name in bands:
            peak = measures["peaks"][bands[name]]
            if RHYTHM.verdict(peak) != OK:
                yield Finding(name, bands[name], peak, WARN, RHYTHM.text())
        exempt = (OF_PACEMAKERS if name in pacemakers else set()) | (
            OF_RHYTHMS if name in bands else set()
        )
        if name in receiving:
            yield from _beyond(
                name, {key: value for key, value in measures.items() if key not in exempt}
            )
    for name, changes in pathways.items():
        yield from _beyond(name, changes)


def _beyond(where: str, measures: dict[str, Any]) -> Iterator[Finding]:
    for key, limit in LIMITS.items():
        value = measures.get(key)
        if value is not None and limit.verdict(value) != OK:
            yield Finding(where, key, value, limit.verdict(value), limit.text())

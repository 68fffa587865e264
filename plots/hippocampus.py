"""A track that CA3 learned: replay in ripples at rest, and completion; after one lap, and controls.

python plots/hippocampus.py [-o plots/hippocampus.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "hippocampus.yaml"
CELLS, BASKET, GRANULE = "hc.ca3", "hc.ca3_pv", "hc.dg"
LAP = 10.0  # seconds
BIN = 0.010  # seconds of a decoded position
SMOOTH, HIGH = (
    0.02,
    2.0,
)  # seconds, and Hz: the population rate, and from where on it is a sharp wave
LEAST, SHUFFLES = (
    0.05,
    100,
)  # seconds of a sharp wave that is decoded, and permutations of its cells' fields
CUE, EVERY = 0.25, 0.5  # seconds to the first cue, and between cues
STEP, WIDTH = 0.3, 0.05  # laps between their places, and around a place
AHEAD, AFTER = 0.05, 0.05  # seconds before and after a cue
PUBLISHED = {
    "ripple (Hz)": "140 to 220 (from memory)",
    "CA3, rest (Hz)": "about 2 (Ecker et al. 2022, from memory)",
    "basket cells, rest (Hz)": "about 60 (Ecker et al. 2022, from memory)",
}
INK, BLUE, RED = "#222222", "#0072B2", "#D55E00"


def within(run: thalia.Run, population: str, phase: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Times from the start of a phase and neurons of the spikes in it, and its length."""
    start, stop = next((start, stop) for name, start, stop in run.phases if name == phase)
    spikes = run.spikes[population]
    inside = (spikes.times >= start) & (spikes.times < stop)
    return spikes.times[inside] - start, spikes.neurons[inside], stop - start


def fields(run: thalia.Run) -> np.ndarray:
    """Place field of each CA3 cell as an angle on the track; NaN for cells without one field."""
    times, neurons, _ = within(run, CELLS, "explore")
    size = run.spikes[CELLS].size
    total = np.zeros(size, complex)
    np.add.at(total, neurons, np.exp(2j * np.pi * times / LAP))
    count = np.bincount(neurons, minlength=size)
    return np.where((count >= 5) & (abs(total) > 0.7 * count), np.angle(total), np.nan)


def sharp_waves(run: thalia.Run) -> list[tuple[float, float]]:
    """Start and end of every period of rest in which CA3 cells fire above 2 Hz on average."""
    times, _, length = within(run, CELLS, "rest")
    high = thalia.analysis.population_rate(times, run.spikes[CELLS].size, length, SMOOTH) > HIGH
    edges = np.flatnonzero(np.diff(np.concatenate([[0], high.astype(int), [0]])))
    return [
        (start * SMOOTH, stop * SMOOTH)
        for start, stop in edges.reshape(-1, 2)
        if (stop - start) * SMOOTH >= LEAST
    ]


def path(times: np.ndarray, angles: np.ndarray) -> tuple[float, float]:
    """Speed of the decoded position in laps per second, and its correlation with time."""
    bins = (times / BIN).astype(int)
    vector = np.zeros(bins.max() + 1, complex)
    np.add.at(vector, bins, np.exp(1j * angles))
    there = np.bincount(bins) >= 3
    when, position = np.flatnonzero(there) * BIN, np.unwrap(np.angle(vector[there])) / (2 * np.pi)
    if len(when) < 4:
        return 0.0, 0.0
    return float(np.polyfit(when, position, 1)[0]), float(np.corrcoef(when, position)[0, 1])


def replays(run: thalia.Run) -> list[float]:
    """Speed in laps per second of every sharp wave; 0 if no more ordered than 95 % of shuffles."""
    times, neurons, _ = within(run, CELLS, "rest")
    angle, generator, speeds = fields(run), np.random.default_rng(0), []
    known = np.flatnonzero(~np.isnan(angle))
    for start, stop in sharp_waves(run):
        inside = (times >= start) & (times < stop) & np.isin(neurons, known)
        if inside.sum() < 20:
            continue
        when, who = times[inside] - start, neurons[inside]
        speed, found = path(when, angle[who])
        shuffled = []
        for _ in range(SHUFFLES):
            other = angle.copy()
            other[known] = generator.permutation(angle[known])
            shuffled.append(abs(path(when, other[who])[1]))
        speeds.append(speed if abs(found) > np.quantile(shuffled, 0.95) else 0.0)
    return speeds


def ripple(run: thalia.Run) -> tuple[float, float]:
    """Frequency and height of the largest peak, 100 to 300 Hz, of basket cells at rest."""
    times, _, length = within(run, BASKET, "rest")
    frequency, power = thalia.analysis.spectrum(
        thalia.analysis.population_rate(times, run.spikes[BASKET].size, length, 0.001),
        0.001,
        100,
        300,
    )
    return float(frequency[power.argmax()]), float(power.max())


def theta(run: thalia.Run) -> tuple[float, float]:
    """Frequency and height of the largest peak, 4 to 12 Hz, of CA1 cells in exploration."""
    times, _, length = within(run, "hc.ca1", "explore")
    frequency, power = thalia.analysis.spectrum(
        thalia.analysis.population_rate(times, run.spikes["hc.ca1"].size, length, 0.005),
        0.005,
        2,
        40,
    )
    band = (frequency >= 4) & (frequency <= 12)
    return float(frequency[band][power[band].argmax()]), float(power[band].max())


def recalled(run: thalia.Run, start: float, stop: float) -> tuple[float, float]:
    """Fraction of the CA3 cells that fire from `start` to `stop` after a cue.

    First of the cells with a field at the cue, then of those with one at least a quarter of a lap
    away, without cells that the cue reaches through a mossy fibre; averaged over cues.
    """
    mossy = run.weights["hc.mossy_fibres"]
    (times, neurons, length), (granule_times, granules, _) = (
        within(run, CELLS, "recall"),
        within(run, GRANULE, "recall"),
    )
    place, parts = fields(run) / (2 * np.pi) % 1, []
    for number, cue in enumerate(np.arange(CUE, length, EVERY)):
        cued = granules[(granule_times >= cue) & (granule_times < cue + AFTER)]
        distance = abs((place - (STEP * number + WIDTH) + 0.5) % 1 - 0.5)
        distance[mossy.post[np.isin(mossy.pre, cued)]] = np.nan
        fired = np.isin(
            np.arange(len(place)), neurons[(times >= cue + start) & (times < cue + stop)]
        )
        parts.append([fired[distance < WIDTH].mean(), fired[distance > 0.25].mean()])
    here, away = np.mean(parts, axis=0)
    return float(here), float(away)


def numbers(run: thalia.Run) -> dict[str, float]:
    """Sharp waves and replays per second, fraction forwards, ripple, theta, completion, rates."""
    speeds = np.array(replays(run))
    ordered = speeds[speeds != 0]
    frequency, height = ripple(run)
    slow, above = theta(run)
    completed, away = recalled(run, 0, AFTER)
    rest = run.results["rates_by_phase_hz"]["rest"]
    seconds = within(run, CELLS, "rest")[2]
    return {
        "sharp waves per second": len(sharp_waves(run)) / seconds,
        "replays per second": len(ordered) / seconds,
        "replays forwards (share)": float(np.mean(ordered > 0)) if len(ordered) else float("nan"),
        "speed of replay (laps/s)": float(np.median(abs(ordered)))
        if len(ordered)
        else float("nan"),
        "ripple (Hz)": frequency,
        "height of the ripple's peak (times the median)": height,
        "theta (Hz)": slow,
        "height of theta's peak (times the median)": above,
        "completed: uncued cells of the place that fire (share)": completed,
        "the same elsewhere (share)": away,
        "the same before the cue (share)": recalled(run, -AHEAD, 0)[0],
        "CA3, rest (Hz)": rest[CELLS],
        "basket cells, rest (Hz)": rest[BASKET],
        "CA1, rest (Hz)": rest["hc.ca1"],
    }


def figure(study: thalia.Study) -> Figure:
    """The figure, of the first seed."""
    made = Figure(figsize=(15, 7.4), layout="constrained")
    axes = made.subplots(3, len(study.runs), height_ratios=[1.4, 1, 1], sharey="row")
    for column, (condition, runs) in enumerate(study.runs.items()):
        _draw_run(axes[:, column], runs[min(runs)])
        axes[0, column].set_title(condition.replace("baseline", "learned").replace("_", " "))
    axes[0, 0].set(ylabel="place of the cell's field (laps)")
    axes[1, 0].set(ylabel="power over median, at rest")
    axes[2, 0].set(ylabel="uncued cells that fire")
    return made


def _draw_run(axes, run: thalia.Run) -> None:
    times, neurons, _ = within(run, CELLS, "rest")
    place = fields(run)[neurons] / (2 * np.pi) % 1
    axes[0].plot(times, place, ".", ms=0.7, color=INK)
    axes[0].set(xlim=(0, 3), ylim=(0, 1), xlabel="time at rest (s)")
    for population, colour in ((BASKET, RED), (CELLS, BLUE)):
        times, _, length = within(run, population, "rest")
        rate = thalia.analysis.population_rate(times, run.spikes[population].size, length, 0.001)
        axes[1].semilogy(
            *thalia.analysis.spectrum(rate, 0.001, 20, 300),
            color=colour,
            lw=0.8,
            label=population.removeprefix("hc."),
        )
    axes[1].axvspan(140, 220, color="#999999", alpha=0.2, lw=0)
    axes[1].set(xlabel="frequency (Hz)", ylim=(1e-3, 1e3))
    axes[1].legend(fontsize=7, frameon=False)
    bins = np.arange(-0.1, 0.2, 0.02)
    parts = np.array([recalled(run, start, start + 0.02) for start in bins])
    for series, colour, label in zip(
        parts.T, (RED, INK), ("at the cue's place", "elsewhere"), strict=True
    ):
        axes[2].step(bins * 1000, series, where="post", color=colour, lw=1, label=label)
    axes[2].set(xlabel="time from the cue (ms)", ylim=(0, 0.35))
    axes[2].legend(fontsize=7, frameon=False, loc="upper left")


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)

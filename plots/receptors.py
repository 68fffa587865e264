"""What each receptor for a neuromodulator does to the rate of its cells, and when it is blocked.

python plots/receptors.py [-o plots/receptors.png] [--seeds 5] [--json FILE]
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "receptors.yaml"
RECEPTORS = ("d1", "d2", "alpha1", "beta", "ht1a", "ht2a", "ht2c", "m1", "m2", "nicotinic")
BEFORE, RELEASE, LATER = (1.0, 5.0), (5.2, 6.0), (7.0, 8.0)  # seconds; released from 5 to 6


def rate(run: thalia.Run, receptor: str, span: tuple[float, float]) -> float:
    """The rate of the cells of a receptor in a span of time, in Hz."""
    spikes = run.spikes[f"on_{receptor}"]
    within = (spikes.times >= span[0]) & (spikes.times < span[1])
    return float(np.count_nonzero(within) / spikes.size / (span[1] - span[0]))


def numbers(run: thalia.Run) -> Mapping[str, float]:
    """Changes of the rate during the release, and a second later, by receptor, in Hz."""
    spans = {"": RELEASE, " later": LATER}
    return {
        f"{receptor}{when}": rate(run, receptor, span) - rate(run, receptor, BEFORE)
        for receptor in RECEPTORS
        for when, span in spans.items()
    }


def figure(study: thalia.Study) -> Figure:
    """Rates over time of the baseline, with those of cells whose receptor is blocked in grey."""
    made = Figure(figsize=(10, 4), layout="constrained")
    bins = np.arange(3, 10.01, 0.2)
    for axis, receptor in zip(
        made.subplots(2, 5, sharex=True, sharey=True).flat, RECEPTORS, strict=True
    ):
        for condition, colour in ((f"{receptor}_blocked", "#aaaaaa"), ("baseline", "#D55E00")):
            spikes = [run.spikes[f"on_{receptor}"] for run in study.runs[condition].values()]
            counts = [np.histogram(each.times, bins)[0] / each.size / 0.2 for each in spikes]
            axis.plot((bins[:-1] + bins[1:]) / 2, np.mean(counts, axis=0), color=colour)
        axis.axvspan(5, 6, color="#eeeeee", zorder=0)
        axis.set(title=receptor, ylim=(0, None))
    made.supxlabel("time (s)")
    made.supylabel("rate (Hz)")
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)

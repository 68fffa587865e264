"""Cues that call up items of working memory once they were learned with dopamine; and without it.

python plots/prefrontal_learning.py [-o plots/prefrontal_learning.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.figures import band

CIRCUIT = Path(__file__).parent.parent / "circuits" / "prefrontal_learning.yaml"
WIDTH = 0.05  # seconds
ITEMS = ("first", "second")
COLOURS = {"first": "#D55E00", "second": "#0072B2"}
SHOWN = {"first": [(1, 2), (4.5, 5)], "second": [(3, 4), (6.5, 7)]}  # when each cue is, in seconds


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates of both groups in the delays after each cue alone, in Hz, and final weights, in nS.

    Each is the mean over both cues.
    """
    rates = run.results["rates_by_phase_hz"]
    others = ITEMS[::-1]
    return {
        "item of the cue, delay (Hz)": _mean(rates[f"delay_{cue}"][f"pfc.{cue}"] for cue in ITEMS),
        "other item, delay (Hz)": _mean(
            rates[f"delay_{cue}"][f"pfc.{other}"] for cue, other in zip(ITEMS, others, strict=True)
        ),
        "weight on the item of the cue (nS)": _mean(
            run.weights[f"cues.cue_{cue}_to_pfc_{cue}"].w[-1].mean() for cue in ITEMS
        ),
        "weight on the other item (nS)": _mean(
            run.weights[f"cues.cue_{cue}_to_pfc_{other}"].w[-1].mean()
            for cue, other in zip(ITEMS, others, strict=True)
        ),
    }


def _mean(values) -> float:
    return float(np.mean([*values]))


def figure(study: thalia.Study) -> Figure:
    """Rates of both groups over time, with intervals over seeds."""
    made = Figure(figsize=(9, 5.5), layout="constrained")
    axes = made.subplots(len(study.runs), sharex=True, sharey=True)
    for axis, (condition, runs) in zip(axes, study.runs.items(), strict=True):
        _draw(axis, [*runs.values()])
        axis.set(title=condition.replace("baseline", "with dopamine").replace("_", " "))
    axes[1].set(ylabel="rate (Hz)")
    axes[-1].set(xlabel="time (s); a cue in its colour, first with its item driven, then alone")
    axes[0].legend(fontsize=8, frameon=False)
    return made


def _draw(axis, runs: list[thalia.Run]) -> None:
    for item, colour in COLOURS.items():
        rates = np.array([_rate(run, f"pfc.{item}") for run in runs])
        band(axis, (np.arange(rates.shape[1]) + 0.5) * WIDTH, rates, colour, lw=1.2, label=item)
        for begin, end in SHOWN[item]:
            axis.axvspan(begin, end, color=colour, alpha=0.12, lw=0)


def _rate(run: thalia.Run, population: str) -> np.ndarray:
    spikes = run.spikes[population]
    return thalia.analysis.population_rate(spikes.times, spikes.size, run.duration, WIDTH)


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)

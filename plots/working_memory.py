"""An item held by facilitation, in population bursts or silently, and the controls.

python plots/working_memory.py [-o plots/working_memory.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "working_memory.yaml"
COLOURS = {"item": "#D55E00", "other": "#0072B2"}


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates of the cued and the other item, in the delay and when all cells are driven, in Hz."""
    rates = run.results["rates_by_phase_hz"]
    return {
        f"{name}, {phase} (Hz)": rates[phase][name]
        for phase in ("delay", "recall")
        for name in COLOURS
    }


def figure(study: thalia.Study) -> Figure:
    """Spikes of the first seed, and rates of all."""
    made = Figure(figsize=(11, 4.4), layout="constrained")
    mosaic = [["baseline", "bars"], ["silent", "bars"]]
    axes = made.subplot_mosaic(mosaic, width_ratios=[1.5, 1])
    for condition in ("baseline", "silent"):
        runs = study.runs[condition]
        _raster(axes[condition], runs[min(runs)], condition)
    _bars(axes["bars"], study.measure(numbers))
    return made


def _raster(axes, run: thalia.Run, condition: str) -> None:
    for row, (name, colour) in enumerate(COLOURS.items()):
        spikes = run.spikes[name]
        late = spikes.times > 1.5
        axes.plot(spikes.times[late], spikes.neurons[late] - 220 * row, ".", ms=1, color=colour)
    for name, start, stop in run.phases:
        if name in ("cue", "recall"):
            axes.axvspan(start, stop, color="#999999", alpha=0.25, lw=0)
            axes.text(start, 215, name if name == "cue" else "all are driven", fontsize=7)
    axes.set(
        xlabel="time (s)" if condition == "silent" else "", yticks=[100, -120], ylim=(-230, 240)
    )
    axes.set_yticklabels(["cued item", "other item"])
    axes.set_title(
        "held in population bursts"
        if condition == "baseline"
        else "held in silence, with less background",
        fontsize=9,
    )


def _bars(axes, found: dict) -> None:
    places = np.arange(len(found))[::-1]
    shades = {
        "item, delay (Hz)": "#D55E00",
        "other, delay (Hz)": "#0072B2",
        "item, recall (Hz)": "#F0B090",
        "other, recall (Hz)": "#A0C8E0",
    }
    for offset, (name, colour) in enumerate(shades.items()):
        means = [found[condition][name] for condition in found]
        axes.barh(
            places + 0.3 - 0.2 * offset,
            [each.mean for each in means],
            0.2,
            xerr=[each.half for each in means],
            color=colour,
            label=name.removesuffix(" (Hz)"),
        )
    names = [name.replace("baseline", "held").replace("_", " ") for name in found]
    axes.set_yticks(places, names, fontsize=8)
    axes.set(xlabel="rate (Hz)", title="cued and other item, delay and recall")
    axes.title.set_fontsize(9)
    axes.legend(fontsize=7, frameon=False)


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)

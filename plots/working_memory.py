"""An item held by facilitation, in population bursts or silently, and the controls.

python plots/working_memory.py [-o plots/working_memory.png] [--seeds 5]
"""

import argparse
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
        f"{phase} {name}": rates[phase][name] for phase in ("delay", "recall") for name in COLOURS
    }


def draw(study: thalia.Study) -> Figure:
    """The figure; the numbers of all seeds are printed."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    mosaic = [["baseline", "bars"], ["silent", "bars"]]
    axes = figure.subplot_mosaic(mosaic, width_ratios=[1.5, 1])
    measures = study.measure(numbers)
    for condition, found in measures.items():
        print(condition, {key: f"{each:.2f}" for key, each in found.items()})
    for condition in ("baseline", "silent"):
        _raster(axes[condition], study.runs[condition][1], condition)
    _bars(axes["bars"], measures)
    return figure


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
        "delay item": "#D55E00",
        "delay other": "#0072B2",
        "recall item": "#F0B090",
        "recall other": "#A0C8E0",
    }
    for offset, (name, colour) in enumerate(shades.items()):
        means = [found[condition][name] for condition in found]
        axes.barh(
            places + 0.3 - 0.2 * offset,
            [each.mean for each in means],
            0.2,
            xerr=[each.half for each in means],
            color=colour,
            label=name,
        )
    names = [name.replace("baseline", "held").replace("_", " ") for name in found]
    axes.set_yticks(places, names, fontsize=8)
    axes.set(xlabel="rate (Hz)", title="cued and other item, delay and recall")
    axes.title.set_fontsize(9)
    axes.legend(fontsize=7, frameon=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--runs", type=Path, help="folder of the run files, to continue an earlier study"
    )
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    draw(thalia.study(CIRCUIT, seeds=seeds, output=options.runs)).savefig(options.output, dpi=160)

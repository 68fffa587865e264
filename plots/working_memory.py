"""An item held by facilitation: in volleys, or in silence until all cells are driven; and lost without cue or facilitation.

python plots/working_memory.py [-o plots/working_memory.png] [--seeds 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis.spike_trains import bootstrap_interval

CIRCUIT = Path(__file__).parent.parent / "circuits" / "working_memory.yaml"
SILENT = {"stimuli.drive.amplitude": "216 pA"}
NO_FACILITATION = {"pathways.recurrent.synapse.0.tau_fac": "1 us"}
CONDITIONS: dict[str, dict[str, str]] = {
    "held": {},
    "no cue": {"stimuli.cue.amplitude": "0 pA"},
    "no facilitation": NO_FACILITATION,
    "silent": SILENT,
    "silent, no cue": {**SILENT, "stimuli.cue.amplitude": "0 pA"},
    "silent, no facilitation": {**SILENT, **NO_FACILITATION},
}
COLOURS = {"item": "#D55E00", "other": "#0072B2"}


def simulated(seed: int, condition: str, folder: Path) -> thalia.Run:
    """The circuit with a seed, in one of `CONDITIONS`."""
    circuit = thalia.load(CIRCUIT, set=CONDITIONS[condition])
    return thalia.run(circuit, seed=seed, output=folder / "run.h5", overwrite=True)


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates of the item that was cued and of the other one, in the delay and when all are driven, in Hz."""
    rates = run.results["rates_by_phase_hz"]
    return {
        f"{phase} {name}": rates[phase][name] for phase in ("delay", "recall") for name in COLOURS
    }


def draw(seeds: int) -> Figure:
    """The figure; the numbers of all seeds are printed."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    axes = figure.subplot_mosaic([["held", "bars"], ["silent", "bars"]], width_ratios=[1.5, 1])
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for condition in CONDITIONS:
        values: dict[str, list[float]] = {}
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                run = simulated(seed, condition, Path(folder))
                for name, value in numbers(run).items():
                    values.setdefault(name, []).append(value)
                if seed == 1 and condition in axes:
                    _raster(axes[condition], run, condition)
        found[condition] = {
            name: bootstrap_interval(np.array(each)) for name, each in values.items()
        }
        print(
            condition,
            {name: f"{mean:.2f} +- {half:.2f}" for name, (mean, half) in found[condition].items()},
        )
    _bars(axes["bars"], found)
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
        "held in volleys" if condition == "held" else "held in silence, with less background",
        fontsize=9,
    )


def _bars(axes, found: dict[str, dict[str, tuple[float, float]]]) -> None:
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
            [m for m, _ in means],
            0.2,
            xerr=[h for _, h in means],
            color=colour,
            label=name,
        )
    axes.set_yticks(places, list(found), fontsize=8)
    axes.set(xlabel="rate (Hz)", title="cued and other item, delay and recall")
    axes.title.set_fontsize(9)
    axes.legend(fontsize=7, frameon=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    draw(options.seeds).savefig(options.output, dpi=160)

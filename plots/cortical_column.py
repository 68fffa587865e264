"""A cortical column at rest, during a thalamic volley, and disinhibited by VIP cells.

python plots/cortical_column.py [-o plots/cortical_column.png] [--seeds 5]
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "cortical_column.yaml"
LAYERS = {
    "v1.l23": "#0072B2",
    "v1.l4": "#D55E00",
    "v1.l5": "#009E73",
    "v1.l6a": "#CC79A7",
    "v1.l6b": "#999999",
}
ONSET, BIN, SOON = (
    1.1,
    0.002,
    0.06,
)  # seconds: when the volley begins, and how long its response is looked at
TITLES = {
    "baseline": "at rest",
    "vip_driven": "VIP driven",
    "vip_apart_from_sst": "VIP apart from SST",
    "vip_driven_apart_from_sst": "VIP driven, apart from SST",
}


def response(run: thalia.Run, population: str) -> np.ndarray:
    """Rate around the volley, from 20 ms before it, in Hz."""
    spikes = run.spikes[population]
    inside = (spikes.times >= ONSET - 0.02) & (spikes.times < ONSET + SOON)
    return thalia.analysis.population_rate(
        spikes.times[inside] - ONSET + 0.02, spikes.size, 0.02 + SOON, BIN
    )


def numbers(run: thalia.Run) -> dict[str, float]:
    """Spontaneous rate of every population; CV of intervals and mean correlation of each layer."""
    found = {
        f"{name} Hz": rate for name, rate in run.results["rates_by_phase_hz"]["spontaneous"].items()
    }
    measures = thalia.health(run).populations
    for layer in LAYERS:
        found |= {
            f"{layer} CV": measures[layer]["cv"],
            f"{layer} correlation": measures[layer]["correlation"],
        }
    return found


def latency(rates: np.ndarray) -> float:
    """Time at which the response first reaches a quarter of its height above baseline, in ms."""
    before = rates[: round(0.02 / BIN)].mean()
    after = rates[round(0.02 / BIN) :] - before
    return float((np.argmax(after >= after.max() / 4) + 0.5) * BIN * 1000)


def draw(study: thalia.Study) -> Figure:
    """The figure; the numbers of all seeds are printed."""
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    raster, volley, bars = figure.subplots(1, 3, width_ratios=[1.3, 1, 1.2])
    measures = study.measure(numbers)
    for condition, found in measures.items():
        print(condition, {key: f"{each:.3g}" for key, each in found.items()})
    at_rest = study.runs["baseline"]
    _raster(raster, at_rest[1])
    _volley(volley, {layer: [response(run, layer) for run in at_rest.values()] for layer in LAYERS})
    _bars(bars, measures)
    return figure


def _raster(axes, run: thalia.Run) -> None:
    for row, (layer, colour) in enumerate(LAYERS.items()):
        spikes = run.spikes[layer]
        some = (spikes.neurons < 100) & (spikes.times > 0.6) & (spikes.times < 2.2)
        axes.plot(spikes.times[some], spikes.neurons[some] - 110 * row, ".", ms=1, color=colour)
    axes.axvline(ONSET, color="#999999", lw=0.8)
    axes.set(
        xlabel="time (s)",
        yticks=[50 - 110 * row for row in range(len(LAYERS))],
        title="100 cells of each layer; a volley",
    )
    axes.set_yticklabels([layer.removeprefix("v1.") for layer in LAYERS])


def _volley(axes, responses: dict[str, list[np.ndarray]]) -> None:
    for layer, colour in LAYERS.items():
        mean = np.mean(responses[layer], axis=0)
        late = latency(mean)
        print(f"volley: {layer} rises to {mean.max():.0f} Hz, a quarter of it after {late:.0f} ms")
        label = f"{layer.removeprefix('v1.')}: {late:.0f} ms"
        axes.plot((np.arange(len(mean)) + 0.5) * BIN * 1000 - 20, mean, color=colour, label=label)
    axes.axvspan(0, 20, color="#999999", alpha=0.2, lw=0)
    axes.set(
        xlabel="time from the volley (ms)",
        ylabel="rate (Hz)",
        title="a quarter of the response after …",
    )
    axes.legend(fontsize=7, frameon=False)


def _bars(axes, measures: dict) -> None:
    shown = ["v1.l23", "v1.l5", "v1.l23_sst", "v1.l5_sst", "v1.l23_vip"]
    for offset, (condition, colour) in enumerate(
        zip(measures, ["#222222", "#D55E00", "#BBBBBB", "#F0B090"], strict=True)
    ):
        means = [measures[condition][f"{name} Hz"] for name in shown]
        places = np.arange(len(shown)) + 0.2 * offset
        axes.bar(
            places,
            [each.mean for each in means],
            0.2,
            yerr=[each.half for each in means],
            color=colour,
            label=TITLES[condition],
        )
    axes.set_xticks(
        np.arange(len(shown)) + 0.3, [name.removeprefix("v1.") for name in shown], fontsize=8
    )
    axes.set(ylabel="rate (Hz)", title="VIP cells free the others")
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

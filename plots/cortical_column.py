"""A cortical column at rest, during a thalamic volley, and disinhibited by VIP cells.

python plots/cortical_column.py [-o plots/cortical_column.png] [--seeds 5] [--json FILE]
"""

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
PUBLISHED = {
    "l23 (Hz)": "0.9 (Potjans & Diesmann 2014)",
    "l4 (Hz)": "4.4 (Potjans & Diesmann 2014)",
    "l5 (Hz)": "7.6 (Potjans & Diesmann 2014)",
    "l6a (Hz)": "1.1, layer 6 (Potjans & Diesmann 2014)",
}
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
    """Rate, CV of intervals, mean correlation and latency of each layer, and what is healthy."""
    found, health = {}, thalia.health(run)
    rates, measures = run.results["rates_by_phase_hz"]["spontaneous"], health.populations
    for layer in LAYERS:
        name = layer.removeprefix("v1.")
        found |= {
            f"{name} (Hz)": rates[layer],
            f"{name}, CV of intervals": measures[layer]["cv"] or np.nan,
            f"{name}, correlation": measures[layer]["correlation"] or 0.0,
            f"{name}, a quarter of the volley's response after (ms)": latency(response(run, layer)),
        }
    return found | {"populations ok": float(sum(health.of(name) == "ok" for name in rates))}


def latency(rates: np.ndarray) -> float:
    """Time at which the response first reaches a quarter of its height above baseline, in ms."""
    before = rates[: round(0.02 / BIN)].mean()
    after = rates[round(0.02 / BIN) :] - before
    return float((np.argmax(after >= after.max() / 4) + 0.5) * BIN * 1000)


def figure(study: thalia.Study) -> Figure:
    """Spikes of the first seed, responses and rates of all."""
    made = Figure(figsize=(12, 4.2), layout="constrained")
    raster, volley, bars = made.subplots(1, 3, width_ratios=[1.3, 1, 1.2])
    at_rest = study.runs["baseline"]
    _raster(raster, at_rest[min(at_rest)])
    _volley(volley, {layer: [response(run, layer) for run in at_rest.values()] for layer in LAYERS})
    _bars(bars, study.measure())
    return made


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
        means = [measures[condition][name] for name in shown]
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
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)

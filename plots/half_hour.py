"""The cortical column with all its plasticity for half an hour: rates, verdicts and weights.

python plots/half_hour.py [-o plots/half_hour.png] [--json FILE] [--run FILE] [--minutes 30]

A run file that exists is continued; `--drawn-only` draws what an interrupted run has reached.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "cortical_column.yaml"
SETTLE, MINUTE = 1.0, 60.0  # seconds
VERDICTS = ("ok", "warn", "critical")
BOUND = 0.01  # of w_max, within which a weight is at its bound
BINS = np.linspace(0, 1, 41)
LAYERS = ("v1.l23", "v1.l4", "v1.l5", "v1.l6a", "v1.l6b")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#999999")


def simulate(file: Path, minutes: int, size: int) -> thalia.Run:
    """A second without plasticity and then minutes with it, each a phase; no volley."""
    if file.exists():
        return thalia.resume(file)
    changes = {
        "phases": [
            {"name": "settle", "duration": f"{SETTLE} s", "plasticity": "off"},
            *({"name": f"minute_{n + 1}", "duration": f"{MINUTE} s"} for n in range(minutes)),
        ],
        "stimuli.volley.rate": "0 Hz",
        "regions.v1.size": size,
        "record.weights": {"pathways": "plastic", "every": f"{MINUTE} s"},
    }
    return thalia.run(CIRCUIT, output=file, set=changes)


def reached(run: thalia.Run) -> int:
    """Whole minutes that the run has."""
    last = max(spikes.times[-1] for spikes in run.spikes.values() if len(spikes.times))
    return int((last - SETTLE + 0.5) // MINUTE)


def weights_of(run: thalia.Run, pathway: str) -> dict[str, Any]:
    """Distribution of w/w_max at the end, what is at the bounds, and how weights still move."""
    weights = run.weights[pathway]
    share = weights.w / weights.w_max
    last, before = share[-1], share[-2]
    counts, _ = np.histogram(last, BINS)
    return {
        "mean at start": share[0].mean(),
        "mean": last.mean(),
        "standard deviation": last.std(),
        "at lower bound": (last < BOUND).mean(),
        "at upper bound": (last > 1 - BOUND).mean(),
        "mean absolute change in the last minute": abs(last - before).mean(),
        "correlation with halfway": np.corrcoef(last, share[len(share) // 2])[0, 1],
        "histogram": counts / len(last),
    }


def numbers(run: thalia.Run) -> dict[str, Any]:
    """Verdict and rates of each minute, findings, and the distributions of weights."""
    minutes = reached(run)
    found = [thalia.health(run, f"minute_{n + 1}") for n in range(minutes)]
    rates = {
        name: [each.populations[name]["rate"] for each in found] for name in found[0].populations
    }
    told = [[finding.text() for finding in each.findings] for each in found]
    return {
        "minutes": minutes,
        "neurons": sum(run.sizes.values()),
        "verdicts": [each.verdict for each in found],
        "findings": {f"minute {n + 1}": texts for n, texts in enumerate(told) if texts},
        "rates (Hz)": rates,
        "weights": {name: weights_of(run, name) for name in run.weights},
    }


def rounded(value: Any) -> Any:
    """Numbers with three digits, for a file that people read, too."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | np.ndarray):
        return [rounded(each) for each in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def figure(found: dict[str, Any]) -> Figure:
    """Rates of the layers by minute, and the distribution of weights of each pathway."""
    made = Figure(figsize=(11, 3.8), layout="constrained")
    rates, weights = made.subplots(1, 2)
    minutes = np.arange(found["minutes"]) + 1
    for layer, colour in zip(LAYERS, COLOURS, strict=True):
        rates.plot(minutes, found["rates (Hz)"][layer], color=colour, label=layer)
    rates.set(xlabel="time (min)", ylabel="rate (Hz)", ylim=(0, None))
    rates.legend(frameon=False, fontsize=7)
    counts = {verdict: found["verdicts"].count(verdict) for verdict in VERDICTS}
    rates.set_title(", ".join(f"{count} {name}" for name, count in counts.items()), fontsize=9)
    for name, each in found["weights"].items():
        weights.step(BINS[:-1], each["histogram"], where="post", label=name, lw=1)
    weights.set(xlabel="w / w_max", ylabel="part of the synapses", yscale="log")
    weights.legend(frameon=False, fontsize=6)
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--json", type=Path, help="write the numbers")
    parser.add_argument("--run", type=Path, default=Path("runs/half_hour.h5"))
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--size", type=int, default=4000, help="neurons of the column")
    parser.add_argument("--drawn-only", action="store_true", help="simulate nothing")
    options = parser.parse_args()
    run = (
        thalia.Run(options.run)
        if options.drawn_only
        else simulate(options.run, options.minutes, options.size)
    )
    measured = rounded(numbers(run))
    text = json.dumps(measured, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    thalia.figures.save(figure(measured), options.output)

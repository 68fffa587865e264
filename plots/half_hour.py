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
PART = 3  # minutes, of which each is judged
VERDICTS = ("ok", "warn", "critical")
BOUND = 0.01  # of w_max, within which a weight is at its bound
BINS = np.linspace(0, 1, 41)
LAYERS = ("v1.l23", "v1.l4", "v1.l5", "v1.l6a", "v1.l6b")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#999999")


def simulate(file: Path, minutes: int, size: int) -> thalia.Run:
    """A second without plasticity and then minutes with it, some in each phase; no volley."""
    if file.exists():
        return thalia.resume(file)
    changes = {
        "phases": [
            {"name": "settle", "duration": f"{SETTLE} s", "plasticity": "off"},
            *({"name": name, "duration": f"{PART * MINUTE} s"} for name in parts(minutes)),
        ],
        "stimuli.volley.rate": "0 Hz",
        "regions.v1.size": size,
        "record.weights": {"pathways": "plastic", "every": f"{MINUTE} s"},
    }
    return thalia.run(CIRCUIT, output=file, set=changes)


def parts(minutes: int) -> list[str]:
    """The names of the phases of these minutes."""
    return [f"minute_{start + 1}_to_{start + PART}" for start in range(0, minutes, PART)]


def reached(run: thalia.Run) -> int:
    """The minutes that the run has, in whole phases."""
    last = max(spikes.times[-1] for spikes in run.spikes.values() if len(spikes.times))
    return PART * int((last - SETTLE + 0.5) // (PART * MINUTE))


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
        "mean absolute change since the record before": abs(last - before).mean(),
        "correlation with halfway": np.corrcoef(last, share[len(share) // 2])[0, 1],
        "histogram": counts / len(last),
    }


def numbers(run: thalia.Run) -> dict[str, Any]:
    """Verdict and rates of each phase, findings, and the distributions of weights."""
    found = {name: thalia.health(run, name) for name in parts(reached(run))}
    rates = {
        name: [each.populations[name]["rate"] for each in found.values()] for name in run.spikes
    }
    told = {name: [finding.text() for finding in each.findings] for name, each in found.items()}
    return {
        "minutes": reached(run),
        "neurons": sum(run.sizes.values()),
        "verdicts": [each.verdict for each in found.values()],
        "findings": {name: texts for name, texts in told.items() if texts},
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
    made = Figure(figsize=(12, 3.8), layout="constrained")
    rates, weights = made.subplots(1, 2)
    minutes = PART * (np.arange(len(found["verdicts"])) + 0.5)
    for layer, colour in zip(LAYERS, COLOURS, strict=True):
        rates.plot(minutes, found["rates (Hz)"][layer], color=colour, label=layer, marker=".")
    rates.set(xlabel="time (min)", ylabel="rate (Hz)", ylim=(0, None))
    rates.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    counts = {verdict: found["verdicts"].count(verdict) for verdict in VERDICTS}
    rates.set_title(", ".join(f"{count} {name}" for name, count in counts.items()), fontsize=9)
    for name, each in found["weights"].items():
        weights.step(BINS[:-1], each["histogram"], where="post", label=name, lw=1)
    weights.set(xlabel="w / w_max", ylabel="part of the synapses", yscale="log")
    weights.legend(frameon=False, fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))
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
    from conditions import provenance

    measured = (
        provenance("python plots/half_hour.py")
        | {"seeds": [int(run.attributes["seed"])]}
        | rounded(numbers(run))
    )
    text = json.dumps(measured, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    thalia.figures.save(figure(measured), options.output)

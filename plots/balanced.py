"""A network that inhibitory plasticity balances: rates and inhibitory weights over time.

python plots/balanced.py [-o plots/balanced.png] [--seeds 5] [--json FILE]
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "balanced.yaml"
PUBLISHED = {
    "excitatory cells, before (Hz)": "164.9, an independent run of the model of Vogels et al. 2011",
    "excitatory cells, after (Hz)": "8.5, the same run",
    "mean inhibitory weight, at the end (nS)": "1.46, the same run",
}
WIDTH = 0.1  # seconds
CELLS = {"exc": "#D55E00", "inh": "#0072B2"}


def numbers(run: thalia.Run) -> dict[str, float]:
    """Rates before and after learning, irregularity, and the mean inhibitory weight."""
    rates = run.results["rates_by_phase_hz"]
    return {
        "excitatory cells, before (Hz)": rates["before"]["exc"],
        "excitatory cells, after (Hz)": rates["after"]["exc"],
        "CV of intervals": run.results["cv_isi"]["exc"],
        "mean inhibitory weight, at the end (nS)": float(run.weights["inh_to_exc"].w[-1].mean()),
    }


def figure(study: thalia.Study) -> Figure:
    """Rates and the mean weight of the first seed."""
    made = Figure(figsize=(8, 4.6), layout="constrained")
    upper, lower = made.subplots(2, 1, sharex=True)
    run = study.runs["baseline"][min(study.runs["baseline"])]
    for name, colour in CELLS.items():
        spikes = run.spikes[name]
        rate = thalia.analysis.population_rate(spikes.times, spikes.size, run.duration, WIDTH)
        upper.semilogy((np.arange(len(rate)) + 0.5) * WIDTH, rate, color=colour, label=name)
    upper.set(ylabel="rate (Hz)")
    upper.legend(frameon=False)
    weights = run.weights["inh_to_exc"]
    lower.plot(weights.time, weights.w.mean(axis=1), color="#222222")
    lower.set(xlabel="time (s)", ylabel=f"mean weight ({weights.unit})", ylim=(0, None))
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure, PUBLISHED)

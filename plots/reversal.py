"""A choice learned by dopamine, and reversed: rates at the cue alone, trial by trial, and the controls.

python plots/reversal.py [-o plots/reversal.png] [--seeds 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis.spike_trains import bootstrap_interval

CIRCUIT = Path(__file__).parent.parent / "circuits" / "reversal.yaml"
CONDITIONS = ("whole", "plasticity off", "dopamine stops halfway", "dopamine at random")
PERIOD, CUE, ACTION, TRIALS = (
    3.0,
    1.05,
    1.5,
    40,
)  # seconds; the first spikes of a cue take 12 ms and some more to act
LAST = 6  # trials at the end of a phase that are reported
SIDES = {"left": "#D55E00", "right": "#0072B2"}


def changes(condition: str, seed: int) -> dict[str, str]:
    """What a condition changes in the circuit, as the option `--set` has it."""
    schedule = "modulators.dopamine.schedule"
    if condition == "plasticity off":
        return {f"pathways.cue_to_{cell}.plasticity.0.rate": "0 Hz" for cell in ("d1", "d2")}
    if condition == "dopamine stops halfway":
        return {"phases.1.modulators.dopamine.amplitude": "0"}
    if condition == "dopamine at random":
        bursts = np.random.default_rng(seed).permutation(TRIALS) % 2 == 0
        times = np.arange(TRIALS) * PERIOD + 2.1
        return {
            f"{schedule}.{i}.at": str([f"{t:g} s" for t in times[bursts == (i == 0)]])
            for i in range(2)
        }
    return {}


def simulated(seed: int, condition: str, folder: Path) -> thalia.Run:
    """The circuit with a seed, in one of `CONDITIONS`."""
    return thalia.run(
        CIRCUIT, seed=seed, set=changes(condition, seed), output=folder / "run.h5", overwrite=True
    )


def at_the_cue(run: thalia.Run, population: str) -> np.ndarray:
    """Mean rate of a population after the cue and before the action, in Hz, one number a trial."""
    spikes = run.spikes[population]
    starts = np.arange(TRIALS) * PERIOD + CUE
    times = np.sort(spikes.times)
    return (
        (np.searchsorted(times, starts + ACTION - CUE) - np.searchsorted(times, starts))
        / (ACTION - CUE)
        / spikes.size
    )


def rates(run: thalia.Run) -> dict[str, np.ndarray]:
    """Those of the projection cells of both channels."""
    return {
        f"{side}.{cell}": at_the_cue(run, f"{side}.{cell}")
        for cell in ("d1", "d2")
        for side in SIDES
    }


def numbers(found: dict[str, np.ndarray]) -> dict[str, float]:
    """Rates in the first trials and the last of each phase, and in how many of those D1 cells of the left are the more active."""
    half = TRIALS // 2
    spans = {
        "first": slice(0, 2),
        "learned": slice(half - LAST, half),
        "reversed": slice(TRIALS - LAST, TRIALS),
    }
    told = {
        f"{name} {span}": float(values[part].mean())
        for span, part in spans.items()
        for name, values in found.items()
    }
    chosen = found["left.d1"] > found["right.d1"]
    return told | {
        f"left chosen {span}": float(chosen[part].mean()) for span, part in list(spans.items())[1:]
    }


def draw(seeds: int) -> Figure:
    """The figure, of all seeds with their 95 % intervals; the numbers are printed."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots(2, len(CONDITIONS), sharex=True, sharey=True)
    for column, condition in enumerate(CONDITIONS):
        found = []
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                found.append(rates(simulated(seed, condition, Path(folder))))
        _draw_condition(axes[:, column], found)
        axes[0, column].set(title=condition)
        _tell(condition, [numbers(each) for each in found])
    for row, cell in enumerate(("D1", "D2")):
        axes[row, 0].set(ylabel=f"{cell} cells at the cue (Hz)", ylim=(0, None))
    axes[0, 0].legend(fontsize=8, frameon=False, loc="upper left")
    return figure


def _draw_condition(axes, found: list[dict[str, np.ndarray]]) -> None:
    trials = np.arange(TRIALS) + 1
    for axis, cell in zip(axes, ("d1", "d2"), strict=True):
        axis.axvline(TRIALS / 2 + 0.5, color="#999999", lw=0.8, ls="--")
        for side, colour in SIDES.items():
            values = np.array([each[f"{side}.{cell}"] for each in found])
            mean, half = np.array([bootstrap_interval(column) for column in values.T]).T
            axis.plot(trials, mean, color=colour, lw=1.2, label=side)
            axis.fill_between(trials, mean - half, mean + half, color=colour, alpha=0.2, lw=0)
    axes[1].set(xlabel="trial")


def _tell(condition: str, found: list[dict[str, float]]) -> None:
    print(condition)
    for key in found[0]:
        mean, half = bootstrap_interval(np.array([each[key] for each in found]))
        print(f"  {key}: {mean:.2f} +- {half:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    draw(options.seeds).savefig(options.output, dpi=160)

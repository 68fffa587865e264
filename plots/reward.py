"""Distal reward: one cue of twenty is singled out although its reward comes 1 to 3 s later.

python plots/reward.py [-o plots/reward.png] [--seeds 5] [--json FILE]
python plots/reward.py --write  # the times that circuits/reward.yaml plays, those of seed 1
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "reward.yaml"
NAME = "rewarded cue beyond the others (mV)"
CUES, SECONDS, PER_SECOND = 20, 600, 5


def times(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cues as (cue, ms), rewards 1 to 3 s after each first cue, and as many rewards at any time."""
    generator = np.random.default_rng(seed)
    at = np.arange(200, SECONDS * 1000 - 200, 1000 // PER_SECOND)
    at = at + generator.integers(-80, 80, len(at))
    which = generator.integers(0, CUES, len(at))
    rewards = np.sort(at[which == 0] + generator.integers(1000, 3000, np.count_nonzero(which == 0)))
    rewards = rewards[rewards < SECONDS * 1000 - 10]
    return (
        np.stack([which, at]),
        np.unique(rewards),
        np.unique(generator.integers(200, SECONDS * 1000 - 10, len(rewards))),
    )


def write(folder: Path, seed: int) -> None:
    """Write the files of a seed, which the circuit reads beside it."""
    cues, rewards, elsewhere = times(seed)
    lines = {
        "reward_cues": ["# cue, ms", *(f"{which},{at}" for which, at in cues.T)],
        "reward_times": ["# reward, ms", *(f"0,{at}" for at in rewards)],
        "reward_times_at_random": ["# reward, ms", *(f"0,{at}" for at in elsewhere)],
    }
    for name, rows in lines.items():
        (folder / f"{name}.csv").write_text("\n".join([*rows, ""]), "utf-8")


def by_cue(run: thalia.Run) -> tuple[np.ndarray, np.ndarray]:
    """Times, and mean weights from each cue to the action neurons: (times, cues), in mV."""
    shows, learns = run.weights["shows"], run.weights["learns"]
    members = [np.isin(learns.pre, shows.post[shows.pre == cue]) for cue in range(CUES)]
    return learns.time, np.stack([learns.w[:, each].mean(axis=1) for each in members], axis=1)


def studied(seed: int, output: Path | None = None, **options: Any) -> thalia.Study:
    """All conditions, with the cues, and the rewards that follow them, of a seed."""
    folder = (output or Path(tempfile.mkdtemp())) / "times"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(CIRCUIT, folder)
    write(folder, seed)
    return thalia.study(folder / CIRCUIT.name, seeds=(seed,), output=folder / "runs", **options)


def numbers(run: thalia.Run) -> dict[str, float]:
    """Change of the weights of the first cue minus the mean change of the others."""
    weights = by_cue(run)[1]
    change = weights[-1] - weights[0]
    return {NAME: float(change[0] - change[1:].mean())}


def figure(study: thalia.Study) -> Figure:
    """Weights of the first seed, and the measure of all."""
    made = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = made.subplots(1, 2, width_ratios=[1.6, 1])
    seed = min(study.runs["baseline"])
    time, weights = by_cue(study.runs["baseline"][seed])
    left.plot(time, weights[:, 1:], color="#BBBBBB", lw=0.8)
    left.plot(time, weights[:, 0], color="#D55E00", lw=2)
    left.annotate(
        "rewarded cue",
        (time[-1], weights[-1, 0]),
        xytext=(-6, 6),
        textcoords="offset points",
        ha="right",
        color="#D55E00",
    )
    left.set(
        xlabel="time (s)",
        ylabel="mean weight (mV)",
        title=f"from the neurons of each cue, seed {seed}",
    )
    found = study.measure(numbers)
    for place, measures in enumerate(found.values()):
        values, interval = measures[NAME].values, measures[NAME].interval
        right.plot(
            np.full(len(values), place) + np.linspace(-0.12, 0.12, len(values)),
            values,
            "o",
            color="#BBBBBB",
            ms=4,
        )
        right.errorbar(place, interval.mean, interval.half, fmt="s", color="#0072B2", capsize=4)
    right.axhline(0, color="#222222", lw=0.8)
    right.set_xticks(range(len(found)), [name.replace("_", "\n") for name in found])
    right.set(
        ylabel="rewarded cue beyond the others (mV)",
        title=f"{len(values)} seeds, mean and 95 % interval",
    )
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return made


if __name__ == "__main__":
    from conditions import report

    if "--write" in sys.argv:
        write(CIRCUIT.parent, 1)
    else:
        report(CIRCUIT, Path(__file__), numbers, figure, studied=studied)

"""Distal reward: one cue of twenty is singled out although its reward comes 1 to 3 s later.

python plots/reward.py [-o plots/reward.png] [--seeds 5] [--write]

`--write` writes the times that `circuits/reward.yaml` plays, those of seed 1.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "reward.yaml"
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


def simulate(seed: int, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """A run in one of `CONDITIONS`, with the cues, and the rewards that follow them, of a seed."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), seed)
        text = CIRCUIT.read_text("utf-8")
        circuit = thalia.loads(text, CIRCUIT.name, Path(folder), condition=CONDITIONS[condition])
        return by_cue(thalia.run(circuit, seed=seed, output=Path(folder) / "run.h5"))


def picked_out(weights: np.ndarray) -> float:
    """Change of the weights of the first cue minus the mean change of the others, in mV."""
    change = weights[-1] - weights[0]
    return float(change[0] - change[1:].mean())


# what is shown, and the condition of the circuit that it is
CONDITIONS = {
    "reward": "baseline",
    "shuffled reward": "rewards_at_random",
    "no dopamine": "no_dopamine",
}


def draw(seeds: int) -> Figure:
    """The figure."""
    found = {name: [simulate(seed, name) for seed in range(1, seeds + 1)] for name in CONDITIONS}
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    time, weights = found["reward"][0]
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
        xlabel="time (s)", ylabel="mean weight (mV)", title="from the neurons of each cue, seed 1"
    )
    for place, (name, runs) in enumerate(found.items()):
        values = [picked_out(each) for _, each in runs]
        interval = thalia.analysis.mean_interval(np.array(values))
        right.plot(
            np.full(len(values), place) + np.linspace(-0.12, 0.12, len(values)),
            values,
            "o",
            color="#BBBBBB",
            ms=4,
        )
        right.errorbar(place, interval.mean, interval.half, fmt="s", color="#0072B2", capsize=4)
        print(f"{name}: {interval:+.3f} mV, 95 % interval, {len(values)} seeds")
    right.axhline(0, color="#222222", lw=0.8)
    right.set_xticks(range(len(found)), found)
    right.set(
        ylabel="rewarded cue beyond the others (mV)", title=f"{seeds} seeds, mean and 95 % interval"
    )
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        write(CIRCUIT.parent, 1)
    else:
        draw(options.seeds).savefig(options.output, dpi=160)

"""Reward-prediction error of dopamine neurons: before and after learning, at omission, and the controls.

python plots/prediction.py [-o plots/prediction.png] [--seeds 5]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia
from thalia.analysis.spike_trains import bootstrap_interval

CIRCUIT = Path(__file__).parent.parent / "circuits" / "prediction.yaml"
PERIOD, CUE, REWARD, TRIALS = 4.0, 1.0, 2.0, 10  # seconds; trials of a test
FROZEN = {"pathways.learns.plasticity.0.rate": "0 Hz"}
TRAINING = {
    "learned": {},
    "plasticity off": FROZEN,
    "reward before the cue": {"stimuli.reward.start": "0.6 s"},
}
TESTS = {
    "cue and reward": {},
    "reward alone": {"stimuli.cue.rate": "0 Hz"},
    "cue alone": {"stimuli.reward.rate": "0 Hz"},
}
INK, CUED, OMITTED = "#222222", "#0072B2", "#D55E00"


def dopamine_cells(run: thalia.Run, width: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Times in the trial, and the mean rate of the dopamine cells there, in Hz."""
    spikes = run.spikes["vta.da"]
    edges = np.arange(0.5, 3.5 + width / 2, width)
    counts = np.histogram(spikes.times % PERIOD, edges)[0]
    return edges[:-1], counts / (width * spikes.size * run.duration / PERIOD)


def response(run: thalia.Run, at: float, length: float) -> float:
    """Rate in some time after an event, beyond that of the half second before the cue, in Hz."""
    time, rate = dopamine_cells(run)
    here = (time >= at - 1e-9) & (time < at + length - 1e-9)
    return float(rate[here].mean() - rate[time < CUE - 1e-9].mean())


def tested(seed: int, training: dict[str, str], folder: Path) -> dict[str, thalia.Run]:
    """Tests without learning, of a network that was trained."""
    trained = thalia.run(
        CIRCUIT, seed=seed, set=training, output=folder / "trained.h5", overwrite=True
    )
    runs = {}
    for name, changes in TESTS.items():
        runs[name] = thalia.run(
            CIRCUIT, seed=seed, set=changes | FROZEN, duration=f"{TRIALS * PERIOD} s", start_from=trained.file,
            output=folder / f"{name}.h5", overwrite=True,
        )  # fmt: skip
    return runs


def measured(
    seeds: int,
) -> tuple[dict[str, dict[str, list[float]]], dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]]:
    """Responses by training and event, one a seed; and rates in the trial, of the first seed."""
    found: dict[str, dict[str, list[float]]] = {}
    traces = {}
    for training, changes in TRAINING.items():
        each: dict[str, list[float]] = {
            "cue": [],
            "predicted reward": [],
            "reward alone": [],
            "omission": [],
        }
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                runs = tested(seed, changes, Path(folder))
                each["cue"].append(response(runs["cue and reward"], CUE, 0.2))
                each["predicted reward"].append(response(runs["cue and reward"], REWARD, 0.15))
                each["reward alone"].append(response(runs["reward alone"], REWARD, 0.15))
                each["omission"].append(response(runs["cue alone"], REWARD, 0.3))
                traces.setdefault(
                    training, {name: dopamine_cells(run) for name, run in runs.items()}
                )
        found[training] = each
    return found, traces


def draw(seeds: int) -> Figure:
    """The figure."""
    found, traces = measured(seeds)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.3])
    for axes, training, title in (
        (left, "plasticity off", "before learning"),
        (middle, "learned", "after 50 trials"),
    ):
        for name, colour in (("cue and reward", INK), ("cue alone", OMITTED)):
            time, rate = traces[training][name]
            axes.step(
                time - CUE,
                rate,
                where="post",
                color=colour,
                lw=1.3,
                label=name.replace("cue alone", "reward omitted"),
            )
        axes.set(xlabel="time from the cue (s)", title=f"{title}, seed 1", ylim=(0, 30))
        axes.axvspan(0, REWARD - CUE, color=CUED, alpha=0.08, lw=0)
        axes.axvline(REWARD - CUE, color=CUED, lw=0.8, ls=":")
    left.set_ylabel("rate of dopamine cells (Hz)")
    left.legend(frameon=False, fontsize=8, loc="upper left")
    events = list(next(iter(found.values())))
    for shift, (training, colour) in enumerate(zip(found, (CUED, "#999999", OMITTED), strict=True)):
        for place, event in enumerate(events):
            values = np.array(found[training][event])
            mean, half = bootstrap_interval(values)
            right.errorbar(place + 0.22 * (shift - 1), mean, half, fmt="s", ms=5, color=colour, capsize=3,
                           label=training if not place else None)  # fmt: skip
            print(
                f"{training}, {event}: {mean:+.1f} Hz, 95 % interval of half {half:.1f}, {len(values)} seeds"
            )
    right.axhline(0, color=INK, lw=0.8)
    right.set_xticks(range(len(events)), [event.replace(" ", "\n") for event in events])
    right.set(ylabel="beyond the tonic rate (Hz)", title=f"{seeds} seeds, mean and 95 % interval")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    draw(options.seeds).savefig(options.output, dpi=160)

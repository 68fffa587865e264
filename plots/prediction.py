"""Reward prediction error of dopamine cells: before and after learning, at omission, and controls.

python plots/prediction.py [-o plots/prediction.png] [--seeds 5] [--json FILE]
"""

from functools import cache
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "prediction.yaml"
PERIOD, CUE, REWARD, TRIALS = 4.0, 1.0, 2.0, 10  # seconds; trials of a test
FROZEN = {"pathways.learns.plasticity.0.rate": "0 Hz"}
TESTS = {
    "cue and reward": {},
    "reward alone": {"stimuli.cue.rate": "0 Hz"},
    "cue alone": {"stimuli.reward.rate": "0 Hz"},
}
INK, CUED, OMITTED = "#222222", "#0072B2", "#D55E00"
TRAININGS = (CUED, "#999999", "#009E73", OMITTED)


def dopamine_cells(run: thalia.Run, width: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Times in the trial, and the mean rate of the dopamine cells there, in Hz."""
    spikes = run.spikes["vta.da"]
    edges = np.arange(0.5, 3.5 + width / 2, width)
    counts = np.histogram(spikes.times % PERIOD, edges)[0]
    return edges[:-1], counts / (width * spikes.size * run.duration / PERIOD)


def response(run: thalia.Run, at: float, length: float) -> float:
    """Rate for some time after an event, minus that of the half second before the cue, in Hz."""
    time, rate = dopamine_cells(run)
    here = (time >= at - 1e-9) & (time < at + length - 1e-9)
    return float(rate[here].mean() - rate[time < CUE - 1e-9].mean())


@cache
def tested(file: Path) -> dict[str, thalia.Run]:
    """Tests of a trained network without learning; the run files are stored next to its own."""
    runs, trained = {}, thalia.Run(file)
    for name, changes in TESTS.items():
        runs[name] = thalia.run(
            CIRCUIT,
            seed=trained.results["seed"],
            set=changes | FROZEN,
            duration=f"{TRIALS * PERIOD} s",
            start_from=trained.file,
            output=trained.file.with_name(f"{trained.file.stem}_{name.replace(' ', '_')}.h5"),
            overwrite=True,
        )
    return runs


def numbers(run: thalia.Run) -> dict[str, float]:
    """Responses to each event above the tonic rate, in Hz, after the training that a run was."""
    tests = tested(run.file)
    return {
        "cue (Hz)": response(tests["cue and reward"], CUE, 0.2),
        "predicted reward (Hz)": response(tests["cue and reward"], REWARD, 0.15),
        "reward alone (Hz)": response(tests["reward alone"], REWARD, 0.15),
        "omission (Hz)": response(tests["cue alone"], REWARD, 0.3),
    }


def figure(study: thalia.Study) -> Figure:
    """Rates of the first seed, and responses of all."""
    found = study.measure(numbers)
    made = Figure(figsize=(10, 3.4), layout="constrained")
    left, middle, right = made.subplots(1, 3, width_ratios=[1, 1, 1.3])
    for axes, training, title in (
        (left, "plasticity_off", "before learning"),
        (middle, "baseline", "after 50 trials"),
    ):
        runs = study.runs[training]
        seed = min(runs)
        shown = tested(runs[seed].file)
        for name, colour in (("cue and reward", INK), ("cue alone", OMITTED)):
            time, rate = dopamine_cells(shown[name])
            axes.step(
                time - CUE,
                rate,
                where="post",
                color=colour,
                lw=1.3,
                label=name.replace("cue alone", "reward omitted"),
            )
        axes.set(xlabel="time from the cue (s)", title=f"{title}, seed {seed}", ylim=(0, 30))
        axes.axvspan(0, REWARD - CUE, color=CUED, alpha=0.08, lw=0)
        axes.axvline(REWARD - CUE, color=CUED, lw=0.8, ls=":")
    left.set_ylabel("rate of dopamine cells (Hz)")
    left.legend(frameon=False, fontsize=8, loc="upper left")
    events = list(next(iter(found.values())))
    for shift, (training, colour) in enumerate(zip(found, TRAININGS, strict=True)):
        label = training.replace("baseline", "learned").replace("_", " ")
        for place, event in enumerate(events):
            each = found[training][event]
            right.errorbar(
                place + 0.18 * (shift - 1.5),
                each.mean,
                each.half,
                fmt="s",
                ms=5,
                color=colour,
                capsize=3,
                label=None if place else label,
            )
    right.axhline(0, color=INK, lw=0.8)
    right.set_xticks(
        range(len(events)), [event.removesuffix(" (Hz)").replace(" ", "\n") for event in events]
    )
    right.set(
        ylabel="beyond the tonic rate (Hz)",
        title=f"{len(study.runs['baseline'])} seeds, mean and 95 % interval",
    )
    right.legend(frameon=False, fontsize=8)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    return made


if __name__ == "__main__":
    from conditions import report

    report(CIRCUIT, Path(__file__), numbers, figure)

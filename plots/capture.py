"""Synaptic tagging and capture: what remains of a weak input's change after a strong input.

python plots/capture.py [-o plots/capture.png] [--seeds 1] [--json FILE]
python plots/capture.py --write  # what circuits/capture.yaml plays: strong half an hour after weak
"""

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "capture.yaml"
DELAYS = (-240, -120, -60, -30, -5, 5, 30, 60, 120, 240)  # of the strong input, in minutes
BASELINE = 30  # the delay in the circuit's files
START = 5 * 60.0  # of the weak input, in minutes; the run ends ten hours later
CHANGE = 0.1 * np.exp(
    -10 / 20
)  # by spikes 10 ms apart (the neuron fires a step after what makes it fire), in parts of w_max


def write(folder: Path, start: float, delay: float) -> None:
    """Write the files that the circuit reads beside it, for a delay in minutes."""
    weak, strong = start * 60e3, (start + delay) * 60e3
    lines = {
        "weak": [f"0,{weak:.0f}"],
        "strong": [f"{neuron},{strong:.0f}" for neuron in range(17)],
        "fire": [f"0,{time + 5:.0f}" for time in sorted((weak, strong))],
    }
    for name, rows in lines.items():
        (folder / f"capture_{name}.csv").write_text("\n".join(["# neuron, ms", *rows, ""]), "utf-8")


def studied(seed: int, output: Path | None = None, **options: Any) -> thalia.Study:
    """The weak input alone, and with the strong one at each delay, a condition each.

    Nothing in the circuit is random, so that one seed is as good as many.
    """
    output = output or Path(tempfile.mkdtemp())
    length, runs, says = {"duration": f"{(START + 600) * 60} s"}, {}, {}
    for delay in sorted(DELAYS, key=lambda delay: delay != BASELINE):
        folder = output / f"delay_{delay}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(CIRCUIT, folder)
        write(folder, START, delay)
        made = thalia.study(
            folder / CIRCUIT.name,
            conditions=["weak_alone"] if delay == BASELINE else [],
            seeds=(seed,),
            output=folder / "runs",
            set=length,
            **options,
        )
        runs |= {
            name_of(delay) if name == "baseline" else name: each for name, each in made.runs.items()
        }
        says |= {name_of(delay): f"the strong input {delay} min after the weak one"}
        says |= {name: text for name, text in made.says.items() if name != "baseline"}
    return replace(made, runs=runs, says=says)


def name_of(delay: int) -> str:
    """What the condition with a delay in minutes is called."""
    return "baseline" if delay == BASELINE else f"{delay} min"


def course(run: thalia.Run) -> tuple[np.ndarray, np.ndarray]:
    """Hours after the weak input, and the change of its synapse relative to the initial change."""
    weights = run.weights["from_weak"]
    return weights.time / 3600 - START / 60, (weights.w[:, 0] - weights.w[0, 0]) / (2 * CHANGE)


def numbers(run: thalia.Run) -> dict[str, float]:
    """What is left of the change after ten hours."""
    return {"left after 10 h (share of the change)": float(course(run)[1][-1])}


def figure(study: thalia.Study) -> Figure:
    """The course of two delays, and what is left after each."""
    made = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = made.subplots(1, 2, width_ratios=[1.3, 1])
    found = {name: course(*runs.values()) for name, runs in study.runs.items()}
    for delay, colour in ((30, "#D55E00"), (240, "#0072B2")):
        left.plot(*found[name_of(delay)], color=colour, label=f"strong {delay} min later")
    left.set(
        xlim=(-0.5, 10),
        xlabel="hours after the weak input",
        ylabel="change / change at once",
        title="the weak input's synapse",
    )
    left.legend(frameon=False)
    ends = {delay: float(found[name_of(delay)][1][-1]) for delay in DELAYS}
    right.axhline(float(found["weak_alone"][1][-1]), color="#888888", lw=0.8)
    right.plot([delay / 60 for delay in ends], list(ends.values()), "o-", color="#D55E00")
    right.set(xlabel="delay of the strong input (h)", ylabel="left after 10 h", title="capture")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return made


if __name__ == "__main__":
    from conditions import report

    if "--write" in sys.argv:
        write(CIRCUIT.parent, 60, 30)
    else:
        report(CIRCUIT, Path(__file__), numbers, figure, studied=studied)

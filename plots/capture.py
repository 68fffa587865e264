"""Synaptic tagging and capture: what remains of a weak input's change after a strong input.

python plots/capture.py [-o plots/capture.png] [--write]

`--write` writes the times that `circuits/capture.yaml` plays: strong half an hour after weak.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import thalia

CIRCUIT = Path(__file__).parent.parent / "circuits" / "capture.yaml"
DELAYS = (-240, -120, -60, -30, -5, 5, 30, 60, 120, 240)  # of the strong input, in minutes
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


def simulate(delay: float, condition: str = "baseline") -> tuple[np.ndarray, np.ndarray]:
    """Hours after the weak input, and the change of its synapse relative to the initial change."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), START, delay)
        text, length = CIRCUIT.read_text("utf-8"), {"duration": f"{(START + 600) * 60} s"}
        circuit = thalia.loads(text, CIRCUIT.name, Path(folder), length, condition)
        weights = thalia.run(circuit, output=Path(folder) / "run.h5").weights["from_weak"]
    return weights.time / 3600 - START / 60, (weights.w[:, 0] - weights.w[0, 0]) / (2 * CHANGE)


def draw() -> Figure:
    """The figure."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
    alone = simulate(DELAYS[0], "weak_alone")
    found = {delay: simulate(delay) for delay in DELAYS}
    for delay, colour in ((30, "#D55E00"), (240, "#0072B2")):
        left.plot(*found[delay], color=colour, label=f"strong {delay} min later")
    left.set(
        xlim=(-0.5, 10),
        xlabel="hours after the weak input",
        ylabel="change / change at once",
        title="the weak input's synapse",
    )
    left.legend(frameon=False)
    ends = {delay: float(change[-1]) for delay, (_, change) in found.items()}
    right.axhline(float(alone[1][-1]), color="#888888", lw=0.8)
    right.plot([delay / 60 for delay in ends], list(ends.values()), "o-", color="#D55E00")
    right.set(xlabel="delay of the strong input (h)", ylabel="left after 10 h", title="capture")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    print(
        {delay: round(value, 3) for delay, value in ends.items()},
        "alone",
        round(float(alone[1][-1]), 4),
    )
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", default=Path(__file__).with_suffix(".png"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        write(CIRCUIT.parent, 60, 30)
    else:
        draw().savefig(options.output, dpi=160)

"""The curves of results/library.json as figures."""

import json
from functools import cache
from io import StringIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.generate.repository import ROOT
from thalia.figures import PALETTE, draw_protocol, draw_window, styled
from thalia.simulation.pairing_protocols import Curve, Result

FILE = ROOT / "results" / "library.json"


@cache
def measured() -> dict[str, dict[str, Any]]:
    """What was measured of each component, by `kind/name`."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return found


def flat(part: str) -> float | None:
    """The change of a window that is the same for every interval, which no figure need show."""
    changes = measured()[part].get("change", [0, 1])
    return changes[0] if min(changes) == max(changes) else None


def picture(part: str) -> str:
    """The figure of a component as SVG."""
    text = StringIO()
    _figure(part).savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


@styled
def _figure(part: str) -> Figure:
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    DRAWN[part.partition("/")[0]](figure.subplots(), measured()[part])
    return figure


def _rule(axes: Axes, curve: dict[str, Any]) -> None:
    if curve["shown_by"] == "window":
        draw_window(axes, np.array(curve["interval_ms"]), np.array(curve["change"]))
        pairs = curve["pairs"]
        of = "one pair" if pairs == 1 else f"{pairs} pairs"
        axes.set(xlabel="post minus pre (ms)", ylabel=f"change by {of} (fraction of w_max)")
        return
    result = curve["result"]
    lines = tuple(Curve(**each) for each in result["curves"])
    draw_protocol(axes, Result(**{**result, "curves": lines}))
    axes.set(xlabel=result["x_label"], ylabel="change (fraction of w_max)")


def _neuron(axes: Axes, curve: dict[str, Any]) -> None:
    axes.plot(curve["current"], curve["rate_hz"], color=PALETTE[0], lw=1.6)
    axes.set(
        xlabel=f"constant current ({curve['unit']})", ylabel="firing rate (Hz)", ylim=(0, None)
    )


def _synapse(axes: Axes, curve: dict[str, Any]) -> None:
    axes.plot(curve["time_ms"], curve["v"], color=PALETTE[0], lw=1.6)
    label = f"potential ({curve['unit']}), one spike of {curve['weight']}"
    axes.set(xlabel="time (ms)", ylabel=label)


def _modulator(axes: Axes, curve: dict[str, Any]) -> None:
    axes.plot(curve["time_s"], curve["level"], color=PALETTE[0], lw=1.6)
    axes.set(xlabel="time (s)", ylabel="level after a release of 1")


DRAWN = {
    "plasticity": _rule,
    "windows": _rule,
    "neurons": _neuron,
    "synapses": _synapse,
    "modulators": _modulator,
}

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
from thalia.library.lookup import names
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
    if "released" in curve:
        axes.stem(curve["spike_ms"], curve["released"], basefmt=" ")
        axes.set(xlabel="time of a spike (ms)", ylabel="share of the weight", ylim=(0, None))
        return
    axes.plot(curve["time_ms"], curve["v"], color=PALETTE[0], lw=1.6)
    label = f"potential ({curve['unit']}), one spike of {curve['weight']}"
    axes.set(xlabel="time (ms)", ylabel=label)


def _stimulus(axes: Axes, curve: dict[str, Any]) -> None:
    axes.plot(curve["time_s"], curve["value"], color=PALETTE[0], lw=1.6)
    what = "rate of one source" if curve["unit"] == "Hz" else "current"
    axes.set(xlabel="time (s)", ylabel=f"{what} ({curve['unit']})", ylim=(0, None))


def _modulator(axes: Axes, curve: dict[str, Any]) -> None:
    axes.plot(curve["time_s"], curve["level"], color=PALETTE[0], lw=1.6)
    axes.set(xlabel="time (s)", ylabel="level after a release of 1")


DRAWN = {
    "plasticity": _rule,
    "windows": _rule,
    "neurons": _neuron,
    "synapses": _synapse,
    "modulators": _modulator,
    "stimuli": _stimulus,
}
# parts of the library without a curve, and why
NO_CURVE = {
    "neurons/copies": "it sends on spikes that others give it, each after a random time",
    "neurons/latency": "it fires once, at a time that the value given to it says",
    "neurons/leaky_readout": "it never fires; what it does is its equation",
    "neurons/poisson": "it fires at the rate that it is given, at random",
    "neurons/regular": "it fires at the rate that it is given",
    "neurons/softmax": "it never fires, and its share depends on the others of its group",
    "neurons/spike_source": "it fires when it is told to",
    "neurons/tuned": "its rate is the formula below, each neuron with its own preference",
    "synapses/copy": "it hands on a spike or does not",
    "synapses/divisive_inhibition": "what it does depends on the activity of a group",
    "synapses/dse": "it suppresses what another part releases, after a burst of the target; "
    "[endocannabinoids](../../gallery/endocannabinoids.md) has its course",
    "synapses/gap_junction": "it couples two cells by the difference of their potentials",
    "synapses/graded": "it hands on the signal of a neuron in every step, without spikes",
    "synapses/graded_rate": "it hands on the share of a neuron in every step, without spikes",
    "plasticity/delta_rule": "it learns by an error, which no pair of spikes has",
    "plasticity/eprop": "it learns by an error, which no pair of spikes has",
    "plasticity/feedback_alignment": "it learns by an error, which no pair of spikes has",
    "plasticity/heterosynaptic": "it acts on inputs that are silent while others change",
    "plasticity/normalise": "it acts on all inputs of a neuron together",
    "plasticity/synaptic_scaling": "it acts on all inputs of a neuron together, slowly",
    "plasticity/time_scales": "it lets what other rules change fade",
    "plasticity/use_dependent": "it scales what other rules change",
    "modulators/fluctuating": "it is noise, of another course with every seed",
    "modulators/sleep_pressure": "it rises and falls over hours as an exponential; "
    "[sleep_homeostasis](../../gallery/sleep_homeostasis.md) has its course",
    "stimuli/spikes": "its spikes are those that it is given",
    **{
        f"protocols/{name}": "its conditions are the table below; pages of rules draw results"
        for name in names("protocols")
    },
}

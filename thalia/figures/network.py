"""The graph of a circuit."""

from typing import Any

import matplotlib
import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from thalia.compiler.graph import Network, graph_of
from thalia.figures.style import colours, styled


@styled
def graph(network: Network) -> Figure:
    """The circuit as a graph: populations by size, pathways by in-degree, plastic ones dashed.

    `network` is that of a run, `run.network`.
    """
    circuit = graph_of(network)
    first_on_top = len(circuit) > 2  # one or two stand in a row
    figure = Figure(figsize=(7.6, 7.6 if first_on_top else 4.0))
    axes = figure.subplots()
    ring = min(1.0, 0.35 + 0.08 * len(circuit))
    places = nx.circular_layout(circuit, scale=ring)
    turned = {
        name: np.array([p[1], p[0]] if first_on_top else [-p[0], p[1]])
        for name, p in places.items()
    }
    colour = colours(list(network.populations))
    strongest = (
        max((data["in_degree"] for *_, data in circuit.edges(data=True)), default=1.0) or 1.0
    )
    radius = {
        name: 0.045 + 0.055 * np.sqrt(size / max(network.populations.values()))
        for name, size in network.populations.items()
    }
    for pre, post, data in circuit.edges(data=True):
        shade = "#B2182B" if data["inhibitory"] else "#4D4D4D"
        strength = np.sqrt(data["in_degree"] / strongest)
        style = {
            "color": shade,
            "lw": 0.4 + 2.4 * strength,
            "alpha": 0.2 + 0.7 * strength,
            "ls": (0, (3, 2)) if data["plastic"] else "-",
        }
        _draw_edge(axes, turned, radius, pre, post, style)
    for name, place in turned.items():
        axes.add_patch(
            matplotlib.patches.Circle(
                tuple(place),
                radius[name],
                facecolor=colour[name],
                edgecolor="white",
                lw=1.5,
                zorder=3,
            )
        )
        outward = place / (np.linalg.norm(place) or 1)
        side = "left" if outward[0] > 0.3 else "right" if outward[0] < -0.3 else "center"
        loops = circuit.has_edge(name, name)
        away = place + outward * (radius[name] * (2.9 if loops else 1) + 0.1)
        text = f"{name}\n{network.populations[name]:,}"
        axes.text(
            away[0],
            away[1],
            text,
            ha=side,
            va="center",
            color=colour[name],
            fontsize=9,
            fontweight="bold",
        )
    height = ring + 0.4 if first_on_top else 0.5
    axes.set(xlim=(-ring - 0.5, ring + 0.5), ylim=(-height, height), aspect="equal")
    axes.axis("off")
    axes.set_title(network.name)
    legend = [
        ("excitatory", "#4D4D4D", "-"),
        ("inhibitory", "#B2182B", "-"),
        ("plastic", "#4D4D4D", (0, (3, 2))),
    ]
    handles = [
        matplotlib.lines.Line2D([], [], color=c, ls=s, lw=1.6, label=text) for text, c, s in legend
    ]
    axes.legend(
        handles=handles,
        loc="lower right",
        title="width: synapses per target neuron",
        title_fontsize=8,
        fontsize=8,
    )
    return figure


def _draw_edge(
    axes: Axes,
    places: dict[str, Any],
    radius: dict[str, float],
    pre: str,
    post: str,
    style: dict[str, Any],
) -> None:
    if pre == post:
        outward = places[pre] / (np.linalg.norm(places[pre]) or 1)
        centre = places[pre] + outward * radius[pre] * 1.15
        loop = matplotlib.patches.Circle(
            tuple(centre),
            radius[pre] * 0.8,
            fill=False,
            zorder=2,
            **style,
        )
        axes.add_patch(loop)
        return
    gap = places[post] - places[pre]
    length = np.linalg.norm(gap) or 1
    start, stop = (
        places[pre] + gap / length * radius[pre],
        places[post] - gap / length * (radius[post] + 0.015),
    )
    axes.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(stop),
            connectionstyle="arc3,rad=0.12",
            arrowstyle="-|>",
            mutation_scale=6 + 3 * style["lw"],
            shrinkA=0,
            shrinkB=0,
            zorder=1,
            **style,
        )
    )

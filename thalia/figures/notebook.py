"""What a notebook shows of a circuit and of results: a table, and a figure below it."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import singledispatch
from html import escape
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from thalia.circuit.spec import Circuit
from thalia.compiler.graph import network_of
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError
from thalia.figures.network import graph
from thalia.figures.spikes import raster, raster_of
from thalia.figures.style import STYLE
from thalia.figures.synapses import weights_of
from thalia.recording.page_checksums import edited
from thalia.recording.results import Level, Spikes, Traces, Weights
from thalia.recording.run_file import Run

MOST_ROWS = 40  # of a table
DPI = 72  # of figures
_NUMBER = re.compile(r"[-+±]?[.\d]")


@singledispatch
def html_of(thing: object) -> str:
    """HTML of a circuit, a run, or a part of one."""
    return f"<code>{escape(repr(thing))}</code>"


@html_of.register
def _circuit(circuit: Circuit) -> str:
    populations = table(
        ("population", "neuron", "size"),
        [
            *([name, f"region {use.template}", use.size] for name, use in circuit.regions.items()),
            *([name, each.neuron, each.size] for name, each in circuit.populations.items()),
        ],
    )
    pathways = table(
        ("pathway", "from", "to", "synapse", "weight", "plasticity"),
        [
            [
                name,
                ", ".join(each.pre),
                ", ".join(each.post),
                ", ".join(use.part for use in each.synapse),
                str(each.weight[0][0]) if len(each.weight) == len(each.weight[0]) == 1 else "table",
                ", ".join(rule.rule or rule.window for rule in each.rules),
            ]
            for name, each in circuit.pathways.items()
        ],
    )
    try:
        drawn = picture(graph(network_of(plan_of(circuit))))
    except CircuitError as error:
        drawn = f"<pre>{escape(str(error))}</pre>"
    title = f"<b>{escape(circuit.name)}</b> {escape(circuit.summary)}"
    return f"<p>{title}</p>{populations}{pathways}{drawn}"


@html_of.register
def _run(run: Run) -> str:
    with edited(run.file):
        return _html_of_run(run)


def _html_of_run(run: Run) -> str:
    phases = run.results.get("rates_by_phase_hz", {})
    published = (run.structure.get("reference") or {}).get("rates", {})
    heads = ["population", "size", *(f"rate, {phase} (Hz)" for phase in phases)]
    rows: list[list[Any]] = [
        [name, size, *(f"{rates[name]:.2f}" for rates in phases.values())]
        for name, size in run.sizes.items()
    ]
    if published:
        heads.append("published (Hz)")
        rows = [[*row, _number(published.get(row[0]))] for row in rows]
    drawn = picture(raster(run)) if run.spikes else ""
    return f"<p>{escape(repr(run))}</p>{table(heads, rows)}{drawn}"


@html_of.register
def _spikes(spikes: Spikes) -> str:
    counts = spikes.counts
    rows = [
        ["spikes", f"{len(spikes):,}"],
        ["neurons", f"{spikes.size:,}"],
        ["silent neurons", f"{np.count_nonzero(counts == 0):,}"],
        ["mean rate", f"{spikes.rate:.3g} Hz"],
    ]
    drawn = picture(raster_of(spikes)) if len(spikes) and spikes.duration else ""
    return f"<p>{escape(repr(spikes))}</p>{table((), rows)}{drawn}"


@html_of.register
def _weights(weights: Weights) -> str:
    heads = ("time (s)", f"mean ({weights.unit})", "standard deviation", "minimum", "maximum")
    rows = [
        [f"{time:g}", *(f"{number:.4g}" for number in (w.mean(), w.std(), w.min(), w.max()))]
        for time, w in zip(weights.time, weights.w, strict=True)
        if len(w)
    ]
    drawn = picture(weights_of(weights)) if weights.w.size else ""
    return f"<p>{escape(repr(weights))}</p>{table(heads, rows)}{drawn}"


@html_of.register
def _traces(traces: Traces) -> str:
    heads = ("variable", "unit", "mean", "minimum", "maximum")
    rows = [
        [name, traces.units[name], *(f"{n:.4g}" for n in (v.mean(), v.min(), v.max()))]
        for name, v in traces.items()
        if v.size
    ]
    return f"<p>{escape(repr(traces))}</p>{table(heads, rows)}"


@html_of.register
def _level(level: Level) -> str:
    return f"<p>{escape(repr(level))}</p>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], most: int = MOST_ROWS) -> str:
    """A table of at most some rows of texts, which are escaped; empty without rows."""
    made = list(rows)
    if not made:
        return ""
    left = len(made) - most
    sides = [
        "right" if place and _are_numbers(column) else "left"
        for place, column in enumerate(zip(*made, strict=True))
    ]
    lines = [_line("th", heads, sides)] if heads else []
    lines += [_line("td", row, sides) for row in made[:most]]
    if left > 0:
        lines.append(_line("td", [f"… and {left:,} more"], ["left"]))
    return f"<table>{''.join(lines)}</table>"


def _line(tag: str, cells: Iterable[object], sides: Sequence[str]) -> str:
    made = (
        f'<{tag} style="text-align: {side}">{escape(_number(cell))}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(made)}</tr>"


def _are_numbers(cells: Iterable[object]) -> bool:
    """Whether these are numbers, or quantities, for all that is there."""
    texts = [text for cell in cells if (text := _number(cell).strip(" –"))]
    return bool(texts) and all(_NUMBER.match(text) for text in texts)


def _number(cell: object) -> str:
    return "" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell)


def picture(figure: Figure, shows: str = "", dpi: int = DPI) -> str:
    """A figure as an image within the page; what it `shows` is for who cannot see it."""
    data = BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(data, format="png", dpi=dpi)
    image = b64encode(data.getvalue()).decode()
    return f'<img src="data:image/png;base64,{image}" alt="{escape(shows)}">'

"""The page about a sweep: numbers over what was varied, and the table."""

from collections.abc import Iterator
from html import escape
from pathlib import Path as FilePath

import numpy as np

from thalia.errors import counted
from thalia.figures.notebook import picture, table
from thalia.figures.style import colours
from thalia.figures.sweep import sweep_figure
from thalia.parallel.sweep import Table, read_sweep
from thalia.reports import charts
from thalia.reports.page import Chart, Report, Section, page, remarks, wide

DPI = 110
MOST_ROWS = 500
LABELS = {"rates_hz": "rate (Hz)", "cv_isi": "CV of ISI", "weights": "mean weight"}


def of_sweep(folder: FilePath) -> Report:
    """The page about the table in a folder.

    Raises
    ------
    CircuitError
        If it holds none, or it is damaged.
    """
    found = read_sweep(folder)
    seeds = len({point.seed for point, _ in found.rows})
    told = [counted(len(found.rows), "run"), counted(seeds, "seed")]
    told += [f"{axis.label}: {counted(len(axis.values), 'value')}" for axis in found.axes]
    sections = [*_charts(found), *_rows(found)]
    return page(folder.resolve().name, f"<p>{escape('; '.join(told))}</p>", sections)


def _charts(found: Table) -> Iterator[Section]:
    if len(found.axes) == 1:
        kinds: dict[str, list[str]] = {}
        for name in dict.fromkeys(name for _, numbers in found.rows for name in numbers):
            kinds.setdefault(name.partition(".")[0], []).append(name)
        drawn = [_lines(found, kind, names) for kind, names in kinds.items()]
        caption = "Means over seeds; the band is one standard deviation."
        yield Section("Curves", charts=(Chart(charts.below_each_other(drawn), caption),))
    elif len(found.axes) == 2:
        shows = "Mean rates over seeds, over both values."
        body = f"<figure>{picture(sweep_figure(found), shows, DPI)}</figure>{remarks([shows])}"
        yield Section("Maps", body)


def _lines(found: Table, kind: str, names: list[str]) -> object:
    """The numbers of one kind over the one value that was varied."""
    (axis,) = found.axes
    numbers = axis.numbers()
    places = (
        np.array([numbers[0][v] for v in axis.values])
        if numbers
        else np.arange(len(axis.values), dtype=float)
    )
    order = np.argsort(places)
    made = charts.axes(LABELS.get(kind, kind), axis.label, height=300)
    lines = []
    for name, colour in colours(names).items():
        each = [
            [n[name] for point, n in found.rows if point.settings[axis.path] == v and name in n]
            for v in axis.values
        ]
        mean = np.array([np.mean(v) if v else np.nan for v in each])[order]
        sd = np.array([np.std(v) if v else np.nan for v in each])[order]
        shown = name.partition(".")[2] or name
        lines.append(
            charts.Line(shown, places[order], mean, colour, mean - sd, mean + sd, marked=True)
        )
    charts.draw_lines(made, lines)
    if not numbers:
        charts.name_places(made, axis.values)
    return made


def _rows(found: Table) -> Iterator[Section]:
    names = list(dict.fromkeys(name for _, numbers in found.rows for name in numbers))
    heads = (*(axis.path for axis in found.axes), "seed", *names)
    rows = [
        [
            *(point.settings[axis.path] for axis in found.axes),
            str(point.seed),
            *(f"{numbers[name]:.5g}" if name in numbers else "" for name in names),
        ]
        for point, numbers in found.rows
    ]
    yield Section("Table", wide(table(heads, rows, MOST_ROWS)))

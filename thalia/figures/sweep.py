"""The results of a sweep: lines over one value, a map over two."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalia.errors import did_you_mean, fail
from thalia.figures.style import colours, styled
from thalia.parallel.axes import Axis
from thalia.parallel.sweep import Table


@styled
def sweep_figure(table: Table, what: Sequence[str] = ()) -> Figure:
    """Numbers of a sweep, by default all rates: mean and standard deviation over seeds.

    Parameters
    ----------
    table : Table
        What `thalia.sweep` returns.
    what : names, optional
        Which numbers are drawn, each in its panel.

    Raises
    ------
    CircuitError
        If there is no such number, nothing to draw, or more than two values were varied.
    """
    if not table.rows:
        raise fail(f"{table.folder}: no run ended, so there is nothing to draw")
    known = list(dict.fromkeys(name for _, numbers in table.rows for name in numbers))
    names = list(what) or [name for name in known if name.startswith("rates_hz.")]
    for name in names:
        if name not in known:
            raise fail(f"no number of a run is called '{name}'", did_you_mean(name, known))
    if not 1 <= len(table.axes) <= 2:
        raise fail(
            f"expected one or two values that vary, found {len(table.axes)}",
            "the table has all of them",
        )
    return _lines(table, names) if len(table.axes) == 1 else _maps(table, names)


def _lines(table: Table, names: list[str]) -> Figure:
    (axis,) = table.axes
    figure = Figure(figsize=(6.5, 3.8))
    axes = figure.subplots()
    places, label = _places(axis)
    for name, colour in colours(names).items():
        values = np.array([_of(table, {axis.path: value}, name) for value in axis.values])
        axes.plot(
            places,
            values[:, 0],
            "o-",
            ms=3.5,
            lw=1.3,
            color=colour,
            label=name.partition(".")[2] or name,
        )
        axes.fill_between(
            places,
            values[:, 0] - values[:, 1],
            values[:, 0] + values[:, 1],
            color=colour,
            alpha=0.2,
            lw=0,
        )
    axes.set(
        xlabel=label,
        ylabel=_meaning(names),
        title=f"{len({p.seed for p, _ in table.rows})} seeds, mean and sd",
    )
    if axis.numbers() is None:
        axes.set_xticks(places, axis.values)
    axes.legend(fontsize=8)
    return figure


def _maps(table: Table, names: list[str]) -> Figure:
    across, along = table.axes
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4 * columns, 3.2 * rows))
    for axes, name in zip(np.atleast_1d(figure.subplots(rows, columns)).flat, names, strict=False):
        values = [
            [_of(table, {across.path: a, along.path: b}, name)[0] for a in across.values]
            for b in along.values
        ]
        image = axes.imshow(values, origin="lower", aspect="auto", cmap="viridis")
        axes.set_xticks(
            range(len(across.values)), across.values, rotation=45, ha="right", fontsize=7
        )
        axes.set_yticks(range(len(along.values)), along.values, fontsize=7)
        axes.set(xlabel=across.path, ylabel=along.path, title=name.partition(".")[2] or name)
        figure.colorbar(image, ax=axes, label=_meaning([name]))
    for axes in figure.axes[: rows * columns]:
        axes.set_visible(bool(axes.images))
    return figure


def _places(axis: Axis) -> tuple[NDArray[np.float64], str]:
    """Positions of the values of an axis, and its label."""
    numbers = axis.numbers()
    if numbers is None:
        return np.arange(len(axis.values), dtype=float), axis.path
    return np.array([numbers[0][text] for text in axis.values]), axis.label


def _of(table: Table, settings: dict[str, str], name: str) -> tuple[float, float]:
    """Mean and standard deviation over seeds at one point; NaN if no run finished."""
    found = [
        numbers[name]
        for point, numbers in table.rows
        if point.settings == settings and name in numbers
    ]
    return (float(np.mean(found)), float(np.std(found))) if found else (float("nan"), float("nan"))


def _meaning(names: list[str]) -> str:
    kinds = {name.partition(".")[0] for name in names}
    return (
        {"rates_hz": "rate (Hz)", "cv_isi": "CV of ISI", "weights": "mean weight"}.get(
            kinds.pop(), ""
        )
        if len(kinds) == 1
        else ""
    )

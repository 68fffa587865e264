"""The page about a fit: how near the trials came to the target, and with which values."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path as FilePath

import numpy as np

from thalia.errors import counted
from thalia.figures.notebook import table
from thalia.figures.style import GREY, PALETTE
from thalia.parallel.axes import Axis
from thalia.parallel.fit_table import Tried, read_fit
from thalia.reports import charts
from thalia.reports.page import Chart, Report, Section, page, quoted, remarks, wide

MOST_ROWS = 500
WIDE = 100  # times the least value, from where on an axis of values is logarithmic


def of_fit(folder: FilePath) -> Report:
    """The page about the table in a folder.

    Raises
    ------
    CircuitError
        If it holds none, or it is damaged.
    """
    trials = read_fit(folder)
    ended = [each for each in trials if each.distance is not None]
    told = [counted(len(trials), "trial")]
    if failed := len(trials) - len(ended):
        told.append(f"{failed} of them failed")
    sections = [
        *(_nearest(ended) if ended else ()),
        *(_search(ended) if ended else ()),
        *_rows(trials),
    ]
    return page(folder.resolve().name, f"<p>{escape(', '.join(told))}</p>", sections)


def _distance(trial: Tried) -> float:
    return trial.distance or 0.0


def _nearest(ended: Sequence[Tried]) -> Iterator[Section]:
    """The values of the trial that is nearest, as options that set them."""
    best = min(ended, key=_distance)
    met = "it meets the target" if best.distance == 0 else f"distance {best.distance:.4g}"
    options = " ".join(f"--set '{path}={text}'" for path, text in best.settings.items())
    rows = [[path, text] for path, text in best.settings.items()]
    body = remarks([f"trial {best.index}: {met}"]) + wide(table(("path", "value"), rows, MOST_ROWS))
    yield Section("Nearest", body + quoted(options))


def _search(ended: Sequence[Tried]) -> Iterator[Section]:
    """The distance over trials, and against each value that was varied."""
    distances = np.array([_distance(each) for each in ended])
    order = np.array([each.index for each in ended])
    first = charts.axes("distance", "trial", height=260)
    charts.draw_points(first, order, distances, GREY)
    nearest = charts.Line("nearest yet", order, np.minimum.accumulate(distances), PALETTE[1])
    charts.draw_lines(first, [nearest])
    drawn = [first, *(_against(ended, path, distances) for path in ended[0].settings)]
    caption = "How far each trial is from the target, in order, and against each value; 0 meets it."
    yield Section("Search", charts=(Chart(charts.below_each_other(drawn), caption),))


def _against(ended: Sequence[Tried], path: str, distances: charts.Floats) -> object:
    """The distance of each trial against one of its values, a number or a name."""
    texts = [each.settings[path] for each in ended]
    axis = Axis(path, tuple(dict.fromkeys(texts)))
    if numbers := axis.numbers():
        values = np.array([numbers[0][text] for text in texts])
        least, greatest = values.min(), values.max()
        spread = bool(least > 0 and greatest / least >= WIDE)
        made = charts.axes("distance", axis.label, height=220, logarithmic=spread)
    else:
        values = np.array([axis.values.index(text) for text in texts], float)
        made = charts.axes("distance", path, height=220)
        charts.name_places(made, axis.values)
    charts.draw_points(made, values, distances, PALETTE[0])
    return made


def _rows(trials: Sequence[Tried]) -> Iterator[Section]:
    """Every trial, the nearest first; those that failed last."""
    paths = list(trials[0].settings) if trials else []
    names = list(dict.fromkeys(name for each in trials for name in each.numbers))
    sorted_ = sorted(trials, key=lambda each: (each.distance is None, _distance(each)))
    rows = [
        [
            str(each.index),
            *(each.settings[path] for path in paths),
            "failed" if each.distance is None else f"{each.distance:.4g}",
            *(f"{each.numbers[name]:.5g}" if name in each.numbers else "" for name in names),
        ]
        for each in sorted_
    ]
    yield Section("Trials", wide(table(("trial", *paths, "distance", *names), rows, MOST_ROWS)))

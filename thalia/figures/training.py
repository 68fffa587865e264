"""Learning curves: performance over trials, with controls, and the final numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalia.analysis.intervals import mean_interval
from thalia.errors import did_you_mean, fail
from thalia.figures.style import FAINT, colours, styled
from thalia.training.results import Log, Outcome

POINTS = 60  # of a curve
ROW = 0.25  # inches of a condition


@styled
def learning_curve(outcome: Outcome) -> Figure:
    """Moving average over trials, mean and 95 % interval over seeds, and the final numbers.

    `outcome` is what `thalia.learn` returns.

    Raises
    ------
    CircuitError
        If no run ended, or the task does not give what is to be drawn.
    """
    logs = [log for log in outcome.logs if log.seeds]
    if not logs:
        raise fail(f"{outcome.folder}: no run ended, so there is nothing to draw")
    given = {"result": [*logs[0].finals[0]], "curve": [*logs[0].histories[0]]}
    for key, known in given.items():
        if (name := getattr(outcome.experiment, key)) not in known:
            raise fail(
                f"{outcome.folder}: experiment.{key}: the task gives no '{name}'",
                did_you_mean(name, known),
            )
    experiment, colour = outcome.experiment, colours([log.condition for log in logs])
    figure = Figure(figsize=(9, max(3.9, 0.9 + ROW * len(logs))))
    over_trials, at_the_end = figure.subplots(1, 2, width_ratios=[1.5, 1])
    curves = [log for log in logs if not log.is_baseline]
    window = window_of(curves, experiment.curve, experiment.window)
    for log in curves:
        drawn = curve_of(log, experiment.curve, window)
        shade = colour[log.condition]
        over_trials.plot(drawn.trials, drawn.mean, lw=1.4, color=shade)
        over_trials.fill_between(drawn.trials, drawn.low, drawn.high, color=shade, alpha=0.2, lw=0)
    if experiment.curve == experiment.result:  # what the chance level is that of
        _line(over_trials.axhline, experiment.chance)
    title = f"{outcome.name}, {len(logs[0].seeds)} seeds"
    over_trials.set(
        xlabel=f"trial (mean of {window})",
        ylabel=experiment.curve.replace("_", " "),
        title=title,
    )
    with_result = [log for log in logs if experiment.result in log.finals[0]]
    _finals(at_the_end, outcome, with_result, colour)
    return figure


def _finals(axes: Axes, outcome: Outcome, logs: list[Log], colour: dict[str, str]) -> None:
    experiment = outcome.experiment
    places = np.arange(len(logs))[::-1]
    for place, log in zip(places, logs, strict=True):
        values = log.values(experiment.result)
        spread = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(
            np.sort(values), place + spread, ".", ms=3.5, color=colour[log.condition], alpha=0.55
        )
        interval = mean_interval(values, within=log.range_of(experiment.result))
        axes.plot(
            [interval.low, interval.high],
            [place, place],
            color=colour[log.condition],
            lw=5,
            alpha=0.35,
            solid_capstyle="butt",
        )
        axes.plot([values.mean()], [place], "|", ms=13, mew=2, color=colour[log.condition])
    _line(axes.axvline, experiment.chance)
    _line(axes.axvline, experiment.goal, style="-")
    axes.set_yticks(places, [log.condition.replace("_", " ") for log in logs])
    axes.set(xlabel=experiment.result.replace("_", " "), ylim=(-0.6, len(logs) - 0.4))
    # beside long names of conditions the axes are narrower than this
    axes.set_title("each seed, mean and 95 % interval", loc="right")


@dataclass(frozen=True)
class Curve:
    """A measure of a condition over trials, (n_points,) each: its mean over seeds, and interval."""

    trials: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def window_of(logs: Sequence[Log], measure: str, wanted: int) -> int:
    """Over how many trials a curve is averaged, so that more than a point of it is left."""
    fewest = min(len(each[measure]) for log in logs for each in log.histories)
    return wanted if fewest > wanted else max(1, fewest // 5)


def curve_of(log: Log, measure: str, window: int) -> Curve:
    """The moving average of a measure over a window of trials."""
    trials = min(len(history[measure]) for history in log.histories)
    values = np.array(
        [smoothed(np.array(history[measure][:trials]), window) for history in log.histories]
    )
    places = np.unique(np.linspace(0, values.shape[1] - 1, POINTS).astype(int))
    found = [mean_interval(values[:, each], within=log.range_of(measure)) for each in places]
    bounds = np.array([(each.low, each.high) for each in found])
    return Curve(places + window, values[:, places].mean(axis=0), bounds[:, 0], bounds[:, 1])


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Moving average over `window` values, (n - window + 1,); of fewer values, their mean."""
    wide = min(window, len(values))
    return np.convolve(values, np.full(wide, 1 / wide), mode="valid")


def _line(draw: object, value: float | None, style: str = ":") -> None:
    if value is not None:
        draw(value, color=FAINT, lw=1, ls=style, zorder=0)  # type: ignore[operator]

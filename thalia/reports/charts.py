"""Charts that can be zoomed: lines with bands, and the spikes of a run, by Bokeh."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.layouts import gridplot
from bokeh.models import (
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    Label,
    PlainText,
    Range1d,
    Span,
    Title,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

from thalia.figures.style import FAINT, GREY, INK

TOOLS = "pan,box_zoom,xwheel_zoom,reset,save"
MOST_IN_LEGEND = 14  # names, beyond which they are shown only under the pointer

type Floats = NDArray[np.floating[Any] | np.integer[Any]]


@dataclass(frozen=True)
class Line:
    """A line, (n_points,) each; `low` and `high` bound a band around it."""

    name: str
    x: Floats
    y: Floats
    colour: str
    low: Floats | None = None
    high: Floats | None = None
    marked: bool = False  # each point by a dot


def axes(
    y_label: str,
    x_label: str = "",
    height: int = 220,
    x_range: Any = None,
    left: int = 70,
    logarithmic: bool = False,
) -> Any:
    """Empty axes, as wide as the page; those with one `x_range` move together.

    At least `left` pixels are beside them, so that charts below each other are aligned. If
    `logarithmic`, x is.
    """
    options = {} if x_range is None else {"x_range": x_range}
    options |= {"x_axis_type": "log"} if logarithmic else {}
    made = figure(
        height=height,
        sizing_mode="stretch_width",
        tools=TOOLS,
        active_drag="box_zoom",
        output_backend="canvas",
        **options,
    )
    # texts of files are not read as formulas, for which a browser would fetch MathJax
    made.yaxis.axis_label, made.xaxis.axis_label = PlainText(text=y_label), PlainText(text=x_label)
    made.toolbar.logo = None
    made.grid.grid_line_color = "#EEEEEE"
    made.outline_line_color = None
    made.min_border_left = left
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_color = axis.major_label_text_color = INK
        axis.minor_tick_line_color = None
    return made


def shared_range(drawn: Sequence[Any], start: float, stop: float) -> Any:
    """The range of the first axes, or a new one, which cannot be left."""
    span = stop - start
    bounds = (start - 0.02 * span, stop + 0.02 * span)
    return drawn[0].x_range if drawn else Range1d(start, stop, bounds=bounds)


def name_time(made: Any, unit: str) -> None:
    """Say what the axis of time is in."""
    made.xaxis.axis_label = f"time ({unit})"


def name_places(made: Any, names: Sequence[str]) -> None:
    """Names in place of the numbers 0, 1, 2 … of an axis."""
    made.xaxis.ticker = FixedTicker(ticks=[*range(len(names))])
    made.xaxis.major_label_overrides = dict(enumerate(names))


def entitle(made: Any, text: str) -> None:
    """A title above axes."""
    made.add_layout(Title(text=text, text_font_size="12px", text_color=INK), "above")


def draw_band(made: Any, x: Floats, low: Floats, high: Floats, colour: str, **options: Any) -> None:
    """The area between two lines."""
    made.varea(x, low, high, color=colour, alpha=0.2, **options)


def draw_lines(made: Any, lines: Sequence[Line], named: bool = True) -> None:
    """Draw lines; a click on a name in the legend hides one."""
    for line in lines:
        options = {"legend_label": line.name} if named and len(lines) <= MOST_IN_LEGEND else {}
        if line.low is not None and line.high is not None:
            draw_band(made, line.x, line.low, line.high, line.colour, **options)
        drawn = made.line(
            line.x, line.y, line_color=line.colour, line_width=1.4, name=line.name, **options
        )
        if line.marked:
            made.scatter(line.x, line.y, size=5, color=line.colour, **options)
        if named:
            tips = [("", "$name"), ("", "$x, $y")]
            made.add_tools(HoverTool(renderers=[drawn], tooltips=tips))
    if made.legend:
        made.add_layout(made.legend[0], "right")
        made.legend.click_policy = "hide"
        made.legend.label_text_font_size = "11px"
        made.legend.border_line_color = None
        made.legend.spacing, made.legend.padding = 0, 2
        made.legend.label_height = made.legend.glyph_height = 14


def draw_points(made: Any, x: Floats, y: Floats, colour: str) -> None:
    """Draw a dot for each pair of numbers, which are shown under the pointer."""
    drawn = made.scatter(x, y, size=5, color=colour)
    made.add_tools(HoverTool(renderers=[drawn], tooltips=[("", "$x, $y")]))


def draw_spikes(
    made: Any,
    trains: Mapping[str, tuple[Floats, Floats, NDArray[np.int64]]],
    bands: Mapping[str, tuple[float, float]],
    colour: Mapping[str, str],
) -> None:
    """Draw spikes at times and places from 0 (the top) to 1; names stand at their bands."""
    for name, (times, places, neurons) in trains.items():
        data = {"t": times.astype("f4"), "y": places.astype("f4"), "n": neurons.astype("i4")}
        drawn = made.scatter(
            "t",
            "y",
            source=ColumnDataSource(data),
            marker="square",
            size=2.2,
            color=colour[name],
            line_color=None,
            name=name,
        )
        tips = [("", "$name"), ("neuron", "@n"), ("time", "@t")]
        made.add_tools(HoverTool(renderers=[drawn], tooltips=tips))
    middles = {top + height / 2: name for name, (top, height) in bands.items()}
    made.y_range.start, made.y_range.end = 1.01, -0.01
    made.yaxis.ticker = FixedTicker(ticks=[*middles])
    made.yaxis.major_label_overrides = middles
    made.yaxis.major_label_text_font_size = "11px"
    made.yaxis.major_tick_line_color = made.ygrid.grid_line_color = None


def mark_times(made: Any, times: Sequence[tuple[str, float]], names: bool) -> None:
    """Dashed lines at times, such as the beginnings of phases, with their names."""
    for name, time in times:
        mark = {"line_color": FAINT, "line_dash": "dashed", "level": "underlay"}
        made.add_layout(Span(location=time, dimension="height", **mark))
        if names:
            place = {"x": time, "y": 4, "y_units": "screen", "text_font_size": "11px"}
            place |= {"background_fill_color": "white", "background_fill_alpha": 0.8}
            made.add_layout(Label(text=name, text_color=GREY, **place))


def level_line(made: Any, level: float) -> None:
    """A dashed line at a level."""
    mark = {"line_color": FAINT, "line_dash": "dashed", "level": "underlay"}
    made.add_layout(Span(location=level, dimension="width", **mark))


def below_each_other(charts: Sequence[Any]) -> Any:
    """Charts in a column, with one set of tools."""
    return gridplot(
        [[each] for each in charts],
        sizing_mode="stretch_width",
        merge_tools=True,
        toolbar_options={"logo": None},
    )

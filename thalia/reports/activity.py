"""Charts of a run over time: spikes, rates, modulators and state variables, on one axis."""

from collections.abc import Mapping, Sequence

import numpy as np

from thalia.figures.spikes import Trains, bands_of, rates_over_time
from thalia.figures.state_variables import Panel, course_of, panels_of, thinned
from thalia.figures.style import colours
from thalia.figures.view import View
from thalia.recording.results import Level
from thalia.recording.run_file import Run
from thalia.reports import charts
from thalia.reports.page import Chart

MOST_SPIKES = 60_000  # that are drawn
FEWEST_NEURONS = 10  # of a population, however many spikes they fire
MOST_BINS = 2000  # of the rates
MOST_PANELS = 12  # of state variables
MOST_NAMED = 8  # populations of a caption
NAME = 13  # pixels that the name of a population is high
AROUND = 40  # pixels above and below the spikes
LEFT = (60, 180)  # pixels beside the axes of all charts, which begin at one place


def chart_of(run: Run) -> Chart | None:
    """All that a run has over time, in charts that are zoomed together; None if it has nothing."""
    view, drawn, captions = View.of(run), list[object](), list[str]()
    colour = colours(list(run.sizes))
    trains = {name: view.spikes(name) for name in (view.recorded if run.spikes else ())}
    if any(len(times) for times, _ in trains.values()):
        captions.append(_raster(drawn, view, trains, colour))
        captions.append(_rates(drawn, view, trains, colour))
    if levels := {name: each for name, each in run.modulators.items() if len(each.time)}:
        captions.append(_modulators(drawn, view, levels))
    if panels := panels_of(run, view):
        captions.append(_traces(drawn, view, panels, colour))
    if not drawn:
        return None
    begins = [(name, begin * view.clock[1]) for name, begin, _ in run.phases if begin > 0]
    for number, made in enumerate(drawn):
        charts.mark_times(made, begins, names=number == 0)
    charts.name_time(drawn[-1], view.clock[0])
    return Chart(charts.below_each_other(drawn), " ".join(captions))


def _axes(drawn: list[object], view: View, label: str, height: int) -> object:
    """The next axes of time, which move with the first ones."""
    scale = view.clock[1]
    window = charts.shared_range(drawn, view.start * scale, view.stop * scale)
    made = charts.axes(label, height=height, x_range=window, left=_left(view))
    drawn.append(made)
    return made


def _left(view: View) -> int:
    """Pixels for the names of populations."""
    longest = max(map(len, view.run.sizes))
    return min(max(LEFT[0], 14 + 7 * longest), LEFT[1])


def _raster(drawn: list[object], view: View, trains: Trains, colour: dict[str, str]) -> str:
    spikes = sum(len(times) for times, _ in trains.values())
    every = max(1, -(-spikes // MOST_SPIKES))
    height = max(340, AROUND + round(1.3 * NAME * len(trains)))
    bands = bands_of({name: view.size(name) for name in trains}, NAME / (height - AROUND))
    shown = {}
    for name, (times, places) in trains.items():
        top, band = bands[name]
        step = max(1, min(every, view.size(name) // FEWEST_NEURONS))
        chosen = places % step == 0
        rows = top + (places[chosen] + 0.5) * band / view.size(name)
        shown[name] = (times[chosen] * view.clock[1], rows, view.neurons(name)[places[chosen]])
    charts.draw_spikes(_axes(drawn, view, "", height), shown, bands, colour)
    part = (
        f"of one neuron in {every} (the file has all {spikes:,})" if every > 1 else "of all neurons"
    )
    return f"Spikes {part}, the first population on top{_left_out(view, trains)}."


def _left_out(view: View, trains: Trains) -> str:
    """The populations whose spikes were not recorded, which are in no chart."""
    missing = [name for name in view.run.sizes if name not in trains]
    more = len(missing) - MOST_NAMED
    named = ", ".join(missing[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f"; not recorded: {named}" if missing else ""


def _rates(drawn: list[object], view: View, trains: Trains, colour: dict[str, str]) -> str:
    width, over_time = rates_over_time(view, trains, MOST_BINS)
    lines = []
    for name, rate in over_time.items():
        middles = (view.start + (np.arange(len(rate)) + 0.5) * width * 1e-3) * view.clock[1]
        lines.append(charts.Line(name, middles, rate, colour[name]))
    charts.draw_lines(_axes(drawn, view, "rate (Hz)", 260), lines)
    return (
        f"Mean rates of the neurons of each population that was recorded, in bins of {width} ms; "
        "a click on a name hides its line."
    )


def _modulators(drawn: list[object], view: View, levels: Mapping[str, Level]) -> str:
    for name, colour in colours(list(levels)).items():
        level = levels[name]
        made = _axes(drawn, view, name, 140)
        time, values = thinned(level.time * view.clock[1], level.value)
        charts.draw_lines(made, [charts.Line(name, time, values, colour)], named=False)
        charts.level_line(made, level.baseline)
    return "Levels of modulators, dashed where their signal is zero."


def _traces(
    drawn: list[object], view: View, panels: Sequence[Panel], colour: dict[str, str]
) -> str:
    for panel in panels[:MOST_PANELS]:
        course, shade = course_of(panel, view), colour[panel.population]
        made = _axes(drawn, view, panel.label, 190)
        if course.band:
            charts.draw_band(made, *course.band, shade)
        lines = [charts.Line("", *line, shade) for line in course.lines]
        charts.draw_lines(made, lines, named=False)
        charts.entitle(made, f"{panel.of}, {course.who}")
    left = len(panels) - MOST_PANELS
    more = f", and {left} more in the file" if left > 0 else ""
    return f"Recorded state variables{more}."

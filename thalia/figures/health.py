"""The health of a run: one row per population, one column per measure, coloured by verdict."""

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from thalia.analysis.health import COLUMNS, CRITICAL, OK, WARN, Health, shown
from thalia.figures.style import INK, styled

COLOUR = {OK: "#FFFFFF", WARN: "#FBE3A8", CRITICAL: "#F2A48C"}


@styled
def health_figure(found: Health, title: str) -> Figure:
    """All measures of all populations that `thalia.health` found, under a `title`."""
    rows = list(found.populations)
    figure = Figure(figsize=(9, 0.9 + 0.28 * len(rows)))
    axes = figure.subplots()
    axes.set(xlim=(0, len(COLUMNS)), ylim=(len(rows), 0), title=title)
    for place, name in enumerate(rows):
        for column, measure in enumerate(COLUMNS):
            axes.add_patch(
                Rectangle((column, place), 1, 1, color=COLOUR[found.of(name, measure)], lw=0)
            )
            text = shown(found.populations[name], measure)
            axes.text(
                column + 0.92, place + 0.5, text, ha="right", va="center", color=INK, fontsize=8
            )
    axes.set_xticks(
        [column + 0.5 for column in range(len(COLUMNS))], list(COLUMNS.values()), fontsize=8
    )
    axes.set_yticks([place + 0.5 for place in range(len(rows))], rows)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(
        [Rectangle((0, 0), 1, 1, color=COLOUR[kind]) for kind in (WARN, CRITICAL)],
        ["warn", "critical"],
        fontsize=7.5,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        ncols=2,
    )
    return figure

"""What a run file of a conversation has: its transcript, its words, and how it was going."""

from collections.abc import Iterator

import numpy as np

from thalia.errors import counted
from thalia.figures.notebook import table
from thalia.figures.style import colours
from thalia.recording.page_checksums import reading
from thalia.recording.run_file import Run
from thalia.reports import charts
from thalia.reports.page import Chart, Section, remarks, wide
from thalia.training.partner import KEPT_AS, Entry, Kept, kept_in

MOST_TURNS = 200  # that are shown, the last ones
WINDOW = 10  # taught turns over which right replies are counted


def sections_of(run: Run) -> Iterator[Section]:
    """The conversation of a run; none if it is of something else."""
    with reading(run.file, "the conversation") as h5:
        is_one = f"texts/{KEPT_AS}" in h5
    if not is_one:
        return
    kept = kept_in(run.file)
    if not kept.turns:
        return
    first = max(0, len(kept.turns) - MOST_TURNS)
    rows = [_row(number, each) for number, each in enumerate(kept.turns)][first:]
    heads = ("turn", "heard", "said", "taught", "")
    told = f"the last {len(rows)} of {counted(len(kept.turns), 'turn')}" if first else ""
    words = f"{counted(len(kept.vocabulary) - 1, 'word')}, with room for {kept.size - 1:,}"
    listed = remarks([words, " ".join(kept.vocabulary[1:])])
    yield Section(
        "Conversation",
        wide(table(heads, rows, MOST_TURNS)) + remarks([told] if told else []) + listed,
        (_chart(kept),),
    )


def _row(number: int, turn: Entry) -> list[str]:
    return [
        str(number + 1),
        turn.heard,
        turn.said,
        turn.taught or "",
        "slept" if turn.slept else "",
    ]


def _chart(kept: Kept) -> Chart:
    """Words, right replies and levels over turns, with sleep."""
    turns = np.arange(1, len(kept.turns) + 1)
    heard = set[str]()
    words = np.array([len(heard := heard | {*each.heard.split()}) for each in kept.turns])
    taught = np.array([each.taught is not None for each in kept.turns])
    right = np.array([each.said == each.taught for each in kept.turns])[taught].astype(float)
    rows = [charts.axes("words heard", height=180)]
    window = rows[0].x_range
    charts.draw_lines(rows[0], [charts.Line("", turns, words, "#0072B2")], named=False)
    if len(right):
        share = np.array([right[max(0, k - WINDOW + 1) : k + 1].mean() for k in range(len(right))])
        rows.append(charts.axes("right replies", height=180, x_range=window))
        line = charts.Line("", turns[taught], share, "#009E73", marked=True)
        charts.draw_lines(rows[-1], [line], named=False)
    rows.append(charts.axes("level", "turn", height=200, x_range=window))
    told = [{str(name): at for name, at in each.levels.items()} for each in kept.turns]
    names = list(dict.fromkeys(name for each in told for name in each))
    levels = {name: np.array([each.get(name, np.nan) for each in told]) for name in names}
    charts.draw_lines(
        rows[-1], [charts.Line(n, turns, levels[n], c) for n, c in colours(names).items()]
    )
    slept = [("sleep", float(t)) for t, each in zip(turns, kept.turns, strict=True) if each.slept]
    for number, made in enumerate(rows):
        charts.mark_times(made, slept, names=number == 0)
    caption = (
        f"Words heard so far; the share of right replies among the last {WINDOW} that were taught; "
        "levels of attention, novelty and fatigue. Dashed: sleep."
    )
    return Chart(charts.below_each_other(rows), caption)

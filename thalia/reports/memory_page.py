"""The page about a memory: its items, what was expected of them, and how much their codes share."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path as FilePath

import numpy as np

from thalia.errors import counted
from thalia.figures.notebook import table
from thalia.figures.style import colours
from thalia.memory.calibration import BINS, EDGES, Calibration
from thalia.memory.items import Item, Items
from thalia.memory.kept import STATE
from thalia.recording.memory_file import FORMAT, Contents, read
from thalia.recording.page_checksums import edited, reading
from thalia.reports import charts
from thalia.reports.page import Chart, Report, Section, page, remarks, wide

MOST_ROWS = 500
MOST_COMPARED = 400  # items, the newest ones, whose codes are compared
KEYS = ("circuit", "backend", "seed")
WEIGHT = ".w"  # what the names of weights among the variables of a network end with


def is_memory(file: FilePath) -> bool:
    """Whether a file is that of a memory.

    Raises
    ------
    CircuitError
        If it is not HDF5.
    """
    with reading(file) as h5:
        return bool(h5.attrs.get("format") == FORMAT)


def of_memory(file: FilePath) -> Report:
    """The page about a memory.

    Raises
    ------
    CircuitError
        If its file is damaged.
    """
    contents = read(file)
    with edited(file):
        items = Items.of_tables(contents.arrays, contents.texts, int(contents.settings["last"]))
        sections = [*_items(items), *_outcomes(items.present), *_sleep(items.present, contents)]
        sections += [*_codes(items.present), *_weights(contents)]
        sections.append(_provenance(contents))
    waiting = f", {len(items.waiting)} offered and not stored yet" if items.waiting else ""
    lead = f"{counted(len(items.present), 'item')}{waiting}; {file.name}"
    return page("memory", f"<p>{escape(lead)}</p>", sections)


def _items(items: Items) -> Iterator[Section]:
    rows = [
        [
            str(each.number),
            each.told.at,
            each.told.text or "",
            str(each.told.outcomes),
            f"{each.told.expected:.3f}" if each.told.outcomes else "",
            "reviewed" if each.told.card else "",
        ]
        for each in reversed(items.present)
    ]
    heads = ("item", "stored", "text", "outcomes", "expected", "")
    body = wide(table(heads, rows, MOST_ROWS))
    yield Section("Items", body or remarks(["Nothing is stored."]))


def _outcomes(items: Sequence[Item]) -> Iterator[Section]:
    """What is expected of the items that had outcomes, and how surprising the last one was."""
    known = [each for each in items if each.told.outcomes]
    if not known:
        return
    numbers = np.array([each.number for each in known])
    expected = np.array([each.told.expected for each in known])
    surprise = np.array([each.told.surprise for each in known])
    made = charts.axes("outcome", "item", height=280)
    lines = [
        charts.Line("expected", numbers, expected, "#0072B2", marked=True),
        charts.Line("last surprise", numbers, surprise, "#D55E00", marked=True),
    ]
    charts.draw_lines(made, lines)
    caption = "The outcome that is expected of each item, from 0 to 1, and its last surprise."
    yield Section("Outcomes", charts=(Chart(made, caption),))


def _sleep(items: Sequence[Item], contents: Contents) -> Iterator[Section]:
    """How surely each item was recalled in the last sleep, and how often that was right."""
    tested = [(each.number, each.told.confidence) for each in items]
    known = [(number, sure) for number, sure in tested if sure is not None]
    if not known:
        return
    numbers, confidences = (np.array(each) for each in zip(*known, strict=True))
    by_item = charts.axes("confidence", "item", height=240)
    charts.draw_lines(
        by_item, [charts.Line("", numbers, confidences, "#0072B2", marked=True)], named=False
    )
    rows = [by_item]
    caption = "The confidence with which its own code recalled each item in the last sleep."
    asked = contents.arrays["calibration.asked"]
    if len(asked) != BINS:
        caption += " Its tests are of another version, which sorted them otherwise."
    elif asked.any():
        told = Calibration(asked, contents.arrays["calibration.right"])
        curve = charts.Line("", np.array([-1, *EDGES]), told.curve(), "#D55E00", marked=True)
        rows.append(charts.axes("chance to be right", "confidence above others from", height=240))
        charts.draw_lines(rows[-1], [curve], named=False)
        caption += (
            " Below, how likely what is recalled is right, by how much surer it is than any other "
            "item, in the tests of sleep."
        )
    yield Section("Sleep", charts=(Chart(charts.below_each_other(rows), caption),))


def _weights(contents: Contents) -> Iterator[Section]:
    """How the weights of each object of synapses are distributed, relative to its greatest one."""
    found = {
        name.removeprefix(STATE).removesuffix(WEIGHT): np.abs(values)
        for name, values in contents.arrays.items()
        if name.startswith(STATE) and name.endswith(WEIGHT) and np.any(values)
    }
    if not found:
        return
    edges = np.linspace(0, 1, 41)
    lines = [
        charts.Line(
            name,
            (edges[:-1] + edges[1:]) / 2,
            np.histogram(values / values.max(), edges)[0] / values.size,
            colour,
            marked=True,
        )
        for (name, values), colour in zip(found.items(), colours([*found]).values(), strict=True)
    ]
    made = charts.axes("share of the synapses", "weight / greatest weight", height=280)
    charts.draw_lines(made, lines)
    counts = ", ".join(f"{name}: {values.size:,}" for name, values in found.items())
    caption = f"Weights, by size, in parts of the greatest of each kind ({counts})."
    yield Section("Weights", charts=(Chart(made, caption),))


def _codes(items: Sequence[Item]) -> Iterator[Section]:
    """The largest share of its cells that an item has in common with an earlier one."""
    compared = items[-MOST_COMPARED:]
    if len(compared) < 2:
        return
    cells = [{*each.code.tolist()} for each in compared]
    shares = [
        max(len(mine & other) / len(mine) for other in cells[:place])
        for place, mine in enumerate(cells)
        if place
    ]
    numbers = np.array([each.number for each in compared[1:]])
    made = charts.axes("share of cells", "item", height=240)
    charts.draw_lines(made, [charts.Line("", numbers, np.array(shares), "#009E73", marked=True)])
    caption = (
        "The largest share of the cells of an item's code that one of the items before it has, too"
        f"{f', among the newest {MOST_COMPARED}' if len(items) > MOST_COMPARED else ''}."
    )
    yield Section("Codes", charts=(Chart(made, caption),))


def _provenance(contents: Contents) -> Section:
    rows = [[key, str(contents.settings[key])] for key in KEYS if key in contents.settings]
    return Section("Provenance", wide(table((), rows)))

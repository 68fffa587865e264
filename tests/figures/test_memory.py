"""Figures of a memory: they show what its file holds, and say what is missing."""

import numpy as np
import pytest

from tests.helpers import thalia_here
from thalia.errors import CircuitError
from thalia.figures.kinds import OF_MEMORIES
from thalia.memory.items import Item, Items, Told
from thalia.recording.memory_file import MemoryFile

CELLS = np.arange(4)


def written(file, confidences=(), tests=(), counts=()):
    """The file of a memory that holds what is given."""
    items = Items()
    for number, confidence in enumerate(confidences, 1):
        told = Told(at="2026-11-29T12:00:00+00:00", outcomes=number % 2, confidence=confidence)
        items = items.with_item(Item(number, CELLS, CELLS, told, np.ones(3)))
    arrays, texts = items.tables()
    if len(tests):
        asked, right = np.array(tests, float).T
        arrays |= {"calibration.asked": asked, "calibration.right": right}
    if len(counts):
        arrays["counts"] = np.array(counts, float)
    memory = MemoryFile(file)
    memory.keep({"content": "vector", "last": items.last}, arrays, texts)
    memory.close()
    return file


def test_retention_is_confidence_by_the_number_of_later_items(tmp_path):
    confidences = [0.1, 0.2, 0.5, 0.9]
    axes = OF_MEMORIES["retention"](written(tmp_path / "m.h5", confidences)).axes[0]
    points = sorted(
        (x, y) for line in axes.lines[:2] for x, y in zip(*line.get_data(), strict=True)
    )

    assert points == [(0, 0.9), (1, 0.5), (2, 0.2), (3, 0.1)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "stored only",
        "with outcomes or associations",
        "mean of neighbours",
    ]


def test_calibration_shows_shares_the_chance_and_numbers(tmp_path):
    tests = [(4, 1), *[(0, 0)] * 9, (10, 9)]
    above, below = OF_MEMORIES["calibration"](written(tmp_path / "m.h5", tests=tests)).axes
    shares = next(line for line in above.lines if line.get_label() == "observed")

    assert list(zip(*shares.get_data(), strict=True)) == [(0, 0.25), (10, 0.9)]
    assert [bar.get_height() for bar in below.patches] == [4, *[0] * 9, 10]
    assert [text.get_text() for text in below.get_xticklabels()][2:5] == ["-0.05", "0", "0.02"]


def test_tests_of_a_version_that_had_other_bins_do_not_count(tmp_path):
    file = written(tmp_path / "m.h5", tests=[(4, 1)] * 10)

    with pytest.raises(CircuitError, match="there were no tests, which sleep makes"):
        OF_MEMORIES["calibration"](file)


def test_cues_begin_with_similarity_alone(tmp_path):
    file = written(tmp_path / "m.h5", counts=[(0.9, 0.1, 0, 0), (0.7, 0.1, 0.2, 0)])
    axes = OF_MEMORIES["cues"](file).axes[0]

    assert {line.get_label(): line.get_ydata().tolist() for line in axes.lines} == {
        "similar": [1, 0.9, 0.7],
        "recent": [0, 0.1, 0.1],
        "useful": [0, 0, 0.2],
        "important": [0, 0, 0],
    }


@pytest.mark.parametrize(("kind", "message"), [
    ("retention", "m.h5: no item was tested, which sleep does"),
    ("calibration", "m.h5: there were no tests, which sleep makes"),
    ("cues", "m.h5: no outcome of a recall was reported, so only similarity counts"),
])  # fmt: skip
def test_what_a_memory_cannot_show_yet_is_told(tmp_path, kind, message):
    with pytest.raises(CircuitError, match=message):
        OF_MEMORIES[kind](written(tmp_path / "m.h5"))


def test_the_command_draws_them(tmp_path):
    written(tmp_path / "m.h5", [0.5, 0.6])
    drawn = thalia_here("plot", "retention", "m.h5", folder=tmp_path)
    part = thalia_here("plot", "retention", "m.h5", "--from", "1 s", folder=tmp_path)

    assert (drawn.returncode, drawn.stdout.strip()) == (0, "m_retention.png")
    assert (tmp_path / "m_retention.png").stat().st_size > 1000
    assert (part.returncode, part.stderr.splitlines()[0]) == (
        2,
        "a retention shows the whole memory",
    )

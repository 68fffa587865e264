"""The page about a memory: its items as they are kept, and how much their codes share."""

import json

import numpy as np
import pytest

from tests.helpers import thalia_here
from tests.reports.test_report import HOSTILE, Page, columns
from thalia.memory.items import Item, Items, Told
from thalia.recording.memory_file import MemoryFile


def test_a_memory_shows_its_items_and_what_their_codes_share(tmp_path):
    codes = [[0, 1, 2, 3], [3, 4, 5, 6], [0, 1, 2, 9]]  # a quarter, then three quarters
    items = Items()
    for number, code in enumerate(codes, start=1):
        told = Told(
            at="2026-11-29T10:00:00+00:00", text=HOSTILE, outcomes=number - 1, expected=0.25,
            confidence=number / 4,
        )  # fmt: skip
        items = items.with_item(Item(number, np.array(code), np.array([number]), told))
    arrays, texts = items.tables()
    arrays |= {"calibration.asked": np.full(11, 8.0), "calibration.right": np.arange(11.0) - 1}
    arrays["state.learn.w"] = np.array([0.0, 1.0, 1.0, 2.0])
    file = MemoryFile(tmp_path / "memory.h5")
    file.keep({"circuit": "x", "backend": "cpp", "seed": "1", "last": 3}, arrays, texts)
    file.close()

    done = thalia_here("report", "memory.h5", folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "memory.html\n", "")
    html = (tmp_path / "memory.html").read_text()
    drawn = [each["y"].tolist() for each in columns(json.loads(Page(html).scripts[0]))]
    assert [0.25, 0.75] in drawn  # codes
    assert [0.25, 0.25] in drawn  # outcomes of those that had any
    assert [0.25, 0.5, 0.75] in drawn  # confidence in the last sleep
    assert pytest.approx(np.arange(11) / 10) in drawn  # Laplace: (right + 1) / (asked + 2)
    shares, _ = [each for each in drawn if len(each) == 40]  # a line, and its dots
    assert {place: share for place, share in enumerate(shares) if share} == {0: 0.25, 20: 0.5, 39: 0.25}  # fmt: skip
    assert "<p>3 items; memory.h5</p>" in html
    assert not [each for _, each in Page(html).found if "onerror" in each]

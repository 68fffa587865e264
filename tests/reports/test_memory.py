"""The page about a memory: its items as they are kept, and how much their codes share."""

import json

import numpy as np

from tests.helpers import thalia_here
from tests.reports.test_report import HOSTILE, Page, columns
from thalia.memory.items import Item, Items, Told
from thalia.recording.memory_file import MemoryFile


def test_a_memory_shows_its_items_and_what_their_codes_share(tmp_path):
    codes = [[0, 1, 2, 3], [3, 4, 5, 6], [0, 1, 2, 9]]  # a quarter, then three quarters
    items = Items()
    for number, code in enumerate(codes, start=1):
        told = Told(
            at="2026-11-29T10:00:00+00:00", text=HOSTILE, outcomes=number - 1, expected=0.25
        )
        items = items.with_item(Item(number, np.array(code), np.array([number]), told))
    arrays, texts = items.tables()
    file = MemoryFile(tmp_path / "memory.h5")
    file.keep({"circuit": "x", "backend": "cpp", "seed": "1", "last": 3}, arrays, texts)
    file.close()

    done = thalia_here("report", "memory.h5", folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "memory.html\n", "")
    html = (tmp_path / "memory.html").read_text()
    drawn = [each["y"].tolist() for each in columns(json.loads(Page(html).scripts[0]))]
    assert [0.25, 0.75] in drawn  # codes
    assert [0.25, 0.25] in drawn  # outcomes of those that had any
    assert "<p>3 items; memory.h5</p>" in html
    assert not [each for _, each in Page(html).found if "onerror" in each]

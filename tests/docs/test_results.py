"""Every file of results says how its numbers came about."""

import json

import pytest

from tests.helpers import ROOT

MADE = {"command", "thalia", "date", "machine"}
LEARNED = MADE - {"command"} | {"experiment"}  # `thalia learn` has no other part
FILES = sorted(
    file
    for pattern in ("results/**/*.json", "benchmarks/*.json", "docs/*.json")
    for file in ROOT.glob(pattern)
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_file_of_results_or_each_of_its_parts_says_how_it_was_made(file):
    needed = LEARNED if file.parent.name == "learning" else MADE
    found = json.loads(file.read_text("utf-8"))
    parts = {name: part for name, part in found.items() if isinstance(part, dict)}
    lacking = {name: needed - part.keys() for name, part in parts.items() if needed - part.keys()}

    assert needed <= found.keys() or (parts.keys() == found.keys() and not lacking)

"""Every file of results says how its numbers came about."""

import json

import pytest

from tests.helpers import ROOT

MADE = {"command", "thalia", "date", "machine"}
LEARNED = MADE - {"command"} | {"experiment"}  # `thalia learn` has no other part
# files whose numbers depend on no seed, and why
SEEDLESS = {
    "docs/integration.json": "single cells with given input",
    "results/library.json": "single components with given input",
    "results/conversation_kills.json": "made before its script kept the numbers of its workers",
    "results/memory_load.json": "the number of a vector is its seed, in tests/fuzz/memories.py",
}
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


def keys_of(found):
    """All keys of nested mappings and lists."""
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return {*(found if isinstance(found, dict) else ())}.union(*map(keys_of, inner))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_file_of_results_names_its_seeds(file):
    named = {"seed", "seeds", "base_seed"} & keys_of(json.loads(file.read_text("utf-8")))

    assert bool(named) != (file.relative_to(ROOT).as_posix() in SEEDLESS)

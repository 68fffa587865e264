"""What users write: accepted, and then code is made of it, or refused in words.

`python -m tests.fuzz.parts FIRST LAST` and `tests.fuzz.values` try more seeds by hand, and count.
"""

import pytest

from tests.fuzz import values
from tests.fuzz.parts import Writer, outcome
from tests.helpers import CIRCUITS
from thalia.syntax.yaml_reader import read_yaml


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_components_are_refused_or_make_code(first):
    """Two hundred circuits, of which three are compiled to code here for each twenty."""
    found = {
        seed: outcome(Writer(seed).circuit(), code=seed % 7 == 0)
        for seed in range(first, first + 20)
    }

    assert {seed: text for seed, text in found.items() if text not in ("refused", "coded")} == {}


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_circuits_with_outrageous_values_are_planned_or_refused(first):
    """A hundred, of the circuits of the library that are planned in a moment."""
    small = [file for file in CIRCUITS if file.stem in ("pair", "balanced", "reward", "worm")]
    texts = [(file.parent, read_yaml(file.read_text("utf-8"), file.name)[0]) for file in small]
    found = {
        seed: values.outcome(values.odd(data, seed), folder)
        for seed in range(first, first + 20)
        for folder, data in [texts[seed % len(texts)]]
    }

    assert {s: text for s, text in found.items() if text not in ("refused", "planned")} == {}

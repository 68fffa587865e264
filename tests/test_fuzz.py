"""Components as users write them: accepted, and then code is made of them, or refused in words.

`python -m tests.fuzz.parts FIRST LAST` tries more seeds by hand, and counts.
"""

import pytest

from tests.fuzz.parts import Writer, outcome


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_components_are_refused_or_make_code(first):
    """Two hundred circuits, of which three are compiled to code here for each twenty."""
    found = {
        seed: outcome(Writer(seed).circuit(), code=seed % 7 == 0)
        for seed in range(first, first + 20)
    }

    assert {seed: text for seed, text in found.items() if text not in ("refused", "coded")} == {}

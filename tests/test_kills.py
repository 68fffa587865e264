"""A run that is killed goes on to the bits of an undisturbed one, whenever that was.

`python -m tests.fuzz.kills --count 200` does the same by hand, and counts.
"""

from tests.fuzz.kills import EXPECTED, LEFT, kills


def test_a_run_that_is_killed_at_random_moments_goes_on_to_the_same_bits(tmp_path):
    found = kills(tmp_path, count=3, seed=1, backend="runtime")

    assert found.keys() <= EXPECTED
    assert sum(found[name] for name in LEFT) == 3
    assert found["the same bits"] >= 1

"""Every part of the library is at work in a circuit or an experiment, or is a gap that is known, with its reason."""

import pytest

from docs.generate import uses


@pytest.mark.parametrize(("kind", "name"), uses.parts())
def test_a_part_is_used_or_is_a_known_gap(kind, name):
    used = (kind, name) in uses.uses()

    assert used != ((kind, name) in uses.GAPS)


def test_gaps_are_parts_of_the_library():
    assert [part for part in uses.GAPS if part not in uses.parts()] == []


def test_the_page_of_a_part_links_to_what_uses_it_or_says_why_nothing_does():
    assert "[`balanced`](../../gallery/balanced.md)" in uses.used_in(
        "plasticity", "stdp_inhibitory"
    )
    assert "[`digits`](../../experiments/digits.md) (bcm)" in uses.used_in("plasticity", "bcm")
    assert "No circuit or experiment yet: " in uses.used_in("plasticity", "structural")
    assert uses.used_in("protocols", "rates") == ""

"""Every part of the library is at work in a circuit or an experiment."""

import pytest

from docs.generate import uses


@pytest.mark.parametrize(("kind", "name"), uses.parts())
def test_a_part_is_used(kind, name):
    assert (kind, name) in uses.uses()


def test_the_page_of_a_part_links_to_what_uses_it():
    assert "[`balanced`](../../gallery/balanced.md)" in uses.used_in(
        "plasticity", "stdp_inhibitory"
    )
    assert "[`digits`](../../experiments/digits.md) (bcm)" in uses.used_in("plasticity", "bcm")
    assert uses.used_in("protocols", "rates") == ""

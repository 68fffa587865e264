"""Memories under load: nothing that was answered is lost by a kill, and memory of the process stays flat."""

import sys

import pytest

from tests.fuzz.memories import kills_by, stores

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and kills processes"),
]


def test_200_kills_lose_nothing_that_was_answered():
    assert kills_by(4, 200) == []


def test_10000_stores_need_no_more_memory_than_1000():
    """It is full after 600. What the status says can be recalled is recalled."""
    used, (told, found) = stores(10_000, every=1000)
    (own, circuit), *later = used

    assert max(each[0] for each in later) < own + 30
    assert max(each[1] for each in later) < circuit + 2
    assert found == pytest.approx(told, abs=0.02 * 600)

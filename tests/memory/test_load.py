"""Memories under load: nothing that was answered is lost by a kill, and memory of the process stays flat."""

import sys
from types import SimpleNamespace as Made

import pytest

from tests.fuzz.memories import Answered, kills_by, stores, vector

not_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and kills processes")
PRINTED = [
    *("open 5 0 0", "store 10 1 1", "store 20 2 2", "outcome 30 2 0", "sleep 40 0 0"),
    *("begins to forget 40 1 0", "forget 50 1 0"),
]
SECOND = {"number": 2, "vector": vector(2), "outcomes": 1, "confidence": 0.5}
FIRST = {"number": 1, "vector": vector(1), "outcomes": 0, "confidence": 0.5}


def memory_of(*items, step=50):
    """What is looked at of a memory."""
    present = [Made(**item, told=Made(**item)) for item in items]
    return Made(_subject=Made(done=step), _core=Made(items=Made(present=present)))


@pytest.mark.parametrize(("printed", "memory", "missing"), [
    (PRINTED, memory_of(SECOND), []),
    (PRINTED, memory_of(SECOND | {"outcomes": 2}, step=60), []),  # one more, which was not answered
    (PRINTED, memory_of(SECOND, SECOND | {"number": 3, "vector": vector(3)}), []),  # stored, not answered
    (PRINTED[:-1], memory_of(SECOND), []),  # the kill came while the first was forgotten
    (PRINTED[:-1], memory_of(FIRST, SECOND), []),
    (PRINTED, memory_of(SECOND, step=49), ["it is as it was earlier"]),
    (PRINTED, memory_of(), ["item 2"]),
    (PRINTED, memory_of(SECOND | {"vector": vector(3)}), ["item 2"]),
    (PRINTED, memory_of(SECOND | {"outcomes": 0}), ["outcomes of item 2"]),
    (PRINTED, memory_of(SECOND | {"outcomes": 3}), ["2 outcomes were never reported"]),
    (PRINTED, memory_of(SECOND | {"confidence": None}), ["what sleep found of item 2"]),
    (PRINTED, memory_of(FIRST, SECOND), ["forgotten items are back: [1]"]),
])  # fmt: skip
def test_what_a_kill_has_lost_is_found(printed, memory, missing):
    answered = Answered()
    for line in printed:
        answered.hear(line)

    assert answered.missing(memory) == missing


@not_linux
@pytest.mark.slow
def test_200_kills_lose_nothing_that_was_answered():
    lost, _, answered = kills_by(4, 200)

    assert lost == []
    assert answered.keys() == {"store", "outcome", "sleep", "forget"}


@not_linux
@pytest.mark.slow
def test_10000_stores_need_no_more_memory_than_1000():
    """It is full after 600. What the status says can be recalled is recalled, up to one in fifty.

    Asking changes nothing, but a rank is a number of neurons of a hundred, so of items that are nearly as sure
    another may come first.
    """
    used, (told, found) = stores(10_000, every=1000)
    (own, circuit), *later = used

    assert max(each[0] for each in later) < own + 30
    assert max(each[1] for each in later) < circuit + 2
    assert found == pytest.approx(told, abs=0.02 * 600)

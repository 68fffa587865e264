"""`working_memory.yaml` holds an item by facilitation, in volleys or in silence, and not without it (Mongillo, Barak & Tsodyks 2008)."""

import pytest

from plots import working_memory

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def rates(tmp_path_factory):
    """Seed 7, which the figure does not use."""
    folder = tmp_path_factory.mktemp("run")
    return {
        name: working_memory.numbers(working_memory.simulated(7, name, folder))
        for name in working_memory.CONDITIONS
    }


def test_the_cued_item_fires_over_the_delay_and_the_other_does_not(rates):
    assert rates["held"]["delay item"] > 3
    assert rates["held"]["delay other"] < 1


def test_in_silence_the_cued_item_comes_back_when_all_are_driven(rates):
    assert rates["silent"]["recall item"] > 5 * rates["silent"]["recall other"]
    assert rates["silent"]["delay item"] < 0.5 * rates["held"]["delay item"]


@pytest.mark.parametrize(
    "condition", ["no cue", "no facilitation", "silent, no cue", "silent, no facilitation"]
)
def test_without_cue_or_facilitation_nothing_is_held(rates, condition):
    assert rates[condition]["delay item"] < 1
    assert condition == "no cue" or rates[condition]["recall item"] < 2

"""`working_memory.yaml` holds an item by facilitation, in volleys or in silence, and not without it (Mongillo, Barak & Tsodyks 2008)."""

import pytest

import thalia
from plots import working_memory

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def rates(tmp_path_factory):
    """Of seed 7, which the figure does not use, by condition."""
    folder = tmp_path_factory.mktemp("study")
    study = thalia.study(working_memory.CIRCUIT, seeds=[7], output=folder)
    return {name: working_memory.numbers(runs[7]) for name, runs in study.runs.items()}


def test_the_cued_item_fires_over_the_delay_and_the_other_does_not(rates):
    assert rates["baseline"]["item, delay (Hz)"] > 3
    assert rates["baseline"]["other, delay (Hz)"] < 1


def test_in_silence_the_cued_item_comes_back_when_all_are_driven(rates):
    assert rates["silent"]["item, recall (Hz)"] > 5 * rates["silent"]["other, recall (Hz)"]
    assert rates["silent"]["item, delay (Hz)"] < 0.5 * rates["baseline"]["item, delay (Hz)"]


@pytest.mark.parametrize(
    "condition", ["no_cue", "no_facilitation", "silent_no_cue", "silent_no_facilitation"]
)
def test_without_cue_or_facilitation_nothing_is_held(rates, condition):
    assert rates[condition]["item, delay (Hz)"] < 1
    assert condition == "no_cue" or rates[condition]["item, recall (Hz)"] < 2

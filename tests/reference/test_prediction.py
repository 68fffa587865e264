"""The dopamine cells of `prediction.yaml` report an error of prediction (Schultz, Dayan & Montague 1997, Fig. 1)."""

import pytest

import thalia
from plots import prediction

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def responses(tmp_path_factory):
    """Rates beyond the tonic one (Hz) in the four tests, by what was trained; seed 11, which the circuit was not made with."""
    study = thalia.study(prediction.CIRCUIT, seeds=[11], output=tmp_path_factory.mktemp("study"))
    return {condition: prediction.numbers(runs[11]) for condition, runs in study.runs.items()}


def test_a_burst_to_an_unpredicted_reward(responses):
    assert responses["plasticity_off"]["predicted reward (Hz)"] > 10
    assert responses["baseline"]["reward alone (Hz)"] > 10


def test_the_burst_moves_to_the_cue(responses):
    learned = responses["baseline"]

    assert learned["cue (Hz)"] > 3
    assert learned["predicted reward (Hz)"] < 0.6 * learned["reward alone (Hz)"]


def test_a_dip_at_omission(responses):
    """Near silence of cells that fire at 5 to 7 Hz."""
    assert responses["baseline"]["omission (Hz)"] < -3


@pytest.mark.parametrize("control", ["plasticity_off", "reward_before_the_cue"])
def test_nothing_moves_without_plasticity_or_with_the_reward_first(responses, control):
    assert responses[control]["cue (Hz)"] < 2
    assert responses[control]["predicted reward (Hz)"] > 10
    assert responses[control]["omission (Hz)"] > -2

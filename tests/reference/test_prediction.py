"""The dopamine cells of `prediction.yaml` report an error of prediction (Schultz, Dayan & Montague 1997, Fig. 1)."""

import pytest

from plots import prediction

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def responses(tmp_path_factory):
    """Rates beyond the tonic one (Hz) in the four tests, by what was trained; seed 11, which the circuit was not made with."""
    found = {}
    for training, changes in prediction.TRAINING.items():
        runs = prediction.tested(11, changes, tmp_path_factory.mktemp("runs"))
        found[training] = {
            "cue": prediction.response(runs["cue and reward"], prediction.CUE, 0.2),
            "predicted": prediction.response(runs["cue and reward"], prediction.REWARD, 0.15),
            "alone": prediction.response(runs["reward alone"], prediction.REWARD, 0.15),
            "omission": prediction.response(runs["cue alone"], prediction.REWARD, 0.3),
        }
    return found


def test_a_burst_to_an_unpredicted_reward(responses):
    assert responses["plasticity off"]["predicted"] > 10
    assert responses["learned"]["alone"] > 10


def test_the_burst_moves_to_the_cue(responses):
    learned = responses["learned"]

    assert learned["cue"] > 3
    assert learned["predicted"] < 0.6 * learned["alone"]


def test_a_dip_at_omission(responses):
    """Near silence of cells that fire at 5 to 7 Hz."""
    assert responses["learned"]["omission"] < -3


@pytest.mark.parametrize("control", ["plasticity off", "reward before the cue"])
def test_nothing_moves_without_plasticity_or_with_the_reward_first(responses, control):
    assert responses[control]["cue"] < 2
    assert responses[control]["predicted"] > 10
    assert responses[control]["omission"] > -2

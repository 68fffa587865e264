"""`thalamus.yaml` makes spindles of 7 to 15 Hz asleep, none awake, and none without its inhibition (Destexhe et al. 1996)."""

import pytest

import thalia
from plots import thalamus

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Seed 7, which the figure does not use."""
    return thalia.study(thalamus.CIRCUIT, seeds=[7], output=tmp_path_factory.mktemp("study"))


CONDITIONS = ["baseline", "no_inhibition"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_spindles_asleep_need_inhibition(condition, study):
    found = thalamus.numbers(study.runs[condition][7])

    peak = found["peak of the spectrum, asleep (Hz)"]
    height = found["its height, asleep (times the median)"]
    assert (7 <= peak <= 15 and height > 50) is (condition == "baseline")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_no_spindles_and_no_more_bursts_than_by_chance_awake(condition, study):
    awake = thalamus.numbers(study.runs[condition][7])

    assert awake["its height, awake (times the median)"] < 20
    by_chance = awake["spikes in bursts by chance, awake (share)"]
    assert awake["spikes in bursts, awake (share)"] < by_chance + 0.02

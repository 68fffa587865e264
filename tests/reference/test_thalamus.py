"""`thalamus.yaml` makes spindles of 7 to 15 Hz asleep, none awake, and none without its inhibition (Destexhe et al. 1996)."""

import pytest

from plots import thalamus

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=[True, False], ids=["whole", "no inhibition"])
def inhibition_and_run(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    return request.param, thalamus.simulated(7, request.param, tmp_path_factory.mktemp("run"))


def test_spindles_asleep_need_inhibition(inhibition_and_run):
    inhibition, run = inhibition_and_run
    asleep = thalamus.numbers(run, "asleep")

    assert (7 <= asleep["peak"] <= 15 and asleep["height"] > 50) is inhibition


def test_no_spindles_and_few_bursts_awake(inhibition_and_run):
    _, run = inhibition_and_run
    awake = thalamus.numbers(run, "awake")

    assert awake["height"] < 20
    assert awake["bursts"] < 0.2

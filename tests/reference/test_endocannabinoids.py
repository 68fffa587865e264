"""`endocannabinoids.yaml`: a burst suppresses the inhibition by CCK cells for tens of seconds (Wilson & Nicoll 2001); seed 31 is in no figure."""

import pytest

import thalia
from plots import endocannabinoids

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(
        endocannabinoids.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study")
    )
    return {name: endocannabinoids.numbers(runs[31]) for name, runs in study.runs.items()}


def test_a_burst_suppresses_only_inhibition_with_receptors_for_tens_of_seconds(found):
    baseline = found["baseline"]

    assert baseline["cck lost early"] > 0.3
    assert 10 < baseline["recovery (s)"] < 40
    assert abs(baseline["cck lost late"]) < 0.15
    assert abs(baseline["pv lost early"]) < 0.15


def test_cells_that_burst_fire_more_until_it_has_recovered_and_their_neighbours_do_not(found):
    assert found["baseline"]["bursting more early (Hz)"] > 1
    assert found["baseline"]["neighbours more early (Hz)"] < 0.5


@pytest.mark.parametrize("control", ["receptors_blocked", "no_burst"])
def test_nothing_is_suppressed_without_receptors_or_a_burst(found, control):
    assert abs(found[control]["cck lost early"]) < 0.15

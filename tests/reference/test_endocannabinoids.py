"""`endocannabinoids.yaml`: what a burst suppresses for tens of seconds; seed 31 is in no figure.

In the hippocampus the inhibition by CCK cells (Wilson & Nicoll 2001), in layer 5 the excitation by its own layer, and not
that by layer 2/3, so that the cells fire less (Fortin & Levine 2007).
"""

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
    assert 10 < baseline["cck recovery (s)"] < 40
    assert abs(baseline["cck lost late"]) < 0.15
    assert abs(baseline["pv lost early"]) < 0.15


def test_cells_that_burst_fire_more_until_it_has_recovered_and_their_neighbours_do_not(found):
    assert found["baseline"]["bursting more early (Hz)"] > 1
    assert found["baseline"]["neighbours more early (Hz)"] < 0.5


def test_in_layer_5_only_excitation_from_the_layer_itself_is_suppressed_and_cells_fire_less(found):
    baseline = found["baseline"]

    assert baseline["layer 5 lost early"] > 0.3
    assert 10 < baseline["layer 5 recovery (s)"] < 40
    assert abs(baseline["layer 5 lost late"]) < 0.15
    assert abs(baseline["layer 2/3 lost early"]) < 0.15
    assert baseline["layer_5 more early (Hz)"] < -1


@pytest.mark.parametrize("control", ["receptors_blocked", "no_burst"])
@pytest.mark.parametrize("source", ["cck", "layer 5"])
def test_nothing_is_suppressed_without_receptors_or_a_burst(found, control, source):
    assert abs(found[control][f"{source} lost early"]) < 0.15

"""`orientation.yaml`: a small column learns orientations by its rules together, and its fields follow the input; seed 31 is in no figure."""

import pytest

import thalia
from plots import orientation

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    study = thalia.study(orientation.CIRCUIT, seeds=[31], output=folder)
    return {name: orientation.numbers(runs[31]) for name, runs in study.runs.items()}


def test_layer_4_becomes_selective_and_not_without_plasticity(found):
    learned, off = (found[name]["v1.l4 selectivity, 5 min"] for name in ("baseline", "all_off"))

    assert learned > 0.4
    assert off < 0.2


@pytest.mark.parametrize("condition", ["no_bcm", "no_stdp"])
def test_selectivity_needs_both_rules_of_activity(found, condition):
    name = "v1.l4 selectivity, 5 min"

    assert found[condition][name] < found["baseline"][name] - 0.05


def test_inhibitory_plasticity_keeps_layer_2_3_at_its_target_of_2_hz(found):
    assert found["baseline"]["v1.l23 Hz"] == pytest.approx(2, rel=0.25)
    assert found["no_inhibitory"]["v1.l23 Hz"] < 1


def test_all_rules_together_bring_layer_4_to_5_hz_and_cells_close_to_each_other(found):
    assert found["baseline"]["v1.l4 Hz"] == pytest.approx(5, rel=0.1)
    assert found["baseline"]["v1.l4 spread Hz"] < 0.5 * found["all_off"]["v1.l4 spread Hz"]

"""`orientation.yaml`: a small column learns orientations by its rules together, and its fields follow the input; seed 31 is in no figure."""

import pytest

import thalia
from plots import orientation

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    asked = ["no_bcm", "frozen", "all_off"]
    study = thalia.study(orientation.CIRCUIT, asked, seeds=[31], output=folder)
    return {name: orientation.numbers(runs[31]) for name, runs in study.runs.items()}


def test_layer_4_becomes_selective_and_not_without_plasticity(found):
    learned, off = (found[name]["v1.l4 selectivity, 5 min"] for name in ("baseline", "all_off"))

    assert learned > 0.4
    assert off < 0.2


def test_half_of_the_selectivity_is_due_to_bcm(found):
    """Five seeds have 0.29 without it and 0.54 with it; the other rules change less than one seed tells."""
    name = "v1.l4 selectivity, 5 min"

    assert found["no_bcm"][name] < 0.75 * found["baseline"][name]


def test_fields_follow_what_is_shown_and_not_where_synapses_are_frozen(found):
    name = "v1.l4 moved, 8 min"

    assert found["baseline"][name] > found["frozen"][name] + 0.1


def test_rules_bring_the_rates_of_layer_4_cells_close_to_each_other(found):
    name = "v1.l4 spread Hz"

    assert found["baseline"][name] < 0.6 * found["all_off"][name]

"""`direction.yaml`: order makes one-way synapses, rates two-way ones; seed 31 is in no figure."""

import pytest

import thalia
from plots import direction

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(direction.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study"))
    return {name: direction.numbers(runs[31]) for name, runs in study.runs.items()}


def test_synapses_to_the_next_cell_win_over_those_back(found):
    assert found["baseline"]["to the next (pA)"] > 10
    assert found["baseline"]["back (pA)"] < 1


def test_fast_cells_are_connected_in_both_directions(found):
    assert found["at_rates"]["in the middle (pA)"] > 15
    assert found["at_rates"]["to the next (pA)"] == pytest.approx(
        found["at_rates"]["back (pA)"], rel=0.2
    )


def test_the_rule_is_what_changes_weights(found):
    assert set(found["plasticity_off"].values()) == {5.0}

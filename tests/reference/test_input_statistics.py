"""`input_statistics.yaml`: what cells make of rhythmic, coincident, fluctuating and moving input; seed 31 is in no figure."""

import pytest

import thalia
from plots import input_statistics

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(
        input_statistics.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study")
    )
    return {name: input_statistics.numbers(runs[31]) for name, runs in study.runs.items()}


def test_a_slow_rhythm_is_followed_better_than_a_fast_one(found):
    slow, fast = (found["baseline"][f"{each} rhythm"] for each in ("slow", "fast"))

    assert slow > fast > 0.2
    assert found["no_rhythm"]["slow rhythm"] < 0.05


def test_coincident_spikes_make_a_cell_fire_more_than_as_many_independent_ones(found):
    together, apart = found["baseline"], found["independent"]

    assert together["inputs (Hz)"] == pytest.approx(apart["inputs (Hz)"], rel=0.1)
    assert together["coincident (Hz)"] > 1.3 * apart["coincident (Hz)"]


def test_a_common_fluctuation_correlates_cells_without_synapses(found):
    assert found["baseline"]["correlation"] > 0.1
    assert abs(found["no_fluctuation"]["correlation"]) < 0.03


def test_the_bump_of_activity_follows_that_of_the_input(found):
    assert found["baseline"]["following"] > 0.7
    assert found["still_bump"]["following"] < 0.2

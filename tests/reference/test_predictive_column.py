"""`predictive_column.yaml`: the expected volley is smaller than the unexpected one, and there is an omission response; seed 31 is in no figure."""

import pytest

import thalia
from plots import predictive_column

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(
        predictive_column.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study")
    )
    return {name: predictive_column.numbers(runs[31]) for name, runs in study.runs.items()}


def test_an_expected_volley_is_smaller_than_an_unexpected_one(found):
    assert found["baseline"]["index"] > 0.3
    assert found["baseline"]["unexpected"] > 2


def test_there_is_less_activity_than_at_rest_when_a_stimulus_is_omitted(found):
    assert found["baseline"]["omission"] < -0.5 * found["baseline"]["rest"]


@pytest.mark.parametrize("control", ["rule_off", "interval_permuted"])
def test_nothing_is_expected_without_the_rule_or_a_fixed_interval(found, control):
    assert abs(found[control]["index"]) < 0.5 * found["baseline"]["index"]

"""`critical_period.yaml`: an eye that is closed loses its synapses, but only while cortex is immature; seed 31 is in no figure."""

import pytest

import thalia
from plots import critical_period

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(
        critical_period.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study")
    )
    return {name: critical_period.numbers(runs[31]) for name, runs in study.runs.items()}


def test_the_open_eye_dominates_after_the_other_one_was_closed(found):
    assert abs(found["baseline"]["both open"]) < 0.15
    assert found["baseline"]["left closed"] > 0.4
    assert abs(found["none_closed"]["right closed"]) < 0.15


def test_closing_the_other_eye_turns_dominance_round_only_in_the_critical_period(found):
    closed = found["baseline"]["left closed"]

    assert found["baseline"]["right closed"] == pytest.approx(closed, abs=0.02)
    assert found["still_immature"]["right closed"] < closed - 0.3


def test_an_adult_does_not_change(found):
    assert [abs(each) < 1e-6 for each in found["adult"].values()] == [True] * 3

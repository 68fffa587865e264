"""`cotuned.yaml`: inhibition becomes tuned as excitation is; seed 31 is in no figure."""

import pytest

import thalia
from plots import cotuned

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return thalia.study(cotuned.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def found(study):
    return {name: cotuned.numbers(runs[31]) for name, runs in study.runs.items()}


def test_inhibition_becomes_tuned_as_excitation_is(found):
    assert abs(found["baseline"]["correlation before"]) < 0.2
    assert found["baseline"]["correlation after"] > 0.9
    assert abs(found["plasticity_off"]["correlation after"]) < 0.2


def test_inhibition_that_comes_at_another_time_does_not(found):
    assert found["apart"]["correlation after"] < 0


def test_the_rate_approaches_that_of_the_rule(found, study):
    """3 Hz: while it learns, as a moment at which weights are kept is above or below. It is still a fifth above after 100 s."""
    learned = study.runs["baseline"][31]
    rates = [cotuned.rate(learned, begin, begin + 20) for begin in (10, 30, 90)]

    assert found["baseline"]["rate before (Hz)"] > 20
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] == pytest.approx(3, rel=0.3)

"""`track.yaml`: one window recalls forwards, the other both ways; seed 31 is in no figure."""

import pytest

import thalia
from plots import track

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(track.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study"))
    return {name: track.numbers(runs[31]) for name, runs in study.runs.items()}


def test_the_asymmetric_window_recalls_what_lies_ahead(found):
    assert found["baseline"]["ahead"] > 0.5
    assert found["baseline"]["direction"] > 0.9


def test_the_measured_window_recalls_both_ways(found):
    assert min(found["symmetric"]["ahead"], found["symmetric"]["behind"]) > 0.3
    assert abs(found["symmetric"]["direction"]) < 0.5


def test_without_learning_nothing_is_recalled(found):
    assert found["plasticity_off"]["ahead"] == found["plasticity_off"]["behind"] == 0

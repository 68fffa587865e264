"""`reversal.yaml` learns by dopamine which action a cue asks for, and learns the other when dopamine turns; neither without dopamine or plasticity."""

import pytest

import thalia
from plots import reversal

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Of seed 7, which the figure does not use, by condition."""
    study = thalia.study(reversal.CIRCUIT, seeds=[7], output=tmp_path_factory.mktemp("study"))
    return {condition: reversal.numbers(each[7]) for condition, each in study.runs.items()}


CONDITIONS = ["baseline", "plasticity_off", "dopamine_stops_halfway", "dopamine_at_random"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_rewarded_action_is_chosen_at_the_cue(condition, numbers):
    found = numbers[condition]
    learned = condition in ("baseline", "dopamine_stops_halfway")

    assert (found["left.d1, learned (Hz)"] > 3 * found["right.d1, learned (Hz)"]) is learned
    assert (found["right.d2, learned (Hz)"] > 1.5 * found["left.d2, learned (Hz)"]) is learned


@pytest.mark.parametrize("condition", CONDITIONS)
def test_dopamine_the_other_way_about_reverses_it(condition, numbers):
    found = numbers[condition]

    assert (found["right.d1, reversed (Hz)"] > 1.5 * found["left.d1, reversed (Hz)"]) is (
        condition == "baseline"
    )
    assert (found["left.d2, reversed (Hz)"] > 1.1 * found["right.d2, reversed (Hz)"]) is (
        condition == "baseline"
    )


@pytest.mark.parametrize("condition", CONDITIONS)
def test_without_dopamine_what_was_learned_stays(condition, numbers):
    found = numbers[condition]

    assert (found["left.d1, reversed (Hz)"] > 3 * found["right.d1, reversed (Hz)"]) is (
        condition == "dopamine_stops_halfway"
    )

"""`reversal.yaml` learns by dopamine which action a cue asks for, and learns the other when dopamine turns; neither without dopamine or plasticity."""

import pytest

from plots import reversal

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=reversal.CONDITIONS)
def condition_and_numbers(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    run = reversal.simulated(7, request.param, tmp_path_factory.mktemp("run"))
    return request.param, reversal.numbers(reversal.rates(run))


def test_the_rewarded_action_is_chosen_at_the_cue(condition_and_numbers):
    condition, found = condition_and_numbers
    learned = condition in ("whole", "dopamine stops halfway")

    assert (found["left.d1 learned"] > 3 * found["right.d1 learned"]) is learned
    assert (found["right.d2 learned"] > 1.5 * found["left.d2 learned"]) is learned


def test_dopamine_the_other_way_about_reverses_it(condition_and_numbers):
    condition, found = condition_and_numbers

    assert (found["right.d1 reversed"] > 1.5 * found["left.d1 reversed"]) is (condition == "whole")
    assert (found["left.d2 reversed"] > 1.1 * found["right.d2 reversed"]) is (condition == "whole")


def test_without_dopamine_what_was_learned_stays(condition_and_numbers):
    condition, found = condition_and_numbers

    assert (found["left.d1 reversed"] > 3 * found["right.d1 reversed"]) is (
        condition == "dopamine stops halfway"
    )

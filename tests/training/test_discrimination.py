"""Discrimination of patterns: what is right, when nothing is told, and what lies before the reversal.

A subject without a network stands in for it: it is right, or always chooses the same action.
"""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

import thalia
from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.tasks import environment

NUMBERS = {"trials": 8, "exposed": 5, "tested": 3}


class Stand:
    """Notes what is presented, released, frozen and slept; always chooses the first action."""

    def __init__(self, plan):
        self.plan, self.state = plan, "learning"
        self.phases = {each.name for each in plan.phases}
        self.presented, self.released = [], []

    def present(self, duration, rates=None):
        self.presented.append((self.state, float(duration.mean), rates or {}))
        return SimpleNamespace(total=lambda name: float(name == "action_a"))

    def release(self, modulator, amount):
        self.released.append(modulator)

    @contextmanager
    def as_state(self, name):
        self.state = name
        yield
        self.state = "learning"

    def frozen(self):
        return self.as_state("frozen")

    def phase(self, name):
        return self.as_state(name)


def on(rates):
    """Which neurons of the retina are driven."""
    return np.array(rates["retina"].numbers) > 0


@pytest.fixture(scope="module")
def made():
    def of(control=None, **numbers):
        condition = conditions_of(
            "four_patterns", None, [control] if control else [], {}, {**NUMBERS, **numbers}
        )[-1]
        task = environment("discrimination").model_validate(condition.numbers)
        return task, plan_for_trials(condition.circuit)

    return of


@pytest.fixture(scope="module")
def retained(made):
    """What a network that never changes finds with other patterns and sleep, and what it was shown."""
    task, plan = made("retained", other="8 s", sleep="2 s")
    subject = Stand(plan)
    return subject, task.learn(subject, np.random.default_rng(4), lambda **each: None)


def test_each_action_is_right_for_as_many_patterns_and_none_after_the_reversal(made):
    task, plan = made()

    right = np.array(task.draw(plan, np.random.default_rng(2)))

    assert right.sum(axis=0).tolist() == [2, 2]
    assert right.sum(axis=1).tolist() == [1, 1, 1, 1]


def test_a_quarter_of_the_retina_is_driven(retained):
    subject, _ = retained

    driven = {int(on(rates).sum()) for _, _, rates in subject.presented if "retina" in rates}

    assert driven == {25}


def test_nothing_is_told_but_in_trials(retained):
    """2 x 8 trials; a network that always chooses one action is right before a reversal or after it."""
    subject, found = retained

    assert subject.released.count("outcome") == 16
    total = found["last_100"] * 8 + found["reversal_last_100"] * 8
    assert subject.released.count("reward") == round(total)


def test_other_patterns_and_sleep_take_their_time_and_each_is_followed_by_a_test(retained):
    subject, found = retained
    states = [state for state, _, _ in subject.presented]
    learned = sum(seconds for state, seconds, _ in subject.presented if state == "learning")

    assert [seconds for state, seconds, _ in subject.presented if state == "sleep"] == [2.0]
    assert learned == pytest.approx(2 * 8 * 1.0 + 5 * 0.8 + 8.0)
    assert states.count("frozen") == 4 * 3 * 3
    assert {"trained", "after_other", "after_sleep"} <= found.keys()


def test_other_patterns_are_shown_in_a_phase_of_their_own_in_which_cortex_does_not_learn(made):
    """Ten patterns and pauses of it; the striatum may learn, and so may all else before and after."""
    task, plan = made("retained_cortex_frozen", other="8 s", sleep="2 s")
    subject = Stand(plan)
    task.learn(subject, np.random.default_rng(4), lambda **each: None)
    place = [each.name for each in plan.phases].index("other")
    frozen = {
        pathway.name
        for synapses, pathway in plan.pathways()
        if synapses.is_plastic and not pathway.plastic[place]
    }

    assert sum(seconds for state, seconds, _ in subject.presented if state == "other") == 8
    assert frozen == {"thalamocortical", "layer_4_to_5"}


def test_other_patterns_are_none_of_the_four(retained):
    """Of the ten shown between learning and reversal none is a quarter in a row."""
    subject, _ = retained
    begin = [state for state, _, _ in subject.presented].index("sleep")
    before = [on(rates) for state, _, rates in subject.presented[:begin]
              if state == "learning" and "retina" in rates]  # fmt: skip

    assert [int(np.abs(np.diff(each.astype(int))).sum()) > 2 for each in before[-10:]] == [
        True
    ] * 10


def test_sleep_without_a_phase_of_that_name_is_refused(made):
    with pytest.raises(CircuitError, match="there is no phase 'sleep'"):
        thalia.learn("discrimination", set={"experiment.sleep": "2 s"}, controls=[], seeds=1)

"""A choice that is rewarded by spikes, and gated memory: what their tasks present, and what they count.

Subjects without a network stand in for it: what a perfect, a naive and a forgetful one reach is known.
"""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.tasks import environment


class Stand:
    """Takes note of what is presented and released, and answers as `answers` says."""

    def __init__(self, plan, answers):
        self.plan, self.answers = plan, answers
        self.presented, self.released, self.is_frozen = [], [], False

    def present(self, duration, rates=None):
        self.presented.append((float(duration.mean), rates or {}, self.is_frozen))
        return SimpleNamespace(total=lambda name: self.answers(self, name))

    def release(self, modulator, amount):
        self.released.append(modulator)

    @contextmanager
    def frozen(self):
        self.is_frozen = True
        yield
        self.is_frozen = False


def made(name, **numbers):
    """A task of the library, and the plan of its circuit."""
    condition = conditions_of(name, None, [], {}, numbers)[0]
    task = environment(condition.experiment.task).model_validate(condition.numbers)
    return task, plan_for_trials(condition.circuit)


@pytest.fixture(scope="module")
def choice():
    return made("choice", trials=6, tested=4)


@pytest.fixture(scope="module")
def gating():
    return made("gating", trials=40, tested=60)


@pytest.mark.parametrize(
    ("side", "roles"), [(0, ["reward", "omission"]), (1, ["omission", "reward"])]
)
def test_a_network_that_always_prefers_one_action_prefers_the_right_one_half_of_the_time(
    choice, side, roles
):
    """It is right in one of two blocks: a reward there is spikes of its population, none of another."""
    task, plan = choice
    best = int(np.argmax(task.draw(plan, np.random.default_rng(3))[0]))
    chosen = ["action_left", "action_right"][best if side == 0 else 1 - best]
    subject = Stand(plan, lambda _, name: float(name == chosen))

    found = task.learn(subject, np.random.default_rng(3), lambda **each: None)

    told = [
        name
        for _, rates, _ in subject.presented
        for name in rates
        if name in ("reward", "omission")
    ]
    assert told == [role for role in roles for _ in range(6)]
    first = 1.0 - side
    assert found == {
        "preferred": 0.5,
        "untrained": first,
        "after_first": first,
        "after_last": 1.0 - first,
    }


def test_a_trial_of_choice_lasts_600_ms_and_tests_tell_nothing(choice):
    task, plan = choice
    subject = Stand(plan, lambda _, name: 1.0)

    task.learn(subject, np.random.default_rng(1), lambda **each: None)

    learned = [duration for duration, _, frozen in subject.presented if not frozen]
    assert sum(learned) == pytest.approx(2 * 6 * 0.6)
    shown = {name for _, rates, frozen in subject.presented if frozen for name in rates}
    assert shown == {"retina"}


def holds(subject, name, lets_in):
    """Whether the last item that a subject let in is the one of a population."""
    begin = max((i for i, (_, r, _) in enumerate(subject.presented) if "reset" in r), default=0)
    items = ["item_first", "item_second"]
    held = [
        item
        for _, rates, _ in subject.presented[begin:]
        for item in items
        if item in rates and lets_in & rates.keys()
    ]
    return float(bool(held) and name == f"pfc.{held[-1].removeprefix('item_')}")


@pytest.mark.parametrize(
    ("lets_in", "right"),
    [
        ({"store"}, lambda drawn: drawn[:, 2] >= 0),
        ({"store", "ignore"}, lambda drawn: drawn[:, 2] == 1),
    ],
    ids=["what is relevant", "everything"],
)
def test_a_memory_without_a_gate_holds_the_last_item(gating, lets_in, right):
    """Everything let in: right where the context `ignore`, 1, is the first."""
    task, plan = gating
    subject = Stand(plan, lambda s, name: holds(s, name, lets_in))

    found = task.learn(subject, np.random.default_rng(5), lambda **each: None)

    expected = right(task.draw(plan, np.random.default_rng(5)))
    before, learned, after = np.split(expected, [60, 100])
    assert found["untrained"] == before.mean()
    assert found["correct"] == after.mean()
    assert subject.released.count("outcome") == 40
    assert subject.released.count("reward") == learned.sum()


def test_a_distractor_is_another_item_and_orders_are_balanced(gating):
    task, plan = gating
    drawn = task.draw(plan, np.random.default_rng(1))

    assert (drawn[:, 0] != drawn[:, 1]).all()
    assert drawn[:, 2].mean() == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(len(drawn)))


@pytest.mark.parametrize(
    ("fixture", "measure"),
    [("choice", "preferred"), ("gating", "correct")],
)
def test_a_q_learner_learns_it(fixture, measure, request):
    task, plan = request.getfixturevalue(fixture)
    task = task.model_copy(update={"trials": 200, "tested": 100})
    data = task.draw(plan, np.random.default_rng(1))

    found = task.baselines(plan, data, np.random.default_rng(2))["q_learner"].final

    assert found[measure] >= 0.9

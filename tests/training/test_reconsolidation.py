"""Memories with two contexts: what is drawn, and what cannot be."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.tasks import environment


def made(changes=None, **numbers):
    """The task of the library with some values changed, and its circuit."""
    condition = conditions_of("reconsolidation", None, [], changes or {}, numbers)[0]
    return environment("reconsolidation").model_validate(condition.numbers), condition.circuit


def test_contexts_share_all_cells_but_those_that_are_replaced():
    task, circuit = made()
    memories = task.draw(plan_for_trials(circuit), np.random.default_rng(5))

    assert [len(each.whole) for each in memories] == [20] * 6
    assert [len({*each.whole} & {*each.shifted}) for each in memories] == [16] * 6
    assert [len({*each.whole} | {*each.shifted}) for each in memories] == [24] * 6


def test_every_second_memory_overlaps_the_one_before():
    task, circuit = made()
    memories = task.draw(plan_for_trials(circuit), np.random.default_rng(5))

    pairs = [({*a.whole}, {*b.whole}) for a, b in zip(memories[::2], memories[1::2], strict=True)]
    assert [len(first & second) for first, second in pairs] == [5] * 3


def test_what_is_not_replaced_is_the_memory_as_it_was():
    task, circuit = made(replaced=0)
    (memory, *_) = task.draw(plan_for_trials(circuit), np.random.default_rng(5))

    assert {*memory.shifted} == {*memory.whole}
    assert memory.new.size == memory.old.size == 0


def test_what_changes_is_relative_to_what_was_stored_not_to_what_the_test_before_left(monkeypatch):
    task, circuit = made(times=[1])
    changes, seen = [0], []
    monkeypatch.setattr(type(task), "_show", lambda *given: np.array([], int))
    monkeypatch.setattr(type(task), "_experience", lambda *given: changes.append(changes.pop() + 1))
    monkeypatch.setattr(type(task), "_recalled", lambda *given: seen.append(changes[0]))
    monkeypatch.setattr(type(task), "_numbers", lambda *given: {"moved": 1.0})
    subject = SimpleNamespace(
        plan=plan_for_trials(circuit),
        release=lambda *given: None,
        wait=lambda *given: None,
        remember=lambda: changes[0],
        restore=lambda state: changes.__setitem__(0, state),
    )
    task.learn(subject, np.random.default_rng(5), lambda **given: None)

    assert seen == [0] * 4


def test_a_cue_comes_when_no_cell_is_refractory():
    """Cells are so for 80 ms after a spike, which may come at the end of the answer before."""
    task, circuit = made()
    calls = []
    subject = SimpleNamespace(
        plan=plan_for_trials(circuit),
        frozen=nullcontext,
        wait=lambda time: calls.append(time.mean),
        present=lambda time, *rates: (
            calls.append("present") or SimpleNamespace(counts=lambda name: np.zeros(160))
        ),
    )

    task._asked(subject, np.arange(10))

    assert calls == [pytest.approx(0.5), "present", "present"]


@pytest.fixture
def changes(monkeypatch):
    """What is told of the others, by what is recalled of each of six before and after."""
    task, circuit = made()
    memories = task.draw(plan_for_trials(circuit), np.random.default_rng(5))
    trial = task._trial(memories, 5, np.random.default_rng(5))
    monkeypatch.setattr(type(task), "_asked", lambda *given: np.array([], int))

    def told(before, after):
        monkeypatch.setattr(type(task), "_recalled", lambda *given: np.array(after))
        return task._numbers(None, memories, trial, np.array(before))

    return told


def test_a_memory_that_gains_does_not_hide_another_that_loses(changes):
    found = changes([1, 1, 0, 1, 1, 1], [1, 0.5, 0.5, 1, 1, 0])

    assert found["others_lost"] == found["others_gained"] == pytest.approx(0.5 / 5)
    assert found["others_most_lost"] == 0.5
    assert found["others_before"] == pytest.approx(4 / 5)
    assert (found["partner_lost"], found["partner_gained"]) == (0, 0)


def test_what_the_memory_loses_that_shares_cells_is_told_apart(changes):
    found = changes([1, 1, 1, 1, 0.8, 1], [1, 1, 1, 1, 0.2, 1])

    assert found["partner_lost"] == found["others_most_lost"] == pytest.approx(0.6)
    assert found["others_lost"] == pytest.approx(0.6 / 5)


@pytest.mark.parametrize(("numbers", "message"), [
    ({"trials": 7}, "experiment.trials: expected at most 6, found 7"),
    ({"overlap": 20}, "experiment.overlap: expected at most 19, found 20"),
    ({"replaced": 11}, "experiment.replaced: expected at most 10, found 11"),
    ({"active": 90}, "experiment.active: expected at most 78 of 160 cells"),
])  # fmt: skip
def test_what_cannot_be_is_told(numbers, message):
    with pytest.raises(CircuitError, match=message):
        made(**numbers)

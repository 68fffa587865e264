"""A gate to memory: which items are drawn and asked for, and what an outcome changes in a small network."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.subject import subject_of
from thalia.training.tasks import environment
from thalia.training.tasks.gate import _error, closed

SMALL = {
    "populations.show.size": 25, "populations.mossy.size": 40, "populations.ca3.size": 40, "populations.vote.size": 10,
    "populations.doubt.size": 5, "populations.up.size": 2, "populations.down.size": 2, "populations.counter.size": 5,
    "pathways.judge.weight": "normal(3.1 mV, 1 mV, min=0 mV, max=6.2 mV)", "pathways.judge.w_max": "6.2 mV",
}  # fmt: skip


def made(changes=None, **numbers):
    """The task of the library with some values changed, and its circuit."""
    condition = conditions_of("gate", None, [], changes or {}, numbers)[0]
    return environment("gate").model_validate(condition.numbers), condition.circuit


def drawn(**numbers):
    task, circuit = made(**numbers)
    plan = plan_for_trials(circuit)
    return task, plan, task.draw(plan, np.random.default_rng(5))


def test_items_have_as_many_features_and_cells_as_they_should_and_the_bayes_gate_stores_its_share():
    _, _, streams = drawn(trials=4000)

    for stream in streams:
        assert set(stream.features.sum(1)) == {4}
        assert set(stream.cells.sum(1)) == {20}
        assert stream.best.mean() == pytest.approx(0.25, abs=0.03)


def test_items_are_asked_for_as_often_as_their_features_say():
    """By the logistic function; where outcomes are shuffled, they say nothing about the features."""
    _, _, (stream, _) = drawn(trials=20000)
    _, _, (shuffled, _) = drawn(trials=20000, outcomes="shuffled")

    near = abs(stream.odds - 1) < 0.3
    assert stream.asked[near].mean() == pytest.approx(1 / (1 + np.exp(-1)), abs=0.05)
    assert (stream.outcomes == stream.asked).all()
    assert shuffled.outcomes.sum() == shuffled.asked.sum()
    found = [shuffled.outcomes[each].mean() for each in (shuffled.best, ~shuffled.best)]
    assert found[0] == pytest.approx(found[1], abs=0.03)


def test_logistic_regression_that_is_told_all_outcomes_closes_most_of_the_gap():
    task, plan, streams = drawn()
    told = task.baselines(plan, streams, np.random.default_rng(6))["logistic"].final
    _, _, wrong = drawn(outcomes="shuffled")
    mistold = task.baselines(plan, wrong, np.random.default_rng(6))["logistic"].final

    assert told["gap"] > 0.75
    assert told["calibration_error"] < 0.1
    assert abs(mistold["gap"]) < 0.6


def test_the_error_of_calibration_is_how_far_votes_are_from_frequencies():
    votes = np.repeat([0.05, 0.95], 100)

    right = np.concatenate([np.arange(100) < 5, np.arange(100) < 95])
    assert _error(votes, right) == pytest.approx(0)
    assert _error(votes, ~right) == pytest.approx(0.9)


@pytest.fixture(scope="module")
def small():
    """The task and a small network."""
    task, circuit = made(SMALL, cells=10, trials=40)
    with subject_of(circuit, "runtime") as subject:
        yield task, subject


@pytest.fixture(scope="module")
def outcomes(small):
    """How weights change: after a look alone, after storing and a good outcome, and a bad one."""
    task, subject = small
    stream = task.draw(subject.plan, np.random.default_rng(3))[0]
    shown = {"features": stream.features[0], "memory": stream.cells[0]}
    changes = {}
    for name, stored, released in (
        ("skipped", False, ["outcome", "reward"]),
        ("good", True, ["outcome", "reward"]),
        ("bad", True, ["outcome"]),
    ):
        before = subject.weights("judge")
        if stored:
            task._encode(subject, shown)
        else:
            task._look(subject, stream.features[0])
        subject.present("10 ms")
        for modulator in released:
            subject.release(modulator, 1)
        subject.present("150 ms")
        changes[name] = subject.weights("judge") - before
    pre, post = subject.ends("judge")
    return np.append(stream.features[0], True)[pre], post, changes


def test_what_was_only_looked_at_is_not_credited(outcomes):
    assert not outcomes[2]["skipped"].any()


def test_good_outcomes_strengthen_what_was_active_in_cells_that_did_not_vote_and_bad_ones_weaken_it_in_others(outcomes):  # fmt: skip
    active, post, changes = outcomes

    assert not changes["good"][~active].any()
    assert not changes["bad"][~active].any()
    assert changes["good"][active].max() > 0.1e-3
    assert changes["bad"][active].min() < -0.1e-3
    assert changes["good"].min() > -0.04e-3
    assert changes["bad"].max() < 0.04e-3
    voted = {cell for cell in set(post) if changes["good"][active & (post == cell)].max() < 0.04e-3}
    assert 0 < len(voted) < 10


def test_what_still_fires_writes_nothing_into_a_memory_that_is_emptied(small):
    """The references, which begin with an empty memory, do not depend on what the gate stored."""
    task, subject = small
    subject.present(task.volley, {"mossy": np.ones(40) * task.rate})
    fired = subject.present("1 ms").total("ca3")  # their spikes arrive after 2.5 ms

    task._empty(subject)
    later = subject.present("100 ms").total("ca3")

    assert fired == 40
    assert later == 0
    assert not subject.weights("recurrent").any()


def test_the_gap_is_closed_by_what_is_recalled_more_than_at_random_and_one_of_nothing_is_refused():
    assert closed(0.7, random=0.25, bayes=0.85) == pytest.approx(0.75)
    with pytest.raises(CircuitError, match="no gap to close: the Bayes gate recalls 0 of what is asked for"):  # fmt: skip
        closed(0.2, random=0, bayes=0)


@pytest.mark.parametrize(("numbers", "message"), [
    ({"emptied": "recurren"}, "experiment.emptied: no pathway is called 'recurren'.*did you mean 'recurrent'"),
    ({"active": 30}, "experiment.active: expected at most 24, found 30"),
    ({"soonest": 5}, "experiment.soonest: expected at most 3, found 5"),
    ({"features": 30}, "experiment.features: expected a multiple of 31 cells in 'show', found 125"),
    ({"interval": "200 ms"}, "experiment.interval: expected at least 0.23 s, for an outcome, two looks, and storing twice"),
])  # fmt: skip
def test_what_cannot_be_is_told(numbers, message):
    with pytest.raises(
        CircuitError, match=f"(?s){message.replace('experiment.', 'experiment[.]')}"
    ):
        made(**numbers)

"""Retrieval: the questions that are drawn, what is chosen, and which weights an outcome changes."""

from types import SimpleNamespace

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.subject import subject_of
from thalia.training.tasks import environment

CUES = ("similarity", "recency", "usefulness", "importance")


def made(changes=None, **numbers):
    """The task of the library with some values changed, and its circuit."""
    condition = conditions_of("retrieval", None, [], changes or {}, numbers)[0]
    return environment("retrieval").model_validate(condition.numbers), condition.circuit


def drawn(**numbers):
    task, circuit = made(trials=2000, **numbers)
    return task, task.draw(plan_for_trials(circuit), np.random.default_rng(5))


def linear(questions, kind):
    """R squared of the log odds of usefulness by the cues, in questions of a kind."""
    cues = np.concatenate([each.cues for each in questions if each.kind == kind])
    odds = np.concatenate([each.useful for each in questions if each.kind == kind])
    odds = np.log(odds / (1 - odds))
    fit = np.column_stack([cues, np.ones(len(cues))])
    rest = odds - fit @ np.linalg.lstsq(fit, odds, rcond=None)[0]
    return 1 - rest.var() / odds.var()


@pytest.mark.parametrize("kind", range(4))
def test_usefulness_is_a_weighted_sum_of_cues_but_where_they_interact(kind):
    _, questions = drawn()
    _, joint = drawn(interaction=0.6)

    assert linear(questions, kind) == pytest.approx(1)
    assert linear(joint, kind) < 0.8


def test_questions_of_a_kind_share_their_cells_but_for_noise():
    _, questions = drawn()
    first = [each.cells for each in questions if each.kind == 0]
    _, alike = drawn(alike=True, noise=0)

    assert {each.cells.sum() for each in questions} == {9}
    assert np.sort(np.mean(first, axis=0))[-9:] == pytest.approx(0.9, abs=0.04)
    assert len({each.cells.tobytes() for each in alike}) == 1


def test_the_gap_is_between_the_default_weights_and_the_best_memories():
    task, questions = drawn()
    best = [each.useful.max() for each in questions]
    default = [each.useful[np.argmax(each.cues @ [0.4, 0.3, 0.2, 0.1])] for each in questions]

    assert task._numbers(questions, best)["gap"] == pytest.approx(1)
    assert task._numbers(questions, default)["gap"] == pytest.approx(0)


def test_questions_in_which_the_default_weights_are_best_leave_no_gap_and_are_refused():
    task, circuit = made(trials=4, minded=2)

    with pytest.raises(CircuitError, match=r"always choose the most useful memory in the last 1 question"):  # fmt: skip
        task.draw(plan_for_trials(circuit), np.random.default_rng(0))


@pytest.mark.parametrize(("numbers", "by_squares", "by_choice"), [
    ({}, (0.98, 1), (0.9, 1)),
    ({"interaction": 0.6}, (-0.2, 0.35), (0.7, 0.9)),  # of ten, one mostly has the one cue and not the other
    ({"interaction": 0.6, "minded": 2}, (-0.25, 0.2), (-0.25, 0.2)),
])  # fmt: skip
def test_where_cues_interact_no_weighted_sum_tells_which_of_two_memories_is_better(numbers, by_squares, by_choice):  # fmt: skip
    task, questions = drawn(**numbers)
    found = task.baselines(None, questions, np.random.default_rng(6))

    assert by_squares[0] < found["least_squares"].final["gap"] < by_squares[1]
    assert by_choice[0] < found["best_weights"].final["gap"] < by_choice[1]


def test_a_kind_of_question_that_was_never_asked_has_no_weights():
    task, circuit = made(trials=4, kinds=8)
    plan = plan_for_trials(circuit)
    questions = task.draw(plan, np.random.default_rng(5))

    found = task.baselines(plan, questions, np.random.default_rng(6))
    assert found["least_squares"].final["useful"] in [each for q in questions for each in q.useful]


def test_cells_of_memories_that_do_not_come_to_mind_have_no_cues():
    task, circuit = made(trials=4, minded=2)
    plan = plan_for_trials(circuit)
    (question, *_) = task.draw(plan, np.random.default_rng(5))

    rates = task._shown(SimpleNamespace(plan=plan), question.cues)["recency"].numbers
    assert rates[[0, 20]] == pytest.approx(2000 * question.cues[:, 1])
    assert len(rates) == 200
    assert not rates[40:].any()


@pytest.fixture(scope="module")
def answers():
    """What is chosen at first, and how weights change after an outcome better than expected."""
    task, circuit = made()
    with subject_of(circuit, "runtime") as subject:
        random = np.random.default_rng(1)
        questions = task.draw(subject.plan, random)[:3]
        chosen = [task._choose(subject, each, random) for each in questions]
        shown = questions[0]
        shown.cues[:3] = [[1, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
        with subject.phase("choose"):
            expected = [task._expected(subject, shown, memory) for memory in range(3)]
        before = {name: subject.weights(f"guide_{name}") for name in CUES}
        task._dwell(subject, shown, 0)
        subject.release("reward", 1)  # and no outcome, from which what is expected is subtracted
        subject.present("200 ms")
        pre, _ = subject.ends("guide_recency")
        changes = {name: subject.weights(f"guide_{name}") - before[name] for name in CUES}
        return questions, chosen, shown.cells[pre], changes, expected


def test_at_first_what_is_recalled_is_what_the_default_weights_rank_high(answers):
    questions, chosen, _, _, _ = answers
    sums = [each.cues @ [0.4, 0.3, 0.2, 0.1] for each in questions[1:]]

    ranks = [
        int((each > each[choice]).sum()) for each, choice in zip(sums, chosen[1:], strict=True)
    ]
    assert max(ranks) <= 2


def test_what_is_expected_of_a_memory_is_the_sum_of_its_cues_as_they_count_at_first(answers):
    *_, (both, similarity, importance) = answers

    assert both > similarity > importance > 5
    assert similarity / importance == pytest.approx(0.79 / 0.17, rel=0.25)


@pytest.mark.parametrize(("name", "sign"), [("similarity", 1), ("recency", -1), ("usefulness", 1), ("importance", -1)])  # fmt: skip
def test_cues_that_spoke_for_the_memory_more_than_usual_count_more_after_a_good_outcome(answers, name, sign):  # fmt: skip
    _, _, active, changes, _ = answers

    assert (sign * changes[name][active] > 0.01e-3).all()
    assert not changes[name][~active].any()


@pytest.mark.parametrize(("numbers", "message"), [
    ({"defaults": [0.5, 0.5]}, "experiment.defaults: expected 4 numbers, one for each of the cues"),
    ({"active": 40}, "experiment.active: expected at most 30, found 40"),
    ({"minded": 11}, "experiment.minded: expected at most 10, found 11"),
])  # fmt: skip
def test_what_cannot_be_is_told(numbers, message):
    with pytest.raises(CircuitError, match=message.replace(".", "[.]")):
        made(**numbers)


def test_cells_of_cues_that_are_not_as_many_for_each_memory_are_told():
    with pytest.raises(CircuitError, match="'similarity' to have as many cells for each of 10"):
        made({"populations.similarity.size": 205, "pathways.weigh_similarity.connect": {"rule": "all_to_all"}})  # fmt: skip

"""Streams of memories: where they are stored and asked for, and what is measured of known answers."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.forgetting import Condition, placed
from thalia.training.phases import plan_for_trials
from thalia.training.subject import subject_of
from thalia.training.tasks import environment

SMALL = {
    "populations.cue.size": 60, "populations.teacher.size": 20, "populations.answer.size": 20,
    "pathways.store.weight": "3.2 mV", "pathways.store.w_max": "6.4 mV", "stimuli.noise.rate": "0 Hz",
    "pathways.store.plasticity": [{"rule": "write", "amount": 1}],
}  # fmt: skip
STREAM = {"trials": 120, "tests": 10, "every": 5, "active": 4, "lags": [1, 16]}


def made(name, changes=None, **numbers):
    """The task of the library with some values changed, and its circuit."""
    condition = conditions_of(name, None, [], changes or {}, numbers)[0]
    return environment(name).model_validate(condition.numbers), condition.circuit


def test_repetitions_have_their_gaps_and_questions_their_lags():
    conditions = [Condition("massed", (1, 1), 16), Condition("wide", (9, 20), 16)]
    order, asked = placed(conditions, np.arange(100, 201, 20), 200, np.random.default_rng(3))

    places = [np.flatnonzero(order == memory) for memory in asked[:, 2]]
    assert len(asked) == 2 * 6
    gaps = {"massed": [1, 1], "wide": [9, 20]}
    assert [np.diff(p).tolist() for p in places] == [
        gaps[conditions[number].name] for number in asked[:, 1]
    ]
    lags = asked[:, 0] - [p[-1] for p in places]
    assert (abs(lags - 16) <= 2).all()


def test_every_place_has_a_memory_and_what_is_not_asked_for_is_stored_once():
    order, asked = placed(
        [Condition("a", (2,), 4)], np.array([20, 40]), 40, np.random.default_rng(3)
    )

    assert order.min() == 0
    assert np.bincount(order).tolist() == [2] * len(asked) + [1] * (40 - 2 * len(asked))


def test_memories_without_room_are_left_out():
    """Of six with the lag 1 there is room for one; of a lag of 8, for three, from 7 to 9."""
    near, far = [Condition("a", (), 1)] * 6, [Condition("b", (), 8)] * 6
    asked = placed([*near, *far], np.array([20]), 20, np.random.default_rng(3))[1]

    assert (asked[:, 1] < 6).sum() == 1
    assert (asked[:, 1] >= 6).sum() == 3


def test_the_last_memory_is_recalled_and_old_ones_are_overwritten():
    """Nothing fades. Of 60 inputs 4 are active: a synapse is left alone by 48 others in 3.6 %."""
    task, circuit = made("retention", SMALL, **{**STREAM, "lags": [1, 48]}, repeated=3)
    notes = []
    with subject_of(circuit, "runtime") as subject:
        found = task.learn(subject, np.random.default_rng(2), lambda **noted: notes.append(noted))

    assert found["recalled_1"] == 1
    assert found["d_1"] > 3
    assert abs(found["d_48"]) < 0.6
    assert len(notes) == task.noted_trials() == 10


def test_a_list_forgets_nothing():
    task, circuit = made("spacing", SMALL, **{**STREAM, "trials": 2000, "lags": [32, 64]})
    plan = plan_for_trials(circuit)
    data = task.draw(plan, np.random.default_rng(5))
    found = task.baselines(plan, data, np.random.default_rng(6))["list"].final

    assert found["recalled_massed_32"] == found["recalled_spaced_32"] == 1
    assert found["gain"] == 0


def test_no_time_passes_for_what_was_written_while_nothing_is_learned():
    """Else its components would be gone afterwards, and what they have added would stay for good."""
    rules = [{"rule": "write"}, {"rule": "time_scales", "tau_fast": "20 ms"}]
    circuit = made("retention", {**SMALL, "pathways.store.plasticity": rules}, **STREAM)[1]
    left = []
    for pause in ("0.5 ms", "300 ms"):
        with subject_of(circuit, "runtime") as subject:
            subject.present("0.5 ms", {"cue": "2000 Hz"})
            subject.present("5 ms")
            with subject.frozen():
                subject.present(pause)
            subject.present("20 ms")
            left.append(subject.weights("store"))

    assert left[0][0] < 3.2e-3 - 1e-3
    assert left[1] == pytest.approx(left[0], rel=1e-9)


def test_lags_without_room_are_told():
    task, circuit = made("spacing", SMALL, **{**STREAM, "trials": 2000})
    with pytest.raises(
        CircuitError, match=r"there is no room for .*_1: other memories are asked for"
    ):
        task.draw(plan_for_trials(circuit), np.random.default_rng(5))


@pytest.mark.parametrize(("name", "numbers", "message"), [
    ("retention", {"trials": 8000}, "experiment.trials: expected at least 8590, for the longest lag before the first test"),
    ("retention", {"active": 2000}, "experiment.active: expected at most 1000, as many as cells of the cue, found 2000"),
    ("retention", {"lags": [8, 8, 20]}, "experiment.lags: expected lags of at least 1 that increase"),
    ("spacing", {"schedules": {"massed": [1, 2], "spaced": [4]}}, "experiment.schedules: expected at least two schedules with equal gaps"),
    ("spacing", {"spaced": "spread"}, "experiment.spaced: no schedule is called 'spread'"),
    ("spacing", {"schedules": {"massed": [0], "spaced": [4]}}, "experiment.schedules.massed: expected gaps of at least 1, found 0"),
])  # fmt: skip
def test_what_cannot_be_is_told(name, numbers, message):
    with pytest.raises(CircuitError, match=message):
        made(name, **numbers)


def test_as_many_cells_are_taught_as_answer():
    with pytest.raises(
        CircuitError, match="expected as many cells as the answer has, 50, found 100"
    ):
        made(
            "retention",
            {"populations.answer.size": 50, "pathways.teach.connect.rule": "all_to_all"},
        )

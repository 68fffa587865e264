"""Tasks whose best learning rates differ: labels follow answers, and given rates are those of the controller, in another order."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import changing_tasks, environment

FEW = {
    "trials": 1,
    "show": "60 ms",
    "teach": "20 ms",
    "pause": "20 ms",
    "stages": {
        "brief": {"times": 2, "presentations": 3},
        "turned": {"presentations": 4, "turns": True},
    },
}
SMALL = {"populations.layer.size": 12}


def made(control=None, **numbers):
    pytest.importorskip("sklearn")
    controls = [control] if control else []
    condition = conditions_of("controller", None, controls, SMALL, FEW | numbers)[-1]
    return condition.circuit, environment("changing_tasks").model_validate(condition.numbers)


def test_an_image_is_answered_before_its_label_is_shown(monkeypatch):
    happened = []
    present = Subject.present

    def watched(subject, duration, rates=None):
        happened.append(set(rates or ()))
        return present(subject, duration, rates)

    circuit, task = made()
    monkeypatch.setattr(Subject, "present", watched)
    monkeypatch.setattr(
        changing_tasks.ChangingTasks, "_answered", lambda *_: happened.append("answer") or 0
    )
    noted = []
    with subject_of(circuit, "runtime") as subject:
        final = task.learn(subject, np.random.default_rng(1), lambda **each: noted.append(each))

    assert happened == [{"pixels"}, "answer", {"pixels", "labels"}, set()] * 10
    assert len(noted) == task.noted_trials() == 10
    assert set(noted[0]) == {"right", "spikes", "layer_rate", "answer_rate"}
    assert final["accuracy"] == pytest.approx(0.6 * final["brief"] + 0.4 * final["turned"])


def test_given_rates_are_those_of_the_controller_in_another_order(monkeypatch):
    """The second time, from the first state again, the modulators have the same levels, permuted."""
    given, images = [], []
    present = Subject.present

    def watched(subject, duration, rates=None):
        if set(rates or ()) == {"pixels"}:
            given.append([subject.level(f"given_{each}_rate") for each in ("layer", "answer")])
            images.append(np.asarray(rates["pixels"].numbers))
        return present(subject, duration, rates)

    circuit, task = made("shuffled")
    monkeypatch.setattr(Subject, "present", watched)
    with subject_of(circuit, "runtime") as subject:
        task.learn(subject, np.random.default_rng(1), lambda **_: None)

    first, second = np.array(given[:10]), np.array(given[10:])
    assert len(np.unique(first[:, 0])) == 10
    assert not np.allclose(first, second)
    assert np.sort(first, axis=0) == pytest.approx(np.sort(second, axis=0), abs=1e-8)
    assert np.array_equal(images[:10], images[10:])


def test_a_turned_image_is_one_of_the_seven_others_of_a_square():
    random, places = np.random.default_rng(1), np.arange(64)
    square = places.reshape(8, 8)
    turns = [np.rot90(each, k) for each in (square, square.T) for k in range(4)]

    found = {tuple(changing_tasks._turned(places, random)) for _ in range(200)}

    assert found == {tuple(each.ravel()) for each in turns} - {tuple(places)}


@pytest.mark.parametrize(("numbers", "sizes", "message"), [
    ({"rates": ["layer_rat"]}, {}, "experiment.rates: the circuit has no modulator 'layer_rat'\n    hint: did you mean 'layer_rate'"),
    ({"given": {"layer_rate": "answer_rate"}}, {}, "experiment.given: the circuit has no modulator `from_task` 'answer_rate'"),
    ({"data": "wine", "held_out": 50}, {"populations.pixels.size": 13}, "experiment.stages: only square images can be turned, those of wine are not"),
])  # fmt: skip
def test_what_does_not_fit_the_circuit_is_told(numbers, sizes, message):
    pytest.importorskip("sklearn")
    with pytest.raises(CircuitError, match=message):
        conditions_of("controller", None, [], SMALL | sizes, FEW | numbers)


def test_baselines_answer_with_labels_that_were_shown_before():
    """Three images, the second task gives the first again: its label is known only to memory."""
    _, task = made()
    images = np.array([[1.0, 0], [0, 1], [1, 0], [1, 0.1]])
    shown = changing_tasks.Presentations(
        images,
        labels=np.array([3, 4, 3, 5]),
        told=np.array([3, 4, 5, 5]),
        tasks=np.array([0, 0, 1, 1]),
        kinds=np.array([0, 0, 1, 1]),
    )

    found = task.baselines(None, shown, np.random.default_rng(1))

    in_task = {"accuracy": 0.25, "brief": 0, "turned": 0.5}  # the last, from the one before
    assert found["nearest_in_task"].final == in_task
    recent = {"accuracy": 0.25, "brief": 0, "turned": 0.5}  # the third, from the first
    assert found["nearest_recent"].final == recent

"""Self-replay: what is dreamt, with which label, and that nothing else of earlier classes is shown."""

from contextlib import contextmanager

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment

pytest.importorskip("sklearn")
SMALL = {"populations.layer.size": 30, "pathways.report.plasticity.0.eta": 0.1}
FEW = {"most": 60, "held_out": 20, "trials": 3, "tasks": 2, "show": "60 ms", "pause": "20 ms"}


def learned(monkeypatch, **numbers):
    """The data, what was shown awake and asleep with which label, and the numbers at the end."""
    condition = conditions_of("self_replay", None, [], SMALL, {**FEW, **numbers})[0]
    task = environment("self_replay").model_validate(condition.numbers)
    asleep, shown = [], {True: [], False: []}
    phase, teach = Subject.phase, type(task)._teach

    @contextmanager
    def entered(subject, name):
        asleep.append(name)
        with phase(subject, name):
            yield
        asleep.pop()

    def taught(self, subject, image, label):
        shown[bool(asleep)].append((image, label))
        return teach(self, subject, image, label)

    monkeypatch.setattr(Subject, "phase", entered)
    monkeypatch.setattr(type(task), "_teach", taught)
    with subject_of(condition.circuit, "runtime") as subject:
        data = task.draw(subject.plan, np.random.default_rng(1))
        final = task.learn(subject, np.random.default_rng(1), lambda **_: None)
    return data, shown, final


@pytest.mark.parametrize("dreams", ["own", "none"])
def test_dreams_are_of_classes_before_and_take_the_place_of_images(monkeypatch, dreams):
    """In the second of two tasks half of the presentations, each at 0.7 of the length of an image."""
    data, shown, final = learned(monkeypatch, dreams=dreams)
    awake, asleep = (len(shown[each]) for each in (False, True))
    second = 3 * int(np.isin(data.labels, data.tasks[1]).sum())

    assert awake + asleep == 3 * int(np.isin(data.labels, np.concatenate(data.tasks)).sum())
    assert asleep == (
        pytest.approx(second / 2, abs=2.5 * np.sqrt(second) / 2) if dreams == "own" else 0
    )
    assert {label for _, label in shown[True]} <= {*data.tasks[0]}
    lengths = [np.linalg.norm(image) / 4 for image, _ in shown[True]]
    assert lengths == pytest.approx([0.7] * asleep)
    assert final.keys() == {"accuracy", "forgetting", "learnt", "retention"}


def test_a_dream_is_like_the_class_that_it_is_called(monkeypatch):
    """Its pixels are closest to the mean image of that class, of the two that were learned, mostly."""
    data, shown, _ = learned(monkeypatch)
    means = np.array([data.values[data.labels == each].mean(axis=0) for each in data.tasks[0]])
    dreams = np.array([image for image, _ in shown[True]])
    closest = data.tasks[0][
        (dreams @ (means / np.linalg.norm(means, axis=1)[:, None]).T).argmax(axis=1)
    ]

    assert np.mean(closest == [label for _, label in shown[True]]) > 0.8


def test_pathways_that_are_not_there_are_told():
    with pytest.raises(CircuitError, match=r"experiment.report: no pathway is called 'reprot'"):
        conditions_of("self_replay", None, [], {}, {"report": "reprot"})

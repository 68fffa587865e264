"""Evidence accumulation: what is drawn, played and taught, and that no trial is taught before its answer."""

import numpy as np
import pytest
from scipy.stats import binom

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment

FEW = {"trials": 3, "length": 3, "retention": "20 ms", "pause": "10 ms", "settling": 2}
SMALL = {"populations.recurrent.size": 4}


def made(control=None, **numbers):
    controls = [control] if control else []
    condition = conditions_of("evidence_accumulation", None, controls, SMALL, FEW | numbers)[-1]
    return condition.circuit, environment("evidence_accumulation").model_validate(condition.numbers)


def test_cues_are_on_either_side_as_often_as_the_binomial_distribution_says():
    _, task = made(trials=4000, length=7)
    cues = task.draw(None, np.random.default_rng(1))
    count = cues.sum(axis=1)
    right = count >= 4

    on_side = np.arange(8)
    expected = (binom(7, 0.7).pmf(on_side) + binom(7, 0.3).pmf(on_side)) / 2
    assert np.bincount(count, minlength=8) / 4000 == pytest.approx(expected, abs=0.025)
    found = task.baselines(None, cues, np.random.default_rng(2))
    assert found["last_cue"].final["last_100"] == (cues[-100:, -1] == right[-100:]).mean()


def test_cues_are_played_on_their_sides_and_nothing_is_taught_before_the_answer(monkeypatch):
    circuit, task = made()
    told, noted = [], []

    def watch(name):
        original = getattr(Subject, name)

        def watched(subject, *given):
            told.append((name, *given))
            return original(subject, *given)

        monkeypatch.setattr(Subject, name, watched)

    for name in ("play", "present", "set", "read"):
        watch(name)
    with subject_of(circuit, "runtime") as subject:
        task.learn(subject, np.random.default_rng(1), lambda **each: noted.append(each))
        cues = task.draw(subject.plan, np.random.default_rng(1))

    trial = ["play", *15 * ["present", "read"], "set", "set", "present", "set", "present"]
    assert [each[0] for each in told] == 3 * trial
    rows = [each for each in told if each[0] == "play"]
    assert np.asarray(rows[0][1].numbers) == pytest.approx([0.1, 0.05, 0.1, 0.05, 0.1, 0.07])
    for row, sides in zip(rows, cues, strict=True):
        shown = {side: np.asarray(row[2][side].numbers) for side in ("left", "right")}
        assert shown["right"].tolist() == [rate for side in sides for rate in (40.0 * side, 0.0)]
        assert shown["left"].tolist() == [rate for side in sides for rate in (40.0 * (not side), 0)]
    taught = [each[3] for each in told if each[0] == "set"]
    sides = [1 if each.sum() > 1 else -1 for each in cues]
    assert taught == [
        each
        for side, strength in zip(sides, (1, 2 / 3, 1 / 2), strict=True)
        for each in (side, strength, 0)
    ]
    assert {"go"} == {name for each in told if each[0] == "present" for name in (*each[2:], {})[0]}
    assert len(noted) == task.noted_trials() == 3


def test_the_answer_is_the_sign_of_the_value(monkeypatch):
    """The potential rests at -65 mV."""
    circuit, task = made(trials=1)
    cues = np.array([True, True, False])
    with subject_of(circuit, "runtime") as subject:
        answers = []
        for volts in (-64.9e-3, -65.1e-3):
            monkeypatch.setattr(Subject, "read", lambda *_, volts=volts: np.array([volts]))
            answers.append(task._answer(subject, cues))

    assert answers == [True, False]


@pytest.mark.parametrize("control", ["short_eligibility", "no_adaptation"])
def test_controls_without_memory_have_no_eligibility_of_the_threshold(control):
    circuit, _ = made(control)

    rules = [circuit.pathways[name].rules[0].parameters for name in ("in_rec", "rec_rec")]
    assert [each["threshold_share"].mean for each in rules] == [0, 0]


def test_an_even_number_of_cues_is_told():
    with pytest.raises(
        CircuitError, match=r"experiment\.length: expected an odd number of cues, found 4"
    ):
        made(length=4)

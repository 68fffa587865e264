"""Cue and reward: what the task says of a cue, and the error that the circuit computes from it."""

import numpy as np
import pytest

from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment

pytest.importorskip("sklearn")

FEW = {
    "trials": 2,
    "cues": 2,
    "shown": 3,
    "queries": 2,
    "show": "20 ms",
    "teach": "10 ms",
    "pause": "10 ms",
}
SMALL = {"populations.cells.size": 10, "populations.senses.size": 6}


def made(control=None):
    controls = [control] if control else []
    condition = conditions_of("cue_reward", None, controls, SMALL, FEW)[-1]
    return condition.circuit, environment("cue_reward").model_validate(condition.numbers)


def test_the_task_says_only_that_something_happened_and_what_it_is_worth(monkeypatch):
    """Queries are not taught."""
    circuit, task = made()
    released = []
    release = Subject.release

    def watched(subject, modulator, amount):
        released.append((modulator, float(amount)))
        release(subject, modulator, amount)

    monkeypatch.setattr(Subject, "release", watched)
    with subject_of(circuit, "runtime") as subject:
        task.learn(subject, np.random.default_rng(1), lambda **_: None)
        episodes = task.draw(subject.plan, np.random.default_rng(1))

    told = [("reward", float(worth)) for each in episodes for worth in each.taught]
    assert released == [each for worth in told for each in (worth, ("outcome", 1.0))]


@pytest.mark.parametrize(
    ("control", "gain", "predicts"), [(None, 28, True), ("reward_for_error", 11, False)]
)
def test_dopamine_is_the_reward_minus_what_the_value_neurons_say(control, gain, predicts):
    """At once: an outcome of 1, a reward of 0.5, and a difference of 0.2 between the two groups."""
    circuit, _ = made(control)
    modulators = circuit.modulators
    levels = {"reward": 0.5, "outcome": 1.0, "promote": 0.7, "oppose": 0.5}

    found = eval(modulators["dopamine"].input, {}, levels)

    assert found == pytest.approx(gain * (0.5 - 0.2 * predicts))
    assert {name: modulators[name].released_by for name in ("promote", "oppose")} == {
        "promote": ("plus",),
        "oppose": ("minus",),
    }

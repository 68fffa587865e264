"""Regression: the functions that are taught, and the error that the circuit computes."""

from contextlib import contextmanager

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment

pytest.importorskip("sklearn")


def made(control=None, set=None, **numbers):
    condition = conditions_of("regression", None, [control] if control else [], set or {}, numbers)[
        -1
    ]
    return condition.circuit, environment("regression").model_validate(condition.numbers)


def test_a_sine_is_one_over_ten_radians():
    """Finn, Abbeel & Levine (2017): x from -5 to 5, amplitude 0.1 to 5, phase 0 to pi; scaled after."""
    _, task = made("sine", points=60, queries=1, noise=0)

    episode = task._drawn(1, np.random.default_rng(1))

    x = 5 * episode.points[:, 0]
    waves = np.c_[np.sin(x), np.cos(x), np.ones(len(x))]
    rest = episode.taught - waves @ np.linalg.lstsq(waves, episode.taught, rcond=None)[0]
    assert np.abs(rest).max() < 1e-12
    assert -5 <= x.min() < -4 < 4 < x.max() <= 5


def test_the_generator_of_the_transformers_has_a_variance_of_four():
    """Three weights and a constant, all normal, without noise: an error of zero for zero of 4."""
    _, task = made("transformers", points=10, queries=10, trials=400)
    random = np.random.default_rng(1)

    episodes = [task._drawn(3, random) for _ in range(400)]

    squares = np.mean([each.wanted**2 for each in episodes])
    assert squares == pytest.approx(4, rel=0.1)
    one = episodes[0]
    line = np.linalg.lstsq(np.c_[one.points, np.ones(10)], one.taught, rcond=None)[0]
    assert np.c_[one.queries, np.ones(10)] @ line == pytest.approx(one.wanted)


def test_the_task_releases_what_is_wanted_and_nothing_while_it_asks(monkeypatch):
    released, held = [], []
    release, frozen = Subject.release, Subject.frozen

    @contextmanager
    def noted(subject):
        held.append(True)
        with frozen(subject):
            yield
        held.pop()

    def watched(subject, modulator, amount):
        assert not held
        released.append((modulator, float(amount)))
        release(subject, modulator, amount)

    monkeypatch.setattr(Subject, "frozen", noted)
    monkeypatch.setattr(Subject, "release", watched)
    short = {"show": "20 ms", "teach": "20 ms", "pause": "10 ms"}
    circuit, task = made(trials=1, points=3, queries=2, replays=1, **short)
    with subject_of(circuit, "runtime") as subject:
        episode = task.draw(subject.plan, np.random.default_rng(5))[0]
        task.learn(subject, np.random.default_rng(5), lambda **_: None)

    wanted = [("target", value) for value in episode.taught[episode.order]]
    assert released[::2] == wanted
    assert released[1::2] == [("outcome", 1.0)] * 6


def test_a_sine_of_several_variables_is_told():
    with pytest.raises(
        CircuitError, match=r"experiment\.stimuli\.variables: a sine has one variable, found 6"
    ):
        made(set={"experiment.function": "sine"})

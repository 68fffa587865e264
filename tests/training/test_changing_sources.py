"""Sources that change: grammars that follow each other, and passages with something of their own."""

from contextlib import contextmanager

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import subject_of
from thalia.training.tasks import environment


def made(name, set=None, control=(), **numbers):
    condition = conditions_of(name, None, list(control), set or {}, numbers)[-1]
    return condition.circuit, environment(name).model_validate(condition.numbers)


def entropy(table):
    """Of the next symbol, by the stationary distribution of pairs."""
    pairs = np.full(table.shape[:2], 1 / table.shape[0] ** 2)
    for _ in range(500):
        pairs = np.einsum("ab,abc->bc", pairs, table)
    return -np.sum(pairs[..., None] * table * np.log(np.maximum(table, 1e-300)))


def test_the_grammars_themselves_reach_the_entropy_of_those_after_the_first():
    _, task = made("switching", trials=180, lesson=1000)

    data = task.draw(None, np.random.default_rng(1))
    found = task.baselines(None, data, None)["grammars"].final

    exact = [entropy(task._table(place)) for place in range(3)]
    assert found["cross_entropy"] == pytest.approx(np.mean(exact[1:]), abs=0.01)
    assert found["first"] == pytest.approx(exact[0], abs=0.02)


def test_only_what_comes_after_a_change_counts():
    """Certain of everything in the first of two grammars, in the others of nothing."""
    _, task = made("switching", trials=120)
    symbols = task.draw(None, np.random.default_rng(1))
    predicted = np.full((6000, 12), 1 / 12)
    predicted[:3000] = np.eye(12)[symbols[:3000]]

    found = task._of_times(predicted, symbols)

    assert found == pytest.approx(
        {"cross_entropy": np.log(12), "early": np.log(12), "late": np.log(12), "first": 0}
    )


class Twin:
    """Stands for a subject whose novelty is different after each lesson, and keeps what it is given."""

    plan = None

    def __init__(self):
        self.read, self.given, self.phases = [], [], []

    def remember(self):
        return "the beginning"

    def restore(self, state):
        assert state == "the beginning"

    @contextmanager
    def phase(self, name):
        self.phases.append(name)
        yield

    def level(self, modulator):
        self.read.append(len(self.read) / 100)
        return self.read[-1]

    def release(self, modulator, amount):
        self.given.append(amount)


def test_shuffled_novelty_has_the_same_levels_at_other_times(monkeypatch):
    _, task = made("switching", control=["shuffled_noradrenaline"], trials=120)
    subject = Twin()
    monkeypatch.setattr(
        type(task), "counts", lambda self, subject, symbols: np.ones((len(symbols), 12), int)
    )

    found = task.learn(subject, np.random.default_rng(1), lambda **noted: None)

    levels = np.cumsum(subject.given)
    assert subject.phases == ["yoked"]
    assert np.sort(levels) == pytest.approx(np.array(subject.read))
    assert np.mean(levels == np.array(subject.read)) < 0.1
    assert found["cross_entropy"] == pytest.approx(np.log(12))


def test_a_switching_source_has_two_grammars_or_more():
    message = (
        "experiment.trials: expected a multiple of `lasts`, 60, for two grammars or more, found 90"
    )
    with pytest.raises(CircuitError, match=message):
        conditions_of("switching", None, [], {}, {"trials": 90})


SMALL = {
    "populations.symbols.size": 4,
    "populations.granules.size": 600,
    "populations.readout.size": 4,
    "populations.voices.size": 40,
    "pathways.now.connect.number": 1,
    "pathways.excite.weight": "3 mV",
    "pathways.say.connect.blocks": 4,
}
CIRCLE = np.arange(60) % 4


@pytest.mark.parametrize(("symbols", "cells"), [(2, 4), (4, 6)])
def test_the_less_probable_a_symbol_was_the_more_cells_are_surprised(symbols, cells):
    """Of ten with thresholds of 1 to 23 mV above rest. A current of 3 nA for a probability that is missing,
    which decays with 2 ms, raises them by 24 mV times 20/18*(10**(-1/9) - 10**(-10/9)), or 18.6 mV: here by 9.3 and 13.9 mV.
    """
    sizes = {f"populations.{name}.size": symbols for name in ("symbols", "readout")}
    sizes |= {f"populations.{name}.size": 10 * symbols for name in ("surprised", "voices")}
    sizes |= {f"pathways.{name}.connect.blocks": symbols for name in ("expect", "say")}
    sizes |= {f"pathways.{name}.connect.number": 1 for name in ("now", "before")}
    set = {"populations.granules.size": 10, "pathways.predict.plasticity": [], **sizes}
    circuit, task = made("switching", set, alphabet=symbols)
    with subject_of(circuit, "runtime") as subject:
        task.counts(subject, np.arange(8) % symbols)
        fired = subject.counter.counts["surprised"]

    assert sum(fired) / 8 == pytest.approx(cells, abs=1.3)


def test_predictions_that_are_the_grammar_have_no_excess():
    _, task = made("passages", trials=1, tuning=1, tested=100)
    data = task.draw(None, np.random.default_rng(1))
    own = np.concatenate([t[p[:-1]] for t, p in zip(data.tables, data.asked, strict=True)])

    known, unknown = (task._excess(each, data) for each in (own, np.full_like(own, 1 / 12)))

    assert known["excess"] == pytest.approx(0, abs=0.02)
    assert unknown["excess"] == pytest.approx(np.log(12) - known["entropy"], abs=0.02)
    assert unknown["cross_entropy"] == pytest.approx(np.log(12))


def test_counts_of_the_passage_help_in_its_second_half():
    _, task = made("passages", trials=1, tuning=1, tested=50)
    data = task.draw(None, np.random.default_rng(1))

    common, counts = (b.final for b in task.baselines(None, data, None).values())

    assert counts["second_half"] < 0.8 * common["second_half"]
    assert counts["beginning"] == pytest.approx(common["beginning"], rel=0.15)


def test_fast_weights_are_cleared_in_the_sleep_that_fatigue_brings():
    circuit, task = made("passages", {**SMALL, "populations.dreams.size": 600}, alphabet=4)
    with subject_of(circuit, "runtime") as subject:
        with subject.phase("asked"):
            task.counts(subject, CIRCLE[:16])
        learned, slow = subject.weights("bind"), subject.weights("predict")
        task = task.with_(tired=subject.level("adenosine"))
        slept = task._rest(subject)
        cleared = subject.weights("bind")
        is_tired_again = task._rest(subject)

    assert np.abs(learned).max() > 1e-5  # volts
    assert slept
    assert np.abs(cleared).max() < 1e-8
    assert not slow.any()
    assert not is_tired_again

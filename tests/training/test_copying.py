"""Copying by a clock of the network's own: what is presented at recall, and what its order is worth."""

from contextlib import contextmanager

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment

FEW = {"trials": 2, "length": 4, "delay": 2}


def made(control=None, **numbers):
    condition = conditions_of("copying", None, [control] if control else [], {}, FEW | numbers)[-1]
    return condition.circuit, environment("copying").model_validate(condition.numbers)


def copied(control=None, **numbers):
    circuit, task = made(control, **numbers)
    with subject_of(circuit, "runtime") as subject:
        return task.learn(subject, np.random.default_rng(4), lambda **_: None)


def test_a_flag_recalls_the_sequence_and_nothing_else_is_presented(monkeypatch):
    """Chance is 1/8, and with four tokens all right by chance in two episodes one in 8^8."""
    held, shown = [], []
    present, frozen = Subject.present, Subject.frozen

    @contextmanager
    def noted(subject):
        held.append(True)
        with frozen(subject):
            yield
        held.pop()

    def watched(subject, duration, rates=None):
        if held:
            shown.append(set(rates or ()))
        return present(subject, duration, rates)

    monkeypatch.setattr(Subject, "frozen", noted)
    monkeypatch.setattr(Subject, "present", watched)

    assert copied() == {"accuracy": 1, "whole": 1, "error": 0}
    assert shown == [{"flag"}, set(), set(), set(), set()] * 2


@pytest.mark.parametrize("control", ["shuffled_clock", "plasticity_off"])
def test_without_its_order_or_its_synapses_the_clock_recalls_nothing(control):
    found = copied(control)

    assert found["whole"] == 0
    assert found["accuracy"] < 0.5


def test_values_are_recalled_within_their_tuning():
    """Zero has an error of 1/3, the published goal is 0.05."""
    assert copied("values")["error"] < 0.01


def test_a_shuffled_clock_leaves_no_interval_in_its_place(monkeypatch):
    """Every cell of an interval has the synapses of another interval's, and each interval is used once."""
    circuit, task = made("shuffled_clock")
    with subject_of(circuit, "runtime") as subject:
        pre, _ = subject.ends("bind")
        before = np.arange(len(pre)) * 1e-9
        given = []
        monkeypatch.setattr(Subject, "weights", lambda *_: before)
        monkeypatch.setattr(Subject, "set_weights", lambda _, name, each: given.append(each))
        subject.present("5 ms", {"flag": "400 Hz"})
        cells = [np.flatnonzero(subject.present("50 ms").counts("clock")) for _ in range(4)]
        task._shuffle(subject, cells, np.random.default_rng(1))
        source = pre[np.argsort(before)][np.rint(np.asarray(given[0].numbers) / 1e-9).astype(int)]

    interval = np.full(1200, -1)
    for index, each in enumerate(cells):
        interval[each] = index
    moved = {(int(a), int(b)) for a, b in zip(interval[pre], interval[source], strict=True)}
    exchanged = {pair for pair in moved if -1 not in pair}
    assert {a for a, _ in exchanged} == {b for _, b in exchanged} == {0, 1, 2, 3}
    assert not any(a == b for a, b in exchanged)


def test_a_sequence_that_is_longer_than_the_clock_is_told():
    with pytest.raises(CircuitError, match="'clock' is silent during element 21 of the sequence"):
        copied(length=24, trials=1)


def test_a_binding_that_is_no_pathway_is_told():
    with pytest.raises(CircuitError, match=r"experiment\.binding: no pathway is called 'binds'"):
        made(binding="binds")

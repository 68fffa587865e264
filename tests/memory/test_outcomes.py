"""What the circuit of a memory makes of outcomes: errors, surprise, credit, and what counts in a rank."""

import numpy as np
import pytest

from thalia.memory.core import Core
from thalia.memory.kept import circuit_of
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source
from thalia.training.experiment import experiment_of
from thalia.training.subject import subject_of
from thalia.training.tasks.memory import Memory as Task

CODES = np.arange(120).reshape(3, 40)
OWN = np.arange(30).reshape(3, 10)


@pytest.fixture(scope="module")
def fresh():
    circuit = circuit_of(1)
    task = parse(Task, experiment_of(circuit).parameters, Source())
    with subject_of(circuit) as subject:
        yield Core(task, subject, 1).network


@pytest.fixture
def network(fresh):
    """A network without items, which is as it was again after a test."""
    before = fresh.subject.state()
    yield fresh
    fresh.subject.restore(before)


@pytest.mark.parametrize(("reward", "error", "is_surprise"), [
    (1.0, 0.5, True), (0.75, 0.25, False), (0.5, 0.0, False), (0.2, -0.3, False), (0.0, -0.5, True),
])  # fmt: skip
def test_neurons_compare_an_outcome_with_what_was_expected(network, reward, error, is_surprise):
    """Nothing is known of an item at first: half. The alarm fires for half of the range."""
    judged = network.outcome(CODES[0], OWN[0], reward)

    assert judged.expected == pytest.approx(0.5, abs=0.02)
    assert judged.error == pytest.approx(error, abs=0.02)
    assert judged.is_surprise == is_surprise


def test_surprise_doubles_what_is_learned(network):
    """Twice the error is learned four times as much, and three times after arousal has saturated."""
    begin = network.subject.weights("expect")

    def learned(place, reward):
        before = network.subject.state()
        network.outcome(CODES[place], OWN[place], reward)
        pre, _ = network.subject.ends("expect")
        change = (network.subject.weights("expect") - begin)[np.isin(pre, OWN[place])].mean()
        network.subject.restore(before)
        return change

    assert learned(0, 1.0) == pytest.approx(4 * learned(1, 0.75), rel=0.2)
    assert learned(0, 0.0) == pytest.approx(-learned(0, 1.0), rel=0.2)


def test_serotonin_credits_what_was_active_long_before(network):
    """A second and a half before the outcome of another item the fast eligibility, of 200 ms, is over."""
    with network.subject.phase("outcome"):
        for _ in range(10):
            network._volley(mark=OWN[1])
        network.subject.present("1500 ms")
    begin = network.subject.weights("expect")
    network.outcome(CODES[0], OWN[0], 1.0)
    pre, _ = network.subject.ends("expect")
    change = network.subject.weights("expect") - begin
    own, early, never = (change[np.isin(pre, cells)].mean() for cells in OWN)

    assert own > early > 0
    assert early > 20 * abs(never)


def test_outcomes_teach_what_counts_in_a_rank(network):
    """Similarity alone at first; then what is useful was good, and what is only similar was bad."""
    similar, useful = (0.5, 0, 0, 0), (0.4, 0, 1, 0)
    naive, weights = network.ranked([similar, useful]), network.weights_of_cues()
    for _ in range(3):
        network.fuse(useful, 1.0)
        network.fuse(similar, 0.0)
    taught = network.ranked([similar, useful])

    assert naive == pytest.approx([0.5, 0.4], abs=0.02)
    assert list(weights.values()) == pytest.approx([1, 0, 0, 0])
    assert taught[1] > taught[0]
    counts = network.weights_of_cues()
    assert counts["useful"] > 0.05
    assert counts["recent"] == counts["important"] == 0

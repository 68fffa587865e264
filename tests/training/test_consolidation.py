"""Systems consolidation: what is drawn and counted, and a small network that sleeps."""

from functools import cache

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.syntax.units import constant
from thalia.training.experiment import conditions_of
from thalia.training.subject import subject_of
from thalia.training.tasks.consolidation import Consolidation, jaccard_of

EXPERIMENT = "thalia/library/experiments/consolidation.yaml"
TIMES = dict.fromkeys(("present", "respond", "pause", "sleep"), "1 ms")
TASK = Consolidation.model_validate({"lesion": "p", "rate": "1 Hz", "spontaneous": "1 Hz", **TIMES, "active": 10, "kept": 0.7})  # fmt: skip
SMALL = {
    "populations.show_a.size": 40, "populations.show_b.size": 40, "populations.area_a.size": 40, "populations.area_b.size": 40,
    "populations.mossy.size": 40, "populations.noise.size": 40, "populations.ca3.size": 40, "populations.basket.size": 20,
    "populations.basket_b.size": 20, "pathways.inhibit.weight": "-6.5 mV", "pathways.inhibit_b.weight": "-1.25 mV", "experiment.spontaneous": "5 Hz", "experiment.episodes": 3,
    "experiment.sleep": "400 ms", "experiment.pause": "40 ms", "pathways.cortical.plasticity.0.eta": 0.3,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_distortions_keep_a_share_of_the_cells_and_have_as_many(seed):
    random = np.random.default_rng(seed)
    pattern = random.permutation(np.arange(50) < 10)

    found = TASK._distorted(pattern, random)

    assert (found.sum(), (found & pattern).sum()) == (10, 7)


def test_the_jaccard_index_is_what_both_have_of_what_either_has():
    first, second = np.arange(10) < 4, np.arange(10) % 2 == 0

    assert jaccard_of(first, second) == pytest.approx(2 / 7)
    assert jaccard_of(first & ~first, second & ~second) == 0


@pytest.fixture(scope="module")
def network():
    """A small network, its task, and its state before anything is stored."""
    (condition,) = conditions_of(EXPERIMENT, None, [], SMALL, {})
    with subject_of(condition.circuit, "runtime") as subject:
        yield subject, Consolidation.model_validate(condition.numbers), subject.remember()


@pytest.fixture(scope="module")
def reached(network):
    """What the network reaches from its beginning, by what is changed of its task."""
    subject, task, untrained = network

    @cache
    def learned(**changes):
        subject.restore(untrained)
        changed = task.model_copy(update=changes)
        return changed.learn(subject, np.random.default_rng(1), lambda **_: None)

    return learned


@pytest.mark.parametrize(("factor", "firing"), [(1, 10), (0, 40)])
def test_what_is_fired_from_outside_silences_what_the_cortex_would_add(network, factor, firing):
    """And all fires without the interneurons that do it; `a` excites all as much as it ever could."""
    subject, task, untrained = network
    subject.restore(untrained)
    for pathway, weights in (
        ("cortical", [3.2e-3] * 1600),
        ("inhibit_b", [-1.25e-3 * factor] * 800),
    ):
        unit = constant(1.0, subject.weight_dimension(pathway))
        subject.set_weights(pathway, np.array(weights) * unit)

    with subject.frozen():
        fired = task._show(subject, a=np.arange(40) < 10, b=np.arange(40) >= 30)

    assert fired.sum() == firing
    assert fired[30:].all()


@pytest.mark.parametrize("replay", ["sleep", "none"])
def test_the_hippocampus_recalls_what_was_shown_once(reached, replay):
    assert reached(replay=replay)["before"] == 1


def test_sleep_reactivates_episodes_alone(reached):
    asleep = reached(replay="sleep")

    assert asleep["replays"] >= 5
    assert asleep["clean"] > 0.5
    assert reached(replay="none")["replays"] == 0


def test_only_what_was_reactivated_survives_the_lesion(reached):
    assert reached(replay="none")["lesioned"] < 0.1
    assert reached(replay="sleep")["lesioned"] > 0.3


@pytest.mark.parametrize(("key", "value", "message"), [
    ("experiment.lesion", "perforan", "no pathway is called 'perforan'.*did you mean 'perforant'"),
    ("experiment.episodes", 90, "90 episodes need 1080 cells of their own, there are 1000"),
])  # fmt: skip
def test_what_does_not_fit_is_told(key, value, message):
    with pytest.raises(CircuitError, match=f"(?s){message}"):
        conditions_of(EXPERIMENT, None, [], {key: value}, {})


def test_the_cells_of_what_is_favoured_fire_more_often_with_as_many_reactivations_in_all():
    task = TASK.model_copy(update={"index": 2, "episodes": 4, "eager": 3.0})
    rates = task._rates(np.array([7, 1, 0, 3, 5, 2, 4, 6, 8]), np.array([1, 0, 0, 1], bool))

    assert rates[[7, 1, 4, 6]] / rates[[0, 3, 5, 2]] == pytest.approx(3)
    assert np.mean(rates[:8] ** 2) == pytest.approx(1)
    assert rates[8] == 1  # of no episode


@pytest.mark.parametrize("priority", ["surprise", "weakness"])
def test_what_is_favoured_and_what_is_not_make_up_the_recall_of_all(reached, priority):
    found = reached(priority=priority)

    assert found["before"] == 1
    assert found["replays"] >= 3
    both = found["favoured"] + 2 * found["others"]  # one of three is favoured
    assert both == pytest.approx(3 * found["lesioned"], abs=1e-3)

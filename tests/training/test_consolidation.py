"""Systems consolidation: what is drawn and counted, and a small network that sleeps."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.syntax.units import constant
from thalia.training.experiment import conditions_of, learn
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
def cortex():
    """A network whose cells of `a` excite all of `b` as strongly as they ever could."""
    (condition,) = conditions_of(EXPERIMENT, None, [], SMALL, {})
    with subject_of(condition.circuit, "runtime") as subject:
        unit = constant(1.0, subject.weight_dimension("cortical"))
        subject.set_weights("cortical", np.full(40 * 40, 3.2e-3) * unit)
        yield subject, Consolidation.model_validate(condition.numbers)


@pytest.mark.parametrize(("factor", "firing"), [(1, 10), (0, 40)])
def test_what_is_fired_from_outside_silences_what_the_cortex_would_add(cortex, factor, firing):
    """And all fires without the interneurons that do it."""
    subject, task = cortex
    unit = constant(1.0, subject.weight_dimension("inhibit_b"))
    subject.set_weights("inhibit_b", np.full(20 * 40, -1.25e-3 * factor) * unit)

    with subject.frozen():
        fired = task._show(subject, a=np.arange(40) < 10, b=np.arange(40) >= 30)

    assert fired.sum() == firing
    assert fired[30:].all()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sleep")
    return learn(EXPERIMENT, seeds=1, controls=["no_sleep"], set=SMALL, backend="runtime", workers=1,
                 output=folder / "o", progress=False)  # fmt: skip


@pytest.mark.parametrize("condition", [0, 1])
def test_the_hippocampus_recalls_what_was_shown_once(outcome, condition):
    assert outcome.logs[condition].aggregate()["before"]["mean"] == 1


def test_sleep_reactivates_episodes_alone(outcome):
    asleep, awake = (log.aggregate() for log in outcome.logs)

    assert asleep["replays"]["mean"] >= 5
    assert asleep["clean"]["mean"] > 0.5
    assert awake["replays"]["mean"] == 0


def test_only_what_was_reactivated_survives_the_lesion(outcome):
    asleep, awake = (log.aggregate()["lesioned"]["mean"] for log in outcome.logs)

    assert awake < 0.1
    assert asleep > 0.3


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


@pytest.fixture(scope="module", params=["surprise", "weakness"])
def prioritised(request, tmp_path_factory):
    """What was favoured, which is seen in the rates at which cells fire by themselves."""
    folder = tmp_path_factory.mktemp("priority")
    changes = SMALL | {"experiment.priority": request.param}
    (log, *_) = learn(EXPERIMENT, seeds=1, controls=[], set=changes, backend="runtime", workers=1,
                      output=folder / "o", progress=False).logs  # fmt: skip
    return {name: each["mean"] for name, each in log.aggregate().items()}


def test_what_is_favoured_and_what_is_not_make_up_the_recall_of_all(prioritised):
    assert prioritised["before"] == 1
    assert prioritised["replays"] >= 3
    both = prioritised["favoured"] + 2 * prioritised["others"]  # one of three is favoured
    assert both == pytest.approx(3 * prioritised["lesioned"], abs=1e-3)

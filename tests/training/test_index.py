"""The index: what is stored and asked, what is searched, and that cells learn what is alike."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.subject import subject_of
from thalia.training.tasks import environment
from thalia.training.tasks.index import correlated_patterns, searched


def made(changes=None, **numbers):
    """The task of the library with some values changed, and its circuit."""
    condition = conditions_of("index", None, [], changes or {}, numbers)[0]
    return environment("index").model_validate(condition.numbers), condition.circuit


def drawn(**numbers):
    task, circuit = made(**numbers)
    return task.draw(plan_for_trials(circuit), np.random.default_rng(5))


def test_what_is_searched_is_what_is_filed_under_the_cells_that_are_asked():
    filed = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], bool)
    asked = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]], bool)

    assert searched(filed, asked, np.array([0, 0, 2, 3])) == {"found": 0.5, "searched": 6 / 16}


def test_without_noise_the_nearest_item_is_that_of_the_cue():
    items = drawn(noise=0)

    assert items.cues == pytest.approx(items.stored[items.nearest])


def test_noise_has_its_share_of_the_norm():
    items = drawn(noise=0.1, data="correlated", norm=4)
    apart = np.linalg.norm(items.cues - items.stored[items.nearest], axis=1)

    # a fifth of the cells are active; of the noise of the others the negative half is cut off
    assert apart.mean() == pytest.approx(4 * 0.1 * np.sqrt(0.2 + 0.8 / 2), rel=0.05)


def test_shuffled_replay_keeps_what_each_cell_does_on_average():
    items = drawn(replay="shuffled")

    assert items.replayed.mean(axis=0) == pytest.approx(items.stored.mean(axis=0))
    assert abs(items.replayed - items.stored).mean() > 0.1


def test_patterns_with_common_causes_are_correlated_without_clusters():
    patterns = correlated_patterns()
    correlations = np.corrcoef(patterns.T)[np.triu_indices(64, 1)]

    assert (patterns.sum(axis=1) == 13).all()
    assert correlations.std() > 5 / np.sqrt(len(patterns))
    assert len(np.unique(patterns, axis=0)) > 1400


def test_k_means_finds_nearly_all_in_a_tenth_of_the_items():
    task, circuit = made(data="iris", items=150, queries=100, filed=2)
    plan, random = plan_for_trials(circuit), np.random.default_rng(5)
    found = task.baselines(plan, task.draw(plan, random), random)["k_means"].final

    assert found["found"] > 0.95
    assert found["searched"] < 0.1


def test_memories_are_filed_under_the_cells_that_learned_what_they_are_like():
    changes = {
        "populations.index.size": 8,
        "dt": "1 ms",
        "pathways.inhibit.delay": "1 ms",
        "pathways.inhibit.weight": "-40 mV",
    }
    task, circuit = made(changes, data="correlated", items=8, queries=8, noise=0, norm=8, trials=3, filed=1, asked=1)  # fmt: skip
    with subject_of(circuit, "runtime") as subject:
        numbers = task.learn(subject, np.random.default_rng(5), lambda **given: None)

    assert numbers["found"] == 1  # the network is deterministic: a cue is answered as its item was
    assert numbers["searched"] < 0.6


@pytest.mark.parametrize(("numbers", "message"), [
    ({"items": 2000}, "experiment.items: expected at most the 1,797 of digits, found 2,000"),
    ({"filed": 81}, "experiment.filed: expected at most 80, the cells of the index"),
    ({"data": "wine"}, "experiment.data: "),
])  # fmt: skip
def test_what_cannot_be_is_told(numbers, message):
    with pytest.raises(CircuitError, match=message.replace(".", "[.]")):
        made(**numbers)

"""The task of a memory: what is drawn, and what a small network recalls without its weights."""

import numpy as np
import pytest

from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.subject import subject_of
from thalia.training.tasks import environment

SMALL = {
    "populations.show.size": 200, "populations.code.size": 200, "populations.mark.size": 60, "populations.index.size": 60,
    "pathways.fast.w_max": "1 mV",  # twice as much, for codes of half as many cells
}  # fmt: skip
FEW = {"items": 6, "trials": 6, "active": 20, "own": 10}


def made(control=None, **numbers):
    """The task and the circuit of a condition of the library, small."""
    condition = conditions_of("memory", None, [control] if control else [], SMALL, FEW | numbers)[
        -1
    ]
    return environment("memory").model_validate(condition.numbers), condition.circuit


def drawn(**numbers):
    task, circuit = made(**numbers)
    plan = plan_for_trials(circuit)
    return task, plan, task.draw(plan, np.random.default_rng(5))


def test_a_cue_has_its_part_of_a_code_and_other_cells_for_the_rest():
    _, _, items = drawn(cue=0.6, trials=4)

    assert items.codes.shape == (6, 20)
    assert items.cues.shape == (4, 20)
    shared = [
        len({*cue} & {*code})
        for cue, code in zip(items.cues, items.codes[items.tested], strict=True)
    ]
    assert shared == [12] * 4
    assert all(len({*cue}) == 20 for cue in items.cues)


def test_items_like_a_prototype_share_cells():
    """Each has twelve of its twenty cells, so two have at least four in common."""
    _, _, items = drawn(items=8, prototypes=2)
    shared = np.array([[len({*a} & {*b}) for a in items.codes] for b in items.codes])

    assert all(len({*code}) == 20 for code in items.codes)
    assert ((np.sort(shared, axis=1)[:, -4:] >= 4).sum(axis=1) == 4).all()


def test_what_a_cue_lacks_is_replaced_by_what_like_items_have():
    _, _, items = drawn(items=8, prototypes=2, cue=0.5)
    shared = np.array([[len({*cue} & {*code}) for code in items.codes] for cue in items.cues])
    like = np.array([[len({*a} & {*b}) >= 4 for a in items.codes] for b in items.codes])

    assert (shared[np.arange(6), items.tested] == 10).all()
    assert shared[like[items.tested]].mean() > 2 * shared[~like[items.tested]].mean()


def test_the_nearest_of_a_list_is_found_from_most_of_its_cells():
    task, plan, items = drawn(cue=0.8)
    found = task.baselines(plan, items, np.random.default_rng(1))["nearest"].final

    assert found["recalled"] == 1


@pytest.fixture(scope="module")
def learn():
    """What a small network reaches from its beginning, in the interpreted backend."""
    _, circuit = made()
    with subject_of(circuit, "runtime") as subject:
        untrained = subject.remember()

        def learned(**numbers):
            subject.restore(untrained)
            task, _ = made(**numbers)
            return task.learn(subject, np.random.default_rng(3), lambda **_: None)

        yield learned


def test_a_small_network_recalls_each_item_from_a_noisy_cue(learn):
    assert learn()["recalled"] == 1


def test_without_its_weights_it_recalls_by_chance(learn):
    """All six have no spike, so each is right for a sixth."""
    found = learn(weights="zeroed")

    assert (found["recalled"], found["confidence"]) == (pytest.approx(1 / 6), 0)

"""What sleep makes of a memory: clusters, associations and scaled synapses, each of which changes what is recalled."""

import numpy as np
import pytest

import thalia
from thalia.syntax.units import UNITS, constant
from thalia.training.memory_network import LOG_FACTOR

RANDOM = np.random.default_rng(3)
CENTRES = RANDOM.standard_normal((2, 60))
VECTORS = np.repeat(CENTRES, 2, axis=0) + 0.3 * RANDOM.standard_normal((4, 60))


@pytest.fixture(scope="module")
def slept(tmp_path_factory):
    """Two clusters of two items; the first and the last one were recalled in succession twice, two others once."""
    file = tmp_path_factory.mktemp("sleeps") / "m.h5"
    with thalia.Memory(file, backend="runtime") as memory:
        for vector in VECTORS:
            memory.store(vector)
        for item in (1, 4, 1, 2):
            memory.recall(VECTORS[item - 1])
        slept = memory.sleep(16)
        yield memory, slept


@pytest.fixture
def memory(slept):
    """The memory, which is as it was again after a test."""
    memory, before, kept = slept[0], slept[0]._subject.state(), slept[0]._core.kept
    yield memory
    memory._subject.restore(before)
    memory._core.kept = kept


def confidences(memory, cue):
    return {each.item: each.confidence for each in memory.recall(cue, k=10)}


def without(memory, pathway):
    """Take away what a pathway has learned."""
    unit = constant(1.0, UNITS["V"][1])
    memory._subject.set_weights(pathway, 0 * memory._subject.weights(pathway) * unit)


def test_what_sleep_made_is_told(slept):
    memory, slept = slept
    status = memory.status()

    assert (slept.replays, slept.associated) == (16, 1)
    assert (status.clusters > 0, status.associated) == (True, 1)
    assert status.scaling[0] < 1 < status.scaling[1]


def test_items_of_a_cluster_have_the_same_cell(slept):
    memory = slept[0]
    found = memory._core.network.clusters([each.own for each in memory._core.items.present])

    assert not {*found[:2]} & {*found[2:]} - {-1}
    assert found[0] == found[1] >= 0 or found[2] == found[3] >= 0


def test_an_item_recalls_the_one_that_was_recalled_just_before_or_after_it(memory):
    """Items 1 and 4 are of different clusters. Without synapses between items, they do not."""
    there, back = confidences(memory, VECTORS[0]), confidences(memory, VECTORS[3])
    without(memory, "associate")
    alone = confidences(memory, VECTORS[0])

    assert there[1] >= there[4] > max(there.get(3, 0), alone.get(4, 0))
    assert back[4] >= back[1] > back.get(2, 0)


def test_an_item_is_bound_to_its_partner_and_not_to_itself(memory):
    """An item that excites itself comes to mind where another one is meant."""
    first, partner = (memory._core.items.find(number).own for number in (1, 4))
    weights, (pre, post) = memory._subject.weights("associate"), memory._subject.ends("associate")
    alone, other = np.setdiff1d(first, partner), np.setdiff1d(partner, first)
    across = weights[np.isin(pre, alone) & np.isin(post, other)]
    within = weights[np.isin(pre, alone) & np.isin(post, alone)]

    assert across.min() > 0.5e-3
    assert within.max() < 0.05 * across.mean()


def of_parts(memory, item):
    """Spikes of the cells of an item at cues that have a part of its code."""
    found = memory._core.items.find(item)
    others = np.setdiff1d(np.arange(1000), found.code)
    cues = [np.concatenate([found.code[:n], others[: 40 - n]]) for n in range(14, 28, 2)]
    return memory._core.network.recall(cues)[:, found.own].sum()


def test_a_cluster_supports_its_items(memory):
    present = memory._core.items.present
    clusters = memory._core.network.clusters([each.own for each in present])
    members = [each.number for each, one in zip(present, clusters, strict=True) if one >= 0]
    supported = sum(of_parts(memory, item) for item in members)
    without(memory, "support")

    assert supported > sum(of_parts(memory, item) for item in members) > 0


def test_cells_of_items_scale_their_synapses_down_and_others_up(memory):
    """They have fired more than the target, and those of no item never; without it they fire more."""
    factors = memory._core.network.scaling()
    has_items = np.zeros(len(factors), bool)
    for each in memory._core.items.present:
        has_items[each.own] = True
    scaled, session = of_parts(memory, 2), memory._subject.session
    for name in (LOG_FACTOR, LOG_FACTOR.replace("scaling", "scaling_2")):
        session.write(
            f"neurons_lif_current.{name}", 0 * session.read(f"neurons_lif_current.{name}")
        )

    assert factors[has_items].max() < 1 < factors[~has_items].min()
    assert of_parts(memory, 2) > scaled

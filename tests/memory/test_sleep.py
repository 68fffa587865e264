"""What sleep makes of a memory: clusters, associations and scaled synapses, each of which changes what is recalled."""

import numpy as np
import pytest

import thalia
from thalia.syntax.units import UNITS, constant
from thalia.training.memory_network import LOG_FACTOR

RANDOM = np.random.default_rng(3)
CENTRES = RANDOM.standard_normal((2, 60))
VECTORS = np.repeat(CENTRES, 2, axis=0) + 0.3 * RANDOM.standard_normal((4, 60))
NEW = CENTRES + 0.5 * RANDOM.standard_normal((2, 60))  # of the clusters, and never stored


@pytest.fixture(scope="module")
def slept(tmp_path_factory):
    """Two clusters of two items; the first and the last one were recalled in succession before sleep."""
    file = tmp_path_factory.mktemp("sleeps") / "m.h5"
    with thalia.Memory(file, backend="runtime") as memory:
        for vector in VECTORS:
            memory.store(vector)
        for item in (1, 4):
            memory.recall(VECTORS[item - 1])
        slept = memory.sleep(16)
        yield memory, slept


@pytest.fixture
def memory(slept):
    """The memory, which is as it was again after a test."""
    memory, before = slept[0], slept[0]._subject.state()
    yield memory
    memory._subject.restore(before)


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
    assert (status.clusters, status.associated) == (2, 1)
    assert status.scaling[0] < 1 < status.scaling[1]


def test_items_of_a_cluster_have_the_same_cell(slept):
    memory = slept[0]
    found = memory._core.network.clusters([each.own for each in memory._core.items.present])

    assert found[0] == found[1] >= 0
    assert found[2] == found[3] >= 0
    assert found[0] != found[2]


def test_an_item_recalls_the_one_that_was_recalled_just_before_or_after_it(memory):
    """Items 1 and 4 are of different clusters. Without synapses between items, they do not."""
    there, back = confidences(memory, VECTORS[0]), confidences(memory, VECTORS[3])
    without(memory, "associate")
    alone = confidences(memory, VECTORS[0])

    assert there[1] > there[4] > max(there.get(3, 0), alone.get(4, 0))
    assert back[4] >= back[1] > back.get(2, 0)


def test_a_cluster_supports_its_items(memory):
    """A vector that is like them, and was never stored, recalls them less without the support."""
    supported = confidences(memory, NEW[0])
    without(memory, "support")
    alone = confidences(memory, NEW[0])

    assert max(supported, key=supported.get) in (1, 2)
    assert sum(supported.get(k, 0) for k in (1, 2)) > sum(alone.get(k, 0) for k in (1, 2))


def test_cells_that_scale_their_synapses_down_fire_less(memory):
    """Cells of items have fired more than the target and are below 1, others above."""
    factors = memory._core.network.scaling()
    has_items = np.zeros(len(factors), bool)
    for each in memory._core.items.present:
        has_items[each.own] = True
    before = confidences(memory, VECTORS[1])
    session = memory._subject.session
    for name in (LOG_FACTOR, LOG_FACTOR.replace("scaling", "scaling_2")):
        session.write(
            f"neurons_lif_current.{name}", session.read(f"neurons_lif_current.{name}") - 1
        )
    after = confidences(memory, VECTORS[1])

    assert factors[has_items].max() < 1 < factors[~has_items].min()
    assert after.get(2, 0) < before[2]

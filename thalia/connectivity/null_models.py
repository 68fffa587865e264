"""Null models of a pathway: its wiring or its weights at random, all else as it was.

They are controls of what wiring does, drawn once before a run. (What prunes and grows synapses
during a run is structural plasticity.)
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import Member
from thalia.connectivity.reference import Ints
from thalia.connectivity.rules import distinct

WIRING = ("degree_preserving", "erdos_renyi")  # null models that change who connects to whom
WEIGHTS = ("weights_shuffled", "signs_shuffled")  # those that change the weights of the synapses

EXCHANGES = 10  # of each synapse, on average
MOST_ROUNDS = 400  # of exchanges, of which few are possible where most pairs are connected
FEW = 2000  # synapses, with which the number of exchanges varies from round to round
ROUNDS_OF_FEW = 200

Floats = NDArray[np.float64]
Pairs = tuple[Ints, Ints]


def rewired(
    model: str,
    pairs: Pairs,
    pre: Member,
    post: Member,
    generator: np.random.Generator,
    undirected: bool = False,
    weights: Floats | None = None,
) -> tuple[Pairs, str]:
    """The pairs of a null model, in the order of the synapses, and what there is to tell of it.

    Self-connections and repeated pairs are possible only if there were any.

    Parameters
    ----------
    model : str
        One of `WIRING`.
    pairs : two arrays of shape (n_synapses,)
        Neurons of each synapse, as indices within the two populations.
    undirected : bool
        Whether either neuron of a pair may be called the presynaptic one, as of a gap junction.
    weights : array of shape (n_synapses,), optional
        Those that data give, whose sign belongs to the presynaptic neuron.
    """
    graph = _Graph.of(pairs, pre, post, undirected)
    before = np.sort(graph.keys(pairs))
    if model == "erdos_renyi":
        made, exchanges = _random(pairs, graph, weights, generator), float(EXCHANGES)
    else:
        made, exchanges = _exchanged(pairs, graph, generator)
    after = np.sort(graph.keys(made))
    kept = np.isin(after, before, assume_unique=graph.simple).mean() if len(after) else 0.0
    told = f"{model}, and {kept:.3g} of the pairs that it connects are those of the circuit"
    few = f"; few others are possible: each synapse was exchanged {exchanges:.2g} times"
    return made, told + (few if exchanges < EXCHANGES else "")


def shuffled(model: str, sources: Ints, weights: Floats, generator: np.random.Generator) -> Floats:
    """The weights of a null model, for the same synapses.

    `weights_shuffled` permutes them among the synapses of the same sign. `signs_shuffled` permutes
    the signs of the neurons, and a synapse keeps the absolute weight; the sign of a neuron is that
    of the sum of its weights, and all of them change with it.

    Parameters
    ----------
    sources, weights : arrays of shape (n_synapses,)
        The presynaptic neuron and the weight of each synapse.
    """
    if model == "signs_shuffled":
        neurons, whose = np.unique(sources, return_inverse=True)
        signs = np.where(np.bincount(whose, weights, len(neurons)) < 0, -1.0, 1.0)
        return np.asarray(weights * (signs * generator.permutation(signs))[whose])
    made = weights.copy()
    for rows in (np.flatnonzero(weights >= 0), np.flatnonzero(weights < 0)):
        made[rows] = weights[generator.permutation(rows)]
    return made


@dataclass(frozen=True)
class _Graph:
    """The kind of graph that a pathway is: its size, whether pairs have sides, what cannot be."""

    n_pre: int
    n_post: int
    undirected: bool
    no_loops: bool
    simple: bool = True  # without repeated pairs

    @classmethod
    def of(cls, pairs: Pairs, pre: Member, post: Member, undirected: bool) -> "_Graph":
        """The kind in which nothing can be that is not among the pairs."""
        loops = bool((pairs[0] == pairs[1]).any())
        graph = cls(pre.size, post.size, undirected, pre.name == post.name and not loops)
        keys = np.sort(graph.keys(pairs))
        return replace(graph, simple=not bool((keys[1:] == keys[:-1]).any()))

    def keys(self, pairs: tuple[Ints, Ints]) -> NDArray[np.int64]:
        """One number for each pair."""
        first, second = pairs
        if self.undirected:
            first, second = np.minimum(first, second), np.maximum(first, second)
        return first.astype(np.int64) * self.n_post + second

    def random(self, count: int, among: Ints, generator: np.random.Generator) -> Pairs:
        """Pairs of neurons at random, in random order, from some sources to any target."""
        width = self.n_post - 1 if self.no_loops else self.n_post
        pool = len(among) * width // (2 if self.undirected else 1)
        if self.simple:
            chosen = generator.permutation(distinct(pool, count, generator))
        else:
            chosen = generator.integers(0, pool, count)
        rows, targets = np.divmod(chosen, width)
        sources = among[rows]
        if self.undirected:  # the upper half of a square, folded into a rectangle of all pairs
            below = targets < sources
            sources = np.where(below, self.n_pre - 1 - sources, sources)
            targets = np.where(below, self.n_pre - 2 - targets, targets)
        if self.no_loops:
            targets += targets >= sources
        return sources.astype(np.int32), targets.astype(np.int32)


def _random(
    pairs: Pairs, graph: _Graph, weights: Floats | None, generator: np.random.Generator
) -> Pairs:
    """Pairs at random for synapses with given weights, where a neuron keeps its sign if it has one.

    Neurons without any synapse take a sign in the proportion of the others.
    """
    made = pairs[0].copy(), pairs[1].copy()
    everyone = np.arange(graph.n_pre, dtype=np.int32)
    classes = [(np.arange(len(pairs[0])), everyone)]
    if weights is not None:
        signs = np.zeros((2, graph.n_pre), bool)
        for k, here in enumerate((weights >= 0, weights < 0)):
            signs[k, pairs[0][here]] = True
        known = signs.any(axis=0)
        if not signs.all(axis=0).any() and signs.any(axis=1).all():
            inhibits = signs[1] | (
                ~known & (generator.random(graph.n_pre) < signs[1].sum() / known.sum())
            )
            classes = [
                (np.flatnonzero(weights < 0), everyone[inhibits]),
                (np.flatnonzero(weights >= 0), everyone[~inhibits]),
            ]
    for synapses, among in classes:
        found = graph.random(len(synapses), among, generator)
        made[0][synapses], made[1][synapses] = found
    return made


def _exchanged(pairs: Pairs, graph: _Graph, generator: np.random.Generator) -> tuple[Pairs, float]:
    """Pairs with which every neuron keeps its degrees, and how often each synapse was exchanged.

    Two synapses exchange their targets, or three pass them on, which is what reverses a circle of
    three neurons where self-connections are not allowed. In a round every synapse is in one such
    group, at random, and a group stays as it is if any of its pairs, the old or the new ones, is
    found anywhere else among the old and the new ones. That holds in both directions alike, so
    that all wirings are equally probable in the end (Milo et al. 2003, cond-mat/0312028). In the
    last round, and in all of them where synapses are few, only a part of the groups takes part,
    without which some wirings could not be reached. With ten exchanges of each synapse the overlap
    with the original is within exp(-10) of chance (Gobbi et al. 2014,
    doi:10.1093/bioinformatics/btu474).
    """
    sources, targets = pairs[0].copy(), pairs[1].copy()
    count, done = len(sources), 0
    few = count < FEW
    order = np.arange(count, dtype=np.int32)
    for number in range(ROUNDS_OF_FEW if few else MOST_ROUNDS):
        enough = done >= EXCHANGES * count and not few
        generator.shuffle(order)
        if graph.undirected:
            turned = generator.random(count) < 0.5
            sources[turned], targets[turned] = targets[turned], sources[turned]
        size = 3 if graph.no_loops and number % 2 else 2
        part = generator.integers(0, count // size + 1) if few or enough else count // size
        groups = order[: part * size].reshape(size, -1)
        starts, new = sources[groups], np.roll(targets[groups], 1, axis=0)
        free = np.ones(groups.shape[1], bool)
        if graph.no_loops:
            free &= (starts != new).all(axis=0)
        if graph.simple:
            free &= ~_elsewhere(
                graph.keys((sources, targets)), graph.keys((starts, new)), groups, generator
            )
        targets[groups[:, free]] = new[:, free]
        done += size * int(np.count_nonzero(free))
        if enough:
            break
    return (sources, targets), done / max(count, 1)


def _elsewhere(
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    groups: Ints,
    generator: np.random.Generator,
) -> NDArray[np.bool_]:
    """For each group, whether one of its pairs is also found elsewhere.

    Pairs are compared by hashes of 32 bits, which sort fast, and those found twice by fewer bits:
    a few groups too many are held, at random in every round.
    """
    multiplier = generator.integers(2**63, 2**64, dtype=np.uint64) | np.uint64(1)
    here, there = (
        ((keys.view(np.uint64) * multiplier) >> np.uint64(32)).astype(np.uint32)
        for keys in (old, new)
    )
    every = np.concatenate([here, there.ravel()])
    every.sort()
    twice = every[1:][every[1:] == every[:-1]]
    bits = min(max(12, (len(twice) * 16).bit_length()), 30)
    shift = np.uint32(32 - bits)
    table = np.zeros(1 << bits, bool)
    table[twice >> shift] = True
    found = table[there >> shift].any(axis=0)
    return np.asarray(found | table[here >> shift][groups].any(axis=0))

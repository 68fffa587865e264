"""Null models of a pathway: its wiring or its weights at random, all else as it was.

They are controls of what wiring does, drawn once before a run. (What prunes and grows synapses
during a run is structural plasticity.)
"""

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import Member
from thalia.connectivity.rules import Ints, Pairs, distinct

WIRING = ("degree_preserving", "erdos_renyi")  # null models that change who connects to whom
WEIGHTS = ("weights_shuffled", "signs_shuffled")  # those that change the weights of the synapses

EXCHANGES = 10  # of each synapse, on average
MOST_ROUNDS = 400  # of exchanges, of which few are possible where most pairs are connected
FEW = 2000  # synapses, with which the number of exchanges varies from round to round
ROUNDS_OF_FEW = 200

Floats = NDArray[np.float64]


def rewired(
    model: str, pairs: Pairs, pre: Member, post: Member, generator: np.random.Generator
) -> tuple[Pairs, str]:
    """The pairs of a null model, in the order of the synapses, and what there is to tell of it.

    Self-connections and repeated pairs are possible only if there were any.

    Parameters
    ----------
    model : str
        One of `WIRING`.
    pairs : two arrays of shape (n_synapses,)
        Neurons of each synapse, as indices within the two populations.
    """
    sources, targets = pairs
    before = np.sort(_keys(pairs, post.size))
    distinct_only = not bool((before[1:] == before[:-1]).any())
    no_loops = pre.name == post.name and not bool((sources == targets).any())
    if model == "erdos_renyi":
        made = _random(len(sources), pre.size, post.size, distinct_only, no_loops, generator)
        exchanges = float(EXCHANGES)
    else:
        targets, exchanges = _exchanged(pairs, post.size, distinct_only, no_loops, generator)
        made = sources, targets
    after = np.sort(_keys(made, post.size))
    kept = np.isin(after, before, assume_unique=distinct_only).mean() if len(after) else 0.0
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


def _keys(pairs: Pairs, n_post: int) -> NDArray[np.int64]:
    """One number for each pair."""
    return pairs[0].astype(np.int64) * n_post + pairs[1]


def _random(
    count: int,
    n_pre: int,
    n_post: int,
    distinct_only: bool,
    no_loops: bool,
    generator: np.random.Generator,
) -> Pairs:
    """Pairs of neurons at random, in random order."""
    width = n_post - 1 if no_loops else n_post
    if distinct_only:
        chosen = generator.permutation(distinct(n_pre * width, count, generator))
    else:
        chosen = generator.integers(0, n_pre * width, count)
    sources, targets = np.divmod(chosen, width)
    if no_loops:
        targets += targets >= sources
    return sources.astype(np.int32), targets.astype(np.int32)


def _exchanged(
    pairs: Pairs, n_post: int, distinct_only: bool, no_loops: bool, generator: np.random.Generator
) -> tuple[Ints, float]:
    """Targets with which every neuron keeps its degrees, and how often each synapse was exchanged.

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
    sources, targets = pairs[0], pairs[1].copy()
    count, done = len(sources), 0
    few = count < FEW
    order = np.arange(count, dtype=np.int32)
    for number in range(ROUNDS_OF_FEW if few else MOST_ROUNDS):
        enough = done >= EXCHANGES * count and not few
        generator.shuffle(order)
        size = 3 if no_loops and number % 2 else 2
        part = generator.integers(0, count // size + 1) if few or enough else count // size
        groups = order[: part * size].reshape(size, -1)
        starts, new = sources[groups], np.roll(targets[groups], 1, axis=0)
        free = np.ones(groups.shape[1], bool)
        if no_loops:
            free &= (starts != new).all(axis=0)
        if distinct_only:
            free &= ~_elsewhere(sources, targets, n_post, groups, starts, new, generator)
        targets[groups[:, free]] = new[:, free]
        done += size * int(np.count_nonzero(free))
        if enough:
            break
    return targets, done / max(count, 1)


def _elsewhere(
    sources: Ints,
    targets: Ints,
    n_post: int,
    groups: Ints,
    starts: Ints,
    new: Ints,
    generator: np.random.Generator,
) -> NDArray[np.bool_]:
    """For each group, whether one of its pairs is also found elsewhere.

    Pairs are compared by hashes of 32 bits, which sort fast, and those found twice by fewer bits:
    a few groups too many are held, at random in every round.
    """
    multiplier = generator.integers(2**63, 2**64, dtype=np.uint64) | np.uint64(1)

    def hashed(pairs: tuple[Ints, Ints]) -> NDArray[np.uint32]:
        keys = _keys(pairs, n_post).view(np.uint64)
        return ((keys * multiplier) >> np.uint64(32)).astype(np.uint32)

    here, there = hashed((sources, targets)), hashed((starts, new))
    every = np.concatenate([here, there.ravel()])
    every.sort()
    twice = every[1:][every[1:] == every[:-1]]
    bits = min(max(12, (len(twice) * 16).bit_length()), 30)
    shift = np.uint32(32 - bits)
    table = np.zeros(1 << bits, bool)
    table[twice >> shift] = True
    found = table[there >> shift].any(axis=0)
    return np.asarray(found | table[here >> shift][groups].any(axis=0))

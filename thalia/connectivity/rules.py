"""Connection rules as pairs of indices: one function per rule, used by `build.wire`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.connectivity import Connect
from thalia.circuit.spec import Space
from thalia.compiler.plan import Member
from thalia.compiler.space import chance, places
from thalia.connectivity.local_values import check_probability

Ints = NDArray[np.int32]
Pairs = tuple[Ints, Ints]
Positions = Callable[[Member], NDArray[np.float64]]


def pairs(
    connect: Connect,
    pre: Member,
    post: Member,
    generator: np.random.Generator,
    positions: Positions,
) -> Pairs:
    """Indices within the two populations of every synapse of a pathway.

    A pair of neurons can be drawn more than once by the rules that draw with replacement, unless
    `multapses: false`; a neuron can be paired with itself unless `autapses: false`.
    """
    own = pre.name == post.name and not connect.autapses
    sources: NDArray[Any]
    targets: NDArray[Any]
    number = connect.number[0][0].mean if connect.number else 0.0
    probability = connect.probability[0][0].mean if connect.probability else 0.0
    match connect.rule:
        case "data":
            assert connect.edges is not None, "a pass before has read the data"
            return connect.edges.pre, connect.edges.post
        case _ if connect.needs_positions:
            assert post.space, "a pass before lets only populations with a space connect so"
            sources, targets = _by_place(
                connect, post.space, positions(pre), positions(post), generator
            )
        case "pairwise_bernoulli":
            sources, targets = _bernoulli(probability, pre.size, post.size, generator)
        case "one_to_one":
            sources = targets = np.arange(min(pre.size, post.size))
        case "all_to_all":
            sources, targets = np.divmod(np.arange(pre.size * post.size), post.size)
        case "fixed_total_number":
            return _total(round(number), pre.size, post.size, connect, own, generator)
        case "fixed_indegree":
            targets, sources = _degrees(round(number), post.size, pre.size, connect, own, generator)
        case "fixed_outdegree":
            sources, targets = _degrees(round(number), pre.size, post.size, connect, own, generator)
    if own:
        keep = sources != targets
        sources, targets = sources[keep], targets[keep]
    return sources.astype(np.int32), targets.astype(np.int32)


def _bernoulli(
    probability: float, n_pre: int, n_post: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], ...]:
    """Each pair with the same probability: a binomial number of distinct pairs."""
    pool = n_pre * n_post
    if probability >= 0.2:
        return np.divmod(np.flatnonzero(generator.random(pool) < probability), n_post)
    chosen = distinct(pool, int(generator.binomial(pool, probability)), generator)
    return np.divmod(chosen, n_post)


def distinct(pool: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """`count` distinct numbers below `pool`, uniform over all such sets; fast for sparse sets."""
    if count > pool // 3:
        return np.sort(generator.permutation(pool)[:count])
    chosen = np.unique(generator.integers(0, pool, count))
    while len(chosen) < count:
        chosen = np.unique(
            np.concatenate([chosen, generator.integers(0, pool, count - len(chosen))])
        )
    return chosen


def _by_place(
    connect: Connect,
    space: Space,
    pre: NDArray[np.float64],
    post: NDArray[np.float64],
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], ...]:
    """Each pair with a probability that depends on where both are, in blocks that bound memory."""
    sources, targets = [], []
    block = max(1, 4_000_000 // max(1, len(post)))
    for start in range(0, len(pre), block):
        here = pre[start : start + block]
        probability = chance(connect, places(here[:, None, :], post[None, :, :], space))
        check_probability(connect, probability)
        rows, columns = np.nonzero(generator.random(probability.shape) < probability)
        sources.append(rows + start)
        targets.append(columns)
    return np.concatenate(sources), np.concatenate(targets)


def _total(
    count: int, n_pre: int, n_post: int, connect: Connect, own: bool, generator: np.random.Generator
) -> Pairs:
    """A fixed number of synapses, each between a pair drawn at random."""
    if not connect.multapses:
        width = n_post - 1 if own else n_post
        sources, targets = np.divmod(distinct(n_pre * width, count, generator), width)
        return sources.astype(np.int32), _skip(sources, targets, own)
    sources = generator.integers(0, n_pre, count, dtype=np.int32)
    targets = generator.integers(0, n_post - 1 if own else n_post, count, dtype=np.int32)
    return sources, _skip(sources, targets, own)


def _degrees(
    degree: int,
    n_here: int,
    n_there: int,
    connect: Connect,
    own: bool,
    generator: np.random.Generator,
) -> Pairs:
    """The same number of partners for every neuron on one side, drawn from the other side."""
    width = n_there - 1 if own else n_there
    here = np.repeat(np.arange(n_here, dtype=np.int32), degree)
    if connect.multapses:
        there = generator.integers(0, width, len(here), dtype=np.int32)
    else:
        there = np.concatenate([distinct(width, degree, generator) for _ in range(n_here)])
    return here, _skip(here, there, own)


def _skip(here: NDArray[np.integer], there: NDArray[np.integer], own: bool) -> Ints:
    """Skip the neuron itself among its partners, so that it is never drawn."""
    return (there + (there >= here) if own else there).astype(np.int32)

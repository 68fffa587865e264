"""Connection rules: one function per rule, used by `build.wire`.

Every rule says how many synapses each source has and what their targets are, source by source. A
pair of neurons can be drawn more than once by the rules that draw with replacement, unless
`multapses: false`; a neuron can be paired with itself unless `autapses: false`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.connectivity import Connect
from thalia.circuit.spec import Space
from thalia.compiler.plan import Member
from thalia.compiler.space import chance, places
from thalia.connectivity.laws import Floats, fractions
from thalia.connectivity.local_values import check_probability
from thalia.connectivity.reference import Connected, Longs, NumpyKernels, Pairs, skipping
from thalia.connectivity.streams import Stream

Positions = Callable[[Member], NDArray[np.float64]]
Streams = Callable[[str], Stream]  # of the pathway, by what is drawn


def connected(
    connect: Connect,
    pre: Member,
    post: Member,
    streams: Streams,
    positions: Positions,
    kernels: NumpyKernels,
) -> Connected:
    """Who connects to whom along a pathway."""
    own = pre.name == post.name and not connect.autapses
    number = round(connect.number[0][0].mean) if connect.number else 0
    stream = streams("targets")
    match connect.rule:
        case "data":
            assert connect.edges is not None, "a pass before has read the data"
            return Connected.of(connect.edges.pre, connect.edges.post, pre.size)
        case _ if connect.needs_positions:
            assert post.space, "a pass before lets only populations with a space connect so"
            return _by_place(connect, post.space, positions(pre), positions(post), own, stream)
        case "pairwise_bernoulli":
            probability = connect.probability[0][0].mean  # type: ignore[index]
            return _listed(*kernels.pairs(Pairs(stream, pre.size, post.size, probability, own)))
        case "blocks":
            return _in_blocks(connect, pre.size, post.size, own, streams, kernels)
        case "one_to_one":
            return _one_to_one(pre.size, own)
        case "all_to_all":
            everyone = np.tile(np.arange(post.size, dtype=np.int32), (pre.size, 1))
            if own:
                everyone = everyone[~np.eye(pre.size, dtype=bool)]
            return _listed(np.full(pre.size, post.size - own), everyone.ravel())
        case "fixed_outdegree" if connect.multapses:
            starts = np.arange(pre.size + 1) * number
            return Connected(starts, None, stream, post.size - own, own)
        case "fixed_outdegree":
            chosen = kernels.distinct(stream, pre.size, number, post.size - own, own)
            return _listed(np.full(pre.size, number), chosen)
        case "fixed_indegree":
            draw = kernels.partners if connect.multapses else kernels.distinct
            chosen = draw(stream, post.size, number, pre.size - own, own)
            return _listed(*kernels.by_source(chosen, number, pre.size))
    assert connect.rule == "fixed_total_number"
    if connect.multapses:
        counts = kernels.histogram(streams("sources"), number, pre.size)
        return Connected(_starts(counts), None, stream, post.size - own, own)
    return _distinct_pairs(number, pre.size, post.size - own, own, stream.generator())


def _starts(counts: Longs) -> Longs:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _listed(counts: Longs, targets: NDArray[np.int32]) -> Connected:
    """Targets source by source, and how many of each."""
    return Connected(_starts(counts), targets)


def _one_to_one(size: int, own: bool) -> Connected:
    """Each neuron with the one of the same number, which within a population is itself."""
    partners = np.arange(0 if own else size, dtype=np.int32)
    return _listed(np.full(size, int(not own)), partners)


def _in_blocks(
    connect: Connect, n_pre: int, n_post: int, own: bool, streams: Streams, kernels: NumpyKernels
) -> Connected:
    """Pairs of the same block with one probability, and all others with another."""
    count = connect.blocks or 1
    n_pre_each, n_post_each = n_pre // count, n_post // count
    sources, targets = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    if connect.within is not None:
        same = Pairs(streams("targets"), n_pre, n_post_each, connect.within.mean, False)
        degrees, offsets = kernels.pairs(same)
        who = np.repeat(np.arange(n_pre, dtype=np.int32), degrees)
        sources.append(who)
        targets.append(who // n_pre_each * n_post_each + offsets)
    if connect.between is not None:
        every = Pairs(streams("between"), n_pre, n_post, connect.between.mean, False)
        degrees, found = kernels.pairs(every)
        who = np.repeat(np.arange(n_pre, dtype=np.int32), degrees)
        others = who // n_pre_each != found // n_post_each
        sources.append(who[others])
        targets.append(found[others])
    pre, post = np.concatenate(sources), np.concatenate(targets)
    if own:
        pre, post = pre[pre != post], post[pre != post]
    order = np.lexsort((post, pre))
    return Connected.of(pre[order], post[order], n_pre)


def _by_place(
    connect: Connect, space: Space, pre: Floats, post: Floats, own: bool, stream: Stream
) -> Connected:
    """Each pair with a probability that depends on where both are, in blocks that bound memory."""
    counts, targets = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    block = max(1, 4_000_000 // max(1, len(post)))
    for start in range(0, len(pre), block):
        here = pre[start : start + block]
        probability = chance(connect, places(here[:, None, :], post[None, :, :], space))
        check_probability(connect, probability)
        u = fractions(stream.words(start * len(post), probability.size))
        chosen = u.reshape(probability.shape) < probability
        if own:
            chosen[np.arange(len(here)), np.arange(start, start + len(here))] = False
        counts.append(np.count_nonzero(chosen, axis=1))
        targets.append(np.nonzero(chosen)[1].astype(np.int32))
    return _listed(np.concatenate(counts), np.concatenate(targets))


def _distinct_pairs(
    count: int, n_pre: int, width: int, own: bool, generator: np.random.Generator
) -> Connected:
    """`count` pairs, none of them twice."""
    sources, targets = np.divmod(distinct(n_pre * width, count, generator), width)
    return Connected.of(sources.astype(np.int32), skipping(sources, targets, own), n_pre)


def distinct(pool: int, count: int, generator: np.random.Generator) -> Longs:
    """`count` distinct numbers below `pool`, uniform over all such sets; fast for sparse sets."""
    if count > pool // 3:
        return np.sort(generator.permutation(pool)[:count])
    chosen = np.unique(generator.integers(0, pool, count))
    while len(chosen) < count:
        chosen = np.unique(
            np.concatenate([chosen, generator.integers(0, pool, count - len(chosen))])
        )
    return chosen

"""Drawing synapses and putting them into order, in NumPy: what `wiring.cpp` does, to the bit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from thalia.connectivity.laws import NOTHING, Floats, Law, draw, fractions, law_of, logarithm
from thalia.connectivity.step_tables import StepTable
from thalia.connectivity.streams import APART, Stream, below
from thalia.syntax.given import Given
from thalia.syntax.units import Value

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
IN_BLOCK = 1 << 16  # pairs that are drawn from one part of a stream, on average
NO_STREAM = Stream((0, 0))  # where nothing is drawn


@dataclass(frozen=True)
class Steps:
    """Delays of the synapses of a pathway in steps: drawn from a table, or given."""

    table: StepTable | None
    stream: Stream
    given: Ints | None = None

    def numbers(self, count: int) -> Ints:
        """One for each synapse."""
        if self.given is not None:
            return self.given
        assert self.table is not None
        if not len(self.table.thresholds):
            return np.full(count, self.table.first, np.int32)
        return self.table.numbers(self.stream.words(0, count))


@dataclass(frozen=True)
class Numbers:
    """A variable of the synapses of a pathway: drawn by a law, or given."""

    law: Law
    stream: Stream
    given: Floats | None = None

    @classmethod
    def of(cls, value: Value, count: int, stream: Stream) -> "Numbers":
        """Numbers of a value, given by data or where they are spread evenly over the synapses."""
        if value.kind == "spread" or isinstance(value, Given):
            return cls(NOTHING, stream, draw(value, count, stream.generator()))
        return cls(law_of(value), stream)

    def numbers(self, count: int) -> Floats:
        """One for each synapse."""
        if self.given is not None:
            return self.given
        if self.law.kind == "constant":
            return np.full(count, self.law.location)
        return self.law.numbers(self.stream.words(0, count))


@dataclass(frozen=True)
class Connected:
    """Who connects to whom, as indices into the two populations.

    The synapses of source k are those from `starts[k]` to `starts[k + 1]`. Their targets are given,
    or drawn from `width` neurons, the neuron itself not being one of them if `skips_own`.
    """

    starts: Longs
    targets: Ints | None = None
    stream: Stream = NO_STREAM
    width: int = 0
    skips_own: bool = False

    @classmethod
    def of(cls, sources: Ints, targets: Ints, n_pre: int) -> "Connected":
        """The pairs of a list in the order of its sources."""
        ends = np.cumsum(np.bincount(sources, minlength=n_pre))
        return cls(np.concatenate([np.zeros(1, np.int64), ends]), targets)

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def sources(self) -> Ints:
        """The source of each synapse."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))

    def all_targets(self) -> Ints:
        """The target of each synapse."""
        if self.targets is not None:
            return self.targets
        drawn = below(self.stream.words(0, len(self)), self.width)
        return skipping(self.sources, drawn, self.skips_own)


@dataclass(frozen=True)
class Path:
    """A pathway, ready to be drawn; `number` is its own in the synapse object."""

    connected: Connected
    first_target: int
    number: int
    axonal: Steps
    dendritic: Steps
    variables: tuple[Numbers, ...]


@dataclass(frozen=True)
class Columns:
    """Where the synapses of one source population go: slices of the columns of a synapse object.

    The synapses of neuron k of the population come to `starts[k]` to `starts[k + 1]`. Where all
    delays are the same there is no column for them.
    """

    starts: Longs
    post: Ints
    axonal: NDArray[np.integer] | None
    dendritic: NDArray[np.integer] | None
    owner: NDArray[np.unsignedinteger]
    variables: tuple[Floats, ...]
    post_bits: int
    delay_bits: int


@dataclass(frozen=True)
class Pairs:
    """Each pair with one probability."""

    stream: Stream
    n_pre: int
    n_post: int
    probability: float
    skips_own: bool

    @property
    def inverse_log(self) -> float:
        """By which the logarithm of a fraction is multiplied to be a number of skipped pairs."""
        return 1 / log1p(-self.probability) if self.probability < 1 else 0.0

    def blocks(self) -> list[tuple[int, int, int, int]]:
        """Sources that are drawn together, the first word for them, and room for their pairs."""
        if self.probability <= 0 or not self.n_pre:
            return []
        mean = self.probability * self.n_post
        rows = min(self.n_pre, max(1, int(IN_BLOCK / mean)))
        ends = [*range(0, self.n_pre, rows), self.n_pre]
        room = int(rows * mean + 12 * sqrt(rows * mean)) + 64
        return [
            (first, end, number * APART, room) for number, (first, end) in enumerate(pairwise(ends))
        ]


def skipping(here: NDArray[np.integer], there: NDArray[np.integer], skips_own: bool) -> Ints:
    """Skip the neuron itself among its partners, so that it is never drawn."""
    return (there + (there >= here) if skips_own else there).astype(np.int32)


class NumpyKernels:
    """The steps of wiring that handle every synapse."""

    def histogram(self, stream: Stream, count: int, size: int) -> Longs:
        """How many of `count` words stand for each of `size` numbers."""
        total = np.zeros(size, np.int64)
        for first in range(0, count, IN_BLOCK):
            drawn = below(stream.words(first, min(IN_BLOCK, count - first)), size)
            total += np.bincount(drawn, minlength=size)
        return total

    def partners(
        self, stream: Stream, neurons: int, degree: int, width: int, skips_own: bool
    ) -> Ints:
        """`degree` partners of each neuron, drawn from `width` others with replacement."""
        here = np.repeat(np.arange(neurons, dtype=np.int32), degree)
        return skipping(here, below(stream.words(0, len(here)), width), skips_own)

    def distinct(
        self, stream: Stream, neurons: int, degree: int, width: int, skips_own: bool
    ) -> Ints:
        """The same without replacement, sorted; by Floyd's algorithm, which takes a word each."""
        block = max(1, IN_BLOCK * 64 // max(1, width))
        parts = [np.empty(0, np.int32)]
        for first in range(0, neurons, block):
            count = min(block, neurons - first)
            words = stream.words(first * degree, count * degree).reshape(count, degree)
            chosen = np.zeros((count, width), bool)
            rows = np.arange(count)
            for k in range(degree):
                last = width - degree + k
                partner = below(words[:, k], last + 1)
                chosen[rows, np.where(chosen[rows, partner], last, partner)] = True
            here, there = np.nonzero(chosen)
            parts.append(skipping(here + first, there, skips_own))
        return np.concatenate(parts)

    def pairs(self, wanted: Pairs) -> tuple[Longs, Ints]:
        """The number of targets of each source, and the targets, source by source."""
        found = list(self._blocks_of_pairs(wanted))
        counts = [np.zeros(0 if found else wanted.n_pre, np.int64), *(each for each, _ in found)]
        targets = [np.empty(0, np.int32), *(each for _, each in found)]
        return np.concatenate(counts), np.concatenate(targets)

    def _blocks_of_pairs(self, wanted: Pairs) -> Iterator[tuple[Longs, Ints]]:
        for first, end, word, _ in wanted.blocks():
            chosen = np.concatenate(list(_chosen(wanted, (end - first) * wanted.n_post, word)))
            sources, targets = np.divmod(chosen, wanted.n_post)
            if wanted.skips_own:
                keep = sources + first != targets
                sources, targets = sources[keep], targets[keep]
            yield np.bincount(sources, minlength=end - first), targets.astype(np.int32)

    def by_source(self, partners: Ints, degree: int, n_pre: int) -> tuple[Longs, Ints]:
        """Synapses that are listed target by target, source by source; as `pairs` returns them."""
        order = np.argsort(partners, kind="stable")
        return np.bincount(partners, minlength=n_pre), (order // max(1, degree)).astype(np.int32)

    def rows(self, paths: Sequence[Path], columns: Columns) -> None:
        """Draw the synapses of a source population along all its pathways, in order.

        By neuron, delay, target, pathway, and as they were drawn.
        """
        sources = np.concatenate([path.connected.sources for path in paths])
        targets = np.concatenate(
            [path.connected.all_targets() + np.int32(path.first_target) for path in paths]
        )
        counts = [len(path.connected) for path in paths]
        steps = [
            np.concatenate([s.numbers(n) for s, n in zip(side, counts, strict=True)])
            for side in ([p.axonal for p in paths], [p.dendritic for p in paths])
        ]
        order = np.lexsort((targets, steps[0], sources))
        columns.post[:] = targets[order]
        for delays, drawn in zip((columns.axonal, columns.dendritic), steps, strict=True):
            if delays is not None:
                delays[:] = drawn[order]
        columns.owner[:] = np.repeat([path.number for path in paths], counts)[order]
        for index, column in enumerate(columns.variables):
            values = [p.variables[index].numbers(n) for p, n in zip(paths, counts, strict=True)]
            column[:] = np.concatenate(values)[order]


def _chosen(wanted: Pairs, pool: int, word: int) -> Iterator[NDArray[np.int64]]:
    """The chosen numbers of pairs below `pool`, whose gaps are geometric, from a word on."""
    mean = wanted.probability * pool
    batch = int(mean + 4 * sqrt(mean)) + 64
    last = -1
    while last < pool:
        drawn = fractions(wanted.stream.words(word, batch))
        gaps = np.minimum(np.floor(logarithm(drawn) * wanted.inverse_log), pool).astype(np.int64)
        numbers = last + np.cumsum(gaps + 1)
        yield numbers[numbers < pool]
        last, word = int(numbers[-1]), word + batch

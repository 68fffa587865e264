"""Sorting synapses by (source, delay, target, pathway), in parallel and nearly in place."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.machine import available_processors

BLOCK = 1 << 18  # synapses that are packed and unpacked together, so that they fit into the cache

Ints = NDArray[np.int32]
Drawn = list[tuple[Ints, Ints, Ints]]


def in_order(
    drawn: Drawn, starts: list[int], pool: ThreadPoolExecutor
) -> tuple[Ints, Ints, Ints, NDArray[np.unsignedinteger[Any]]]:
    """Sources, delays, targets and pathways of all synapses, sorted in that order.

    Packed into one integer each if they fit, which sorts twenty times faster than rows. Pathways
    from one population, whose first neuron is in `starts`, are sorted together; `drawn` is emptied
    in the process.
    """
    small = np.min_scalar_type(max(len(drawn) - 1, 0))
    bits = [max(int(each[k].max(initial=0)) for each in drawn).bit_length() for k in range(3)]
    bits.append((len(drawn) - 1).bit_length())
    if sum(bits) > 63:
        numbers = np.repeat(np.arange(len(drawn), dtype=small), [len(pre) for pre, _, _ in drawn])
        columns = [np.concatenate(column) for column in zip(*drawn, strict=True)]
        order = np.lexsort([numbers, *columns[::-1]])
        pre, steps, post = (column[order] for column in columns)
        return pre, steps, post, numbers[order]
    sources = [
        [k for k, start in enumerate(starts) if start == source] for source in sorted({*starts})
    ]
    ends = np.cumsum([0, *(sum(len(drawn[k][0]) for k in numbers) for numbers in sources)])
    found = [np.empty(ends[-1], dtype) for dtype in (np.int32, np.int32, np.int32, small)]
    key = np.empty(ends[-1], np.int64)
    parts = [slice(start, stop) for start, stop in itertools.pairwise(ends)]
    count = available_processors()
    pieces = [piece for part in parts for piece in np.array_split(key[part], count)]
    list(pool.map(lambda numbers, part: _pack(drawn, numbers, bits, key[part]), sources, parts))
    list(pool.map(lambda piece: piece.sort(), pieces))
    list(pool.map(lambda part: key[part].sort(kind="stable"), parts))  # which merges sorted pieces
    list(pool.map(lambda part: _unpack(key[part], bits, [column[part] for column in found]), parts))
    pre, steps, post, owner = found
    return pre, steps, post, owner


def _pack(drawn: Drawn, numbers: list[int], bits: list[int], key: NDArray[np.int64]) -> None:
    """One integer per synapse: source, delay, target, pathway, in as many bits as needed."""
    start = 0
    for number in numbers:
        pre, steps, post = drawn[number]
        for first in range(0, len(pre), BLOCK):
            rows = slice(first, first + BLOCK)
            block = key[start + first : start + min(first + BLOCK, len(pre))]
            block[:] = pre[rows]
            for column, width in ((steps, bits[1]), (post, bits[2])):
                block <<= width
                block |= column[rows]
            block <<= bits[3]
            block |= number
        start += len(pre)
        drawn[number] = (
            pre[:0].copy(),
            steps[:0].copy(),
            post[:0].copy(),
        )  # views would keep their base in memory


def _unpack(key: NDArray[np.int64], bits: list[int], columns: list[NDArray[Any]]) -> None:
    """The inverse of `_pack`."""
    for first in range(0, len(key), BLOCK):
        rest = key[first : first + BLOCK].copy()
        for column, width in zip(columns[::-1], bits[::-1], strict=True):
            column[first : first + BLOCK] = rest & ((1 << width) - 1)
            rest >>= width

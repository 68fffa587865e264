"""Byte-pair encoding, and how short and how much like words any division into tokens is.

Sennrich, Haddow & Birch (2016), arXiv 1508.07909: the most frequent pair of neighbouring tokens
merges, again and again. Tokens are written as the text that they stand for.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate, pairwise
from math import log2

import numpy as np

type Pair = tuple[str, str]

UNSEEN = 0.5  # what is added to every count, as by Krichevsky & Trofimov (1981)


def with_merged(tokens: Sequence[str], pair: Pair) -> list[str]:
    """The tokens with each occurrence of a pair as one, from the left."""
    found, place = [], 0
    while place < len(tokens):
        is_pair = tuple(tokens[place : place + 2]) == pair
        found.append("".join(pair) if is_pair else tokens[place])
        place += 1 + is_pair
    return found


def encoded(text: str, merges: Iterable[Pair]) -> list[str]:
    """A text as tokens, after merges in their order."""
    tokens = list(text)
    for pair in merges:
        tokens = with_merged(tokens, pair)
    return tokens


def most_frequent(tokens: Sequence[str]) -> Pair:
    """The pair of neighbours that comes most often, of several the first."""
    counts = Counter(pairwise(tokens))
    return max(counts, key=counts.__getitem__)


def at_random(random: np.random.Generator) -> Callable[[Sequence[str]], Pair]:
    """Chooses a pair of neighbouring tokens, each kind of pair as likely as any other."""

    def choose(tokens: Sequence[str]) -> Pair:
        kinds = sorted({*pairwise(tokens)})
        return kinds[random.integers(len(kinds))]

    return choose


def learned_merges(
    text: str, count: int, choose: Callable[[Sequence[str]], Pair] = most_frequent
) -> list[Pair]:
    """So many merges, each of which is chosen after those before it."""
    tokens, found = list(text), []
    for _ in range(count):
        found.append(choose(tokens))
        tokens = with_merged(tokens, found[-1])
    return found


def code_length(learned: Sequence[Hashable], asked: Sequence[Hashable], kinds: int) -> float:
    """The bits that tokens take in all, by their frequencies among others, and one half more each.

    Parameters
    ----------
    kinds : int
        Different tokens that there can be.
    """
    counts, total = Counter(learned), len(learned) + UNSEEN * kinds
    return -sum(log2((counts[each] + UNSEEN) / total) for each in asked)


def boundaries(lengths: Iterable[int]) -> set[int]:
    """The places between tokens, by the lengths of these."""
    return {*list(accumulate(lengths))[:-1]}


def f_measure(found: set[int], wanted: set[int]) -> float:
    """The harmonic mean of the precision and the recall of boundaries."""
    return 2 * len(found & wanted) / max(1, len(found) + len(wanted))

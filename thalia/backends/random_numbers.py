"""Random numbers as functions of seed, object, step, index and draw: the same on every backend.

No backend has a generator. What an object draws depends neither on the order in which its neurons
are visited nor on what else draws, so neither threads nor another object change it, and the state
of a run has nothing of it but the key. `random_numbers.h` has the same functions for the compiled
backends: Philox (Salmon et al. 2011), inversion, Box & Muller, and transformed rejection (Hormann
1993).
"""

import re
from functools import partial
from hashlib import sha256
from math import lgamma
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
HEADER = "random_numbers.h"
SHARED_INDEX = 0xFFFFFFFF  # of what all neurons of a group share
FEW = 12  # up to as many expected events, their number is found by inversion
_CALLS = re.compile(r"\b(_rand|_randn|_poisson)\(")
_NUMBERED = re.compile(r"\b(_(?:rand|randn|poisson)\()(\d+), ")
_OF_CODE = re.compile(r"_codeobject(_\d+)?$")
# Brian2 numbers what it names itself while an earlier object of that name exists
_SEVERAL = re.compile(r"(_stateupdater|_spike_thresholder|_spike_resetter)_\d+$")
_LOW = np.uint64(0xFFFFFFFF)


def header() -> str:
    """The text of the functions in C++."""
    return (FilePath(__file__).parent / HEADER).read_text(encoding="utf-8")


def key_of(seed: int) -> int:
    """The 64 bits from which everything of a run is drawn; every bit of the seed counts."""
    return int.from_bytes(sha256(f"noise of {seed}".encode()).digest()[:8], "little")


def stream_of(name: str) -> int:
    """The number of the stream of an object of Brian2's, given the name of it or of its code."""
    name = _OF_CODE.sub("", name)
    name = _SEVERAL.sub(r"\1", name)
    return int.from_bytes(sha256(name.encode()).digest()[:4], "little")


def in_turn(lines: str | list[str]) -> str:
    """The code of an object in which spike `_turn` of a neuron in a step has draws of its own."""
    code = lines if isinstance(lines, str) else "\n".join(lines)
    count = max((int(number) + 1 for _, number in _NUMBERED.findall(code)), default=0)
    return _NUMBERED.sub(rf"\g<1>{count} * _turn + \2, ", code)


class NumberedDraws:
    """A mixin for generators of code: the draws of an object are numbered, in their order.

    A statement that Brian2 writes once for each value of a truth variable draws the same in each.
    """

    draws = 0

    def translate_statement(self, statement: Any) -> str:
        """The code of a statement, with `_rand(3, i)` where Brian2 writes `_rand(i)`."""
        code: str = super().translate_statement(statement)  # type: ignore[misc]
        first = self.draws
        count = len(re.findall(r"\b(?:rand|randn|poisson)\(", str(statement.expr)))
        self.draws += count
        found = 0

        def numbered(call: re.Match[str]) -> str:
            nonlocal found
            found += 1
            return f"{call.group()}{first + (found - 1) % count}, "

        return _CALLS.sub(numbered, code) if count else code


def random_words(
    key: int, stream: int, step: int, index: NDArray[Any], draw: NDArray[Any] | int
) -> tuple[Words, Words, Words, Words]:
    """Four words of 32 bits for each index; the integers are below 2^32, but in 64 bits."""
    c = index.astype(np.uint64)
    a, d = np.full_like(c, step & 0xFFFFFFFF), np.full_like(c, stream)
    b = np.full_like(c, (step >> 32) << 16 & 0xFFFFFFFF) ^ np.asarray(draw, np.uint64)
    first, second = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        left, right = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b = right >> np.uint64(32) ^ b ^ np.uint64(first), right & _LOW
        c, d = left >> np.uint64(32) ^ d ^ np.uint64(second), left & _LOW
        first, second = (first + 0x9E3779B9) & 0xFFFFFFFF, (second + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


def unit_interval(high: Words, low: Words) -> NDArray[np.float64]:
    """Numbers in (0, 1), in steps of 2^-52 from 2^-53 on."""
    bits = (high << np.uint64(32) | low) >> np.uint64(12) | np.uint64(0x3FF0000000000000)
    return bits.view(np.float64) - (1 - 2.0**-53)


def uniform(key: int, stream: int, step: int, index: NDArray[Any], draw: int) -> NDArray[Any]:
    """A number in (0, 1) for each index."""
    a, b, _, _ = random_words(key, stream, step, index, draw)
    return unit_interval(a, b)


def normal(key: int, stream: int, step: int, index: NDArray[Any], draw: int) -> NDArray[Any]:
    """A number of the standard normal distribution for each index."""
    a, b, c, d = random_words(key, stream, step, index, draw)
    return np.asarray(
        np.sqrt(-2 * np.log(unit_interval(a, b))) * np.cos(2 * np.pi * unit_interval(c, d))
    )


def poisson(
    mean: NDArray[Any], key: int, stream: int, step: int, index: NDArray[Any], draw: int
) -> NDArray[Any]:
    """A Poisson number for each index and its mean."""
    means = np.broadcast_to(np.asarray(mean, np.float64), index.shape)
    counts = np.zeros(index.shape, np.int32)
    few, many = (means > 0) & (means < FEW), np.flatnonzero(means >= FEW)
    counts[few] = by_inversion(means[few], uniform(key, stream, step, index[few], draw))
    for attempt in range(1 << 24):
        if not many.size:
            break
        drawn = random_words(key, stream, step, index[many], draw + (attempt << 8))
        found, is_accepted = _by_rejection(means[many], drawn)
        counts[many[is_accepted]] = found[is_accepted]
        many = many[~is_accepted]
    return counts


def by_inversion(mean: NDArray[Any], u: NDArray[Any]) -> NDArray[Any]:
    """The Poisson numbers that belong to uniform numbers."""
    chance, count = np.exp(-mean), np.zeros(mean.shape, np.int32)
    at_most = chance.copy()
    while (goes_on := (u > at_most) & ((count < mean) | (chance > 2.0**-60))).any():
        count += goes_on
        chance = np.where(goes_on, chance * (mean / np.maximum(count, 1)), chance)
        at_most += np.where(goes_on, chance, 0)
    return count


def _by_rejection(
    mean: NDArray[Any], words: tuple[Words, Words, Words, Words]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The numbers of one attempt, and whether each is accepted."""
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha, v_r = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    u, v = unit_interval(*words[:2]) - 0.5, unit_interval(*words[2:])
    near = 0.5 - np.abs(u)
    k = np.floor((2 * a / near + b) * u + mean + 0.43)
    is_inside = (near >= 0.07) & (v <= v_r)
    is_outside = (k < 0) | ((near < 0.013) & (v > near))
    chance = np.log(v * inverse_alpha / (a / near**2 + b))
    is_below = chance <= k * np.log(mean) - mean - _log_of_factorial(np.maximum(k, 0))
    return k, is_inside | (~is_outside & is_below)


def _log_of_factorial(k: NDArray[Any]) -> NDArray[Any]:
    return np.array([lgamma(each + 1) for each in k])


class Draws:
    """The functions `rand`, `randn` and `poisson` of equations that NumPy computes.

    `begin` is called before an object is run in a step; within it, calls are counted.
    """

    def __init__(self, key: int):
        self.key = key
        self.begin("", 0)

    def begin(self, name: str, step: int) -> None:
        """From now on, draw for this object."""
        self.stream, self.step = stream_of(name), step
        self.calls = 0
        self.calls_of: dict[int, int] = {}  # where Brian2 goes through synapses one by one

    def rand(self, at: Any) -> Any:
        """Uniform in (0, 1)."""
        return self._drawn(uniform, at)

    def randn(self, at: Any) -> Any:
        """Of the standard normal distribution."""
        return self._drawn(normal, at)

    def poisson(self, mean: Any, at: Any) -> Any:
        """Poisson, of these means."""
        return self._drawn(partial(poisson, mean), at)

    def _drawn(self, function: Any, at: Any) -> Any:
        if isinstance(at, int):  # in code that is run once for all
            draw, self.calls = self.calls, self.calls + 1
            index = np.array([SHARED_INDEX])
        elif np.ndim(at) == 0 and not hasattr(at, "__len__"):
            draw = self.calls_of.get(int(at), 0)
            self.calls_of[int(at)] = draw + 1
            index = np.array([at])
        else:
            draw, self.calls = self.calls, self.calls + 1
            index = np.asarray(at)
            return function(self.key, self.stream, self.step, index, draw)
        return function(self.key, self.stream, self.step, index, draw)[0]

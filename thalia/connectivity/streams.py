"""Random streams: words of 64 bits that are functions of seed, name and position.

The generator is Philox4x64-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405) with the key of
128 bits that SHA-256 makes of the whole seed and the names, in NumPy's order of words. So streams
of different names or seeds are independent, and a word can be drawn without those before it.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
APART = 2**40  # words between the beginnings of two parts of a stream that are drawn separately


@dataclass(frozen=True)
class Stream:
    """The words of one key."""

    key: tuple[int, int]

    @classmethod
    def of(cls, seed: int, *names: str) -> "Stream":
        """The stream of a name, such as that of a pathway and of what is drawn for it."""
        digest = sha256("/".join((str(seed), *names)).encode()).digest()
        return cls((int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")))

    def generator(self, block: int = 0) -> np.random.Generator:
        """NumPy's generator, that many blocks of four words after the beginning."""
        counter = np.array([block, 0, 0, 0], np.uint64)
        return np.random.Generator(
            np.random.Philox(key=np.array(self.key, np.uint64), counter=counter)
        )

    def words(self, first: int, count: int) -> Words:
        """Some of the words, from the one with the number `first`."""
        skipped = first % 4
        drawn: Words = self.generator(first // 4).bit_generator.random_raw(skipped + count)
        return drawn[skipped:]


def stream(seed: int, *names: str) -> np.random.Generator:
    """A separate random generator for each name."""
    return Stream.of(seed, *names).generator()


def below(words: Words, size: Any) -> NDArray[np.int64]:
    """Whole numbers from 0 to `size` - 1, below 2^31: (word * size) >> 64."""
    size, half = np.asarray(size, np.uint64), np.uint64(32)
    low = (words & np.uint64(0xFFFFFFFF)) * size
    found: NDArray[np.int64] = (((words >> half) * size + (low >> half)) >> half).astype(np.int64)
    return found

"""Vectors and texts → sparse codes: which cells of a population are driven most."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from thalia.connectivity.streams import stream
from thalia.errors import fail

type Floats = NDArray[np.float64]
type Cells = NDArray[np.int64]
type Encode = Callable[[object], object]  # what a user gives: anything → a vector

FEATURES = 4096  # numbers of the vector of a text
LETTERS = 3  # of an n-gram
FEWEST_INPUTS, SHARE = 8, 0.1  # numbers of a vector that a cell sees, at least, and of all
LONGEST = 100_000  # characters of a text
MOST = 100_000  # items of a recall, and replays of a sleep
MOST_NUMBERS = 20_000  # of a vector
LARGEST = 1e100  # number in it
LEAST = 1e-9  # part of a vector that counts as something left of it
LOOKS = (8, 16, 32, 64)  # numbers of vectors after which what they share is estimated


@dataclass(frozen=True)
class Encoder:
    """A sparse random projection: a cell sees a tenth of the numbers of a vector, weighted.

    Weights have random directions, as sparse as those from projection neurons to Kenyon cells of
    the fly, whose codes keep what is similar similar (Dasgupta, Stevens & Navlakha 2017,
    doi:10.1126/science.aam9868).

    Parameters
    ----------
    dimension : int
        Numbers of a vector.
    cells, active : int
        Cells of the code, and how many of them are active: those that are driven most.
    mean : (dimension,) array
        What vectors share, which is subtracted from each: their mean, after each of `LOOKS`.
    total : (dimension,) array
        The sum of the first `seen`.
    """

    dimension: int
    cells: int
    active: int
    seed: int
    mean: Floats
    total: Floats
    seen: int = 0

    @classmethod
    def new(cls, dimension: int, cells: int, active: int, seed: int) -> "Encoder":
        """One that has seen no vectors."""
        return cls(dimension, cells, active, seed, np.zeros(dimension), np.zeros(dimension))

    @cached_property
    def _projection(self) -> tuple[Cells, Floats]:
        """The numbers that each cell sees, and their weights, (cells, inputs)."""
        random = stream(self.seed, "encoder")
        inputs = min(self.dimension, max(FEWEST_INPUTS, round(SHARE * self.dimension)))
        seen = np.array([random.permutation(self.dimension)[:inputs] for _ in range(self.cells)])
        weights = random.standard_normal(seen.shape)
        return seen, weights / np.linalg.norm(weights, axis=1, keepdims=True)

    def code(self, vector: Floats) -> Cells:
        """The active cells, in order of their number.

        Raises
        ------
        CircuitError
            If the vector is zero everywhere.
        """
        if not np.any(vector):
            raise fail("the vector says nothing: it is zero everywhere")
        centred = vector - self.mean
        if np.abs(centred).max() < LEAST * np.abs(vector).max():
            centred = vector  # it is the mean itself, and what it shares is all that it has
        seen, weights = self._projection
        drive = np.einsum("ij,ij->i", (centred / np.abs(centred).max())[seen], weights)
        return np.sort(np.argsort(-drive, kind="stable")[: self.active])

    def after(self, vector: Floats) -> "Encoder":
        """The encoder after one more vector was stored."""
        if self.seen >= LOOKS[-1]:
            return self
        total, seen = self.total + vector, self.seen + 1
        mean = total / seen if seen in LOOKS else self.mean
        made = replace(self, mean=mean, total=total, seen=seen)
        made.__dict__["_projection"] = self._projection  # which does not depend on these
        return made


def is_whole(value: object) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number.

    Raises
    ------
    CircuitError
        If it is something else, below `least`, or unreasonably large.
    """
    if not (is_whole(value) and least <= value <= MOST):  # type: ignore[operator]
        raise fail(f"{name}: expected a whole number from {least} to {MOST:,}, found {value!r}")


def checked_vector(given: object, dimension: int | None) -> Floats:
    """A vector of finite numbers; of any length where `dimension` is not known yet.

    Raises
    ------
    CircuitError
        If it is something else.
    """
    wanted = f"a vector of {dimension:,} numbers" if dimension else "a vector of numbers"
    try:
        raw = np.asarray(given)
        if raw.dtype.kind not in "biuf":
            raise TypeError
        vector = raw.astype(np.float64)
    except (TypeError, ValueError):
        raise fail(f"expected {wanted}, found {type(given).__name__}") from None
    if vector.ndim != 1 or (dimension and len(vector) != dimension):
        raise fail(f"expected {wanted}, found one of the shape {vector.shape}")
    if not 1 < len(vector) <= MOST_NUMBERS:
        raise fail(f"expected 2 to {MOST_NUMBERS:,} numbers, found {len(vector):,}")
    if bad := np.flatnonzero(~np.isfinite(vector)).tolist():
        raise fail(f"expected finite numbers, found {vector[bad[0]]} at place {bad[0]}")
    if (largest := np.abs(vector).max()) > LARGEST:
        raise fail(f"expected numbers up to {LARGEST:g}, found {largest:g}", "scale the vectors")
    return vector


def checked_text(text: object) -> str:
    """A text that has letters, and is not too long.

    Raises
    ------
    CircuitError
        If it is none, empty, or longer.
    """
    if not isinstance(text, str):
        raise fail(f"expected a text, found {type(text).__name__}")
    if len(text) > LONGEST:
        raise fail(
            f"the text has {len(text):,} characters, expected at most {LONGEST:,}",
            "store its parts as items of their own",
        )
    if not text.strip():
        raise fail("the text is empty")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise fail("the text has characters that are no text", "decode it as UTF-8") from None
    return text


def text_vector(text: str) -> Floats:
    """The bag of the n-grams of a text, (FEATURES,): roots of their numbers, at places by hash."""
    padded = f" {' '.join(text.lower().split())} "
    grams, numbers = np.unique(
        [padded[k : k + LETTERS] for k in range(len(padded) - LETTERS + 1)], return_counts=True
    )
    vector = np.zeros(FEATURES)
    for gram, number in zip(grams.tolist(), numbers.tolist(), strict=True):
        digest = blake2b(gram.encode("utf-8"), digest_size=4).digest()
        vector[int.from_bytes(digest, "little") % FEATURES] += np.sqrt(number)
    return vector

"""Random words: their streams are independent, use the whole seed, and can be drawn from anywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from thalia.connectivity.streams import Stream, below, stream

WORDS = 1 << 16


def significance(observed, expected):
    """The probability of a chi-square as large as this one."""
    return chi2.sf(((observed - expected) ** 2 / expected).sum(), observed.size - 1)


@given(st.integers(0, 2**256), st.integers(0, 50), st.integers(0, 50))
def test_a_word_does_not_depend_on_where_drawing_begins(seed, first, count):
    words = Stream.of(seed, "p", "weight")

    assert np.array_equal(words.words(first, count), words.words(0, 200)[first : first + count])


@pytest.mark.parametrize("bit", [0, 1, 31, 32, 63, 64, 127, 200])
def test_every_bit_of_the_seed_changes_every_stream(bit):
    keys = {Stream.of(seed, "p").key for seed in (0, 1 << bit, 5, 5 ^ (1 << bit))}

    assert len(keys) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [((1, "p", "w"), (2, "p", "w")), ((1, "p", "w"), (1, "q", "w")), ((1, "p", "w"), (1, "p", "axonal")),
     ((1, "p", "w"), (1 + 2**64, "p", "w"))],
)  # fmt: skip
def test_streams_of_other_seeds_and_names_are_independent(one, other):
    """Pairs of digits of the two, in a table of 16 x 16: uniform, so neither depends on the other."""
    digits = [below(Stream.of(*names).words(0, WORDS), 16) for names in (one, other)]
    table = np.bincount(digits[0] * 16 + digits[1], minlength=256)

    assert significance(table, WORDS / 256) > 1e-4


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**31 - 1))
def test_numbers_below_a_size_are_the_upper_bits_of_the_product(word, size):
    assert below(np.array([word], np.uint64), size) == [(word * size) >> 64]


def test_the_generator_of_a_name_draws_the_words_of_its_stream():
    drawn = stream(7, "p", "weight").bit_generator.random_raw(10)

    assert np.array_equal(drawn, Stream.of(7, "p", "weight").words(0, 10))

"""Sparse codes of vectors and texts: similar ones share cells, and what all share is removed."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.memory.encoder import FEATURES, Encoder, checked_text, text_vector


def codes_of(vectors, seed=1):
    """The codes of vectors by an encoder that has seen them all."""
    encoder = Encoder.new(vectors.shape[1], 1000, 40, seed)
    for vector in vectors:
        encoder = encoder.after(vector)
    return [set(encoder.code(vector).tolist()) for vector in vectors]


def test_a_code_has_as_many_cells_as_asked_for_whatever_the_scale():
    vector = np.random.default_rng(0).standard_normal(30)
    encoder = Encoder.new(30, 1000, 40, 1)

    assert len({*encoder.code(vector).tolist()}) == 40
    assert np.array_equal(encoder.code(vector), encoder.code(1e-90 * vector))


def test_what_all_vectors_share_is_removed():
    """Codes of unrelated vectors share 40 x 40 / 1000 cells by chance, also if they point the same way."""
    random = np.random.default_rng(3)
    codes = codes_of(random.standard_normal((64, 100)) + 10 * random.standard_normal(100))

    shared = np.mean([len(a & b) for k, a in enumerate(codes) for b in codes[:k]])
    assert shared == pytest.approx(40 * 40 / 1000, abs=0.4)


def test_the_code_of_a_similar_vector_is_similar():
    random = np.random.default_rng(4)
    encoder = Encoder.new(100, 1000, 40, 1)
    vector, other = random.standard_normal((2, 100))
    shared = [
        len({*encoder.code(vector).tolist()} & {*encoder.code(vector + noise * other).tolist()})
        for noise in (0.0, 0.3, 0.6, 1.0, 30.0)
    ]

    assert shared == sorted(shared, reverse=True)
    assert (shared[0], shared[-1]) == (40, pytest.approx(1.6, abs=6))
    assert shared[1] > 25


def test_what_is_shared_is_estimated_a_few_times_and_then_stays():
    vectors = np.random.default_rng(5).standard_normal((70, 20)) + 1
    encoder, changes = Encoder.new(20, 100, 4, 1), []
    for number, vector in enumerate(vectors, 1):
        later = encoder.after(vector)
        changes += [number] if not np.array_equal(later.mean, encoder.mean) else []
        encoder = later

    assert changes == [8, 16, 32, 64]
    assert encoder.mean == pytest.approx(vectors[:64].mean(axis=0))


def test_a_vector_that_is_the_mean_has_a_code():
    encoder = Encoder.new(20, 100, 4, 1)
    for _ in range(8):
        encoder = encoder.after(np.ones(20))

    assert len(encoder.code(np.ones(20))) == 4


def test_a_text_is_the_bag_of_its_trigrams():
    """' a b ' has three of them, each once; case and spaces do not count."""
    found = text_vector("A  b\n")

    assert found.shape == (FEATURES,)
    assert sorted(found[found > 0].tolist()) == [1, 1, 1]
    assert np.array_equal(found, text_vector("a b"))
    assert text_vector("aaaa").max() == pytest.approx(np.sqrt(2))  # of ' aa', 'aaa' twice, 'aa '


@pytest.mark.parametrize(("text", "message"), [
    ("", "the text is empty"),
    (" \n\t", "the text is empty"),
    ("x" * 1_000_000, "the text has 1,000,000 characters, expected at most 100,000"),
    (3, "expected a text, found int"),
    ("\udc80", "characters that are no text"),
])  # fmt: skip
def test_what_is_no_text_is_told(text, message):
    with pytest.raises(CircuitError, match=message):
        checked_text(text)

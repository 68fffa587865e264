"""Random numbers from words: the elementary functions, the distributions, and the same bits from compiled code."""

import ctypes
from dataclasses import replace
from math import erfc, exp, inf, log, nextafter, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from thalia.connectivity import compiled, laws
from thalia.connectivity.laws import (
    LARGEST,
    draw,
    exponential,
    fractions,
    law_of,
    logarithm,
    normal_quantile,
)
from thalia.connectivity.step_tables import delay_steps, step_table
from thalia.connectivity.streams import Stream, stream
from thalia.syntax.distributions import probability
from thalia.syntax.units import parse_value
from thalia.toolchain.compiler import find_compiler, library

TEXTS = [
    "normal(10 mV, 2 mV)", "normal(10 mV, 2 mV, min=9 mV)", "normal(0 mV, 1 mV, min=2 mV)", "normal(0 mV, 1 mV, max=-2 mV)",
    "normal(0 mV, 1 mV, min=-1 mV, max=0.5 mV)", "lognormal(10 mV, 4 mV)", "lognormal(10 mV, 30 mV, max=20 mV)",
    "lognormal(1 mV, 1 mV, min=2 mV)", "uniform(-4 mV, 16 mV)", "uniform(4 mV, 16 mV, min=5 mV, max=6 mV)",
]  # fmt: skip
EXTREMES = np.array([0, 1, 2**12 - 1, 2**12, 2**63, 2**64 - 2**12, 2**64 - 1], np.uint64)


@given(st.floats(2.0**-1000, 2.0**1000))
def test_the_logarithm_is_within_one_last_place(x):
    found, exact = logarithm(np.array([x]))[0], log(x)

    assert nextafter(exact, -inf) <= found <= nextafter(exact, inf)


@given(st.floats(-700, 700))
def test_the_exponential_is_within_two_last_places(x):
    assert exponential(np.array([x]))[0] == pytest.approx(exp(x), rel=4.5e-16)


@given(st.floats(2.0**-53, 0.5))
@settings(max_examples=300)
def test_the_normal_quantile_is_the_inverse_of_the_distribution(p):
    """In both halves, as Phi(-z) = erfc(z/sqrt(2))/2 has no cancellation."""
    below, above = normal_quantile(np.array([p, 1 - p]))

    assert erfc(-below / sqrt(2)) / 2 == pytest.approx(p, rel=1e-13)
    assert above == pytest.approx(-below, rel=1e-15 / p)


def test_fractions_are_the_middles_of_equal_parts_and_never_0_or_1():
    found = fractions(EXTREMES)

    assert found[0] == found[1] == found[2] == 2.0**-53
    assert found[3] == 3 * 2.0**-53
    assert found[4] == 0.5 + 2.0**-53
    assert found[-1] == LARGEST


@pytest.mark.parametrize("text", TEXTS)
def test_numbers_are_distributed_as_their_text_says(text):
    """Kolmogorov and Smirnov against the closed form of the truncated distribution."""
    value = parse_value(text)
    low, high = value.bounds
    inside = probability(value.kind, value.arguments, low, high)

    samples = draw(value, 50_000, stream(1, text))

    def distribution(x):
        return (
            np.array([probability(value.kind, value.arguments, low, min(each, high)) for each in x])
            / inside
        )

    assert kstest(samples, distribution).pvalue > 1e-3
    assert low <= samples.min()
    assert samples.max() <= high


@pytest.mark.parametrize("text", [text for text in TEXTS if "uniform" not in text])
def test_what_is_between_the_bounds_is_drawn_as_without_them(text):
    """Numbers outside are drawn again, and no other changes."""
    bounded, words = parse_value(text), Stream.of(1, text).words(0, 1000)
    free = replace(bounded, low=None, high=None)
    low, high = bounded.bounds

    found, plain = law_of(bounded).numbers(words), law_of(free).numbers(words)

    inside = (plain >= low) & (plain <= high)
    assert np.array_equal(found[inside], plain[inside])
    assert ((found >= low) & (found <= high)).all()


@pytest.mark.parametrize("text", TEXTS)
def test_quantiles_are_distributed_as_their_text_says(text):
    value = parse_value(text)
    low, high = value.bounds
    inside = probability(value.kind, value.arguments, low, high)

    samples = law_of(value).quantiles(Stream.of(1, text).words(0, 50_000))

    def distribution(x):
        return (
            np.array([probability(value.kind, value.arguments, low, min(each, high)) for each in x])
            / inside
        )

    assert kstest(samples, distribution).pvalue > 1e-3


@pytest.mark.parametrize("text", TEXTS)
def test_a_larger_word_is_no_smaller_number(text):
    words = np.sort(Stream.of(1, text).words(0, 50_000))

    assert (np.diff(law_of(parse_value(text)).quantiles(words)) >= 0).all()


@pytest.mark.parametrize(
    "text",
    [
        "normal(1.5 ms, 0.75 ms, min=0.1 ms)",
        "uniform(0.5 ms, 3 ms)",
        "lognormal(2 ms, 1 ms)",
        "1.26 ms",
        "0 ms",
    ],
)
def test_a_table_of_delays_gives_the_steps_of_each_delay(text):
    delay, words = (
        parse_value(text),
        np.concatenate([EXTREMES, Stream.of(1, text).words(0, 20_000)]),
    )

    table = step_table(delay, 1e-4, "delay")

    expected = (
        delay_steps(law_of(delay).quantiles(words), 1e-4, "delay")
        if text != "0 ms"
        else np.zeros(len(words))
    )
    assert np.array_equal(table.numbers(words), expected)
    assert table.numbers(words).max() == table.most


HARNESS = """
#include "wiring.cpp"
extern "C" void numbers(const Law *law, const uint64_t *words, int64_t count, double *out) {
    numbers_of(*law, words, count, out);
}
extern "C" void quantiles(const double *p, int64_t count, double *out) {
    for (int64_t k = 0; k < count; k++) out[k] = tail_quantile(p[k], p[k] - 0.5);
}
"""


@pytest.fixture(scope="module")
def compiled_numbers():
    """The functions of the compiled library that it does not offer by name."""
    if find_compiler() is None:
        pytest.skip("no C++ compiler")
    texts = {"harness.cpp": HARNESS, "coefficients.h": compiled._coefficients()}
    header = {"wiring.cpp.h": compiled.SOURCE.read_text()}
    texts["harness.cpp"] = HARNESS.replace("wiring.cpp", "wiring.cpp.h")
    file, hold = library("wiring-harness", {**texts, **header})
    return ctypes.CDLL(str(file)), hold


@pytest.mark.parametrize("text", TEXTS)
def test_compiled_code_computes_the_same_bits(text, compiled_numbers):
    functions, _ = compiled_numbers
    law, words = (
        law_of(parse_value(text)),
        np.concatenate([EXTREMES, Stream.of(2, text).words(0, 20_000)]),
    )
    numbers = compiled._Numbers(None, compiled._key(Stream((0, 0))), *compiled._law(law))
    out = np.empty(len(words))

    place = ctypes.addressof(numbers) + compiled._Numbers.kind.offset
    functions.numbers(
        ctypes.c_void_p(place), compiled._at(words), ctypes.c_int64(len(words)), compiled._at(out)
    )

    assert np.array_equal(out.view("u8"), law.numbers(words).view("u8"))


def test_compiled_code_computes_the_same_far_tails(compiled_numbers):
    functions, _ = compiled_numbers
    p = 2.0 ** -np.linspace(4, 53, 1000)
    out = np.empty(len(p))

    functions.quantiles(compiled._at(p), ctypes.c_int64(len(p)), compiled._at(out))

    assert np.array_equal(out.view("u8"), normal_quantile(p).view("u8"))


def test_large_arrays_are_computed_in_blocks_and_come_out_the_same(monkeypatch):
    words, law = Stream.of(3, "x").words(0, 1000), law_of(parse_value(TEXTS[0]))
    whole = law.numbers(words)

    monkeypatch.setattr(laws, "BLOCK", 7)

    assert np.array_equal(law.numbers(words), whole)

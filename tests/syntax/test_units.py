"""Quantities and distributions are read as they are said, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia.syntax.units import (
    UNITS,
    Value,
    ValueSyntaxError,
    constant,
    format_value,
    parse_unit,
    parse_value,
)

FINITE = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-12)
SHOWN_UNITS = [
    "ms",
    "s",
    "mV",
    "pA",
    "nA",
    "nS",
    "pF",
    "Hz",
    "kHz",
    "um",
    "mM",
    "Mohm",
    "nS/ms",
    "1/ms",
    "mV^2",
]


@pytest.mark.parametrize(
    ("text", "number"),
    [("20 ms", 0.02), ("-65 mV", -0.065), ("1.5e2 pA", 1.5e-10), ("3Hz", 3), ("0.7 nS/mV", 7e-7), ("0.03 1/ms", 30),
     ("1 mM", 1.0), ("4 mV^2", 4e-6), (".5", 0.5), ("250 um", 2.5e-4)],
)  # fmt: skip
def test_a_quantity_is_its_number_in_si(text, number):
    assert parse_value(text).mean == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("20 mz", "'mz' is not a unit; known: Hz,"),
        ("ms", "expected a number with a unit, such as '20 ms', found 'ms'"),
        ("twenty", "expected a number with a unit, such as '20 ms', found 'twenty'"),
        ("nomal(1 nS, 2 nS)", "'nomal' is not a distribution; did you mean 'normal'?"),
        (
            "normal(1 nS)",
            "expected normal(mean, sd, min=…, max=…), found 1 positional arguments in 'normal(1 nS)'",
        ),
        ("normal(1 nS, 2 mV)", "'normal(1 nS, 2 mV)' mixes a conductance with a voltage"),
        ("normal(1 nS, -2 nS)", "'normal(1 nS, -2 nS)' has a negative standard deviation"),
        (
            "spread(1 nS, 2 nS, min=0 nS)",
            "'spread(1 nS, 2 nS, min=0 nS)' is not random, and takes no min or max",
        ),
        ("uniform(2 nS, 1 nS)", "'uniform(2 nS, 1 nS)' has a lower bound above its upper bound"),
        ("lognormal(0 nS, 1 nS)", "'lognormal(0 nS, 1 nS)' has a mean that is not positive"),
        (
            "normal(1 nS, 1 nS, min=9 nS)",
            "leaves 6.22e-14 % of the distribution between min and max; expected at least 1 %",
        ),
        (
            "normal(1 nS, 1 nS, low=0 nS)",
            "'low' is not an argument; expected normal(mean, sd, min=…, max=…)",
        ),
        (True, "expected a number with a unit, such as '20 ms', found True"),
        ([1], "expected a number with a unit, such as '20 ms', found a list"),
        (float("nan"), "expected a finite number, found nan"),
        ("1e999 ms", "expected a finite number, found '1e999 ms'"),
        ("__import__('os')", "'__import__' is not a distribution"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(raw, message):
    with pytest.raises(ValueSyntaxError) as caught:
        parse_value(raw)

    assert message in str(caught.value)


@given(FINITE, st.sampled_from(SHOWN_UNITS))
def test_a_value_made_in_python_survives_being_written(number, unit):
    value = constant(number, parse_unit(unit)[1])

    assert parse_value(format_value(value)) == value


@given(
    FINITE,
    st.floats(0, 1e6),
    st.sampled_from(SHOWN_UNITS),
    st.sampled_from(["normal", "uniform", "spread"]),
)
def test_a_distribution_survives_being_written(first, spread, unit, kind):
    second = spread if kind == "normal" else first + spread
    value = Value(kind, (first, second), parse_unit(unit)[1])

    assert parse_value(format_value(value)) == value


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        parse_value(text)
    except ValueSyntaxError as error:
        assert str(error)


def test_units_mean_what_they_mean():
    """ohm x farad = s, S x V = A, M = 1000 mol/m3, from the definitions of the SI."""
    assert parse_unit("ohm*F")[1] == UNITS["s"][1]
    assert parse_unit("S*V")[1] == UNITS["A"][1]
    assert parse_unit("mM")[0] == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 \u00b5V", "5 uV"),  # the micro sign, which keyboards have
        ("5 \u03bcV", "5 uV"),  # the Greek letter, which papers have
        ("2 M\u2126", "2 Mohm"),  # the ohm sign
        ("2 M\u03a9", "2 Mohm"),  # the Greek letter
        ("1 \u03bc\u03a9*\u03bcm2", "1 uohm*um2"),
        ("\u221265 mV", "-65 mV"),  # the minus sign
        ("3 mV*ms^\u22121", "3 mV*ms^-1"),
        ("normal(5 \u03bcV, 1 \u00b5V, min=\u22121 \u03bcV)", "normal(5 uV, 1 uV, min=-1 uV)"),
    ],
)
def test_units_are_read_in_greek_letters(text, expected):
    assert parse_value(text) == parse_value(expected)


def test_a_greek_letter_that_is_no_unit_is_refused_as_written():
    with pytest.raises(ValueSyntaxError, match=r"^'\u03b1V' is not a unit$"):
        parse_value("5 \u03b1V")

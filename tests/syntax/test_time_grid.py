"""Times become the nearest number of steps, half up, as decimal arithmetic rounds them."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia.errors import CircuitError
from thalia.syntax.time_grid import all_in_steps, interval_steps, rounding, steps_of
from thalia.syntax.units import parse_value


def seconds(text):
    return parse_value(text).mean


def in_decimals(time, dt):
    return int((time / dt).quantize(Decimal(1), ROUND_HALF_UP))


@given(
    st.integers(0, 10**9).map(lambda number: Decimal(number) / 1000),
    st.sampled_from(["0.01", "0.025", "0.05", "0.1", "0.2", "0.25", "0.5", "1", "3"]).map(Decimal),
)
def test_a_time_in_milliseconds_is_rounded_as_decimals_are(time, dt):
    time_s, dt_s = seconds(f"{time} ms"), seconds(f"{dt} ms")

    assert steps_of(time_s, dt_s) == in_decimals(time, dt)
    assert all_in_steps(np.array([time_s]), dt_s, "") == in_decimals(time, dt)


@pytest.mark.parametrize(
    ("time", "steps"), [("0.04 ms", 0), ("0.05 ms", 1), ("0.25 ms", 3), ("2.25 ms", 23), ("9.96 ms", 100)]
)  # fmt: skip
def test_the_middle_of_two_steps_is_the_higher_one(time, steps):
    assert steps_of(seconds(time), 1e-4) == steps


def test_an_interval_is_at_least_a_step():
    assert interval_steps(seconds("0.01 ms"), 1e-4) == 1


@pytest.mark.parametrize(
    ("time", "told"),
    [("0.3 ms", ""), ("0.25 ms", "0.25 ms becomes 0.3 ms, a multiple of dt"), ("100 hour", "")],
)
def test_a_rounding_is_told_where_it_changes_a_time(time, told):
    assert rounding(seconds(time), 1e-4) == told


def test_more_steps_than_double_precision_counts_are_refused():
    with pytest.raises(CircuitError, match="more steps"):
        steps_of(1e15, 1e-4)


def test_steps_that_do_not_fit_32_bits_are_refused():
    """2^31 - 1 steps of 0.1 ms are 214748.3647 s."""
    assert all_in_steps(np.array([214748.3647]), 1e-4, "delay") == 2**31 - 1
    with pytest.raises(CircuitError, match=r"delay: expected at most 2\^31 - 1 steps"):
        all_in_steps(np.array([0.1, 214748.3648]), 1e-4, "delay")

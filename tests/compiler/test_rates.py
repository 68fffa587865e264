"""Rates that a source cannot have are refused, before a run and by a task; high ones are told of."""

from math import exp, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalia
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError
from thalia.syntax.equations import EquationError
from thalia.syntax.sampling import sampled


def notes_of(rate: str, neuron: str = "poisson", dt: str = "0.1 ms") -> tuple[str, ...]:
    circuit = thalia.Circuit(
        name="x", duration="100 ms", dt=dt,
        populations={"p": {"neuron": neuron, "size": 2, "parameters": {"rate": rate}}},
    )  # fmt: skip
    return plan_of(circuit).notes


@given(chance=st.floats(0.101, 1))
def test_the_cv_that_is_told_is_that_of_trials_with_this_chance(chance):
    (note,) = notes_of(f"{chance * 1e4!r} Hz")

    assert f"a CV of {sqrt(1 - chance):.2f} instead of 1" in note


@pytest.mark.parametrize(("neuron", "rate"), [("poisson", "1 kHz"), ("regular", "10 kHz")])
def test_nothing_is_told_of_a_source_that_does_as_it_is_told(neuron, rate):
    assert notes_of(rate, neuron) == ()


@pytest.mark.parametrize("neuron", ["poisson", "regular"])
@pytest.mark.parametrize("dt_ms", [0.05, 0.1, 1])
def test_a_source_that_would_fire_more_than_once_in_a_step_is_refused(neuron, dt_ms):
    assert notes_of(f"{0.999 / dt_ms} kHz", "regular", f"{dt_ms} ms") == ()
    with pytest.raises(CircuitError, match="fires at most once in a step"):
        notes_of(f"{1.001 / dt_ms} kHz", neuron, f"{dt_ms} ms")


@pytest.mark.parametrize(("peak", "is_refused"), [("20 kHz", True), ("0.9 kHz", False)])
def test_a_rate_that_is_highest_between_the_ends_of_a_parameter_is_found(peak, is_refused):
    parameters = {"preferred": "spread(0, 1)", "value": 0.5, "peak": peak}
    circuit = thalia.Circuit(
        name="x", duration="100 ms",
        populations={"p": {"neuron": "tuned", "size": 50, "parameters": parameters}},
    )  # fmt: skip
    try:
        told = str(plan_of(circuit).notes)
    except CircuitError as error:
        told = str(error)

    assert ("would fire at 20000 Hz" in told) == is_refused


@given(a=st.floats(-5, 5), t=st.floats(0, 10))
def test_expressions_are_sampled_as_they_are_defined(a, t):
    text = "a*(1 + wave) + clip(a, -1, 1)*int(t % 3 >= 1) + abs(a)**2*exp(-t*Hz)"

    found = sampled(text, {"a": a, "t": np.array([t, t])}, {"wave": "sin(2*pi*t)"})

    expected = a * (1 + sin(2 * pi * t)) + max(-1, min(1, a)) * (t % 3 >= 1) + a * a * exp(-t)
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", ["rand()", "v + 1", "loop", "poisson(3)"])
def test_what_only_the_simulation_knows_is_not_sampled(text):
    with pytest.raises(EquationError, match="is not known before the simulation"):
        sampled(text, {}, {"loop": "loop + 1"})

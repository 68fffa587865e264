"""Numbers from Python have a unit: text, quantities of Brian2, values times arrays; else they are refused."""

import brian2
import numpy as np
import pytest
from brian2 import Hz, kelvin, mV, nS, second
from hypothesis import given
from hypothesis import strategies as st

import thalia
from thalia.errors import CircuitError
from thalia.syntax.quantities import in_si
from thalia.syntax.units import DIMENSIONLESS, UNITS, ValueSyntaxError, constant, parse_value

VOLTAGE, RATE = UNITS["V"][1], UNITS["Hz"][1]


@pytest.mark.parametrize(
    ("raw", "dimension", "expected"),
    [
        ("-62 mV", VOLTAGE, -0.062),
        (-62 * mV, VOLTAGE, -0.062),
        ([1, 2] * mV, VOLTAGE, [0.001, 0.002]),
        (["1 mV", "0.002 V"], VOLTAGE, [0.001, 0.002]),
        (np.array([1.0, 3.0]) * parse_value("20 Hz"), RATE, [20.0, 60.0]),
        (parse_value("20 Hz") * 0.5, RATE, 10.0),
        (0.5, DIMENSIONLESS, 0.5),
        (np.arange(3), DIMENSIONLESS, [0, 1, 2]),
        (np.float32(0.5), DIMENSIONLESS, 0.5),
        (3 * mV / mV, DIMENSIONLESS, 3.0),
    ],
)
def test_quantities_are_read_in_si(raw, dimension, expected):
    assert in_si(raw, dimension) == pytest.approx(np.array(expected), rel=1e-15)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (-62, "expected a voltage, such as '20 mV', found -62 without a unit"),
        ([1.0, 2.0], "expected a voltage, such as '20 mV', found 2 numbers without a unit"),
        (0, "found 0 without a unit"),
        ("-62", "expected a voltage, found -62, which has no unit"),
        (20 * Hz, "expected a voltage, found a rate"),
        (constant(20, RATE), "expected a voltage, found 20 Hz"),
        (np.ones(2) * constant(20, RATE), "expected a voltage, found a rate"),
        (float("nan") * mV, "expected finite numbers, found nan"),
        ("normal(1 mV, 1 mV)", "expected one number, found the distribution"),
        ([[1.0], [1.0, 2.0]], "expected a voltage, found"),
        (None, "expected a voltage, found None"),
        (3 * kelvin, "has no place in a circuit"),
        (lambda: 3, "expected a voltage, found <function"),
    ],
)
def test_what_is_no_quantity_of_the_dimension_is_told(raw, message):
    with pytest.raises(ValueSyntaxError) as error:
        in_si(raw, VOLTAGE)

    assert message in str(error.value)


@given(number=st.floats(-1e6, 1e6), unit=st.sampled_from(["mV", "nS", "pA", "Mohm", "ms", "kHz"]))
def test_a_quantity_of_brian2_is_read_as_the_same_text(number, unit):
    quantity = number * getattr(brian2, unit)

    found, expected = parse_value(quantity), parse_value(f"{number!r} {unit}")

    assert found.dimension == expected.dimension
    assert found.mean == pytest.approx(expected.mean, rel=1e-15)


def test_a_circuit_in_python_takes_quantities_of_brian2():
    population = {"neuron": "lif_current", "size": np.int64(2), "parameters": {"e_l": -62 * mV}}
    circuit = thalia.Circuit(name="x", duration=1 * second, populations={"p": population})

    assert circuit.populations["p"].parameters["e_l"] == parse_value("-62 mV")
    assert thalia.loads(thalia.dumps(circuit)) == circuit


def test_a_bare_number_for_a_quantity_is_refused_wherever_it_is_set():
    text = "thalia: 1\nname: x\nduration: 1 s\npopulations: {p: {neuron: lif_current, size: 2, parameters: {e_l: -70 mV}}}\n"
    given = {"populations.p.parameters.e_l": -62}

    with pytest.raises(CircuitError, match="found -62, which has no unit"):
        thalia.plan_of(thalia.loads(text, set=given))
    assert thalia.plan_of(thalia.loads(text, set={"populations.p.parameters.e_l": -62 * mV}))


def test_an_axis_takes_numbers_and_quantities():
    assert thalia.Axis("x", (1 * nS, "2 nS", 0.5)).values == ("1 nS", "2 nS", "0.5")
    with pytest.raises(CircuitError, match="--vary x: expected a number"):
        thalia.Axis("x", (None,))

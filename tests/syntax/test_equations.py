"""Model text is read, its dimensions are checked, and its linear parts are recognised."""

import pytest

from thalia.syntax.dimensions import check_equation, check_statement, dimension_of
from thalia.syntax.equations import (
    EquationError,
    degree,
    evaluate,
    is_linear_decay,
    parse_equations,
    parse_statements,
    powers_resolved,
    rename,
    written_out,
)
from thalia.syntax.units import UNITS

V, S, A, F = (UNITS[unit][1] for unit in ("V", "s", "A", "F"))
NAMES = {"v": V, "tau": S, "i": A, "c": F, "x": (0, 0, 0, 0, 0)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dv/dt = -v/tau", "does not end with a unit"),
        ("dv/dt = -v/tau : mz", "'mz' is not a unit"),
        ("dv/dt = -v/ : volt", "'-v/' is not a valid expression"),
        ("v + w : volt", "is not an equation"),
        ("dv/dt = __import__('os') : volt", "'__import__' is not a known function"),
        ("dv/dt = (lambda: 1)() : volt", "is not a known function"),
        ("dv/dt = v.real/tau : volt", "'v.real' is not allowed in an equation"),
        ("dv/dt = -v : volt", "expected a voltage per time, but the right-hand side is a voltage"),
        (
            "dv/dt = (v + i)/tau : volt",
            "'v' (voltage) and 'i' (current) have different dimensions",
        ),
        ("dv/dt = -w/tau : volt", "'w' is not defined here"),
        ("dv/dt = exp(v)*v/tau : volt", "'v' should be dimensionless, but is a voltage"),
    ],
)
def test_a_wrong_equation_says_why(text, message):
    with pytest.raises(EquationError) as caught:
        [check_equation(equation, NAMES) for equation in parse_equations(text)]

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["dv/dt = -v/tau + i/c : volt (unless refractory)", "dx/dt = -x/tau : 1", "y = clip(v, 0*mV, 5*mV)*int(v > 2*mV) : mV",
     "z = sqrt(v**2) : V", "dv/dt = 0 : volt", "g = 0.1*exprel((13*mV - v)/(4*mV))/ms : Hz"],
)  # fmt: skip
def test_a_right_equation_passes(text):
    (equation,) = parse_equations(text)

    check_equation(equation, NAMES)


def test_a_statement_is_held_against_its_target():
    good, bad = parse_statements("v += 2*mV\nv -= i")

    check_statement(good, NAMES)
    with pytest.raises(
        EquationError, match="expected a voltage, but the right-hand side is a current"
    ):
        check_statement(bad, NAMES)


@pytest.mark.parametrize(
    ("right", "linear"),
    [("-x/tau", True), ("(1 - x)/tau", True), ("2*x/tau - 3*x/tau", True), ("-x*x/tau", False), ("-x/(tau*x)", False),
     ("-x/tau*v/mV", False), ("exp(-x)/tau", False), ("-(x - 1)/(2*tau)", True)],
)  # fmt: skip
def test_linear_decay_is_recognised(right, linear):
    (equation,) = parse_equations(f"dx/dt = {right} : 1")

    assert is_linear_decay(equation, {"tau"}) is linear


def test_the_degree_counts_names_together():
    assert degree("g*(e - v)", {"g", "v"}) == 2
    assert degree("g*(e - v)", {"v"}) == 1


def test_named_expressions_are_written_out():
    equations = parse_equations("dv/dt = a/tau : volt\na = b*2 : volt\nb = -v : volt")

    assert written_out(equations) == {"v": "((-v)*2)/tau"}


def test_renaming_leaves_numbers_and_longer_names_alone():
    assert rename("e*1e3 + e_l + m.e", {"e": "a_e"}) == "a_e*1e3 + e_l + m.e"


def test_constants_are_evaluated_in_si():
    assert evaluate("w*tau*exp(1)", {"w": 2.0, "tau": 0.5}) == pytest.approx(2.718281828459045)
    with pytest.raises(EquationError):
        evaluate("w*t", {"w": 2.0})


def test_dimensions_of_roots_and_powers():
    assert dimension_of("sqrt(v**4)/v", NAMES) == V


def test_resolving_powers_does_not_change_what_is_remembered_of_an_expression():
    powers_resolved("abs(w ** mu)", {"mu": 0})

    assert powers_resolved("abs(w ** mu)", {"mu": 2}) == "abs(w ** mu)"

"""The exact step of linear equations against the exponential of their matrix, as SciPy computes it."""

import numpy as np
import pytest
from brian2.units.unitsafefunctions import exprel
from scipy.linalg import expm

from thalia.codegen.brian_model import import_brian2
from thalia.codegen.exact import exact
from thalia.compiler.integration import integration_of
from thalia.syntax.equations import parse_equations

CHAIN = """
dv/dt = (current + bias - v)/tau_m : 1
dcurrent/dt = (rise - current)/tau_i : 1
drise/dt = -rise/tau_rise : 1
dcount/dt = bias : Hz
"""
DT = 1e-4


def stepped(values, rates):
    """The values after a step, by the statements."""
    b2 = import_brian2()
    equations = b2.Equations(
        CHAIN.replace(": Hz", ": 1") + "".join(f"{name} : 1\n" for name in rates)
    )
    rights = dict(equations.get_substituted_expressions({}))
    known = {
        "exp": np.exp,
        "exprel": exprel,
        "clip": np.clip,
        "int": float,
        "inf": np.inf,
        "dt": DT,
        **rates,
        **values,
    }
    after = {}
    for block in integration_of(parse_equations(CHAIN)).exact:
        line = exact(block, rights, {})
        for statement in line.before:
            exec(statement, known)
        after |= {name: eval(text, known) for name, text in line.values.items()}
    return after


@pytest.mark.parametrize(
    ("tau_m", "tau_i", "tau_rise"),
    [(10e-3, 5e-3, 2e-3), (10e-3, 10e-3, 2e-3), (10e-3, 2e-3, 10e-3), (5e-3, 5e-3, 5e-3), (5e-3, 5.0001e-3, 4.9999e-3), (1e-5, 1e-3, 1)],
)  # fmt: skip
def test_the_step_is_the_exponential_of_the_matrix(tau_m, tau_i, tau_rise):
    bias = 0.7
    matrix = np.array(
        [
            [-1 / tau_m, 1 / tau_m, 0, 0, bias / tau_m],
            [0, -1 / tau_i, 1 / tau_i, 0, 0],
            [0, 0, -1 / tau_rise, 0, 0],
            [0, 0, 0, 0, bias],
            [0, 0, 0, 0, 0],
        ]
    )
    begin = {"v": 0.3, "current": 2.0, "rise": -1.5, "count": 4.0}
    expected = expm(matrix * DT) @ [*begin.values(), 1]

    found = stepped(begin, {"tau_m": tau_m, "tau_i": tau_i, "tau_rise": tau_rise, "bias": bias})

    assert [found[name] for name in begin] == pytest.approx(expected[:4], rel=1e-11)


@pytest.mark.parametrize(
    ("text", "flows"),
    [
        ("dv/dt = -v**2/tau : 1", {"v": "quadratic"}),
        ("dv/dt = -sqrt(v)/tau : 1", {"v": "rough"}),
        ("dv/dt = (exp(v) - w)/tau : 1\ndw/dt = (v - w)/tau : 1", {"v": "general", "w": "linear"}),
        ("dv/dt = (w - v)/tau : 1\ndw/dt = (v - w)/tau : 1", {"v": "linear", "w": "linear"}),
        ("dv/dt = (w - v)/tau : 1 (unless refractory)\ndw/dt = (v - w)/tau : 1", {"v": "linear", "w": "linear"}),
        ("dv/dt = -v/tau : 1 (unless refractory)\ndw/dt = (v - w)/tau : 1", {"w": "linear"}),
        ("dv/dt = -int(v > 1)*v/tau : 1", {"v": "linear"}),
        ("dv/dt = (g - v)/tau : 1\ndg/dt = -g/tau : 1", {}),
    ],
)  # fmt: skip
def test_what_has_no_exact_step_is_found(text, flows):
    assert integration_of(parse_equations(text)).flows == flows

"""A linearly implicit step of second order, for neurons whose potential runs away quadratically.

An explicit step of 0.1 ms of a cell of 15 pF is unstable once synapses open 300 nS in it, and a
network may spike for ever from there. This one damps each variable by the rate at which it decays,
so that no conductance is too large. Its order holds for any damping: growth is not damped, and what
exponentials add to a rate of decay is left out. ROS2 of Verwer, Spee, Blom & Hundsdorfer (1999)
SIAM J Sci Comput 20:1456. doi:10.1137/S1064827597326651
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import brian2

GAMMA = 1 - 1 / sqrt(2)  # the more exact of the two with which a strong decay is gone in a step


def rosenbrock(
    equations: brian2.Equations,
    variables: dict[str, Any] | None = None,
    method_options: dict[str, Any] | None = None,
) -> str:
    """Abstract code of one step, as Brian2 asks a method of integration for it.

    Every right side must be without noise, and differentiable in its own variable but for what is
    in exponentials.
    """
    import sympy
    from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

    rights = {
        name: str_to_sympy(right.code, variables)
        for name, right in equations.get_substituted_expressions(variables)
    }
    own = {name: sympy.Symbol(name, real=True) for name in rights}
    stage = {own[name]: sympy.Symbol(f"_stage_{name}", real=True) for name in rights}

    def slope(name: str) -> str:
        held = {each: sympy.Dummy() for each in rights[name].atoms(sympy.exp)}
        found = sympy.diff(rights[name].subs(held), own[name])
        return str(sympy_to_str(found.subs({dummy: each for each, dummy in held.items()})))

    lines = [
        f"_damped_{name} = 1/(1 - {GAMMA!r}*dt*clip({slope(name)}, -inf, 0))" for name in rights
    ]
    lines += [
        f"_first_{name} = _damped_{name}*({sympy_to_str(right)})" for name, right in rights.items()
    ]
    lines += [f"_stage_{name} = {name} + dt*_first_{name}" for name in rights]
    lines += [
        f"_second_{name} = _damped_{name}*({sympy_to_str(right.subs(stage))} - 2*_first_{name})"
        for name, right in rights.items()
    ]
    return "\n".join(
        [
            *lines,
            *(f"{name} = {name} + dt*(1.5*_first_{name} + 0.5*_second_{name})" for name in rights),
        ]
    )

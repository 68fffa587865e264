"""The exact step of linear equations, for each set of variables that depend on one another.

Brian2 hands all variables of a group to sympy as one matrix, whose exponential takes seconds for
five of them. Variables that do not depend on one another, such as the traces of different rules,
have exponentials of their own: the statements are the same, found many times faster, and what two
models have in common is found once in a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thalia.syntax.equations import identifiers

if TYPE_CHECKING:
    import brian2


def exact(
    equations: brian2.Equations,
    variables: dict[str, Any] | None = None,
    method_options: dict[str, Any] | None = None,
) -> str:
    """Abstract code of one step, as Brian2 asks a method of integration for it.

    Raises
    ------
    brian2.stateupdaters.base.UnsupportedEquationsException
        Where the equations are not linear, or change within a step.
    """
    from brian2.equations.equations import DIFFERENTIAL_EQUATION, Equations, SingleEquation
    from brian2.stateupdaters import exact as solve

    rights = dict(equations.get_substituted_expressions(variables))
    statements: dict[str, str] = {}
    for block in _blocks({name: identifiers(right.code) for name, right in rights.items()}):
        system = Equations(
            [
                SingleEquation(DIFFERENTIAL_EQUATION, name, equations[name].dim, expr=rights[name])
                for name in block
            ]
        )
        read = {"dt", "t", *block}.union(*(identifiers(rights[name].code) for name in block))
        known = {name: held for name, held in (variables or {}).items() if name in read}
        lines = solve(system, known, method_options).splitlines()
        statements |= dict(line.split(" = ", 1) for line in lines)
    return "\n".join(
        f"{prefix}{name} = {statements[prefix + name]}" for prefix in ("_", "") for name in rights
    )


def _blocks(reads: dict[str, frozenset[str]]) -> list[list[str]]:
    """Variables that depend on one another; `reads` are the names in the equation of each."""
    blocks: list[set[str]] = []
    for name, read in reads.items():
        joined = {name, *(read & reads.keys())}
        apart = [block for block in blocks if not block & joined]
        blocks = [*apart, joined.union(*(block for block in blocks if block & joined))]
    return [[name for name in reads if name in block] for block in blocks]

"""What can be wrong within a component: names, flags, targets, noise; each at its own line."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from thalia.errors import Path, Problem, did_you_mean
from thalia.syntax.equations import (
    WEIGHT,
    Equation,
    Statement,
    calls,
    degree,
    divided_by,
    identifiers,
)
from thalia.syntax.expressions import FUNCTIONS, RANDOM
from thalia.syntax.reserved_names import RESERVED_NAMES, SOLVER_NAMES
from thalia.syntax.units import UNITS, Value, dimension_name

HELD = "constant over dt"
NEURON_FLAGS = {"ode": {"unless refractory"}, "expression": {HELD}}
STATE_FLAGS = {"expression": {HELD}}
SYNAPSE_FLAGS: Mapping[str, Collection[str]] = {}
LONGEST_NAME = 60
STATE = "a state variable"


@dataclass(frozen=True)
class Names:
    """The names of a component: those that it may not give, and its parameters.

    Where names `meet_code` they stand in generated code as they are; others get a prefix, but for
    the functions that the component itself calls. In the blocks in `weighing`, variables may have
    the dimension of the weight. Parameters are given beside `keys`, whose names they cannot have.
    """

    taken: Collection[str]
    parameters: Collection[str]
    called: Collection[str] = ()
    meet_code: bool = False
    weighing: str = ""
    keys: Collection[str] = ()


def equation_problems(
    names: Names,
    blocks: Mapping[str, Iterable[Equation]],
    flags: Mapping[str, Mapping[str, Collection[str]]],
) -> Iterator[Problem]:
    """What is wrong with the equations under some keys, with the flags that each key allows."""
    for name in names.parameters:
        if found := _wrong_name(name, names):
            yield Problem(("parameters", name), *found)
        elif name in names.keys:
            message = f"'{name}' cannot be the name of a parameter: where the component is used, it"
            hint = f"choose another name: {name}_0, or one that says more"
            yield Problem(("parameters", name), f"{message} is a key of another meaning", hint)
    seen: dict[str, str] = {name: f"'{name}' is a parameter already" for name in names.parameters}
    for key, equations in blocks.items():
        for equation in equations:
            for message, hint in _of_equation(equation, names, key, flags[key], seen):
                yield Problem((key,), message, hint, at=equation.at)
            seen.setdefault(equation.name, f"'{equation.name}' is given twice")


def _of_equation(
    equation: Equation,
    names: Names,
    key: str,
    flags: Mapping[str, Collection[str]],
    seen: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    if found := _wrong_name(equation.name, names):
        yield found
    elif names.meet_code and equation.kind == "ode" and equation.name in SOLVER_NAMES:
        message = f"'{equation.name}' cannot be the name of a variable with an equation dx/dt: "
        yield f"{message}it is one of the solver", f"choose another name: {equation.name}_0"
    elif equation.name in seen:
        yield seen[equation.name], "keep one, or choose another name"
    allowed = flags.get(equation.kind, ())
    for flag in equation.flags:
        if flag not in allowed:
            kind = {"ode": "dx/dt = …", "expression": "x = …"}.get(equation.kind, "x : unit")
            known = " or ".join(f"'{each}'" for each in sorted(allowed))
            yield (
                f"'({flag})' is not a flag of `{kind}` here",
                f"allowed: ({known[1:-1]})" if known else "remove it",
            )
    if equation.dimension == WEIGHT and key != names.weighing:
        yield "'weight' is a unit in the synapses of rules only", "give a unit such as volt"
    yield from _noise(equation)


def _noise(equation: Equation) -> Iterator[tuple[str, str]]:
    """White noise is added to a derivative; random numbers are drawn once in a step."""
    if not equation.right:
        return
    if "xi" in identifiers(equation.right):
        if equation.kind != "ode":
            yield "'xi' is white noise, for `dx/dt = …` only", "draw a number with randn()"
        elif degree(equation.right, {"xi"}) != 1:
            yield "'xi' is white noise, which can only be added, times a factor", "sigma*xi"
    drawn = sorted(RANDOM & calls(equation.right))
    if drawn and HELD not in equation.flags:
        yield (
            f"{drawn[0]}() draws anew each time that it is read, which an equation may be often",
            f"draw once in a step: `x = {drawn[0]}(…) : 1 ({HELD})`"
            if equation.kind == "expression"
            else "use `xi` for white noise",
        )


def statement_problems(
    key: Path, statements: Iterable[Statement], targets: Collection[str], what: str
) -> Iterator[Problem]:
    """Statements that assign to something else than a state variable, or that read noise."""
    for statement in statements:
        if statement.target not in targets:
            message = f"{statement}: '{statement.target}' cannot be set, expected {what}"
            yield Problem(key, message, did_you_mean(statement.target, targets), at=statement.at)
        if "xi" in identifiers(statement.right):
            message = f"{statement}: 'xi' is white noise, for `dx/dt = …` only"
            yield Problem(key, message, "draw a number with randn()", at=statement.at)


def states(equations: Iterable[Equation]) -> set[str]:
    """The variables that can be set: those with an equation `dx/dt`, and those without any."""
    return {equation.name for equation in equations if equation.kind != "expression"}


def _wrong_name(name: str, names: Names) -> tuple[str, str] | None:
    """Why a variable cannot have a name, and what to do."""
    another = "choose another name"
    if not re.fullmatch(r"[a-zA-Z]([a-zA-Z0-9_]*[a-zA-Z0-9])?", name):
        return (
            f"'{name}' is not a valid variable name: expected letters, digits and '_'",
            "begin with a letter, and end with a letter or a digit",
        )
    if len(name) > LONGEST_NAME:
        return f"the name has {len(name)} letters, expected at most {LONGEST_NAME}", another
    refused = f"'{name}' cannot be the name of a variable: "
    if name in names.taken:
        return f"{refused}it is reserved", another
    if name in UNITS and len(name) > 1:
        return f"{refused}it is a unit", another
    if name.endswith(("_pre", "_post")):
        return f"{refused}'_pre' and '_post' refer to the neurons of a synapse", another
    if name in names.called:
        return f"{refused}it is a function", another
    if names.meet_code and (name in RESERVED_NAMES or name.startswith("xi_")):
        what = "a function" if name in FUNCTIONS else "reserved in the code that is generated"
        return f"{refused}it is {what}", f"{another}: {name}_0, or one that says more"
    return None


# the dimensions of what is never negative; rates are checked where they act
MAGNITUDES = {UNITS[unit][1] for unit in ("F", "s", "S", "ohm", "m", "M")}


def why_no_divisor(value: Value) -> str:
    """Why equations cannot divide by a value; empty if they can."""
    if value.is_random:
        return ""
    if value.mean == 0:
        return f"cannot be zero, because equations divide by it, found {value}"
    if value.mean < 0 and value.dimension in MAGNITUDES:
        is_time = value.dimension == UNITS["s"][1]
        what = "time constant" if is_time else dimension_name(value.dimension)
        return f"cannot be negative, because it is a {what}, found {value}"
    return ""


def divisors(part: Mapping[str, Any]) -> frozenset[str]:
    """The parameters that the equations of a component divide by, which cannot be zero.

    `part` are its fields by name.
    """
    texts: list[str] = []
    for value in part.values():
        if isinstance(value, tuple):
            texts += [
                each.right
                for each in value
                if isinstance(each, Equation | Statement) and each.right
            ]
    texts += [text for key in ("current", "rate", "charge") if (text := part.get(key, ""))]
    found: frozenset[str] = frozenset().union(*map(divided_by, texts))
    return found & {*part["parameters"]}

"""What is wrong within each type of component, beyond its single equations."""

import re
from collections.abc import Collection, Iterator, Mapping
from math import trunc
from typing import Any, ClassVar, Protocol

from thalia.errors import MistakeInText, Path, Problem, did_you_mean
from thalia.library.equation_checks import (
    NEURON_FLAGS,
    STATE,
    STATE_FLAGS,
    SYNAPSE_FLAGS,
    Names,
    equation_problems,
    statement_problems,
    states,
)
from thalia.syntax.equations import WEIGHT, Equation, Statement, calls, evaluate, identifiers
from thalia.syntax.expressions import RANDOM, EquationError, read_expression
from thalia.syntax.units import Dimension, Value, a_quantity, parse_value

_START = (0, 0)


# what is read here of the components in `schema`, which imports this module


class Part(Protocol):
    """A component with parameters, which are given beside the keys of its use."""

    parameters: Any
    USED_WITH: ClassVar[Collection[str]]


class Neuron(Part, Protocol):
    """A neuron model."""

    equations: tuple[Equation, ...]
    threshold: str
    reset: tuple[Statement, ...]
    refractory: str
    method: Any
    substeps: int
    update: tuple[Statement, ...]
    compartments: Any
    initial: Any


class Layer(Part, Protocol):
    """A synapse or a rule."""

    equations: tuple[Equation, ...]
    neuron: tuple[Equation, ...]
    current: str
    on_pre: tuple[Statement, ...]
    on_spike: tuple[Statement, ...]
    initial: Any


class Rule(Layer, Protocol):
    """A plasticity rule."""

    on_post: tuple[Statement, ...]
    on_step: tuple[Statement, ...]
    on_instruction: tuple[Statement, ...]
    later: Any
    pairing: Any
    learning_rate: str


class ModulatorKind(Part, Protocol):
    """A modulator."""

    equations: tuple[Equation, ...]
    initial: Any


class StimulusKind(Part, Protocol):
    """A stimulus."""

    current: str
    rate: str


def neuron_problems(part: Neuron, reserved: Collection[str]) -> Iterator[Problem]:
    """What is wrong with a neuron model."""
    names = Names(reserved, part.parameters, meet_code=True)
    yield from equation_problems(names, {"equations": part.equations}, {"equations": NEURON_FLAGS})
    yield from statement_problems(("reset",), part.reset, states(part.equations), STATE)
    yield from statement_problems(("update",), part.update, states(part.equations), STATE)
    if part.update and (part.method or part.substeps > 1):
        message = "a neuron with 'update' has neither 'method' nor 'substeps'"
        yield Problem(("update",), message, "remove them, or 'update'")
    if part.equations and not part.threshold:
        message = "a neuron with equations needs a condition for its spikes"
        yield Problem(("threshold",), message, "`threshold: 0 > 1` never spikes")
    for equation in part.equations:
        if "unless refractory" in equation.flags and not part.refractory:
            message = f"'{equation.name}' is held while refractory, and the neuron never is"
            hint = "give it `refractory: t_ref`, or remove the flag"
            yield Problem(("equations",), message, hint, at=equation.at)
    yield from _fixed_problems(part, {"refractory": part.refractory})
    if part.threshold and "xi" in identifiers(part.threshold):
        message = "'xi' is white noise, for `dx/dt = …` only"
        yield Problem(("threshold",), message, "draw a number with randn()", at=_START)
    for name in part.compartments:
        if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name):
            message = f"'{name}' is not a valid name of a compartment"
            yield Problem(("compartments", name), message, "letters, digits and '_': apical")
    yield from _initial_problems(part, part.initial, part.equations)


def layer_problems(
    part: Layer, reserved: Collection[str], also_set: Collection[str]
) -> Iterator[Problem]:
    """What is wrong with a synapse or a rule, whose arrival of a spike may set more variables."""
    called = _called(part) | calls(part.current or "0")
    names = Names(reserved, part.parameters, called, weighing="equations", keys=part.USED_WITH)
    own = tuple(e for e in part.equations if not (e.name == "w" and e.kind == "ode"))
    flags = {"equations": SYNAPSE_FLAGS, "neuron": STATE_FLAGS}
    yield from equation_problems(names, {"equations": own, "neuron": part.neuron}, flags)
    targets = states(own) | states(part.neuron) | {*also_set}
    what = " or ".join((STATE, *(f"'{name}'" for name in sorted(also_set))))
    yield from statement_problems(("on_pre",), part.on_pre, targets, what)
    for key in ("on_spike", "before_step"):
        statements = getattr(part, key, ())
        yield from statement_problems((key,), statements, states(part.neuron), STATE)
    yield from _efficacy_problems(part)


def _called(part: Part) -> set[str]:
    """The functions that the equations and statements of a component call."""
    lines = (each for field in vars(part).values() if isinstance(field, tuple) for each in field)
    return {
        name
        for each in lines
        if isinstance(each, Equation | Statement) and each.right
        for name in calls(each.right)
    }


def _efficacy_problems(part: Layer) -> Iterator[Problem]:
    """The efficacy of a spike is set once it arrives, and can be read after that only."""
    is_set = False
    for statement in part.on_pre:
        if "efficacy" in identifiers(statement.right) and not is_set:
            message = f"{statement}: 'efficacy' is read before it is set"
            yield Problem(("on_pre",), message, "set it first: `efficacy = …`", at=statement.at)
        if statement.target == "efficacy":
            if statement.operator != "=":
                message = f"{statement}: 'efficacy' is set by `=` only"
                yield Problem(("on_pre",), message, "write `efficacy = …`", at=statement.at)
            is_set = True
    for key in ("equations", "neuron", "on_spike"):
        for each in getattr(part, key):
            for name in ("efficacy", "change"):
                if each.right and name in identifiers(each.right):
                    message = f"'{name}' is a number of the statements of synapses only"
                    yield Problem((key,), message, "keep it in a variable", at=each.at)


def rule_problems(part: Rule) -> Iterator[Problem]:
    """What is wrong with the events of a rule, and with the equation of its weight."""
    of_synapse = states(e for e in part.equations if e.name != "w") | {"w"}
    of_neuron = states(part.neuron)
    events: list[tuple[Path, tuple[Statement, ...], set[str]]] = [
        (("on_post",), part.on_post, of_synapse | of_neuron),
        (("on_step",), part.on_step, of_synapse),
        (("on_instruction",), part.on_instruction, of_neuron),
    ]
    if part.later:
        events.append((("later", "on_pre"), part.later.on_pre, of_synapse | of_neuron))
    yield from _current_problems(part)
    for name, pairing in part.pairing.items():
        events.append((("pairing", name, "on_pre"), pairing.on_pre, of_synapse | of_neuron))
        events.append((("pairing", name, "on_post"), pairing.on_post, of_synapse | of_neuron))
    for key, statements, targets in events:
        yield from statement_problems(key, statements, targets, f"{STATE} or 'w'")
        for each in statements:
            if "efficacy" in identifiers(each.right):
                message = f"{each}: 'efficacy' is a number of 'on_pre' only"
                yield Problem(key, message, "keep it in a variable", at=each.at)
    for each in (*part.on_pre, *(s for _, statements, _ in events for s in statements)):
        if each.target == "w" and "change" in identifiers(each.right):
            message = f"{each}: 'change' is the change of the weight, and cannot change it"
            yield Problem(("on_pre",), message, "use it for other variables", at=each.at)
    for equation in part.equations:
        if equation.name == "w" and equation.kind == "ode":
            if equation.dimension != WEIGHT:
                message = "the weight has the unit 'weight'"
                yield Problem(("equations",), message, "dw/dt = … : weight", at=equation.at)
            for flag in equation.flags:
                message = f"'({flag})' is not a flag of `dw/dt = …`"
                yield Problem(("equations",), message, "remove it", at=equation.at)
    changed = {s.target for s in part.on_pre} | {
        each.target for _, statements, _ in events for each in statements
    }
    yield from _learning_rate_problems(part, changed | {e.name for e in part.equations})


def _learning_rate_problems(part: Rule, changed: Collection[str]) -> Iterator[Problem]:
    """A rule either scales the changes of others, or changes the weight itself."""
    if part.learning_rate and "w" in changed:
        message = "a rule that scales the changes of other rules changes no weight itself"
        yield Problem(("learning_rate",), message, "make two rules")
    read = identifiers(part.learning_rate) if part.learning_rate else frozenset()
    for name in sorted({"efficacy", "change"} & read):
        message = f"'{name}' is a number of the statements of synapses only"
        yield Problem(("learning_rate",), message, "keep it in a variable", at=_START)


def _current_problems(part: Rule) -> Iterator[Problem]:
    """What is wrong with the current that a rule injects into the neuron."""
    if part.current and not part.neuron:
        message = "it is a current of the neuron, of which the rule keeps nothing"
        yield Problem(("current",), message, "keep it in 'neuron', or give a stimulus `current`")
    yield from _fixed_problems(part, {"current": part.current})


def initial_problems(part: Layer) -> Iterator[Problem]:
    """Initial values of a synapse or a rule, which may be expressions of the weight."""
    of_synapses = {e.name for e in part.equations}
    numbers = {name: each.default.mean for name, each in part.parameters.items()}
    for name, raw in part.initial.items():
        if not isinstance(raw, str) or raw in part.parameters or _is_value(raw):
            continue
        inside = raw.strip()
        if name not in of_synapses:
            if not re.fullmatch(r"sum\(.*\)", inside):
                message = f"'{raw}' is neither a value, a parameter, nor `sum(…)` over synapses"
                yield Problem(("initial", name), message, did_you_mean(raw, part.parameters))
                continue
            inside = inside[len("sum(") : -1]
        try:
            read_expression(inside)
            if calls(inside) - {"int"}:
                raise EquationError(f"'{raw}' calls a function")
            evaluate(inside, numbers | {"w": 0.5, "w_min": 0.25, "w_max": 1.0}, {"int": trunc})
        except (EquationError, ArithmeticError) as error:
            hint = "a value, a parameter, or arithmetic of these, w, w_min and w_max"
            yield Problem(("initial", name), str(error), hint)


def modulator_problems(part: ModulatorKind, reserved: Collection[str]) -> Iterator[Problem]:
    """What is wrong with the equations, the releases and the initial values of a modulator."""
    names = Names(reserved, part.parameters, _called(part), keys=part.USED_WITH)
    flags = {"equations": STATE_FLAGS}
    yield from equation_problems(names, {"equations": part.equations}, flags)
    for key in ("on_release", "on_prediction"):
        yield from statement_problems((key,), getattr(part, key), states(part.equations), STATE)
    yield from _initial_problems(part, part.initial, part.equations)


def stimulus_problems(part: StimulusKind, reserved: Collection[str]) -> Iterator[Problem]:
    """What is wrong with the parameters and the expression of a stimulus."""
    called = calls(part.current or part.rate or "0")
    names = Names(reserved, part.parameters, called, keys=part.USED_WITH)
    yield from equation_problems(names, {}, {})
    yield from _fixed_problems(part, {"current": part.current, "rate": part.rate})
    for key, text in (("current", part.current), ("rate", part.rate)):
        if text and "dt" in identifiers(text):
            message = "'dt' is not needed here: `t` is the middle of a step"
            yield Problem((key,), message, "write `t >= start` for `t + dt/2 >= start`", at=_START)


def _fixed_problems(part: Part, expressions: Mapping[str, str]) -> Iterator[Problem]:
    """Expressions that hold random numbers, which are drawn in statements only."""
    for key, text in expressions.items():
        drawn = sorted((RANDOM & calls(text)) | ({"xi"} & identifiers(text))) if text else []
        if drawn:
            message = f"'{drawn[0]}' is random, and is not allowed here"
            yield Problem((key,), message, "draw it in a statement of the neuron", at=_START)


def _is_value(raw: str) -> bool:
    try:
        parse_value(raw)
    except MistakeInText:
        return False
    return True


def _initial_problems(
    part: Part, initial: Mapping[str, str | Value], equations: tuple[Equation, ...]
) -> Iterator[Problem]:
    """Initial values of what is not a state variable, or of another dimension."""
    known: dict[str, Dimension] = {e.name: e.dimension for e in equations if e.kind != "expression"}
    for name, raw in initial.items():
        path: Path = ("initial", name)
        if name not in known:
            message = f"'{name}' is not a state variable of this component"
            yield Problem(path, message, did_you_mean(name, known))
            continue
        try:
            given = part.parameters.get(raw) if isinstance(raw, str) else None
            value = given.default if given else parse_value(raw)
        except MistakeInText as error:
            message = f"{error}, or a parameter"
            yield Problem(path, message, did_you_mean(str(raw), part.parameters))
            continue
        if value.dimension != known[name]:
            message = f"expected {a_quantity(known[name])}, found {raw}"
            yield Problem(path, f"{message}, {a_quantity(value.dimension)}")

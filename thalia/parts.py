"""The parts that circuits are made of: a part's name is its file's name, and nothing registers itself.

What a user can write in a circuit (`neurons:`, `synapses:`, `rules:`, or a file beside it) is exactly what
the library is written in.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from thalia.equations import Equation, EquationError, Statement, parse_equations, parse_statements
from thalia.errors import did_you_mean, fail
from thalia.source import Source, read_text, read_yaml
from thalia.units import UNITS, Dimension, Value, ValueSyntaxError, dimension_name, parse_unit, parse_value
from thalia.validate import parse

LIBRARY = files("thalia") / "library"


def _checked(parse: Callable[[Any], Any]) -> BeforeValidator:
    def validate(raw: Any) -> Any:
        try:
            return parse(raw)
        except (ValueSyntaxError, EquationError) as error:
            raise PydanticCustomError("thalia", "{message}", {"message": str(error)}) from None

    return BeforeValidator(validate)


def _text(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        if isinstance(raw, tuple):
            return raw
        if not isinstance(raw, str):
            raise EquationError("expected model text, one line each")
        return parse(raw)

    return read


_VALUE_SCHEMA = {"type": ["number", "string"], "examples": ["20 ms", 0.1, "normal(1 nS, 0.2 nS, min=0 nS)"]}
AnyValue = Annotated[Value, _checked(parse_value), WithJsonSchema(_VALUE_SCHEMA)]
Equations = Annotated[tuple[Equation, ...], _checked(_text(parse_equations)), WithJsonSchema({"type": "string"})]
Statements = Annotated[tuple[Statement, ...], _checked(_text(parse_statements)), WithJsonSchema({"type": "string"})]


def _unit(raw: Any) -> Dimension:
    dimension = parse_unit(raw)[1] if isinstance(raw, str) else raw
    return tuple(dimension)


UnitText = Annotated[Dimension, _checked(_unit), WithJsonSchema({"type": "string", "examples": ["nS", "pA"]})]


def quantity(name: str, dimension: Dimension) -> Any:
    """The type of a field that takes a number or a distribution of one dimension."""

    def parse(raw: Any) -> Value:
        return expect(parse_value(raw), dimension, raw)

    return Annotated[Value, _checked(parse), WithJsonSchema({**_VALUE_SCHEMA, "description": f"a {name}"})]


def expect(value: Value, dimension: Dimension, raw: object = None) -> Value:
    """The value, if it has this dimension.

    Raises
    ------
    ValueSyntaxError
        Saying what was expected and what was found.
    """
    if value.dimension != dimension:
        found = dimension_name(value.dimension)
        shown = str(value) if raw is None else str(raw)
        message = f"expected a {dimension_name(dimension)}, found {shown}"
        if found == "dimensionless":
            raise ValueSyntaxError(f"{message}, which has no unit")
        raise ValueSyntaxError(f"{message} (a {found})".replace("a dimensionless", "a bare number"))
    return value


class Node(BaseModel):
    """What every noun of a circuit has in common: unknown keys are errors, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Parameter(Node):
    """A number that a circuit may set: its default with unit, what it means, and where the default comes from."""

    default: AnyValue
    meaning: str
    source: str = ""


class Part(Node):
    """What every part says about itself."""

    summary: str = Field(min_length=1)
    source: str = ""
    reproduces: str = ""
    differs: str = ""
    parameters: dict[str, Parameter] = {}


# what equations mean by these names already, and what Brian2 keeps for itself
RESERVED = {"t", "dt", "i", "j", "N", "w", "w_min", "w_max", "plastic", "lastspike", "not_refractory", "lastupdate", "xi", "e",
            "amp", "pi", "inf", "input_current", "input_rate"}  # fmt: skip


def _own_names(part: "Neuron | Synapse | Rule", equations: tuple[Equation, ...], kept: set[str]) -> None:
    """Refuse names of variables and parameters that mean something else already.

    Raises
    ------
    PydanticCustomError
        Naming the first one.
    """
    for name in [*part.parameters, *(equation.name for equation in equations)]:
        if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", name):
            problem = f"'{name}' is not a name for a variable: expected letters, digits and '_'"
        elif name in kept or (name in UNITS and len(name) > 1):
            why = "it means something else already" if name in kept else "it is a unit"
            problem = f"'{name}' cannot be the name of a variable: {why}"
        elif name.endswith(("_pre", "_post")):
            problem = f"'{name}' cannot be the name of a variable: '_pre' and '_post' mean the neurons of a synapse"
        else:
            continue
        raise PydanticCustomError("thalia", "{message}", {"message": problem, "hint": "choose another name"})


class Neuron(Part):
    """A neuron model. `input_current` (or `input_rate`) in its equations is everything that it receives."""

    equations: Equations
    threshold: str
    reset: Statements = ()
    refractory: str = ""
    initial: dict[str, str | AnyValue] = {}

    @model_validator(mode="after")
    def _names_are_free(self) -> "Neuron":
        _own_names(self, self.equations, RESERVED)
        return self


class Synapse(Part):
    """A synapse model: what an arriving spike does to the postsynaptic neuron.

    `neuron` holds the equations that live in that neuron, once for all synapses of this model; `current` is
    what they inject; `on_pre` is the effect of one spike, of weight `w`; `charge` is what it injects in all.
    """

    weight: UnitText
    neuron: Equations = ()
    current: str = ""
    on_pre: Statements
    charge: str = ""

    @model_validator(mode="after")
    def _names_are_free(self) -> "Synapse":
        _own_names(self, self.neuron, {"t", "dt", "w", "v", "pi", "inf", "e"})
        return self


class Rule(Part):
    """A plasticity rule as model equations; `w` is the weight, between `w_min` and `w_max`."""

    equations: Equations = ()
    on_pre: Statements = ()
    on_post: Statements = ()

    @model_validator(mode="after")
    def _names_are_free(self) -> "Rule":
        _own_names(self, self.equations, {"t", "dt", "w", "w_min", "w_max", "plastic", "pi", "inf", "e"})
        return self


class StimulusKind(Part):
    """A stimulus as an expression of its parameters and of `t`: a current, or a rate of spikes."""

    current: str = ""
    rate: str = ""
    spikes: bool = False


KINDS: dict[str, type[Part]] = {
    "neurons": Neuron,
    "synapses": Synapse,
    "plasticity": Rule,
    "stimuli": StimulusKind,
}
_SINGULAR = {"neurons": "neuron model", "synapses": "synapse model", "plasticity": "plasticity rule",
             "stimuli": "kind of stimulus", "regions": "region template"}  # fmt: skip


@cache
def names(kind: str) -> tuple[str, ...]:
    """Names of every part of a kind: 'neurons', 'synapses', 'plasticity', 'stimuli', 'regions'."""
    folder = LIBRARY / kind
    files = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def part_text(kind: str, name: str, folder: FilePath) -> tuple[str, str]:
    """The text of a part's file and the file's name: of the library, or beside the circuit if it is a path.

    Raises
    ------
    CircuitError
        If there is no such part.
    """
    if name.endswith(".yaml"):
        return read_text(folder / name), str(folder / name)
    if name not in names(kind):
        raise fail(f"no {_SINGULAR[kind]} is called '{name}'", did_you_mean(name, names(kind)))
    return (LIBRARY / kind / f"{name}.yaml").read_text("utf-8"), f"thalia/library/{kind}/{name}.yaml"


def word_of(name: str) -> str:
    """A part's name as a word that variables can begin with: `./my-rule.yaml` is `my_rule`."""
    return re.sub(r"\W", "_", name.removesuffix(".yaml").rpartition("/")[2])


def find(kind: str, name: str, folder: FilePath = FilePath(".")) -> tuple[Part, Source]:
    """The part called `name` and the file it comes from; a user's own file is read anew each time.

    Raises
    ------
    CircuitError
        If there is no such part, or its file has mistakes.
    """
    return _read_part(kind, name, folder) if name.endswith(".yaml") else _library_part(kind, name)


@cache
def _library_part(kind: str, name: str) -> tuple[Part, Source]:
    return _read_part(kind, name, FilePath("."))


def _read_part(kind: str, name: str, folder: FilePath) -> tuple[Part, Source]:
    text, file = part_text(kind, name, folder)
    data, source = read_yaml(text, file)
    return parse(KINDS[kind], data, source), source

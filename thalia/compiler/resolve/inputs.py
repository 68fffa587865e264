"""What each population receives: through receptors, from stimuli, and the state of its rules."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import AMPERE, HERTZ, Input, identifier
from thalia.compiler.resolve.components import Parameters
from thalia.compiler.resolve.pathways import ResolvedPathway
from thalia.compiler.resolve.receptors import Receptor
from thalia.compiler.resolve.rule_state import State, states_of, values_with_rule
from thalia.compiler.resolve.stimuli import ResolvedStimulus
from thalia.errors import Path
from thalia.syntax.equations import Equation, identifiers, rename
from thalia.syntax.selection import as_value
from thalia.syntax.units import METRE, Value, constant

BIAS = Input("bias", "bias", (), {"bias": AMPERE}, {"bias": constant(0, AMPERE)})


@dataclass(frozen=True)
class Contribution:
    """One input of a population, with its parameters there, and the path of its origin."""

    population: str
    input: Input
    values: Parameters
    origin: Path


@dataclass(frozen=True)
class Received:
    """Everything that one population receives, by name. A parameter is the sum of its values."""

    inputs: Mapping[str, Input]
    parameters: Mapping[str, tuple[Value, ...]]
    origins: Mapping[str, Path]


def collect_inputs(
    circuit: Circuit,
    pathways: Iterable[ResolvedPathway],
    stimuli: Iterable[ResolvedStimulus],
    receptors: Mapping[Path, Receptor],
    states: Mapping[object, State],
) -> dict[str, Received]:
    """What each population of a circuit receives."""
    found: dict[str, list[Contribution]] = defaultdict(list)
    for each in (*_of_pathways(pathways, states), *_of_stimuli(stimuli, receptors)):
        found[each.population].append(each)
    return {name: _received(found[name]) for name in circuit.populations}


def _received(contributions: Iterable[Contribution]) -> Received:
    """Constant currents add up; any other input that comes again changes nothing."""
    inputs: dict[str, Input] = {}
    parameters: dict[str, tuple[Value, ...]] = {}
    origins: dict[str, Path] = {}
    for each in contributions:
        inputs.setdefault(each.input.name, each.input)
        origins.setdefault(each.input.name, each.origin)
        for name, value in each.values.items():
            if each.input == BIAS:
                parameters[name] = (*parameters.get(name, ()), value)
            else:
                parameters.setdefault(name, (value,))
    return Received(inputs, parameters, origins)


def _of_pathways(
    pathways: Iterable[ResolvedPathway], states: Mapping[object, State]
) -> Iterator[Contribution]:
    for pathway in pathways:
        receptor = pathway.receptor
        ends = (pathway.pre, pathway.post) if receptor.part.symmetric else (pathway.post,)
        for population in dict.fromkeys(ends):
            yield Contribution(population, receptor.input, receptor.values, pathway.path)
        for rule, state in states_of(pathway, states):
            if state:
                yield Contribution(pathway.post, state, values_with_rule(state), rule.path)


def _of_stimuli(
    stimuli: Iterable[ResolvedStimulus], receptors: Mapping[Path, Receptor]
) -> Iterator[Contribution]:
    for each in stimuli:
        word = _word(each.name)
        if each.acts_as == "spikes":
            if receptor := receptors.get(each.path):
                yield Contribution(each.population, receptor.input, receptor.values, each.path)
        elif each.acts_as == "rate":
            yield _term(each, f"rate_{word}", "input_rate")
        elif each.is_bias:
            bias = {"bias": each.values[each.part.current.strip()]}
            yield Contribution(each.population, BIAS, bias, each.path)
        else:
            yield _term(each, f"current_{word}", each.target.variable)


def _word(stimulus: str) -> str:
    """The name of a stimulus to end a variable's, where Brian2 reserves `_pre` and `_post`."""
    word = identifier(stimulus)
    return f"{word}_" if f"_{word}".endswith(("_pre", "_post")) else word


def _term(each: ResolvedStimulus, name: str, into: str) -> Contribution:
    """A stimulus as a term of an input, with a switch that is 0 for other populations.

    What follows `t` has a name, by which it is held over a step.
    """
    values = each.values | each.places
    local = {key: f"{name}_{key}" for key in values}
    frames = each.frames_named(f"{name}_values")
    over_time = {each.part.over_time: frames.name} if frames else {}
    switch = f"{name}_on"
    renamed = {local[key]: value for key, value in values.items()}
    idle = renamed | {switch: constant(0)} | {local[key]: constant(0, METRE) for key in each.places}
    dimensions = {key: value.dimension for key, value in idle.items()}
    term = f"{switch}*({rename(each.strength, local | over_time)})"
    equations: tuple[Equation, ...] = ()
    if "t" in identifiers(term):
        dimension = AMPERE if each.part.current else HERTZ
        term, equations = name, (Equation("expression", name, term, dimension),)
    received = Input(name, term, equations, dimensions, idle, into, frames=frames)
    reached = as_value(each.stimulus.neurons) if each.stimulus.neurons else constant(1)
    return Contribution(each.population, received, renamed | {switch: reached}, each.path)

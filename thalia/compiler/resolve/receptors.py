"""What neurons receive: the ports that synapses act on, and stimuli as currents, rates or drives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from thalia.circuit.part_use import Stimulus, SynapseUse
from thalia.circuit.spec import Circuit
from thalia.compiler.plan import AMPERE, HERTZ, Drive, DriveMember, Input, group_name, unused_name
from thalia.errors import CircuitError, Path, Problem, did_you_mean
from thalia.library.lookup import word_of
from thalia.library.schema import Layer, Neuron, Part, Preset, StimulusKind, Synapse, divisors
from thalia.syntax.dimensions import dimension_of
from thalia.syntax.equations import (
    Equation,
    EquationError,
    Statement,
    evaluate,
    identifiers,
    rename,
    rename_equation,
)
from thalia.syntax.fields import expect
from thalia.syntax.units import (
    UNITS,
    Dimension,
    Value,
    ValueSyntaxError,
    a_quantity,
    constant,
    dimension_name,
)

Result = TypeVar("Result")
BIAS = Input("bias", "bias", (), {"bias": AMPERE}, {"bias": constant(0, AMPERE)})


@dataclass
class Received:
    """Everything that one population receives, gathered while pathways and stimuli are resolved."""

    inputs: dict[str, Input] = field(default_factory=dict)
    parameters: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    origins: dict[str, Path] = field(default_factory=dict)

    def add(self, received: Input, values: dict[str, Value], origin: Path) -> None:
        """One more input; the same one again changes nothing."""
        self.inputs.setdefault(received.name, received)
        self.origins.setdefault(received.name, origin)
        for name, value in values.items():
            self.parameters.setdefault(name, (value,))

    def add_bias(self, value: Value, origin: Path) -> None:
        """One more constant current; they add up to a single parameter."""
        self.inputs.setdefault(BIAS.name, BIAS)
        self.origins.setdefault(BIAS.name, origin)
        self.parameters["bias"] = (*self.parameters.get("bias", ()), value)


@dataclass(frozen=True)
class Site:
    """Where synapses end on a neuron: the variable that sums up its input, and the potential there."""

    variable: str
    potential: str
    dimension: Dimension
    name: str = ""


VOLT = UNITS["V"][1]
SOMA = Site("input_current", "v", AMPERE)


def inputs_of(part: Neuron) -> dict[str, Dimension]:
    """The variables that stand for what a neuron receives, each with its dimension."""
    sites = {f"input_{name}": site.unit for name, site in part.compartments.items()}
    return {"input_current": AMPERE, "input_rate": HERTZ, **sites}


@dataclass(frozen=True)
class Port:
    """A synapse model with its numbers, as variables of the neurons that it acts on."""

    part: Synapse
    weight: Dimension
    input: Input
    values: dict[str, Value]
    arrival: tuple[Statement, ...]
    sums: tuple[Equation, ...] = ()  # of graded transmission


class Ports:
    """Names one port for each distinct synapse model and set of numbers in the circuit."""

    def __init__(self, circuit: Circuit, problems: list[Problem]):
        self.circuit = circuit
        self.problems = problems
        self.taken: set[str] = set()
        self.made: dict[object, Port] = {}

    def problem(self, path: Path, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, hint))

    def attempt(self, path: Path, work: Callable[..., Result], *arguments: object) -> Result | None:
        """What `work` gives, or None with its problems noted at this path."""
        try:
            return work(*arguments)
        except CircuitError as error:
            self.problems += [p if p.place else p.under(*path) for p in error.problems]
        except (EquationError, ValueSyntaxError) as error:
            self.problem(path, str(error))
        return None

    def site(self, population: str, compartment: str, path: Path) -> Site | None:
        """Where synapses end on a population, as a site with the name of its input; the soma, if nothing is said."""
        neuron = self.circuit.populations[population].neuron
        part = (
            self.part("neurons", neuron, ("populations", population, "neuron"))
            if compartment
            else None
        )
        if compartment and isinstance(part, Neuron):
            if compartment in part.compartments:
                site = part.compartments[compartment]
                return Site(f"input_{compartment}", site.potential, site.unit, compartment)
            known = (
                did_you_mean(compartment, part.compartments)
                if part.compartments
                else "its synapses all end on the soma: leave 'compartment' out"
            )
            self.problem(
                (*path, "compartment"),
                f"{population} is a '{neuron}', which has no compartment '{compartment}'",
                known,
            )
        return None if compartment else SOMA

    def synapse(self, use: SynapseUse, path: Path, site: Site, pathway: str = "") -> Port | None:
        """The port of a synapse model with these parameters at a site, made at its first use; graded, each pathway its own."""
        part = self.part("synapses", use.part, path)
        if not isinstance(part, Synapse):
            return None
        if part.weight is None:
            hint = f"write `synapse: [{use.part}, ampa]`"
            self.problem(
                path, f"'{use.part}' scales the efficacy of a synapse and needs one after it", hint
            )
            return None
        values = self.parameters(part, use.parameters, path, use.preset)
        if values is None or not self._belongs(part, values, site, path):
            return None
        key = (use.part, tuple(sorted(values.items())), site, pathway if part.in_every_step else "")
        if key not in self.made:
            stem = "_".join(filter(None, (word_of(use.part), site.name)))
            self.made[key] = _port(part, part.weight, self.unique(stem), values, site)
        return self.made[key]

    def _belongs(self, part: Synapse, values: dict[str, Value], site: Site, path: Path) -> bool:
        """Whether what a synapse brings is what a site takes."""
        names = {e.name: e.dimension for e in part.neuron} | {
            name: value.dimension for name, value in values.items()
        }
        try:
            brings = (
                dimension_of(part.current, names | {"v": VOLT}) if part.current else site.dimension
            )
        except EquationError:
            return True  # which is told where the neuron is checked
        if brings != site.dimension:
            where = f"the compartment '{site.name}'" if site.name else "the soma"
            message = (
                f"it brings {a_quantity(brings)}, and {where} takes {a_quantity(site.dimension)}"
            )
            self.problem(
                path,
                message,
                "name a compartment that takes it, as in `compartment: apical`"
                if not site.name
                else "choose another synapse",
            )
        return brings == site.dimension

    def unique(self, stem: str) -> str:
        """A name for something in the neurons that no other has."""
        name = unused_name(stem, self.taken)
        self.taken.add(name)
        return name

    def stimulus(
        self, name: str, stimulus: Stimulus, received: dict[str, Received]
    ) -> Drive | None:
        """Add a stimulus to what its target receives; Poisson spikes on neurons come back as a drive."""
        path: Path = ("stimuli", name)
        part = self.part("stimuli", stimulus.kind, (*path, "kind"))
        target = stimulus.target[0]
        if target not in self.circuit.populations:
            self.problem(
                (*path, "target"),
                f"no population is called '{target}'",
                did_you_mean(target, self.circuit.populations),
            )
            return None
        if not isinstance(part, StimulusKind):
            return None
        if not (part.current or part.rate or part.spikes):
            self.problem(
                (*path, "kind"),
                f"'{stimulus.kind}' has neither a current nor a rate",
                "give it one: `rate: peak*exp(-t/tau)`",
            )
            return None
        values = self.parameters(part, stimulus.parameters, path)
        site = self.site(target, stimulus.compartment, path)
        if (
            values is None
            or site is None
            or part.spikes
            or not self._dimension_holds(part, values, path)
        ):
            return None
        if part.current:
            self._current(name, site, part, values, received[target])
            return None
        neuron = self.part(
            "neurons", self.circuit.populations[target].neuron, ("populations", target, "neuron")
        )
        if isinstance(neuron, Neuron) and any(
            "input_rate" in identifiers(e.right) for e in neuron.equations if e.right
        ):
            slot = f"rate_{name.replace('.', '_')}"
            received[target].add(*_slot(slot, part.rate, values, "input_rate"), path)
            return None
        return self._drive(name, stimulus, site, part, values, received[target])

    def _drive(
        self,
        name: str,
        stimulus: Stimulus,
        site: Site,
        part: StimulusKind,
        values: dict[str, Value],
        received: Received,
    ) -> Drive | None:
        path: Path = ("stimuli", name)
        if stimulus.weight is None:
            self.problem(
                path,
                "'weight' is missing",
                "say what one spike does to a neuron, as in `weight: 1 nS`",
            )
            return None
        port = self.synapse(stimulus.through, (*path, "synapse"), site)
        if port is None:
            return None
        try:
            expect(stimulus.weight, port.weight)
        except ValueSyntaxError as error:
            self.problem((*path, "weight"), str(error), f"the synapse is '{stimulus.through.part}'")
            return None
        received.add(port.input, port.values, path)
        number = stimulus.number[0][0].mean
        target, expression = _single_jump(port.arrival)
        if target is None:
            self.problem(
                (*path, "synapse"),
                f"'{port.input.name}' cannot be driven by a stimulus: one spike changes several variables",
            )
            return None
        mean = None
        if not identifiers(part.rate) & {"t"} and not any(
            value.is_random for value in values.values()
        ):
            mean = number * evaluate(part.rate, {key: value.mean for key, value in values.items()})
        factor = evaluate(
            expression, {**{key: value.mean for key, value in port.values.items()}, "w": 1.0}
        )
        weight = stimulus.weight if factor == 1 else stimulus.weight.scaled(factor)
        word = f"drive_{name.replace('.', '_')}"
        local = {key: f"{word}_{key}" for key in values}
        member = DriveMember(
            name, stimulus.target[0], weight, number, mean, {local[k]: v for k, v in values.items()}
        )
        rate = rename(part.rate, local) if mean is None else ""
        return Drive(word, group_name(stimulus.target[0]), target, rate, (member,))

    def _current(
        self,
        name: str,
        site: Site,
        part: StimulusKind,
        values: dict[str, Value],
        received: Received,
    ) -> None:
        path: Path = ("stimuli", name)
        if site == SOMA and part.current.strip() in values:
            received.add_bias(values[part.current.strip()], path)
        elif site.dimension != AMPERE:
            hint = "leave 'compartment' out, or take a synapse that brings it"
            self.problem(
                (*path, "compartment"),
                f"'{site.name}' takes {a_quantity(site.dimension)}, and this is a current",
                hint,
            )
        else:
            received.add(
                *_slot(f"current_{name.replace('.', '_')}", part.current, values, site.variable),
                path,
            )

    def part(self, kind: str, name: str, path: Path) -> Part | None:
        """A part of the circuit's or of the library; None, with the problem noted, if there is none."""
        try:
            return self.circuit.part(kind, name)
        except CircuitError as error:
            for p in error.problems:
                self.problem(
                    path if not p.place else (),
                    f"{p.place}: {p.message}" if p.place else p.message,
                    p.hint,
                )
            return None

    def parameters(
        self,
        part: Part,
        given: Mapping[str, Value],
        path: Path,
        preset: str = "",
        window: tuple[Path, Mapping[str, Value]] = ((), {}),
    ) -> dict[str, Value] | None:
        """Defaults overlaid with a window, a preset and what the circuit gives.

        None if something given is unknown, of the wrong dimension, or a zero that equations divide by.
        """
        values = {name: parameter.default for name, parameter in part.parameters.items()}
        published = self.preset(part, preset, (*path, "preset"))
        if published is None:
            return None
        before = len(self.problems)
        for where, numbers in (window, ((*path, "preset"), published.parameters), (path, given)):
            for name, value in numbers.items():
                self.check_parameter(part, name, value, (*where, name))
            values |= numbers
        return values if len(self.problems) == before else None

    def preset(self, part: Part, name: str, path: Path) -> Preset | None:
        """A part's preset, an empty one if none is asked for; None, with the problem noted, if there is none of this name."""
        presets = part.presets if isinstance(part, Layer) else {}
        if name and name not in presets:
            self.problem(path, f"no preset is called '{name}'", did_you_mean(name, presets))
            return None
        return presets[name] if name else Preset(source="")

    def check_parameter(self, part: Part, name: str, value: Value, path: Path) -> None:
        """Note the problem if a part has no such parameter, or it cannot have this value."""
        if name not in part.parameters:
            self.problem(path, f"unknown parameter '{name}'", did_you_mean(name, part.parameters))
            return
        parameter = part.parameters[name]
        hint = f"{name} is the {parameter.meaning}; the default is {parameter.default}"
        try:
            expect(value, parameter.default.dimension)
        except ValueSyntaxError as error:
            self.problem(path, str(error), hint)
            return
        if name in divisors(part) and not value.is_random and value.mean == 0:
            self.problem(
                path, f"cannot be zero, because equations divide by it, found {value}", hint
            )

    def _dimension_holds(self, part: StimulusKind, values: dict[str, Value], path: Path) -> bool:
        expression, wanted = (part.current, AMPERE) if part.current else (part.rate, HERTZ)
        try:
            found = dimension_of(
                expression, {name: value.dimension for name, value in values.items()}
            )
            if found == wanted:
                return True
            self.problem(
                path,
                f"'{expression}' should be a {dimension_name(wanted)}, it is a {dimension_name(found)}",
            )
        except EquationError as error:
            self.problem(path, str(error))
        return False


def _port(
    part: Synapse, weight: Dimension, name: str, values: dict[str, Value], site: Site
) -> Port:
    local = {
        key: f"{name}_{key}" for key in [*values, *(equation.name for equation in part.neuron)]
    }
    renamed = {local[key]: value for key, value in values.items()}
    dimensions: dict[str, Dimension] = {key: value.dimension for key, value in renamed.items()}
    there = local | {"v": site.potential}
    equations = tuple(rename_equation(equation, there) for equation in part.neuron)
    seen = {key: f"{value}_post" for key, value in there.items()}
    arrival = tuple(
        Statement(f"{there.get(s.target, s.target)}_post", s.operator, rename(s.right, seen))
        for s in part.on_pre
    )
    sums = tuple(
        Equation(
            "expression",
            seen[s.target],
            rename(s.right, seen),
            dimension_in(part.neuron, s.target),
            ("summed",),
        )
        for s in part.in_every_step
    )
    received = Input(
        name, rename(part.current, there), equations, dimensions, renamed, site.variable
    )
    return Port(part, weight, received, renamed, arrival, sums)


def dimension_in(equations: tuple[Equation, ...], name: str) -> Dimension:
    """The dimension of one of some equations' variables."""
    return next(equation.dimension for equation in equations if equation.name == name)


def _single_jump(arrival: tuple[Statement, ...]) -> tuple[str | None, str]:
    """The variable that one spike adds to, and what it adds as an expression of `w` and the port's numbers."""
    if len(arrival) != 1 or arrival[0].operator != "+=":
        return None, ""
    names = {name: name.removesuffix("_post") for name in identifiers(arrival[0].right)}
    return arrival[0].target.removesuffix("_post"), rename(arrival[0].right, names)


def _slot(
    slot: str, expression: str, values: dict[str, Value], into: str = "input_current"
) -> tuple[Input, dict[str, Value]]:
    """A stimulus as a term of the input, with a switch that keeps it from the group's other populations."""
    local = {name: f"{slot}_{name}" for name in values}
    switch = f"{slot}_on"
    renamed = {local[name]: value for name, value in values.items()}
    idle = renamed | {switch: constant(0)}
    dimensions = {name: value.dimension for name, value in idle.items()}
    term = f"{switch}*({rename(expression, local)})"
    return Input(slot, term, (), dimensions, idle, into), renamed | {switch: constant(1)}

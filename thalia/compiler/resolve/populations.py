"""Populations, resolved: the group of each, with its equations, what it receives, and the numbers of both."""

from collections.abc import Mapping
from dataclasses import replace

from thalia.circuit.spec import Circuit, Population
from thalia.compiler.plan import SECOND, Group, Member, group_name
from thalia.compiler.resolve.neuromodulators import IN_NEURONS, Modulators
from thalia.compiler.resolve.receptors import Ports, Received, inputs_of
from thalia.errors import Path, did_you_mean
from thalia.library.schema import Neuron
from thalia.syntax.dimensions import check_equation, check_statement, dimension_of
from thalia.syntax.equations import (
    Equation,
    EquationError,
    Statement,
    identifiers,
    rename,
    rename_equation,
    rename_statement,
)
from thalia.syntax.fields import expect
from thalia.syntax.units import DIMENSIONLESS, Dimension, Value, dimension_name, parse_value


class Populations:
    """Makes the groups of populations, and checks that each has a place for all that reaches it."""

    def __init__(self, circuit: Circuit, ports: Ports, modulators: Modulators):
        self.circuit, self.ports, self.modulators = circuit, ports, modulators
        self.problem, self.attempt = ports.problem, ports.attempt

    def group(self, name: str, population: Population, received: Received) -> Group | None:
        path: Path = ("populations", name)
        part = self.attempt((*path, "neuron"), self.circuit.part, "neurons", population.neuron)
        if not isinstance(part, Neuron):
            return None
        parameters = self.ports.parameters(part, population.parameters, (*path, "parameters"))
        if parameters is None:
            return None
        read = frozenset().union(*(identifiers(e.right) for e in part.equations if e.right))
        receives = {name: dimension for name, dimension in inputs_of(part).items() if name in read}
        fits = self.inputs_fit(path, population, received, receives)
        model, threshold, reset = self.modulated(part, population, parameters, path)
        group = Group(
            name=group_name(name),
            part=population.neuron,
            members=(),
            model=model,
            threshold=threshold,
            reset=reset,
            refractory=part.refractory,
            parameters={key: value.dimension for key, value in parameters.items()},
            inputs=tuple(received.inputs.values()),
            receives=receives,
        )
        for index, key in enumerate(population.from_task):
            if key not in parameters:
                message = f"'{key}' is not a parameter of {population.neuron}"
                self.problem((*path, "from_task", index), message, did_you_mean(key, parameters))
        values = {key: (value,) for key, value in parameters.items()} | received.parameters
        initial = self.initial(part, population, parameters, path)
        if fits:
            own = population.neuron in self.circuit.neurons
            self.check_group(group, ("neurons", population.neuron) if own else (*path, "neuron"))
        member = Member(
            name, 0, population.size or 1, values, initial, population.space, population.from_task
        )
        return replace(group, members=(member,))

    def modulated(
        self, part: Neuron, population: Population, parameters: dict[str, Value], path: Path
    ) -> tuple[tuple[Equation, ...], str, tuple[Statement, ...]]:
        """The neuron's equations, threshold and reset, with parameters that modulators change where the circuit says so."""
        added, names = [], {}
        dimensions = {key: value.dimension for key, value in parameters.items()}
        for name, text in population.modulation.items():
            here = (*path, "modulation", name)
            if name != "gain" and name not in parameters:
                self.problem(
                    here,
                    f"'{name}' is not a parameter of {population.neuron}",
                    did_you_mean(name, ["gain", *parameters]),
                )
                continue
            wanted = dimensions.get(name, DIMENSIONLESS)
            right = self.modulators.expression(text, here, IN_NEURONS, dimensions, wanted)
            if right is not None:
                added.append(
                    Equation(
                        "expression", f"{name}_modulated", right, wanted, ("constant over dt",)
                    )
                )
                key = name if name != "gain" else "input_current"
                names[key] = (
                    f"{name}_modulated" if name != "gain" else f"({name}_modulated*input_current)"
                )
        if not names:
            return part.equations, part.threshold, part.reset
        equations = tuple(rename_equation(equation, names) for equation in part.equations)
        return (
            (*added, *equations),
            rename(part.threshold, names),
            tuple(rename_statement(s, names) for s in part.reset),
        )

    def inputs_fit(
        self, path: Path, population: Population, received: Received, receives: dict[str, Dimension]
    ) -> bool:
        """Whether the neuron model has a place for everything that reaches it."""
        wrong = [
            origin
            for name, origin in received.origins.items()
            if not received.inputs[name].is_state and received.inputs[name].into not in receives
        ]
        what, hint = "a rate", "connect to a population of neurons instead"
        if "input_current" not in receives:
            what = "spikes through a synapse, or a current"
            hint = "only stimuli of a rate reach it" if receives else hint
        for origin in wrong:
            self.problem(
                origin, f"{path[1]} is a '{population.neuron}' and cannot receive {what}", hint
            )
        return not wrong

    def initial(
        self, part: Neuron, population: Population, parameters: dict[str, Value], path: Path
    ) -> dict[str, Value]:
        states = {
            equation.name: equation.dimension
            for equation in part.equations
            if equation.kind == "ode"
        }
        initial: dict[str, Value] = {}
        for name, raw in part.initial.items():
            initial[name] = (
                parameters[raw] if isinstance(raw, str) and raw in parameters else parse_value(raw)
            )
        for name, value in population.initial.items():
            here = (*path, "initial", name)
            if name not in states:
                self.problem(
                    here,
                    f"'{name}' is not a state variable of {population.neuron}",
                    did_you_mean(name, states),
                )
            elif self.attempt(here, expect, value, states[name]):
                initial[name] = value
        return initial

    def check_group(self, group: Group, path: Path) -> None:
        names = group.variables() | ({"not_refractory": DIMENSIONLESS} if group.refractory else {})
        of_rules = {
            equation.name for each in group.inputs if each.is_state for equation in each.equations
        }
        of_rules |= {
            equation.name for equation in group.model if equation.name.endswith("_modulated")
        }
        for equation in group.equations():
            if equation.name not in of_rules:  # those are checked with their rules
                self.attempt(path, check_equation, equation, names)
        for statement in group.reset:
            self.attempt(path, check_statement, statement, names)
        for expression, wanted in ((group.threshold, DIMENSIONLESS), (group.refractory, SECOND)):
            if expression:
                self.attempt(path, _expect_dimension, expression, names, wanted)


def _expect_dimension(expression: str, names: Mapping[str, Dimension], wanted: Dimension) -> None:
    found = dimension_of(expression, names)
    if found != wanted:
        raise EquationError(
            f"'{expression}': expected {dimension_name(wanted)}, it is a {dimension_name(found)}"
        )

"""Populations: the group of each, with its equations, what it receives, and the numbers of both."""

from collections.abc import Iterable, Mapping

from thalia.circuit.limits import MOST_EQUATIONS, MOST_INPUTS, MOST_TEXT
from thalia.circuit.spec import Circuit, Population
from thalia.compiler.plan import IN_NEURONS, SECOND, Group, Input, Member, group_name
from thalia.compiler.resolve.components import (
    Parameters,
    Written,
    component,
    parameters,
    written,
)
from thalia.compiler.resolve.inputs import Received
from thalia.compiler.resolve.neuromodulators import Modulators, expression
from thalia.compiler.resolve.ranges import CONDUCTANCE, check_conductance
from thalia.compiler.resolve.receptors import inputs_of
from thalia.errors import Diagnostics, Path, did_you_mean
from thalia.library.schema import Neuron, Synapse
from thalia.syntax.constant_parts import check_constant_parts
from thalia.syntax.dimensions import check_equation, check_statement, expect_dimension
from thalia.syntax.equations import (
    Equation,
    Statement,
    degree,
    identifiers,
    rename,
    rename_equation,
    rename_statement,
    written_out,
)
from thalia.syntax.expression_size import check_sizes
from thalia.syntax.fields import expect
from thalia.syntax.units import DIMENSIONLESS, Dimension, parse_value


def build_groups(
    circuit: Circuit,
    received: Mapping[str, Received],
    modulators: Modulators,
    diagnostics: Diagnostics,
) -> dict[str, Group]:
    """The group of each population of a circuit, without those that have mistakes."""
    found: dict[str, Group] = {}
    number, text, seen = 0, 0, set[tuple[Equation, ...]]()
    for name, population in circuit.populations.items():
        group = _group(circuit, name, population, received[name], modulators, diagnostics)
        if group is None:
            continue
        found[name] = group
        equations = group.equations()
        number += len(equations)
        text += 0 if equations in seen else sum(len(each.right) for each in equations)
        seen.add(equations)
        if number > MOST_EQUATIONS or text > MOST_TEXT:
            diagnostics.error(("populations",), *_TOO_MUCH)
            break
        _check_group(circuit, name, group, received[name], diagnostics)
    return found


_TOO_MUCH = (
    f"have more than {MOST_EQUATIONS:,} equations together, or {MOST_TEXT:,} characters of "
    "equations where they differ, with those of what they receive",
    "let populations have parameters that differ in place of equations, or join some",
)


def _group(
    circuit: Circuit,
    name: str,
    population: Population,
    received: Received,
    modulators: Modulators,
    diagnostics: Diagnostics,
) -> Group | None:
    path: Path = ("populations", name)
    part = component(circuit, Neuron, population.neuron, (*path, "neuron"), diagnostics)
    if part is None:
        return None
    values = parameters(part, population.parameters, (*path, "parameters"), diagnostics)
    if values is None or _too_many(received, path, diagnostics):
        return None
    read = frozenset().union(*(identifiers(e.right) for e in part.equations if e.right))
    receives = {key: dimension for key, dimension in inputs_of(part).items() if key in read}
    for index, key in enumerate(population.from_task):
        if key not in values:
            message = f"'{key}' is not a parameter of {population.neuron}"
            hint = did_you_mean(key, values)
            diagnostics.error((*path, "from_task", index), message, hint)
    model, threshold, reset = _modulated(part, population, values, path, modulators, diagnostics)
    member = Member(
        name,
        0,
        population.size or 1,
        {**{key: (value,) for key, value in values.items()}, **received.parameters},
        _initial(part, population, values, received, path, diagnostics),
        population.space,
        population.from_task,
        population.nodes.identifiers if population.nodes else None,
        population.nodes.columns if population.nodes else {},
        population.nodes.dimensions if population.nodes else {},
    )
    return Group(
        name=group_name(name),
        part=population.neuron,
        members=(member,),
        model=model,
        threshold=threshold,
        reset=reset,
        refractory=part.refractory,
        parameters={key: value.dimension for key, value in values.items()},
        inputs=tuple(received.inputs.values()),
        receives=receives,
        method=population.method or part.method or "",
        substeps=population.substeps or part.substeps,
        update=() if population.method or population.substeps else part.update,
    )


def _check_group(
    circuit: Circuit, name: str, group: Group, received: Received, diagnostics: Diagnostics
) -> None:
    """Check what a population receives, its equations, and how they are integrated."""
    path, population = ("populations", name), circuit.populations[name]
    is_own = population.neuron in circuit.neurons or population.neuron.endswith(".yaml")
    has_potential = any(equation.name == "v" for equation in group.model)
    accepted = (group.receives, has_potential)
    _check_gain(population, received, path, diagnostics)
    if _inputs_fit(name, population, received, accepted, is_own, diagnostics):
        _check_equations(circuit, group, received, (*path, "neuron"), diagnostics)
        _check_method(group, population, path, diagnostics)


def _check_gain(
    population: Population, received: Received, path: Path, diagnostics: Diagnostics
) -> None:
    """Refuse a gain of input that is no current, and would stay as it is."""
    jumps = [
        ".".join(map(str, received.origins[key]))
        for key, each in received.inputs.items()
        if not each.term and not each.is_state
    ]
    if "gain" in population.modulation and jumps:
        message = f"'gain' multiplies currents, and {', '.join(jumps)} changes the potential itself"
        hint = "use a synapse with a current, such as current_exp, or `release:` of a pathway"
        diagnostics.error((*path, "modulation", "gain"), message, hint)


def _too_many(received: Received, path: Path, diagnostics: Diagnostics) -> bool:
    """Whether more is added up than an equation can hold, which is told."""
    count = sum(bool(each.term) for each in received.inputs.values())
    if count > MOST_INPUTS:
        diagnostics.error(
            path,
            f"receives {count:,} stimuli and kinds of synapses, expected at most {MOST_INPUTS}",
            "make several stimuli one: of values over time, from an array or a file",
        )
    return count > MOST_INPUTS


def _modulated(
    part: Neuron,
    population: Population,
    values: Parameters,
    path: Path,
    modulators: Modulators,
    diagnostics: Diagnostics,
) -> tuple[tuple[Equation, ...], str, tuple[Statement, ...]]:
    """The neuron's equations, threshold and reset, with parameters that modulators change."""
    added, names = [], {}
    dimensions = {key: value.dimension for key, value in values.items()}
    for name, text in population.modulation.items():
        here = (*path, "modulation", name)
        if name != "gain" and name not in values:
            message = f"'{name}' is not a parameter of {population.neuron}"
            diagnostics.error(here, message, did_you_mean(name, ["gain", *values]))
            continue
        wanted = dimensions.get(name, DIMENSIONLESS)
        right = expression(text, here, IN_NEURONS, modulators, diagnostics, dimensions, wanted)
        if right is None:
            continue
        made = f"{name}_modulated"
        added.append(Equation("expression", made, right, wanted, ("constant over dt",)))
        if name == "gain":
            names["input_current"] = f"({made}*input_current)"
        else:
            names[name] = made
    if not names:
        return part.equations, part.threshold, part.reset
    equations = tuple(rename_equation(equation, names) for equation in part.equations)
    reset = tuple(rename_statement(statement, names) for statement in part.reset)
    return (*added, *equations), rename(part.threshold, names), reset


def _inputs_fit(
    name: str,
    population: Population,
    received: Received,
    takes: tuple[Mapping[str, Dimension], bool],
    is_own: bool,
    diagnostics: Diagnostics,
) -> bool:
    """Whether the neuron model has a place for everything that reaches it.

    `takes` are the inputs that it reads, and whether it has a `v`, which synapses without a current
    change themselves.
    """
    receives, has_potential = takes
    wrong = [
        origin
        for key, origin in received.origins.items()
        for each in (received.inputs[key],)
        if (each.term or not each.is_state)
        and each.into not in receives
        and (each.term or not has_potential)
    ]
    what, hint = "a rate", "rates are for sources, such as 'poisson'"
    if "input_current" not in receives:
        what = "spikes through a synapse, or a current"
        hint = (
            "it only accepts stimuli that are rates"
            if receives
            else "connect to a population of neurons instead"
        )
        if is_own:
            hint = (
                f"let an equation of '{population.neuron}' read it, "
                "as in `dv/dt = … + input_current/c_m : volt`"
            )
    for origin in wrong:
        message = f"{name} is a '{population.neuron}' and cannot receive {what}"
        diagnostics.error(origin, message, hint)
    return not wrong


def _initial(
    part: Neuron,
    population: Population,
    values: Parameters,
    received: Received,
    path: Path,
    diagnostics: Diagnostics,
) -> Parameters:
    """Where state variables start, also those of receptors: as the circuit says, or the model."""
    receptors = [each for each in received.inputs.values() if not each.is_state]
    of_receptors = {
        e.name: e.dimension for each in receptors for e in each.equations if e.kind == "ode"
    }
    states = {e.name: e.dimension for e in part.equations if e.kind == "ode"} | of_receptors
    initial: Parameters = {}
    for name, raw in part.initial.items():
        is_parameter = isinstance(raw, str) and raw in values
        initial[name] = values[str(raw)] if is_parameter else parse_value(raw)
    for name, value in population.initial.items():
        here = (*path, "initial", name)
        if name not in states:
            message = f"'{name}' is not a state variable of {population.neuron}"
            diagnostics.error(here, message, did_you_mean(name, states))
            continue
        with diagnostics.catch(here):
            initial[name] = expect(value, states[name])
            if name in of_receptors and states[name] == CONDUCTANCE:
                check_conductance(value, here, diagnostics)
    return initial


def _check_equations(
    circuit: Circuit,
    group: Group,
    received: Received,
    path: Path,
    diagnostics: Diagnostics,
) -> None:
    """Check the dimensions of everything but the state of rules, which is checked with its rule."""
    here = written(circuit, Neuron, group.part, path)
    names = group.variables() | ({"not_refractory": DIMENSIONLESS} if group.refractory else {})
    for equation in group.model:
        if not equation.name.endswith("_modulated"):
            with here.catch(("equations",), equation.at, diagnostics):
                check_equation(equation, names)
    for name, each in received.inputs.items():
        if not each.is_state:
            there = _receptor_at(circuit, received.origins[name])
            _check_input(each, group.receives, names, there, diagnostics)
    for key, statements in (("reset", group.reset), ("update", group.update)):
        for statement in statements:
            with here.catch((key,), statement.at, diagnostics):
                check_statement(statement, names)
    for key, text, wanted in (
        ("threshold", group.threshold, DIMENSIONLESS),
        ("refractory", group.refractory, SECOND),
    ):
        with here.catch((key,), (0, 0), diagnostics):
            expect_dimension(text, names, wanted)
    with here.catch(("equations",), None, diagnostics):
        check_sizes(group.equations())
        check_constant_parts(group.equations())


def _receptor_at(circuit: Circuit, origin: Path) -> Written:
    """Where the synapse model is written through which an input arrives."""
    kind, name = origin[0], str(origin[1])
    if kind == "stimuli" and circuit.stimuli[name].weight is None:
        return Written(origin)
    use = circuit.pathways[name].receptor if kind == "pathways" else circuit.stimuli[name].through
    return written(circuit, Synapse, use.part, origin)


def _check_input(
    received: Input,
    receives: Mapping[str, Dimension],
    names: Mapping[str, Dimension],
    there: Written,
    diagnostics: Diagnostics,
) -> None:
    """Check what an input adds to a neuron: its equations, and the term of the neuron's input."""
    for equation in received.equations:
        with there.catch(("neuron",), equation.at, diagnostics):
            check_equation(equation, names)
    with there.catch(("current",), (0, 0), diagnostics):
        expect_dimension(received.term, names, receives.get(received.into, DIMENSIONLESS))


def _check_method(
    group: Group, population: Population, path: Path, diagnostics: Diagnostics
) -> None:
    """Refuse a method that cannot integrate the equations, or that would do nothing."""
    integration = group.integration
    asked = integration.method in ("exponential_euler", "rk2", "rk4")
    rights = written_out(group.equations()) if asked else {}
    if integration.method == "exponential_euler":
        curved = [name for name in integration.chosen if degree(rights[name], {name}) > 1]
        if curved:
            message = f"exponential_euler needs an equation linear in {curved[0]} itself"
            diagnostics.error((*path, "method"), message, "remove it, or choose rk2 or rk4")
    if any("xi" in identifiers(right) for right in rights.values()):
        message = f"{integration.method} cannot integrate noise"
        diagnostics.error((*path, "method"), message, "remove it, or choose euler")
    if population.substeps is not None and not integration.flows:
        message = f"nothing of {population.neuron} is integrated in parts of a step"
        diagnostics.error((*path, "substeps"), message, "remove 'substeps'")


def of_first_order(groups: Iterable[Group]) -> tuple[str, ...]:
    """What a report says of the groups whose method is of first order."""
    return tuple(
        f"{member.name} is integrated by {group.integration.method}, of first order: "
        "halving dt only halves the error"
        for group in groups
        for member in group.members
        if group.integration.is_of_first_order
    )

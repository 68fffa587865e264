"""Dimensions of the equations and statements of rules, and the neuron variables that they need."""

from collections.abc import Iterable

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import Group
from thalia.compiler.resolve.applied_rule import AppliedRule
from thalia.errors import Diagnostics, Path
from thalia.library.lookup import neurons_with
from thalia.library.schema import EVENTS, Rule
from thalia.syntax.dimensions import check_equation, check_statement
from thalia.syntax.equations import WEIGHT, weighing
from thalia.syntax.units import DIMENSIONLESS, Dimension


def check_rule(
    circuit: Circuit,
    rule: AppliedRule,
    weight: Dimension,
    pre: Group,
    post: Group,
    diagnostics: Diagnostics,
) -> None:
    """Check a rule between two groups, for weights of a dimension."""
    part, path = rule.part, _written_at(circuit, rule)
    inside = {e.name: e.dimension for e in part.neuron} | {
        name: value.dimension for name, value in rule.values.items()
    }
    there = {e.name: e.dimension for e in post.model} | post.parameters
    there["plastic"] = DIMENSIONLESS
    if not _neuron_suffices(rule, inside, there, post, diagnostics):
        return
    for equation in part.neuron:
        with diagnostics.catch((*path, "neuron")):
            check_equation(equation, there | inside)
    for statement in part.on_spike:
        with diagnostics.catch((*path, "on_spike")):
            check_statement(statement, there | inside)
    names = inside | {f"{name}_post": dimension for name, dimension in there.items()}
    names |= {f"{e.name}_pre": e.dimension for e in pre.model}
    names |= {e.name: weight if e.dimension == WEIGHT else e.dimension for e in part.equations}
    names |= dict.fromkeys(("w", "w_min", "w_max", "change"), weight)
    names |= dict.fromkeys(("plastic", "efficacy", "modulator"), DIMENSIONLESS)
    for equation in part.equations:
        with diagnostics.catch((*path, "equations")):
            check_equation(weighing(equation, weight), names)
    for event in EVENTS:
        for statement in rule.statements(event):
            with diagnostics.catch((*path, event)):
                check_statement(statement, names)


def _written_at(circuit: Circuit, rule: AppliedRule) -> Path:
    """Where a rule is written, if that is in the circuit; else where it is used."""
    is_rule = isinstance(rule.part, Rule)
    own = circuit.rules if is_rule else circuit.synapses
    return ("rules" if is_rule else "synapses", rule.name) if rule.name in own else rule.path


def _neuron_suffices(
    rule: AppliedRule,
    inside: Iterable[str],
    there: Iterable[str],
    post: Group,
    diagnostics: Diagnostics,
) -> bool:
    """Whether the postsynaptic neuron has the variables that a rule reads."""
    part, population = rule.part, post.members[0].name
    missing = sorted(part.reads_of_the_neuron() - {*there} - {*inside})
    for name in missing:
        message = (
            f"{rule.name} needs the neuron variable '{name}', "
            f"which {population} (a '{post.part}') lacks"
        )
        diagnostics.error(rule.path, message, neurons_hint(name))
    if (part.neuron or part.on_spike) and post.plays_spikes:
        message = (
            f"{rule.name} keeps state in the neurons, and {population} only plays given spikes"
        )
        diagnostics.error(rule.path, message, "make it a population of neurons")
        return False
    return not missing


def neurons_hint(variable: str) -> str:
    """Which neuron models of the library have a variable."""
    neurons = neurons_with([variable])
    if neurons:
        return f"neurons that have it: {', '.join(neurons)}"
    return "no neuron of the library has it"

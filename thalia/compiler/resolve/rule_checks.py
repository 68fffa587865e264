"""Dimensions of the equations and statements of rules, and the neuron variables that they need."""

from collections.abc import Iterable

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import AMPERE, Group
from thalia.compiler.resolve.applied_rule import AppliedRule
from thalia.compiler.resolve.components import written
from thalia.compiler.resolve.rule_state import initial_value
from thalia.errors import Diagnostics, Path
from thalia.library.lookup import neurons_with
from thalia.library.schema import EVENTS, Rule, Synapse
from thalia.syntax.constant_parts import check_constant_parts
from thalia.syntax.dimensions import check_equation, check_statement, expect_dimension
from thalia.syntax.equations import WEIGHT, Equation, Statement, identifiers, weighing
from thalia.syntax.expression_size import check_sizes
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
    part = rule.part
    here = written(circuit, Rule if isinstance(part, Rule) else Synapse, rule.name, rule.path)
    inside = {e.name: e.dimension for e in part.neuron} | {
        name: value.dimension for name, value in rule.values.items()
    }
    there = {e.name: e.dimension for e in post.model} | post.parameters
    there["plastic"] = DIMENSIONLESS
    if not _neuron_suffices(rule, inside, there, post, diagnostics):
        return
    in_neuron: list[tuple[Path, Equation | Statement]] = [
        *((("neuron",), equation) for equation in part.neuron),
        *((("on_spike",), statement) for statement in part.on_spike),
    ]
    if isinstance(part, Rule):
        in_neuron += [(("on_instruction",), statement) for statement in part.on_instruction]
        in_neuron += [(("before_step",), statement) for statement in part.before_step]
    names = inside | {f"{name}_post": dimension for name, dimension in there.items()}
    names |= {f"{e.name}_pre": e.dimension for e in pre.model}
    names |= {e.name: weight if e.dimension == WEIGHT else e.dimension for e in part.equations}
    names |= dict.fromkeys(("w", "w_min", "w_max", "change"), weight)
    names |= dict.fromkeys(("plastic", "efficacy"), DIMENSIONLESS)
    if isinstance(part, Rule):
        names["modulator"] = DIMENSIONLESS
    in_synapse: list[tuple[Path, Equation | Statement]] = [
        (("equations",), weighing(equation, weight)) for equation in part.equations
    ]
    in_synapse += [
        (key, statement)
        for event in EVENTS
        for key, statement in part.placed_statements(event, rule.pairing)
    ]
    if rule.learning_rate:
        rate = Equation("expression", "learning_rate", rule.learning_rate, DIMENSIONLESS)
        in_synapse.append((("learning_rate",), rate))
    for known, placed in ((there | inside, in_neuron), (names, in_synapse)):
        for key, each in placed:
            with here.catch(key, each.at, diagnostics):
                check = check_equation if isinstance(each, Equation) else check_statement
                check(each, known)  # type: ignore[arg-type]
    if isinstance(part, Rule) and part.current:
        with here.catch(("current",), (0, 0), diagnostics):
            expect_dimension(part.current, there | inside, AMPERE)
    _check_initial(rule, diagnostics)
    with here.catch(("equations",), None, diagnostics):
        check_sizes(part.equations)
        check_constant_parts(part.equations)
    with here.catch(("neuron",), None, diagnostics):
        check_sizes(part.neuron)
        check_constant_parts(part.neuron)


def _check_initial(rule: AppliedRule, diagnostics: Diagnostics) -> None:
    """Refuse random parameters in expressions of initial values, which take one number of each."""
    for name, raw in rule.part.initial.items():
        found = initial_value(raw, {})
        if isinstance(found, str) and found not in rule.values:
            for key in sorted(identifiers(found) & rule.values.keys()):
                if rule.values[key].is_random:
                    message = (
                        f"expected one number, from which '{name}' begins, found {rule.values[key]}"
                    )
                    diagnostics.error((*rule.path, key), message)


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

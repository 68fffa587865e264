"""Structural plasticity: how the rules of a pathway prune and grow its synapses."""

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import SECOND, Rewiring
from thalia.compiler.resolve.applied_rule import AppliedRule
from thalia.errors import Diagnostics
from thalia.library import rule_keys
from thalia.syntax.dimensions import dimension_of
from thalia.syntax.equations import evaluate
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import DIMENSIONLESS, Value, a_dimension


def rewiring_of(
    circuit: Circuit,
    rules: tuple[AppliedRule, ...],
    low: Value,
    high: Value,
    diagnostics: Diagnostics,
) -> Rewiring | None:
    """How rules rewire a pathway, given the bounds of its weights; None if they do not."""
    found = [(rule, rule.rewiring) for rule in rules if rule.rewiring]
    for rule, _ in found[1:]:
        message = "a pathway is rewired by one rule only"
        diagnostics.error(rule.path, message, "remove one of them")
    if not found:
        return None
    rule, written = found[0]
    _check_company(rule, rules, low, diagnostics)
    rewiring = _in_numbers(rule, written, high, diagnostics)
    if rewiring:
        _check_numbers(circuit, rule, written, rewiring, high, diagnostics)
    return rewiring


def _check_company(
    rule: AppliedRule, rules: tuple[AppliedRule, ...], low: Value, diagnostics: Diagnostics
) -> None:
    """Note what a rule that rewires cannot be used with."""
    if low.mean != 0:
        message = f"{rule.name} prunes to a weight of zero, found w_min = {low}"
        diagnostics.error((*rule.path[:2], "w_min"), message, "remove it")
    for other in rules:
        if any(isinstance(raw, str) and "sum(" in raw for raw in other.part.initial.values()):
            message = (
                f"{other.name} counts the synapses of a neuron once, "
                f"and {rule.name} changes which there are"
            )
            diagnostics.error(other.path, message, "remove one of them")
    for name, value in rule.values.items():
        if value.is_random:
            message = f"expected one number for all synapses, found {value}"
            diagnostics.error((*rule.path, name), message)


def _in_numbers(
    rule: AppliedRule, written: rule_keys.Rewiring, high: Value, diagnostics: Diagnostics
) -> Rewiring | None:
    """What a rule says about rewiring, in SI."""
    numbers = {name: value.mean for name, value in rule.values.items()} | {"w_max": high.mean}
    dimensions = {name: value.dimension for name, value in rule.values.items()} | {
        "w_max": high.dimension
    }
    wanted = {"every": SECOND, "below": high.dimension, "weight": high.dimension}
    read = {}
    for key in ("every", "below", "share", "start", "growth", "weight"):
        expression, dimension = getattr(written, key), wanted.get(key, DIMENSIONLESS)
        try:
            if (found := dimension_of(expression, dimensions)) != dimension:
                what = f"expected {a_dimension(dimension)}, but it is {a_dimension(found)}"
                diagnostics.error(rule.path, f"rewiring.{key}: '{expression}': {what}")
                return None
            read[key] = float(evaluate(expression, numbers))
        except (EquationError, ZeroDivisionError) as error:
            diagnostics.error(rule.path, f"rewiring.{key}: {error}")
            return None
    return Rewiring(f"{rule.word}_connected", **read)


def _check_numbers(
    circuit: Circuit,
    rule: AppliedRule,
    written: rule_keys.Rewiring,
    rewiring: Rewiring,
    high: Value,
    diagnostics: Diagnostics,
) -> None:
    """Note which of the numbers are out of range."""
    for key in ("share", "start", "growth"):
        number, name = getattr(rewiring, key), getattr(written, key)
        if not 0 <= number <= 1:
            message = f"expected a fraction from 0 to 1, found {number:g}"
            diagnostics.error((*rule.path, name), message, f"it is the {key}")
    if not rewiring.below <= rewiring.weight <= high.mean:
        grown, pruned = rewiring.weight / high.mean, rewiring.below / high.mean
        message = (
            "a synapse that grows would be pruned at once, or be above w_max: "
            f"{grown:.4g} of w_max, pruned below {pruned:.4g}"
        )
        diagnostics.error(rule.path, message, "let it grow with a weight between the two")
    if rewiring.every < circuit.dt.mean:
        message = f"expected at least {circuit.dt}, the time step"
        diagnostics.error((*rule.path, written.every), message)

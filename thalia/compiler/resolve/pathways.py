"""Pathways with their receptor and their rules; weights, bounds and delays checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.resolve.applied_rule import AppliedRule
from thalia.compiler.resolve.null_models import check_null_model
from thalia.compiler.resolve.phases import plastic_in
from thalia.compiler.resolve.plasticity import AppliedRules
from thalia.compiler.resolve.ranges import (
    CONDUCTANCE,
    NEGLIGIBLE,
    check_conductance,
    check_delay,
    check_limits,
)
from thalia.compiler.resolve.receptors import Receptor
from thalia.errors import Diagnostics, Path
from thalia.syntax.distributions import percent
from thalia.syntax.fields import expect
from thalia.syntax.given import Given
from thalia.syntax.time_grid import MOST_SHORT, too_many_steps
from thalia.syntax.units import (
    DIMENSIONLESS,
    Value,
    ValueSyntaxError,
    a_dimension,
    constant,
    display_unit,
)


@dataclass(frozen=True)
class ResolvedPathway:
    """A pathway whose ends, receptor and weight are found to be right.

    `applied` are its rules as written, `rules` those that ever act: none where plasticity is off in
    every phase, so that it fuses with static pathways. `w_min` and `w_max` bound plastic weights.
    `weight` is the same whether or not the rules ever act.
    """

    name: str
    pathway: Pathway
    receptor: Receptor
    applied: AppliedRules
    rules: tuple[AppliedRule, ...]
    plastic: tuple[bool, ...]
    weight: Value
    w_min: Value | None
    w_max: Value | None

    @property
    def path(self) -> Path:
        """Where it is written."""
        return ("pathways", self.name)

    @property
    def pre(self) -> str:
        """The presynaptic population."""
        return self.pathway.pre[0]

    @property
    def post(self) -> str:
        """The postsynaptic population."""
        return self.pathway.post[0]

    @property
    def acting(self) -> tuple[AppliedRule, ...]:
        """Everything that changes the effect of a spike, in the order in which it acts."""
        return (*self.applied.efficacies, *self.rules)


def resolve_pathways(
    circuit: Circuit,
    receptors: Mapping[Path, Receptor],
    rules: Mapping[str, AppliedRules],
    diagnostics: Diagnostics,
) -> tuple[ResolvedPathway, ...]:
    """The pathways of a circuit, without those that have mistakes."""
    resolved = (
        _resolved(
            circuit,
            name,
            pathway,
            receptors.get(("pathways", name)),
            rules[name],
            diagnostics,
        )
        for name, pathway in circuit.pathways.items()
    )
    found = tuple(filter(None, resolved))
    _check_opposite(circuit, receptors, diagnostics)
    return found


def _resolved(
    circuit: Circuit,
    name: str,
    pathway: Pathway,
    receptor: Receptor | None,
    applied: AppliedRules,
    diagnostics: Diagnostics,
) -> ResolvedPathway | None:
    path: Path = ("pathways", name)
    known = circuit.populations
    for side, end in (("pre", pathway.pre[0]), ("post", pathway.post[0])):
        if end not in known:
            diagnostics.unknown((*path, side), "populations", end, known)
    if receptor is None or not _numbers_fit(circuit, pathway, path, receptor, diagnostics):
        return None
    weight, low, high = pathway.weight[0][0], None, None
    if pathway.rules:
        weight, low, high = _bounded(pathway, path, diagnostics)
    if pathway.pre[0] not in known or pathway.post[0] not in known:
        return None
    plastic, rules = plastic_in(circuit, name), applied.rules
    if not any(plastic) and not any(rule.rewiring for rule in rules):
        rules, low, high = (), None, None
    return ResolvedPathway(name, pathway, receptor, applied, rules, plastic, weight, low, high)


def _numbers_fit(
    circuit: Circuit, pathway: Pathway, path: Path, receptor: Receptor, diagnostics: Diagnostics
) -> bool:
    """Whether the weight is of the receptor's dimension; also checks signs and delays."""
    weight = pathway.weight[0][0]
    check_null_model(pathway, path, diagnostics)
    if receptor.weight == CONDUCTANCE == weight.dimension:
        check_conductance(weight, (*path, "weight"), diagnostics)
    if receptor.part.symmetric:
        _check_symmetric(pathway, path, diagnostics)
    if receptor.sums:
        _check_graded(pathway, path, diagnostics)
    else:
        _check_delays(circuit, pathway, path, diagnostics)
    with diagnostics.catch((*path, "weight")):
        if isinstance(weight, Given) and weight.dimension == DIMENSIONLESS != receptor.weight:
            message = (
                f"expected {a_dimension(receptor.weight)}, found '{weight.formula}', a bare number"
            )
            unit = display_unit(receptor.weight)[0]
            raise ValueSyntaxError(message, f"write the unit, as in `{weight.formula} * {unit}`")
        expect(weight, receptor.weight)
        check_limits(circuit, pathway.receptor, weight, (*path, "weight"), diagnostics)
        return True
    return False


def _check_graded(pathway: Pathway, path: Path, diagnostics: Diagnostics) -> None:
    """Graded transmission has no delay, and no spikes whose effect could be scaled."""
    name = pathway.receptor.part
    for delays in (pathway.delay.axonal, pathway.delay.dendritic):
        delay = delays[0][0]
        if delay.mean or delay.is_random:
            message = f"'{name}' transmits in every step, and has no delay, found {delay}"
            diagnostics.error((*path, "delay"), message, "remove 'delay'")
    for scales, key in ((pathway.synapse[:-1], "synapse"), (pathway.release, "release")):
        if scales:
            message = f"'{name}' transmits without spikes, and this scales what a spike does"
            diagnostics.error((*path, key), message, "remove it")


def _check_symmetric(pathway: Pathway, path: Path, diagnostics: Diagnostics) -> None:
    """What acts on both neurons alike has no sides, and is declared once."""
    name, (pre,), (post,) = pathway.receptor.part, pathway.pre, pathway.post
    if pathway.compartment:
        message = f"'{name}' couples the somata of both neurons, found '{pathway.compartment}'"
        diagnostics.error((*path, "compartment"), message, "remove it")
    if pre == post and pathway.connect.rule in OF_ONE_SIDE:
        message = f"'{name}' couples {pre} with itself, and '{pathway.connect.rule}' tells sides"
        hint = "connect pairs with a `probability`, or `all_to_all`"
        diagnostics.error((*path, "connect"), message, hint)


def _check_opposite(
    circuit: Circuit, receptors: Mapping[Path, Receptor], diagnostics: Diagnostics
) -> None:
    """One pathway couples two populations alike in both directions."""
    coupled: dict[tuple[str, str, str], str] = {}
    for name, pathway in circuit.pathways.items():
        receptor = receptors.get(("pathways", name))
        if receptor is None or not receptor.part.symmetric:
            continue
        part, pre, post = pathway.receptor.part, pathway.pre[0], pathway.post[0]
        if pre != post and (other := coupled.get((part, post, pre))):
            message = f"'{other}' couples {post} and {pre} in both directions, and so does this"
            diagnostics.error(("pathways", name, "pre"), message, "remove one of them")
        coupled.setdefault((part, pre, post), name)


OF_ONE_SIDE = ("one_to_one", "fixed_indegree", "fixed_outdegree", "fixed_total_number")


def _check_delays(circuit: Circuit, pathway: Pathway, path: Path, diagnostics: Diagnostics) -> None:
    for side in ("axonal", "dendritic"):
        delay = getattr(pathway.delay, side)[0][0]
        if side == "axonal" or delay.is_random or delay.mean:
            check_delay(delay, circuit.dt, f"{side} delay", (*path, "delay"), diagnostics)
        if not delay.is_random and not delay.mean / circuit.dt.mean < MOST_SHORT:
            with diagnostics.catch((*path, "delay")):
                raise too_many_steps(f"the {side} delay", delay.mean, circuit.dt.mean)


def _bounded(pathway: Pathway, path: Path, diagnostics: Diagnostics) -> tuple[Value, Value, Value]:
    """A plastic weight and its bounds: by default zero, and twice the mean weight.

    What is drawn is drawn within the bounds, outside of which a negligible share may be.
    """
    weight = pathway.weight[0][0]
    low = pathway.w_min or constant(0, weight.dimension)
    high = pathway.w_max or constant(2 * weight.mean, weight.dimension)
    before = len(diagnostics.problems)
    for key, bound in (("w_min", low), ("w_max", high)):
        with diagnostics.catch((*path, key)):
            expect(bound, weight.dimension)
            if bound.is_random:
                diagnostics.error((*path, key), f"expected one number, found {bound}")
    if len(diagnostics.problems) == before:
        _check_order(pathway, low, high, path, diagnostics)
    if len(diagnostics.problems) == before:
        _check_share(pathway, low, high, path, diagnostics)
    fits = len(diagnostics.problems) == before
    has_tails = weight.kind in ("normal", "lognormal")
    if fits and has_tails and weight.share(low.mean, high.mean) < 1:
        weight = weight.bounded(low.mean, high.mean)
    return weight, low, high


def _check_order(
    pathway: Pathway, low: Value, high: Value, path: Path, diagnostics: Diagnostics
) -> None:
    """Note bounds between which the mean weight is not, or no weight can change."""
    weight = pathway.weight[0][0]
    if pathway.w_max is None and weight.mean == 0:
        example = f"1 {display_unit(weight.dimension)[0]}".strip()
        message = f"w_max is by default twice the mean weight, and that is 0, found {weight}"
        hint = f"give the largest weight, as in `w_max: {example}`"
        diagnostics.error((*path, "weight"), message, hint)
        return
    least = -inf if low.mean < 0 and weight.dimension != CONDUCTANCE else 0.0
    if least <= low.mean <= weight.mean <= high.mean and low.mean < high.mean:
        return
    order = f"{'0 <= ' if least == 0 else ''}w_min <= weight <= w_max"
    message = f"expected {order}, found {low:.4g}, {weight:.4g}, {high:.4g}"
    hint = _bounds_hint(weight, low, high)
    if low.mean == high.mean:
        message, hint = f"no weight can change: w_min and w_max are both {high}", "raise w_max"
    diagnostics.error((*path, "weight"), message, hint)


def _bounds_hint(weight: Value, low: Value, high: Value) -> str:
    """How bounds are put right that do not contain the weight."""
    if weight.mean < 0 <= low.mean:
        hint = "plastic weights are positive: let an inhibitory synapse such as gaba_a carry"
        or_signed = "" if weight.dimension == CONDUCTANCE else "; or set w_min below zero"
        return f"{hint} the sign{or_signed}"
    if low.mean > high.mean:
        return "swap w_min and w_max"
    above = weight.mean > high.mean
    return "raise w_max, or lower the weight" if above else "lower w_min, or raise the weight"


def _check_share(
    pathway: Pathway, low: Value, high: Value, path: Path, diagnostics: Diagnostics
) -> None:
    """Note bounds that would change the weights with which the pathway starts."""
    weight = pathway.weight[0][0]
    if weight.is_formula:
        _check_extremes(weight, low, high, path, diagnostics)
        return
    for key, given, side, bound, inside, default in (
        ("w_min", pathway.w_min, "below", low, weight.bounded(low=low.mean), ""),
        ("w_max", pathway.w_max, "above", high, weight.bounded(high=high.mean), "twice the mean, "),
    ):
        cut = 1 - weight.share(*((low.mean,) if key == "w_min" else (-inf, high.mean)))
        if cut > NEGLIGIBLE:
            limit = f"{key} = {bound}" if given else f"{key}, by default {default}{bound:.4g}"
            message = f"{percent(cut)} of {weight:.4g} is {side} {limit}"
            other = "another " if given else ""
            hint = f"give {other}{key}"
            drawn = weight.kind not in ("spread", "given")
            hint += "" if not drawn else f", or draw no such weights: {inside:.4g}"
            diagnostics.error((*path, key if given else "weight"), message, hint)


def _check_extremes(
    weight: Value, low: Value, high: Value, path: Path, diagnostics: Diagnostics
) -> None:
    """Note bounds that a formula exceeds."""
    least, _, greatest = weight.arguments
    for key, bound, found, is_in in (
        ("w_min", low, least, least >= low.mean),
        ("w_max", high, greatest, greatest <= high.mean),
    ):
        if not is_in:
            reached = constant(found, weight.dimension)
            message = f"'{weight}' reaches {reached:.4g}, and {key} is {bound:.4g}"
            diagnostics.error((*path, key), message, f"give another {key}")

"""Pathways with their receptor and their rules; weights, bounds and delays checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.resolve.applied_rule import AppliedRule
from thalia.compiler.resolve.phases import plastic_in
from thalia.compiler.resolve.plasticity import AppliedRules
from thalia.compiler.resolve.receptors import Receptor
from thalia.errors import Diagnostics, Path
from thalia.syntax.fields import expect
from thalia.syntax.time_grid import MOST_SHORT, too_many_steps
from thalia.syntax.units import UNITS, Value, constant

CONDUCTANCE = UNITS["S"][1]


@dataclass(frozen=True)
class ResolvedPathway:
    """A pathway whose ends, receptor and weight are found to be right.

    `applied` are its rules as written, `rules` those that ever act: none where plasticity is off in
    every phase, so that it fuses with static pathways. `w_min` and `w_max` bound plastic weights.
    """

    name: str
    pathway: Pathway
    receptor: Receptor
    applied: AppliedRules
    rules: tuple[AppliedRule, ...]
    plastic: tuple[bool, ...]
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
    return tuple(filter(None, resolved))


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
    low, high = _bounds(pathway, path, diagnostics) if pathway.rules else (None, None)
    if pathway.pre[0] not in known or pathway.post[0] not in known:
        return None
    plastic = plastic_in(circuit, name)
    if any(plastic) or any(rule.rewiring for rule in applied.rules):
        return ResolvedPathway(name, pathway, receptor, applied, applied.rules, plastic, low, high)
    return ResolvedPathway(name, pathway, receptor, applied, (), plastic, None, None)


def _numbers_fit(
    circuit: Circuit, pathway: Pathway, path: Path, receptor: Receptor, diagnostics: Diagnostics
) -> bool:
    """Whether the weight is of the receptor's dimension; also checks signs, delays, positions."""
    weight = pathway.weight[0][0]
    _check_positions(circuit, pathway, path, diagnostics)
    if receptor.weight == CONDUCTANCE == weight.dimension:
        _check_conductance(weight, (*path, "weight"), diagnostics)
    if receptor.sums:
        _check_graded(pathway, path, diagnostics)
    else:
        _check_delays(circuit, pathway, path, diagnostics)
    with diagnostics.catch((*path, "weight")):
        expect(weight, receptor.weight)
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


def _check_delays(circuit: Circuit, pathway: Pathway, path: Path, diagnostics: Diagnostics) -> None:
    dt = circuit.dt
    for side in ("axonal", "dendritic"):
        delay = getattr(pathway.delay, side)[0][0]
        if (side == "axonal" or delay.least != 0) and delay.least < dt.mean * (1 - 1e-9):
            message = f"the {side} delay is below the time step of {dt}, found {delay}"
            hint = f"use at least {dt}: a spike takes effect at a later time step"
            diagnostics.error((*path, "delay"), message, hint)
        if not delay.is_random and not delay.mean / dt.mean < MOST_SHORT:
            with diagnostics.catch((*path, "delay")):
                raise too_many_steps(f"the {side} delay", delay.mean, dt.mean)


def _check_conductance(weight: Value, path: Path, diagnostics: Diagnostics) -> None:
    if weight.least < 0:
        message = f"a conductance cannot be negative, found {weight}"
        hint = (
            "an inhibitory conductance is positive and has a low reversal potential: gaba_a, gaba_b"
        )
        diagnostics.error(path, message, hint)
    elif weight.kind == "normal" and weight.low is None and weight.mean < 5 * weight.arguments[1]:
        message = f"a conductance cannot be negative, but {weight} yields negative values"
        hint = f"write {str(weight)[:-1]}, min=0 nS), or a lognormal"
        diagnostics.error(path, message, hint)


def _check_positions(
    circuit: Circuit, pathway: Pathway, path: Path, diagnostics: Diagnostics
) -> None:
    """A rule of distance needs populations that are in space, in the same number of dimensions."""
    ends = [circuit.populations.get(end[0]) for end in (pathway.pre, pathway.post)]
    if pathway.connect.rule != "distance" or None in ends:
        return
    dimensions = {len(end.space.extent) if end and end.space else 0 for end in ends}
    if 0 in dimensions or len(dimensions) > 1:
        message = (
            "connects by distance, but its populations are not both in a space of the same "
            "dimensions"
        )
        hint = "give each `space: {extent: [1 mm, 1 mm]}`"
        diagnostics.error((*path, "connect"), message, hint)


def _bounds(pathway: Pathway, path: Path, diagnostics: Diagnostics) -> tuple[Value, Value]:
    """The bounds of plastic weights: by default zero, and twice the mean weight."""
    weight = pathway.weight[0][0]
    low = pathway.w_min or constant(0, weight.dimension)
    high = pathway.w_max or constant(2 * weight.mean, weight.dimension)
    for key, bound in (("w_min", low), ("w_max", high)):
        with diagnostics.catch((*path, key)):
            expect(bound, weight.dimension)
    least = -inf if low.mean < 0 and weight.dimension != CONDUCTANCE else 0.0
    if not low.dimension == high.dimension == weight.dimension:
        return low, high
    if not least <= low.mean <= weight.mean <= high.mean:
        hint = _bounds_hint(weight, low, high)
        order = f"{'0 <= ' if least == 0 else ''}w_min <= weight <= w_max"
        message = f"expected {order}, found {low}, {weight}, {high}"
        diagnostics.error((*path, "weight"), message, hint)
    return low, high


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

"""Dale's law: the neurons of a population all excite, or all inhibit, whatever they reach."""

from collections.abc import Iterable

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import PathwayPlan, SynapseGroup
from thalia.errors import Diagnostics


def has_both_signs(pathway: PathwayPlan) -> bool:
    """Whether some of its weights are positive and others negative."""
    weight = pathway.weight
    if weight.is_formula:
        return weight.arguments[0] < 0 < weight.arguments[2]
    if pathway.w_min and pathway.w_min.mean < 0:
        return True
    return weight.is_random and 0.16 < weight.share(high=0) < 0.84  # normal(m, s), |m| < s


def check_signs(
    circuit: Circuit, synapses: Iterable[SynapseGroup], diagnostics: Diagnostics
) -> None:
    """Note the populations that excite along one pathway and inhibit along another."""
    found: dict[str, dict[bool, str]] = {}
    for each in synapses:
        if any("summed" in equation.flags for equation in each.equations):
            continue  # what is transmitted without spikes has both signs
        for pathway in each.members:
            here = found.setdefault(pathway.pre, {})
            if has_both_signs(pathway):
                here |= {kind: here.get(kind, pathway.name) for kind in (False, True)}
            elif pathway.weight.mean or pathway.inhibits:
                here.setdefault(pathway.inhibits, pathway.name)
    for name, kinds in found.items():
        if len(kinds) == 2 and not circuit.populations[name].excites_and_inhibits:
            message = (
                f"{name} excites along '{kinds[False]}' and inhibits along '{kinds[True]}', "
                "which violates Dale's law"
            )
            hint = (
                "split it in two, or give the biological reason: "
                '`excites_and_inhibits: "co-release, Shabel 2014"`'
            )
            diagnostics.error(("populations", name), message, hint)

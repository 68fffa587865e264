"""Dale's law: the neurons of a population all excite, or all inhibit, whatever they reach."""

from collections.abc import Iterable, Iterator

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import PathwayPlan, SynapseGroup
from thalia.errors import Path


def inhibits(synapses: SynapseGroup, pathway: PathwayPlan) -> bool:
    """Whether a pathway has a negative weight, or a synapse that pulls below rest."""
    return synapses.synapse.rpartition(" + ")[2].startswith("gaba") or pathway.weight.mean < 0


def has_both_signs(synapses: SynapseGroup, pathway: PathwayPlan) -> bool:
    """Whether some of its weights are positive and others negative."""
    weight = pathway.weight
    if pathway.w_min and pathway.w_min.mean < 0:
        return True
    return weight.kind == "normal" and weight.low is None and abs(weight.mean) < weight.arguments[1]


def breaches(circuit: Circuit, groups: Iterable[SynapseGroup]) -> Iterator[tuple[Path, str, str]]:
    """Populations that excite along one pathway and inhibit along another, as problems: path, message, hint."""
    found: dict[str, dict[bool, str]] = {}
    for synapses in groups:
        if any("summed" in equation.flags for equation in synapses.equations):
            continue  # what is transmitted without spikes has both signs
        for pathway in synapses.members:
            here = found.setdefault(pathway.pre, {})
            if has_both_signs(synapses, pathway):
                here |= {kind: here.get(kind, pathway.name) for kind in (False, True)}
            elif pathway.weight.mean or inhibits(synapses, pathway):
                here.setdefault(inhibits(synapses, pathway), pathway.name)
    for name, kinds in found.items():
        if len(kinds) == 2 and not circuit.populations[name].excites_and_inhibits:
            message = f"{name} excites along '{kinds[False]}' and inhibits along '{kinds[True]}', which Dale's law excludes"
            hint = 'split it in two, or say why biology does so: `excites_and_inhibits: "co-release, Shabel 2014"`'
            yield ("populations", name), message, hint

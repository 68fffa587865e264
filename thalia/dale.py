"""Dale's law: the neurons of a population all excite, or all inhibit, whatever they reach."""

from collections.abc import Iterable, Iterator

from thalia.errors import Path
from thalia.plan import PathwayPlan, SynapseGroup
from thalia.spec import Circuit


def inhibits(synapses: SynapseGroup, pathway: PathwayPlan) -> bool:
    """Whether a pathway has a negative weight, or a synapse that pulls below rest."""
    return synapses.synapse.rpartition(" + ")[2].startswith("gaba") or pathway.weight.mean < 0


def breaches(circuit: Circuit, groups: Iterable[SynapseGroup]) -> Iterator[tuple[Path, str, str]]:
    """Populations that excite along one pathway and inhibit along another, as problems: path, message, hint."""
    found: dict[str, dict[bool, str]] = {}
    for synapses in groups:
        for pathway in synapses.members:
            if pathway.weight.mean or inhibits(synapses, pathway):
                found.setdefault(pathway.pre, {}).setdefault(inhibits(synapses, pathway), pathway.name)
    for name, kinds in found.items():
        if len(kinds) == 2 and not circuit.populations[name].excites_and_inhibits:
            message = f"{name} excites along '{kinds[False]}' and inhibits along '{kinds[True]}', which Dale's law excludes"
            hint = 'split it in two, or say why biology does so: `excites_and_inhibits: "co-release, Shabel 2014"`'
            yield ("populations", name), message, hint

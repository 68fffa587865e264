"""Dale's law: a neuron either excites or inhibits, whatever it reaches, and so do populations.

Data say the sign of every synapse, so that there the law is one of each neuron; elsewhere the
neurons of a population are alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from thalia.circuit.spec import Circuit, Population
from thalia.compiler.plan import PathwayPlan, SynapseGroup
from thalia.errors import Diagnostics, counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMED = 5  # neurons that a message names
BLOCK = 1 << 20  # synapses whose signs are looked at together
_HINT = (
    "split it in two, or give the biological reason: "
    '`excites_and_inhibits: "co-release, Shabel 2014"`'
)


@dataclass
class _Signs:
    """Along which pathway a population excites (False) or inhibits (True); which neurons do."""

    pathways: dict[bool, str] = field(default_factory=dict)
    neurons: "dict[bool, list[NDArray[np.bool_]]]" = field(default_factory=dict)


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
    """Note the populations, or their neurons, that excite somewhere and inhibit elsewhere."""
    found: dict[str, _Signs] = {}
    for each in synapses:
        if any("summed" in equation.flags for equation in each.equations):
            continue  # what is transmitted without spikes has both signs
        for pathway in each.members:
            here = found.setdefault(pathway.pre, _Signs())
            if pathway.weight.kind == "given" and not (pathway.w_min and pathway.w_min.mean < 0):
                _add_neurons(here, pathway, circuit.populations[pathway.pre])
            elif has_both_signs(pathway):
                here.pathways = dict.fromkeys((False, True), pathway.name) | here.pathways
            elif pathway.weight.mean or pathway.inhibits:
                here.pathways.setdefault(pathway.inhibits, pathway.name)
    for name, signs in found.items():
        if circuit.populations[name].excites_and_inhibits:
            continue
        if len(signs.pathways) == 2:
            message = (
                f"{name} excites along '{signs.pathways[False]}' and inhibits along "
                f"'{signs.pathways[True]}', which violates Dale's law"
            )
            diagnostics.error(("populations", name), message, _HINT)
        elif signs.neurons:
            _check_neurons(name, circuit.populations[name], signs, diagnostics)


def _add_neurons(signs: _Signs, pathway: PathwayPlan, population: Population) -> None:
    """Note which neurons excite along a pathway from data, and which inhibit."""
    import numpy as np

    edges = pathway.connect.edges
    assert edges is not None, "a pass before has read them"
    weights = edges.numbers["weight"].numbers
    found = {inhibits: np.zeros(population.size or 1, bool) for inhibits in (False, True)}
    for first in range(0, len(edges), BLOCK):
        rows = slice(first, first + BLOCK)
        sources, here = edges.pre[rows], weights[rows] * pathway.sign
        found[False][sources[here > 0]] = True
        found[True][sources[here < 0]] = True
    for inhibits, neurons in found.items():
        signs.neurons.setdefault(inhibits, []).append(neurons)


def _check_neurons(
    name: str, population: Population, signs: _Signs, diagnostics: Diagnostics
) -> None:
    """Note the neurons of a population that do both."""
    import numpy as np

    both = [np.logical_or.reduce(signs.neurons[inhibits]) for inhibits in (False, True)]
    for inhibits in signs.pathways:  # along these all neurons have one sign
        both[inhibits] = np.ones(len(both[0]), bool)
    offenders = np.flatnonzero(both[0] & both[1])
    if not len(offenders):
        return
    identifiers = population.nodes.identifiers if population.nodes else None
    names = offenders if identifiers is None else identifiers[offenders]
    listed = ", ".join(map(str, names[:NAMED].tolist()))
    more = f" and {len(offenders) - NAMED:,} more" if len(offenders) > NAMED else ""
    verb = "excites and inhibits" if len(offenders) == 1 else "excite and inhibit"
    message = (
        f"{counted(len(offenders), 'neuron')} of {name} {verb}, which violates Dale's law: "
        f"{listed}{more}"
    )
    hint = (
        "give each neuron one sign in the data, or the biological reason: "
        '`excites_and_inhibits: "co-release, Shabel 2014"`'
    )
    diagnostics.error(("populations", name), message, hint)

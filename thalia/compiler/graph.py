"""The circuit as a graph: populations and pathways with their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from thalia.compiler.plan import Plan
from thalia.compiler.resources import expected_synapses
from thalia.syntax.units import si_unit

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class Pathway:
    """A pathway in numbers."""

    pre: str
    post: str
    synapses: float
    inhibitory: bool
    plastic: bool
    weight: float = 0.0  # mean, in SI
    unit: str = ""


@dataclass(frozen=True)
class Network:
    """Sizes of populations, and pathways by name."""

    name: str
    populations: dict[str, int]
    pathways: dict[str, Pathway]


def network_of(plan: Plan) -> Network:
    """The network of a plan."""
    populations = {member.name: member.size for _, member in plan.populations()}
    pathways = {}
    for synapses, pathway in plan.pathways():
        count = expected_synapses(pathway, plan)
        pathways[pathway.name] = Pathway(
            pathway.pre,
            pathway.post,
            count,
            pathway.inhibits,
            synapses.is_plastic,
            pathway.weight.mean,
            si_unit(synapses.weight),
        )
    return Network(plan.name, populations, pathways)


def network_from(name: str, structure: dict[str, Any]) -> Network:
    """The network that a run file describes.

    Raises
    ------
    ValueError
        If it describes none.
    """
    described = {key: structure.get(key) for key in ("populations", "pathways")}
    network = TypeAdapter(Network).validate_python({"name": name, **described})
    for pathway in network.pathways.values():
        if min(network.populations.get(end, 0) for end in (pathway.pre, pathway.post)) < 1:
            raise ValueError(f"there are no neurons from {pathway.pre} to {pathway.post}")
    return network


def graph_of(network: Network) -> nx.MultiDiGraph[str]:
    """The network as a networkx graph; `in_degree` is synapses per postsynaptic neuron."""
    import networkx as nx  # half a second, and only drawings need it

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=network.name)
    graph.add_nodes_from((name, {"size": size}) for name, size in network.populations.items())
    for name, pathway in network.pathways.items():
        graph.add_edge(
            pathway.pre,
            pathway.post,
            key=name,
            in_degree=pathway.synapses / network.populations[pathway.post],
            inhibitory=pathway.inhibitory,
            plastic=pathway.plastic,
            synapses=pathway.synapses,
        )
    return graph

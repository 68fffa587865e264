"""A run as a SONATA circuit: nodes, edges with final weights, spikes, and the configuration.

`syn_weight` is the weight itself; where rules multiply what arrives, as `normalise`, their product
is the attribute `efficacy` of every edge.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import Any

import h5py
import numpy as np

from thalia.compiler.efficacy import scaling_rules
from thalia.compiler.plan import Member, PathwayPlan, SynapseGroup
from thalia.connectivity.neurons import positions
from thalia.recording.page_checksums import reading
from thalia.recording.run_file import Run
from thalia.simulation.synapse_state import efficacy, weights
from thalia.simulation.warm_start import Learned
from thalia.syntax.units import display_unit

ENDING, NEEDS = "", "libsonata"
_CONFIGURATION = "circuit_config.json"
FILES = (
    _CONFIGURATION,
    *("nodes.h5", "node_types.csv", "edges.h5", "edge_types.csv", "spikes.h5"),
)
MAGIC, VERSION = 0x0A7A, (0, 1)


def write(run: Run, target: FilePath) -> None:
    """Write a folder: `circuit_config.json`, `nodes.h5`, `edges.h5`, their types, `spikes.h5`."""
    learned = Learned.of(run.file)
    target.mkdir(parents=True)
    nodes = [member for _, member in learned.plan.populations()]
    types = {member.name: index for index, member in enumerate(nodes)}
    edges = list(learned.plan.pathways())
    with _file(target / "nodes.h5") as h5:
        for member in nodes:
            _node(h5, member, types[member.name], learned.plan.seed)
    node_types = [
        (types[m.name], m.name, "point_neuron", f"thalia:{g.part}")
        for g, m in learned.plan.populations()
    ]
    _table(target / "node_types.csv", "node_type_id pop_name model_type model_template", node_types)
    with _file(target / "edges.h5") as h5:
        for index, (synapses, pathway) in enumerate(edges):
            _edge(h5, learned, synapses, pathway, index)
    edge_types = [
        (index, f"thalia:{s.synapse.replace(' + ', '+')}", p.name)
        for index, (s, p) in enumerate(edges)
    ]
    _table(target / "edge_types.csv", "edge_type_id model_template pathway", edge_types)
    _index(target / "edges.h5", learned, edges)
    with _file(target / "spikes.h5") as h5, reading(run.file, "spikes") as source:
        if "spikes" in source:
            source.copy("spikes", h5)
    configuration = json.dumps(_configuration(types, edges), indent=2)
    (target / _CONFIGURATION).write_text(f"{configuration}\n", "utf-8")


def _file(path: FilePath) -> h5py.File:
    h5 = h5py.File(path, "w")
    h5.attrs.create("magic", MAGIC, dtype="u4")
    h5.attrs.create("version", VERSION, dtype="u4")
    return h5


def _table(path: FilePath, heading: str, rows: Sequence[Sequence[object]]) -> None:
    """A table as SONATA has it, separated by spaces; names of a user's files may hold some."""
    with open(path, "w", encoding="utf-8", newline="") as made:
        writer = csv.writer(made, delimiter=" ", lineterminator="\n")
        writer.writerows([heading.split(), *rows])


def _node(h5: h5py.File, member: Member, kind: int, seed: int) -> None:
    group = h5.create_group(f"nodes/{member.name}")
    group["node_id"] = np.arange(member.size, dtype="u8")
    group["node_type_id"] = np.full(member.size, kind, "i8")
    group["node_group_id"] = np.zeros(member.size, "u4")
    group["node_group_index"] = np.arange(member.size, dtype="u8")
    own = group.create_group("0")
    own["index"] = np.arange(member.size, dtype="u8")
    if member.identifiers is not None:
        form = "i8" if member.identifiers.dtype.kind == "i" else h5py.string_dtype()
        own.create_dataset("identifier", data=member.identifiers, dtype=form)
    if member.space:
        where = positions(member.name, member.size, member.space, seed)
        for axis, values in zip("xyz", where.T, strict=False):
            own[axis] = values * 1e6  # in micrometres, as SONATA requires


def _edge(
    h5: h5py.File, learned: Learned, synapses: SynapseGroup, pathway: PathwayPlan, kind: int
) -> None:
    wired = learned.arrays.synapses[synapses.name]
    rows = wired.rows(pathway.name)
    pre, post = (learned.plan.population(end)[1] for end in (pathway.pre, pathway.post))
    group = h5.create_group(f"edges/{pathway.name}")
    for key, values, end in (
        ("source_node_id", wired.sources(rows) - pre.start, pre),
        ("target_node_id", wired.post[rows] - post.start, post),
    ):
        group[key] = values.astype("u8")
        group[key].attrs["node_population"] = end.name
    group["edge_type_id"] = np.full(len(rows), kind, "i8")
    group["edge_group_id"] = np.zeros(len(rows), "u4")
    group["edge_group_index"] = np.arange(len(rows), dtype="u8")
    unit, size = display_unit(synapses.weight)
    own = group.create_group("0")
    own["syn_weight"] = weights(synapses, learned.read)[rows] / size
    own["syn_weight"].attrs["units"] = unit
    own["delay"] = wired.delays(rows) * (learned.plan.dt * 1e3)
    own["delay"].attrs["units"] = "ms"
    if len(wired.dendritic) > 1 or wired.dendritic.any():
        back = np.broadcast_to(wired.dendritic, len(wired))[rows]
        own["dendritic_delay"] = back * (learned.plan.dt * 1e3)
        own["dendritic_delay"].attrs["units"] = "ms"
    if rules := scaling_rules(synapses):
        post_group = learned.plan.group(synapses.post)
        own["efficacy"] = efficacy(synapses, post_group, learned.read)[rows]
        own["efficacy"].attrs["rules"] = ", ".join(rules)


def _index(path: FilePath, learned: Learned, edges: list[tuple[SynapseGroup, PathwayPlan]]) -> None:
    """The index tables from nodes to edges."""
    import libsonata

    for _, pathway in edges:
        pre, post = (learned.plan.population(end)[1].size for end in (pathway.pre, pathway.post))
        libsonata.EdgePopulation.write_indices(str(path), pathway.name, pre, post)
    with h5py.File(path, "r+") as h5:
        for _, pathway in edges:
            for index in h5[f"edges/{pathway.name}/indices"].values():
                index["node_id_to_range"] = index[
                    "node_id_to_ranges"
                ]  # BMTK's name and libsonata's, for the same data


def _configuration(
    populations: Iterable[str], edges: list[tuple[SynapseGroup, PathwayPlan]]
) -> dict[str, Any]:
    """The paths of all files; libsonata requires `populations`, beyond the specification."""
    nodes = {"nodes_file": "$BASE/nodes.h5", "node_types_file": "$BASE/node_types.csv"}
    between = {"edges_file": "$BASE/edges.h5", "edge_types_file": "$BASE/edge_types.csv"}
    return {
        "manifest": {"$BASE": "."},
        "networks": {
            "nodes": [
                {**nodes, "populations": {name: {"type": "point_neuron"} for name in populations}}
            ],
            "edges": [
                {
                    **between,
                    "populations": {pathway.name: {"type": "chemical"} for _, pathway in edges},
                }
            ],
        },
    }

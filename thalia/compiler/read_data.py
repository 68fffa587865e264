"""What pass 2a does: files of neurons and synapses are read, and formulas are numbers.

What is read stays beside the circuit's text: populations have their neurons, pathways their
synapses, and where a formula of columns stood is a value that holds a number for each.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Any

import numpy as np

from thalia.circuit.connectivity import Connect
from thalia.circuit.data_use import Array, TableUse
from thalia.circuit.serialize import as_data
from thalia.circuit.spec import Circuit, Delay, Pathway, Population
from thalia.compiler.machine import available_bytes
from thalia.compiler.synaptic_input import any_weight, part_or_none
from thalia.data.edges import EdgeQuery, Edges, Wanted, check_dimensions, read_edges
from thalia.data.endpoints import Ends, Identifiers, Indices, Named
from thalia.data.files import data_file
from thalia.data.matrices import MatrixTable
from thalia.data.nodes import NodeQuery, read_nodes
from thalia.data.open_table import open_table
from thalia.data.tables import ArrayTable, Table
from thalia.data.undirected import without_sides
from thalia.errors import CircuitError, Diagnostics, fail
from thalia.library.schema import Synapse
from thalia.syntax.column_formulas import ColumnFormula
from thalia.syntax.folder import Folder
from thalia.syntax.given import Given
from thalia.syntax.selection import IDENTIFIER, NUMBER
from thalia.syntax.units import METRE, UNITS, Value, a_quantity

_SECOND, _SIEMENS = UNITS["s"][1], UNITS["S"][1]
ROUNDING = 1e-9  # of a time step, within which a delay is as long as one

Pathways = dict[str, Pathway]


def with_data(circuit: Circuit, diagnostics: Diagnostics) -> Circuit:
    """The circuit with its data.

    Raises
    ------
    CircuitError
        With everything in the files that cannot be.
    """
    populations = dict(circuit.populations)
    for name, population in circuit.populations.items():
        if population.file:
            with diagnostics.catch(("populations", name)):
                populations[name] = _with_nodes(
                    population, circuit.folder, _chosen_by(circuit, name)
                )
    if diagnostics.problems:
        raise circuit.source.placed(diagnostics.problems)
    read = circuit.with_(populations=populations)
    pathways = {
        name: pathway if _has_ends(circuit, pathway) else _without_formulas(circuit, pathway)
        for name, pathway in circuit.pathways.items()
    }
    for group in _groups(read).values():
        first = next(iter(group))
        with diagnostics.catch(("pathways", first)):
            pathways |= _with_edges(read, group)
    if diagnostics.problems:
        raise circuit.source.placed(diagnostics.problems)
    kept = {n: p for n, p in pathways.items() if p.connect.edges is None or len(p.connect.edges)}
    return read.with_(pathways=kept)


def table_of(use: TableUse, folder: Folder) -> tuple[Table, object]:
    """The table that a part of a circuit names, and what tells it from others.

    Raises
    ------
    CircuitError
        If it cannot be read.
    """
    assert use.file is not None, "only what has a file is read"
    file = data_file(folder, use.file)
    types = data_file(folder, use.types) if use.types else None
    table = open_table(
        file, "edges" if isinstance(use, Connect) else "nodes", use.population, types
    )
    return table, (file.name, file.identity, use.population, types.identity if types else None)


# neurons


def node_query(population: Population, chosen_by: Collection[str] = ()) -> NodeQuery:
    """What a population needs of its table, and by which columns its neurons are chosen."""
    named = {".".join(where): formula for where, formula in population.formulas.items()}
    selected = population.where.compared if population.where else {}
    columns = {*population.columns, *selected, *chosen_by} - {NUMBER, IDENTIFIER}
    return NodeQuery(named, population.columns, population.where, sorted(columns))


def _chosen_by(circuit: Circuit, name: str) -> frozenset[str]:
    """What the stimuli of a population and what is recorded of it read to choose its neurons."""
    stimuli = (each.neurons for each in circuit.stimuli.values() if name in each.target)
    traces = (t.neurons for t in circuit.record.traces.values() if t.population == name)
    return frozenset().union(*(each.columns for each in (*stimuli, *traces) if each))


def _with_nodes(population: Population, folder: Folder, chosen_by: Collection[str]) -> Population:
    """A population with the neurons of its table."""
    formulas = population.formulas
    try:
        table, key = table_of(population, folder)
        query = node_query(population, chosen_by)
        nodes = read_nodes(table, key, query)
    except CircuitError as error:
        raise CircuitError(each.under("file") for each in error.problems) from None
    dimensions = check_dimensions(table, query.formulas, population.columns)
    given: dict[tuple[str, str], Value] = {
        where: Given.of(nodes.numbers[name], dimensions[name], str(formula))
        for (where, formula), name in zip(formulas.items(), query.formulas, strict=True)
    }
    return population.with_nodes(nodes, given, _positions(population, given))


def _positions(population: Population, given: Mapping[tuple[str, str], Value]) -> Array | None:
    """The positions that a table gives, (size, dimensions)."""
    axes = []
    for axis, formula in enumerate(population.positions):
        along = given["positions", str(axis)]
        if along.dimension != METRE:
            found = f"expected a length, found '{formula}', {a_quantity(along.dimension)}"
            raise fail(found, f"write the unit, as in `{formula} * um`", ("positions", axis))
        assert isinstance(along, Given), "positions are formulas"
        axes.append(along.numbers)
    return Array(np.stack(axes, axis=-1), METRE) if axes else None


# synapses


def _groups(circuit: Circuit) -> Mapping[object, Pathways]:
    """The pathways from data; those that a matrix pathway became are read together."""
    groups: dict[object, Pathways] = defaultdict(dict)
    for name, pathway in circuit.pathways.items():
        connect = pathway.connect
        if connect.rule != "data" or not _has_ends(circuit, pathway):
            continue
        alone = name if connect.arrays or not _by_identifier(circuit, pathway) else ""
        text = repr(as_data(connect.with_(**dict.fromkeys(connect.arrays))))
        groups[alone, text, tuple(pathway.formulas.items())][name] = pathway
    return groups


def _has_ends(circuit: Circuit, pathway: Pathway) -> bool:
    """Whether there are the populations that a pathway connects; a later pass tells it if not."""
    return {pathway.pre[0], pathway.post[0]} <= circuit.populations.keys()


def _without_formulas(circuit: Circuit, pathway: Pathway) -> Pathway:
    """A pathway of which no data are read, with any number where a formula of them stood."""
    if not pathway.formulas:
        return pathway
    weight = pathway.weight
    if "weight" in pathway.formulas:
        weight = ((any_weight(circuit, pathway.receptor),),)
    return pathway.with_(weight=weight, delay=Delay(axonal=((circuit.dt,),)))


def _by_identifier(circuit: Circuit, pathway: Pathway) -> bool:
    """Whether `pre` and `post` of a table are identifiers."""
    connect, ends = pathway.connect, (pathway.pre[0], pathway.post[0])
    if not connect.file or connect.by is not None:
        return connect.by == "identifier"
    return all(_identifiers(circuit.populations[end]) is not None for end in ends)


def _identifiers(population: Population) -> Identifiers | None:
    return population.nodes.identifiers if population.nodes else None


def _with_edges(circuit: Circuit, group: Pathways) -> Pathways:
    """Some pathways of one table with their synapses."""
    pathway = next(iter(group.values()))
    connect, formulas = pathway.connect, pathway.formulas
    try:
        table = _edge_table(connect, circuit)
    except CircuitError as error:
        key = "file" if connect.file else "matrix"
        raise CircuitError(each.under("connect", key) for each in error.problems) from None
    numbers = _wanted(circuit, table, connect, formulas)
    ends = _ends(circuit, group)
    _check_shape(table, pathway, ends)
    query = EdgeQuery(
        connect.column("pre"),
        connect.column("post"),
        numbers,
        connect.columns,
        connect.where,
        connect.duplicates,
        connect.unknown == "ignore",
        connect.autapses,
        len(group) > 1 or pathway.pre == pathway.post,
        available_bytes(),
    )
    try:
        edges = read_edges(table, query, *ends)
        split = _split(edges, circuit, group)
        pairs = {name: _pairs(circuit, group[name], each) for name, each in split.items()}
    except CircuitError as error:
        key = "file" if connect.file else "matrix" if connect.matrix else "pre"
        raise CircuitError(each.under("connect", key) for each in error.problems) from None
    return {name: _filled(group[name], found) for name, found in pairs.items()}


def _pairs(circuit: Circuit, pathway: Pathway, edges: Edges) -> Edges:
    """The synapses of a pathway; those that couple a population with itself, without sides."""
    part = part_or_none(circuit, "synapses", pathway.receptor.part)
    if pathway.pre != pathway.post or not isinstance(part, Synapse) or not part.symmetric:
        return edges
    identifiers = _identifiers(circuit.populations[pathway.pre[0]])
    return without_sides(edges, lambda k: k if identifiers is None else identifiers[k])


def _edge_table(connect: Connect, circuit: Circuit) -> Table:
    if connect.file:
        return table_of(connect, circuit.folder)[0]
    if connect.matrices:
        files = {n: data_file(circuit.folder, f) for n, f in connect.matrices.items()}
        return MatrixTable(files)
    arrays = {name: each.numbers for name, each in connect.arrays.items()}
    units = {name: each.unit for name, each in connect.arrays.items()}
    return ArrayTable("arrays", arrays, units)


def _wanted(
    circuit: Circuit, table: Table, connect: Connect, formulas: Mapping[str, ColumnFormula]
) -> dict[str, Wanted]:
    """What is read of each synapse, with its dimension and its least value."""
    wanted = {}
    for name, formula in formulas.items():
        key = name.split()[-1]
        try:
            dimension = check_dimensions(table, {name: formula}, connect.columns)[name]
        except ValueError as error:
            raise fail(str(error), getattr(error, "hint", ""), (key,)) from None
        if key == "delay":
            if dimension != _SECOND:
                found = a_quantity(dimension)
                hint = f"write the unit, as in `{formula} * ms`"
                raise fail(f"expected a time, found '{formula}', {found}", hint, (key,))
            least, why = circuit.dt.mean * (1 - ROUNDING), f"below the time step of {circuit.dt}"
            wanted[name] = Wanted(formula, dimension, least, why)
        elif dimension == _SIEMENS:
            wanted[name] = Wanted(formula, dimension, 0.0, "and a conductance cannot be negative")
        else:
            wanted[name] = Wanted(formula, dimension)
    return wanted


def _ends(circuit: Circuit, group: Pathways) -> tuple[Ends, Ends]:
    """How the ends of the synapses of some pathways are found."""
    pathway = next(iter(group.values()))
    found: list[Ends] = []
    for names in _sides(group):
        if _by_identifier(circuit, pathway):
            found.append(_named(circuit, names))
        else:
            (name,) = names
            size = circuit.populations[name].size or 1
            count_from = 0 if pathway.connect.matrix else pathway.connect.count_from
            found.append(Indices(name, size, count_from))
    return found[0], found[1]


def _named(circuit: Circuit, names: list[str]) -> Named:
    """Some populations whose neurons are found by their identifiers."""
    every = {name: _identifiers(each) for name, each in circuit.populations.items()}
    mine = {name: found for name in names if (found := every[name]) is not None}
    if len(mine) < len(names):
        without = next(name for name in names if name not in mine)
        raise fail(
            f"the neurons of {without} have no identifiers",
            "make it from a table that has them: `{file: neurons.csv, columns: {id: …}}`",
            ("connect",),
        )
    others = [each for name, each in every.items() if each is not None and name not in mine]
    return Named(mine, others)


def _check_shape(table: Table, pathway: Pathway, ends: tuple[Ends, Ends]) -> None:
    """Refuse a matrix of another shape than the populations."""
    sizes = (sum(ends[0].sizes), sum(ends[1].sizes))
    if table.shape is None or table.shape == sizes:
        return
    wanted, found = (f"{a:,} × {b:,}" for a, b in (sizes, table.shape))
    hint = "rows are sources and columns are targets"
    if table.shape == sizes[::-1]:
        hint = f"{hint}: transpose it"
    raise fail(
        f"{table.name}: expected {wanted}, for the neurons of {pathway.pre[0]} and "
        f"{pathway.post[0]}, found {found}",
        hint,
        ("connect", "matrix"),
    )


def _split(edges: Edges, circuit: Circuit, group: Pathways) -> dict[str, Edges]:
    """The synapses of each pathway, from those of all of them.

    Raises
    ------
    CircuitError
        If there are none.
    """
    if not len(edges):
        raise fail("there are no synapses between these populations", "; ".join(edges.notes))
    if len(group) == 1:
        return dict.fromkeys(group, edges)
    places = [_places(circuit, names) for names in _sides(group)]
    return {
        name: edges.between(places[0][pathway.pre[0]], places[1][pathway.post[0]])
        for name, pathway in group.items()
    }


def _sides(group: Pathways) -> tuple[list[str], list[str]]:
    """The presynaptic populations of some pathways, and the postsynaptic ones, each once."""
    pre, post = (
        list(dict.fromkeys(getattr(each, side)[0] for each in group.values()))
        for side in ("pre", "post")
    )
    return pre, post


def _places(circuit: Circuit, names: list[str]) -> dict[str, tuple[int, int]]:
    """The first neuron and the size of each of some populations, one after the other."""
    sizes = [circuit.populations[name].size or 1 for name in names]
    return dict(zip(names, zip(accumulate([0, *sizes]), sizes, strict=False), strict=True))


def _filled(pathway: Pathway, edges: Edges) -> Pathway:
    """A pathway with its synapses, and values in place of its formulas."""
    changes: dict[str, Any] = {"connect": pathway.connect.with_edges(edges)}
    if weight := edges.numbers.get("weight"):
        changes["weight"] = ((weight,),)
    delays = {
        side: ((given,),)
        for side in ("axonal", "dendritic")
        if (given := edges.numbers.get(f"{side} delay"))
    }
    if delays:
        changes["delay"] = pathway.delay.with_(**delays)
    return pathway.with_(**changes)

"""The description of a model as tables, as Nordlie, Gewaltig & Plesser (2009) propose.

PLoS Comput Biol 5:e1000456, doi:10.1371/journal.pcbi.1000456, has the tables that journals ask for:
a summary, then populations, connectivity, neuron and synapse models, plasticity, input, and
measurements.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from thalia.circuit.part_use import RuleUse, Stimulus, SynapseUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.library.schema import Layer, Neuron, Part, Rule
from thalia.syntax.equations import equation_text
from thalia.syntax.units import si_unit

NONE = "–"


@dataclass(frozen=True)
class Table:
    """A table of a description; a cell may have several lines."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def describe_model(circuit: Circuit, sizes: Mapping[str, int]) -> tuple[Table, ...]:
    """The tables of a circuit that was written out, with the number of neurons of each population.

    Tables without rows are left out.

    Raises
    ------
    CircuitError
        If a part of it is in a file that is not there.
    """
    made = (
        Table("Model summary", ("", ""), tuple(_summary(circuit))),
        Table("Populations", ("name", "elements", "size"), tuple(_populations(circuit, sizes))),
        Table(
            "Connectivity",
            ("name", "source", "target", "pattern", "weight", "delay"),
            tuple(_pathways(circuit)),
        ),
        Table("Neuron models", ("name", "type", "dynamics", "spikes"), tuple(_neurons(circuit))),
        Table("Synapse models", ("name", "type", "dynamics"), tuple(_synapses(circuit))),
        Table("Plasticity", ("rule", "type", "dynamics", "pathways"), tuple(_rules(circuit))),
        Table("Neuromodulators", ("name", "kind", "release"), tuple(_modulators(circuit))),
        Table("Parameters", ("element", "parameter", "value", "meaning"), tuple(_numbers(circuit))),
        Table("Input", ("name", "kind", "target", "description"), tuple(_inputs(circuit))),
        Table("Measurements", ("what", "of"), tuple(_measured(circuit))),
    )
    return tuple(table for table in made if table.rows)


def _summary(circuit: Circuit) -> Iterator[tuple[str, str]]:
    spaces = [name for name, each in circuit.populations.items() if each.space]
    patterns = dict.fromkeys(each.connect.rule for each in circuit.pathways.values())
    neurons = {each.neuron for each in circuit.populations.values()}
    synapses = {use.part for each in circuit.pathways.values() for use in each.synapse}
    rules = {_name(circuit, use) for each in circuit.pathways.values() for use in each.rules}
    yield "Populations", str(len(circuit.populations))
    yield "Topology", f"positions in space: {', '.join(spaces)}" if spaces else NONE
    yield "Connectivity", _listed(each.replace("_", " ") for each in patterns)
    yield "Neuron model", _listed(sorted(neurons))
    yield "Channel models", NONE
    yield "Synapse model", _listed(sorted(synapses))
    yield "Plasticity", _listed(sorted(rules))
    yield "Input", _listed(dict.fromkeys(each.kind for each in circuit.stimuli.values()))
    if not circuit.scale.neurons.mean == circuit.scale.synapses.mean == 1:
        shares = f"{circuit.scale.neurons} of the neurons, {circuit.scale.synapses} of the synapses"
        yield "Scale", f"{shares} of each that are given here; inputs compensated"
    yield "Measurements", _listed(f"{what} of {whose}" for what, whose in _measured(circuit))


def _populations(circuit: Circuit, sizes: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    for name, each in circuit.populations.items():
        yield name, each.neuron, f"{sizes[name]:,}" if name in sizes else NONE


def _pathways(circuit: Circuit) -> Iterator[tuple[str, ...]]:
    for name, each in circuit.pathways.items():
        parts = ((part, getattr(each.delay, part)[0][0]) for part in ("axonal", "dendritic"))
        delays = [f"{part} {value}" for part, value in parts if getattr(value, "mean", 1)]
        weight = str(each.weight[0][0])
        yield name, each.pre[0], each.post[0], _pattern(each), weight, _listed(delays)


def _pattern(pathway: Pathway) -> str:
    """How a pathway is connected, with the numbers of its rule."""
    connect = pathway.connect
    told = [connect.rule.replace("_", " ")]
    keys = ("probability", "number", "profile", "width", "blocks", "within", "between", "file")
    for key in keys:
        value = getattr(connect, key)
        if value is not None and key in connect.model_fields_set:
            told.append(f"{key} {value[0][0] if isinstance(value, tuple) else value}")
    told += [
        f"no {key}"
        for key in ("autapses", "multapses")
        if key in connect.model_fields_set and not getattr(connect, key)
    ]
    if pathway.compartment:
        told.append(f"at {pathway.compartment}")
    return ", ".join(told)


def _neurons(circuit: Circuit) -> Iterator[tuple[str, ...]]:
    for name in dict.fromkeys(each.neuron for each in circuit.populations.values()):
        part = circuit.part("neurons", name)
        assert isinstance(part, Neuron)
        spikes = (
            [f"if {part.threshold}: {'; '.join(map(str, part.reset))}"] if part.threshold else []
        )
        spikes += [f"refractory for {part.refractory}"] if part.refractory else []
        yield name, _origin(part), _lines(map(equation_text, part.equations)), _lines(spikes)


def _synapses(circuit: Circuit) -> Iterator[tuple[str, ...]]:
    for name in dict.fromkeys(use.part for use in _synapse_uses(circuit)):
        part = circuit.part("synapses", name)
        assert isinstance(part, Layer)
        yield name, _origin(part), _lines(_dynamics(part))


def _rules(circuit: Circuit) -> Iterator[tuple[str, ...]]:
    used: dict[str, list[str]] = {}
    for pathway, each in circuit.pathways.items():
        for use in each.rules:
            used.setdefault(_name(circuit, use), []).append(pathway)
    for name, pathways in used.items():
        part = circuit.part("plasticity", name)
        assert isinstance(part, Layer)
        whose = _together(pathways, "pathways", circuit.pathways)
        yield name, _origin(part), _lines(_dynamics(part)), whose


def _dynamics(part: Layer) -> Iterator[str]:
    """Equations and statements of a synapse model or a rule."""
    yield from map(equation_text, (*part.equations, *part.neuron))
    events = ["on_pre", "on_spike"]
    if isinstance(part, Rule):
        events[1:1] = ["on_post", "on_instruction", "on_step"]
    if current := getattr(part, "current", ""):
        yield f"current: {current}"
    for event in events:
        yield from (f"{event}: {statement}" for statement in getattr(part, event))


def _modulators(circuit: Circuit) -> Iterator[tuple[str, ...]]:
    for name, each in circuit.modulators.items():
        ways = [f"by {', '.join(each.released_by)}"] if each.released_by else []
        ways += [f"follows {each.input}"] if each.input else []
        ways += ["at given times"] if each.schedule else []
        ways += ["by a task"] if each.from_task else []
        ways += [f"change of {', '.join(each.weight_change_of)}"] if each.weight_change_of else []
        yield name, each.kind, _listed(ways)


def _numbers(circuit: Circuit) -> Iterator[tuple[str, ...]]:
    """Every parameter with the value that it has, where elements of one model differ by element."""
    for owners, part, values in _with_parameters(circuit):
        for parameter, each in part.parameters.items():
            value = values.get(parameter, str(each.default))
            yield owners, parameter, value, each.meaning


def _with_parameters(circuit: Circuit) -> Iterator[tuple[str, Part, Mapping[str, str]]]:
    """Parts with the names of who uses them with the same numbers."""
    uses: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[str]] = {}

    def note(kind: str, part: str, own: Mapping[str, object], preset: str, who: str) -> None:
        given = getattr(circuit.part(kind, part), "presets", {}).get(preset)
        values = {**(given.parameters if given else {}), **own}
        key = (kind, part, tuple((name, str(value)) for name, value in values.items()))
        uses.setdefault(key, []).append(who)

    for name, population in circuit.populations.items():
        note("neurons", population.neuron, population.parameters, "", name)
    for name, pathway in circuit.pathways.items():
        for synapse in pathway.synapse:
            note("synapses", synapse.part, synapse.parameters, synapse.preset, name)
        for rule in pathway.rules:
            note("plasticity", _name(circuit, rule), rule.parameters, rule.preset, name)
    for name, modulator in circuit.modulators.items():
        note("modulators", modulator.kind, modulator.parameters, "", name)
    for (kind, part, values), who in uses.items():
        owners = {"neurons": "populations", "modulators": "modulators"}.get(kind, "pathways")
        whose = _together(who, owners, getattr(circuit, owners))
        yield f"{part} of {whose}", circuit.part(kind, part), dict(values)


def _together(names: Sequence[str], kind: str, known: Collection[str]) -> str:
    """Names of elements in a cell: 'all pathways', and 'all of local' for those of one matrix."""
    if len(names) > 1 and {*names} == {*known}:
        return f"all {kind}"
    told: dict[str, None] = {}
    for name in names:
        matrix = name.rpartition(".")[0]
        whole = {each for each in known if each.rpartition(".")[0] == matrix}
        is_whole = bool(matrix) and len(whole) > 1 and whole <= {*names}
        told[f"all of {matrix}" if is_whole else name] = None
    return ", ".join(told)


def _inputs(circuit: Circuit) -> Iterator[tuple[str, ...]]:
    for name, each in circuit.stimuli.items():
        yield name, each.kind, each.target[0], _listed(_of_input(each))


def _of_input(stimulus: Stimulus) -> Iterator[str]:
    if stimulus.neurons:
        yield f"neurons {stimulus.neurons}"
    if "number" in stimulus.model_fields_set:
        yield f"{stimulus.number[0][0]} sources for each neuron"
    yield from (f"{key} {value}" for key, value in stimulus.parameters.items())
    if stimulus.weight:
        yield f"weight {stimulus.weight} through {stimulus.through.part}"
    if stimulus.file:
        yield f"from {stimulus.file}"
    if stimulus.times:
        yield "given times"


def _measured(circuit: Circuit) -> Iterator[tuple[str, str]]:
    record = circuit.record
    yield "spikes", ", ".join(record.spikes)
    for each in record.traces.values():
        yield f"{', '.join(each.variables)} every {each.every}", each.population
    every = record.weights.every
    if any(pathway.rules for pathway in circuit.pathways.values()):
        yield f"weights{f' every {every}' if every else ''}", ", ".join(record.weights.pathways)
    if circuit.modulators:
        yield f"levels every {record.modulators}", ", ".join(circuit.modulators)


def _synapse_uses(circuit: Circuit) -> Iterator[SynapseUse]:
    for pathway in circuit.pathways.values():
        yield from pathway.synapse
    for stimulus in circuit.stimuli.values():
        if stimulus.weight:
            yield stimulus.through


def _name(circuit: Circuit, use: RuleUse) -> str:
    """The rule that a use means, which a published window names."""
    return use.rule or str(getattr(circuit.part("windows", use.window), "rule", ""))


def _origin(part: Part) -> str:
    unit = getattr(part, "weight", None)
    return part.summary + (f" Weights in {si_unit(unit)}." if unit else "")


def _lines(texts: Iterator[str] | list[str]) -> str:
    return "\n".join(texts) or NONE


def _listed(texts: "Iterator[str] | list[str] | dict[str, None]") -> str:
    return ", ".join(texts) or NONE

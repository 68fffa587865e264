"""A circuit as a network of NEST: cells, projections and devices, or all that stands against it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.connectivity import Connect
from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import Circuit
from thalia.compiler.pipeline import Compiled
from thalia.compiler.plan import SHARED, Group, PathwayPlan, Plan, SynapseGroup
from thalia.connectivity.build import Arrays, Wired, wire
from thalia.errors import Problem
from thalia.exporters.nest.cells import Cells, cells_of
from thalia.exporters.nest.models import IZHIKEVICH, JUMPING, MODELS, MS, Cell, Port
from thalia.exporters.nest.nestml import CellModel, driven, receiver_of
from thalia.exporters.nest.nestml_rules import LEARNS, RuleModel
from thalia.exporters.nest.refusals import RATED, reasons_against
from thalia.exporters.nest.synapses import (
    NEAREST,
    SHORT_TERM,
    UNBOUNDED,
    Plastic,
    learning,
    short_term,
    values_of,
)
from thalia.library.schema import Synapse
from thalia.syntax.equations import evaluate
from thalia.syntax.units import Value

DRAWN = ("constant", "normal", "lognormal", "uniform")  # distributions that NEST has, too
Rates = tuple[tuple[float, float], ...]  # seconds, from which a rate in Hz holds
SAME, STATISTICAL = "same", "statistical"


@dataclass(frozen=True)
class Projection:
    """A pathway: its synapses, or a rule of NEST by which they are drawn.

    What NEST draws are `weight`, in the unit of the port and without its sign, and `delay`, in ms.
    """

    pathway: str
    pre: str
    post: str
    port: Port
    synapses: "Synapses | None" = None
    rule: dict[str, Any] | None = None
    weight: Value | None = None
    delay: Value | None = None
    plastic: Plastic | None = None
    later: int = 0  # steps by which its spikes are delayed more, as they come before


@dataclass(frozen=True)
class Synapses:
    """The synapses of a pathway in the object that they belong to.

    `first` and `start` are where its populations begin, `size` is that of weights, and `later` is
    added to delays, in steps.
    """

    wired: Wired
    pathway: str
    first: int
    start: int
    size: float
    later: int

    def number(self) -> int:
        """How many there are."""
        return len(self.wired.rows(self.pathway))

    def columns(self) -> dict[str, NDArray[Any]]:
        """Sources, targets, weights and delays in steps, (n_synapses,) each, which takes memory."""
        rows = self.wired.rows(self.pathway)
        weights = self.wired.variables["w"]
        return {
            "source": (self.wired.sources(rows) - self.first).astype(np.uint32),
            "target": (self.wired.post[rows] - self.start).astype(np.uint32),
            "weight": (weights[rows] if len(weights) > 1 else np.full(len(rows), weights[0]))
            * self.size,
            "delay": (self.wired.delays(rows) + self.later).astype(np.uint32),
        }


@dataclass(frozen=True)
class Generator:
    """Independent Poisson spikes for each neuron of a population."""

    stimulus: str
    population: str
    rates: Rates
    weight: float  # in the unit of the port, with its sign
    port: Port


@dataclass(frozen=True)
class Transmitter:
    """The modulator that a pathway waits for: spikes of populations release it.

    `delay` is that until it acts, in steps, after a presynaptic spike of the same time has arrived;
    NEST's is at least one step, and `late` says by how many it exceeds that. One that is `patient`
    is heard when spikes reach the synapses, and at ends of phases.
    """

    pathway: str
    populations: tuple[str, ...]
    delay: int = 1
    late: int = 0
    patient: bool = False


@dataclass(frozen=True)
class Network:
    """Everything that the program creates; `played` are spikes of sources, in steps."""

    name: str
    dt: float  # s
    phases: tuple[tuple[str, int], ...]  # steps of each
    seed: int
    cells: tuple[Cell, ...]
    models: tuple[CellModel, ...]
    transmitters: tuple[Transmitter, ...]
    projections: tuple[Projection, ...]
    generators: tuple[Generator, ...]
    played: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """All of a network but its synapses, which take time and memory to wire.

    `models` are those of NESTML that some of its cells have.
    """

    cells: dict[str, Cell]
    models: tuple[CellModel, ...]
    projections: tuple[Projection, ...]
    statistical: bool


def draft_of(compiled: Compiled, statistical: bool, nestml: bool) -> Draft | list[Problem]:
    """What a circuit is in NEST, or everything that stands against it."""
    found = cells_of(compiled, nestml)
    described = {name for name, cell in found.cells.items() if cell.described}
    why = {name: each if isinstance(each, str) else "" for name, each in found.rules.items()}
    if problems := [
        *found.problems,
        *reasons_against(compiled, described, why if nestml else None),
    ]:
        return problems
    projections = tuple(_projections(compiled, found, statistical))
    if problems := [*_add_taus(found.cells, projections), *_against_waiting(projections)]:
        return problems
    return Draft(found.cells, found.models, projections, statistical)


def network_of(compiled: Compiled, draft: Draft) -> Network:
    """The network of a circuit, with its synapses."""
    plan = compiled.plan
    drawn = {each.pathway for each in draft.projections if each.rule}
    arrays = wire(_left_to_wire(plan, drawn))
    return Network(
        plan.name,
        plan.dt,
        tuple((phase.name, phase.steps) for phase in plan.phases),
        plan.seed,
        tuple(draft.cells.values()),
        draft.models,
        transmitters := tuple(_transmitters(compiled, draft)),
        tuple(_with_synapses(each, plan, arrays) for each in draft.projections),
        tuple(_generators(compiled, draft.cells)),
        {
            each.population: (np.array(each.indices), np.array(each.steps))
            for each in plan.playbacks
        },
        (*_remarks(compiled, draft), *_remarks_on_delays(transmitters, plan)),
    )


def _projections(compiled: Compiled, found: Cells, statistical: bool) -> Iterator[Projection]:
    plan, cells = compiled.plan, found.cells
    models = {each.name: each for each in found.models}
    for synapses in (each for each in plan.synapses if each.post != SHARED):  # no releases
        post = plan.group(synapses.post)
        for pathway in synapses.members:
            port = _port(cells[pathway.post], synapses, post)
            size = port.sign / port.unit
            rule = _rule(pathway) if statistical else None
            learned = found.rules.get(pathway.name)
            yield Projection(
                pathway.name,
                pathway.pre,
                pathway.post,
                port,
                rule=rule,
                weight=pathway.weight.scaled(abs(size)) if rule else None,
                delay=pathway.axonal.scaled(1 / MS) if rule else None,
                plastic=_described(compiled, pathway, learned, models[cells[pathway.post].model])
                if isinstance(learned, RuleModel)
                else _plastic(compiled, pathway, size),
                later=int(cells[pathway.pre].early),
            )


def _with_synapses(projection: Projection, plan: Plan, arrays: Arrays) -> Projection:
    """A pathway with the synapses that NEST does not draw."""
    if projection.rule:
        return projection
    name = projection.pathway
    synapses, pathway = next(each for each in plan.pathways() if each[1].name == name)
    first = _start(plan.group(synapses.pre), pathway.pre)
    start = _start(plan.group(synapses.post), pathway.post)
    size = projection.port.sign / projection.port.unit
    wired = arrays.synapses[synapses.name]
    found = Synapses(wired, name, first, start, size, projection.later)
    return replace(projection, synapses=found)


def _left_to_wire(plan: Plan, drawn: Collection[str]) -> Plan:
    """The plan without the pathways that NEST draws."""
    left = (
        (each, tuple(member for member in each.members if member.name not in drawn))
        for each in plan.synapses
    )
    kept = tuple(replace(each, members=members) for each, members in left if members)
    return replace(plan, synapses=kept)


def _plastic(compiled: Compiled, pathway: PathwayPlan, size: float) -> Plastic | None:
    """The plastic synapse of NEST that a pathway has, if it is not static."""
    written = compiled.expanded.pathways[pathway.name]
    for use in written.synapse:
        if use.part == SHORT_TERM:
            return short_term(compiled.expanded, use)
    if not written.rules:
        return None
    assert pathway.w_max is not None, "a plastic pathway has bounds"
    bound = pathway.w_max.mean * size
    return learning(compiled.expanded, written.rules[0], bound, _learns(compiled, pathway))


def _described(
    compiled: Compiled, pathway: PathwayPlan, rule: RuleModel, cell: CellModel
) -> Plastic:
    """The synapse that NESTML generates for a rule together with the postsynaptic cell."""
    return Plastic(
        cell.synapse(rule),
        {LEARNS: 1.0},
        (LEARNS,),
        learns=_learns(compiled, pathway),
        transmitter=rule.modulator,
        described=True,
        steps=rule.steps,
    )


def _learns(compiled: Compiled, pathway: PathwayPlan) -> tuple[bool, ...]:
    """The phases in which a pathway learns."""
    return pathway.plastic or (True,) * len(compiled.plan.phases)


def _add_taus(cells: dict[str, Cell], projections: Sequence[Projection]) -> Iterator[Problem]:
    """Give each cell the time constant of the postsynaptic traces that its synapses read."""
    for each in projections:
        for name, tau in ((each.plastic and each.plastic.traces) or {}).items():
            cell = cells[each.post]
            if cell.parameters.get(name, tau) != tau:
                yield Problem(
                    ("pathways", each.pathway, "plasticity"),
                    f"another {name} than that of other pathways onto {each.post}: "
                    "NEST has one for each neuron",
                    "give them the same",
                )
            cells[each.post] = replace(cell, parameters={**cell.parameters, name: tau})


def _against_waiting(projections: Sequence[Projection]) -> Iterator[Problem]:
    """Eligibility that is left when a phase without learning begins would go on to act in NEST."""
    for each in projections:
        plastic = each.plastic
        if plastic is None or plastic.described:
            continue
        if plastic.transmitter and not all(plastic.learns):
            yield Problem(
                ("pathways", each.pathway, "plasticity"),
                "a phase without it, in which NEST would go on to turn eligibility into weight",
                "leave it on in every phase",
            )


def _transmitters(compiled: Compiled, draft: Draft) -> Iterator[Transmitter]:
    """The modulators that synapses wait for; in NEST axons have no delay."""
    circuit, dt = compiled.expanded, compiled.plan.dt
    axonal = {pathway.name: pathway.axonal.mean for _, pathway in compiled.plan.pathways()}
    for each in draft.projections:
        plastic = each.plastic
        if plastic and plastic.transmitter:
            modulator = circuit.modulators[plastic.transmitter]
            released_by = modulator.released_by or ()
            delay = (modulator.delay or circuit.dt).mean - axonal[each.pathway]
            early = max(draft.cells[name].early for name in released_by)
            wanted = round(delay / dt) + early - each.later
            steps = max(wanted, 1)
            yield Transmitter(each.pathway, released_by, steps, steps - wanted, plastic.described)
        elif plastic and plastic.described:
            yield Transmitter(each.pathway, (), patient=True)


def _start(group: Group, name: str) -> int:
    return next(member.start for member in group.members if member.name == name)


def _port(cell: Cell, synapses: SynapseGroup, post: Group) -> Port:
    """Where the spikes of a synapse object arrive: the receptor whose variable it changes."""
    if cell.described:
        return cell.ports[receiver_of(post, synapses)]
    changed = {each.target.removesuffix("_post") for each in synapses.on_pre}
    for each in post.inputs:
        if each.name in cell.ports and changed & {equation.name for equation in each.equations}:
            return cell.ports[each.name]
    return cell.ports.get("delta", Port())


def _rule(pathway: PathwayPlan) -> dict[str, Any] | None:
    """The rule of NEST with the same statistics as a pathway; None if there is none."""
    connect: Connect = pathway.connect
    drawn = (pathway.weight, pathway.axonal)
    number, probability = connect.number, connect.probability
    counts = {
        "fixed_indegree": "indegree",
        "fixed_outdegree": "outdegree",
        "fixed_total_number": "N",
    }
    if pathway.null_model or any(each.kind not in DRAWN for each in drawn):
        return None
    if connect.rule in ("all_to_all", "one_to_one"):
        return {"rule": connect.rule} if connect.autapses else None
    own = {"allow_autapses": connect.autapses, "allow_multapses": connect.multapses}
    if connect.rule in counts and number and not number[0][0].is_random:
        return {"rule": connect.rule, counts[connect.rule]: round(number[0][0].mean), **own}
    if connect.rule == "pairwise_bernoulli" and probability is not None:
        chance = probability[0][0]
        if not chance.is_random:
            return {
                "rule": "pairwise_bernoulli",
                "p": chance.mean,
                "allow_autapses": connect.autapses,
            }
    return None


def _generators(compiled: Compiled, cells: Mapping[str, Cell]) -> Iterator[Generator]:
    """Poisson input of cells, and what makes Poisson cells fire."""
    plan, stimuli = compiled.plan, compiled.expanded.stimuli
    for drive in plan.drives:
        group = plan.group(drive.group)
        names = {equation.name: each.name for each in group.inputs for equation in each.equations}
        for member in drive.members:
            cell, receptor = cells[member.population], names.get(drive.target, "delta")
            port = cell.ports[driven(receptor) if cell.described else receptor]
            rates = _rates(stimuli[member.name], member.number, plan.duration)
            size = 1.0 if cell.described else _added(compiled.expanded, stimuli[member.name])
            weight = member.weight.mean / size * port.sign / port.unit
            yield Generator(member.name, member.population, rates, weight, port)
    for cell in cells.values():
        if cell.rate:
            yield Generator(cell.population, cell.population, ((0.0, cell.rate),), 1.0, Port())
    for name, stimulus in stimuli.items():
        (population,) = stimulus.target
        if stimulus.kind in RATED and cells[population].rate is not None:
            rates = _rates(stimulus, stimulus.number[0][0].mean, plan.duration)
            yield Generator(name, population, rates, 1.0, Port())


def _added(circuit: Circuit, stimulus: Stimulus) -> float:
    """What a spike of weight 1 adds to the variable of its receptor, which a drive has taken in."""
    part = circuit.part("synapses", stimulus.through.part)
    assert isinstance(part, Synapse)
    (jump,) = part.on_pre
    values = values_of(circuit, "synapses", stimulus.through.part, stimulus.through)
    return float(evaluate(jump.right, {**values, "w": 1.0}))


def _rates(stimulus: Stimulus, number: float, duration: float) -> Rates:
    """The rate of all sources of a stimulus over time."""
    values = {name: value.mean for name, value in stimulus.parameters.items()}
    rate = values["rate"] * number
    if stimulus.kind == "poisson":
        return ((0.0, rate),)
    pulses = np.arange(values["start"], duration, values["period"])
    off = [] if values["start"] <= 0 else [(0.0, 0.0)]
    return (*off, *(each for at in pulses for each in ((at, rate), (at + values["width"], 0.0))))


def _remarks(compiled: Compiled, draft: Draft) -> Iterator[str]:
    """What is done otherwise, in words."""
    plan, projections = compiled.plan, draft.projections
    described = {name for name, cell in draft.cells.items() if cell.described}
    native = {group.part for group, member in plan.populations() if member.name not in described}
    for part in sorted(native & MODELS.keys()):
        if MODELS[part].remark:
            yield f"{part}: {MODELS[part].remark}"
    if IZHIKEVICH in native:
        yield f"{IZHIKEVICH}: NEST takes steps of Euler's method, of first order in dt"
    if any(cell.early for cell in draft.cells.values()):
        yield (
            f"{JUMPING}: its threshold is the one from which the potential is still above that of "
            "Thalia a step later, when Thalia looks; delays and t_ref are a step longer for it"
        )
    if draft.models:
        yield (
            f"{', '.join(each.name for each in draft.models)}: described in NESTML, and compiled "
            f"by `python build.py`, which needs the package nestml, CMake and a C++ compiler"
        )
    own = [
        name
        for name, p in compiled.expanded.populations.items()
        if (p.method or p.substeps) and name not in described
    ]
    if own:
        yield f"{', '.join(own)}: `method` and `substeps` are Thalia's; NEST's cells have their own"
    if plan.drives or any(group.part == "poisson" for group in plan.groups):
        yield "Poisson spikes are drawn by NEST: others than Thalia's, of the same statistics"
    kept = [each.pathway for each in projections if each.rule is None]
    if draft.statistical and kept:
        yield f"{', '.join(kept)}: the same synapses as in Thalia, since NEST has no such rule"
    yield from _remarks_on_learning(compiled, draft)
    if plan.record.traces or plan.record.weights.variables:
        yield "spikes are recorded; traces that `record:` asks for are not"


def _remarks_on_delays(transmitters: Sequence[Transmitter], plan: Plan) -> Iterator[str]:
    axonal = {pathway.name: pathway.axonal for _, pathway in plan.pathways()}
    for each in transmitters:
        if each.late:
            yield (
                f"{each.pathway}: its modulator acts {each.late * plan.dt / MS:.3g} ms later than "
                "in Thalia, relative to presynaptic spikes, whose axons have no delay in NEST"
            )
        if each.populations and axonal[each.pathway].is_random:
            yield f"{each.pathway}: its modulator acts as if all axons had their mean delay"


def _remarks_on_learning(compiled: Compiled, draft: Draft) -> Iterator[str]:
    """How plastic synapses of NEST differ (Morrison, Diesmann & Gerstner 2008, from memory)."""
    plastic = {e.pathway: e.plastic for e in draft.projections if e.plastic and e.plastic.rates}
    if not plastic:
        return
    if not all(each.described for each in plastic.values()):
        yield (
            "a presynaptic spike carries the weight that it has changed, in Thalia the one before; "
            "final weights lack what happened since the last presynaptic spike"
        )
    for _, pathway in compiled.plan.pathways():
        if pathway.name in plastic:
            before = 2 * draft.cells[pathway.pre].early - draft.cells[pathway.post].early
            later = 2 * pathway.axonal.mean - pathway.dendritic.mean + before * compiled.plan.dt
            if abs(later) > compiled.plan.dt / 2:
                yield (
                    f"{pathway.name}: NEST counts its delay from the dendrite, so that "
                    f"postsynaptic spikes reach the synapse {later / MS:+.3g} ms later than in "
                    "Thalia, relative to presynaptic ones"
                )
    for name in (name for name, each in plastic.items() if each.model == UNBOUNDED):
        yield f"{name}: in NEST the rule has no upper bound, and w_max does not hold"
    if any(each.model.startswith(NEAREST) for each in plastic.values()):
        yield "pairings of nearest spikes begin in NEST as if every source had fired at time 0"
    stepped = [name for name, each in plastic.items() if each.steps]
    if stepped:
        yield (
            f"{', '.join(stepped)}: go through each step between spikes, which takes some "
            "nanoseconds for each synapse and variable"
        )
    if any(not (all(each.learns) or each.described) for each in plastic.values()):
        yield (
            "phases without learning have rates of 0; a pair counts in the phase of the "
            "presynaptic spike that follows"
        )

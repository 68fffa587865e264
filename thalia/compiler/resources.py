"""How much memory and disk a plan will need, said before it starts."""

import shutil
from pathlib import Path as FilePath

from thalia.compiler.efficacy import scaling_rules
from thalia.compiler.machine import memory_limit
from thalia.compiler.plan import PathwayPlan, Plan, SynapseGroup, includes
from thalia.compiler.synaptic_input import in_degree
from thalia.errors import fail
from thalia.syntax.equations import identifiers

# per synapse at the peak of drawing: a list of targets where a rule makes one, and what is held
# (measured for the microcircuit, whose rule makes none: 14 at 27 million)
WIRING_BYTES = 20
# per synapse as drawn, until the program has it: target, delay, weight, pathway
HELD_BYTES = 15
MOST_SYNAPSES = 2**31 - 1  # of one object, whose numbers have 32 bits


def expected_synapses(pathway: PathwayPlan, plan: Plan) -> float:
    """Mean number of synapses of a pathway."""
    pre, post = (plan.population(end)[1].size for end in (pathway.pre, pathway.post))
    recurrent, connect = pathway.pre == pathway.post, pathway.connect
    if recurrent and pathway.symmetric and connect.rule != "data":
        others = connect.model_copy(update={"autapses": False})
        return in_degree(others, pre, post, recurrent) * post / 2
    return in_degree(connect, pre, post, recurrent) * post


def bytes_per_synapse(synapses: SynapseGroup, precision: str = "double") -> int:
    """Memory of one synapse in the compiled program: its ends, its indices and its variables.

    Besides, a neuron has 8 bytes for each delay of its axon.
    """
    variables = 1 + sum(e.kind != "expression" for e in synapses.equations)
    variables += sum(synapses.shared(name) is None for name in synapses.parameters)
    event_driven = any("event-driven" in e.flags for e in synapses.equations)
    variables -= any(e.name == "w" for e in synapses.equations)
    reads_pre = any(
        name.endswith("_pre") for each in synapses.statements() for name in identifiers(each.right)
    )
    number = 4 if precision == "single" else 8
    indices = 1 + reads_pre + bool(synapses.on_post) + len(synapses.later)
    return 4 * indices + number * variables + 8 * event_driven


def program_bytes(plan: Plan) -> float:
    """Estimate of the memory of the compiled program."""
    synapses = (
        sum(expected_synapses(p, plan) for p in s.members) * bytes_per_synapse(s, plan.precision)
        for s in plan.synapses
    )
    return sum(synapses) + _besides_synapses(plan)


def _besides_synapses(plan: Plan) -> float:
    over_time = sum(each.places for group in plan.groups for each in plan.frames(group))
    variables = sum(group.size * (len(group.variables()) + 4) for group in plan.groups)
    return 8 * (variables + over_time) + 3e8


def needed_bytes(plan: Plan, holds_all: bool = False) -> float:
    """Estimate of the memory that wiring and running need at their peak."""
    counts = {s.name: sum(expected_synapses(p, plan) for p in s.members) for s in plan.synapses}
    held = counts.keys() if holds_all else held_synapses(plan)
    return max(
        program_bytes(plan) + HELD_BYTES * sum(counts[name] for name in held),
        WIRING_BYTES * sum(counts.values()) + _besides_synapses(plan),
    )


def held_synapses(plan: Plan) -> frozenset[str]:
    """The objects whose synapses as drawn are needed while they are simulated.

    They are recorded, or change their partners. Those of others are in memory only once.
    """
    wanted = plan.record.weights.pathways
    return frozenset(
        synapses.name
        for synapses, pathway in plan.pathways()
        if pathway.rewiring or is_recorded(pathway.name, synapses.is_plastic, wanted)
    )


def check_memory(plan: Plan, holds_all: bool = False) -> None:
    """Refuse a plan that would not fit.

    `holds_all` says that the synapses as drawn are needed while they are simulated.

    Raises
    ------
    CircuitError
        With the estimate and what there is.
    """
    _check_numbers(plan)
    need, have = needed_bytes(plan, holds_all), memory_limit()
    if need > have.amount:
        synapses = sum(expected_synapses(p, plan) for _, p in plan.pathways())
        limit = f" (limit: {have.source})" if have.source else ""
        raise fail(
            f"{plan.name} needs about {need / 1e9:.1f} GB for {synapses:,.0f} synapses, "
            f"and {have.amount / 1e9:.1f} GB are free{limit}",
            "run a smaller one with --scale, or on a larger machine",
        )


def _check_numbers(plan: Plan) -> None:
    """Refuse synapses that one object could not number."""
    for group in plan.synapses:
        count = sum(expected_synapses(each, plan) for each in group.members)
        if count > MOST_SYNAPSES:
            raise fail(
                f"{group.members[0].name}: with the pathways of its kind it makes "
                f"{count:,.0f} synapses, and one object has at most {MOST_SYNAPSES:,}",
                "run a smaller one with --scale",
            )


def needed_disk(plan: Plan) -> float:
    """Bytes that a run file needs for weights with connectivity, and for the state and its journal.

    Spikes are not known beforehand.
    """
    wanted, every = plan.record.weights.pathways, plan.record.weights.every
    variables = len(plan.record.weights.variables)
    times = 2 + (int(plan.duration / every.mean) if every else 0)
    total = 0.0
    for synapses, pathway in plan.pathways():
        count = expected_synapses(pathway, plan)
        if is_recorded(pathway.name, synapses.is_plastic, wanted):
            of_rules = 2 if scaling_rules(synapses) else 1  # their efficacy beside the weights
            total += count * (8 * times * (of_rules + variables) + 4)
        if synapses.is_plastic:
            total += 2 * count * 8 * (1 + sum(e.kind != "expression" for e in synapses.equations))
    return total


def is_recorded(pathway: str, is_plastic: bool, wanted: tuple[str, ...]) -> bool:
    """Whether the weights of a pathway are among those that a circuit records."""
    named = any(includes(name, pathway) for name in wanted)
    return named or "all" in wanted or (is_plastic and "plastic" in wanted)


def check_disk(plan: Plan, file: FilePath) -> None:
    """Refuse a run whose file would have no room.

    Raises
    ------
    CircuitError
        With the estimate and what there is.
    """
    folder = next(parent for parent in file.absolute().parents if parent.is_dir())
    need, disk = needed_disk(plan), shutil.disk_usage(folder)
    # what is no disk has no size, and says itself that it cannot be written
    if need > disk.free and disk.total:
        raise fail(
            f"{file}: needs about {need / 1e6:,.1f} MB for weights and state, "
            f"and {disk.free / 1e6:,.1f} MB are free in {folder}",
            "record the weights of fewer pathways or less often (record.weights), "
            "or choose another place with -o",
        )

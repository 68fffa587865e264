"""Many runs of one circuit as one network: on a GPU they take little longer than a single one.

Each run has its own seed, weights and parameters; they share nothing but the program. Noise differs
between a run alone and in company, because it is drawn for each neuron of the whole; its
distribution does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from thalia import backends
from thalia.circuit.record_spec import Record
from thalia.circuit.spec import Circuit
from thalia.codegen.brian_model import model_of
from thalia.codegen.listing import describe
from thalia.compiler.drives import Drive
from thalia.compiler.machine import available_bytes
from thalia.compiler.options import CompilerOptions, with_options
from thalia.compiler.pipeline import Compiled, compile_circuit
from thalia.compiler.plan import SHARED, Group, Member, PathwayPlan, Plan, Playback, SynapseGroup
from thalia.compiler.resources import MOST_SYNAPSES, expected_synapses, needed_bytes
from thalia.connectivity.build import Arrays, Counts, Floats, Wired, wire
from thalia.recording.outputs import claim
from thalia.recording.run_file import Run
from thalia.recording.writer import RunWriter
from thalia.simulation.loop import Clock
from thalia.simulation.network import Engine, Network
from thalia.simulation.run import LoopOptions, simulate

MOST = 32  # runs in one network, where nothing else is asked for


def name_in(run: int, name: str) -> str:
    """The name of a population or pathway of one of the runs."""
    return f"{run}.{name}"


def fits_together(plan: Plan) -> bool:
    """Whether copies of a plan can be one network: they share nothing that a run changes."""
    lonely = (plan.modulators, plan.weight_changes, plan.task_releases, plan.releases)
    over_time = any(plan.frames(group) for group in plan.groups)
    rewired = any(member.rewiring for _, member in plan.pathways())
    return not (any(lonely) or over_time or rewired)


def kind(plan: Plan) -> tuple[object, ...]:
    """What must agree for plans to be one network."""
    return (
        model_of(plan, native_drives=True).digest(),
        repr(plan.phases),
        plan.flush_interval,
        plan.precision,
    )


def join(plans: Sequence[Plan]) -> Plan:
    """One plan of all; the populations of a run follow those of the run before it."""
    first = plans[0]
    groups = tuple(_group([plan.groups[k] for plan in plans]) for k in range(len(first.groups)))
    synapses = tuple(
        _synapses([plan.synapses[k] for plan in plans]) for k in range(len(first.synapses))
    )
    drives = tuple(_drive([plan.drives[k] for plan in plans]) for k in range(len(first.drives)))
    playbacks = tuple(
        _playback(run, each) for run, plan in enumerate(plans) for each in plan.playbacks
    )
    return first.with_(
        groups=groups,
        synapses=synapses,
        drives=drives,
        playbacks=playbacks,
        record=_record(first.record, len(plans)),
        reference=None,
    )


def _group(groups: Sequence[Group]) -> Group:
    members: list[Member] = []
    for run, group in enumerate(groups):
        start = run * group.size
        members += [
            replace(m, name=name_in(run, m.name), start=m.start + start) for m in group.members
        ]
    most_spikes = sum(group.places for group in groups)
    return replace(groups[0], members=tuple(members), most_spikes=most_spikes)


def _synapses(all_synapses: Sequence[SynapseGroup]) -> SynapseGroup:
    return replace(
        all_synapses[0],
        members=tuple(
            _pathway(run, member)
            for run, each in enumerate(all_synapses)
            for member in each.members
        ),
    )


def _pathway(run: int, pathway: PathwayPlan) -> PathwayPlan:
    post = pathway.post if pathway.post == SHARED else name_in(run, pathway.post)
    return replace(
        pathway, name=name_in(run, pathway.name), pre=name_in(run, pathway.pre), post=post
    )


def _drive(drives: Sequence[Drive]) -> Drive:
    return replace(
        drives[0],
        members=tuple(
            replace(m, population=name_in(run, m.population))
            for run, drive in enumerate(drives)
            for m in drive.members
        ),
    )


def _playback(run: int, playback: Playback) -> Playback:
    return replace(playback, population=name_in(run, playback.population))


def _record(record: Record, runs: int) -> Record:
    """Spikes of all and weights as before; samples of single neurons have no place in a summary."""
    words = record.weights.pathways
    named = [
        name_in(run, word)
        for word in words
        if word not in ("all", "plastic")
        for run in range(runs)
    ]
    pathways = (*(word for word in words if word in ("all", "plastic")), *named)
    weights = record.weights.with_(pathways=pathways, every=None, variables=())
    return record.with_(traces={}, weights=weights)


def join_arrays(plans: Sequence[Plan], joined: Plan, found: Sequence[Arrays]) -> Arrays:
    """The arrays of all runs one after the other, as `join` has laid out their neurons."""
    groups = {}
    for group in joined.all_groups:
        own = [arrays.groups[group.name] for arrays in found]
        size = plans[0].group(group.name).size
        groups[group.name] = (
            own[0]
            if group.name == SHARED
            else {name: _column(name, group, own, size) for name in own[0]}
        )
    synapses = {}
    for each in joined.synapses:
        sizes = plans[0].group(each.pre).size, plans[0].group(each.post).size
        synapses[each.name] = _wired(each, [arrays.synapses[each.name] for arrays in found], sizes)
    return Arrays(groups, synapses)


def _column(name: str, group: Group, own: Sequence[dict[str, Floats]], size: int) -> Floats:
    if name in group.all_parameters() and group.shared(name) is not None:
        return own[0][name]
    return np.concatenate([np.broadcast_to(values[name], size) for values in own])


def _wired(synapses: SynapseGroup, found: Sequence[Wired], sizes: tuple[int, int]) -> Wired:
    def steps(columns: Sequence[Counts]) -> Counts:
        if all(len(column) == 1 and column[0] == columns[0][0] for column in columns):
            return columns[0]
        return np.concatenate(
            [np.broadcast_to(c, len(w)) for c, w in zip(columns, found, strict=True)]
        )

    count = len(found[0].pathways)
    small = np.min_scalar_type(count * len(found))
    variables = {}
    for name in found[0].variables:
        is_shared = name in synapses.parameters and synapses.shared(name) is not None
        columns = [w.variables[name] for w in found]
        variables[name] = (
            columns[0]
            if is_shared
            else np.concatenate(
                [np.broadcast_to(c, len(w)) for c, w in zip(columns, found, strict=True)]
            )
        )
    degrees = [np.diff(wired.starts) for wired in found]
    post_size = 0 if synapses.post == SHARED else sizes[1]
    return Wired(
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(degrees))]),
        np.concatenate([w.post + np.int32(run * post_size) for run, w in enumerate(found)]),
        steps([w.axonal for w in found]),
        steps([w.dendritic for w in found]),
        tuple(steps([w.later[k] for w in found]) for k in range(len(found[0].later))),
        variables,
        np.concatenate(
            [w.owner.astype(small) + small.type(run * count) for run, w in enumerate(found)]
        ),
        tuple(member.name for member in synapses.members),
    )


def most_together(plan: Plan, free: float) -> int:
    """How many runs of a plan one network can hold, by its synapses, and memory here and there."""
    synapses = [sum(expected_synapses(p, plan) for p in each.members) for each in plan.synapses]
    by_number = MOST_SYNAPSES / max(1.0, 1.01 * max(synapses, default=1.0))
    by_memory = 0.8 * min(free, available_bytes()) / needed_bytes(plan)
    return max(1, int(min(by_number, by_memory)))


def run_together(
    circuits: Sequence[Circuit], options: Sequence[dict[str, Any]], most: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Run circuits in as few networks as possible, on a GPU.

    Parameters
    ----------
    circuits, options : sequences of the same length
        The options are those of `run`: `seed`, `duration`, `scale`, `lower`, `precision`.
    most : int
        Maximum number of circuits in one network.

    Yields
    ------
    number, results : int, dict
        The number of a circuit and the summary of its run, as they finish; there are no run files.

    Raises
    ------
    CircuitError
        If a circuit has mistakes, or does not fit into the memory of the GPU.
    """
    compiled = [compiled_with(*each) for each in zip(circuits, options, strict=True)]
    plans = [each.plan for each in compiled]
    kinds: dict[object, list[int]] = {}
    for index, plan in enumerate(plans):
        kinds.setdefault(kind(plan) if fits_together(plan) else index, []).append(index)
    from thalia.backends.cuda import compiler

    for same in kinds.values():
        size = min(most, most_together(plans[same[0]], compiler.free_bytes()))
        for start in range(0, len(same), size):
            here = same[start : start + size]
            results, synapses = _run([plans[k] for k in here], compiled[here[0]].files)
            yield from ((index, _of(results, run, synapses)) for run, index in enumerate(here))


def compiled_with(circuit: Circuit, options: Mapping[str, Any]) -> Compiled:
    """A circuit compiled with options of `run`.

    Raises
    ------
    CircuitError
        If the circuit has mistakes, or an option cannot be.
    """
    circuit = with_options(circuit, options.get("seed"), options.get("scale"))
    return compile_circuit(
        circuit,
        CompilerOptions(
            options.get("lower", "on"),
            options.get("precision", "double"),
            options.get("duration"),
        ),
    )


def _run(plans: Sequence[Plan], files: dict[str, str]) -> tuple[dict[str, Any], list[int]]:
    """The summary of all, and how many synapses each has."""
    clock = Clock()
    joined = join(plans)
    found = [wire(plan) for plan in plans]
    counts = [sum(map(len, arrays.synapses.values())) for arrays in found]
    arrays = join_arrays(plans, joined, found)
    del found
    clock.lap("wire")
    engine = Engine("cuda", backends.find("cuda"))
    network = Network.of_arrays(joined, engine, arrays, clock, backends.silent)
    with TemporaryDirectory() as scratch:
        file = FilePath(scratch) / "run.h5"
        with RunWriter.create(claim(file), joined, files, describe(joined), "cuda") as writer:
            simulate(network, writer, clock, LoopOptions(checkpoint_every=2 * joined.duration))
        return Run(file).results, counts


def _of(results: dict[str, Any], run: int, synapses: list[int]) -> dict[str, Any]:
    """The summary of one of the runs, from that of all."""
    prefix = name_in(run, "")

    def own(values: dict[str, Any]) -> dict[str, Any]:
        return {
            name.removeprefix(prefix): value
            for name, value in values.items()
            if name.startswith(prefix)
        }

    kept = {name: own(results[name]) for name in ("rates_hz", "cv_isi", "weights")}
    numbers = {"neurons": results["neurons"] // len(synapses), "synapses": synapses[run]}
    return {**kept, **numbers, "timings_s": results["timings_s"]}

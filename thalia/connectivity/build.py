"""Plan to arrays: who connects to whom, with weights and delays, and the neurons' parameters.

Each pathway has its own random stream, named after it: the network is the same on every backend,
and adding a pathway changes no other. Synapses are sorted by (pre, delay, post), the order in which
spikes visit them.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.spec import Space
from thalia.compiler.machine import available_processors
from thalia.compiler.plan import Drive, Group, LaterEvent, PathwayPlan, Plan, SynapseGroup
from thalia.compiler.space import places
from thalia.connectivity.local_values import of_pairs
from thalia.connectivity.null_models import WEIGHTS, WIRING, rewired, shuffled
from thalia.connectivity.rules import pairs
from thalia.connectivity.sorting import in_order
from thalia.syntax.equations import evaluate
from thalia.syntax.given import Given
from thalia.syntax.time_grid import all_in_steps, too_many_steps
from thalia.syntax.units import Value

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Wired:
    """The synapses of one object: indices into the groups, delays in steps, all other variables.

    A delay that all synapses share is an array of one. `later` are the delays of statements that
    run some time after an arrival.

    `owner` is for each synapse the number of its pathway in `pathways`; `notes` tell what was found
    while they were wired.
    """

    pre: Ints
    post: Ints
    axonal: Ints
    dendritic: Ints
    later: tuple[Ints, ...]
    variables: dict[str, Floats]
    owner: NDArray[np.unsignedinteger[Any]]
    pathways: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pre)

    def delays(self, rows: NDArray[np.intp]) -> Ints:
        """Axonal delays of some synapses, in time steps."""
        return (
            self.axonal[rows]
            if len(self.axonal) == len(self)
            else np.full(len(rows), self.axonal[:1])
        )

    def rows(self, pathway: str) -> NDArray[np.intp]:
        """Positions of the synapses of a pathway, sorted by (pre, delay, post)."""
        return np.flatnonzero(self.owner == self.pathways.index(pathway))


@dataclass(frozen=True)
class Arrays:
    """Everything that a network starts with: variables of the groups, and the synapses."""

    groups: dict[str, dict[str, Floats]]
    synapses: dict[str, Wired]


def stream(seed: int, *names: str) -> np.random.Generator:
    """A separate random generator for each name."""
    words = np.frombuffer(sha256("/".join((str(seed), *names)).encode()).digest(), dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=words[:2]))


def draw(value: Value, size: int, generator: np.random.Generator) -> Floats:
    """Numbers of a value, in SI: the constant, or samples, redrawn if they exceed the limits."""
    if not value.is_random:
        return np.full(size, value.mean)
    if isinstance(value, Given):
        return value.numbers
    samples = _sample(value, size, generator)
    low, high = value.bounds
    # this ends: no value can be written of which less than `LEAST_LEFT` is between its bounds
    while (outside := np.flatnonzero((samples < low) | (samples > high))).size:
        samples[outside] = _sample(value, outside.size, generator)
    return samples


def _sample(value: Value, size: int, generator: np.random.Generator) -> Floats:
    first, second = value.arguments
    if value.kind == "normal":
        return generator.normal(first, second, size)
    if value.kind == "uniform":
        return generator.uniform(first, second, size)
    if value.kind == "spread":
        return np.linspace(first, second, size)
    if second == 0:  # exactly, as its logarithm may round to beyond a bound
        return np.full(size, first)
    variance = np.log1p((second / first) ** 2)
    return generator.lognormal(np.log(first) - variance / 2, np.sqrt(variance), size)


def wire(plan: Plan) -> Arrays:
    """All arrays of a plan, drawn from its seed."""
    synapses = {each.name: _wired(each, plan) for each in plan.synapses}
    return Arrays(
        {group.name: _group_arrays(group, plan, synapses) for group in plan.all_groups}, synapses
    )


def _group_arrays(group: Group, plan: Plan, synapses: dict[str, Wired]) -> dict[str, Floats]:
    arrays: dict[str, Floats] = {}
    for name in group.all_parameters():
        shared = group.shared(name)
        if shared is not None:
            arrays[name] = np.array([shared.mean])
            continue
        arrays[name] = np.concatenate(
            [
                np.sum(
                    [
                        draw(value, member.size, stream(plan.seed, member.name, name, str(index)))
                        for index, value in enumerate(member.parameters[name])
                    ],
                    axis=0,
                )
                for member in group.members
            ]
        )
    for name in dict.fromkeys(name for member in group.members for name in member.initial):
        arrays[name] = np.concatenate(
            [
                draw(member.initial[name], member.size, stream(plan.seed, member.name, name))
                for member in group.members
            ]
        )
    for each in group.inputs:
        for name, value in each.initial.items():
            if isinstance(value, str):
                arrays[name] = _sum_over_synapses(value, each.name, group, plan, synapses)
            else:
                arrays[name] = draw(value, group.size, stream(plan.seed, group.name, name))
    for drive in (d for d in plan.drives if d.group == group.name):
        arrays |= _drive_arrays(drive, group, plan)
    return arrays


def _sum_over_synapses(
    text: str, state: str, group: Group, plan: Plan, synapses: dict[str, Wired]
) -> Floats:
    """`sum(...)` for each neuron, over the synapses of all pathways that share this state."""
    total = np.zeros(group.size)
    for each in plan.synapses:
        for member in each.members:
            if state in member.states:
                wired = synapses[each.name]
                rows = wired.rows(member.name)
                values = evaluate(
                    text.strip().removeprefix("sum"), numbers_of(member, wired.variables["w"][rows])
                )
                total += np.bincount(
                    wired.post[rows], np.broadcast_to(values, len(rows)), minlength=group.size
                )
    return total


def numbers_of(pathway: PathwayPlan, weights: Floats) -> dict[str, object]:
    """The variables that the expression of an initial value may use."""
    bounds = {"w_min": pathway.w_min, "w_max": pathway.w_max}
    return {"w": weights, **{name: bound.mean for name, bound in bounds.items() if bound}}


def _drive_arrays(drive: Drive, group: Group, plan: Plan) -> dict[str, Floats]:
    arrays = {name: np.zeros(group.size) for name in (drive.weight, drive.scale)}
    if drive.rate:  # without sources, any parameters will do, unless they are divisors
        arrays |= {
            name: np.full(group.size, value.mean)
            for name, value in drive.members[0].parameters.items()
        }
    for each in drive.members:
        member = next(m for m in group.members if m.name == each.population)
        here = slice(member.start, member.stop)
        arrays[drive.weight][here] = draw(
            each.weight, member.size, stream(plan.seed, each.name, "weight")
        )
        arrays[drive.scale][here] = each.number if each.mean is None else each.mean * plan.dt
        for name, value in each.parameters.items() if drive.rate else ():
            arrays[name][here] = draw(value, member.size, stream(plan.seed, each.name, name))
    return arrays


def _wired(synapses: SynapseGroup, plan: Plan) -> Wired:
    """Draw pairs and delays pathway by pathway, sort them, then draw what belongs to each synapse.

    Pathways run in parallel: each has its own random stream and rows, so the number of threads does
    not matter.
    """
    varied = [name for name in synapses.parameters if synapses.shared(name) is None]
    told: dict[str, str] = {}
    orders: dict[str, NDArray[np.intp]] = {}
    with ThreadPoolExecutor(available_processors()) as pool:
        drawn = list(pool.map(lambda member: _drawn(member, plan, told, orders), synapses.members))
        starts = [plan.population(member.pre)[1].start for member in synapses.members]
        pre, steps, post, owner = in_order(drawn, starts, pool)
        variables = {name: np.empty(len(pre)) for name in ["w", *varied]}
        variables |= {
            name: np.zeros(len(pre)) for member in synapses.members for name in member.initial
        }
        dendritic = np.zeros(len(pre), np.int32)
        counts = np.bincount(owner, minlength=len(synapses.members))
        places = _places(owner, counts)

        def fill(number: int) -> None:
            member, count, rows = synapses.members[number], int(counts[number]), places[number]
            order = orders.get(member.name, slice(None))
            if member.dendritic.mean or member.dendritic.is_random:
                ends = _within(member, pre[rows], post[rows], plan)
                found = _delay_steps(member, member.dendritic, "dendritic", ends, plan)
                dendritic[rows] = found[order] if isinstance(member.dendritic, Given) else found
            for name in ("w", *varied):
                local = name == "w" and member.weight.is_formula
                ends = _within(member, pre[rows], post[rows], plan) if local else _NO_ENDS
                numbers = _values(member, name, count, ends, plan)
                is_given = name == "w" and isinstance(member.weight, Given)
                variables[name][rows] = numbers[order] if is_given else numbers
            if member.null_model in WEIGHTS:
                generator, weights = _rewiring(member, plan), variables["w"][rows]
                variables["w"][rows] = shuffled(member.null_model, pre[rows], weights, generator)
            for name, value in member.initial.items():
                weights = variables["w"][rows]
                variables[name][rows] = (
                    evaluate(value, numbers_of(member, weights))
                    if isinstance(value, str)
                    else value.mean
                )

        list(pool.map(fill, range(len(synapses.members))))
    for name in synapses.parameters.keys() - varied:
        variables[name] = np.array([synapses.shared(name).mean])  # type: ignore[union-attr]
    return Wired(
        pre,
        post,
        steps[:1] if synapses.delay("axonal") is not None else steps,
        dendritic[:1] if synapses.delay("dendritic") is not None else dendritic,
        tuple(_later(each, synapses, steps, owner, plan) for each in synapses.later),
        variables,
        owner,
        tuple(member.name for member in synapses.members),
        tuple(f"{name}: {told[name]}" for name in sorted(told)),
    )


def _places(
    owner: NDArray[np.unsignedinteger[Any]], counts: NDArray[np.intp]
) -> list[slice | NDArray[np.intp]]:
    """For each pathway, the positions of its synapses."""
    if len(counts) == 1:
        return [slice(None)]
    order = np.argsort(owner, kind="stable")  # a radix sort, as the numbers are small
    return list(np.split(order, np.cumsum(counts)[:-1]))


def _later(
    each: LaterEvent, synapses: SynapseGroup, steps: Ints, owner: NDArray[Any], plan: Plan
) -> Ints:
    """Steps from a presynaptic spike to the statements that run some time after it arrives."""
    after = np.array([member.parameters[each.after].mean for member in synapses.members])
    both: Ints = steps + all_in_steps(after, plan.dt, each.after)[owner]
    if both.size and both.min() < 0:
        raise too_many_steps(each.after, float(after.max()), plan.dt)
    return both[:1] if synapses.later_is_uniform(each) else both


def _drawn(
    pathway: PathwayPlan, plan: Plan, told: dict[str, str], orders: dict[str, NDArray[np.intp]]
) -> tuple[Ints, Ints, Ints]:
    """Source, delay in steps and target of each synapse, as indices into the groups, unsorted.

    What there is to tell of a null model is added to `told`, and to `orders` the order in which
    what data give for each synapse follows the synapses.
    """
    pre_member, post_member = (plan.population(end)[1] for end in (pathway.pre, pathway.post))
    generator = stream(plan.seed, pathway.name, "connect")
    pre, post = pairs(
        pathway.connect,
        pre_member,
        post_member,
        generator,
        lambda m: positions(m.name, m.size, m.space, plan.seed),
    )
    undirected = pathway.symmetric and pathway.pre == pathway.post
    if undirected:
        pre, post = pre[pre < post], post[pre < post]
    if pathway.null_model in WIRING:
        model, rewiring = pathway.null_model, _rewiring(pathway, plan)
        (pre, post), told[pathway.name] = rewired(
            model, (pre, post), pre_member, post_member, rewiring, undirected
        )
    steps = _delay_steps(pathway, pathway.axonal, "axonal", (pre, post), plan)
    mixed = pathway.null_model in WIRING or pathway.axonal.is_random  # else they are in order
    if mixed and pathway.connect.edges is not None:
        orders[pathway.name] = np.lexsort((post, steps, pre))
    return pre + np.int32(pre_member.start), steps, post + np.int32(post_member.start)


def _rewiring(pathway: PathwayPlan, plan: Plan) -> np.random.Generator:
    return stream(plan.seed, pathway.name, "rewire")


def _within(pathway: PathwayPlan, pre: Ints, post: Ints, plan: Plan) -> tuple[Ints, Ints]:
    """Both ends of some synapses, as numbers within the populations."""
    starts = (plan.population(end)[1].start for end in (pathway.pre, pathway.post))
    return tuple(ends - np.int32(start) for ends, start in zip((pre, post), starts, strict=True))  # type: ignore[return-value]


_NO_ENDS = (np.empty(0, np.int32), np.empty(0, np.int32))


def _values(
    pathway: PathwayPlan, name: str, size: int, ends: tuple[Ints, Ints], plan: Plan
) -> Floats:
    if name != "w":
        return draw(pathway.parameters[name], size, stream(plan.seed, pathway.name, name))
    if pathway.weight.is_formula:
        bounds = [bound.mean if bound else None for bound in (pathway.w_min, pathway.w_max)]
        low, high = -np.inf if bounds[0] is None else bounds[0], bounds[1]
        at = _places_of(pathway, ends, plan)
        return of_pairs(
            pathway.weight, pathway, at, "weight", low, np.inf if high is None else high
        )
    return draw(pathway.weight, size, stream(plan.seed, pathway.name, "weight"))


def _delay_steps(
    pathway: PathwayPlan, delay: Value, side: str, ends: tuple[Ints, Ints], plan: Plan
) -> Ints:
    size, what = len(ends[0]), f"{side} delay"
    if not delay.is_random and delay.mean == 0:
        return np.zeros(size, np.int32)
    if delay.is_formula:
        at = _places_of(pathway, ends, plan)
        seconds = of_pairs(delay, pathway, at, what, plan.dt, np.inf)
    else:
        seconds = draw(delay, size, stream(plan.seed, pathway.name, side))
    steps: Ints = all_in_steps(seconds, plan.dt, f"{what} of {pathway.name}")
    return np.maximum(steps, 1, out=steps)


def _places_of(pathway: PathwayPlan, ends: tuple[Ints, Ints], plan: Plan) -> dict[str, Floats]:
    """Where the neurons of some pairs are, which are numbered within their populations."""
    members = [plan.population(end)[1] for end in (pathway.pre, pathway.post)]
    pre, post = (
        positions(m.name, m.size, m.space, plan.seed)[neurons]
        for m, neurons in zip(members, ends, strict=True)
    )
    space = members[1].space
    assert space is not None, "a pass before lets only populations with a space have formulas"
    return places(pre, post, space)


def positions(name: str, size: int, space: Space | None, seed: int) -> Floats:
    """Positions of the neurons of a population: (size, dimensions) in metres."""
    assert space is not None, "resolve lets only populations with a space connect by distance"
    if space.given is not None:
        return np.asarray(space.given.numbers)
    extent = np.array([side.mean for side in space.extent])
    if space.layout == "random":
        return np.asarray(
            stream(seed, name, "positions").uniform(0, 1, (size, len(extent))) * extent
        )
    per_side = int(np.ceil(size ** (1 / len(extent))))
    corners = np.stack(np.meshgrid(*[np.arange(per_side)] * len(extent), indexing="ij"), axis=-1)
    return np.asarray((corners.reshape(-1, len(extent))[:size] + 0.5) / per_side * extent)


def playback_arrays(plan: Plan, group_name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps and neurons of the prescribed spikes of a group, by step and neuron."""
    steps, neurons = [], []
    for playback in plan.playbacks:
        group, member = plan.population(playback.population)
        if group.name == group_name:
            steps.append(np.array(playback.steps, dtype=np.int64))
            neurons.append(np.array(playback.indices, dtype=np.int64) + member.start)
    if not steps:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    all_steps, all_neurons = np.concatenate(steps), np.concatenate(neurons)
    order = np.lexsort((all_neurons, all_steps))
    return all_steps[order], all_neurons[order]

"""Plan to arrays: who connects to whom, with weights and delays, and the neurons' parameters.

Each pathway has its own random streams, named after it: the network is the same on every backend
and for any number of threads, and adding a pathway changes no other. Synapses are sorted by
(pre, delay, post), the order in which spikes visit them; they are drawn in the order of their
sources, so that each neuron's are put into order when they are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.drives import Drive
from thalia.compiler.machine import available_processors
from thalia.compiler.plan import Group, LaterEvent, PathwayPlan, Plan, SynapseGroup
from thalia.compiler.resources import expected_synapses
from thalia.compiler.space import places
from thalia.connectivity.compiled import CompiledKernels, compiled_library
from thalia.connectivity.laws import NOTHING, draw
from thalia.connectivity.local_values import of_pairs
from thalia.connectivity.neurons import frames_arrays, of_neurons, positions
from thalia.connectivity.null_models import WEIGHTS, WIRING, rewired, shuffled
from thalia.connectivity.reference import Columns, Connected, Numbers, NumpyKernels, Path, Steps
from thalia.connectivity.rules import Streams, connected
from thalia.connectivity.step_tables import delay_steps, step_table
from thalia.connectivity.streams import Stream, stream
from thalia.syntax.equations import evaluate
from thalia.syntax.given import Given
from thalia.syntax.time_grid import all_in_steps, too_many_steps
from thalia.syntax.units import constant

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Counts = NDArray[np.integer[Any]]
MANY = 100_000  # synapses that compiled functions wire, where there is a compiler


@dataclass(frozen=True)
class Wired:
    """The synapses of one object: indices into the groups, delays in steps, all other variables.

    Those of neuron k of the presynaptic group are `starts[k]` to `starts[k + 1]`. A delay that all
    synapses share is an array of one. `later` are the delays of statements that run some time after
    an arrival.

    `owner` is for each synapse the number of its pathway in `pathways`; `notes` tell what was found
    while they were wired.
    """

    starts: NDArray[np.int64]
    post: Ints
    axonal: Counts
    dendritic: Counts
    later: tuple[Counts, ...]
    variables: dict[str, Floats]
    owner: NDArray[np.unsignedinteger[Any]]
    pathways: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def counted(self) -> "Wired":
        """How many there are from each neuron, and what was told, without the synapses."""
        none = np.empty(0, np.int32)
        return replace(
            self,
            post=none,
            axonal=none,
            dendritic=none,
            later=(),
            variables={},
            owner=np.empty(0, np.uint8),
        )

    @property
    def pre(self) -> Ints:
        """The presynaptic neuron of every synapse, which takes memory."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))

    def sources(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The presynaptic neurons of some synapses."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def delays(self, rows: NDArray[np.intp]) -> Counts:
        """Axonal delays of some synapses, in time steps."""
        return (
            self.axonal[rows]
            if len(self.axonal) == len(self)
            else np.full(len(rows), self.axonal[:1])
        )

    def rows(self, pathway: str) -> NDArray[np.intp]:
        """Positions of the synapses of a pathway, sorted by (pre, delay, post)."""
        if len(self.pathways) == 1:
            return np.arange(len(self))
        return np.flatnonzero(self.owner == self.pathways.index(pathway))


@dataclass(frozen=True)
class Arrays:
    """Everything that a network starts with: variables of the groups, and the synapses.

    `given_up` are the objects of which only the number of synapses is needed once a program has
    them: it may take their memory as it loads them, so that they are in memory once.
    """

    groups: dict[str, dict[str, Floats]]
    synapses: dict[str, Wired]
    given_up: frozenset[str] = frozenset()


def wire(plan: Plan, kernels: NumpyKernels | None = None) -> Arrays:
    """All arrays of a plan, drawn from its seed.

    Parameters
    ----------
    kernels : optional
        What draws and sorts: it is chosen by the number of synapses, and changes no bit.
    """
    kernels = kernels or _kernels(plan)
    synapses = {each.name: _wired(each, plan, kernels) for each in plan.synapses}
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
                        of_neurons(value, member, plan.seed, member.name, name, str(index))
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
                draw(
                    member.initial.get(name, constant(0)),
                    member.size,
                    stream(plan.seed, member.name, name),
                )
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
    for frames in plan.frames(group):
        arrays |= frames_arrays(frames, group, plan.seed)
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
                weights = wired.variables["w"][rows]
                values = initial_numbers(text.strip().removeprefix("sum"), member, weights)
                total += np.bincount(
                    wired.post[rows], np.broadcast_to(values, len(rows)), minlength=group.size
                )
    return total


def initial_numbers(text: str, pathway: PathwayPlan, weights: Floats) -> Any:
    """The value of the expression of an initial value, for some weights of a pathway."""
    bounds = {"w_min": pathway.w_min, "w_max": pathway.w_max}
    numbers = {"w": weights, **{name: bound.mean for name, bound in bounds.items() if bound}}
    return evaluate(text, numbers, {"int": np.trunc})


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
        given = {drive.weight: (each.weight, "weight")}
        if drive.rate:
            given |= {name: (value, name) for name, value in each.parameters.items()}
        for name, (value, word) in given.items():
            arrays[name][here] = of_neurons(value, member, plan.seed, each.name, word)
        arrays[drive.scale][here] = each.number if each.mean is None else each.mean * plan.dt
        if each.chosen:
            arrays[drive.scale][here] *= of_neurons(each.chosen, member, plan.seed, each.name)
    return arrays


def _kernels(plan: Plan) -> NumpyKernels:
    """The fastest kernels for so many synapses here."""
    total = sum(expected_synapses(p, plan) for each in plan.synapses for p in each.members)
    compiled = compiled_library() if total >= MANY else None
    return CompiledKernels(compiled, available_processors()) if compiled else NumpyKernels()


def _wired(synapses: SynapseGroup, plan: Plan, kernels: NumpyKernels) -> Wired:
    """Draw the synapses, one source population after the other, into the columns of all."""
    varied = ["w", *(name for name in synapses.parameters if synapses.shared(name) is None)]
    group = plan.group(synapses.pre)
    made = _Made.empty(synapses, plan, varied)
    starts, done, told = np.zeros(group.size + 1, np.int64), 0, list[str]()
    for source in sorted({member.pre for member in synapses.members}, key=_start_in(plan)):
        paths = [
            _path(number, member, plan, varied, kernels, told)
            for number, member in enumerate(synapses.members)
            if member.pre == source
        ]
        own = np.sum([path.connected.starts for path in paths], axis=0)
        kernels.rows(paths, made.columns(own, done))
        first = plan.population(source)[1].start
        starts[first + 1 : first + len(own)] = np.diff(own)
        done += int(own[-1])
    return made.wired(np.cumsum(starts), done, synapses, plan, tuple(sorted(told)))


def _start_in(plan: Plan) -> Any:
    return lambda population: plan.population(population)[1].start


@dataclass(frozen=True)
class _Made:
    """The columns of a synapse object, with room for as many synapses as can be drawn.

    Memory that is never written to is none that is used.
    """

    post: Ints
    axonal: Counts | None
    dendritic: Counts | None
    owner: NDArray[np.unsignedinteger[Any]]
    variables: dict[str, Floats]
    post_bits: int
    delay_bits: int

    @classmethod
    def empty(cls, synapses: SynapseGroup, plan: Plan, varied: Sequence[str]) -> "_Made":
        room = sum(_most_synapses(member, plan) for member in synapses.members)
        sides = {side: _most_steps(synapses, side, plan) for side in ("axonal", "dendritic")}
        axonal, dendritic = (
            None if synapses.delay(side) is not None else np.empty(room, _narrow(most))
            for side, most in sides.items()
        )
        return cls(
            np.empty(room, np.int32),
            axonal,
            dendritic,
            np.empty(room, np.min_scalar_type(max(len(synapses.members) - 1, 0))),
            {name: np.empty(room) for name in varied},
            plan.group(synapses.post).size.bit_length(),
            0 if axonal is None else sides["axonal"].bit_length(),
        )

    def columns(self, starts: NDArray[np.int64], done: int) -> Columns:
        """Where the synapses of the next source population go."""
        here = slice(done, done + int(starts[-1]))
        if here.stop > len(self.post):
            raise RuntimeError("more synapses were drawn than is possible")
        return Columns(
            starts,
            self.post[here],
            None if self.axonal is None else self.axonal[here],
            None if self.dendritic is None else self.dendritic[here],
            self.owner[here],
            tuple(column[here] for column in self.variables.values()),
            self.post_bits,
            self.delay_bits,
        )

    def wired(
        self,
        starts: NDArray[np.int64],
        count: int,
        synapses: SynapseGroup,
        plan: Plan,
        notes: tuple[str, ...],
    ) -> Wired:
        """What was made, with everything that follows from it."""
        owner = self.owner[:count]
        variables = {name: column[:count] for name, column in self.variables.items()}
        variables |= _initial(synapses, variables["w"], owner)
        for name in synapses.parameters.keys() - variables.keys():
            variables[name] = np.array([synapses.shared(name).mean])  # type: ignore[union-attr]
        axonal, dendritic = (
            _one_delay(synapses, side, plan) if column is None else column[:count]
            for side, column in (("axonal", self.axonal), ("dendritic", self.dendritic))
        )
        return Wired(
            starts,
            self.post[:count],
            axonal,
            dendritic,
            tuple(_later(each, synapses, axonal, owner, plan) for each in synapses.later),
            variables,
            owner,
            tuple(member.name for member in synapses.members),
            notes,
        )


def _most_synapses(pathway: PathwayPlan, plan: Plan) -> int:
    """More synapses than a pathway will have, but for one case in 10^23."""
    mean = expected_synapses(pathway, plan)
    return int(mean + 10 * sqrt(mean)) + 64


def _most_steps(synapses: SynapseGroup, side: str, plan: Plan) -> int:
    tables = [
        step_table(getattr(member, side), plan.dt, f"{side} delay of {member.name}")
        for member in synapses.members
    ]
    return max((2**31 - 1 if table is None else table.most for table in tables), default=0)


def _narrow(most: int) -> type[np.integer[Any]]:
    """The smallest type for delays up to `most` steps."""
    return np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.int32


def _one_delay(synapses: SynapseGroup, side: str, plan: Plan) -> Ints:
    """The delay that all synapses share."""
    table = step_table(getattr(synapses.members[0], side), plan.dt, f"{side} delay")
    assert table is not None, "a delay that is shared is constant"
    return np.array([table.first], np.int32)


def _initial(
    synapses: SynapseGroup, weights: Floats, owner: NDArray[np.unsignedinteger[Any]]
) -> dict[str, Floats]:
    """Variables that do not start at zero, of the pathways that say so."""
    found: dict[str, Floats] = {}
    for number, member in enumerate(synapses.members):
        for name, value in member.initial.items():
            column = found.setdefault(name, np.zeros(len(owner)))
            rows = slice(None) if len(synapses.members) == 1 else np.flatnonzero(owner == number)
            column[rows] = (
                initial_numbers(value, member, weights[rows])
                if isinstance(value, str)
                else value.mean
            )
    return found


def _later(
    each: LaterEvent, synapses: SynapseGroup, steps: Counts, owner: NDArray[Any], plan: Plan
) -> Ints:
    """Steps from a presynaptic spike to the statements that run some time after it arrives."""
    after = np.array([member.parameters[each.after].mean for member in synapses.members])
    added = all_in_steps(after.copy(), plan.dt, each.after)
    both: Ints = steps + (added[:1] if synapses.later_is_uniform(each) else added[owner])
    if both.size and both.min() < 0:
        raise too_many_steps(each.after, float(after.max()), plan.dt)
    return both


def _path(
    number: int,
    pathway: PathwayPlan,
    plan: Plan,
    varied: Sequence[str],
    kernels: NumpyKernels,
    told: list[str],
) -> Path:
    """A pathway, with who connects to whom, ready to be drawn.

    What there is to tell of a null model is added to `told`.
    """
    pre, post = (plan.population(end)[1] for end in (pathway.pre, pathway.post))

    def streams(what: str) -> Stream:
        return Stream.of(plan.seed, pathway.name, what)

    who = connected(
        pathway.connect,
        pre,
        post,
        streams,
        lambda m: positions(m.name, m.size, m.space, plan.seed),
        kernels,
    )
    undirected = pathway.symmetric and pathway.pre == pathway.post
    if undirected and pathway.connect.edges is None:
        sources, targets = who.sources, who.all_targets()
        upper = sources < targets
        who = Connected.of(sources[upper], targets[upper], pre.size)
        pathway = _in_order(pathway, np.flatnonzero(upper))
    if pathway.null_model in WIRING:
        generator = streams("rewire").generator()
        pairs = who.sources, who.all_targets()
        (sources, targets), found = rewired(
            pathway.null_model, pairs, pre, post, generator, undirected, _given(pathway)
        )
        order = np.argsort(sources, kind="stable")
        who = Connected.of(sources[order], targets[order], pre.size)
        pathway = _in_order(pathway, order)
        told.append(f"{pathway.name}: {found}")
    axonal, dendritic = (
        _steps(pathway, side, who, streams(side), plan) for side in ("axonal", "dendritic")
    )
    weights = _weights(pathway, who, streams, plan)
    others = (Numbers.of(pathway.parameters[name], len(who), streams(name)) for name in varied[1:])
    return Path(who, post.start, number, axonal, dendritic, (weights, *others))


def _in_order(pathway: PathwayPlan, order: NDArray[np.intp]) -> PathwayPlan:
    """What data give for the synapses of a pathway, of which these are left, in this order."""
    values = {name: getattr(pathway, name) for name in ("weight", "axonal", "dendritic")}
    given: dict[str, Any] = {
        name: each.part(order) for name, each in values.items() if isinstance(each, Given)
    }
    return replace(pathway, **given)


def _given(pathway: PathwayPlan) -> Floats | None:
    """The weights that data give, in the order of the synapses."""
    return pathway.weight.numbers if isinstance(pathway.weight, Given) else None


def _weights(pathway: PathwayPlan, who: Connected, streams: Streams, plan: Plan) -> Numbers:
    """The weights of a pathway: drawn with the synapses, or now if they depend on these."""
    if pathway.weight.is_formula:
        low, high = (
            bound.mean if bound else limit
            for bound, limit in ((pathway.w_min, -np.inf), (pathway.w_max, np.inf))
        )
        found = of_pairs(
            pathway.weight, pathway, _places_of(pathway, who, plan), "weight", low, high
        )
        weights = Numbers(NOTHING, streams("weight"), found)
    else:
        weights = Numbers.of(pathway.weight, len(who), streams("weight"))
    if pathway.null_model not in WEIGHTS:
        return weights
    generator = streams("rewire").generator()
    drawn = weights.numbers(len(who))
    return Numbers(
        NOTHING, streams("weight"), shuffled(pathway.null_model, who.sources, drawn, generator)
    )


def _steps(pathway: PathwayPlan, side: str, who: Connected, words: Stream, plan: Plan) -> Steps:
    """The delays of a pathway on one side, from a table or computed now."""
    delay, what = getattr(pathway, side), f"{side} delay"
    if table := step_table(delay, plan.dt, f"{what} of {pathway.name}"):
        return Steps(table, words)
    if delay.is_formula:
        at = _places_of(pathway, who, plan)
        seconds = of_pairs(delay, pathway, at, what, plan.dt, np.inf)
    else:
        seconds = draw(delay, len(who), words.generator()).copy()  # it is changed
    return Steps(None, words, delay_steps(seconds, plan.dt, f"{what} of {pathway.name}"))


def _places_of(pathway: PathwayPlan, who: Connected, plan: Plan) -> dict[str, Floats]:
    """Where the neurons of the pairs of a pathway are."""
    members = [plan.population(end)[1] for end in (pathway.pre, pathway.post)]
    pre, post = (
        positions(m.name, m.size, m.space, plan.seed)[neurons]
        for m, neurons in zip(members, (who.sources, who.all_targets()), strict=True)
    )
    space = members[1].space
    assert space is not None, "a pass before lets only populations with a space have formulas"
    return places(pre, post, space)

"""Pass 4: Plan → Plan. One group per neuron model, one synapse object per class of synapses.

Compile time and, on a GPU, kernel launches grow with the number of objects; fused, they do not grow
with the number of populations and pathways. What differs between members becomes a parameter.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from thalia.circuit.limits import MOST_INPUTS
from thalia.compiler.drives import Drive
from thalia.compiler.options import CompilerOptions
from thalia.compiler.plan import (
    SHARED,
    Group,
    Input,
    Plan,
    SynapseGroup,
    TakenNames,
    group_name,
    synapses_name,
)
from thalia.errors import Diagnostics
from thalia.library.lookup import word_of
from thalia.syntax.equations import identifiers
from thalia.syntax.units import Value


def fuse(plan: Plan, options: CompilerOptions, diagnostics: Diagnostics) -> Plan:
    """The same plan in as few objects as possible."""
    alike: dict[object, list[Group]] = defaultdict(list)
    for group in plan.groups:
        key = (
            group.part,
            group.model,
            group.threshold,
            group.reset,
            group.refractory,
            (group.method, group.substeps, group.update),
            tuple(group.integration.of(each.name) for each in group.model),
        )
        alike[key].append(group)
    groups: list[Group] = []
    names, taken = dict[str, str](), TakenNames()
    for members in chain(*map(_within_limits, alike.values())):
        groups.append(_joined(members, taken))
        names |= {old.name: groups[-1].name for old in members}
    synapses = _fused_synapses(plan.synapses, names)
    drives = _fused_drives(plan.drives, names)
    return plan.with_(groups=tuple(groups), synapses=synapses, drives=drives)


def _within_limits(groups: list[Group]) -> Iterator[list[Group]]:
    """Groups in their order, as many at a time as one equation can add up the inputs of."""
    together: list[Group] = []
    inputs: set[str] = set()
    for group in groups:
        own = {each.name for each in group.inputs if each.term}
        if together and len(inputs | own) > MOST_INPUTS:
            yield together
            together, inputs = [], set()
        together.append(group)
        inputs |= own
    yield together


def _joined(groups: list[Group], taken: TakenNames) -> Group:
    first = groups[0]
    inputs: dict[str, Input] = {}
    for group in groups:
        inputs |= {each.name: each for each in group.inputs if each.name not in inputs}
    idle: dict[str, Value] = {
        name: value for each in inputs.values() for name, value in each.idle.items()
    }
    members, start = [], 0
    for group in groups:
        for member in group.members:
            parameters = {
                name: member.parameters.get(name) or (idle[name],) for name in _names(first, inputs)
            }
            members.append(replace(member, start=start, parameters=parameters))
            start += member.size
    together = len(groups) > 1
    name = taken.new(group_name(word_of(first.part))) if together else taken.kept(first.name)
    return replace(
        first,
        name=name,
        members=tuple(members),
        inputs=tuple(inputs.values()),
        most_spikes=sum(group.places for group in groups),
    )


def _names(group: Group, inputs: dict[str, Input]) -> list[str]:
    return [*group.parameters, *(name for each in inputs.values() for name in each.parameters)]


def _fused_synapses(
    synapses: tuple[SynapseGroup, ...], names: dict[str, str]
) -> tuple[SynapseGroup, ...]:
    alike: dict[object, list[SynapseGroup]] = defaultdict(list)
    for each in synapses:
        key = (
            names[each.pre],
            names.get(each.post, each.post),
            each.synapse,
            each.rules,
            each.equations,
            each.on_pre,
            each.on_post,
            each.later,
            each.on_step,
            each.members[0].plastic if each.rules else (),
            _is_dendritic(each),
            _time_constants(each),
            each.name if each.post == SHARED else "",
        )
        alike[key].append(each)
    fused: list[SynapseGroup] = []
    taken = TakenNames()
    for members in alike.values():
        first = members[0]
        pathways = tuple(pathway for each in members for pathway in each.members)
        ends = {"pre": names[first.pre], "post": names.get(first.post, first.post)}
        name = _name(members, ends, taken)
        fused.append(
            replace(first, name=name, members=pathways, pre=ends["pre"], post=ends["post"])
        )
    return tuple(fused)


def _time_constants(synapses: SynapseGroup) -> tuple[tuple[str, Value], ...]:
    """Time constants that pathways must share if their weights change between spikes."""
    if not any(equation.name == "w" for equation in synapses.equations):
        return ()
    read = {
        name
        for e in synapses.equations
        if e.kind == "ode" and e.name != "w"
        for name in identifiers(e.right)
    }
    return tuple(
        (name, value) for name, value in synapses.members[0].parameters.items() if name in read
    )


def _name(members: list[SynapseGroup], ends: dict[str, str], taken: TakenNames) -> str:
    """The name that the pathways have in common, or else where they lead and what they are."""
    if len(members) == 1:
        return taken.kept(members[0].name)
    stems = {pathway.name.rpartition(".")[0] for each in members for pathway in each.members}
    words = [
        ends["pre"],
        "to",
        ends["post"],
        *(word_of(part) for part in (*members[0].rules, *members[0].synapse.split(" + "))),
    ]
    in_common = stems.pop() if len(stems) == 1 else ""
    stem = synapses_name(
        in_common or "_".join(dict.fromkeys(word.removeprefix("neurons_") for word in words))
    )
    return taken.new(stem)


def _fused_drives(drives: tuple[Drive, ...], names: dict[str, str]) -> tuple[Drive, ...]:
    """Constant drives of one variable in one object, if each population has a single one there."""
    fused: list[Drive] = []
    for drive in drives:
        group = names[drive.group]
        for index, other in enumerate(fused):
            alike = not drive.rate and (other.group, other.target, other.rate) == (
                group,
                drive.target,
                "",
            )
            if alike and drive.members[0].population not in {
                member.population for member in other.members
            }:
                fused[index] = replace(other, members=other.members + drive.members)
                break
        else:
            fused.append(replace(drive, group=group))
    # named after the variable while that is unambiguous, else after the first stimulus
    shared = Counter((drive.group, drive.target) for drive in fused if len(drive.members) > 1)
    return tuple(
        replace(d, name=f"drive_{d.target}")
        if len(d.members) > 1 and shared[d.group, d.target] == 1
        else d
        for d in fused
    )


def _is_dendritic(synapses: SynapseGroup) -> bool:
    """Whether postsynaptic spikes reach the synapses with a delay, one for each pathway."""
    delay = synapses.delay("dendritic")
    return delay is None or delay.mean != 0

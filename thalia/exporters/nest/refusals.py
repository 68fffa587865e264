"""Everything of a circuit that NEST has no counterpart for, in words."""

from collections.abc import Collection, Iterator, Mapping

from thalia.circuit.part_use import Stimulus
from thalia.compiler.pipeline import Compiled
from thalia.errors import Problem
from thalia.exporters.nest.models import SYNAPSES
from thalia.exporters.nest.synapses import SHORT_TERM, against_modulators, against_rules
from thalia.syntax.units import Value

RATED = ("poisson", "poisson_pulses")
KINDS = (*RATED, "current", "spikes")


def reasons_against(
    compiled: Compiled, described: Collection[str], rules: Mapping[str, str] | None
) -> list[Problem]:
    """All but what its cells are.

    Parameters
    ----------
    described : populations of which NESTML describes the cells
    rules : of pathways, why NESTML cannot describe their rule, if it has none; None if not asked
    """
    return [
        *_against_tasks(compiled, nestml=rules is not None),
        *_against_pathways(compiled, described, rules),
        *_against_stimuli(compiled),
    ]


def _against_tasks(compiled: Compiled, nestml: bool) -> Iterator[Problem]:
    circuit, plan = compiled.expanded, compiled.plan
    for name, population in circuit.populations.items():
        if population.from_task:
            yield Problem(("populations", name), "values that a task sets", "give them in the file")
    yield from against_modulators(circuit, nestml)
    if plan.weight_changes or plan.task_releases:
        yield Problem((), "releases by changes of weights or by a task", "")


def _against_pathways(
    compiled: Compiled, described: Collection[str], rules: Mapping[str, str] | None
) -> Iterator[Problem]:
    for name, pathway in compiled.expanded.pathways.items():
        path = ("pathways", name)
        layers = [use.part for use in pathway.synapse[:-1]]
        for part in layers:
            if part != SHORT_TERM:
                yield Problem(
                    (*path, "synapse"),
                    f"{part}: no synapse of NEST scales its spikes like that",
                    f"the one that does: {SHORT_TERM}",
                )
        part = pathway.receptor.part
        if part not in SYNAPSES and pathway.post[0] not in described:
            yield Problem(
                (*path, "synapse"),
                f"{part}: no synapse of NEST's cells is like it",
                f"--nestml; those that are: {', '.join((*SYNAPSES, SHORT_TERM))}",
            )
        if layers and pathway.rules:
            yield Problem(
                (*path, "plasticity"), "with short-term plasticity: NEST has no such synapse", ""
            )
        why = None if rules is None else rules.get(name)
        place = (*path, "plasticity")
        yield from against_rules(compiled.expanded, pathway.rules, place, why)
        if pathway.rewire:
            yield Problem((*path, "rewire"), "synapses that are pruned and grow", "leave it out")
        if pathway.w_min is not None and pathway.w_min.mean and not (rules and name in rules):
            yield Problem((*path, "w_min"), "a lower bound other than 0, which NEST has", "")


def _against_stimuli(compiled: Compiled) -> Iterator[Problem]:
    for played in compiled.plan.playbacks:
        if 0 in played.steps:
            yield Problem(
                ("stimuli", played.name),
                "a spike in the first step, which a generator of NEST cannot give",
                "let it come a step later",
            )
    for name, stimulus in compiled.expanded.stimuli.items():
        path = ("stimuli", name)
        if stimulus.kind not in KINDS:
            yield Problem(path, f"{stimulus.kind}: is not exported", f"{', '.join(KINDS)} are")
        elif stimulus.kind != "spikes" and _varies(stimulus):
            yield Problem(
                path, "numbers over time, or for some of the neurons", "one number for a population"
            )


def _varies(stimulus: Stimulus) -> bool:
    """Whether it is anything but one number for all neurons, all the time."""
    given = (stimulus.file, stimulus.values, stimulus.array, stimulus.neurons)
    values = (*stimulus.parameters.values(), stimulus.weight)  # or a drive, which is one number
    return any(each is not None for each in given) or any(
        isinstance(each, Value) and each.is_random for each in values
    )

"""The cells of a circuit in NEST: its own, or those that NESTML describes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.pipeline import Compiled
from thalia.compiler.plan import Group, Member, Plan
from thalia.connectivity.build import wire
from thalia.errors import Problem
from thalia.exporters.nest.models import IZHIKEVICH, MODELS, SYNAPSES, Cell, Port, cell_of, native
from thalia.exporters.nest.nestml import CellModel, arriving_at, cell_model
from thalia.exporters.nest.nestml_rules import RuleModel, rule_models
from thalia.exporters.nest.nestml_text import size_of

SOURCES = ("poisson", "spike_source")


@dataclass(frozen=True)
class Cells:
    """Cells by population, the models of NESTML among them, and what stands against others.

    `rules` are models of NESTML of pathways, or why there is none; empty if none were asked for.
    """

    cells: dict[str, Cell]
    models: tuple[CellModel, ...]
    rules: dict[str, RuleModel | str]
    problems: tuple[Problem, ...]


def cells_of(compiled: Compiled, nestml: bool) -> Cells:
    """The cells of all populations; with `nestml` those that NEST has not are described."""
    plan = compiled.plan
    arrays = wire(replace(plan, synapses=())).groups  # parameters and initial values
    cells, models, problems = dict[str, Cell](), list[CellModel](), list[Problem]()
    rules = rule_models(compiled) if nestml else {}
    for group in plan.groups:
        values = arrays[group.name]
        learned = _learned(group, plan, rules)
        foreign = any(_is_foreign(compiled, member.name) for member in group.members)
        made = _native(group, values, plan)
        against = [each for each in made if isinstance(each, Problem)]
        if nestml and (foreign or against or learned) and group.part not in SOURCES:
            model = cell_model(group, plan, learned)
            if isinstance(model, CellModel):
                models.append(model)
                made, against = [_described(group, m, values, model) for m in group.members], []
            else:
                against = [_against(group.part, member, model) for member in group.members]
        elif foreign and native(group.part):
            made, against = [], []  # what arrives there is told of the pathways
        problems += against
        cells |= {each.population: each for each in made if isinstance(each, Cell)}
    return Cells(cells, tuple(models), rules, tuple(problems))


def _learned(
    group: Group, plan: Plan, rules: Mapping[str, RuleModel | str]
) -> tuple[RuleModel, ...]:
    """The rules of NESTML of the pathways onto a group."""
    found = (
        rules.get(pathway.name)
        for synapses, pathway in plan.pathways()
        if synapses.post == group.name
    )
    return tuple(dict.fromkeys(each for each in found if isinstance(each, RuleModel)))


def _native(
    group: Group, values: Mapping[str, NDArray[np.float64]], plan: Plan
) -> list[Cell | Problem]:
    """The cells of NEST that the populations of a group are, or why there are none."""
    found = list[Cell | Problem]()
    for member in group.members:
        if native(group.part):
            made = cell_of(group, member, values, plan.dt, arriving_at(member.name, group, plan))
            found += [made] if isinstance(made, Cell) else made
        else:
            hint = f"--nestml; those that have one: {', '.join((*MODELS, IZHIKEVICH, *SOURCES))}"
            found.append(_against(group.part, member, "NEST has no cell like it here", hint))
    return found


def _is_foreign(compiled: Compiled, population: str) -> bool:
    """Whether something arrives at a population that no cell of NEST receives so."""
    return any(
        population in pathway.post and pathway.receptor.part not in SYNAPSES
        for pathway in compiled.expanded.pathways.values()
    )


def _against(part: str, member: Member, why: str, hint: str = "") -> Problem:
    return Problem(("populations", member.name, "neuron"), f"{part}: {why}", hint)


def _described(
    group: Group, member: Member, values: Mapping[str, NDArray[np.float64]], model: CellModel
) -> Cell:
    """A population of a model of NESTML, with its parameters and initial values."""
    dimensions = {each.name: each.dimension for each in group.equations()} | group.all_parameters()
    given = {}
    for name in (*model.parameters, *model.states):
        if name in values:
            held = values[name]
            mine = held if len(held) == 1 else held[member.start : member.stop]
            size = size_of(dimensions[name])
            given[name] = float(mine[0]) / size if len(np.unique(mine)) == 1 else mine / size
    several = len(model.receivers) > 1
    ports = {
        each.name: Port(place + 1 if several else 0, 1, each.unit)
        for place, each in enumerate(model.receivers)
    }
    return Cell(member.name, member.size, model.name, given, ports, described=True)

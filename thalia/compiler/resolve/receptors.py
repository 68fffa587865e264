"""Receptors: synapse models with their parameters, as variables of the neurons that they act on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from thalia.circuit.part_use import SynapseUse
from thalia.circuit.spec import Circuit
from thalia.compiler.plan import AMPERE, HERTZ, Input, TakenNames
from thalia.compiler.resolve.components import Parameters, component, parameters
from thalia.errors import Diagnostics, Path, did_you_mean
from thalia.library.lookup import word_of
from thalia.library.schema import Neuron, Synapse
from thalia.syntax.dimensions import dimension_of
from thalia.syntax.equations import (
    Equation,
    Statement,
    identifiers,
    rename,
    rename_equation,
    rename_statement,
)
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import UNITS, Dimension, a_quantity

VOLT = UNITS["V"][1]


@dataclass(frozen=True)
class Target:
    """Where synapses end on a neuron: the variable that sums the input, the potential there."""

    variable: str
    potential: str
    dimension: Dimension
    name: str = ""


SOMA = Target("input_current", "v", AMPERE)
RATE = Target("input_rate", "v", HERTZ)  # of a source, which graded transmission drives


@dataclass(frozen=True)
class ReceptorUse:
    """A synapse model as a pathway or a stimulus uses it: `owner` is the path of either."""

    owner: Path
    name: str
    part: Synapse
    values: Parameters
    target: Target

    @property
    def weight(self) -> Dimension:
        """The dimension of its weights."""
        assert self.part.weight is not None
        return self.part.weight

    @property
    def identity(self) -> object:
        """What uses of one receptor share; in graded transmission, each pathway has its own."""
        owner = self.owner if self.part.in_every_step else ()
        return self.name, tuple(sorted(self.values.items())), self.target, owner


@dataclass(frozen=True)
class Receptor:
    """A synapse model with its parameters, under a name of its own in the neurons.

    `arrival` is what a spike does there, `sums` what graded transmission sums up in every step.
    """

    part: Synapse
    weight: Dimension
    input: Input
    values: Parameters
    arrival: tuple[Statement, ...]
    sums: tuple[Equation, ...] = ()


def inputs_of(part: Neuron) -> dict[str, Dimension]:
    """The variables that stand for what a neuron receives, each with its dimension."""
    compartments = {f"input_{name}": each.unit for name, each in part.compartments.items()}
    return {"input_current": AMPERE, "input_rate": HERTZ, **compartments}


def target_of(
    circuit: Circuit, population: str, compartment: str, path: Path, diagnostics: Diagnostics
) -> Target | None:
    """Where synapses end on a population: on the soma, unless a compartment is named."""
    if not compartment:
        return SOMA
    neuron = circuit.populations[population].neuron
    part = component(circuit, Neuron, neuron, ("populations", population, "neuron"), diagnostics)
    if part is None:
        return None
    if compartment in part.compartments:
        found = part.compartments[compartment]
        return Target(f"input_{compartment}", found.potential, found.unit, compartment)
    hint = (
        did_you_mean(compartment, part.compartments)
        if part.compartments
        else "its synapses all end on the soma: remove 'compartment'"
    )
    message = f"{population} is a '{neuron}', which has no compartment '{compartment}'"
    diagnostics.error((*path, "compartment"), message, hint)
    return None


def receptor_uses(circuit: Circuit, diagnostics: Diagnostics) -> Iterator[ReceptorUse]:
    """The receptors of the pathways."""
    for name, pathway in circuit.pathways.items():
        owner: Path = ("pathways", name)
        path: Path = (*owner, "synapse")
        if len(pathway.synapse) > 1:
            path = (*path, len(pathway.synapse) - 1)
        post, target = pathway.post[0], SOMA
        if post in circuit.populations:
            found = target_of(circuit, post, pathway.compartment, owner, diagnostics)
            if found is None:
                continue
            target = found
        use = receptor_use(circuit, owner, pathway.receptor, path, target, diagnostics)
        if use is not None:
            yield use


def receptor_use(
    circuit: Circuit,
    owner: Path,
    use: SynapseUse,
    path: Path,
    target: Target,
    diagnostics: Diagnostics,
) -> ReceptorUse | None:
    """The use of a synapse model at a target; `path` is where it is written."""
    part = component(circuit, Synapse, use.part, path, diagnostics)
    if part is None:
        return None
    if part.weight is None:
        message = f"'{use.part}' scales the efficacy of a synapse and must be followed by one"
        diagnostics.error(path, message, f"write `synapse: [{use.part}, ampa]`")
        return None
    values = parameters(part, use.parameters, path, diagnostics, use.preset)
    if values is None:
        return None
    delivered = _delivered(part, values)
    if target is SOMA and delivered == HERTZ:
        target = RATE
    if delivered is not None and not _suits(delivered, target, path, diagnostics):
        return None
    return ReceptorUse(owner, use.part, part, values, target)


def _delivered(part: Synapse, values: Parameters) -> Dimension | None:
    """The dimension of what a synapse delivers, or None if it sets variables itself."""
    names = {e.name: e.dimension for e in part.neuron} | {
        name: value.dimension for name, value in values.items()
    }
    try:
        return dimension_of(part.current, names | {"v": VOLT}) if part.current else None
    except EquationError:
        return None  # which is reported where the neuron is checked


def _suits(delivered: Dimension, target: Target, path: Path, diagnostics: Diagnostics) -> bool:
    """Whether the target takes what a synapse delivers."""
    if delivered != target.dimension:
        where = f"the compartment '{target.name}'" if target.name else "the soma"
        message = (
            f"it brings {a_quantity(delivered)}, and {where} takes {a_quantity(target.dimension)}"
        )
        hint = (
            "choose another synapse"
            if target.name
            else "name a compartment that takes it, as in `compartment: apical`"
        )
        diagnostics.error(path, message, hint)
    return delivered == target.dimension


def named_receptors(uses: list[ReceptorUse]) -> dict[Path, Receptor]:
    """The receptor of each owner: one for each synapse model, set of parameters and target."""
    made: dict[object, Receptor] = {}
    taken = TakenNames()
    for use in uses:
        if use.identity not in made:
            stem = "_".join(filter(None, (word_of(use.name), use.target.name)))
            made[use.identity] = _receptor(use, taken.new(stem))
    return {use.owner: made[use.identity] for use in uses}


def _receptor(use: ReceptorUse, name: str) -> Receptor:
    part, target = use.part, use.target
    local = {
        key: f"{name}_{key}" for key in [*use.values, *(equation.name for equation in part.neuron)]
    }
    renamed = {local[key]: value for key, value in use.values.items()}
    dimensions: dict[str, Dimension] = {key: value.dimension for key, value in renamed.items()}
    there = local | {"v": target.potential}
    equations = tuple(rename_equation(equation, there) for equation in part.neuron)
    seen = {key: f"{value}_post" for key, value in there.items()}
    arrival = tuple(
        Statement(f"{there.get(s.target, s.target)}_post", s.operator, rename(s.right, seen))
        for s in part.on_pre
    )
    units = {local[equation.name]: equation.dimension for equation in part.neuron}
    sums = tuple(
        Equation("expression", seen[s.target], rename(s.right, seen), units[local[s.target]])
        for s in part.in_every_step
    )
    if part.symmetric:
        equations, sums = _on_both_sides(equations, sums)
    received = Input(
        name,
        rename(part.current, there),
        equations,
        dimensions,
        renamed,
        target.variable,
        before_step=tuple(rename_statement(s, local) for s in part.before_step),
    )
    sums = tuple(replace(each, flags=("summed",)) for each in sums)
    return Receptor(part, use.weight, received, renamed, arrival, sums)


def _on_both_sides(
    equations: tuple[Equation, ...], sums: tuple[Equation, ...]
) -> tuple[tuple[Equation, ...], tuple[Equation, ...]]:
    """Sums over the synapses of both sides of a neuron, and the equations that add them up."""
    found: list[Equation] = []
    added: dict[str, str] = {}
    for each in sums:
        name = each.name.removesuffix("_post")
        sides = {"_post": f"{name}_as_target", "_pre": f"{name}_as_source"}
        added[name] = " + ".join(sides.values())
        exchanged = {n: _other_side(n) for n in identifiers(each.right)}
        found += [
            replace(each, name=f"{sides['_post']}_post"),
            replace(each, name=f"{sides['_pre']}_pre", right=rename(each.right, exchanged)),
        ]
    of_neuron: list[Equation] = []
    for each in equations:
        if each.name in added:
            of_neuron += [
                replace(each, name=f"{each.name}_as_{side}") for side in ("target", "source")
            ]
            each = replace(each, kind="expression", right=added[each.name])
        of_neuron.append(each)
    return tuple(of_neuron), tuple(found)


def _other_side(name: str) -> str:
    """The name of a variable of the other neuron of a synapse."""
    for here, there in (("_pre", "_post"), ("_post", "_pre")):
        if name.endswith(here):
            return name.removesuffix(here) + there
    return name

"""How much input synapses bring, from in-degrees and the numbers of components."""

from collections.abc import Mapping
from math import log, log1p
from typing import Any

from thalia.circuit.connectivity import Connect
from thalia.circuit.part_use import SynapseUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.errors import CircuitError
from thalia.library.schema import Layer, Part, Synapse
from thalia.syntax.equations import evaluate
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import UNITS, Value, constant


def total_number(connect: Connect, pre: int, post: int) -> float:
    """Synapses of `fixed_total_number` between so many neurons, before rounding.

    From a probability it is the number for which a pair is connected at least once with that
    probability when synapses fall on pairs at random: K = ln(1-p) / ln(1 - 1/(N_pre N_post))
    (Potjans & Diesmann 2014).
    """
    if connect.number is not None:
        return float(connect.number[0][0].mean)
    probability, pairs = connect.probability[0][0].mean, pre * post  # type: ignore[index]
    return (
        log(1 - probability) / log1p(-1 / pairs)
        if 0 < probability < 1 and pairs > 1
        else probability * pairs
    )


def sizes_of(circuit: Circuit) -> dict[str, int]:
    """The number of neurons of every population."""
    return {name: population.size or 1 for name, population in circuit.populations.items()}


def in_degree(connect: Connect, pre: int, post: int, recurrent: bool) -> float:
    """Mean number of synapses on a postsynaptic neuron; for `distance`, if all were at the peak."""
    if connect.edges is not None:
        return len(connect.edges) / post
    if connect.rule == "fixed_total_number":
        return total_number(connect, pre, post) / post
    if connect.number is not None:
        number = connect.number[0][0].mean
        return number if connect.rule == "fixed_indegree" else number * pre / post
    if connect.rule == "one_to_one":
        return 1.0
    own = recurrent and not connect.autapses
    if connect.rule == "blocks":
        same = pre / (connect.blocks or 1)
        within, between = (p.mean if p else 0.0 for p in (connect.within, connect.between))
        return within * (same - own) + between * (pre - same)
    sources = pre - own
    probability = connect.probability[0][0].mean if connect.probability is not None else 1.0
    return probability * sources


def in_degree_of(pathway: Pathway, sizes: Mapping[str, int]) -> float:
    """Mean number of synapses of a pathway on a postsynaptic neuron."""
    (pre,), (post,) = pathway.pre, pathway.post
    return in_degree(pathway.connect, sizes.get(pre, 1), sizes.get(post, 1), pre == post)


def part_or_none(circuit: Circuit, kind: str, name: str) -> Part | None:
    """A component; None if there is none, which `resolve` reports."""
    try:
        return circuit.part(kind, name)
    except CircuitError:
        return None


def any_weight(circuit: Circuit, receptor: SynapseUse) -> Value:
    """A weight in place of one that has a mistake, so that later passes can look for others."""
    part = part_or_none(circuit, "synapses", receptor.part)
    dimension = part.weight if isinstance(part, Synapse) and part.weight else UNITS["S"][1]
    return constant(1e-12, dimension)


def evaluated(expression: str, values: Mapping[str, float]) -> float | None:
    """The number, or None where the expression mentions something else or has none."""
    try:
        return float(evaluate(expression, values))
    except (EquationError, ArithmeticError, ValueError, TypeError):
        return None


def efficacy_of(circuit: Circuit, use: SynapseUse, rate: float) -> float | None:
    """The fraction of a weight that short-term plasticity leaves at a steady rate.

    1 for what is no short-term plasticity; None where it is not defined.
    """
    part = part_or_none(circuit, "synapses", use.part)
    if not isinstance(part, Synapse) or part.weight is not None:
        return 1.0
    if not part.mean_efficacy:
        return None
    return evaluated(part.mean_efficacy, numbers_of(part, use) | {"rate": rate})


def numbers_of(part: Layer, use: SynapseUse) -> dict[str, float]:
    """The means of a synapse's parameters, as a pathway or a stimulus uses it."""
    return means(part.overlaid(use.parameters, use.preset))


def means(values: Mapping[str, Value]) -> dict[str, float]:
    """The mean of every parameter, in SI."""
    return {name: value.mean for name, value in values.items()}


# where charge is compared if the neuron defines no rheobase: between the reversal potentials of
# inhibition, at most -60 mV, and of excitation, about 0 mV
USUAL_THRESHOLD = -0.05  # volt


def sign_of(part: Layer, values: Mapping[str, float]) -> int:
    """Whether a positive weight excites (1) or inhibits (-1), by the charge of one spike.

    1 for a synapse that defines no charge, as graded transmission, whose weights carry the sign.
    """
    names = {**values, "v": USUAL_THRESHOLD, "w": 1.0, "c_m": 1.0}
    charge = evaluated(part.charge, names) if isinstance(part, Synapse) and part.charge else None
    return -1 if charge is not None and charge < 0 else 1


def local_values(pathway: Pathway) -> dict[tuple[str, ...], Value]:
    """What depends on where neurons are, of a pathway written out, by the keys where it is."""
    probability = pathway.connect.probability
    given: dict[tuple[str, ...], Any] = {
        ("weight",): pathway.weight[0][0],
        ("delay", "axonal"): pathway.delay.axonal[0][0],
        ("delay", "dendritic"): pathway.delay.dendritic[0][0],
        **({("connect", "probability"): probability[0][0]} if probability else {}),
    }
    return {key: each for key, each in given.items() if getattr(each, "is_formula", False)}

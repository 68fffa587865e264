"""How much input synapses bring, from in-degrees and the numbers of components."""

from collections.abc import Mapping
from math import log, log1p

from thalia.circuit.part_use import SynapseUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.errors import CircuitError
from thalia.library.schema import Layer, Part, Synapse
from thalia.syntax.equations import evaluate
from thalia.syntax.expressions import EquationError


def total_number(pathway: Pathway, sizes: dict[str, int]) -> float:
    """Synapses of a pathway with `fixed_total_number`, before rounding.

    From a probability it is the number for which a pair is connected at least once with that
    probability when synapses fall on pairs at random: K = ln(1-p) / ln(1 - 1/(N_pre N_post))
    (Potjans & Diesmann 2014).
    """
    if pathway.connect.number is not None:
        return float(pathway.connect.number[0][0].mean)
    probability = pathway.connect.probability[0][0].mean  # type: ignore[index]
    pairs = sizes.get(pathway.pre[0], 1) * sizes.get(pathway.post[0], 1)
    return (
        log(1 - probability) / log1p(-1 / pairs)
        if 0 < probability < 1 and pairs > 1
        else probability * pairs
    )


def in_degree_of(pathway: Pathway, sizes: dict[str, int]) -> float:
    """Mean number of synapses on a postsynaptic neuron."""
    connect, pre, post = (
        pathway.connect,
        sizes.get(pathway.pre[0], 1),
        sizes.get(pathway.post[0], 1),
    )
    if connect.rule == "fixed_total_number":
        return total_number(pathway, sizes) / post
    if connect.number is not None:
        number = connect.number[0][0].mean
        return number if connect.rule == "fixed_indegree" else number * pre / post
    if connect.probability is not None:
        return connect.probability[0][0].mean * pre
    return pre if connect.rule == "all_to_all" else 1.0


def part_or_none(circuit: Circuit, kind: str, name: str) -> Part | None:
    """A component; None if there is none, which `resolve` reports."""
    try:
        return circuit.part(kind, name)
    except CircuitError:
        return None


def evaluated(expression: str, values: Mapping[str, float]) -> float | None:
    """The number, or None where the expression mentions something else or has none."""
    try:
        return float(evaluate(expression, values))
    except (EquationError, ArithmeticError, ValueError, TypeError):
        return None


def numbers_of(part: Layer, use: SynapseUse) -> dict[str, float]:
    """The numbers of a synapse: its defaults, a preset's, and those that the circuit gives."""
    values = {name: parameter.default for name, parameter in part.parameters.items()}
    values |= part.presets[use.preset].parameters if use.preset in part.presets else {}
    return {name: value.mean for name, value in (values | use.parameters).items()}


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

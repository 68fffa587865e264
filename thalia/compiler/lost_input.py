"""The mean input that a smaller circuit loses, as the current that makes up for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from thalia.circuit.part_use import Stimulus, SynapseUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.synaptic_input import (
    efficacy_of,
    evaluated,
    in_degree_of,
    means,
    numbers_of,
    part_or_none,
)
from thalia.errors import Path
from thalia.library.schema import Neuron, StimulusKind, Synapse
from thalia.syntax.units import UNITS, Value

_AMPERE = UNITS["A"][1]
_SOURCES = ("poisson", "regular")  # neurons whose rate is their own and that of their stimuli

# a population, and the compartment on which synapses end, empty for the soma
type Place = tuple[str, str]


@dataclass(frozen=True)
class Loss:
    """The mean current that a place loses with a pathway or a stimulus; unknown for a reason."""

    path: Path
    place: Place
    current: float = 0.0
    unknown: str = ""


def losses(
    circuit: Circuit, sizes: Mapping[str, int], fractions: Mapping[Path, float]
) -> tuple[Loss, ...]:
    """What is lost where a fraction of the synapses is left, of pathways and stimuli by path.

    With a fraction f of the synapses and weights that are 1/sqrt(f) of what they were, a part
    1 - sqrt(f) of the mean is lost.
    """
    pathways = (
        _of_pathway(circuit, path, pathway, sizes, 1 - sqrt(fractions[path]))
        for name, pathway in circuit.pathways.items()
        if fractions[path := ("pathways", name)] != 1 and pathway.post[0] in circuit.populations
    )
    stimuli = (
        _of_stimulus(circuit, path, stimulus, 1 - sqrt(fractions[path]))
        for name, stimulus in circuit.stimuli.items()
        if (path := ("stimuli", name)) in fractions and stimulus.target[0] in circuit.populations
    )
    return (*pathways, *stimuli)


def _of_pathway(
    circuit: Circuit, path: Path, pathway: Pathway, sizes: Mapping[str, int], part: float
) -> Loss:
    place: Place = (pathway.post[0], pathway.compartment)
    rate, unknown = _rate_of(circuit, pathway.pre[0])
    if rate == 0:
        return Loss(path, place)
    if rate is None:
        return Loss(path, place, unknown=unknown)
    if pathway.release:
        return Loss(path, place, unknown="modulators change its release")
    if pathway.connect.needs_positions:
        return Loss(path, place, unknown="its in-degree depends on the positions of neurons")
    efficacy = 1.0
    for use in pathway.synapse[:-1]:
        efficacy *= efficacy_of(circuit, use, rate) or 0.0
    if not efficacy:
        return Loss(path, place, unknown="its mean efficacy at a given rate is not defined")
    charge = _charge(circuit, pathway.receptor, pathway.weight[0][0], place)
    if charge is None:
        return Loss(path, place, unknown="its synapse is no plain current")
    arriving = in_degree_of(pathway, sizes) * rate * efficacy
    return Loss(path, place, part * arriving * charge)


def _of_stimulus(circuit: Circuit, path: Path, stimulus: Stimulus, part: float) -> Loss:
    place: Place = (stimulus.target[0], stimulus.compartment)
    rate = _steady_rate(circuit, stimulus)
    if rate is None:
        return Loss(path, place, unknown="its rate is not steady")
    assert stimulus.weight is not None
    charge = _charge(circuit, stimulus.through, stimulus.weight, place)
    if charge is None:
        return Loss(path, place, unknown="its synapse is no plain current")
    return Loss(path, place, part * stimulus.number[0][0].mean * rate * charge)


def _rate_of(circuit: Circuit, name: str) -> tuple[float | None, str]:
    """The mean rate of a population in Hz; None where it is not known, and why."""
    if circuit.reference and name in circuit.reference.rates:
        return circuit.reference.rates[name].mean, ""
    population = circuit.populations.get(name)
    part = part_or_none(circuit, "neurons", population.neuron) if population else None
    if population is None or part is None or population.neuron not in _SOURCES:
        return None, f"no rate of {name} under `reference:`"
    stimuli = [each for each in circuit.stimuli.values() if each.target[0] == name]
    rates = [_steady_rate(circuit, each) for each in stimuli]
    if "rate" in population.from_task or None in rates:
        return None, f"the rate of {name} is not steady"
    own = part.overlaid(population.parameters)["rate"].mean
    return own + sum(rate for rate in rates if rate), ""


def _steady_rate(circuit: Circuit, stimulus: Stimulus) -> float | None:
    """Rate of one source in Hz, or None where it changes in time or its kind is not known."""
    part = part_or_none(circuit, "stimuli", stimulus.kind)
    if not isinstance(part, StimulusKind) or stimulus.neurons:
        return None
    return evaluated(part.rate, means(part.overlaid(stimulus.parameters)))


def _charge(circuit: Circuit, use: SynapseUse, weight: Value, place: Place) -> float | None:
    """Charge of one spike in coulomb; None where it is not known, or no current to the place."""
    population, compartment = place
    part = part_or_none(circuit, "synapses", use.part)
    neuron = part_or_none(circuit, "neurons", circuit.populations[population].neuron)
    if not isinstance(part, Synapse) or not part.charge or not isinstance(neuron, Neuron):
        return None
    known = numbers_of(part, use) | {"w": weight.mean}
    if not compartment:
        cell = neuron.overlaid(circuit.populations[population].parameters)
        known |= {"c_m": cell["c_m"].mean} if "c_m" in cell else {}
    else:
        there = neuron.compartments.get(compartment)
        if there is None or there.unit != _AMPERE:
            return None
    return evaluated(part.charge, known)

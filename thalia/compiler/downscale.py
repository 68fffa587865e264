"""Pass 2c: Circuit → Scaled. A smaller circuit with the same mean and variance of input.

Van Albada, Helias & Diesmann (2015) PLoS Comput Biol 11:e1004490, doi:10.1371/journal.pcbi.1004490:
with a fraction s of the synapses per neuron, weights grow by 1/sqrt(s), which keeps the variance,
and a constant current makes up for the mean that is lost, computed from the rates of the full
circuit.
"""

from dataclasses import dataclass
from math import sqrt

from thalia.circuit.part_use import Stimulus, SynapseUse
from thalia.circuit.spec import Circuit, Pathway, Population, Scale
from thalia.compiler.options import CompilerOptions
from thalia.compiler.synaptic_input import (
    evaluated,
    in_degree_of,
    numbers_of,
    part_or_none,
    total_number,
)
from thalia.errors import Diagnostics
from thalia.library.schema import StimulusKind, Synapse
from thalia.syntax.units import UNITS, Value, constant

_AMPERE = UNITS["A"][1]


@dataclass(frozen=True)
class ScaleReport:
    """What down-scaling kept, and what it did not."""

    preserved: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Both, one a line, as a plan shows them."""
        kept = (f"kept: {text}" for text in self.preserved)
        return (*kept, *(f"not kept: {text}" for text in self.lost))


@dataclass(frozen=True)
class Scaled:
    """A circuit as large as it will be, and what its scale preserves."""

    circuit: Circuit
    report: ScaleReport


def downscale(circuit: Circuit, options: CompilerOptions, diagnostics: Diagnostics) -> Scaled:
    """The circuit at its scale; numbers of synapses are settled here even at full scale.

    The sum of what each population lost becomes an ordinary stimulus `compensation.<population>`,
    so that the plan shows it.
    """
    neurons, synapses = circuit.scale.neurons.mean, circuit.scale.synapses.mean
    sizes = {name: population.size or 1 for name, population in circuit.populations.items()}
    made = {
        name: _scaled_population(population, neurons)
        for name, population in circuit.populations.items()
    }
    pathways = {
        name: _scaled_pathway(p, sizes, neurons, synapses) for name, p in circuit.pathways.items()
    }
    full = circuit.with_(scale=Scale())
    if synapses == 1:
        fewer = (
            ()
            if neurons == 1
            else ("the number of neurons, and with it sparseness: correlations grow",)
        )
        return Scaled(full.with_(populations=made, pathways=pathways), ScaleReport((), fewer))
    lost_current, unknown = _lost_currents(circuit, sizes, sqrt(synapses))
    stimuli = {
        name: _scaled_stimulus(stimulus, synapses) for name, stimulus in circuit.stimuli.items()
    }
    for population, current in lost_current.items():
        amplitude = {"amplitude": constant(current, _AMPERE)}
        stimuli[f"compensation.{population}"] = Stimulus(
            kind="current", target=(population,), parameters=amplitude
        )
    kept: tuple[str, ...] = (
        "variance of the synaptic input (weights divided by the root of the scale)",
    )
    if lost_current:
        kept += (
            f"mean of the synaptic input of {len(lost_current)} populations "
            "(constant current; van Albada 2015)",
        )
    lost = (
        *unknown,
        "numbers of neurons and synapses, and with them the correlations, which grow as 1/N",
    )
    smaller = full.with_(populations=made, pathways=pathways, stimuli=stimuli)
    return Scaled(smaller, ScaleReport(kept, lost))


def _scaled_population(population: Population, factor: float) -> Population:
    return population.model_copy(update={"size": max(1, round((population.size or 1) * factor))})


def _scaled_pathway(
    pathway: Pathway, sizes: dict[str, int], neurons: float, synapses: float
) -> Pathway:
    connect = pathway.connect
    changes: dict[str, tuple[tuple[Value, ...], ...] | None] = {}
    if connect.rule == "fixed_total_number":
        changes["number"] = _cell(round(total_number(pathway, sizes) * neurons * synapses))
        changes["probability"] = None
    elif connect.number is not None:
        changes["number"] = _cell(round(connect.number[0][0].mean * synapses))
    elif connect.probability is not None:
        changes["probability"] = _cell(
            min(1.0, connect.probability[0][0].mean * synapses / neurons)
        )
    keeps_count = connect.rule in ("one_to_one", "all_to_all")
    scaled = pathway.model_copy(update={"connect": connect.model_copy(update=changes)})
    return scaled if keeps_count or synapses == 1 else _boosted(scaled, 1 / sqrt(synapses))


def _cell(number: float) -> tuple[tuple[Value, ...], ...]:
    return ((constant(number),),)


def _boosted(pathway: Pathway, factor: float) -> Pathway:
    """With stronger synapses, and their bounds too, so that a weight keeps its part of them."""
    bounds = {
        key: bound.scaled(factor)
        for key in ("w_min", "w_max")
        if (bound := getattr(pathway, key)) is not None
    }
    return pathway.model_copy(
        update={"weight": ((pathway.weight[0][0].scaled(factor),),), **bounds}
    )


def _scaled_stimulus(stimulus: Stimulus, synapses: float) -> Stimulus:
    if stimulus.weight is None or stimulus.number[0][0].mean <= 1:
        return stimulus
    number = _cell(stimulus.number[0][0].mean * synapses)
    return stimulus.model_copy(
        update={"number": number, "weight": stimulus.weight.scaled(1 / sqrt(synapses))}
    )


def _lost_currents(
    circuit: Circuit, sizes: dict[str, int], root: float
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Mean current that each population loses, and what could not be computed."""
    lost: dict[str, float] = {}
    unknown: list[str] = []
    for name, pathway in circuit.pathways.items():
        if pathway.connect.rule in ("one_to_one", "all_to_all") or pathway.post[0] not in sizes:
            continue
        rate = _rate_of(circuit, pathway.pre[0])
        charge = _charge(circuit, pathway.receptor, pathway.weight[0][0])
        if rate is None or charge is None:
            why = (
                f"no rate of {pathway.pre[0]} under `reference:`"
                if rate is None
                else "its synapse is no plain current"
            )
            unknown.append(f"mean input through {name}: {why}")
            continue
        in_degree = in_degree_of(pathway, sizes)
        lost[pathway.post[0]] = (
            lost.get(pathway.post[0], 0.0) + (1 - root) * in_degree * rate * charge
        )
    for name, stimulus in circuit.stimuli.items():
        number = stimulus.number[0][0].mean
        if stimulus.weight is None or number <= 1:
            continue
        rate = _steady_rate(circuit, stimulus)
        if rate is None:
            unknown.append(f"mean input through {name}: its rate is not steady")
            continue
        charge = _charge(circuit, stimulus.through, stimulus.weight)
        if charge is None:
            unknown.append(f"mean input through {name}: its synapse is no plain current")
        else:
            target = stimulus.target[0]
            lost[target] = lost.get(target, 0.0) + (1 - root) * number * rate * charge
    return lost, tuple(unknown)


def _rate_of(circuit: Circuit, population: str) -> float | None:
    if circuit.reference and population in circuit.reference.rates:
        return circuit.reference.rates[population].mean
    if population in circuit.populations and circuit.populations[population].neuron == "poisson":
        rate = circuit.populations[population].parameters.get("rate")
        return rate.mean if rate else 0.0
    return None


def _steady_rate(circuit: Circuit, stimulus: Stimulus) -> float | None:
    """Rate of one source in Hz, or None where it changes in time or its kind is not known."""
    part = part_or_none(circuit, "stimuli", stimulus.kind)
    if not isinstance(part, StimulusKind):
        return None
    values = {name: parameter.default for name, parameter in part.parameters.items()}
    given = values | stimulus.parameters
    return evaluated(part.rate, {name: value.mean for name, value in given.items()})


def _charge(circuit: Circuit, use: SynapseUse, weight: Value) -> float | None:
    """Charge of one spike in coulomb; None where it depends on the membrane or is not known."""
    part = part_or_none(circuit, "synapses", use.part)
    if not isinstance(part, Synapse) or not part.charge:
        return None
    return evaluated(part.charge, numbers_of(part, use) | {"w": weight.mean})

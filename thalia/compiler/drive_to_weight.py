"""Pass 2b: Circuit → Circuit. Drives become weights, and gains act.

A drive of 0.3 at 8 Hz is the weight whose mean current, with that presynaptic rate, is three tenths
of the current at which the neuron just fires: in-degree x rate x efficacy x charge of a spike, at
the potential that it then has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thalia.circuit.part_use import Stimulus, SynapseUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.options import CompilerOptions
from thalia.compiler.synaptic_input import (
    any_weight,
    efficacy_of,
    evaluated,
    in_degree_of,
    local_values,
    means,
    numbers_of,
    part_or_none,
    sign_of,
    sizes_of,
)
from thalia.errors import Diagnostics, Path
from thalia.library.schema import Neuron, Rheobase, Synapse
from thalia.syntax.drive_weights import DriveTarget
from thalia.syntax.units import UNITS, Dimension, Value, constant

# a population, and the compartment on which synapses end, empty for the soma
type Place = tuple[str, str]


def drive_to_weight(
    circuit: Circuit, options: CompilerOptions, diagnostics: Diagnostics
) -> Circuit:
    """A circuit, written out, with plain weights, and with the range of what depends on distance.

    What names something unknown is left for `resolve` to report.
    """
    circuit = _with_extremes(circuit, diagnostics)
    weighed, excited = _Weigher(circuit, diagnostics).whole()
    assert not isinstance(circuit.gains, str)  # `expand` has read the file
    for name in circuit.gains:
        path: Path = ("gains", name)
        if name not in circuit.populations:
            diagnostics.unknown(path, "populations", name, circuit.populations)
        elif name not in excited:
            message = f"no excitation reaches {name}, so a gain changes nothing"
            diagnostics.error(path, message, "remove it")
    return weighed


def excited_in(circuit: Circuit) -> set[str]:
    """The populations of an expanded circuit that receive excitation, which a gain scales."""
    return _Weigher(_with_extremes(circuit, Diagnostics()), Diagnostics()).whole()[1]


def _with_extremes(circuit: Circuit, diagnostics: Diagnostics) -> Circuit:
    """The circuit with the range of what depends on where neurons are, if anything does."""
    if not any(local_values(p) or p.connect.needs_positions for p in circuit.pathways.values()):
        return circuit
    from thalia.compiler.space import with_extremes  # late: it needs NumPy

    return with_extremes(circuit, diagnostics)


@dataclass(frozen=True)
class _Weigher:
    """Turns drives into weights and multiplies what excites by the gain of its target."""

    circuit: Circuit
    diagnostics: Diagnostics

    def problem(self, path: Path, message: str, hint: str) -> None:
        self.diagnostics.error(path, message, hint)

    def whole(self) -> tuple[Circuit, set[str]]:
        """The circuit with its final weights and no gain left, and the excited populations."""
        sizes = sizes_of(self.circuit)
        pathways = {
            name: self.pathway(name, pathway, sizes)
            for name, pathway in self.circuit.pathways.items()
        }
        stimuli = {
            name: self.stimulus(name, stimulus) for name, stimulus in self.circuit.stimuli.items()
        }
        weighed = self.circuit.with_(
            pathways={name: pathway for name, (pathway, _) in pathways.items()},
            stimuli={name: stimulus for name, (stimulus, _) in stimuli.items()},
            gains={},
        )
        return weighed, {post for _, post in (*pathways.values(), *stimuli.values()) if post}

    def pathway(self, name: str, pathway: Pathway, sizes: dict[str, int]) -> tuple[Pathway, str]:
        """The pathway with its final weight and bounds, and the population that it excites."""
        post = pathway.post[0]
        weight: Value | DriveTarget = pathway.weight[0][0]
        if isinstance(weight, DriveTarget):
            if pathway.connect.needs_positions:
                message = (
                    "drive() needs an in-degree, which here depends on the positions of neurons"
                )
                hint = "give the weight with its unit"
                self.problem(("pathways", name, "weight"), message, hint)
            efficacy = 1.0
            for use in pathway.synapse[:-1]:
                efficacy *= self.efficacy(use, weight.rate, ("pathways", name, "weight"))
            arriving = in_degree_of(pathway, sizes) * weight.rate * efficacy
            weight = self.weight(
                weight,
                pathway.receptor,
                (post, pathway.compartment),
                arriving,
                ("pathways", name, "weight"),
            )
        excited = self.excited((post, pathway.compartment), pathway.receptor, weight)
        gain = self.gain(excited)
        changes: dict[str, Any] = {"weight": ((weight.scaled(gain) if gain != 1 else weight,),)}
        if gain != 1:
            changes |= {
                key: bound.scaled(gain)
                for key in ("w_min", "w_max")
                if (bound := getattr(pathway, key))
            }
        return pathway.with_(**changes), excited

    def stimulus(self, name: str, stimulus: Stimulus) -> tuple[Stimulus, str]:
        """The stimulus with the weight that its spikes will have, and the population it excites."""
        weight: Value | DriveTarget | None = stimulus.weight
        if weight is None:
            return stimulus, ""
        if isinstance(weight, DriveTarget):
            arriving = stimulus.number[0][0].mean * weight.rate
            weight = self.weight(
                weight,
                stimulus.through,
                (stimulus.target[0], stimulus.compartment),
                arriving,
                ("stimuli", name, "weight"),
            )
        place = (stimulus.target[0], stimulus.compartment)
        excited = self.excited(place, stimulus.through, weight)
        gain = self.gain(excited)
        weight = weight.scaled(gain) if gain != 1 else weight
        return stimulus.with_(weight=weight), excited

    def weight(
        self, drive: DriveTarget, receptor: SynapseUse, place: Place, arriving: float, path: Path
    ) -> Value:
        """The weight that gives a drive when so many spikes arrive per second."""
        part, post = part_or_none(self.circuit, "synapses", receptor.part), place[0]
        unknown = any_weight(self.circuit, receptor)
        dimension = unknown.dimension
        if not isinstance(part, Synapse) or self.neuron(post) is None or not arriving:
            return unknown
        charge, hint = self.charge(receptor, place), "give the weight with its unit"
        rheobase, model = (
            self.rheobase(place),
            f"'{self.circuit.populations[post].neuron}'{f' at {place[1]}' if place[1] else ''}",
        )
        if rheobase is None:
            self.problem(path, f"{model} defines no rheobase, which drive() is relative to", hint)
            return unknown
        current = self.number(rheobase.current, post)
        if current is None or self.number(rheobase.at, post) is None:
            self.problem(
                path,
                f"the rheobase of {model}, which drive() is relative to, "
                "cannot be computed from its parameters",
                hint,
            )
            return unknown
        if current <= 0:
            self.problem(
                path,
                f"{post} fires without input: its rheobase, which drive() is relative to, "
                "is not above 0",
                hint,
            )
            return unknown
        if charge is None:
            self.problem(path, f"'{receptor.part}' defines no charge per spike", hint)
            return unknown
        if drive.share * charge <= 0 and dimension == UNITS["S"][1]:
            does, sign = ("excites", "positive") if charge > 0 else ("inhibits", "negative")
            self.problem(
                path,
                f"'{receptor.part}' {does} {post} at threshold, found {drive}",
                f"use a {sign} share",
            )
            return unknown
        return _drawn(drive.share * current / (arriving * charge), drive.cv, dimension)

    def excited(self, place: Place, receptor: SynapseUse, weight: Value) -> str:
        """The population at a place if a weight excites it, else nothing."""
        charge, post = self.charge(receptor, place), place[0]
        excites = (
            weight.mean * charge > 0
            if charge is not None
            else weight.mean * self.sign(receptor) > 0
        )
        return post if excites else ""

    def sign(self, receptor: SynapseUse) -> int:
        """Whether a positive weight excites, where the neuron does not say at which potential."""
        part = part_or_none(self.circuit, "synapses", receptor.part)
        return sign_of(part, numbers_of(part, receptor)) if isinstance(part, Synapse) else 1

    def gain(self, excited: str) -> float:
        """What multiplies a weight that excites a population; 1 for nothing."""
        gains: Mapping[str, Value] = self.circuit.gains  # type: ignore[assignment]
        return gains[excited].mean if excited in gains else 1.0

    def rheobase(self, place: Place) -> Rheobase | None:
        """The rheobase of a neuron, or of one of its compartments."""
        post, compartment = place
        neuron = self.neuron(post)
        if neuron is None or (compartment and compartment not in neuron.compartments):
            return None
        return neuron.compartments[compartment].rheobase if compartment else neuron.rheobase

    def charge(self, receptor: SynapseUse, place: Place) -> float | None:
        """Charge of a spike of weight 1 (SI) at threshold; None where it is not defined."""
        post, compartment = place
        part, neuron, rheobase = (
            part_or_none(self.circuit, "synapses", receptor.part),
            self.neuron(post),
            self.rheobase(place),
        )
        if not isinstance(part, Synapse) or not part.charge or neuron is None or rheobase is None:
            return None
        at = self.number(rheobase.at, post)
        if at is None:
            return None
        capacitance = {} if compartment else {"c_m": self.values(neuron, post).get("c_m", 0.0)}
        return evaluated(
            part.charge, numbers_of(part, receptor) | {"v": at, "w": 1.0} | capacitance
        )

    def efficacy(self, use: SynapseUse, rate: float, path: Path) -> float:
        """What short-term plasticity leaves of a weight at a steady rate."""
        found = efficacy_of(self.circuit, use, rate)
        if not found:
            self.problem(
                path,
                f"'{use.part}' defines no mean efficacy at a given rate",
                "give the weight with its unit",
            )
        return found or 1.0

    def neuron(self, population: str) -> Neuron | None:
        found = self.circuit.populations.get(population)
        part = part_or_none(self.circuit, "neurons", found.neuron) if found else None
        return part if isinstance(part, Neuron) else None

    def values(self, neuron: Neuron, population: str) -> dict[str, float]:
        return means(neuron.overlaid(self.circuit.populations[population].parameters))

    def number(self, expression: str, population: str) -> float | None:
        """What an expression of a neuron's parameters is for a population."""
        neuron = self.neuron(population)
        return evaluated(expression, self.values(neuron, population)) if neuron else None


def _drawn(mean: float, cv: float, dimension: Dimension) -> Value:
    if not cv:
        return constant(mean, dimension)
    if mean > 0:
        return Value("lognormal", (mean, cv * mean), dimension)
    drawn = Value("normal", (mean, -cv * mean), dimension, high=0.0)
    return drawn.scaled(mean / drawn.mean)  # what is not drawn above 0 lowers the mean

"""What is read of a whole network: how far it is, and whether anything in it was learned."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.plan import SHARED, Plan, identifier
from thalia.simulation.sensors import Sensors
from thalia.simulation.synapse_state import switched_variables, weights

# what the names of gauges begin with
NORM, LEVEL, ENTERED = "weight_norm_", "level_", "entered_"
LEARNED = {"adapted_threshold"}  # variables of neuron models that a trial changes for good


def gauges_of(plan: Plan) -> list[str]:
    """The names of the gauges of a network, those of its weights first."""
    plastic = [m.name for each in plan.synapses if each.is_plastic for m in each.members]
    return [*(NORM + name for name in plastic), *(LEVEL + name for name in plan.modulators)]


def gauged(sensors: Sensors) -> NDArray[np.float64]:
    """The norm of the weights of each plastic pathway, and the level of each modulator, in SI."""
    found = []
    for name in gauges_of(sensors.plan):
        if name.startswith(NORM):
            found.append(float(np.linalg.norm(sensors.weights(name.removeprefix(NORM)))))
        else:
            level = f"{SHARED}.{identifier(name.removeprefix(LEVEL))}_level"
            found.append(float(sensors.session.read(level)[0]))
    return np.array(found)


def times(entries: Mapping[str, int]) -> dict[str, float]:
    """How often each phase was entered, by the name of a gauge."""
    return {f"{ENTERED}{name}": float(count) for name, count in entries.items()}


def learned_variables(plan: Plan) -> tuple[str, ...]:
    """Every variable beside weights and connections that holds what was learned."""
    return (*switched_variables(plan), *_thresholds(plan))


def fingerprint_of(plan: Plan, session: Session, learned: Iterable[str]) -> NDArray[np.uint8]:
    """A digest of weights that may change, of connections, and of all else that is learned."""
    found = sha256()
    for synapses in plan.synapses:
        if synapses.is_plastic:
            found.update(_bits(weights(synapses, session.read)))
        for each in sorted({m.rewiring.connected for m in synapses.members if m.rewiring}):
            found.update(session.read(f"{synapses.name}.{each}").tobytes())
    for name in learned:
        found.update(_bits(session.read(name)))
    return np.frombuffer(found.digest(), np.uint8)


def _bits(values: NDArray[np.float64]) -> bytes:
    """Values as bytes; a zero has one sign, since what adds zero may change it."""
    return (values + 0.0).tobytes()


def _thresholds(plan: Plan) -> Iterator[str]:
    """The variables of neuron models that a trial changes for good."""
    for group in plan.groups:
        for equation in group.model:
            if equation.kind == "ode" and equation.name in LEARNED:
                yield f"{group.name}.{equation.name}"

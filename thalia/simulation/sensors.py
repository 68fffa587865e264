"""What a task sees of a running network between two chunks: spikes, state variables, weights.

Numbers are floats in SI base units: volts, siemens, seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Session
from thalia.compiler.plan import SHARED, Plan, SynapseGroup, identifier
from thalia.connectivity.build import Arrays
from thalia.errors import did_you_mean, fail
from thalia.recording.results import Spikes
from thalia.simulation.synapse_state import weights

STEPS, NEURONS = "steps", "neurons"
SAVED = "task"  # what the names of saved spikes begin with


@dataclass(frozen=True)
class Sensors:
    """Reads a running network; nothing that it does changes what is simulated."""

    plan: Plan
    arrays: Arrays
    session: Session

    def read(self, population: str, variable: str) -> NDArray[np.float64]:
        """A state variable of a population's neurons as it is now, (n_neurons,), in SI.

        Raises
        ------
        CircuitError
            If there is no such population, or it has no such variable.
        """
        self.check(population)
        group, member = self.plan.population(population)
        states = [e.name for e in group.equations() if e.kind != "expression"]
        if variable not in states:
            message = f"the task reads '{variable}', which is not a state variable of {population}"
            raise fail(message, did_you_mean(variable, states))
        return self.session.read(f"{group.name}.{variable}")[member.start : member.stop]

    def level(self, modulator: str) -> float:
        """The level of a modulator as it is now.

        Raises
        ------
        CircuitError
            If there is no such modulator.
        """
        if modulator not in self.plan.modulators:
            known = did_you_mean(modulator, self.plan.modulators)
            raise fail(f"the task names the modulator '{modulator}'", known)
        return float(self.session.read(f"{SHARED}.{identifier(modulator)}_level")[0])

    def weights(self, pathway: str) -> NDArray[np.float64]:
        """The weights of a pathway now, (n_synapses,), in SI, in the order of `ends`.

        Raises
        ------
        CircuitError
            If there is no such pathway.
        """
        synapses, rows = self.synapses(pathway)
        return weights(synapses, self.session.read)[rows]

    def ends(self, pathway: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pre- and postsynaptic neuron of each synapse, numbered within their populations.

        Raises
        ------
        CircuitError
            If there is no such pathway.
        """
        synapses, rows = self.synapses(pathway)
        wired = self.arrays.synapses[synapses.name]
        member = next(m for m in synapses.members if m.name == pathway)
        pre, post = (self.plan.population(end)[1].start for end in (member.pre, member.post))
        return wired.pre[rows] - np.int64(pre), wired.post[rows] - np.int64(post)

    def synapses(self, pathway: str) -> tuple[SynapseGroup, NDArray[np.intp]]:
        """The object that has the synapses of a pathway, and which of its synapses these are.

        Raises
        ------
        CircuitError
            If there is no such pathway.
        """
        for synapses in self.plan.synapses:
            if pathway in (member.name for member in synapses.members):
                return synapses, self.arrays.synapses[synapses.name].rows(pathway)
        known = [member.name for _, member in self.plan.pathways()]
        raise fail(f"the task names the pathway '{pathway}'", did_you_mean(pathway, known))

    def check(self, population: str) -> None:
        """Refuse a population that there is not.

        Raises
        ------
        CircuitError
            With the names of those that there are.
        """
        known = [member.name for _, member in self.plan.populations()]
        if population not in known:
            message = f"the task names the population '{population}'"
            raise fail(message, did_you_mean(population, known))


class RecentSpikes:
    """The spikes since a task's last stop; saved with the state, so that a resumed run has them."""

    def __init__(self, sensors: Sensors, saved: Mapping[str, NDArray[np.int64]] | None = None):
        self.sensors = sensors
        self.chunks: list[Mapping[str, tuple[NDArray[np.int64], NDArray[np.integer[Any]]]]] = []
        known = [group.name for group in sensors.plan.groups]
        if saved:
            self.chunks.append(
                {
                    name: (saved[f"{SAVED}.{name}_{STEPS}"], saved[f"{SAVED}.{name}_{NEURONS}"])
                    for name in known
                    if f"{SAVED}.{name}_{STEPS}" in saved
                }
            )

    def take(self, chunk: Chunk) -> None:
        """Keep the spikes of a chunk."""
        self.chunks.append(chunk.spikes)

    def of(self, population: str, seconds: float) -> Spikes:
        """Those of a population, at their times within the run; `seconds` is how long they took."""
        self.sensors.check(population)
        plan = self.sensors.plan
        group, member = plan.population(population)
        steps, neurons = self._joined(group.name)
        mine = (neurons >= member.start) & (neurons < member.stop)
        order = np.lexsort((neurons[mine], steps[mine]))
        times = np.asarray(steps[mine] * plan.dt, dtype=np.float64)[order]
        numbers = (neurons[mine].astype(np.int64) - member.start)[order]
        return Spikes(times, numbers, member.size, population, seconds)

    def state(self) -> dict[str, NDArray[np.int64]]:
        """What has to be saved."""
        found = {}
        for group in {name for chunk in self.chunks for name in chunk}:
            steps, neurons = self._joined(group)
            found[f"{SAVED}.{group}_{STEPS}"] = steps
            found[f"{SAVED}.{group}_{NEURONS}"] = neurons
        return found

    def forget(self) -> None:
        """Begin again, after the task was called."""
        self.chunks = []

    def _joined(self, group: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = [chunk[group] for chunk in self.chunks if group in chunk]
        nothing = np.zeros(0, np.int64)
        steps = np.concatenate([nothing, *(steps for steps, _ in found)])
        neurons = np.concatenate([nothing, *(neurons for _, neurons in found)])
        return steps.astype(np.int64), neurons.astype(np.int64)

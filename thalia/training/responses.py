"""What a network answers to a stimulus: the spikes of a presentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk
from thalia.compiler.plan import Plan
from thalia.simulation.loop import Stop
from thalia.simulation.sensors import NEURONS, STEPS


@dataclass(frozen=True)
class Response:
    """The response to a stimulus: the neurons that spiked, and when."""

    plan: Plan
    chunk: Chunk
    begin: int

    def spikes(self, population: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Times in seconds, and neurons, each (n_spikes,), in order of time."""
        group, member = self.plan.population(population)
        steps, neurons = self.chunk.spikes[group.name]
        mine = (neurons >= member.start) & (neurons < member.stop)
        times = np.asarray((steps[mine] - self.begin) * self.plan.dt, dtype=np.float64)
        return times, neurons[mine].astype(np.int64) - member.start

    def counts(self, population: str) -> NDArray[np.int64]:
        """Spikes of each neuron, (n_neurons,)."""
        return np.bincount(
            self.spikes(population)[1], minlength=self.plan.population(population)[1].size
        )

    def total(self, population: str) -> int:
        """Spikes of the whole population."""
        return len(self.spikes(population)[1])


@dataclass(frozen=True)
class Responses:
    """The responses to a sequence of stimuli, each of which lasts from one step to another."""

    plan: Plan
    chunk: Chunk
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]

    def counts(self, population: str) -> NDArray[np.int64]:
        """Spikes of each neuron during each stimulus, (n_stimuli, n_neurons)."""
        group, member = self.plan.population(population)
        steps, neurons = self.chunk.spikes[group.name]
        stimulus = np.searchsorted(self.begins, steps, "right") - 1
        mine = (neurons >= member.start) & (neurons < member.stop) & (steps < self.ends[stimulus])
        places = stimulus[mine] * member.size + (neurons[mine] - member.start)
        shape = len(self.begins), member.size
        return np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)


class ResponseCollector:
    """Collects the spikes of one presentation, however many stops it has."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    def next_stop(self, done: int) -> None:
        """It takes whatever chunk there is."""

    def on_stop(self, stop: Stop) -> None:
        """Keep the spikes of the chunk."""
        self.chunks.append(stop.chunk)

    def collected(self) -> Chunk:
        """The spikes since the last call, as one chunk."""
        chunks, self.chunks = self.chunks, []
        return Chunk.joined(chunks)


def arrays_of(chunk: Chunk) -> dict[str, NDArray[Any]]:
    """The spikes of a chunk as arrays, by name."""
    found: dict[str, NDArray[Any]] = {}
    for group, (steps, neurons) in chunk.spikes.items():
        found |= {f"{group}.{STEPS}": steps, f"{group}.{NEURONS}": neurons}
    return found


def chunk_of(arrays: Mapping[str, NDArray[Any]]) -> Chunk:
    """The chunk of which these are the spikes."""
    groups = dict.fromkeys(name.rpartition(".")[0] for name in arrays)
    return Chunk({g: (arrays[f"{g}.{STEPS}"], arrays[f"{g}.{NEURONS}"]) for g in groups})

"""What a network answers to a stimulus: the spikes of a presentation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk
from thalia.compiler.plan import Plan
from thalia.simulation.loop import Stop


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
        spikes = {
            group: (
                np.concatenate([chunk.spikes[group][0] for chunk in chunks]),
                np.concatenate([chunk.spikes[group][1] for chunk in chunks]),
            )
            for group in chunks[0].spikes
        }
        return Chunk(spikes)

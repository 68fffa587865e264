"""Structural plasticity: weak synapses are pruned, and potential ones grow in their place.

The connectivity of a pathway is its potential synapses. Each has its place in memory and a variable
`connected`, 0 or 1, that multiplies every change of its weight; an unconnected synapse has a weight
of zero and transmits nothing. A weight of zero is not final: any potential synapse may grow again.
The arrays of a compiled program have only those that are connected, as of each round, and beside
them the targets of all; where a rule keeps more of the others, spikes pass them by.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.plan import PathwayPlan, Plan, Rewiring, SynapseGroup
from thalia.compiler.unconnected import started_anew
from thalia.connectivity.build import Arrays, initial_numbers
from thalia.connectivity.streams import stream
from thalia.simulation.loop import Stop, next_multiple
from thalia.syntax.time_grid import interval_steps


@dataclass(frozen=True)
class StructuralPlasticity:
    """Rewires one pathway at a fixed interval, in the phases in which the pathway is plastic.

    `rows` are the positions of its potential synapses in the synapse object, `post` their
    postsynaptic neurons, `initial` the weights with which all synapses of the object begin. Who
    is connected is written first: what others have is lost.
    """

    plan: Plan
    session: Session
    synapses: SynapseGroup
    pathway: PathwayPlan
    rewiring: Rewiring
    rows: NDArray[np.int32]
    post: NDArray[np.int32]
    initial: NDArray[np.float64]

    @property
    def steps(self) -> int:
        """Steps between two rounds of pruning and growth."""
        return interval_steps(self.rewiring.every, self.plan.dt)

    def next_stop(self, done: int) -> int:
        """The step of the next round."""
        return next_multiple(done, self.steps)

    def on_stop(self, stop: Stop) -> None:
        """Rewire, if a round is due and the pathway is plastic."""
        if stop.done % self.steps == 0 and self.pathway.plastic[stop.phase]:
            self.rewire(stop.done)

    def begin(self) -> None:
        """Connect as many synapses of each neuron as the rule says; others lose their weight."""
        number = np.rint(self._most() * self.rewiring.start).astype(np.int64)
        chosen = _chosen(np.ones(len(self.rows), bool), self.post, number, self._stream("start"))
        w = self.session.read(f"{self.synapses.name}.w")
        w[self.rows] = self.initial[self.rows]
        self._write(w, self.session.read(self._connected), chosen)

    def keep_unconnected_at_zero(self) -> None:
        """Set the weight of unconnected synapses to zero, wherever the weights came from."""
        session = self.session
        w = session.read(f"{self.synapses.name}.w")
        held = w[self.rows]
        held[session.read(self._connected)[self.rows] == 0] = 0
        w[self.rows] = held
        session.write(f"{self.synapses.name}.w", w)

    def rewire(self, step: int) -> None:
        """Prune synapses that are too weak, and let others grow where a neuron has room."""
        session = self.session
        if self.plan.flush_interval:
            session.flush()  # so that `w` is the weight
        w = session.read(f"{self.synapses.name}.w")
        flags = session.read(self._connected)
        held, connected = w[self.rows], flags[self.rows] > 0
        generator = self._stream(str(step))
        pruned = connected & (held < self.rewiring.below)
        left = connected & ~pruned
        room = np.maximum(self._most() - np.bincount(self.post[left], minlength=self._neurons), 0)
        grown = _chosen(
            ~connected, self.post, generator.binomial(room, self.rewiring.growth), generator
        )
        if pruned.any() or grown.any():
            held[pruned], held[grown] = 0, self.rewiring.weight
            w[self.rows] = held
            self._write(w, flags, left | grown)
            self._start(self.rows[grown], step)

    def _start(self, rows: NDArray[np.int32], step: int) -> None:
        """Start what belongs to synapses that grow, at this step."""
        session = self.session
        if any("event-driven" in e.flags for e in self.synapses.equations):
            last = session.read(f"{self.synapses.name}.lastupdate")
            last[rows] = step * self.plan.dt
            session.write(f"{self.synapses.name}.lastupdate", last)
        for name in started_anew(self.plan, self.synapses):
            initial = self.pathway.initial.get(name, "0")
            weight = np.full(len(rows), self.rewiring.weight)
            values = session.read(f"{self.synapses.name}.{name}")
            values[rows] = (
                initial_numbers(initial, self.pathway, weight)
                if isinstance(initial, str)
                else initial.mean
            )
            session.write(f"{self.synapses.name}.{name}", values)

    def _write(self, w: NDArray[Any], flags: NDArray[Any], connected: NDArray[np.bool_]) -> None:
        flags[self.rows] = connected
        self.session.write(self._connected, flags)
        self.session.write(f"{self.synapses.name}.w", w)

    @property
    def _connected(self) -> str:
        return f"{self.synapses.name}.{self.rewiring.connected}"

    @property
    def _neurons(self) -> int:
        return int(self.post.max(initial=-1)) + 1

    def _most(self) -> NDArray[np.int64]:
        """How many synapses of the pathway each neuron may have."""
        return np.rint(
            np.bincount(self.post, minlength=self._neurons) * self.rewiring.share
        ).astype(np.int64)

    def _stream(self, name: str) -> np.random.Generator:
        """A separate random stream for each round, so that none has a state to be saved."""
        return stream(self.plan.seed, self.pathway.name, "rewiring", name)


def _chosen(
    candidates: NDArray[np.bool_],
    post: NDArray[np.int32],
    number: NDArray[np.int64],
    generator: np.random.Generator,
) -> NDArray[np.bool_]:
    """For each neuron a number of its candidates, each with the same probability.

    They are those that draw the smallest numbers. Only those are sorted that are smaller than most
    of a neuron's, which are nearly always enough.
    """
    rows = np.flatnonzero(candidates)
    drawn, neurons = generator.random(len(rows)), post[rows]
    there = np.bincount(neurons, minlength=len(number))
    enough = (number + 8 * np.sqrt(number) + 8) * (number > 0) / np.maximum(there, 1)
    small = drawn < enough[neurons]
    too_few = np.bincount(neurons[small], minlength=len(number)) < np.minimum(number, there)
    small |= too_few[neurons]
    rows, drawn, neurons = rows[small], drawn[small], neurons[small]
    by_neuron = np.lexsort((drawn, neurons))
    rows, neurons = rows[by_neuron], neurons[by_neuron]
    first = np.searchsorted(neurons, np.arange(len(number)))
    chosen = np.zeros(len(post), bool)
    chosen[rows[np.arange(len(rows)) - first[neurons] < number[neurons]]] = True
    return chosen


def rewired_pathways(
    plan: Plan, arrays: Arrays, session: Session
) -> Iterator[StructuralPlasticity]:
    """The structural plasticity of every pathway that has it."""
    for synapses, pathway in plan.pathways():
        if pathway.rewiring:
            wired = arrays.synapses[synapses.name]
            rows = wired.rows(pathway.name).astype(np.int32)
            is_alone = len(wired.pathways) == 1
            yield StructuralPlasticity(
                plan,
                session,
                synapses,
                pathway,
                pathway.rewiring,
                rows,
                wired.post if is_alone else wired.post[rows],
                wired.variables["w"],
            )

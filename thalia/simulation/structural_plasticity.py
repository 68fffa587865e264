"""Structural plasticity: weak synapses are pruned, and potential ones grow in their place.

The connectivity of a pathway is its potential synapses. Each has its place in memory and a variable
`connected`, 0 or 1, that multiplies every change of its weight; an unconnected synapse has a weight
of zero and transmits nothing. So memory use is constant, and a weight of zero is not final: any
potential synapse may grow again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.optimise.deferred_weights import NOW
from thalia.compiler.plan import PathwayPlan, Plan, Rewiring, SynapseGroup
from thalia.connectivity.build import Arrays, initial_numbers
from thalia.connectivity.streams import stream
from thalia.simulation.loop import Stop, next_multiple
from thalia.syntax.equations import identifiers
from thalia.syntax.time_grid import interval_steps


@dataclass(frozen=True)
class StructuralPlasticity:
    """Rewires one pathway at a fixed interval, in the phases in which the pathway is plastic.

    `rows` are the positions of its potential synapses in the synapse object, `post` their
    postsynaptic neurons.
    """

    plan: Plan
    session: Session
    synapses: SynapseGroup
    pathway: PathwayPlan
    rewiring: Rewiring
    rows: NDArray[np.intp]
    post: NDArray[np.int32]

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
        self._write(self.session.read(f"{self.synapses.name}.w"), chosen)

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
        held, connected = w[self.rows], session.read(self._connected)[self.rows] > 0
        generator = self._stream(str(step))
        pruned = connected & (held < self.rewiring.below)
        left = connected & ~pruned
        room = np.maximum(self._most() - np.bincount(self.post[left], minlength=self._neurons), 0)
        grown = _chosen(
            ~connected, self.post, generator.binomial(room, self.rewiring.growth), generator
        )
        held[pruned], held[grown] = 0, self.rewiring.weight
        w[self.rows] = held
        self._write(w, left | grown)
        self._reset(self.rows[grown])

    def _reset(self, rows: NDArray[np.intp]) -> None:
        """Start the variables that follow the weight again in synapses that grow.

        Traces of spikes belong to the neurons, and are left alone.
        """
        session = self.session
        for name in self._following():
            initial = self.pathway.initial.get(name, "0")
            weight = np.full(len(rows), self.rewiring.weight)
            values = session.read(f"{self.synapses.name}.{name}")
            values[rows] = (
                initial_numbers(initial, self.pathway, weight)
                if isinstance(initial, str)
                else initial.mean
            )
            session.write(f"{self.synapses.name}.{name}", values)

    def _following(self) -> list[str]:
        """Variables that are weights, or that follow the weight."""
        following = {
            s.target
            for s in self.synapses.statements()
            if identifiers(s.right) & {"w", "w_before", NOW}
        }
        apart = {
            "w",
            self.rewiring.connected,
            *(change.then for change in self.plan.weight_changes),
        }
        kept = [
            e for e in self.synapses.equations if e.kind != "expression" and e.name not in apart
        ]
        return [e.name for e in kept if e.name in following or e.dimension == self.synapses.weight]

    def _write(self, w: NDArray[Any], connected: NDArray[np.bool_]) -> None:
        self.session.write(f"{self.synapses.name}.w", w)
        flags = self.session.read(self._connected)
        flags[self.rows] = connected
        self.session.write(self._connected, flags)

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
    """For each neuron a number of its candidates, each with the same probability."""
    rows = np.flatnonzero(candidates)
    order = generator.random(len(rows))
    wanted = number[post[rows]] > 0  # sorting them is most of the work of a round
    rows = rows[wanted]
    rows = rows[np.lexsort((order[wanted], post[rows]))]
    neurons = post[rows]
    rank = np.arange(len(rows)) - np.searchsorted(neurons, neurons)
    chosen = np.zeros(len(post), bool)
    chosen[rows[rank < number[neurons]]] = True
    return chosen


def rewired_pathways(
    plan: Plan, arrays: Arrays, session: Session
) -> Iterator[StructuralPlasticity]:
    """The structural plasticity of every pathway that has it."""
    for synapses, pathway in plan.pathways():
        if pathway.rewiring:
            wired = arrays.synapses[synapses.name]
            rows = wired.rows(pathway.name)
            yield StructuralPlasticity(
                plan, session, synapses, pathway, pathway.rewiring, rows, wired.post[rows]
            )

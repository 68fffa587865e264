"""Structural plasticity: weak synapses are pruned, and others grow in their place, out of a pool of potential ones.

The pathway's connectivity is the pool. A potential synapse has its place in memory and a `connected` that is 0 or 1 and
multiplies every change of its weight; while it is not connected, its weight is zero and transmits nothing. So memory is
flat, and no weight of zero is the end: any potential synapse may grow again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.optimise.deferred_weights import NOW
from thalia.compiler.plan import PathwayPlan, Plan, Rewiring, SynapseGroup
from thalia.connectivity.build import Arrays, numbers_of, stream
from thalia.syntax.equations import evaluate, identifiers


@dataclass(frozen=True)
class Pool:
    """The potential synapses of a pathway: their rows in the object, and the neuron that each of them reaches."""

    plan: Plan
    synapses: SynapseGroup
    pathway: PathwayPlan
    rewiring: Rewiring
    rows: NDArray[np.intp]
    post: NDArray[np.int32]

    @property
    def steps(self) -> int:
        """Steps between two times of pruning and growing."""
        return max(1, round(self.rewiring.every / self.plan.dt))

    def begin(self, session: Session) -> None:
        """Connect as many potential synapses of each neuron as the rule says, and take the weight of the others."""
        number = np.rint(self._most() * self.rewiring.start).astype(np.int64)
        chosen = _chosen(np.ones(len(self.rows), bool), self.post, number, self._stream("start"))
        self._write(session, session.read(f"{self.synapses.name}.w"), chosen)

    def keep_unconnected_at_zero(self, session: Session) -> None:
        """Take the weight of what is not connected, wherever the weights came from."""
        w = session.read(f"{self.synapses.name}.w")
        held = w[self.rows]
        held[session.read(self._connected)[self.rows] == 0] = 0
        w[self.rows] = held
        session.write(f"{self.synapses.name}.w", w)

    def rewire(self, session: Session, step: int) -> None:
        """Prune what is too weak, and let others grow where a neuron has room."""
        if self.plan.epoch:
            session.settle()  # so that `w` is the weight
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
        self._write(session, w, left | grown)
        self._forget(session, self.rows[grown])

    def _forget(self, session: Session, rows: NDArray[np.intp]) -> None:
        """What remembers the weight of a synapse begins anew when it grows; traces of spikes are of the neurons and go on."""
        for name in self._memories():
            initial = self.pathway.initial.get(name, "0")
            weight = np.full(len(rows), self.rewiring.weight)
            values = session.read(f"{self.synapses.name}.{name}")
            values[rows] = (
                evaluate(initial, numbers_of(self.pathway, weight))
                if isinstance(initial, str)
                else initial.mean
            )
            session.write(f"{self.synapses.name}.{name}", values)

    def _memories(self) -> list[str]:
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

    def _write(self, session: Session, w: NDArray[Any], connected: NDArray[np.bool_]) -> None:
        session.write(f"{self.synapses.name}.w", w)
        flags = session.read(self._connected)
        flags[self.rows] = connected
        session.write(self._connected, flags)

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
        """A stream of its own for each time, so that nothing of it has to be kept."""
        return stream(self.plan.seed, self.pathway.name, "rewiring", name)


def _chosen(
    candidates: NDArray[np.bool_],
    post: NDArray[np.int32],
    number: NDArray[np.int64],
    generator: np.random.Generator,
) -> NDArray[np.bool_]:
    """For each neuron some of its candidates, any with the same probability."""
    rows = np.flatnonzero(candidates)
    rows = rows[np.lexsort((generator.random(len(rows)), post[rows]))]
    neurons = post[rows]
    rank = np.arange(len(rows)) - np.searchsorted(neurons, neurons)
    chosen = np.zeros(len(post), bool)
    chosen[rows[rank < number[neurons]]] = True
    return chosen


def pools(plan: Plan, arrays: Arrays) -> Iterator[Pool]:
    """Every pathway that is rewired."""
    for synapses, pathway in plan.pathways():
        if pathway.rewiring:
            wired = arrays.synapses[synapses.name]
            rows = wired.rows(pathway.name)
            yield Pool(plan, synapses, pathway, pathway.rewiring, rows, wired.post[rows])

"""Release of modulators by a given amount, or in proportion to changes of weights."""

from dataclasses import dataclass

import numpy as np

from thalia.backends import Session
from thalia.compiler.plan import SHARED, Plan, WeightChange
from thalia.simulation.loop import Stop, next_multiple
from thalia.simulation.synapse_state import weights
from thalia.syntax.equations import evaluate, identifiers


def release_amount(plan: Plan, session: Session, modulator: str, amount: float) -> None:
    """Change the level of a modulator as its own release statements say, in one message."""
    assert plan.shared is not None
    statements, known = plan.releases[modulator], plan.shared.variables()
    named = {each.target for each in statements}.union(*(identifiers(s.right) for s in statements))
    read = sorted(named & known.keys())
    found = session.read_together([f"{SHARED}.{name}" for name in read])
    values = {name: float(array.reshape(-1)[0]) for name, array in zip(read, found, strict=True)}
    for statement in statements:
        right = evaluate(statement.right, values | {"amount": amount})
        before = values[statement.target]
        after = {
            "=": right,
            "+=": before + right,
            "-=": before - right,
            "*=": before * right,
            "/=": before / (right or 1),
        }
        values[statement.target] = after[statement.operator]
    for target in sorted({each.target for each in statements}):
        session.write(f"{SHARED}.{target}", np.array([values[target]]))


@dataclass(frozen=True)
class WeightChangeRelease:
    """Releases a modulator at a fixed interval, by the mean weight change since the last release.

    The weights of the last release are a variable of the network, so that they are part of its
    state.
    """

    plan: Plan
    session: Session
    change: WeightChange

    def next_stop(self, done: int) -> int:
        """The step of the next release."""
        return next_multiple(done, self.change.steps)

    def on_stop(self, stop: Stop) -> None:
        """Release, if it is due."""
        if stop.done % self.change.steps == 0:
            release_amount(self.plan, self.session, self.change.modulator, self.remember())

    def remember(self) -> float:
        """Store the present weights, and return their mean change since they were last stored.

        The change is a fraction of the range of each weight.
        """
        moved, synapses_in_all = 0.0, 0
        for synapses in self.plan.synapses:
            if not {member.name for member in synapses.members} & {*self.change.pathways}:
                continue
            now = weights(synapses, self.session.read)
            span = self.session.read(f"{synapses.name}.w_max") - self.session.read(
                f"{synapses.name}.w_min"
            )
            then = f"{synapses.name}.{self.change.then}"
            change_of_each = np.abs(now - self.session.read(then))
            fractions = np.divide(
                change_of_each, span, where=span > 0, out=np.zeros_like(change_of_each)
            )
            moved += float(np.sum(fractions))
            synapses_in_all += len(now)
            self.session.write(then, now)
        return moved / synapses_in_all if synapses_in_all else 0.0

"""What a task may do to a network between two steps: give neurons other numbers, and release modulators."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.plan import SHARED, Plan
from thalia.errors import did_you_mean, fail
from thalia.syntax.equations import evaluate, identifiers

type Numbers = float | Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True)
class Apparatus:
    """The hands of a task on a network that runs."""

    plan: Plan
    session: Session

    def set(self, population: str, parameter: str, values: Numbers) -> None:
        """Give the neurons of a population a parameter, in SI: one number for all, or one each.

        Raises
        ------
        CircuitError
            If the circuit does not say that a task sets it, or there are not as many numbers as neurons.
        """
        known = {member.name: member.from_task for _, member in self.plan.populations() if member.from_task}
        if population not in known:
            raise fail(f"the task sets '{parameter}' of '{population}', which no task may",
                       f"say `from_task: [{parameter}]` there; {did_you_mean(population, known)}")  # fmt: skip
        if parameter not in known[population]:
            raise fail(f"the task sets '{parameter}' of '{population}', which lets it set {', '.join(known[population])}")
        group, member = self.plan.population(population)
        given = np.asarray(values, dtype=float)
        if given.shape not in ((), (member.size,)) or not np.isfinite(given).all():
            raise fail(f"the task sets '{parameter}' of '{population}': expected {member.size} finite numbers, or one for all, "
                       f"found {given.shape or given}")  # fmt: skip
        now = self.session.read(f"{group.name}.{parameter}")
        now[member.start : member.stop] = given
        self.session.write(f"{group.name}.{parameter}", now)

    def release(self, modulator: str, amount: float) -> None:
        """Release an amount of a modulator, as in `release("dopamine", 1)`.

        Raises
        ------
        CircuitError
            If the circuit has no such modulator `from_task`, or the amount is no number.
        """
        if modulator not in self.plan.task_releases:
            known = did_you_mean(modulator, self.plan.task_releases)
            raise fail(f"the task releases '{modulator}', and the circuit has no such modulator `from_task`", known)
        if not isinstance(amount, int | float | np.number) or not np.isfinite(amount):
            raise fail(f"the task releases {amount!r} of '{modulator}', expected a number")
        self.released(modulator, float(amount))

    def released(self, modulator: str, amount: float) -> None:
        """What the release of an amount does to the level, as the modulator's own statements say."""
        for statement in self.plan.releases[modulator]:
            read = identifiers(statement.right) | {statement.target}
            known = self.plan.group(SHARED).variables()
            values = {name: float(self.session.read(f"{SHARED}.{name}").reshape(-1)[0]) for name in read if name in known}
            right = evaluate(statement.right, values | {"amount": amount})
            before = values[statement.target]
            after = {"=": right, "+=": before + right, "-=": before - right, "*=": before * right, "/=": before / (right or 1)}
            self.session.write(f"{SHARED}.{statement.target}", np.array([after[statement.operator]]))

"""Spacing: memories that are repeated at once, or after others, are recalled differently."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.training.forgetting import Condition, Forgetting, Recall

MASSED = "massed"
type Gaps = Annotated[tuple[int, ...], Field(min_length=1)]


class Spacing(Forgetting):
    """Memories that are stored several times by one of `schedules`, and asked for after `lags`.

    A schedule says how many memories there are from one repetition to the next; that with the
    smallest gaps is called `massed`. `spaced` is the one that `gain` is about: the share of
    memories that are recalled after the longest lag, less that of massed ones. `best_…` is the gap
    of the schedule with equal gaps that has the greatest d′ after a lag, and `growth` the slope of
    its logarithm over that of the lag.
    """

    schedules: dict[str, Gaps] = Field(min_length=2)
    spaced: str

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit; also schedules that are not there, or have gaps of nothing."""
        found = []
        for name, where in ((MASSED, "schedules"), (self.spaced, "spaced")):
            if name not in self.schedules:
                message = f"no schedule is called '{name}'"
                found.append(Problem(("experiment", where), message))
        if sum(len({*gaps}) == 1 for gaps in self.schedules.values()) < 2:
            message = "expected at least two schedules with equal gaps, of which one is best"
            found.append(Problem(("experiment", "schedules"), message))
        for name, gaps in self.schedules.items():
            if min(gaps) < 1:
                message = f"expected gaps of at least 1, found {min(gaps)}"
                found.append(Problem(("experiment", "schedules", name), message))
        return found or super().problems(plan)

    def conditions(self) -> list[Condition]:
        """Each schedule with each lag."""
        return [
            Condition(name, gaps, lag) for name, gaps in self.schedules.items() for lag in self.lags
        ]

    def numbers(self, found: Mapping[str, Recall]) -> dict[str, float]:
        """What spacing gains, which gap is best, and d′ and recall of each schedule and lag."""
        shares = {name: float(each.recalled.mean()) for name, each in found.items()}
        signals = {name: each.sensitivity for name, each in found.items()}
        longest = max(self.lags)
        equal = [(gaps[0], name) for name, gaps in self.schedules.items() if len({*gaps}) == 1]
        best = {
            lag: max((signals[f"{name}_{lag}"], gap) for gap, name in equal)[1] for lag in self.lags
        }
        growth, _ = np.polyfit(np.log([*best]), np.log([*best.values()]), 1)
        return {
            "gain": shares[f"{self.spaced}_{longest}"] - shares[f"{MASSED}_{longest}"],
            "growth": float(growth),
            **{f"best_{lag}": float(gap) for lag, gap in best.items()},
            **{f"recalled_{name}": each for name, each in shares.items()},
            **{f"d_{name}": each for name, each in signals.items()},
        }

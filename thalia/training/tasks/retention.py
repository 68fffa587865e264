"""Retention: how well a memory is told from noise, the more others were stored after it."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from thalia.analysis.retention import distances, shape, standard_error
from thalia.training.forgetting import Condition, Forgetting, Recall

NAME = "once"


class Retention(Forgetting):
    """Memories that are stored once, and asked for after each of `lags`.

    The signal is d′ of the cells that fire; `slope` is that of its logarithm over the logarithm of
    the lag, and `residual_ratio` what a power law leaves, relative to what an exponential does. In
    every test there are `repeated` memories of each lag, or as many as there is room for.
    """

    repeated: int = Field(5, ge=1)

    def conditions(self) -> list[Condition]:
        """Each lag, several times."""
        return [Condition(NAME, (), lag) for lag in self.lags for _ in range(self.repeated)]

    def numbers(self, found: Mapping[str, Recall]) -> dict[str, float]:
        """The shape of forgetting, and for each lag d′ and the share of memories recalled."""
        by_lag = {lag: found[f"{NAME}_{lag}"] for lag in self.lags}
        lags = np.array(self.lags, float)
        signals = {lag: each.sensitivity for lag, each in by_lag.items()}
        shares = {lag: float(each.recalled.mean()) for lag, each in by_lag.items()}
        floor = standard_error(min(each.fired.size for each in by_lag.values()))
        chance = 1 / (1 + self.lures)
        above = (np.array([*shares.values()]) - chance) / (1 - chance)
        return {
            **shape(lags, np.array([*signals.values()]), floor),
            **distances(lags, above),
            **{f"d_{lag}": each for lag, each in signals.items()},
            **{f"recalled_{lag}": each for lag, each in shares.items()},
        }

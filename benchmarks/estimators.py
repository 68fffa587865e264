"""How far from the truth the CV of few spikes is, and how often an interval over few seeds contains it.

    uv run python -m benchmarks.estimators

simulates renewal processes and normal values whose truth is known, keeps results/estimators.json, and renders the page
that shows it, docs/statistics.md.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import thalia
from benchmarks.rendering import RESULTS, render
from benchmarks.speed import write
from plots.conditions import provenance

KEPT = RESULTS / "estimators.json"
NEURONS, SEED = 20_000, 1
SAMPLES, RESAMPLED = 4000, 2000  # intervals, and means of values drawn again for each

type Floats = NDArray[np.float64]
type Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]  # intervals of mean 1


def gamma(cv: float) -> Draw:
    return lambda generator, size: generator.gamma(cv**-2, cv**2, size)


def dead_time(part: float) -> Draw:
    """A Poisson process that is silent after each spike, for a part of the mean interval."""
    return lambda generator, size: part + generator.exponential(1 - part, size)


def lognormal(cv: float) -> Draw:
    s = np.sqrt(np.log(1 + cv**2))
    return lambda generator, size: generator.lognormal(-(s**2) / 2, s, size)


PROCESSES: dict[str, tuple[Draw, float, int]] = {  # the true CV, and spikes of a neuron
    "gamma, CV 0.25": (gamma(0.25), 0.25, 3),
    "gamma, CV 1.4": (gamma(1.4), 1.4, 3),
    "dead time 0.1": (dead_time(0.1), 0.9, 10),
    "dead time 0.5": (dead_time(0.5), 0.5, 10),
    "dead time 0.5, more spikes": (dead_time(0.5), 0.5, 50),
    "lognormal, CV 0.5": (lognormal(0.5), 0.5, 10),
    "lognormal, CV 1": (lognormal(1), 1, 10),
    "lognormal, CV 1, more spikes": (lognormal(1), 1, 50),
}


def found_cv(draw: Draw, true: float, spikes: int) -> float:
    """The CV that is found in a window with so many spikes of a neuron, over the true one."""
    intervals = draw(np.random.default_rng(SEED), (NEURONS, 3 * spikes + 120)) / spikes
    times = np.cumsum(intervals, axis=1) - 30 / spikes  # it began long before
    inside = (times >= 0) & (times < 1)
    return float(
        (thalia.analysis.irregularity(times[inside], np.nonzero(inside)[0]).value or np.nan) / true
    )


def contained(seeds: int) -> float:
    """How often the 95 % percentile bootstrap of normal values contains their mean."""
    generator = np.random.default_rng(SEED)
    inside = 0
    for _ in range(SAMPLES):
        values = generator.standard_normal(seeds)
        means = values[generator.integers(seeds, size=(RESAMPLED, seeds))].mean(axis=1)
        low, high = np.quantile(means, (0.025, 0.975))
        inside += low <= 0 <= high
    return inside / SAMPLES


def main() -> None:
    found = provenance("python -m benchmarks.estimators") | {
        "seed": SEED,
        "cv": {name: found_cv(*process) for name, process in PROCESSES.items()},
        "bootstrap": {f"{seeds}": contained(seeds) for seeds in (3, 5, 20)},
    }
    write(KEPT, found)
    render()


if __name__ == "__main__":
    main()

"""Retention: how well memories are told from noise, and which curve their forgetting follows."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

type Flags = NDArray[np.bool_]
type Floats = NDArray[np.float64]

FSRS_DECAY = 0.1542  # default parameter w20 of FSRS-6, from the package `fsrs` 6.3
FSRS_FACTOR = 0.9 ** (-1 / FSRS_DECAY) - 1  # so that 0.9 are recalled after one stability
STABILITIES = np.geomspace(1e-3, 1e9, 4801)  # in units of the lags; steps of 0.6 %


def sensitivity(signal: Flags, noise: Flags) -> float:
    """Sensitivity d′, from the responses to signals and to noise.

    Half a response more of each kind keeps it finite (Hautus 1995, Behav Res Methods 27:46.
    doi:10.3758/BF03203619).
    """
    hits, false = ((each.sum() + 0.5) / (each.size + 1) for each in (signal, noise))
    return NormalDist().inv_cdf(hits) - NormalDist().inv_cdf(false)


def standard_error(responses: int) -> float:
    """The standard error of a d′ of zero, if half of the responses are to signals."""
    return float(np.sqrt(2 * np.pi / responses))


def shape(lags: Floats, signals: Floats, floor: float) -> dict[str, float]:
    """The slope of a power law, what it leaves of the logarithms, and relative to an exponential.

    Parameters
    ----------
    lags, signals : (n_lags,)
        In increasing order of the lags.
    floor : float
        Signals below count as that; what comes after the first of them is left out.
    """
    below = np.flatnonzero(signals <= floor)
    count = max(3, below[0] + 1) if len(below) else len(signals)
    lags, values = lags[:count], np.log(np.maximum(signals[:count], floor))
    slope, power = _line(np.log(lags), values)
    _, exponential = _line(lags, values)
    ratio = power / exponential if exponential > 0 else 1.0
    return {"slope": slope, "power_residual": power, "residual_ratio": ratio}


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """The slope of a straight line, and the standard deviation of what it leaves."""
    slope, offset = np.polyfit(x, y, 1)
    return float(slope), float(np.std(y - slope * x - offset))


def fsrs(lags: Floats, stability: Floats) -> Floats:
    """The probability of recall by FSRS-6 with its default decay.

    Ye, Su & Cao (2022) KDD 28:4381. doi:10.1145/3534678.3539081 (the scheduler); the curve is that
    of the package `fsrs`, which tests compare it with.
    """
    return np.asarray((1 + FSRS_FACTOR * lags / stability) ** -FSRS_DECAY)


def exponential(lags: Floats, stability: Floats) -> Floats:
    """The probability of recall by the older exponential; 0.9 after one stability."""
    return np.asarray(0.9 ** (lags / stability))


def distances(lags: Floats, recalled: Floats) -> dict[str, float]:
    """The root mean square by which each curve misses what is recalled, with its best stability."""
    found = {}
    for name, curve in {"fsrs": fsrs, "exponential": exponential}.items():
        missed = curve(lags, STABILITIES[:, None]) - recalled
        found[f"{name}_rmse"] = float(np.sqrt((missed**2).mean(axis=1).min()))
    return found

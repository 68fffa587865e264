"""The cell of Izhikevich (2007) in the units of Izhikevich (2003), which are those of NEST.

NEST has dV/dt = 0.04 V^2 + 5 V + 140 - U + I and dU/dt = a (b V - U) in mV and ms. A cell in units
of its own is that one where k/c_m is 0.04 /(mV ms): its potential is shifted until the parabolas
agree, its recovery variable is divided by c_m and shifted, and a constant current is what is left.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

CURVE, SLOPE, LEVEL = 0.04, 5.0, 140.0

Number = float | NDArray[np.float64]


def in_nest(p: Mapping[str, Number]) -> dict[str, Number] | str:
    """The parameters and initial values of NEST's cell, or why it is none.

    Parameters
    ----------
    p : mapping
        Those of the library's cell, in ms, mV, pA, nS and pF, with `v`, `u` and the constant
        current `bias`.
    """
    if not np.allclose(p["k"] / p["c_m"], CURVE, rtol=1e-9):
        return f"izhikevich: NEST's has k/c_m of {CURVE} /(mV ms)"
    per_ms = p["b"] / p["c_m"]
    shift = (-CURVE * (p["v_r"] + p["v_t"]) - SLOPE) / (2 * CURVE)
    recovery = per_ms * (p["v_r"] + shift)
    left = CURVE * p["v_r"] * p["v_t"] - CURVE * shift**2 - SLOPE * shift - LEVEL + recovery
    found = {
        "a": p["a"],
        "b": per_ms,
        "c": p["c"] + shift,
        "d": p["d"] / p["c_m"],
        "V_th": p["v_peak"] + shift,
        "I_e": p["bias"] / p["c_m"] + left,
        "V_m": p["v"] + shift,
        "U_m": p["u"] / p["c_m"] + recovery,
    }
    return {name: float(each) if np.ndim(each) == 0 else each for name, each in found.items()}

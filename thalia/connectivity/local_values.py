"""Weights, delays and probabilities that depend on where neurons are, for the pairs that there are.

The compiler has tried them at some places; here each number is checked.
"""

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.connectivity import Connect
from thalia.compiler.plan import PathwayPlan
from thalia.compiler.space import numbers_at
from thalia.errors import fail
from thalia.syntax.units import METRE, Value, constant

type Floats = NDArray[np.float64]


def of_pairs(
    value: Value, pathway: PathwayPlan, at: dict[str, Floats], what: str, low: float, high: float
) -> Floats:
    """The numbers of a formula for pairs of neurons, in SI.

    Parameters
    ----------
    at : mapping from name to (n_pairs,) numbers
        Where the neurons are, as `space.places` gives it.
    what : str
        What the numbers are, for the message.

    Raises
    ------
    CircuitError
        If one is not finite, or not between the bounds.
    """
    found = numbers_at(value, at)
    tolerance = 1e-9 * max(abs(low) if np.isfinite(low) else 0.0, abs(found).max(initial=0.0))
    wrong = ~((found >= low - tolerance) & (found <= high + tolerance) & np.isfinite(found))
    if wrong.any():
        where = constant(float(at["distance"][wrong][0]), METRE)
        shown = constant(float(found[wrong][0]), value.dimension)
        bounds = [
            f"{word} {constant(bound, value.dimension):.4g}"
            for word, bound in (("at least", low), ("at most", high))
            if np.isfinite(bound)
        ]
        wanted = " and ".join(bounds) or "a finite number"
        raise fail(
            f"{what} of {pathway.name}: expected {wanted}, found {shown:.4g} "
            f"at a distance of {where:.4g}",
            f"it is '{value}'",
        )
    return found


def check_probability(connect: Connect, probability: Floats) -> None:
    """Refuse what is no probability.

    Raises
    ------
    CircuitError
        If one is not between 0 and 1.
    """
    wrong = ~((probability >= -1e-12) & (probability <= 1 + 1e-12))
    if wrong.any():
        found = f"{probability[wrong][0]:.4g}"
        given = connect.probability[0][0] if connect.probability else ""
        raise fail(
            f"expected a probability between 0 and 1, and '{given}' reaches {found}",
            "clip(…, 0, 1) keeps it there",
        )

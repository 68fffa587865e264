"""What tells whether a network has learned."""

from types import SimpleNamespace

import numpy as np
import pytest

from thalia.training.gauges import fingerprint_of

NOTHING = SimpleNamespace(synapses=())


def fingerprint(values):
    session = SimpleNamespace(read=lambda name: np.array(values))
    return fingerprint_of(NOTHING, session, ["cells.theta"]).tobytes()


@pytest.mark.parametrize(
    ("values", "same"), [([-0.0, 1.0], True), ([5e-324, 1.0], False), ([0.0, -1.0], False)]
)
def test_the_sign_of_a_zero_is_nothing_learned(values, same):
    """A weight of -0 to which nothing is added becomes 0."""
    assert (fingerprint(values) == fingerprint([0.0, 1.0])) is same

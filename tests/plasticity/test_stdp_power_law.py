"""stdp_power_law gives the weights of NEST's stdp_pl_synapse_hom."""

import pytest

from tests.rules import TRAINS
from thalia.simulation.pairing_protocols import outcome


def test_spike_trains_give_the_weights_that_nest_gives():
    """NEST 3.10, lambda 0.1, alpha 1, mu 0.4, w 50, dendritic delay 1 ms: recorded final weights of two trains."""
    settings = {
        "tau_plus": "16.8 ms",
        "tau_minus": "33.7 ms",
        "rate": 0.1,
        "alpha": 1,
        "mu": 0.4,
        "reference": 0.01,
    }

    weight = outcome("stdp_power_law", settings=settings, **TRAINS).weight

    assert 100 * weight == pytest.approx([16.613773587, 14.014436374], abs=1e-6)

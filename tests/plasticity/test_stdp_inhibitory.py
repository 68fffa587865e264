"""stdp_inhibitory steers to the rate alpha/(2 tau) (Vogels et al. 2011) and gives NEST's weights."""

import pytest

from tests.rules import TRAINS
from thalia.simulation.pairing_protocols import outcome, protocol


@pytest.mark.parametrize(
    ("eta", "expected"), [(0.001, [0.512332346, 0.512005127]), (0.01, [0.623323458, 0.620051268])]
)
def test_spike_trains_give_the_weights_that_nest_gives(eta, expected):
    """NEST 3.10 vogels_sprekeler_synapse, w 0.5, tau 20 ms, alpha 0.12: recorded final weights of two trains."""
    weight = outcome(
        "stdp_inhibitory", settings={"tau": "20 ms", "alpha": 0.12, "eta": eta}, **TRAINS
    ).weight

    assert weight == pytest.approx(expected, abs=1e-6)


def test_the_weight_rests_where_the_post_rate_is_the_target():
    """<dw/dt> = eta rho_pre (2 tau rho_post - alpha): no drift at 3 Hz = 0.12/(2 x 20 ms), down below, up above."""
    eta, rho_pre, tau, alpha = 0.001, 10, 0.02, 0.12

    (curve,) = protocol("rates", "stdp_inhibitory", settings={"eta": eta}).curves

    expected = [eta * rho_pre * (2 * tau * rho - alpha) for rho in curve.x]
    assert curve.change == pytest.approx(expected, rel=0.05, abs=0.0001)
    assert curve.change[0] < 0 < curve.change[1]  # 1 Hz and 5 Hz

"""stdp_inhibitory steers to the rate alpha/(2 tau) (Vogels et al. 2011) and gives NEST's weights."""

import pytest

from tests.plasticity.test_stdp_pair import T1, T2

ETA = "{{rule: stdp_inhibitory, tau: 20 ms, alpha: 0.12, eta: {eta}}}"


@pytest.mark.parametrize(("eta", "expected"), [(0.001, [0.512332346, 0.512005127]), (0.01, [0.623323458, 0.620051268])])
def test_spike_trains_give_the_weights_that_nest_gives(final_weights, eta, expected):
    """NEST 3.10 vogels_sprekeler_synapse, w 0.5, tau 20 ms, alpha 0.12: recorded final weights of two trains."""
    w = final_weights(ETA.format(eta=eta), pre=[T1[0], T2[0]], post=[T1[1], T2[1]], w=0.5, dendritic=1.0)

    assert w == pytest.approx(expected, abs=1e-6)


def test_the_weight_rests_where_the_post_rate_is_the_target(simulate):
    """<dw/dt> = eta rho_pre (2 tau rho_post - alpha): no drift at 3 Hz = 0.12/(2 x 20 ms), down below, up above."""
    text = """
thalia: 1
name: target
duration: 20 s
dt: 0.5 ms
populations:
  pre: {neuron: poisson, size: 150, parameters: {rate: 10 Hz}}
  slow: {neuron: poisson, size: 40, parameters: {rate: 1 Hz}}
  right: {neuron: poisson, size: 40, parameters: {rate: 3 Hz}}
  fast: {neuron: poisson, size: 40, parameters: {rate: 9 Hz}}
  cells: {neuron: lif_current, size: 120, parameters: {t_ref: 0.5 ms}}
pathways:
  force_slow: {pre: slow, post: cells, connect: {rule: one_to_one}, synapse: delta, weight: 100 mV, delay: 0.5 ms}
  learn: {pre: pre, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.5 pA, delay: 0.5 ms,
          w_max: 1 pA, plasticity: [{rule: stdp_inhibitory, eta: 0.0001}]}
"""
    seconds, rho_pre, eta, tau, alpha = 20, 10, 1e-4, 0.02, 0.12

    run = simulate(text, backend="cpp")

    w = run.weights["learn"]
    change = (w.w[-1] - w.w[0])[w.post < 40].mean()
    silent = (w.w[-1] - w.w[0])[w.post >= 40].mean()
    assert change == pytest.approx(eta * rho_pre * seconds * (2 * tau * 1 - alpha), rel=0.06)
    assert silent == pytest.approx(-eta * rho_pre * seconds * alpha, rel=0.06)

"""weight_decay: the closed form through phases, and nothing without plasticity."""

import numpy as np
import pytest

TEXT = """
thalia: 1
name: fading
dt: 1 ms
populations:
  a: {neuron: poisson, size: 8, parameters: {rate: 50 Hz}}
  b: {neuron: lif_current, size: 2}
pathways:
  p: {pre: a, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: 900 pA, w_max: 1 nA, delay: 1 ms,
      plasticity: [{rule: weight_decay, tau: 37 ms}]}
phases: [{name: on, duration: 100 ms}, {name: off, duration: 300 ms, plasticity: off}, {name: again, duration: 100 ms}]
record: {weights: {pathways: [p], every: 20 ms}}
"""


@pytest.mark.parametrize("lower", ["on", "off"])
def test_a_weight_fades_while_it_is_plastic(simulate, lower):
    """900 pA x exp(-t/37 ms), of the time with plasticity; to the bit the same without."""
    weights = simulate(TEXT, backend="runtime", lower=lower).weights["p"]
    plastic = np.clip(weights.time, 0, 0.1) + np.clip(weights.time - 0.4, 0, None)

    assert weights.w == pytest.approx(
        np.tile(900 * np.exp(-plastic / 0.037)[:, None], 16), rel=1e-9
    )
    assert (
        np.ptp(weights.w[(weights.time > 0.11) & (weights.time < 0.39)], axis=0).tolist()
        == [0] * 16
    )

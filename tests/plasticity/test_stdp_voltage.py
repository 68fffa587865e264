"""stdp_voltage depends on the frequency of pairs as Clopath et al. (2010) and NEST's clopath_synapse find."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

FREQUENCIES = [10, 20, 30, 40, 50]
# NEST 3.10, aeif_psc_delta_clopath and clopath_synapse, five pairs, changes times 15; weight in % of the one before
NEST = {
    10: [103.304, 112.536, 124.036, 138.947, 157.029],
    -10: [57.826, 57.426, 72.167, 103.869, 149.434],
}
# the authors' own scheme of 1 ms steps, where it is known
AUTHORS = {10: [102.9, 115.7, None, 146.3, 165.0], -10: [59.6, 60.5, None, 117.8, 173.6]}
AS_PUBLISHED = {
    "b": "0.0805 pA"
}  # the authors' program and NEST's test add 0.0805 to a current in pA


def five_pairs(interval, **options):
    """Weight after 15 bursts of five pairs, in % of the weight before."""
    pre = [[round(100 + k * 1000 / f, 1) for k in range(5)] for f in FREQUENCIES]
    post = [[round(100 + k * 1000 / f + interval, 1) for k in range(5)] for f in FREQUENCIES]
    return 100 + 100 * 15 * (outcome("stdp_voltage", pre, post, **options).weight - 0.5) / 0.5


@pytest.mark.parametrize("interval", [10, -10])
def test_the_dependence_on_frequency(interval):
    """Within nine points of NEST, whose running averages are read 4 ms late and not at the spike's onset."""
    weight = five_pairs(interval, neuron=AS_PUBLISHED, backend="cpp")

    assert weight == pytest.approx(NEST[interval], abs=9)


def test_post_before_pre_changes_sign_between_30_and_50_hz():
    weight = five_pairs(-10, neuron=AS_PUBLISHED, backend="cpp")

    assert (weight[:3] < 80).all()
    assert weight[4] > 130


def test_depression_needs_no_spike_and_potentiation_does():
    """A presynaptic spike on a resting neuron does nothing; behind a spike it depresses; before one, slowly, nothing."""
    resting, behind, before = (
        outcome("stdp_voltage", [[100], [110], [100]], [[], [100], [110]], backend="runtime").weight
        - 0.5
    )

    assert resting == pytest.approx(0, abs=1e-6)
    assert behind < -1e-3
    assert abs(before) < 0.1 * abs(behind)


def test_without_presynaptic_spikes_nothing_changes():
    assert np.all(outcome("stdp_voltage", [[]], [[100, 110, 120]], backend="runtime").weight == 0.5)

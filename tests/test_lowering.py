"""The cheap forms of synaptic variables give the weights of the clock-driven reference, on any spike trains."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thalia.protocols import outcome

TRAIN = st.lists(st.integers(2, 2000), min_size=1, max_size=25, unique=True).map(lambda steps: sorted(s / 10 for s in steps))
EXACT = settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
SETTINGS = [
    ("stdp_pair", {"pairing": "all_to_all", "a_plus": 0.05, "a_minus": 0.06}),
    ("stdp_pair", {"pairing": "nearest_symmetric", "mu_plus": 0.3, "mu_minus": 1}),
    ("stdp_pair", {"pairing": "nearest_pre_centred", "a_plus": 0.2}),
    ("stdp_pair", {"pairing": "nearest_restricted", "a_plus": 0.2, "a_minus": 0.2}),
    ("stdp_triplet", {"preset": "hippocampus"}),
    ("stdp_triplet", {"preset": "visual_cortex_nearest"}),
    ("stdp_inhibitory", {"eta": 0.05}),
    ("predictive", {"prediction_delay": "7 ms"}),
    ("stdp_homeostatic", {"eta": 0.02}),
    ("stdp_voltage", {"a_ltp": "0.002 1/mV**2"}),
    ("parallel_fibre", {"a_minus": 0.02}),
]


@pytest.mark.parametrize(("rule", "numbers"), SETTINGS)
@given(
    pre=st.lists(TRAIN, min_size=6, max_size=6),
    post=st.lists(TRAIN, min_size=6, max_size=6),
    dendritic=st.sampled_from([0.0, 1.3]),
)
@EXACT
def test_lowered_and_clock_driven_agree(rule, numbers, pre, post, dendritic):
    """Six synapses with spike trains of their own, hoisted traces where the dendritic delay allows."""
    lowered, reference = (
        outcome(rule, pre, post, settings=numbers, dendritic=dendritic, lower=mode, backend="runtime").weight
        for mode in ("on", "off")
    )

    assert lowered == pytest.approx(reference, rel=1e-9, abs=1e-12)

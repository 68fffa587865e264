"""Dopamine-modulated STDP against its closed form and NEST's weights."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

# for one pair 10 ms apart, tau_c 1 s and tau_n 200 ms: exp(-10/20) exp(-D/1000) 1000/1200, and NEST 3.10 gives the same
CLOSED_FORM = {
    0: 0.50544,
    100: 0.45734,
    300: 0.37444,
    600: 0.27739,
    1000: 0.18594,
    2000: 0.06840,
    5000: 0.00341,
}
DT = 0.1  # a release arrives this much later


def dopamine(*times, **numbers):
    """Dopamine released at times in ms at the synapses."""
    schedule = [{"at": [f"{t - DT:.1f} ms" for t in times]}]
    return {"signal": {"kind": "first_order", "schedule": schedule, **numbers}}


@pytest.mark.parametrize("delay", CLOSED_FORM)
def test_the_change_against_the_delay_of_dopamine(delay):
    change = outcome(
        "dopamine_stdp",
        [[100]],
        [[110]],
        settings={"a_plus": 1},
        weight=0,
        modulators=dopamine(110 + delay),
        tail=delay + 9000,
        backend="cpp",
    ).weight

    assert change == pytest.approx([CLOSED_FORM[delay]], rel=2e-3, abs=1e-5)


@pytest.mark.parametrize(("baseline", "expected"), [(0, 0.33304600), (0.4, -0.46506822)])
def test_spike_trains_give_the_weight_that_nest_gives(baseline, expected):
    """NEST 3.10 stdp_dopamine_synapse, w 50, Wmax 200, A_plus 1, A_minus 1.5, b 0 and 0.002 per ms, read after 3 s.

    Its postsynaptic spikes arrive after the (dendritic) delay of 0.1 ms, dopamine 0.1 ms after it is released, as here.
    """
    pre, post = [100, 150.5, 300, 420, 900, 2990], [110, 140, 310, 400, 905]
    found = outcome(
        "dopamine_stdp", [pre], [post], settings={"a_plus": 1 / 200, "a_minus": 1.5 / 200}, weight=0.25, dendritic=0.1, every=10,
        modulators=dopamine(500 + DT, 800 + DT, 1500 + DT, baseline=baseline), tail=20, backend="cpp",
    )  # fmt: skip

    at_last = np.flatnonzero(np.isclose(found.times, 3000))[0]
    assert 200 * (found.history[at_last, 0] - 0.25) == pytest.approx(expected, rel=1e-3)


def test_no_dopamine_no_change():
    """The control: eligibility alone does nothing."""
    assert outcome(
        "dopamine_stdp", [[100]], [[110]], modulators=dopamine(tonic=0), backend="cpp"
    ).weight == pytest.approx([0.5], abs=0)


def test_each_second_without_dopamine_costs_its_share():
    """Below the baseline: an eligibility that is left alone takes b*c*tau with it."""
    signal = {"signal": {"kind": "first_order", "tonic": 0, "baseline": 0.2}}
    change = (
        outcome(
            "dopamine_stdp",
            [[100]],
            [[110]],
            settings={"a_plus": 0.1},
            modulators=signal,
            tail=9000,
            backend="cpp",
        ).weight
        - 0.5
    )

    assert change == pytest.approx([-5 * 0.2 * 0.1 * np.exp(-0.5)], rel=1e-3)

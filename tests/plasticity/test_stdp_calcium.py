"""stdp_calcium moves the efficacy as the thresholds of Graupner & Brunel (2012) say."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

PRE, POST = [100.0, 160.0, 200.0], [110.0, 150.0, 215.0]
# change of the strength after 60 pairs at 1 Hz, closed form of the published model: DP, P, DPD
CLOSED_FORM = {
    "dp": {-40: 0.851, -20: 0.764, 0: 1.008, 10: 1.221, 40: 1.085},
    "dpd": {-40: 1.0, -10: 0.859, 5: 1.193, 15: 0.841, 40: 1.0},
    "p": {-40: 1.046, -10: 1.230, 0: 1.238, 10: 1.230, 40: 1.046},
}
SYNAPSES = 300


def integrated(gamma_d=200, gamma_p=321.808, tau=3_000.0, step=0.001):
    """The efficacy without noise, by small steps of time (ms), in code that shares nothing with Thalia's."""
    jumps = sorted([(t + 13.7, 1.0) for t in PRE] + [(t, 2.0) for t in POST])
    calcium, rho, t = 0.0, 0.5, 0.0
    for _ in range(round(400 / step)):
        t += step
        calcium *= np.exp(-step / 20)
        while jumps and t >= jumps[0][0] - step / 2:
            calcium += jumps.pop(0)[1]
        up, down = calcium > 1.3, calcium > 1.0
        rho += (
            step
            / tau
            * (gamma_p * (1 - rho) * up - gamma_d * rho * down - rho * (1 - rho) * (0.5 - rho))
        )
    return rho


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_without_noise_the_efficacy_follows_the_time_above_the_thresholds(backend):
    """A twentieth of the path, because the program crosses thresholds on a grid of 0.1 ms."""
    settings = {"sigma": 0, "tau": "3 s"}

    weight = outcome("stdp_calcium", [PRE], [POST], settings=settings, backend=backend).weight[0]

    expected = integrated()
    assert abs(expected - 0.5) > 0.05
    assert weight - 0.5 == pytest.approx(expected - 0.5, rel=0.05)


def test_calcium_of_a_presynaptic_spike_comes_after_its_delay():
    """Alone it stays below the thresholds; with a postsynaptic spike 13.7 ms later it adds up."""
    settings = {"sigma": 0, "tau": "1 s"}

    together, apart = outcome(
        "stdp_calcium", [[100], [100]], [[113.7], [60]], settings=settings, backend="runtime"
    ).weight

    assert together != pytest.approx(apart, rel=1e-3)


def test_the_two_stable_states_stay():
    weights = [
        outcome(
            "stdp_calcium", [[]], [[]], weight=w, settings={"tau": "10 ms"}, backend="runtime"
        ).weight[0]
        for w in (0, 1)
    ]

    assert weights == [0, 1]


@pytest.mark.reference
@pytest.mark.parametrize("preset", CLOSED_FORM)
def test_sixty_pairs_change_the_strength_as_published(preset):
    """Strength over its value before: half the synapses start low, and high ones are five times as strong."""
    beta, strong = 0.5, 5.0
    intervals = list(CLOSED_FORM[preset])
    pre = [[200 + 1000 * k for k in range(60)] for i in intervals for _ in range(SYNAPSES)]
    post = [[200 + 1000 * k + i for k in range(60)] for i in intervals for _ in range(SYNAPSES)]

    low, high = (
        outcome("stdp_calcium", pre, post, weight=w, settings={"preset": preset}).weight.reshape(
            -1, SYNAPSES
        )
        > 0.5
        for w in (0.0, 1.0)
    )

    up, stayed = low.mean(axis=1), high.mean(axis=1)
    is_high = beta * up + (1 - beta) * stayed
    change = (1 - is_high + strong * is_high) / (beta + (1 - beta) * strong)
    assert change == pytest.approx(list(CLOSED_FORM[preset].values()), abs=0.06)

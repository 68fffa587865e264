"""stdp_pair reproduces the exponential window of Song, Miller & Abbott (2000), Fig. 1, and NEST's weights."""

import numpy as np
import pytest

from tests.rules import TRAINS, closed_form
from thalia.simulation.pairing_protocols import outcome, window

INTERVALS = [-80, -40, -10, -1, 1, 10, 40, 80]
BI_AND_POO = {"tau_plus": "16.8 ms", "tau_minus": "33.7 ms", "a_plus": 0.01, "a_minus": 0.0105}


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
@pytest.mark.parametrize("lower", ["on", "off"])
def test_one_pair_follows_the_window(backend, lower):
    """Delta w is A+ exp(-dt/tau) for pre-before-post and -A- exp(dt/tau) for post-before-pre."""
    expected = [closed_form(interval) for interval in INTERVALS]

    intervals, change = window("stdp_pair", INTERVALS, backend=backend, lower=lower)

    assert list(intervals) == INTERVALS
    assert change == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("w", "interval"), [(1.0, +10), (0.0, -10)])
def test_the_weight_stays_within_its_bounds(w, interval):
    assert (
        outcome("stdp_pair", [[100]], [[100 + interval]], weight=w, backend="runtime").weight == w
    )


@pytest.mark.parametrize("frequency", [1, 10, 40])
def test_no_gate_keeps_slow_pairs_from_potentiating(frequency):
    """An earlier system let potentiation happen only above 60 Hz; here a first pair counts as much at any frequency."""
    pre = [100 + k * 1000 / frequency for k in range(5)]

    weight = outcome(
        "stdp_pair", [pre], [[t + 5 for t in pre]], settings={"a_minus": 0}, backend="cpp"
    ).weight

    assert weight - 0.5 >= 5 * closed_form(5) * (1 - 1e-9)


def test_weight_zero_is_not_absorbing():
    """A synapse that was silenced grows again."""
    assert outcome(
        "stdp_pair", [[100]], [[110]], weight=0.0, backend="runtime"
    ).weight == pytest.approx(closed_form(10))


@pytest.mark.parametrize(
    ("pairing", "mu", "first", "second"),
    [
        ("all_to_all", 0, 44.593071041, 41.939767571),
        ("nearest_symmetric", 0, 49.032648456, 47.682338173),
        ("nearest_pre_centred", 0, 49.032648456, 47.498921758),
        ("nearest_restricted", 0, 49.707931194, 48.746624736),
        ("all_to_all", 1, 47.482915347, 46.172719595),
        ("nearest_symmetric", 1, 49.527466347, 48.857149974),
        ("nearest_pre_centred", 1, 49.546062022, 48.778146820),
        ("nearest_restricted", 1, 49.852860258, 49.376784901),
        ("all_to_all", 0.4, 46.076617781, 44.082732511),
        ("nearest_symmetric", 0.4, 49.277124571, 48.258287889),
        ("nearest_pre_centred", 0.4, 49.294398406, 48.131136424),
        ("nearest_restricted", 0.4, 49.777623763, 49.053295080),
    ],
)
def test_spike_trains_give_the_weights_that_nest_gives(pairing, mu, first, second):
    """NEST 3.10, dendritic delay 1 ms: recorded final weights of two trains, for every pairing and exponent."""
    settings = {**BI_AND_POO, "pairing": pairing, "mu_plus": mu, "mu_minus": mu}

    weight = outcome("stdp_pair", settings=settings, **TRAINS).weight

    assert 100 * weight == pytest.approx([first, second], abs=1e-6)


def test_all_pairs_count():
    """Two pre spikes before one post spike add their two contributions."""
    weight = outcome("stdp_pair", [[100, 110]], [[120]], backend="runtime").weight

    assert weight - 0.5 == pytest.approx(closed_form(20) + closed_form(10), rel=1e-9)


def test_with_plasticity_off_no_bit_changes(simulate):
    text = """
thalia: 1
name: frozen
populations: {a: {neuron: poisson, size: 20, parameters: {rate: 50 Hz}}, b: {neuron: lif_current, size: 20}}
pathways:
  ab: {pre: a, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: "uniform(1 nA, 3 nA)",
       delay: 1 ms, w_max: 4 nA, plasticity: [stdp_pair]}
phases: [{name: learn, duration: 60 ms}, {name: test, duration: 60 ms, plasticity: off}]
record: {weights: {pathways: ab, every: 60 ms}}
"""

    w = simulate(text).weights["ab"].w

    assert (w[0] != w[1]).any()
    assert np.array_equal(w[1], w[2])


def test_two_pathways_keep_their_own_traces(simulate):
    """A rule instance shared by two pathways once reset the traces of both (a known failure of an earlier system)."""
    text = """
thalia: 1
name: two
duration: 200 ms
populations:
  a: {neuron: spike_source, size: 1}
  many: {neuron: spike_source, size: 7}
  trigger: {neuron: spike_source, size: 1}
  b: {neuron: lif_current, size: 1}
pathways:
  one: {pre: a, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, plasticity: [stdp_pair]}
  two: {pre: many, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, plasticity: [stdp_pair]}
  force: {pre: trigger, post: b, connect: {rule: all_to_all}, synapse: delta, weight: 100 mV, delay: 1 ms}
stimuli:
  a: {kind: spikes, target: a, times: {0: [99 ms]}}
  many: {kind: spikes, target: many, times: {3: [103 ms], 5: [90 ms]}}
  trigger: {kind: spikes, target: trigger, times: {0: [108.9 ms]}}
"""

    run = simulate(text)

    assert run.weights["one"].w[-1] - 1 == pytest.approx([2 * closed_form(10)], rel=1e-9)
    assert (run.weights["two"].w[-1] - 1)[[3, 5]] == pytest.approx(
        [2 * closed_form(6), 2 * closed_form(19)], rel=1e-9
    )

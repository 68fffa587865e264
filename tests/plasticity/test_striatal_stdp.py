"""D1 and D2 plasticity: opposite signs, a true window of timing, dips, and extinction."""

import numpy as np
import pytest

import thalia
from thalia.simulation.pairing_protocols import outcome


def burst(at=300, amount=1.0):
    """Dopamine above its tonic level (or below, for a negative amount), as a phasic release at a time in ms."""
    return {
        "signal": {"kind": "d2", "tonic": 0.2, "schedule": [{"at": f"{at} ms", "amount": amount}]}
    }


def change(rule, modulators, pre=100, post=110, **settings):
    weight = outcome(rule, [[pre]], [[post]], settings={"a_plus": 0.1, "a_minus": 0.1, **settings}, modulators=modulators,
                     tail=8000, backend="cpp").weight  # fmt: skip
    return weight[0] - 0.5


def test_a_burst_potentiates_d1_and_depresses_d2():
    assert change("d1_stdp", burst()) > 1e-4
    assert change("d2_stdp", burst()) == pytest.approx(-change("d1_stdp", burst()), rel=1e-6)


def test_a_dip_depresses_d1():
    assert change("d1_stdp", burst(amount=-1)) < -1e-4


def test_the_two_traces_weigh_as_they_say():
    """A constant signal collects tau_fast + 0.3 tau_slow of the eligibility: 0.2 + 0.45 s."""
    constant = {"signal": {"kind": "first_order", "tonic": 0.1, "baseline": 0}}

    expected = 0.1 * np.exp(-0.5) * 0.1 * (0.2 + 0.3 * 1.5)
    assert change("d1_stdp", constant) == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize("interval", [5, 20, 60, -20])
def test_timing_counts_not_the_step(interval):
    """The window is exponential in the interval, of the sign of the order; spikes in different steps count."""
    constant = {"signal": {"kind": "first_order", "tonic": 0.1, "baseline": 0}}

    expected = np.sign(interval) * 0.1 * np.exp(-abs(interval) / 20) * 0.1 * 0.65
    assert change("d1_stdp", constant, pre=200, post=200 + interval) == pytest.approx(
        expected, rel=5e-3
    )


@pytest.mark.parametrize(("length", "potentiates"), [(400, True), (100, False)])
def test_d2_needs_a_dip_of_some_length(length, potentiates, tmp_path):
    """Iino et al. (2020): 0.4 s of no dopamine is enough; 0.1 s is too short for the receptors to notice."""
    phases = [
        {"name": "pairing", "duration": "400 ms"},
        {"name": "dip", "duration": f"{length} ms", "modulators": {"signal": {"tonic": 0}}},
        {"name": "after", "duration": "8 s"},
    ]
    circuit = f"""
thalia: 1
name: dip
dt: 1 ms
populations: {{pre: {{neuron: spike_source, size: 1}}, trigger: {{neuron: spike_source, size: 1}}, post: {{neuron: lif_current, size: 1}}}}
modulators: {{signal: {{kind: d2, tonic: 0.2, baseline: 0.2}}}}
pathways:
  plastic: {{pre: pre, post: post, connect: {{rule: one_to_one}}, synapse: current_exp, weight: 1 pA, w_max: 2 pA, delay: 1 ms,
             plasticity: [{{rule: d2_stdp, modulator: signal, a_plus: 0.1}}]}}
  force: {{pre: trigger, post: post, connect: {{rule: one_to_one}}, synapse: delta, weight: 100 mV, delay: 1 ms}}
stimuli:
  pre: {{kind: spikes, target: pre, times: {{0: [100 ms]}}}}
  post: {{kind: spikes, target: trigger, times: {{0: [110 ms]}}}}
phases: {phases}
"""
    weights = (
        thalia.run(thalia.loads(circuit), output=tmp_path / "run.h5", backend="runtime")
        .weights["plastic"]
        .w
    )

    change = weights[-1, 0] - weights[0, 0]
    assert (change > 1e-5) if potentiates else (abs(change) < 1e-9)

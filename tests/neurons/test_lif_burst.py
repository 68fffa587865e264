"""The integrate-and-fire-or-burst neuron of Smith et al. (2000): a rebound burst, tonic spikes, and how the current recovers."""

import numpy as np
import pytest

CIRCUIT = """
thalia: 1
name: one
duration: 1 s
populations: {{cell: {{neuron: lif_burst, size: 1}}}}
stimuli:
  hold: {{kind: current, target: cell, amplitude: {hold} pA}}
  pulse: {{kind: current_pulses, target: cell, amplitude: {pulse} pA, start: 400 ms, width: {width} ms, period: 10 s}}
record: {{states: {{all: {{population: cell, variables: [h], every: 1 ms}}}}}}
"""
LEAK = 3.5  # nS; a current of 3.5 pA moves the resting potential of -65 mV by 1 mV


def spikes_after(simulate, hold, pulse, width=200):
    times = simulate(CIRCUIT.format(hold=hold, pulse=pulse, width=width)).spikes["cell"].times
    return times[times >= 0.4]


def test_release_from_200_ms_at_minus_85_mV_makes_a_burst(simulate):
    """Held at -55 mV, pulled down to -85 mV, let go: 2 to 5 spikes at 200 to 400 Hz, then silence."""
    times = spikes_after(simulate, hold=LEAK * 10, pulse=-LEAK * 30)

    assert 2 <= len(times) <= 5
    assert 0.6 < times[0] < 0.75
    assert 200 <= 1 / np.diff(times)[0] <= 400


def test_release_from_a_smaller_pull_makes_none(simulate):
    """At -58 mV the current does not recover."""
    assert len(spikes_after(simulate, hold=LEAK * 10, pulse=-LEAK * 3)) == 0


def test_a_push_from_minus_55_mV_makes_single_spikes(simulate):
    """No calcium current is left there: regular spikes at the closed form of a leaky neuron."""
    times = spikes_after(simulate, hold=LEAK * 10, pulse=LEAK * 30, width=500)
    rest, tau = -65 + 40, 200 / LEAK * 1e-3  # mV, s
    interval = tau * np.log((rest + 50) / (rest + 35))

    assert np.diff(times)[-4:] == pytest.approx(interval, abs=2e-4)


@pytest.mark.parametrize(
    ("pulse", "expected"), [(-LEAK * 30, 1 - np.exp(-0.1 / 0.1)), (LEAK * 3, 0.0)]
)
def test_the_current_recovers_below_minus_60_mV_and_is_gone_above(simulate, pulse, expected):
    """From zero, 1 - exp(-t/tau) in the 100 ms after the potential has passed -60 mV."""
    run = simulate(CIRCUIT.format(hold=LEAK * 10, pulse=pulse, width=400))
    h = run.reports["all/h"]["values"][:, 0]
    below = (
        0.4 + 200 / LEAK * 1e-3 * np.log(30 / 25) if pulse < 0 else 0.4
    )  # from -55 towards -85 mV

    assert h[round((below + 0.1) * 1e3)] == pytest.approx(expected, abs=0.01)

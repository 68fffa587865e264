"""The integrate-and-fire neurons fire at the closed-form rate of a constant current."""

from math import log

import numpy as np
import pytest

CIRCUIT = """
thalia: 1
name: one
duration: 300 ms
dt: 0.01 ms
populations: {{cell: {{neuron: {neuron}, size: 1}}}}
stimuli: {{drive: {{kind: current, target: cell, amplitude: {current} pA}}}}
"""


@pytest.mark.parametrize(
    ("neuron", "current", "tau", "resistance", "gap", "refractory"),
    [("lif_current", 500, 10, 0.04, 15, 2), ("lif_current", 1000, 10, 0.04, 15, 2), ("lif_conductance", 150, 20, 0.1, 10, 5)],
)  # fmt: skip
def test_the_interval_is_the_closed_form(
    simulate, neuron, current, tau, resistance, gap, refractory
):
    """T = t_ref + tau ln(RI / (RI - (v_th - v_reset))), in ms; resistance in mV/pA."""
    drive = resistance * current
    expected = refractory + tau * log(drive / (drive - gap))

    times = simulate(CIRCUIT.format(neuron=neuron, current=current)).spikes["cell"].times * 1e3

    assert np.diff(times) == pytest.approx(expected, abs=0.02)


def test_below_rheobase_it_is_silent(simulate):
    """15 mV at 40 Mohm need 375 pA."""
    assert len(simulate(CIRCUIT.format(neuron="lif_current", current=374)).spikes["cell"]) == 0
    assert len(simulate(CIRCUIT.format(neuron="lif_current", current=376)).spikes["cell"]) > 0

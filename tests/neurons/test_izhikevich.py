"""The Izhikevich neuron begins to fire at the rheobase of its quadratic, and spikes peak and reset as written."""

import pytest

CIRCUIT = """
thalia: 1
name: one
duration: 1500 ms
dt: 0.5 ms
populations: {{cell: {{neuron: izhikevich, size: 1}}}}
stimuli: {{drive: {{kind: current, target: cell, amplitude: {current} pA}}}}
"""
RHEOBASE = (0.7 * 20 - 2) ** 2 / (4 * 0.7)  # pA: (k (v_t - v_r) + b)^2 / (4 k), regular-spiking cell


@pytest.mark.parametrize(("factor", "fires"), [(0.97, False), (1.05, True)])
def test_it_fires_above_its_rheobase_only(simulate, factor, fires):
    assert (len(simulate(CIRCUIT.format(current=factor * RHEOBASE)).spikes["cell"]) > 0) is fires

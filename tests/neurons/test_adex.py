"""The adaptive exponential neuron begins to fire at the rheobase of Brette & Gerstner (2005) and adapts."""

import numpy as np
import pytest

CIRCUIT = """
thalia: 1
name: one
duration: {duration} ms
populations: {{cell: {{neuron: adex, size: 1, parameters: {parameters}}}}}
stimuli: {{drive: {{kind: current, target: cell, amplitude: {current} pA}}}}
"""
RHEOBASE = 30 * (-50.4 + 70.6 - 2)  # pA: g_L (V_T - E_L - Delta_T), without adaptation


@pytest.mark.parametrize(("factor", "fires"), [(0.98, False), (1.02, True)])
def test_it_fires_above_its_rheobase_only(simulate, factor, fires):
    text = CIRCUIT.format(parameters="{a: 0 nS, b: 0 pA}", current=factor * RHEOBASE, duration=600)

    assert (len(simulate(text).spikes["cell"]) > 0) is fires


def test_intervals_grow_with_adaptation(simulate):
    intervals = np.diff(
        simulate(CIRCUIT.format(parameters="{}", current=1000, duration=500)).spikes["cell"].times
    )

    assert len(intervals) >= 4
    assert intervals[-1] > 1.5 * intervals[0]

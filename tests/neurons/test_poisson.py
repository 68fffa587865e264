"""A Poisson source fires at the rate that it is given, as irregularly as a Poisson process."""

import numpy as np
import pytest

from thalia.analysis.variability import irregularity

CIRCUIT = """
thalia: 1
name: noise
duration: 4 s
dt: 1 ms
populations: {source: {neuron: poisson, size: 100, parameters: {rate: 20 Hz}}}
stimuli:
  more: {kind: poisson_pulses, target: source, rate: 60 Hz, start: 2 s, width: 1 s, period: 10 s}
"""


def test_rates_add_up_and_are_irregular(simulate):
    spikes = simulate(CIRCUIT).spikes["source"]
    before, during = (
        np.count_nonzero((spikes.times >= a) & (spikes.times < a + 1)) for a in (0, 2)
    )

    early = spikes.times < 2

    assert before == pytest.approx(2000, abs=4 * np.sqrt(2000))
    assert during == pytest.approx(8000, abs=5 * np.sqrt(8000))
    irregular = irregularity(spikes.times[early], spikes.neurons[early])
    assert irregular.value == pytest.approx(1, abs=3 * irregular.error)

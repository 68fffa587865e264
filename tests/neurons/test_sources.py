"""A source of regular spikes fires at the intervals of its rate, each neuron at a phase of its own."""

import numpy as np
import pytest

CIRCUIT = """
thalia: 1
name: clocks
duration: 4 s
dt: 1 ms
populations: {source: {neuron: regular, size: 50, parameters: {rate: 40 Hz}}}
stimuli: {more: {kind: poisson_pulses, target: source, rate: 60 Hz, start: 2 s, width: 2 s, period: 10 s}}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_intervals_are_those_of_the_rate(simulate, backend):
    spikes = simulate(CIRCUIT, backend=backend).spikes["source"]

    early = [np.diff(spikes.times[(spikes.neurons == cell) & (spikes.times < 2)]) for cell in range(50)]
    late = [np.diff(spikes.times[(spikes.neurons == cell) & (spikes.times > 2.05)]) for cell in range(50)]
    assert np.concatenate(early) == pytest.approx(0.025, abs=0.0011)
    assert np.concatenate(late) == pytest.approx(0.010, abs=0.0011)
    assert len(np.unique([spikes.times[spikes.neurons == cell][0] for cell in range(50)])) > 15  # of 25 steps

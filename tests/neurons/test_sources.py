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


ONCE = """
thalia: 1
name: once
duration: 400 ms
dt: 1 ms
populations: {source: {neuron: latency, size: 3}}
stimuli: {shown: {kind: poisson_pulses, target: source, rate: 40 Hz, start: 50 ms, width: 100 ms, period: 200 ms}}
"""


def test_a_latency_source_fires_once_for_each_showing(simulate):
    spikes = simulate(ONCE).spikes["source"]

    assert spikes.times[spikes.neurons == 0] == pytest.approx([0.075, 0.275], abs=0.0021)
    assert len(spikes.times) == 6


def test_a_latency_source_that_is_shown_too_little_does_not_fire(simulate):
    assert len(simulate(ONCE.replace("rate: 40 Hz", "rate: 9 Hz")).spikes["source"].times) == 0

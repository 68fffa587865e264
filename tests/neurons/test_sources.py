"""Sources of spikes: regular ones at the intervals of their rate, latencies by their closed form, tuning curves."""

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

    early = [
        np.diff(spikes.times[(spikes.neurons == cell) & (spikes.times < 2)]) for cell in range(50)
    ]
    late = [
        np.diff(spikes.times[(spikes.neurons == cell) & (spikes.times > 2.05)])
        for cell in range(50)
    ]
    assert np.concatenate(early) == pytest.approx(0.025, abs=0.0011)
    assert np.concatenate(late) == pytest.approx(0.010, abs=0.0011)
    assert (
        len(np.unique([spikes.times[spikes.neurons == cell][0] for cell in range(50)])) > 15
    )  # of 25 steps


LATENCY = """
thalia: 1
name: latencies
duration: 500 ms
dt: 0.1 ms
populations: {source: {neuron: latency, size: 8, parameters: {rate: "spread(15 Hz, 120 Hz)", tau: 50 ms, t_ref: 600 ms}}}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_a_latency_is_the_closed_form_and_there_is_one_spike(simulate, backend):
    """-tau ln(1 - 1/(rate tau)) for rates of 30 to 120 Hz; 15 Hz are below 1/tau, and bring no spike."""
    spikes = simulate(LATENCY, backend=backend).spikes["source"]

    rates = np.linspace(15, 120, 8)[1:]
    assert spikes.neurons.tolist() == [7, 6, 5, 4, 3, 2, 1]
    assert spikes.times[::-1] == pytest.approx(-0.05 * np.log(1 - 1 / (rates * 0.05)), abs=2e-4)


TUNED = """
thalia: 1
name: tuned
duration: 100 s
dt: 1 ms
populations: {source: {neuron: tuned, size: 11, parameters: {value: 0.4, preferred: "spread(0, 1)", width: 0.2, peak: 80 Hz}}}
"""


def test_rates_are_those_of_the_tuning_curve(simulate):
    """Within four standard errors of the count in 100 s."""
    run = simulate(TUNED, backend="cpp")

    counts = np.bincount(run.spikes["source"].neurons, minlength=11)
    expected = 8000 * np.exp(-(((0.4 - np.linspace(0, 1, 11)) / 0.2) ** 2) / 2)
    assert (np.abs(counts - expected) < 4 * np.sqrt(expected) + 1).all()


def test_a_tuned_source_that_is_shown_nothing_is_silent(simulate):
    assert (
        len(simulate(TUNED.replace("value: 0.4, ", "").replace("100 s", "2 s")).spikes["source"])
        == 0
    )

"""The threshold rises by a step with every spike and returns exponentially, or stays as it is."""

import numpy as np
import pytest

CIRCUIT = """
thalia: 1
name: adapting
duration: 500 ms
populations:
  clock: {neuron: regular, size: 1, parameters: {rate: 40 Hz}, initial: {phase: 0.5}}
  cells: {neuron: lif_adaptive_threshold, size: 2, parameters: {tau_threshold: 200 ms, threshold_step: 2 mV, adapting: ADAPTING}}
pathways:
  fire: {pre: clock, post: cells, connect: {rule: all_to_all}, synapse: delta, weight: 300 mV, delay: 1 ms}
record: {traces: {cells: {population: cells, variables: [adapted_threshold], every: 0.1 ms}}}
"""


def test_it_is_the_sum_of_what_the_spikes_left(simulate):
    run = simulate(CIRCUIT.replace("ADAPTING", "1"))
    times = run.spikes["cells"].times[run.spikes["cells"].neurons == 0]

    found = run.traces["cells"]["adapted_threshold"][:, 0]
    expected = [
        2 * np.exp(-(0.1e-3 * k - times[times < 0.1e-3 * (k - 0.5)]) / 0.2).sum()
        for k in range(len(found))
    ]
    assert len(times) == 20
    assert found == pytest.approx(expected, abs=0.01)


def test_it_stays_as_it_is_where_it_may_not_adapt(simulate):
    run = simulate(CIRCUIT.replace("ADAPTING", "0"))

    assert len(run.spikes["cells"]) == 40
    assert (run.traces["cells"]["adapted_threshold"] == 0).all()


def test_its_steps_shrink_towards_a_limit(simulate):
    """After n spikes the distance to the limit is (1 - step/limit)**n of what it was, without decay."""
    slow = CIRCUIT.replace("ADAPTING", "1").replace("200 ms", "1e9 s")
    run = simulate(
        slow.replace("threshold_step: 2 mV", "threshold_step: 2 mV, threshold_limit: 5 mV")
    )

    found = run.traces["cells"]["adapted_threshold"][-1, 0]
    assert found == pytest.approx(5 * (1 - 0.6**20), abs=1e-6)

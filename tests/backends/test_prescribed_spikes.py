"""Prescribed spikes of one neuron in one step act as often as they are there, as in NEST's generators."""

import numpy as np
import pytest
from scipy.stats import chisquare

import thalia

# the second neuron fires once where the first fires three times; all of the third fill a step
TEXT = """
thalia: 1
name: several
duration: 20 ms
populations:
  given: {neuron: spike_source, size: 3}
  force: {neuron: spike_source, size: 3}
  cell: {neuron: lif_current, size: 3}
  learner: {neuron: lif_current, size: 3}
pathways:
  static: {pre: given, post: cell, connect: {rule: one_to_one}, synapse: current_exp, weight: 10 pA, delay: 1 ms}
PLASTIC
stimuli:
  given: {kind: spikes, target: given, times: {0: [5 ms, 5 ms, 5 ms], 1: [5 ms], 2: [4.96 ms, 5 ms, 5.04 ms]}}
  force: {kind: spikes, target: force, times: {0: [2 ms, 9 ms], 1: [2 ms, 9 ms], 2: [2 ms, 9 ms]}}
record: {weights: {pathways: all, every: 7 ms}, traces: {i: {population: cell, variables: [current_exp_i], every: 0.1 ms}}}
"""
PLASTIC = """
  fire: {pre: force, post: learner, connect: {rule: one_to_one}, synapse: delta, weight: 100 mV, delay: 1 ms}
  learns:
    {pre: given, post: learner, connect: {rule: one_to_one}, synapse: current_exp, weight: 10 pA, delay: 1 ms, w_max: 20 pA,
     plasticity: [{rule: stdp_pair, a_plus: 0.01, a_minus: 0.01}]}
"""


COINS = """
thalia: 1
name: coins
duration: 6 ms
synapses:
  coin: {summary: half of the spikes, weight: "1", limits: [0, 1], on_pre: v += int(rand() < w)}
populations:
  mother: {neuron: spike_source, size: 1}
  cell: {neuron: counter, size: 4000}
neurons:
  counter: {summary: counts, equations: "dv/dt = -v/(1000*second) : 1", threshold: v > 9, reset: v = 0}
pathways: {p: {pre: mother, post: cell, synapse: coin, weight: 0.5, delay: 1 ms, connect: {rule: all_to_all}}}
stimuli: {s: {kind: spikes, target: mother, times: {0: [2 ms, 2 ms]}}}
record: {traces: {v: {population: cell, variables: [v], every: 1 ms, neurons: "0:4000"}}}
"""


def circuit(plastic=PLASTIC):
    return thalia.loads(TEXT.replace("PLASTIC", plastic))


@pytest.fixture(params=["runtime", "cpp"])
def backend(request):
    return request.param


def test_three_spikes_in_a_step_act_as_three(tmp_path, backend):
    """On the current, on the weight at an arrival, and by their trace on the weight at a later spike."""
    run = thalia.run(circuit(), backend=backend, output=tmp_path / "run.h5")

    currents = run.traces["i"]["current_exp_i"].max(axis=0)
    before, between, after = (run.weights["learns"].w[k] for k in (0, 1, 2))
    assert [np.count_nonzero(run.spikes["given"].neurons == n) for n in range(3)] == [3, 1, 3]
    assert currents == pytest.approx(currents[1] * np.array([3, 1, 3]), rel=1e-6)
    assert between - before == pytest.approx((between - before)[1] * np.array([3, 1, 3]), rel=1e-9)
    assert after - between == pytest.approx((after - between)[1] * np.array([3, 1, 3]), rel=1e-9)
    assert (between < before).all()
    assert (after > between).all()


def test_a_run_that_is_interrupted_while_they_are_in_flight_is_the_same(tmp_path, backend):
    whole = thalia.run(circuit(), backend=backend, output=tmp_path / "whole.h5")
    part = thalia.run(circuit(), backend=backend, output=tmp_path / "part.h5", duration="5.5 ms")
    resumed = thalia.resume(part.file, for_="14.5 ms")

    assert np.array_equal(resumed.weights["learns"].w[-1], whole.weights["learns"].w[-1])
    assert np.array_equal(resumed.traces["i"]["current_exp_i"], whole.traces["i"]["current_exp_i"])


def test_each_spike_of_a_step_is_transmitted_by_a_draw_of_its_own(tmp_path):
    """Of two, each with a chance of one half: 0, 1 and 2 arrive in the ratio 1 : 2 : 1."""
    counts = [
        np.rint(
            thalia.run(thalia.loads(COINS), backend=name, output=tmp_path / f"{name}.h5")
            .traces["v"]["v"][-1]
        )
        for name in ("runtime", "cpp")
    ]  # fmt: skip
    observed = [np.count_nonzero(counts[0] == k) for k in range(3)]

    assert chisquare(observed, [1000, 2000, 1000]).pvalue > 1e-3
    assert np.array_equal(*counts)


@pytest.mark.parametrize("count", [2, 40])
def test_a_step_has_room_for_more_spikes_than_neurons(simulate, backend, count):
    train = ", ".join(["5 ms"] * count)
    text = f"""
thalia: 1
name: full
duration: 10 ms
populations: {{a: {{neuron: spike_source, size: 1}}, b: {{neuron: spike_source, size: 2}}, c: {{neuron: lif_current, size: 1}}}}
pathways: {{p: {{pre: a, post: c, synapse: current_exp, weight: 1 pA, delay: 1 ms, connect: {{rule: all_to_all}}}}}}
stimuli: {{s: {{kind: spikes, target: a, times: {{0: [{train}]}}}}, t: {{kind: spikes, target: b, times: {{1: [5 ms]}}}}}}
record: {{traces: {{i: {{population: c, variables: [current_exp_i], every: 6.1 ms}}}}}}
"""
    run = simulate(text, backend=backend)

    assert (len(run.spikes["a"]), len(run.spikes["b"])) == (count, 1)
    assert run.traces["i"]["current_exp_i"][1, 0] == pytest.approx(count, rel=1e-6)

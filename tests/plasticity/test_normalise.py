"""normalise keeps the sum of the weights that reach a neuron, and their ratios."""

import numpy as np
import pytest

import thalia
from thalia.cli.tables import print_summary

TEXT = """
thalia: 1
name: kept
populations:
  pre: {neuron: poisson, size: 30, parameters: {rate: 60 Hz}}
  other: {neuron: poisson, size: 10, parameters: {rate: 60 Hz}}
  cells: {neuron: lif_current, size: 3}
pathways:
  one: {pre: pre, post: cells, connect: {probability: 0.7}, synapse: current_exp, weight: "uniform(100 pA, 900 pA)", delay: 1 ms,
        w_max: 1 nA, plasticity: [{rule: stdp_pair, a_plus: 0.05, a_minus: 0.03}, normalise]}
  two: {pre: other, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: 400 pA, delay: 1 ms,
        plasticity: [{rule: stdp_pair, a_plus: 0.05, a_minus: 0.03}, normalise]}
phases: [{name: learn, duration: 300 ms}, {name: rest, duration: 5 ms, plasticity: off}]
"""


LAG = 5.1  # ms
COMPETING = """
thalia: 1
name: competing
populations:
  pre: {neuron: spike_source, size: 4}
  drive: {neuron: spike_source, size: 1}
  cell: {neuron: lif_current, size: 1}
pathways:
  learn: {pre: pre, post: cell, connect: {rule: all_to_all}, synapse: delta, weight: 0.1 mV, delay: 1 ms, w_max: 0.25 mV,
          plasticity: [{rule: stdp_pair, a_plus: 0.1, a_minus: 0}, normalise]}
  force: {pre: drive, post: cell, connect: {rule: all_to_all}, synapse: delta, weight: 100 mV, delay: 1 ms}
stimuli:
  early: {kind: spikes, target: pre, times: {0: [TIMES]}}
  late: {kind: spikes, target: drive, times: {0: [LATER]}}
phases: [{name: learn, duration: 3 s}, {name: rest, duration: 5 ms, plasticity: off}]
record: {weights: {every: 100 ms}}
"""


def sums(one, two):
    """The sum of w/w_max of what arrives at each of three neurons, (n_times, 3)."""
    return np.array(
        [
            np.bincount(one.post, one.arriving[k] / 1000, minlength=3)
            + np.bincount(two.post, two.arriving[k] / 800, minlength=3)
            for k in (0, -1)
        ]
    )


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_the_sum_over_both_pathways_is_kept_within_the_bounds(simulate, backend):
    """Of what arrives at each neuron, in w/w_max; raw weights that saturate would end the learning."""
    run = simulate(TEXT, backend=backend)
    one, two = run.weights["one"], run.weights["two"]
    before, after = sums(one, two)

    assert np.abs(one.arriving[-1] / one.arriving[0] - 1).max() > 0.1
    assert after == pytest.approx(before, rel=1e-9)
    assert 0 <= one.arriving.min() <= one.arriving.max() <= 1000 * (1 + 1e-9)
    assert 0 <= two.arriving.min() <= two.arriving.max() <= 800 * (1 + 1e-9)


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_one_input_wins_up_to_its_bound_and_the_others_share_the_rest(simulate, backend):
    """Each of 30 pairings adds a tenth of the bound, and the sum is divided as before.

    Of 0.4 mV in all the paired input ends with its 0.25 mV, and the others have 0.05 mV each. A spike
    forces the cell to fire in the step in which it arrives, which is the next one for the synapse.
    """
    times = [20 + 100 * k for k in range(30)]
    text = COMPETING.replace("TIMES", ", ".join(f"{t} ms" for t in times))
    text = text.replace("LATER", ", ".join(f"{t + 5} ms" for t in times))
    learn = simulate(text, backend=backend).weights["learn"]
    expected = [0.1]
    for k in range(len(times)):
        trace = np.exp(-(LAG + 100 * np.arange(k + 1)) / 20).sum()
        added = min(expected[-1] + 0.025 * trace, 0.25)
        expected.append(added * 0.4 / (0.4 - expected[-1] + added))

    assert learn.arriving[:31, 0] == pytest.approx(expected, rel=1e-9)
    assert learn.arriving[-1] == pytest.approx([0.25, 0.05, 0.05, 0.05], rel=1e-4)
    assert learn.arriving.sum(axis=1) == pytest.approx(0.4, rel=1e-9)


def test_what_arrives_is_reported_which_keeps_its_sum(simulate, capsys):
    """The weights themselves drift by more than what arrives, on which health gives its verdict."""
    run = simulate(TEXT, backend="runtime")
    one, two = (run.weights[name] for name in ("one", "two"))
    told = run.results["weights"]["one"]
    print_summary(run, [])
    printed = capsys.readouterr().out

    before, after = sums(one, two)
    assert after == pytest.approx(before, rel=1e-9)
    assert (told["before"], told["after"]) == (one.w[0].mean(), one.w[-1].mean())
    assert told["arriving_after"] == one.arriving[-1].mean()
    assert f"{told['arriving_after']:.4g} pA" in printed
    assert "multiplied by normalise as spikes arrive: one, two" in printed
    assert thalia.health(run).pathways["one"]["drift"] == pytest.approx(
        abs(one.arriving[-1].mean() / one.w[0].mean() - 1)
    )
    assert one.meaning == "weight × normalise"
    labels = [axes.get_xlabel() for axes in thalia.figures.weights(run).axes]
    assert "weight × normalise (pA)" in labels


@pytest.mark.parametrize("rule", ["normalise", "synaptic_scaling"])
def test_what_scales_the_changes_of_others_takes_no_modulator(rule):
    text = TEXT.replace("normalise]", f"{{rule: {rule}, modulator: dopamine}}]", 1)
    text += "modulators: {dopamine: {kind: first_order, tonic: 1, baseline: 0}}"

    with pytest.raises(thalia.CircuitError, match=f"{rule} makes no changes of its own that a mod"):
        thalia.plan_of(thalia.loads(text))

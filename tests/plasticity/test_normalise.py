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
record:
  traces: {cells: {population: cells, variables: [normalise_factor], every: 0.1 ms}}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_the_sum_over_both_pathways_is_kept(simulate, backend):
    """The factor times the sum of w/w_max is what it was at the start, for each neuron."""
    run = simulate(TEXT, backend=backend)

    factor = run.traces["cells"]["normalise_factor"]
    bounds = {"one": 1000, "two": 800}
    sums = [
        sum(
            np.bincount(run.weights[p].post, run.weights[p].w[k] / w_max, minlength=3)
            for p, w_max in bounds.items()
        )
        for k in (0, -1)
    ]
    assert np.abs(sums[1] / sums[0] - 1).min() > 0.05  # the weights themselves did move
    assert factor[1] == pytest.approx([1, 1, 1])
    assert factor[-1] * sums[1] == pytest.approx(
        sums[0], rel=1e-6
    )  # reports are in single precision


def test_what_arrives_is_reported_which_keeps_its_sum(simulate, capsys):
    """The weights themselves drift by more than what arrives, on which health gives its verdict."""
    run = simulate(TEXT, backend="runtime")
    one, two = (run.weights[name] for name in ("one", "two"))
    arrives = [
        np.bincount(one.post, one.arriving[k] / 1000, minlength=3)
        + np.bincount(two.post, two.arriving[k] / 800, minlength=3)
        for k in (0, -1)
    ]
    told = run.results["weights"]["one"]
    print_summary(run, [])
    printed = capsys.readouterr().out

    assert arrives[1] == pytest.approx(arrives[0], rel=1e-12)
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

"""A learning rate that falls with presynaptic spikes, beside rules that change weights at events and between them."""

import numpy as np
import pytest

import thalia
from thalia.errors import CircuitError

TIMES = [10, 30, 60, 90, 100]  # ms, of the presynaptic spikes
TARGETS = [0, 2, 2, 0, 1]  # instructive spikes that come before each of them
CIRCUIT = """
thalia: 1
name: use
duration: 200 ms
dt: 1 ms
rules:
  grow:
    summary: A rate of 1 Hz times a trace.
    parameters: {{tau: {{default: 50 ms, meaning: decay}}, rate: {{default: 1 Hz, meaning: rate}}}}
    equations: |
      dx/dt = -x/tau : 1
      dw/dt = rate*w_max*x : weight
    on_pre: x += 1
  step: {{summary: a step at each presynaptic spike, on_pre: "w += 0.1*w_max"}}
populations:
  pre: {{neuron: spike_source, size: 1}}
  teacher: {{neuron: spike_source, size: 1}}
  post: {{neuron: lif_current, size: 1, parameters: {{v_th: 0 mV}}}}
  mean: {{neuron: lif_current, size: 1, parameters: {{v_th: 0 mV}}}}
modulators:
  surprise: {{kind: first_order, tonic: 0, baseline: 0, tau: 1000000 s, schedule: [{{at: [80 ms], amount: 0.5}}]}}
pathways:
  {pathways}
  q: {{pre: teacher, post: mean, connect: {{rule: all_to_all}}, synapse: current_exp, weight: 1 pA, delay: 1 ms}}
phases:
  - {{name: learn, duration: 95 ms}}
  - {{name: rest, duration: 105 ms, plasticity: {{rested: off}}}}
stimuli:
  pre: {{kind: spikes, target: pre, times: {{0: [{times}]}}}}
  teacher: {{kind: spikes, target: teacher, times: {{0: [{taught}]}}}}
record: {{weights: {{pathways: all}}}}
"""
RULES = {
    "alone": "step",
    "falling": "step, {rule: use_dependent, slowing: 0.5}",
    "before": "{rule: use_dependent, slowing: 0.5}, step",
    "raised": "step, {rule: use_dependent, slowing: 0.5, modulator: surprise}",
    "rested": "step, {rule: use_dependent, slowing: 0.5}",
    "averaged": "{rule: outstar, eta: 1, full: 4, tau: 1000000 s, instructed_by: q}, {rule: use_dependent, slowing: 1}",
}


def texts(rules):
    pathways = [
        f"{name}: {{pre: pre, post: {'mean' if name == 'averaged' else 'post'}, connect: {{rule: all_to_all}}, synapse: current_exp, weight: 0.2 pA, w_max: 1 pA, delay: 1 ms, plasticity: [{rule}]}}"
        for name, rule in rules.items()
    ]
    return CIRCUIT.format(
        pathways="\n  ".join(pathways),
        times=", ".join(f"{t} ms" for t in TIMES),
        taught=", ".join(f"{t - 5 + k} ms" for t, n in zip(TIMES, TARGETS, strict=True) for k in range(n)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    """How far each weight has come, in w_max."""
    output = tmp_path_factory.mktemp("use") / "run.h5"
    run = thalia.run(thalia.loads(texts(RULES)), output=output, backend="runtime")
    return {name: float(run.weights[name].w[-1, 0]) - 0.2 for name in RULES}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("alone", [0, 0, 0, 0, 0]),
        ("falling", [0, 1, 2, 3, 4]),
        ("before", [1, 2, 3, 4, 5]),
        ("raised", [0, 1, 2, 3, 3 * 0.5 + 1]),  # surprise halves the count of 3 at the fourth spike
        ("rested", [0, 1, 2, 3]),
    ],
)
def test_each_change_is_divided_by_what_was_used(name, counts, changes):
    assert changes[name] == pytest.approx(sum(0.1 / (1 + 0.5 * n) for n in counts), rel=1e-9)


def test_a_weight_that_goes_to_its_targets_ends_at_their_mean(changes):
    """MacQueen (1967): with slowing 1, the k-th target moves the weight by 1/k of the distance."""
    targets = np.cumsum(TARGETS) / 4

    assert changes["averaged"] + 0.2 == pytest.approx(np.mean(np.clip(targets, 0, None)), rel=1e-3)


@pytest.mark.parametrize("lower", ["on", "off"])
def test_it_scales_changes_between_spikes(lower, tmp_path):
    """The rate of the weight is a trace of 50 ms, divided by a count that stands still between spikes."""
    text = texts({"p": "grow, {rule: use_dependent, slowing: 0.5}"}).replace("{rested: off}", "on")
    run = thalia.run(thalia.loads(text), output=tmp_path / "run.h5", backend="runtime", lower=lower)

    trace, gained = 0.0, 0.0
    for n, (begin, end) in enumerate(zip(TIMES, [*TIMES[1:], 199], strict=True), start=1):
        fallen = np.exp(-(end - begin) / 50)
        gained += 0.05 * (trace + 1) * (1 - fallen) / (1 + 0.5 * n)
        trace = (trace + 1) * fallen
    assert run.weights["p"].w[-1, 0] - 0.2 == pytest.approx(gained, rel=0.02)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("use_dependent", "use_dependent scales the changes that other rules make, and there are none"),
        ("use_dependent, normalise", "use_dependent scales the changes that other rules make, and there are none"),
    ],
)  # fmt: skip
def test_alone_it_is_refused(rules, message):
    with pytest.raises(CircuitError, match=message):
        thalia.plan_of(thalia.loads(texts({"p": rules})))

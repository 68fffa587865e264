"""The printed plan of every circuit is under review: a change of meaning is a visible diff.

`pytest tests/test_plans.py --update-golden` writes the texts anew; review the diff.
"""

import os
import subprocess
import sys

import pytest

import thalia
from tests.helpers import CIRCUITS, ROOT
from thalia.codegen.listing import describe
from thalia.compiler.optimise.lower import lower
from thalia.compiler.options import DEFAULT_OPTIONS
from thalia.compiler.pipeline import after_each_pass
from thalia.errors import Diagnostics


@pytest.mark.parametrize("file", CIRCUITS, ids=lambda f: f.stem)
def test_the_plan_is_the_one_reviewed(file, request):
    expected = ROOT / "tests" / "plans" / f"{file.stem}.txt"

    text = describe(thalia.plan_of(thalia.load(file)))

    if request.config.getoption("--update-golden"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_eight_populations_and_64_pathways_become_one_group_and_few_synapse_objects():
    plan = thalia.plan_of(thalia.load(ROOT / "circuits" / "cortex.yaml"))
    cells = [group for group in plan.groups if group.part == "lif_current"]

    assert [len(group.members) for group in cells] == [8]
    assert len(plan.synapses) <= 3


def test_fusing_changes_no_spike_and_no_weight(simulate, tmp_path):
    """The unfused plan, one object per population and pathway, gives the same run."""
    from thalia.backends import runtime
    from thalia.connectivity.build import wire

    text = """
thalia: 1
name: both
duration: 60 ms
populations:
  a: {neuron: lif_current, size: 8, initial: {v: "uniform(-65 mV, -50 mV)"}}
  b: {neuron: lif_current, size: 6, parameters: {tau_m: 8 ms}, initial: {v: "uniform(-65 mV, -50 mV)"}}
pathways:
  all: {pre: [a, b], post: [a, b], connect: {probability: 0.5}, synapse: current_exp, weight: [[100 pA, -100 pA]], delay: "uniform(0.5 ms, 3 ms)"}
  learn: {pre: [a], post: [a, b], connect: {probability: 0.5}, synapse: current_exp, weight: 100 pA, delay: 1 ms, plasticity: [stdp_pair]}
stimuli: {drive: {kind: current, target: [a, b], amplitude: 450 pA}}
"""
    plans = after_each_pass(thalia.loads(text), DEFAULT_OPTIONS)
    plain, fused = lower(plans["resolve"], DEFAULT_OPTIONS, Diagnostics()), plans["lower"]
    trains, weights = [], []
    for plan in (plain, fused):
        arrays = wire(plan)
        session = runtime.start(
            plan, runtime.build(plan, lambda what, fraction: None), arrays, (), 1
        )
        spikes = session.advance(plan.steps).spikes
        trains.append({
            (member.name, int(step), int(neuron) - member.start)
            for group, member in plan.populations()
            for step, neuron in zip(*spikes[group.name], strict=True)
            if member.start <= neuron < member.stop
        })  # fmt: skip
        weights.append(
            {
                p.name: session.read(f"{s.name}.w")[arrays.synapses[s.name].rows(p.name)].tobytes()
                for s, p in plan.pathways()
                if s.is_plastic
            }
        )

    assert len(plain.groups) == 2
    assert len(fused.groups) == 1
    assert len(trains[0]) > 20
    assert trains[0] == trains[1]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("delay", "form"), [("1 ms", "hoisted"), ("{axonal: 1 ms, dendritic: 0.5 ms}", "rescaled")]
)
def test_a_postsynaptic_trace_is_hoisted_where_spikes_arrive_at_once(delay, form):
    text = f"""
thalia: 1
name: one
duration: 10 ms
populations: {{a: {{neuron: lif_current, size: 2}}}}
pathways: {{p: {{pre: a, post: a, connect: {{rule: all_to_all}}, synapse: current_exp, weight: 1 pA, delay: {delay}, plasticity: [stdp_pair]}}}}
"""
    forms = thalia.plan_of(thalia.loads(text)).synapses[0].forms

    assert forms["stdp_pair_post_trace"].startswith(form)
    assert forms["stdp_pair_pre_trace"].startswith("rescaled")


def test_a_trace_that_is_read_after_it_changed_stays_in_the_synapse(simulate):
    """Hoisted, it would be read before the neuron's reset changes it; so the weights agree with the reference."""
    text = """
thalia: 1
name: later
duration: 100 ms
rules:
  later:
    summary: Potentiation by the number of recent postsynaptic spikes, the present one included.
    parameters: {tau: {default: 20 ms, meaning: decay}, rate: {default: 0.01, meaning: learning rate}}
    equations: "dy/dt = -y/tau : 1"
    on_post: |
      y += 1
      w += rate*w_max*y
populations: {a: {neuron: poisson, size: 5, parameters: {rate: 300 Hz}}, b: {neuron: lif_current, size: 5}}
pathways: {p: {pre: a, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: 4 nA, delay: 1 ms, plasticity: [later]}}
"""
    weights = [simulate(text, lower=mode).weights["p"].w for mode in ("on", "off")]

    assert thalia.plan_of(thalia.loads(text)).synapses[0].forms["later_y"].startswith("rescaled")
    assert (weights[0][0] != weights[0][-1]).any()
    assert weights[0][-1] == pytest.approx(weights[1][-1], rel=1e-9)


def test_what_has_no_closed_form_is_clock_driven_and_says_its_cost(simulate):
    text = """
thalia: 1
name: saturating
duration: 20 ms
rules:
  saturating:
    summary: A trace that decays as its square.
    parameters: {tau: {default: 20 ms, meaning: decay}}
    equations: "dx/dt = -x*x/tau : 1"
    on_pre: "x += 1"
populations: {a: {neuron: poisson, size: 5, parameters: {rate: 100 Hz}}, b: {neuron: lif_current, size: 5}}
pathways: {p: {pre: a, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, plasticity: [saturating]}}
"""
    (synapses,) = thalia.plan_of(thalia.loads(text)).synapses

    assert synapses.forms["saturating_x"].startswith(
        "clock-driven: its equation has no closed form"
    )
    assert "a pass over all synapses in every step" in synapses.forms["saturating_x"]
    assert len(simulate(text).spikes["a"]) > 0


def test_pathways_whose_plasticity_is_always_off_are_one_with_static_ones():
    circuit = thalia.loads("""
thalia: 1
name: still
populations: {a: {neuron: lif_current, size: 4}}
pathways:
  still: {pre: a, post: a, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, plasticity: [stdp_pair]}
  static: {pre: a, post: a, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms}
phases: [{name: all, duration: 10 ms, plasticity: off}]
""")

    assert [len(synapses.members) for synapses in thalia.plan_of(circuit).synapses] == [2]


def test_plasticity_that_is_always_off_leaves_plain_synapses():
    text = (
        (ROOT / "circuits" / "cortex.yaml")
        .read_text()
        .replace(
            "- {name: learn, duration: 1500 ms}",
            "- {name: learn, duration: 1500 ms, plasticity: off}",
        )
    )

    assert not any(synapses.is_plastic for synapses in thalia.plan_of(thalia.loads(text)).synapses)


def test_the_plan_does_not_depend_on_the_order_of_sets():
    """Python orders sets of words anew in every process; the program would then be compiled anew, too."""
    code = "import sys, thalia; from thalia.codegen.listing import describe; sys.stdout.write(describe(thalia.plan_of(thalia.load(sys.argv[1]))))"
    command = [sys.executable, "-c", code, str(ROOT / "circuits" / "reward.yaml")]

    texts = {
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(texts) == 1

"""bcm has the curve of Bienenstock, Cooper & Munro (1982), with a threshold <c^2>/c0 that belongs to the neuron."""

import numpy as np
import pytest

import thalia
from thalia.simulation.pairing_protocols import protocol

SHARED = """
thalia: 1
name: shared
duration: {duration} s
dt: 1 ms
populations:
  a: {{neuron: poisson, size: 10, parameters: {{rate: 10 Hz}}}}
  b: {{neuron: poisson, size: 5, parameters: {{rate: 20 Hz}}}}
  trigger: {{neuron: spike_source, size: 1}}
  cell: {{neuron: lif_current, size: 1}}
pathways:
  first: {{pre: a, post: cell, connect: {{rule: all_to_all}}, synapse: current_exp, weight: 1 pA, delay: 1 ms,
          plasticity: [{{rule: bcm, tau_theta: 2 s, target: 10 Hz{first}}}]}}
  second: {{pre: b, post: cell, connect: {{rule: all_to_all}}, synapse: current_exp, weight: 1 pA, delay: 1 ms,
           plasticity: [{{rule: bcm, tau_theta: {tau}, target: 10 Hz}}]}}
  force: {{pre: trigger, post: cell, connect: {{rule: all_to_all}}, synapse: delta, weight: 100 mV, delay: 1 ms}}
stimuli:
  train: {{kind: spikes, target: trigger, times: {{0: [{times}]}}}}
record:
  traces: {{neuron: {{population: cell, variables: [bcm_theta, bcm_rate], every: 10 ms}}}}
"""


def shared(rate, duration=20, tau="2 s", first=""):
    times = ", ".join(f"{t:.1f} ms" for t in np.arange(100, duration * 1000, 1000 / rate))
    return SHARED.format(duration=duration, times=times, tau=tau, first=first)


def test_the_curve_crosses_zero_at_the_threshold():
    """<dw/dt> = eta rho_pre <c (c - theta)> / (2 c0^2), with <c^2> = rho^2 + rho/(2 tau) for Poisson spikes."""
    eta, theta, rho_pre, tau = 0.001, 10, 10, 1.0
    settings = {"eta": eta, "tau_theta": "10000 s", "tau_rate": f"{tau} s"}

    (curve,) = protocol("rates", "bcm", settings=settings).curves

    expected = [
        eta * rho_pre * (rho**2 + rho / (2 * tau) - theta * rho) / (2 * theta**2) for rho in curve.x
    ]
    assert curve.change == pytest.approx(expected, rel=0.12, abs=0.0002)
    assert curve.change[1] < 0 < curve.change[3]  # 5 Hz and 15 Hz


@pytest.fixture(scope="module")
def at_rates(tmp_path_factory):
    """The same cell fired at 5 Hz, below its target of 10 Hz, and at 20 Hz, above it."""
    folder = tmp_path_factory.mktemp("rates")
    return {
        rate: thalia.run(thalia.loads(shared(rate)), backend="cpp", output=folder / f"{rate}.h5")
        for rate in (5, 20)
    }


@pytest.mark.parametrize("rate", [5, 20])
def test_the_threshold_slides_to_the_mean_square_of_the_rate(at_rates, rate):
    """theta -> <c^2>/c0: 2.5 Hz for 5 Hz and 40 Hz for 20 Hz; regular spikes make c saw-toothed around the rate."""
    run = at_rates[rate]

    rates = run.traces["neuron"]["bcm_rate"][-400:, 0]
    theta = run.traces["neuron"]["bcm_theta"][-400:, 0]
    assert rates.mean() == pytest.approx(rate, rel=0.02)
    assert theta.mean() == pytest.approx(np.mean(rates**2) / 10, rel=0.03)


def test_the_depression_branch_is_reached(at_rates):
    """A neuron above c0 for long has a threshold above its rate, and weights fall; below c0 they rise."""
    assert at_rates[20].weights["first"].w[-1].mean() < 1
    assert at_rates[5].weights["first"].w[-1].mean() > 1


def test_a_threshold_of_binary_spikes_could_not_depress():
    """The control: <c^2> of spikes that are 0 or 1 in a step is their probability, so c (c - theta) is never negative."""
    spikes = (np.random.default_rng(1).random(200_000) < 0.02).astype(float)

    theta = np.mean(spikes**2)

    assert theta == np.mean(spikes)  # not its square
    assert (spikes * (spikes - theta)).min() >= 0


def test_two_pathways_share_the_threshold_of_the_neuron():
    plan = thalia.plan_of(thalia.loads(shared(10)))

    (group,) = [group for group in plan.groups if group.part == "lif_current"]

    assert [equation.name for equation in group.equations() if "theta" in equation.name] == [
        "bcm_theta"
    ]
    assert {
        s for synapses in plan.synapses for member in synapses.members for s in member.states
    } == {"bcm"}


def test_other_numbers_for_the_threshold_make_another_one():
    plan = thalia.plan_of(thalia.loads(shared(10, tau="7 s")))

    (group,) = [group for group in plan.groups if group.part == "lif_current"]

    assert [e.name for e in group.equations() if "theta" in e.name] == ["bcm_theta", "bcm_2_theta"]


def test_a_learning_rate_of_its_own_leaves_the_threshold_shared():
    plan = thalia.plan_of(thalia.loads(shared(10, first=", eta: 0.5")))

    assert {
        s for synapses in plan.synapses for member in synapses.members for s in member.states
    } == {"bcm"}

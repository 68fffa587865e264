"""The Izhikevich neuron begins to fire at the rheobase of its quadratic, fires when its equations say, and bears any conductance."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

CIRCUIT = """
thalia: 1
name: one
duration: 1500 ms
dt: 0.5 ms
populations: {{cell: {{neuron: izhikevich, size: 1}}}}
stimuli: {{drive: {{kind: current, target: cell, amplitude: {current} pA}}}}
"""
RHEOBASE = (0.7 * 20 - 2) ** 2 / (
    4 * 0.7
)  # pA: (k (v_t - v_r) + b)^2 / (4 k), regular-spiking cell
# a projection cell of the striatum of 15 pF, and how much conductance opens in it at 10 ms
SMALL = """
thalia: 1
name: small
duration: 100 ms
dt: {dt} ms
populations:
  source: {{neuron: spike_source, size: 1}}
  cell:
    neuron: izhikevich
    size: 1
    parameters: {{c_m: 15.2 pF, k: 1 nS/mV, v_r: -80 mV, v_t: -29.7 mV, a: 0.01 1/ms, b: -20 nS, c: -55 mV, d: 91 pA, v_peak: 40 mV}}
pathways:
  volley:
    pre: source
    post: cell
    connect: {{rule: all_to_all}}
    synapse: {{part: gaba_a, tau: 4 ms, e_rev: -60 mV}}
    weight: {weight} nS
    delay: 0.1 ms
stimuli:
  volley: {{kind: spikes, target: source, times: {{0: [10 ms]}}}}
  drive: {{kind: current, target: cell, amplitude: {current} pA}}
record: {{traces: {{v: {{population: cell, variables: [v], every: {dt} ms, neurons: 1}}}}}}
"""


@pytest.mark.parametrize(("factor", "fires"), [(0.97, False), (1.05, True)])
def test_it_fires_above_its_rheobase_only(simulate, factor, fires):
    assert (len(simulate(CIRCUIT.format(current=factor * RHEOBASE)).spikes["cell"]) > 0) is fires


def equations(time, state, current=800, weight=0, opens=0):
    """Of the small cell, whose conductance opens at some time; in ms, mV, pA and nS."""
    v, u = state
    conductance = weight * np.exp((opens - time) / 4)
    return ((v + 80) * (v + 29.7) + conductance * (-60 - v) + current - u) / 15.2, 0.01 * (
        -20 * (v + 80) - u
    )


def peak(_, state):
    return state[0] - 40


peak.terminal = True


def test_it_fires_when_its_equations_say(simulate):
    """As a solver of high order finds: a spike at the end of a step, so intervals within a few steps of 0.01 ms."""
    expected, state, now = [], np.array([-80.0, 0.0]), 0.0
    while (
        found := solve_ivp(
            equations, (now, 100), state, events=peak, method="DOP853", rtol=1e-10, atol=1e-8
        )
    ).status == 1:
        now = found.t[-1]
        expected.append(now / 1000)
        state = np.array([-55.0, found.y[1, -1] + 91])

    times = np.array(simulate(SMALL.format(dt=0.01, weight=0, current=800)).spikes["cell"].times)

    assert len(times) == len(expected) > 5
    np.testing.assert_allclose(np.diff(times), np.diff(expected), rtol=0, atol=7e-5)


def error(simulate, dt):
    """How far steps of some length (ms) are from a solver of high order while 30 nS decay in the cell, in mV."""
    run = simulate(SMALL.format(dt=dt, weight=30, current=0))
    times, v = run.traces["v"].time * 1000, run.traces["v"]["v"][:, 0]
    opens = 10.1 + dt
    after = times > opens + dt / 2
    span, settings = (opens, times[-1]), {"method": "DOP853", "rtol": 1e-10, "atol": 1e-8}
    expected = solve_ivp(
        equations, span, (-80, 0), args=(0, 30, opens), t_eval=times[after], **settings
    ).y[0]
    return np.abs(v[after] - expected).max()


def test_half_the_step_leaves_a_quarter_of_the_error_or_less(simulate):
    assert error(simulate, 0.1) / error(simulate, 0.05) > 3.8


@pytest.mark.parametrize("weight", [30, 300, 3000])
def test_a_conductance_of_any_size_pulls_it_to_its_reversal(simulate, weight):
    """An explicit step of 0.1 ms is unstable above 300 nS in 15 pF. This one overshoots by less than a third of the way."""
    run = simulate(SMALL.format(dt=0.1, weight=weight, current=0))
    v = run.traces["v"]["v"][:, 0]

    assert len(run.spikes["cell"]) == 0
    assert v.min() > -80.1
    assert -75 < v.max() < -52


FAST = """
thalia: 1
name: fast
duration: 100 ms
dt: {dt} ms
populations:
  cells: {{neuron: izhikevich, size: 20, parameters: {{c_m: 20 pF, k: 1 nS/mV, v_r: -55 mV, v_t: -40 mV, v_peak: 25 mV, a: 0.2 1/ms, b: 8 nS, c: -45 mV, d: 100 pA}}}}
stimuli: {{drive: {{kind: current, target: cells, amplitude: "spread(400 pA, 2000 pA)"}}}}
record: {{spikes: all, traces: {{all: {{population: cells, variables: [u], every: {dt} ms}}}}}}
"""


def test_a_step_across_the_upstroke_leaves_the_recovery_a_number(simulate):
    """A fast-spiking cell with steps that are too long: it fires nearly as often, not four times and never again.

    Its recovery stays near b (v_peak - v_r) + d, 0.74 nA; it had read a potential at infinity, and was 45 mA.
    """
    fine, coarse = (simulate(FAST.format(dt=dt), backend="runtime") for dt in (0.02, 0.5))

    assert coarse.rates["cells"] == pytest.approx(fine.rates["cells"], rel=0.4)
    assert np.abs(coarse.traces["all"]["u"]).max() < 1500

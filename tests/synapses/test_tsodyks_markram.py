"""Short-term plasticity releases what the closed forms say, in either convention, and what NEST's model does."""

from math import exp

import numpy as np
import pytest

import thalia

TEXT = """
thalia: 1
name: release
duration: {duration} ms
dt: 0.1 ms
populations:
  pre: {{neuron: spike_source, size: 1}}
  cell: {{neuron: lif_current, size: 1}}
pathways:
  p: {{pre: pre, post: cell, connect: {{rule: all_to_all}}, synapse: [{release}, {{part: current_exp, tau: 0.2 ms}}],
       weight: 1 pA, delay: 0.1 ms}}
stimuli:
  train: {{kind: spikes, target: pre, times: {{0: [{times}]}}}}
record:
  traces: {{cell: {{population: cell, variables: [current_exp_i], every: 0.1 ms}}}}
"""
SETS = {
    (0.5, 800, 0.001): [0.1811, 0.1051, 0.0571, 0.0298, 0.0241, 0.0123],
    (0.03, 130, 530): [0.0874, 0.1347, 0.1655, 0.1388, 0.1218, 0.0709],
    (0.04, 100, 1000): [0.1816, 0.2587, 0.2694, 0.1956, 0.1669, 0.0930],
    (0.2, 200, 1500): [0.4805, 0.3572, 0.2150, 0.1166, 0.0947, 0.0487],
    (0.29, 902, 53): [0.1348, 0.0862, 0.0499, 0.0267, 0.0216, 0.0110],
    (0.0192, 559, 623): [0.0576, 0.0731, 0.0640, 0.0402, 0.0333, 0.0175],
}
RATES = [5, 10, 20, 40, 50, 100]
FIRST_TEN = {
    "depressing": [
        0.5,
        0.26515,
        0.15483,
        0.10302,
        0.07868,
        0.06725,
        0.06188,
        0.05936,
        0.05818,
        0.05762,
    ],
    "facilitating": [
        0.03,
        0.05533,
        0.07574,
        0.09178,
        0.10428,
        0.11406,
        0.12181,
        0.12806,
        0.13319,
        0.13747,
    ],
}


def released(simulate, release, times, **options):
    """What each of some spikes delivers, in parts of the weight."""
    text = TEXT.format(
        release=release, duration=max(times) + 5, times=", ".join(f"{t:.1f} ms" for t in times)
    )
    current = simulate(text, **options).traces["cell"]["current_exp_i"][:, 0]
    arrival = np.rint(np.array(times) * 10).astype(int)
    left = current[arrival + 1] * exp(-0.5)  # of earlier spikes, a step later
    return (current[arrival + 2] - left) / 1.0


@pytest.mark.parametrize("preset", FIRST_TEN)
@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_the_first_ten_of_twenty_hertz(simulate, preset, backend):
    amounts = released(
        simulate,
        f"{{part: tsodyks_markram, preset: {preset}}}",
        [10 + 50 * k for k in range(10)],
        backend=backend,
    )

    assert amounts == pytest.approx(FIRST_TEN[preset], abs=2e-5)


@pytest.mark.parametrize("numbers", [*SETS][:3])
def test_the_steady_state_at_twenty_hertz(simulate, numbers):
    """u x after many spikes: u = U/(1-(1-U)e^(-T/tau_fac)), x = (1-e^(-T/tau_rec))/(1-(1-u)e^(-T/tau_rec))."""
    baseline, tau_rec, tau_fac = numbers
    release = f"{{part: tsodyks_markram, baseline: {baseline}, tau_rec: {tau_rec} ms, tau_fac: {tau_fac} ms}}"

    amounts = released(simulate, release, [10 + 50 * k for k in range(120)], backend="cpp")

    u = baseline / (1 - (1 - baseline) * exp(-50 / tau_fac))
    x = (1 - exp(-50 / tau_rec)) / (1 - (1 - u) * exp(-50 / tau_rec))
    assert amounts[-1] == pytest.approx(u * x, rel=1e-3)
    assert amounts[-1] == pytest.approx(SETS[numbers][2], abs=1e-4)


def test_the_other_convention_releases_before_utilisation_rises(simulate):
    """The first spike uses U; then u relaxes to U, not to zero."""
    baseline, tau_rec, tau_fac = 0.2, 300, 500
    release = f"{{part: tsodyks_markram_baseline, baseline: {baseline}, tau_rec: {tau_rec} ms, tau_fac: {tau_fac} ms}}"

    amounts = released(simulate, release, [10, 40, 140])

    u, x, expected = baseline, 1.0, []
    for interval in (30, 100, 0):
        expected.append(u * x)
        x -= u * x
        u += baseline * (1 - u)
        x = 1 - (1 - x) * exp(-interval / tau_rec)
        u = baseline + (u - baseline) * exp(-interval / tau_fac)
    assert amounts == pytest.approx(expected, rel=1e-5)


def test_plasticity_off_does_not_freeze_release(simulate):
    """Short-term plasticity is how the synapse transmits, not what it learns."""
    text = TEXT.format(release="tsodyks_markram", duration=100, times="10 ms, 20 ms")
    text = text.replace(
        "duration: 100 ms", "phases: [{name: test, duration: 100 ms, plasticity: off}]"
    )

    current = simulate(text).traces["cell"]["current_exp_i"][:, 0]

    assert current[202] < 0.6 * current[102]


@pytest.mark.peer
def test_the_release_is_that_of_nest(simulate):
    """NEST 3.10 tsodyks2_synapse, irregular spikes: the jumps of a current-driven neuron's input."""
    nest = pytest.importorskip("nest")
    times = [10.0, 31.0, 36.5, 80.2, 81.9, 140.0, 300.0, 310.4]
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = 0.1
    source = nest.Create("spike_generator", params={"spike_times": [t - 1 for t in times]})
    relay, cell = (
        nest.Create("parrot_neuron"),
        nest.Create("iaf_psc_exp", params={"tau_syn_ex": 0.2}),
    )
    nest.Connect(source, relay, syn_spec={"delay": 0.9})
    numbers = {"U": 0.2, "u": 0.2, "x": 1.0, "tau_rec": 200.0, "tau_fac": 1500.0}
    nest.Connect(
        relay,
        cell,
        syn_spec={"synapse_model": "tsodyks2_synapse", "weight": 1.0, "delay": 0.1, **numbers},
    )
    meter = nest.Create("multimeter", params={"record_from": ["I_syn_ex"], "interval": 0.1})
    nest.Connect(meter, cell)
    nest.Simulate(330.0)
    current = np.array(meter.events["I_syn_ex"])
    jumps = np.diff(current)
    left = current[:-1] * exp(-0.5)
    at = np.flatnonzero(jumps > 1e-6)
    jumps = np.array([*current[:1][current[:1] > 0], *(current[1:] - left)[at]])

    amounts = released(simulate, "{part: tsodyks_markram, preset: prefrontal}", times)

    assert amounts == pytest.approx(jumps, rel=1e-3)


@pytest.mark.parametrize("tau_fac", ["1 us", "0.1 us"])
def test_facilitation_that_is_over_at_once_costs_no_passes_over_synapses(tau_fac):
    """A trace kept in units that grow must be brought back before these overflow."""
    release = f"{{part: tsodyks_markram, tau_fac: {tau_fac}}}"
    plan = thalia.plan_of(thalia.loads(TEXT.format(release=release, duration=20, times="1 ms")))

    assert plan.flush_interval * plan.dt == 0 or plan.flush_interval * plan.dt >= 0.1
    assert plan.synapses[0].forms["tsodyks_markram_u"].startswith("event-driven")

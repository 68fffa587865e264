"""A neuron rests for its refractory period in whole steps after that of its spike, as in NEST."""

import numpy as np
import pytest

import thalia
from thalia.library import lookup

# parameters with which a neuron is above its threshold whenever it is not refractory
ALWAYS_ABOVE = {
    "adex": {"v_peak": "-1 V"},
    "adex_spike": {"v_peak": "-1 V"},
    "hodgkin_huxley": {"v_spike": "-1 V"},
    "latency": {"rate": "1 MHz"},
    "lif_adaptive_threshold": {"v_th": "-1 V"},
    "lif_burst": {"v_th": "-1 V"},
    "lif_conductance": {"v_th": "-1 V"},
    "lif_current": {"v_th": "-1 V"},
    "lif_plateau": {"v_th": "-1 V"},
    "liquid": {"v_th": "-1 V"},
    "two_compartment": {"v_th": "-1 V"},
}
# dt is 0.1 ms; the middle of two steps counts as the higher number
STEPS = {"0 ms": 0, "0.04 ms": 0, "0.1 ms": 1, "0.25 ms": 3, "0.35 ms": 4, "2 ms": 20}


def firing(neurons, **more):
    """Neurons that fire as often as they can, a population for each model and period."""
    populations = {
        f"{neuron}_{index}": {
            "neuron": neuron,
            "size": 1,
            "parameters": {**ALWAYS_ABOVE[neuron], period_of(neuron): period},
        }
        for neuron in neurons
        for index, period in enumerate(STEPS)
    }
    return thalia.Circuit(
        name="firing", duration="10 ms", dt="0.1 ms", populations=populations, **more
    )


def period_of(neuron):
    """The parameter that is the refractory period."""
    return lookup.find("neurons", neuron)[0].refractory


def intervals(run, population):
    """The intervals of a population's only neuron, in steps, each once."""
    return set(np.rint(np.diff(run.spikes[population].times) / 1e-4).astype(int))


def test_every_neuron_with_a_refractory_period_is_here():
    assert [name for name in lookup.names("neurons") if period_of(name)] == [*ALWAYS_ABOVE]


@pytest.mark.parametrize(
    ("backend", "neurons"), [("runtime", [*ALWAYS_ABOVE]), ("cpp", ["lif_conductance", "adex"])]
)
def test_the_next_spike_is_a_step_after_the_refractory_period(tmp_path, backend, neurons):
    run = thalia.run(firing(neurons), backend=backend, output=tmp_path / "run.h5")

    found = {name: intervals(run, name) for name in run.spikes}
    assert found == {
        f"{neuron}_{index}": {steps + 1}
        for neuron in neurons
        for index, steps in enumerate(STEPS.values())
    }


def test_a_potential_that_is_held_takes_no_input_and_then_takes_it(simulate):
    """A spike in step 61, a period of 10 steps, and jumps that arrive in steps 60 to 74."""
    trains = ", ".join(f"{k}: [{5 + k / 10:.1f} ms]" for k in range(15))
    text = f"""
thalia: 1
name: held
duration: 10 ms
populations:
  force: {{neuron: spike_source, size: 1}}
  probe: {{neuron: spike_source, size: 15}}
  cell: {{neuron: lif_current, size: 15, parameters: {{t_ref: 1 ms, tau_m: 1000 s}}}}
pathways:
  force: {{pre: force, post: cell, connect: {{rule: all_to_all}}, synapse: delta, weight: 20 mV, delay: 1 ms}}
  probe: {{pre: probe, post: cell, connect: {{rule: one_to_one}}, synapse: delta, weight: 5 mV, delay: 1 ms}}
stimuli:
  force: {{kind: spikes, target: force, times: {{0: [5 ms]}}}}
  probe: {{kind: spikes, target: probe, times: {{{trains}}}}}
record: {{traces: {{v: {{population: cell, variables: [v], every: 9 ms, neurons: 15}}}}}}
"""
    run = simulate(text)

    assert set(np.rint(run.spikes["cell"].times * 1e4).astype(int)) == {61}
    arrivals = np.arange(60, 75)
    expected = np.where(arrivals > 61 + 10, -60, -65)
    assert run.traces["v"]["v"][1] == pytest.approx(expected, abs=0.01)


# what arrives while the neuron rests: NEST counts a step from its end, and Thalia from its beginning
ARRIVING = """
thalia: 1
name: arriving
duration: 100 ms
populations:
  given: {{neuron: spike_source, size: 1}}
  cell: {{neuron: lif_current, size: 1, parameters: {{t_ref: {period} ms}}}}
pathways:
  p: {{pre: given, post: cell, connect: {{rule: all_to_all}}, synapse: {{part: current_exp, tau: 2 ms}}, weight: 400 pA, delay: 1 ms}}
stimuli:
  bias: {{kind: current, target: cell, amplitude: 700 pA}}
  train: {{kind: spikes, target: given, times: {{0: [{times}]}}}}
"""
TIMES = [5.0 + 0.7 * k for k in range(100)]
MULTIPLICITIES = [1 + k % 3 for k in range(100)]


@pytest.mark.peer
@pytest.mark.parametrize("period", [0.1, 0.5, 2.0, 5.3])
def test_it_fires_in_the_steps_of_nest(simulate, period):
    """With spikes that arrive at any moment of the refractory period, one to three in a step."""
    pairs = zip(TIMES, MULTIPLICITIES, strict=True)
    times = [f"{time - 0.1:.1f} ms" for time, several in pairs for _ in range(several)]

    run = simulate(ARRIVING.format(period=period, times=", ".join(times)))

    steps = np.rint(run.spikes["cell"].times * 1e4).astype(int) + 1
    assert len(steps) > 8
    assert steps.tolist() == in_nest(period)


def in_nest(period):
    """The steps in which NEST's iaf_psc_exp fires."""
    nest = pytest.importorskip("nest")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = 0.1
    cell = nest.Create("iaf_psc_exp", params={
        "C_m": 250.0, "tau_m": 10.0, "E_L": -65.0, "V_m": -65.0, "V_th": -50.0, "V_reset": -65.0,
        "t_ref": period, "tau_syn_ex": 2.0, "I_e": 700.0,
    })  # fmt: skip
    train = {"spike_times": TIMES, "spike_multiplicities": MULTIPLICITIES}
    source = nest.Create("spike_generator", params=train)
    nest.Connect(source, cell, syn_spec={"weight": 400.0, "delay": 1.0})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cell, recorder)
    nest.Simulate(100.0)
    return np.rint(recorder.events["times"] * 10).astype(int).tolist()

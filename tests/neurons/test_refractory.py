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

"""What one spike does through each synapse is its closed form, sample by sample."""

from math import exp

import numpy as np
import pytest

CIRCUIT = """
thalia: 1
name: kick
duration: {duration} ms
dt: {dt} ms
populations:
  source: {{neuron: spike_source, size: 1}}
  cell: {{neuron: {neuron}, size: 1, parameters: {parameters}}}
pathways:
  p: {{pre: source, post: cell, connect: {{rule: one_to_one}}, synapse: {synapse}, weight: {weight}, delay: 1 ms}}
stimuli: {{given: {{kind: spikes, target: source, times: {{0: [10 ms]}}}}}}
record: {{traces: {{x: {{population: cell, variables: [{variable}], every: 0.1 ms, neurons: 1}}}}}}
"""
ARRIVAL = 11.1  # ms: fired in the step at 10 ms, 1 ms under way, seen from the next step on


def response(
    simulate, synapse, weight, variable, duration=60, neuron="lif_current", parameters="{}", dt=0.1
):
    text = CIRCUIT.format(**{k: v for k, v in locals().items() if k != "simulate"})
    traces = simulate(text).traces["x"]
    return traces.time * 1e3 - ARRIVAL + 0.1 - dt, traces[variable][:, 0]


def biexponential(t, rise, decay):
    """Difference of exponentials with a peak of one."""
    peak = rise * decay / (decay - rise) * np.log(decay / rise)
    shape = lambda s: np.exp(-s / decay) - np.exp(-s / rise)  # noqa: E731
    return shape(t) / shape(peak)


SHAPES = {
    "current_exp": ("100 pA", "current_exp_i", 60, lambda t: 100 * np.exp(-t / 0.5)),
    "current_alpha": ("100 pA", "current_alpha_i", 60, lambda t: 100 * t / 2 * np.exp(1 - t / 2)),
    "ampa": ("2 nS", "ampa_g", 60, lambda t: 2 * np.exp(-t / 5)),
    "gaba_a": ("2 nS", "gaba_a_g", 60, lambda t: 2 * np.exp(-t / 10)),
    "gaba_b": ("2 nS", "gaba_b_g", 400, lambda t: 2 * biexponential(t, 60, 200)),
    "nmda": ("2 nS", "nmda_g", 300, lambda t: 2 * biexponential(t, 2, 100)),
}


@pytest.mark.parametrize("synapse", SHAPES)
def test_the_time_course_is_the_closed_form(simulate, synapse):
    """From the arrival on."""
    weight, variable, duration, shape = SHAPES[synapse]

    t, values = response(simulate, synapse, weight, variable, duration)

    late = t > -1e-6
    assert (values[~late] == 0).all()
    assert values[late] == pytest.approx(shape(t[late]), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("synapse", "rise", "decay"), [("ampa_dual", 1.3, 9.5), ("gaba_a_dual", 0.3, 3.3)]
)
def test_a_fast_rise_is_the_closed_form_at_any_step(simulate, synapse, rise, decay):
    t, values = response(simulate, synapse, "2 nS", f"{synapse}_g", 40)

    late = t > -1e-6
    assert values[late] == pytest.approx(2 * biexponential(t[late], rise, decay), abs=1e-5)


def test_delta_moves_the_potential_by_its_weight(simulate):
    t, v = response(simulate, "delta", "3 mV", "v")

    late = t > -1e-6
    assert v[late] == pytest.approx(-65 + 3 * np.exp(-t[late] / 10), abs=1e-4)


def test_magnesium_blocks_nmda_as_jahr_and_stevens_measured(simulate):
    """1/(1 + [Mg]/3.57 mM exp(-0.062 v/mV)): the ratio of deflections at -70 and -20 mV, for a tiny weight."""

    def block(v):
        return 1 / (1 + exp(-0.062 * v) / 3.57)

    peaks = []
    for v in (-70, -20):
        parameters = f"{{e_l: {v} mV, v_th: 100 mV, g_l: 10 nS}}"
        _, values = response(simulate, "nmda", "0.001 nS", "v", 100, "lif_conductance", parameters)
        peaks.append(values.max() - values[0])

    assert peaks[0] / peaks[1] == pytest.approx(70 * block(-70) / (20 * block(-20)), rel=0.03)

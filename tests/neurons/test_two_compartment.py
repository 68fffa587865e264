"""The calcium spike of an apical dendrite: a burst where soma and dendrite are driven together, by neither alone, and it ends."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import thalia
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError
from thalia.library import lookup
from thalia.syntax.equations import evaluate

CIRCUIT = """
thalia: 1
name: bac
duration: 600 ms
dt: 0.1 ms
populations: {{cell: {{neuron: two_compartment, size: 1}}}}
stimuli:
  soma: {{kind: current_pulses, target: cell, amplitude: {soma} pA, start: 50 ms, width: 5 ms, period: 10 s}}
  dendrite: {{kind: current_pulses, target: cell, compartment: apical, amplitude: {dendrite} pA, start: 52 ms, width: {width} ms, period: {period} ms}}
record: {{traces: {{x: {{population: cell, variables: [v, v_apical], every: 1 ms, neurons: 1}}}}}}
"""


def response(simulate, soma=0.0, dendrite=0.0, width=20.0, period=10_000.0):
    numbers = {k: v for k, v in locals().items() if k != "simulate"}
    run = simulate(CIRCUIT.format(**numbers), backend="cpp")  # one program for all numbers
    return run.spikes["cell"].times * 1e3, run.traces["x"]["v_apical"][:, 0]


def test_a_spike_of_the_soma_alone_stays_alone(simulate):
    times, apical = response(simulate, soma=2200)

    assert len(times) == 1
    assert (
        -60 < apical.max() < -40
    )  # the spike comes back into the dendrite and does not set it off


def test_input_to_the_dendrite_alone_brings_no_spike(simulate):
    times, apical = response(simulate, dendrite=400)

    assert len(times) == 0
    assert apical.max() < -50


def test_both_together_make_a_burst(simulate):
    """Larkum, Zhu & Sakmann (1999): two or three spikes within 30 ms, on a calcium spike of tens of ms, half the dendrite's own threshold."""
    times, apical = response(simulate, soma=2200, dendrite=400)

    assert 2 <= len(times) <= 4
    assert np.ptp(times) < 30
    assert 15 < (apical > -38).sum() < 60
    assert len(response(simulate, dendrite=800)[0]) >= 1  # which alone needs twice as much


def test_a_dendrite_is_armed_again(simulate):
    """The same input 200 ms later has the same effect."""
    times, apical = response(simulate, dendrite=800, period=200)

    bursts = [times[(times > start) & (times < start + 100)] - start for start in (52, 252, 452)]
    assert bursts[1] == pytest.approx(bursts[2], abs=1)
    assert len(bursts[0]) == len(bursts[1])
    assert apical[250] == pytest.approx(-70, abs=1)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(soma=st.floats(0, 5000), dendrite=st.floats(0, 5000), width=st.floats(1, 200))
def test_no_calcium_spike_outlasts_its_cause(simulate, soma, dendrite, width):
    """150 ms after all input the dendrite is at rest: nothing latches (which the published rule of another system did)."""
    times, apical = response(simulate, soma, dendrite, width)

    assert np.abs(apical[int(52 + width + 150) :] + 70).max() < 3
    assert (times < 52 + width + 100).all()


def test_inhibition_of_the_dendrite_leaves_the_single_spike(simulate):
    """A synapse on the apical compartment acts there, through its potential, and not on the soma."""
    text = CIRCUIT.format(soma=2200, dendrite=400, width=20, period=10_000).replace(
        "populations: {", "populations: {source: {neuron: spike_source, size: 1}, "
    )
    text += """
pathways: {p: {pre: source, post: cell, connect: {rule: all_to_all}, synapse: gaba_a, compartment: apical, weight: 60 nS, delay: 1 ms}}
"""
    text = text.replace(
        "stimuli:",
        "stimuli:\n  inhibition: {kind: spikes, target: source, times: {0: [52 ms, 57 ms, 62 ms]}}",
    )

    run = simulate(text)

    assert len(run.spikes["cell"]) == 1
    assert run.traces["x"]["v_apical"].max() < -40


@pytest.mark.parametrize(("factor", "calcium"), [(0.5, False), (1.05, True)])
def test_a_calcium_spike_begins_at_the_rheobase_of_the_compartment(simulate, factor, calcium):
    """A constant current for 300 ms; between the two a step, to which the potassium current is late, may set it off."""
    part = lookup.find("neurons", "two_compartment")[0]
    numbers = {name: parameter.default.mean for name, parameter in part.parameters.items()}
    current = evaluate(part.compartments["apical"].rheobase.current, numbers) * 1e12

    _, apical = response(simulate, dendrite=factor * current, width=300)

    assert bool(apical.max() > -38) == calcium


def test_a_drive_at_a_compartment_is_a_share_of_its_rheobase():
    """Share x rheobase / (rate x 5 ms x distance to reversal), by hand: 648 pA at -44.7 mV."""
    text = """
thalia: 1
name: driven
duration: 1 s
populations: {cell: {neuron: two_compartment, size: 1}}
stimuli: {noise: {kind: poisson, target: cell, compartment: apical, rate: 10 Hz, weight: "drive(0.5, 10 Hz)"}}
"""
    weight = plan_of(thalia.loads(text)).drives[0].members[0].weight.mean

    root = np.sqrt(1 - 4 * (170 / 7 + 13) * 6 / 1200)
    at = -38 + 6 * np.log((1 - root) / (1 + root))
    current = (170 / 7 + 13) * (at + 70) - 1200 * (1 - root) / 2
    assert (at, current) == (pytest.approx(-44.66, abs=0.01), pytest.approx(648, abs=1))
    assert weight * 1e9 == pytest.approx(0.5 * current / (10 * 0.005 * -at))


def test_a_drive_is_refused_where_no_rheobase_is_known():
    text = """
thalia: 1
name: driven
duration: 1 s
populations: {readout: {neuron: leaky_readout, size: 2}, cell: {neuron: lif_surrogate, size: 1}}
pathways: {p: {pre: readout, post: cell, connect: {rule: all_to_all}, synapse: graded, compartment: teaching, weight: "drive(0.5, 10 Hz)"}}
"""
    with pytest.raises(
        CircuitError,
        match=r"pathways.p.weight: 'lif_surrogate' at teaching defines no rheobase",
    ):
        plan_of(thalia.loads(text))

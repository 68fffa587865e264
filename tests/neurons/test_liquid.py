"""The time constant that input shortens, and the potential that it pulls towards, by their closed forms."""

import numpy as np
import pytest

CIRCUIT = """
thalia: 1
name: liquid
duration: 300 ms
populations: {cell: {neuron: liquid, size: 1, parameters: {v_th: THRESHOLD}}}
stimuli: {step: {kind: current, target: cell, amplitude: AMPLITUDE pA}}
record: {traces: {v: {population: cell, variables: [v], every: 0.1 ms}}}
"""


def gate(amplitude):
    return 4 / (1 + np.exp((200 - amplitude) / 40))


@pytest.mark.parametrize("amplitude", [0, 150, 260])
def test_it_relaxes_to_its_steady_state_with_its_liquid_time_constant(simulate, amplitude):
    run = simulate(CIRCUIT.replace("AMPLITUDE", str(amplitude)).replace("THRESHOLD", "0 mV"))
    v, time = run.traces["v"]["v"][:, 0], np.arange(3000) * 1e-4

    pull = gate(amplitude)
    rest = (-65 + pull * -35) / (1 + pull)
    assert v == pytest.approx(rest + (-65 - rest) * np.exp(-time * (1 + pull) / 0.05), abs=0.02)


@pytest.mark.parametrize("amplitude", [150, 260])
def test_without_shunt_the_same_drive_leaves_the_time_constant(simulate, amplitude):
    circuit = CIRCUIT.replace("v_th: THRESHOLD", "v_th: 1 V, shunt: 0")
    run = simulate(circuit.replace("AMPLITUDE", str(amplitude)))
    v, time = run.traces["v"]["v"][:, 0], np.arange(3000) * 1e-4

    assert v == pytest.approx(-65 + gate(amplitude) * 30 * (1 - np.exp(-time / 0.05)), abs=0.02)


def test_it_fires_at_the_closed_form_of_its_interval(simulate):
    run = simulate(CIRCUIT.replace("AMPLITUDE", "260").replace("THRESHOLD", "-50 mV"))

    pull = gate(260)
    rest = (-65 + pull * -35) / (1 + pull)
    interval = 0.002 + 0.05 / (1 + pull) * np.log((-65 - rest) / (-50 - rest))
    assert np.diff(run.spikes["cell"].times) == pytest.approx(interval, abs=0.00021)

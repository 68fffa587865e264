"""Stimuli: a key or a rate that cannot act is refused, whatever kind of stimulus it is given to."""

import re

import numpy as np
import pytest

import thalia
from thalia.circuit.part_use import Stimulus
from thalia.compiler.pipeline import plan_of
from thalia.connectivity.neurons import positions
from thalia.errors import CircuitError
from thalia.library.lookup import find, names

KINDS = {name: find("stimuli", name)[0] for name in names("stimuli")}
TEXTS = {
    "compartment": "apical", "synapse": "ampa", "weight": "1 nS", "number": 3, "file": "x.csv", "population": "x",
    "times": {0: ["1 ms"]}, "values": ["1 pA"], "unit": "pA", "dt": "1 ms", "after": "zero", "array": "x",
}  # fmt: skip


def circuit_with(stimulus: dict, neuron: str = "two_compartment") -> thalia.Circuit:
    return thalia.Circuit(
        name="x", duration="10 ms", populations={"p": {"neuron": neuron, "size": 2}},
        stimuli={"s": {"target": "p", **stimulus}},
    )  # fmt: skip


def problems_of(circuit: thalia.Circuit) -> str:
    try:
        plan_of(circuit)
    except CircuitError as error:
        return str(error)
    return ""


def test_every_key_of_a_stimulus_is_used_by_some_kind():
    keys = {*Stimulus.model_fields} - {"kind", "target", "parameters"}

    assert keys == set().union(*(kind.keys for kind in KINDS.values())) == {*TEXTS, "neurons"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", TEXTS)
def test_a_key_is_refused_where_the_kind_does_not_use_it(kind, key):
    told = problems_of(circuit_with({"kind": kind, key: TEXTS[key]}))

    refused = f"stimuli.s.{key}: a stimulus of kind '{kind}' does not use '{key}'"
    assert (refused in told) == (key not in KINDS[kind].keys)


@pytest.mark.parametrize("key", ["weight", "number", "synapse"])
def test_a_source_that_reads_rates_uses_nothing_but_the_rate(key):
    told = problems_of(circuit_with({"kind": "poisson", key: TEXTS[key]}, "regular"))

    assert f"p reads the rate itself, and does not use '{key}'" in told


def test_own_kinds_may_prescribe_spikes():
    own = {"played": {"summary": "Spikes.", "spikes": True}}
    spikes = {"target": "p", "kind": "played", "times": {1: ["2 ms"]}}
    plan = plan_of(circuit_with(spikes, "spike_source").with_(stimulus_kinds=_kinds(own)))

    assert plan.playbacks[0].times == (0.002,)


def _kinds(own: dict) -> dict:
    return thalia.Circuit(name="x", stimulus_kinds=own).stimulus_kinds


SHEET = """
thalia: 1
name: sheet
duration: 200 ms
dt: 0.1 ms
neurons:
  integrator:
    summary: "The charge that has arrived, as a voltage."
    parameters: {c_m: {default: 1 nF, meaning: capacitance, source: chosen here}}
    equations: "dv/dt = input_current/c_m : volt"
    threshold: 0 > 1
stimulus_kinds:
  wave: {summary: A standing wave., parameters: {amplitude: {default: 1 pA, meaning: amplitude, source: chosen here}}, current: amplitude*sin(2*pi*x/mm)*cos(2*pi*y/mm)*int(t < 50*ms)}
populations:
  line: {neuron: integrator, size: 50, space: {layout: grid, extent: 1 mm, periodic: true}}
  plane: {neuron: integrator, size: 60, space: {extent: [1 mm, 2 mm]}}
  flat: {neuron: integrator, size: 30}
  sources: {neuron: poisson, size: 20, space: {extent: 1 mm}}
stimuli:
  still: {kind: current_bump, target: line, amplitude: 100 pA, centre: 0.95 mm, width: 100 um, start: 10 ms, duration: 100 ms, around: 1 mm}
  wave: {kind: wave, target: {population: plane, neurons: "x < 0.5 mm"}, amplitude: 20 pA}
  slice: {kind: current, target: {population: flat, neurons: "5:10"}, amplitude: 10 pA}
  listed: {kind: current_pulses, target: {population: flat, neurons: [20, 22]}, amplitude: 10 pA, start: 0 ms, width: 10 ms, period: 1 s}
  volleys: {kind: poisson, target: {population: flat, neurons: "i >= 25"}, rate: 2 kHz, synapse: {part: current_exp, tau: 1 ms}, weight: 1 nA}
  rates: {kind: poisson, target: {population: sources, neurons: "x > 0.3 mm"}, rate: 400 Hz}
  bump: {kind: poisson_bump, target: line, rate: 5 kHz, centre: 0.25 mm, width: 20 um, start: 0 ms, duration: 200 ms, synapse: {part: current_exp, tau: 1 ms}, weight: 0.001 pA}
record:
  traces: {line: {population: line, variables: [v], every: 199.9 ms, neurons: all}, plane: {population: plane, variables: [v], every: 199.9 ms, neurons: all}, flat: {population: flat, variables: [v], every: 199.9 ms, neurons: all}}
"""


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """The run, and the charge of each neuron at its end in coulomb, by population."""
    file = tmp_path_factory.mktemp("runs") / "sheet.h5"
    run = thalia.run(thalia.loads(SHEET), backend="runtime", output=file)
    volts = {name: run.traces[name]["v"][-1] * 1e-3 for name in ("line", "plane", "flat")}
    return run, {name: found * 1e-9 for name, found in volts.items()}


def places_of(name: str) -> np.ndarray:
    population = thalia.loads(SHEET).populations[name]
    return positions(name, population.size, population.space, 1)


def test_a_bump_falls_off_as_a_gaussian_around_a_ring(sheet):
    """100 pA for 100 ms at its centre; Poisson input adds less than 1e-5 of that."""
    distance = np.abs(places_of("line")[:, 0] - 0.95e-3)
    distance = np.minimum(distance, 1e-3 - distance)

    expected = 10e-12 * np.exp(-(distance**2) / (2 * (0.1e-3) ** 2))
    assert sheet[1]["line"] == pytest.approx(expected, abs=5e-15)


def test_own_kinds_read_the_coordinates_of_the_neurons_that_a_condition_chooses(sheet):
    x, y = places_of("plane").T * 1e3

    expected = np.where(x < 0.5, 20e-12 * 50e-3 * np.sin(2 * np.pi * x) * np.cos(2 * np.pi * y), 0)
    assert sheet[1]["plane"] == pytest.approx(expected, abs=1e-18, rel=1e-5)


def test_stimuli_reach_the_neurons_that_are_chosen_and_no_others(sheet):
    """10 pA for 199.9 ms, for 10 ms, and about 400 spikes of 1 pC each."""
    charge = sheet[1]["flat"]
    steady = np.isin(np.arange(30), range(5, 10))
    pulsed = np.isin(np.arange(30), [20, 22])

    assert charge[:25] == pytest.approx((steady * 1.999e-12 + pulsed * 0.1e-12)[:25], rel=1e-6)
    assert (np.abs(charge[25:] - 400e-12) < 5 * 20e-12).all()


def test_rates_reach_the_sources_that_are_chosen(sheet):
    fired = np.unique(sheet[0].spikes["sources"].neurons)

    assert np.array_equal(fired, np.flatnonzero(places_of("sources")[:, 0] > 0.3e-3))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target": {"population": "p", "neurons": "0:3"}}, "'0:3' goes beyond the 2 neurons"),
        ({"target": {"population": "p", "neurons": "x < 1 mm"}}, "no column 'x'"),
        ({"target": {"population": "p", "neurons": [2]}}, "there is no neuron 2"),
        ({"neurons": "0:1"}, "'neurons' belongs to the target of a stimulus"),
        ({"target": {"population": "p"}}, "a target of some neurons has 'population' and 'neurons'"),
        ({"kind": "current_bump"}, "'current_bump' reads 'x', and p has no such coordinate"),
        ({"kind": "spikes", "target": {"population": "p", "neurons": "0:1"}, "times": {0: ["1 ms"]}},
         "a stimulus of kind 'spikes' does not use 'neurons'"),
    ],
)  # fmt: skip
def test_targets_that_cannot_be_are_refused(changes, told):
    with pytest.raises(CircuitError, match=re.escape(told)):
        plan_of(circuit_with({"kind": "current", **changes}))


def test_a_target_of_some_neurons_is_the_same_after_it_is_written_and_read():
    circuit = thalia.loads(SHEET)

    assert thalia.loads(thalia.dumps(circuit)) == circuit
    assert circuit.stimuli["slice"].target == ("flat",)


@pytest.mark.parametrize("name", ["pre", "post", "drive_pre"])
def test_names_that_end_as_brian2_reserves_are_allowed(name, simulate):
    pulses = "{kind: current_pulses, target: cell, amplitude: 1 nA, start: 1 ms, width: 2 ms}"
    text = "thalia: 1\nname: names\nduration: 4 ms\npopulations: {cell: {neuron: lif_current, size: 1}}\n"

    run = simulate(f"{text}stimuli: {{{name}: {pulses}}}\n")

    assert len(run.spikes["cell"].times) == 0

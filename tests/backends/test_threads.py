"""Results do not depend on the number of threads, nor does a state in the middle of a run."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import thalia
from tests.simulation.test_resume import RULES, text
from thalia.backends.cpp.division import with_objects
from thalia.backends.threads import threads_available
from thalia.errors import CircuitError
from thalia.library import lookup
from thalia.simulation.verify_resume import verify
from thalia.toolchain.compiler import find_compiler

pytestmark = pytest.mark.skipif(not find_compiler(), reason="needs a C++ compiler")
DELAYS = ['"uniform(0.5 ms, 6 ms)"', "1.3 ms", "{axonal: 2 ms, dendritic: 1 ms}"]
SYNAPSES = ["current_exp", "[tsodyks_markram, current_exp]", "[dse, current_exp]"]


def large(rule, *more):
    """The circuit of a rule with so many neurons that every one of three threads has some."""
    small = text(rule, *more)
    return thalia.loads(
        small.replace("size: 12,", "size: 1200,")
        .replace("probability: 0.6", "probability: 0.006")
        .replace("size: 6,", "size: 1100,")
        .replace("probability: 0.4", "probability: 0.003")
    )


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(
            rule, marks=() if rule in {"bcm", "d1_stdp", "structural"} else pytest.mark.reference
        )
        for rule in RULES
    ],
)
def test_every_rule_has_the_same_bits_on_any_number_of_threads(rule):
    """As a whole on one, in pieces on two and three: spikes, weights, state, samples, and spikes in flight."""
    verdict = verify(large(rule, DELAYS[0]), backend="cpp", pieces=2, threads=(1, 2, 3))

    assert verdict.different == ()
    assert verdict.spikes > 1000


@pytest.mark.reference
@given(
    rule=st.sampled_from(RULES), delay=st.sampled_from(DELAYS), synapse=st.sampled_from(SYNAPSES),
    phases=st.integers(0, 1), seed=st.integers(0, 2**63 - 1), pieces=st.integers(2, 5),
    threads=st.lists(st.integers(1, 5), min_size=2, max_size=4),
)  # fmt: skip
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_circuits_have_the_same_bits_on_any_number_of_threads(
    rule, delay, synapse, phases, seed, pieces, threads
):
    circuit = large(rule, delay, synapse, phases, seed)

    verdict = verify(circuit, backend="cpp", pieces=pieces, threads=tuple(threads))

    assert verdict.different == ()


# every kind of stimulus, each on neurons of its own, and input that synapses transmit in every step
STIMULATED = """
thalia: 1
name: stimulated
duration: 40 ms
dt: 0.2 ms
synapses:
  continuous: {summary: "A current in every step.", weight: pA, neuron: "total : amp", current: total, in_every_step: total = w*signal_pre}
populations:
  one: {neuron: lif_current, size: 1000, initial: {v: "uniform(-65 mV, -51 mV)"}, space: {extent: [1 mm]}}
  two: {neuron: lif_current, size: 800, initial: {v: "uniform(-65 mV, -51 mV)"}, space: {extent: [1 mm]}}
  sources: {neuron: poisson, size: 900, parameters: {rate: 50 Hz}}
  given: {neuron: spike_source, size: 3}
  readout: {neuron: leaky_readout, size: 700}
pathways:
  coupled: {pre: two, post: two, connect: {probability: 0.01}, synapse: gap_junction, weight: "uniform(0.1 nS, 1 nS)"}
  across: {pre: two, post: readout, connect: {probability: 0.01}, synapse: gap_junction, weight: "uniform(0.1 nS, 1 nS)"}
  seen: {pre: [one, sources, given], post: readout, connect: {probability: 0.05}, synapse: current_exp, weight: 50 pA, delay: 1 ms}
  sent: {pre: readout, post: one, connect: {probability: 0.01}, synapse: continuous, weight: "uniform(0 pA, 1 pA)"}
stimuli:
  a: {kind: current, target: one, amplitude: "normal(300 pA, 30 pA)"}
  b: {kind: current_pulses, target: two, amplitude: 400 pA, start: 5 ms, width: 3 ms, period: 9 ms}
  c: {kind: current_bump, target: one, amplitude: 500 pA, centre: 500 um, start: 10 ms, duration: 20 ms}
  d: {kind: poisson, target: two, rate: 9 kHz, weight: 30 pA}
  e: {kind: poisson, target: one, rate: "uniform(0 Hz, 900 Hz)", weight: 60 pA}
  f: {kind: poisson_sine, target: two, rate: 800 Hz, frequency: 50 Hz, weight: 50 pA}
  g: {kind: poisson_pulses, target: one, rate: 1 kHz, start: 4 ms, width: 3 ms, period: 10 ms, weight: 80 pA}
  h: {kind: poisson_bump, target: two, rate: 3 kHz, centre: 300 um, start: 3 ms, duration: 30 ms, weight: 60 pA}
  i: {kind: poisson_pulses, target: sources, rate: 400 Hz, start: 20 ms, width: 5 ms, period: 1 s}
  j: {kind: spikes, target: given, times: {0: [3 ms, 11 ms], 1: [17.2 ms], 2: [5 ms, 29 ms]}}
record: {traces: {v: {population: readout, variables: [v], every: 4 ms}}}
"""


def test_every_stimulus_and_sums_of_every_step_have_the_same_bits_on_any_number_of_threads():
    circuit = thalia.loads(STIMULATED)

    verdict = verify(circuit, backend="cpp", pieces=2, threads=(1, 2, 3))

    assert {each.kind for each in circuit.stimuli.values()} == set(lookup.names("stimuli"))
    assert verdict.different == ()
    assert verdict.spikes > 3000


def test_weights_are_written_out_between_pieces_on_any_number_of_threads():
    """Before the first step of a piece, at the change of a phase."""
    verdict = verify(
        large("stdp_triplet", DELAYS[0], SYNAPSES[0], 1), backend="cpp", pieces=4, threads=(1, 3, 2)
    )

    assert verdict.different == ()


def test_synapses_that_are_not_in_the_order_of_their_targets(tmp_path):
    """Two pathways of one object, whose synapses are interleaved, with several synapses between two neurons."""
    circuit = thalia.loads("""
thalia: 1
name: interleaved
duration: 60 ms
populations:
  source: {neuron: poisson, size: 40, parameters: {rate: 300 Hz}}
  one: {neuron: lif_current, size: 700}
  two: {neuron: lif_current, size: 700}
pathways:
  p: {pre: source, post: one, connect: {rule: fixed_total_number, number: 30000}, synapse: current_exp,
      weight: "normal(40 pA, 10 pA)", delay: 1 ms}
  q: {pre: source, post: [two, one], connect: {rule: fixed_total_number, number: 30000}, synapse: current_exp,
      weight: "normal(40 pA, 10 pA)", delay: 1 ms}
""")
    verdict = verify(circuit, backend="cpp", pieces=2, threads=(1, 3))

    assert verdict.different == ()
    assert verdict.spikes > 1000


def test_the_program_chooses_among_the_available_threads(monkeypatch, tmp_path):
    """It tries them out while it runs, which changes no bit."""
    monkeypatch.setenv("THALIA_THREADS", "3")
    circuit = large("stdp_pair")
    runs = [
        thalia.run(circuit, backend="cpp", output=tmp_path / f"{number}.h5", threads=number)
        for number in (None, 1)
    ]

    assert runs[0].weights["p"].w.tobytes() == runs[1].weights["p"].w.tobytes()
    assert np.array_equal(runs[0].spikes["cells"].times, runs[1].spikes["cells"].times)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, r"--threads: expected a number from 1 to 1024, found 0"),
        ({"threads": 5000}, r"--threads: expected a number from 1 to 1024, found 5000"),
        (
            {"threads": 2, "backend": "runtime"},
            r"the backend 'runtime' has no choice of threads: NumPy computes on one",
        ),
    ],
)
def test_a_number_of_threads_that_cannot_be_is_refused(tmp_path, options, message):
    with pytest.raises(CircuitError, match=message):
        thalia.run(large("stdp_pair"), output=tmp_path / "run.h5", **options)

    assert not (tmp_path / "run.h5").exists()


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "²"])
def test_a_variable_that_is_no_number_of_threads_is_refused(monkeypatch, text):
    monkeypatch.setenv("THALIA_THREADS", text)

    with pytest.raises(CircuitError, match="THALIA_THREADS: expected a number from 1 to 1024"):
        threads_available()


def test_objects_take_the_place_of_their_functions():
    lines = ["network.clear();", "network.add(&defaultclock, _run_a_codeobject);"]

    assert with_objects(lines) == [lines[0], "network.add(&defaultclock, object_a_codeobject);"]

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

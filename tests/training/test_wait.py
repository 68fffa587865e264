"""Time that a task lets pass: as if it were simulated, within 1e-9, or refused in words."""

import re

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

import thalia
from tests.rules import CELLS, SOURCES, STACKS
from tests.training.test_subject import SLOW
from thalia.errors import CircuitError
from thalia.library import lookup
from thalia.simulation.closed_forms import difference, sum_over_steps
from thalia.simulation.silence import Silence
from thalia.simulation.synapse_state import weights
from thalia.training.answers import Checkpoint
from thalia.training.subject import subject_of

RULES = [name for name in lookup.names("plasticity") if name != "stdp_calcium"]
# one of each kind of state: of the synapse, of the neuron, sums up to a flush, chains, switches, in every step, connections
KINDS = ["bcm", "consolidation", "tag_and_capture", "d1_stdp", "normalise", "structural"]
WHOLE = """
thalia: 1
name: waiting
dt: 0.5 ms
duration: 1 s
seed: 3
neurons:
  erring:
    summary: A Poisson source with an error that follows its spikes.
    parameters: {rate: {default: 0 Hz, meaning: rate}}
    equations: "dsignal/dt = (0.3 - signal)/(20*ms) : 1"
    threshold: rand() < rate*dt
    reset: signal -= 1
populations:
  poisson: {neuron: poisson, size: 10, from_task: [rate]}
  erring: {neuron: erring, size: 10, from_task: [rate]}
modulators: {m: {kind: first_order, tau: 300 ms, tonic: 0.1, from_task: true}}
pathways: {}
"""


def circuit(rules, **changes):
    """One in which each rule has cells of its own, and what it needs."""
    whole = yaml.safe_load(WHOLE) | changes
    for rule in rules:
        cells, source = f"cells_{rule}", SOURCES.get(rule, "poisson")
        whole["populations"][cells] = {"neuron": CELLS.get(rule, "lif_current"), "size": 4}
        stack = STACKS.get(rule, f"[{rule}]").replace(
            "instructed_by: q", f"instructed_by: q_{rule}"
        )
        stack = stack.replace("interval: 40 ms", "interval: 300 ms").replace(
            "tau_fast: 2 ms", "tau_fast: 40 ms"
        )
        whole["pathways"] |= {
            f"p_{rule}": {"pre": source, "post": cells, "connect": {"probability": 0.6}, "synapse": "current_exp", "delay": "1.5 ms",
                          "weight": "uniform(0.5 nA, 2 nA)", "w_max": "3 nA", "plasticity": yaml.safe_load(stack)},
            f"q_{rule}": {"pre": "poisson", "post": cells, "connect": {"rule": "all_to_all"}, "synapse": "delta", "weight": "2 mV", "delay": "0.5 ms"},
        }  # fmt: skip
    return thalia.loads(yaml.safe_dump(whole, sort_keys=False))


def active(made, backend="runtime"):
    """A subject that has just been very active."""
    subject = subject_of(made, backend)
    sources = [
        name
        for name in ("poisson", "erring")
        if any(p.pre == name for _, p in subject.plan.pathways())
    ]
    subject.present("0.3 s", dict.fromkeys(sources, "150 Hz"))
    subject.release("m", 2)
    return subject


def state_of(subject):
    """Every variable that the next step depends on; the sums for the weights as what they make of the weights."""
    silence, state = subject.silence, subject.session.state()
    apart = {
        name for name in state if name.rpartition(".")[2] in ("queue", "sleep")
    } | silence.flushed
    kept = {name: values.astype(float) for name, values in state.items() if name not in apart}
    made = {f"{s.name}.w": weights(s, subject.session.read) for s in subject.plan.synapses}
    return kept | made


# in SI, of the terms whose difference a variable is at rest: a*v and a*e_l of an adaptive exponential cell
TERMS = {"adaptation": 4e-9 * 70e-3}


def furthest(one, other):
    """The largest distance of two states relative to their size, or that of their terms, and the variable."""
    sizes = {
        name: np.maximum(
            np.maximum(np.abs(one[name]), np.abs(other[name])),
            TERMS.get(name.rpartition(".")[2], 0),
        )
        for name in one
    }
    apart = {
        n: np.abs(one[n] - other[n]) / np.where(size > 1e-40, size, np.inf)
        for n, size in sizes.items()
    }
    return max((float(each.max(initial=0)), name) for name, each in apart.items())


def waited(rules, seconds, backend):
    """The states of two subjects after a time: one that waited, mostly in jumps, and one that was simulated."""
    made, simulated = circuit(rules), 0
    with active(made, backend) as subject:
        advance = subject.session.advance

        def counted(steps):
            nonlocal simulated
            simulated += steps
            return advance(steps)

        subject.session.advance = counted
        subject.wait(f"{seconds} s")
        assert simulated * 0.5e-3 < seconds / 2
        quiet = state_of(subject)
    with active(made, backend) as subject:
        subject.present(f"{seconds} s")
        return quiet, state_of(subject)


def test_waiting_is_simulating_for_every_kind_of_state():
    assert furthest(*waited(KINDS, 2, "runtime")) < (1e-9, "")


@pytest.mark.reference
@pytest.mark.parametrize("part", range(3))
def test_waiting_is_simulating_for_every_rule(part):
    assert furthest(*waited(RULES[part::3], 60, "cpp")) < (1e-9, "")


QUIET = SLOW.replace("rate: 300 Hz", "rate: 0 Hz").replace("rate: 20 Hz", "rate: 0 Hz")


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_hours_pass_with_their_rewiring_and_releases(backend):
    """Intervals are kept: rounds of growth at their steps, and what a modulator is released by; both backends agree."""
    made = thalia.loads(
        QUIET.replace("interval: 170 ms", "interval: 7200 s").replace(
            "every: 130 ms", "every: 10800 s"
        )
    )
    with subject_of(made, backend) as subject:
        subject.present("0.4 s", {"source": "20 Hz"})
        before = subject.weights("p")
        subject.wait("8 hour")
        after, step = subject.weights("p"), subject.done
        time = subject.session.state()["defaultclock.t"].item()
        response = subject.present("0.1 s", {"source": "80 Hz"})

    assert step == 400 + 8 * 3600 * 1000
    assert time == pytest.approx(8 * 3600 + 0.4, rel=1e-12)
    assert not np.array_equal(
        before == 0, after == 0
    )  # some places have been left, and others taken
    assert response.total("source") > 0


def test_a_wait_in_a_phase_goes_on_after_it_was_killed(tmp_path):
    """The time is in the answers, as that of presentations, and what follows has the same bits."""
    made = thalia.loads(QUIET)
    file = Checkpoint.of(tmp_path / "going.h5", {"seed": 1})

    def task(subject):
        subject.present("50 ms", {"source": "50 Hz"})
        with subject.frozen():
            subject.wait("1 s")
        subject.present("50 ms", {"source": "50 Hz"})
        return subject.weights("p")

    with subject_of(made, "runtime") as subject:
        whole = task(subject)
    killed = subject_of(made, "runtime", checkpoint=file)
    killed.answers.pace.is_due = lambda: True
    task(killed)
    killed.present("10 ms")
    killed.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with subject_of(made, "runtime", checkpoint=file) as subject:
        again = task(subject)
        assert subject.done == 1100

    assert again.tobytes() == whole.tobytes()


def test_a_recorded_subject_simulates_what_it_waits(tmp_path):
    """Traces and modulators are recorded at every so many steps, which a jump would leave out."""
    made, file = thalia.loads(QUIET), tmp_path / "recorded.h5"
    with subject_of(made, "runtime", record=file) as subject:
        subject.wait("0.3 s")

    run = thalia.Run(file)
    assert len(run.modulators["dopamine"].time) == 300
    assert run.duration == 0.3


REFUSED = {
    "gets Poisson input": ({"stimuli": {"noise": {"kind": "poisson", "target": "cells_bcm", "rate": "5 Hz", "weight": "1 pA"}}}, {}),
    "'own' fires by itself": ({}, {"own": {"neuron": "poisson", "size": 3, "parameters": {"rate": "1 Hz"}}}),
    "'regular' would fire": ({}, {"regular": {"neuron": "regular", "size": 2, "parameters": {"rate": "20 Hz"}}}),
    "noise acts on 'n_level' of a modulator": ({"modulators": {"m": {"kind": "first_order", "tau": "300 ms", "from_task": True},
                                                              "n": {"kind": "fluctuating", "tau": "1 s", "mean": 0, "deviation": 1}}}, {}),
    "an equation of 'cells_bcm' depends on time": (
        {"stimuli": {"wave": {"kind": "current_pulses", "target": "cells_bcm", "amplitude": "1 pA", "start": "1 s", "width": "1 ms"}}}, {}),
    "the spikes of 'given' are given for this time": (
        {"stimuli": {"times": {"kind": "spikes", "target": "given", "times": {0: ["1.5 s"]}}}}, {"given": {"neuron": "spike_source", "size": 1}}),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_a_network_that_is_not_silent_is_refused_in_words(reason, monkeypatch):
    """And it is afterwards as it was before."""
    monkeypatch.setattr("thalia.simulation.silence.LONGEST", 0.2)
    changes, populations = REFUSED[reason]
    whole = yaml.safe_load(WHOLE)
    whole["populations"] |= populations
    made = circuit(["bcm"], **{**whole, **changes})
    with active(made) as subject:
        subject.stimuli.show({})
        before = subject.session.state()
        with pytest.raises(CircuitError, match=re.escape(reason)) as caught:
            subject.wait("4 s")
        after = subject.session.state()

    assert "a wait jumps over time" in str(caught.value)
    assert {n: v.tobytes() for n, v in before.items()} == {n: v.tobytes() for n, v in after.items()}


def test_a_synapse_without_a_closed_form_is_refused(monkeypatch):
    """Two stable states between which the efficacy of a synapse moves for minutes."""
    monkeypatch.setattr("thalia.simulation.silence.LONGEST", 1.0)
    with active(circuit(["stdp_calcium"])) as subject, pytest.raises(CircuitError) as caught:
        subject.wait("60 s")

    assert "after 1" in str(caught.value)
    assert "of the synapses of 'p_stdp_calcium' still changes" in str(caught.value)


def test_a_neuron_that_would_fire_later_is_found(monkeypatch):
    """A threshold that decays to below a potential that is at rest: two minutes later, when nothing has happened for long."""
    text = """
thalia: 1
name: later
dt: 1 ms
populations:
  cells: {neuron: lif_adaptive_threshold, size: 1, parameters: {e_l: -65 mV, v_th: -70 mV, tau_threshold: 100 s},
          initial: {v: -65 mV, adapted_threshold: 20 mV}}
"""
    monkeypatch.setattr("thalia.simulation.silence.LONGEST", 0.5)
    late = 100 * np.log(20 / 5)
    with subject_of(thalia.loads(text), "runtime") as subject:
        subject.wait(f"{int(late)} s")
        with pytest.raises(CircuitError, match=r"'cells' (still fires|would fire)"):
            subject.wait("120 s")


def test_a_switch_that_each_neuron_passes_later_costs_few_steps(monkeypatch):
    """The proteins of four neurons cease at four times; around each, little is simulated."""
    simulated, simulate = [], Silence._simulated
    monkeypatch.setattr(
        Silence, "_simulated", lambda self, n: [simulated.append(n), *simulate(self, n)][1:]
    )
    with active(circuit(["tag_and_capture"])) as subject:
        subject.wait("24 hour")

    assert sum(simulated) < 1000


@given(st.floats(1.5, 1e6), st.integers(1, 3_000_000))
def test_sums_of_decays_are_geometric_series(tau, steps):
    found = sum_over_steps(lambda k: np.exp(-k / tau), steps)
    assert found[0] == pytest.approx(np.expm1(-steps / tau) / np.expm1(-1 / tau), rel=1e-12)


@given(*[st.sampled_from([0.0, -1e-7, -0.5, -0.5 - 1e-6, -1.0, -3.0])] * 3, st.floats(1e-3, 20))
def test_divided_differences_are_those_of_the_matrix_exponential(a, b, c, time):
    chain = np.array([[a, 1, 0], [0, b, 1], [0, 0, c]])
    expected = expm(chain * time)
    rates = [np.array([rate]) for rate in (a, b, c)]
    for count in (1, 2, 3):
        found = difference(np.array([time]), *rates[:count])[0]
        assert found == pytest.approx(expected[0, count - 1], rel=1e-10, abs=1e-300)

"""Neurons that sleep between inputs, against the same neurons advanced in every step."""

import ctypes
from pathlib import Path as FilePath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thalia
from thalia.backends import Sample, loading
from thalia.backends.cpp import backend
from thalia.connectivity.build import wire
from thalia.simulation.verify_resume import verify
from thalia.toolchain.compiler import library

# two populations of one group whose parameters differ, so that a block of neurons has both; currents
# that rise, inhibition, Poisson input to all, to some, and at a rate of each neuron's own, a threshold that moves, plasticity with a modulator, and spikes that cross
CIRCUIT = """
thalia: 1
name: sleepers
duration: 1 s
dt: 0.1 ms
populations:
  sources: {{neuron: poisson, size: 40, parameters: {{rate: {rate} Hz}}}}
  dopaminergic: {{neuron: poisson, size: 10, parameters: {{rate: 5 Hz}}}}
  a: {{neuron: lif_current, size: 150, parameters: {{c_m: 200 pF, tau_m: {tau_m} ms, v_reset: {v_reset} mV, t_ref: {t_ref} ms}}, initial: {{v: "uniform(-80 mV, -49 mV)"}}}}
  b: {{neuron: lif_current, size: 210, parameters: {{c_m: 300 pF, tau_m: {tau_m} ms, v_reset: {v_reset} mV, t_ref: {t_ref} ms}}, initial: {{v: "uniform(-80 mV, -49 mV)"}}}}
  c: {{neuron: lif_adaptive_threshold, size: 130, parameters: {{threshold_step: 2 mV, tau_threshold: 100 ms}}}}
modulators:
  dopamine: {{kind: first_order, released_by: dopaminergic, tau: 200 ms}}
pathways:
  input: {{pre: sources, post: [a, b, c], connect: {{probability: 0.1}}, synapse: {{part: current_exp, tau: {tau} ms}}, weight: {weight} pA, delay: 1.8 ms}}
  slow: {{pre: a, post: [a, b], connect: {{probability: 0.05}}, synapse: {{part: current_alpha, tau: {tau_alpha} ms}}, weight: {recurrent} pA, delay: "uniform(0.1 ms, 3 ms)"}}
  learned: {{pre: a, post: c, connect: {{probability: 0.1}}, synapse: {{part: current_exp, tau: {tau} ms}}, weight: 60 pA, w_max: 120 pA, delay: 1 ms, plasticity: [{{rule: d1_stdp, modulator: dopamine}}]}}
  inhibition: {{pre: b, post: [a, b, c], connect: {{probability: 0.1}}, synapse: {{part: current_exp, tau: {tau} ms}}, weight: -{recurrent} pA, delay: 0.5 ms}}
stimuli:
  noise: {{kind: poisson, target: a, rate: {rate} Hz, synapse: {{part: current_exp, tau: {tau} ms}}, weight: {weight} pA}}
  some: {{kind: poisson, target: {{population: b, neurons: "100:130"}}, number: 3, rate: {rate} Hz, synapse: {{part: current_exp, tau: {tau} ms}}, weight: {weight} pA}}
  varied: {{kind: poisson, target: c, rate: "uniform(0 Hz, {rate} Hz)", synapse: {{part: current_exp, tau: {tau} ms}}, weight: {recurrent} pA}}
"""
NUMBERS = {
    "rate": 60, "tau_m": 20, "tau": 5, "tau_alpha": 2, "t_ref": 2, "v_reset": -65,
    "weight": 250, "recurrent": 30,
}  # fmt: skip
CELLS = ("neurons_lif_current", "neurons_c")


class Sides:
    """The same circuit in one program, with neurons that sleep and with none that does."""

    def __init__(self, monkeypatch, **numbers):
        plan = thalia.plan_of(thalia.loads(CIRCUIT.format(**{**NUMBERS, **numbers})))
        arrays, built = wire(plan), backend.build(plan, lambda *_: None)
        samples = tuple(
            Sample(f"v of {name}", name, "v", 7, np.arange(100, dtype=np.int32)) for name in CELLS
        )
        self.begin = lambda threads=1: backend.start(plan, built, arrays, samples, 1, threads)
        self.sleeping = self.begin()
        with monkeypatch.context() as patched:
            patched.setattr(loading, "populations_of", lambda *_: [])
            self.awake = self.begin()

    def close(self):
        self.sleeping.close()
        self.awake.close()


@pytest.fixture
def sides(monkeypatch):
    made = Sides(monkeypatch)
    yield made
    made.close()


def same_spikes(one, other):
    assert one.spikes.keys() == other.spikes.keys()
    return all(
        np.array_equal(a, b)
        for name in one.spikes
        for a, b in zip(one.spikes[name], other.spikes[name], strict=True)
    )


def asleep(session, group):
    """How many neurons of a group are asleep, by its state."""
    state = session.state()
    size = state[f"{group}.v"].size
    since = state[f"{group}.sleep"][: 4 * size].view(np.int32)
    return int((since != -1).sum())


def test_neurons_sleep_and_the_spikes_are_the_same(monkeypatch):
    sides = Sides(monkeypatch, rate=5, weight=1200)
    slept, woke = sides.sleeping.advance(3000), sides.awake.advance(3000)

    sleeping = [asleep(sides.sleeping, name) for name in CELLS]
    sides.close()

    assert same_spikes(slept, woke)
    assert all(len(slept.spikes[name][0]) > 100 for name in CELLS)
    assert sleeping[0] > 150
    assert sleeping[1] > 20


@settings(max_examples=8)
@given(
    numbers=st.fixed_dictionaries(
        {
            "rate": st.sampled_from([2, 20, 100]),
            "tau_m": st.floats(3, 60),
            "tau": st.one_of(st.just(20.0), st.floats(0.3, 40)),
            "tau_alpha": st.floats(0.3, 20),
            "t_ref": st.sampled_from([0, 0.1, 2.2]),
            "v_reset": st.sampled_from([-80, -65, -50.5]),
            "weight": st.floats(20, 400),
            "recurrent": st.floats(1, 200),
        }
    )
)
def test_any_numbers_give_the_spikes_of_neurons_that_are_awake(numbers):
    with pytest.MonkeyPatch.context() as patch:
        sides = Sides(patch, **numbers)
    slept, woke = sides.sleeping.advance(2000), sides.awake.advance(2000)
    states = sides.sleeping.state(), sides.awake.state()
    sides.close()

    assert same_spikes(slept, woke)
    for name in slept.samples:
        assert np.abs(slept.samples[name] - woke.samples[name]).max() < 1e-12
    for name in ("w", "d1_stdp_fast", "d1_stdp_slow"):
        mine, theirs = (state[f"synapses_learned.{name}"] for state in states)
        assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-15)


def test_looking_and_stopping_change_no_bit(sides):
    sides.sleeping.advance(1500)
    other = sides.begin()
    for steps in (7, 700, 793):
        other.advance(steps)
        other.state()
        other.read(f"{CELLS[0]}.v")
    mine, its = sides.sleeping.state(), other.state()
    other.close()

    assert mine.keys() == its.keys()
    assert [name for name in mine if not np.array_equal(mine[name], its[name])] == []


def test_several_threads_change_no_bit(sides):
    other = sides.begin(threads=3)
    mine, its = sides.sleeping.advance(2000), other.advance(2000)
    states = sides.sleeping.state(), other.state()
    other.close()

    assert same_spikes(mine, its)
    assert [name for name in states[0] if not np.array_equal(*(s[name] for s in states))] == []


def test_a_saved_state_goes_on_with_the_same_bits(sides):
    sides.sleeping.advance(1501)
    saved = sides.sleeping.state()
    other = sides.begin(threads=2)
    other.advance(100)
    other.restore(dict(reversed(saved.items())))
    rest = sides.sleeping.advance(777)
    mine, its = (rest, sides.sleeping.state()), (other.advance(777), other.state())
    other.close()

    assert same_spikes(mine[0], its[0])
    assert [name for name in saved if not np.array_equal(mine[1][name], its[1][name])] == []


def test_neurons_that_sleep_are_overwritten_before_the_time_is(sides, monkeypatch):
    """What overwrites them brings them to the present, and from another one in as many steps as lie between."""
    saved, written = sides.sleeping.state(), []
    sides.sleeping.advance(500)
    write = sides.sleeping.write

    def noted(name, values, gives_up=False):
        written.append(name.partition(".")[0])
        write(name, values, gives_up)

    monkeypatch.setattr(sides.sleeping, "write", noted)
    sides.sleeping.restore(saved)

    clock = written.count("defaultclock")
    assert {name.partition(".")[0] for name in CELLS} <= {*written[:-clock]}
    assert {*written[-clock:]} == {"defaultclock"}


def test_a_run_is_resumed_from_its_file_with_the_same_bits():
    circuit = thalia.loads(CIRCUIT.format(**NUMBERS), set={"duration": "300 ms"})

    assert verify(circuit, backend="cpp", pieces=3).different == ()


def test_what_is_read_is_the_present(sides):
    """And not when a neuron fell asleep: without input, a potential decays exponentially."""
    sides.sleeping.advance(1500)
    sides.awake.advance(1500)

    for name in (f"{CELLS[0]}.v", f"{CELLS[0]}.current_exp_i", f"{CELLS[1]}.adapted_threshold"):
        mine, theirs = sides.sleeping.read(name), sides.awake.read(name)
        assert np.abs(mine - theirs).max() < 1e-12
        assert np.array_equal(mine, sides.sleeping.state()[name])


def test_what_is_written_wakes(sides):
    """A potential that is set from outside fires as if the neuron had been awake."""
    sides.sleeping.advance(1500)
    sides.awake.advance(1500)
    raised = np.full(360, -50.0001e-3)
    current = np.full(360, 1e-9)
    for session in (sides.sleeping, sides.awake):
        session.write(f"{CELLS[0]}.v", raised)
        session.write(f"{CELLS[0]}.current_exp_i", current)
    slept, woke = sides.sleeping.advance(200), sides.awake.advance(200)

    assert len(woke.spikes[CELLS[0]][0]) > 300
    assert same_spikes(slept, woke)


PARTS = """
#include "sleep.h"
// The bytes of the state that a review of some parts changes, of neurons with one variable.
extern "C" int changed_by_review(int neurons, const int *bounds, int count, int begin, int end) {
    static const double numbers[] = {0, 0, 1, 1, 0, 1, 0, 0.5};
    std::vector<double> v(neurons), kind(numbers, numbers + 8);
    kind[1] = neurons;
    int64_t step = 0;
    SleepersOf<1, 1, 0> sleepers("cells");
    sleepers.start({v.data()}, neurons, nullptr, &step);
    sleepers.add(kind.data(), kind.size());
    sleepers.divide(std::vector<int32_t>(bounds, bounds + count));
    const std::vector<char> before = sleepers.save();
    sleepers.review(begin, end);
    const std::vector<char> after = sleepers.save();
    int changed = 0;
    for (size_t k = 0; k < before.size(); k++) changed += before[k] != after[k];
    return changed;
}
"""


@pytest.fixture(scope="module")
def changed_by_review():
    header = (FilePath(backend.HERE) / "sleep.h").read_text()
    file, _hold = library("sleep-harness", {"harness.cpp": PARTS, "sleep.h": header})
    return ctypes.CDLL(str(file)).changed_by_review


@pytest.mark.parametrize(("part", "changes"), [(0, True), (1, False)])
def test_a_thread_without_neurons_reviews_none_of_another(changed_by_review, part, changes):
    """With 100 neurons in blocks of 64 the last block is not whole, and a part may begin at its end."""
    bounds = (ctypes.c_int * 3)(0, 100, 100)

    assert bool(changed_by_review(100, bounds, 3, part, part + 1)) == changes

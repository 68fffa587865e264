"""What happens between two chunks: modulators that follow changes of weights, and tasks that reward a network."""

import numpy as np
import pytest
from brian2 import hertz, mV

import thalia
from thalia.errors import CircuitError

LEARNING = """
thalia: 1
name: learning
duration: 3 s
dt: 1 ms
populations:
  pre: {neuron: spike_source, size: 2}
  trigger: {neuron: spike_source, size: 2}
  post: {neuron: lif_current, size: 2}
modulators:
  turmoil: {kind: first_order, tau: 500 ms, weight_change_of: p, every: 1 s}
  caution: {kind: follower, tau: 1 ms, input: 1/(1 + 1000*turmoil)}
pathways:
  p: {pre: pre, post: post, connect: {rule: one_to_one}, synapse: current_exp, weight: 0.5 pA, w_max: 1 pA, delay: 1 ms,
      plasticity: [{rule: stdp_pair, MODULATOR}]}
  force: {pre: trigger, post: post, connect: {rule: one_to_one}, synapse: delta, weight: 100 mV, delay: 1 ms}
stimuli:
  first: {kind: spikes, target: pre, times: {0: [200 ms, 1400 ms]}}
  second: {kind: spikes, target: trigger, times: {0: [210 ms, 1410 ms]}}
record: {weights: {pathways: p, every: 1 s}, modulators: 1 ms}
"""


def learning(simulate, modulator="a_minus: 0", **options):
    return simulate(LEARNING.replace("MODULATOR", modulator), **options)


@pytest.mark.parametrize("lower", ["on", "off"])
def test_a_modulator_follows_how_far_weights_have_moved(simulate, lower):
    """One of two weights moves by a known fraction of its range before 1 s, and again before 2 s."""
    run = learning(simulate, lower=lower)

    moved = np.abs(np.diff(run.weights["p"].w, axis=0)).mean(axis=1)
    level = run.modulators["turmoil"].value
    assert moved[:2] == pytest.approx(0.005 * np.exp(-10 / 20) / 2, rel=0.06)
    assert level[990] == 0
    assert level[1000] == pytest.approx(moved[0], rel=1e-9)
    assert level[2000] == pytest.approx(moved[0] * np.exp(-2) + moved[1], rel=1e-9)


def test_what_changed_much_learns_less(simulate):
    """Metaplasticity of the circuit: the second pair changes less, because the weights have just moved."""
    free = np.diff(learning(simulate).weights["p"].w[:, 0])
    held = np.diff(learning(simulate, "a_minus: 0, modulator: caution").weights["p"].w[:, 0])

    level = 0.005 * np.exp(-0.5) / 2 * np.exp(-0.41 / 0.5)
    assert free[1] == pytest.approx(free[0], rel=1e-6)
    assert held[1] / held[0] == pytest.approx(1 / (1 + 1000 * level), rel=0.06)


def test_who_performs_well_learns_less(simulate):
    """Performance follows reward, and what it lacks scales the learning rate."""
    text = LEARNING.replace("MODULATOR", "a_minus: 0, modulator: 1 - performance").replace(
        "modulators:\n",
        """modulators:
  reward: {kind: first_order, tau: 1 ms, schedule: [{at: 1200 ms, amount: 1}]}
  performance: {kind: follower, tau: 1 s, input: 500*reward}
""",
        1,
    )
    run = simulate(text)

    first, second = np.diff(run.weights["p"].w[:, 0])[:2]
    there = np.searchsorted(run.modulators["performance"].time, 1.411)
    performance = run.modulators["performance"].value[there]
    assert 0.3 < performance < 0.8
    assert second / first == pytest.approx(1 - performance, rel=0.01)


REWARDED = """
thalia: 1
name: rewarded
duration: 2 s
dt: 1 ms
populations: {cells: {neuron: poisson, size: 20, parameters: {rate: 10 Hz}}}
modulators: {dopamine: {kind: first_order, tau: 100 ms, from_task: true}}
record: {modulators: 1 ms}
"""


def reward_many(moment):
    """Reward every stop in whose time the cells fired more than 20 spikes, by as much as chance says."""
    if moment.spikes["cells"] > 20:
        moment.release("dopamine", 1 + moment.random.random())


TASK = thalia.Task("100 ms", reward_many)


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_a_task_rewards_what_the_network_has_just_done(simulate, backend):
    run = simulate(REWARDED, task=TASK, backend=backend)

    counts = np.bincount((run.spikes["cells"].times * 10 + 1e-6).astype(int), minlength=20)
    level = run.modulators["dopamine"].value
    jumps = [level[100 * k] > level[100 * k - 1] + 0.9 for k in range(1, 20)]
    assert jumps == [count > 20 for count in counts[:19]]
    assert 3 < sum(jumps) < 16


def test_a_rewarded_run_resumes_to_the_bit(simulate, tmp_path):
    """Also where it was cut between two stops: spikes of the time before count."""
    whole = simulate(REWARDED, task=TASK)
    part = simulate(REWARDED, task=TASK, duration="0.73 s", output=tmp_path / "part.h5")

    resumed = thalia.resume(part.file, for_="1.27 s", task=TASK)

    assert np.array_equal(resumed.modulators["dopamine"].value, whole.modulators["dopamine"].value)


SHOWN = REWARDED.replace(
    "parameters: {rate: 10 Hz}}", "parameters: {rate: 10 Hz}, from_task: [rate]}"
)


def show(moment):
    """A rate of its own for every cell, drawn anew at every stop."""
    moment.set("cells", "rate", moment.random.random(20) * 200 * hertz)


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_a_task_sets_the_rates_of_each_neuron_until_it_sets_others(simulate, backend):
    rates = []
    task = thalia.Task(
        "1 s",
        lambda moment: (
            moment.set("cells", "rate", np.arange(20) * 10.0 * hertz) or rates.append(moment.time)
        ),
    )
    run = simulate(SHOWN, task=task, backend=backend)

    spikes = run.spikes["cells"]
    before, after = (
        np.bincount(spikes.neurons[mask], minlength=20)
        for mask in (spikes.times < 1, spikes.times >= 1)
    )
    assert rates == [1, 2]
    assert before.sum() == pytest.approx(200, abs=60)
    assert after == pytest.approx(np.arange(20) * 10, abs=50)
    assert after[0] == 0
    assert np.corrcoef(after, np.arange(20))[0, 1] > 0.9


def test_rates_that_a_task_set_are_kept_and_resumed_to_the_bit(simulate, tmp_path):
    """Also where it was cut between two stops."""
    task = thalia.Task("100 ms", show)
    whole = simulate(SHOWN, task=task)
    part = simulate(SHOWN, task=task, duration="0.73 s", output=tmp_path / "part.h5")

    resumed = thalia.resume(part.file, for_="1.27 s", task=task)

    assert len(whole.spikes["cells"].times) > 1000
    assert np.array_equal(resumed.spikes["cells"].times, whole.spikes["cells"].times)
    assert np.array_equal(resumed.spikes["cells"].neurons, whole.spikes["cells"].neurons)


@pytest.mark.parametrize(("values", "message"), [
    (("cells", "rate", [1.0, 2.0] * hertz), "'rate' of 'cells': expected 20 numbers, or one for all, found 2"),
    (("cells", "rate", np.nan * hertz), "'rate' of 'cells': expected finite numbers, found nan"),
    (("cells", "rate", 20), "'rate' of 'cells': expected a rate, such as '20 Hz', found 20 without a unit"),
    (("cells", "rate", np.arange(20)), "expected a rate, such as '20 Hz', found 20 numbers without a unit"),
    (("cells", "rate", "20 mV"), r"expected a rate, found 20 mV \(a voltage\)"),
    (("cells", "rate", 20 * mV), "expected a rate, found a voltage"),
    (("cells", "rate", "normal(20 Hz, 1 Hz)"), "expected one number, found the distribution normal"),
    (("cells", "rate", "-1 Hz"), "a rate cannot be below 0"),
    (("cells", "rate", "20 kHz"), "a rate of 20000 Hz is more than one spike in a step of 1 ms"),
    (("cells", "speed", 1.0), "sets 'speed' of 'cells', which lets it set rate"),
    (("cell", "rate", 1.0), r"sets 'rate' of 'cell', which no task may\n    hint: say `from_task: \[rate\]` there; did you mean 'cells'"),
])  # fmt: skip
def test_what_a_task_cannot_set_is_told(simulate, values, message):
    with pytest.raises(CircuitError, match=message):
        simulate(SHOWN, task=thalia.Task("100 ms", lambda moment: moment.set(*values)))


@pytest.mark.parametrize(("task", "message"), [
    (thalia.Task("100 ms", lambda moment: moment.release("serotonin", 1)), "the task releases 'serotonin', and the circuit has no such"),
    (thalia.Task("soon", reward_many), "task: .*soon"),
    (thalia.Task("0 ms", reward_many), "task: expected a time above 0, such as '100 ms', found 0 ms"),
    (
        thalia.Task("normal(5 ms, 1 ms)", reward_many),
        "task: expected one time such as '100 ms', found normal",
    ),
])  # fmt: skip
def test_a_task_that_cannot_be_is_told(simulate, task, message):
    with pytest.raises(CircuitError, match=message):
        simulate(REWARDED, task=task)


def test_a_run_with_a_task_goes_on_only_with_a_task(simulate, tmp_path):
    part = simulate(REWARDED, task=TASK, duration="0.5 s", output=tmp_path / "part.h5")
    alone = simulate(REWARDED, duration="0.5 s", output=tmp_path / "alone.h5")

    with pytest.raises(CircuitError, match="was run with a task"):
        thalia.resume(part.file, for_="1 s")
    with pytest.raises(CircuitError, match="was run without a task"):
        thalia.resume(alone.file, for_="1 s", task=TASK)


@pytest.mark.parametrize(("modulator", "message"), [
    ("{kind: first_order, weight_change_of: q}", "modulators.m.weight_change_of: 'q' is not plastic"),
    ("{kind: first_order, weight_change_of: x}", "modulators.m.weight_change_of: 'x' is no pathway\n    hint: known: p"),
    ("{kind: follower, input: m2, from_task: true}", "'follower' is not released by anything"),
])  # fmt: skip
def test_sources_that_cannot_be_are_told(modulator, message):
    text = f"""
thalia: 1
name: wrong
duration: 1 s
populations: {{a: {{neuron: poisson, size: 2}}, b: {{neuron: lif_current, size: 2}}}}
pathways:
  p: {{pre: a, post: b, connect: {{probability: 1}}, synapse: delta, weight: 1 mV, delay: 1 ms, plasticity: [stdp_pair]}}
  q: {{pre: a, post: b, connect: {{probability: 1}}, synapse: delta, weight: 1 mV, delay: 1 ms}}
modulators: {{m: {modulator}, m2: {{kind: first_order, tonic: 1, baseline: 0}}}}
"""
    with pytest.raises(CircuitError, match=message):
        thalia.plan_of(thalia.loads(text))


def test_what_is_taken_over_is_not_released_as_a_change(simulate, tmp_path):
    """A warm start counts from the weights that it starts with."""
    learned = learning(simulate, output=tmp_path / "learned.h5")
    frozen = LEARNING.replace("MODULATOR", "a_plus: 0, a_minus: 0")

    warm = simulate(frozen, start_from=learned.file)

    assert (warm.weights["p"].w[0] == learned.weights["p"].w[-1]).all()
    assert not warm.modulators["turmoil"].value.any()


def test_pruning_and_growing_count_as_changes_once(simulate):
    """Every weight goes from 0.5 to 0.6 of its range between two looks, by way of zero."""
    text = """
thalia: 1
name: rewired
duration: 300 ms
dt: 1 ms
populations: {a: {neuron: poisson, size: 5, parameters: {rate: 0 Hz}}, b: {neuron: lif_current, size: 4}}
modulators: {max: {kind: first_order, tau: 1 s, weight_change_of: p, every: 250 ms}}
pathways:
  p: {pre: a, post: b, connect: {rule: all_to_all}, synapse: delta, weight: 0.5 mV, w_max: 1 mV, delay: 1 ms,
      plasticity: [{rule: stdp_pair, a_plus: 0, a_minus: 0}, {rule: structural, interval: 100 ms, filled: 1, weakest: 0.55, growth: 1, newborn: 0.6}]}
record: {modulators: 1 ms}
"""
    assert simulate(text).modulators["max"].value[250] == pytest.approx(0.1, rel=1e-9)


@pytest.mark.parametrize(("modulator", "message"), [
    ("{kind: first_order, tonic: 1, baseline: 0, every: 2 s}", "modulators.m.every: only changes of weights are released at an interval"),
    ("{kind: first_order, from_task: true, delay: 5 ms}", "modulators.m.delay: only what spikes or a schedule release takes time"),
])  # fmt: skip
def test_what_would_be_ignored_is_told(modulator, message):
    text = f"thalia: 1\nname: x\nduration: 1 s\npopulations: {{a: {{neuron: poisson, size: 2}}}}\nmodulators: {{m: {modulator}}}\n"
    with pytest.raises(CircuitError, match=message):
        thalia.plan_of(thalia.loads(text))


@pytest.mark.parametrize("amount", [float("nan"), "much"])
def test_an_amount_that_is_no_number_is_told(simulate, amount):
    task = thalia.Task("100 ms", lambda moment: moment.release("dopamine", amount))
    with pytest.raises(CircuitError, match="the task releases 'dopamine': expected"):
        simulate(REWARDED, task=task)


def test_a_task_cannot_set_a_time_constant_to_zero(simulate):
    text = SHOWN.replace("neuron: poisson", "neuron: latency").replace("[rate]", "[rate, tau]")
    task = thalia.Task("100 ms", lambda moment: moment.set("cells", "tau", "0 ms"))
    with pytest.raises(CircuitError, match="sets 'tau' of 'cells': it cannot be zero"):
        simulate(text, task=task)


SEEN = """
thalia: 1
name: seen
duration: 60 ms
populations:
  e: {neuron: lif_current, size: 20, initial: {v: "normal(-58 mV, 5 mV)"}}
  i: {neuron: lif_current, size: 5}
pathways:
  e_to_i: {pre: e, post: i, connect: {probability: 0.5}, synapse: current_exp, weight: "uniform(50 pA, 150 pA)", delay: 1 ms, plasticity: [stdp_pair]}
stimuli: {drive: {kind: current, target: e, amplitude: "normal(600 pA, 50 pA)"}}
record: {weights: {pathways: e_to_i, every: 10 ms}, traces: {v: {population: e, variables: [v], every: 10 ms, neurons: all}}}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_a_task_sees_what_the_run_file_will_say(tmp_path, backend):
    """Spikes of neurons, potentials and weights between two chunks, in SI."""
    seen = []

    def look(context):
        spikes = context.spikes_of("e")
        seen.append(
            (spikes.times, spikes.neurons, context.read("e", "v"), context.weights("e_to_i"))
        )
        assert len(spikes) == context.spikes["e"]

    run = thalia.run(
        thalia.loads(SEEN), backend=backend, output=tmp_path / "run.h5", task=thalia.Task("10 ms", look)
    )  # fmt: skip

    times, neurons, potentials, weights = zip(*seen, strict=True)
    np.testing.assert_allclose(np.concatenate(times), run.spikes["e"].times, rtol=1e-12)
    np.testing.assert_array_equal(np.concatenate(neurons), run.spikes["e"].neurons)
    np.testing.assert_allclose(np.array(weights) * 1e12, run.weights["e_to_i"].w[1:], rtol=1e-9)
    np.testing.assert_allclose(np.array(potentials[:-1]) * 1e3, run.traces["v"]["v"][1:], rtol=1e-6)


def test_a_resumed_task_has_the_spikes_from_before(tmp_path):
    """The interruption is between two of its stops."""

    def looking(into):
        def look(context):
            spikes = context.spikes_of("e")
            into.append((spikes.times.tolist(), spikes.neurons.tolist()))

        return thalia.Task("20 ms", look)

    class Interrupted(Exception):
        pass

    def interrupt(what, fraction, detail=""):
        if what == "simulating" and fraction >= 0.5:
            raise Interrupted

    whole, parts = [], []
    options = {"backend": "runtime", "checkpoint_every": "10 ms"}
    circuit = thalia.loads(SEEN)
    thalia.run(circuit, output=tmp_path / "whole.h5", task=looking(whole), **options)
    with pytest.raises(Interrupted):
        thalia.run(circuit, output=tmp_path / "parts.h5", task=looking(parts), progress=interrupt, chunk="10 ms", **options)  # fmt: skip

    thalia.resume(tmp_path / "parts.h5", task=looking(parts))

    assert parts == whole
    assert sum(len(times) for times, _ in whole) > 20


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda c: c.spikes_of("x"), "the task names the population 'x'"),
        (lambda c: c.read("e", "u"), "the task reads 'u', which is not a state variable of e"),
        (lambda c: c.weights("i_to_e"), "the task names the pathway 'i_to_e'"),
        (lambda c: c.ends("i_to_e"), "the task names the pathway 'i_to_e'"),
    ],
)
def test_what_a_task_cannot_see_is_refused_in_words(tmp_path, look, message):
    with pytest.raises(CircuitError, match=message):
        thalia.run(thalia.loads(SEEN), backend="runtime", output=tmp_path / "run.h5", task=thalia.Task("10 ms", look))  # fmt: skip

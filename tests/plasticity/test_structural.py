"""Pruning and growing out of a pool: how many, how fast, and that what is used stays."""

import multiprocessing
import os

import numpy as np
import pytest

import thalia
from thalia.compiler.unconnected import is_compacted, passed_by
from thalia.errors import CircuitError
from thalia.library import lookup
from thalia.simulation.verify_resume import verify
from thalia.training.subject import subject_of

TEXT = """
thalia: 1
name: pool
dt: 1 ms
duration: 10 s
populations:
  source: {{neuron: poisson, size: 200, parameters: {{rate: {rate}}}}}
  cells: {{neuron: lif_current, size: 40}}
modulators: {{m: {{kind: first_order, tonic: 1, baseline: 0}}}}
pathways:
  p: {{pre: source, post: cells, connect: {{rule: all_to_all}}, synapse: delta, weight: {weight}, w_max: 1 mV, delay: 1 ms,
      plasticity: [{rule}, {{rule: structural, {numbers}}}]}}
stimuli: {{drive: {{kind: poisson, target: cells, rate: 300 Hz, synapse: delta, weight: 3 mV}}}}
record: {{weights: {{pathways: p, every: 1 s}}}}
"""


def circuit(numbers="growth: 0.5", rule="stdp_pair", weight='"uniform(0 mV, 1 mV)"', rate="5 Hz"):
    return TEXT.format(numbers=numbers, rule=rule, weight=weight, rate=rate)


SILENT = {"rule": "{rule: stdp_pair, a_plus: 0, a_minus: 0}", "rate": "0 Hz"}


def connected(run):
    """Connected synapses of each neuron over time, (times, cells)."""
    weights = run.weights["p"]
    return np.stack([np.bincount(weights.post[row > 0], minlength=40) for row in weights.w])


def test_the_numbers_follow_their_closed_form(simulate):
    """A twentieth of uniform weights is below the bound; half of what is free grows again in each round."""
    run = simulate(circuit(**SILENT), backend="cpp")

    number = connected(run)

    room = 50 * 0.05  # of 200 potential synapses a quarter can be there
    expected = [50, *(50 - room * 0.5**k for k in range(1, 9))]
    # weights are recorded before the round at their time, and the first round prunes before it fills half of the room
    assert number[0].tolist() == [50] * 40
    assert number[2:10].mean(axis=1) == pytest.approx(expected[1:9], abs=0.35)
    assert (number <= 50).all()


def test_memory_is_flat_and_zero_is_not_the_end(simulate):
    text = circuit("growth: 0.5, weakest: 0.3, newborn: 0.31")
    w = simulate(text, backend="cpp").weights["p"].w

    assert w.shape[1] == 200 * 40
    grown = (w[0] == 0) & (w[-1] > 0)
    pruned = (w[0] > 0) & (w[-1] == 0)
    assert grown.sum() > 100
    assert pruned.sum() > 100


def test_a_synapse_that_is_not_connected_transmits_nothing_and_learns_nothing(simulate):
    """With everything unconnected the cells do not know of their sources."""
    given = {"rate": "50 Hz", "weight": "0.9 mV"}
    cut, alone, joined = (
        simulate(text, backend="cpp")  # one program
        for text in (
            circuit("at_start: 0, growth: 0", **given),
            circuit("at_start: 0, growth: 0", **{**given, "rate": "0 Hz"}),
            circuit("growth: 0", **given),
        )
    )

    assert not cut.weights["p"].w.any()
    assert len(joined.spikes["cells"]) > 1.2 * len(cut.spikes["cells"])
    assert abs(len(cut.spikes["cells"]) / len(alone.spikes["cells"]) - 1) < 0.1


def used_and_idle(simulate, plasticity="on"):
    """How many synapses of sources that fire before their cells are connected at the end, and of the others."""
    text = f"""
thalia: 1
name: used
dt: 1 ms
populations:
  leader: {{neuron: poisson, size: 1, parameters: {{rate: 5 Hz}}}}
  source: {{neuron: lif_current, size: 80}}
  cells: {{neuron: lif_current, size: 20}}
pathways:
  p: {{pre: source, post: cells, connect: {{rule: all_to_all}}, synapse: delta, weight: 0.2 mV, w_max: 0.5 mV, delay: 1 ms,
      plasticity: [{{rule: stdp_pair, a_plus: 0.08, a_minus: 0.12}}, {{rule: structural, newborn: 0.1}}]}}
  leads: {{pre: leader, post: source, connect: {{rule: fixed_total_number, number: 40, multapses: false}}, synapse: delta,
          weight: 30 mV, delay: 1 ms}}
  drive: {{pre: leader, post: cells, connect: {{rule: all_to_all}}, synapse: delta, weight: 30 mV, delay: 8 ms}}
stimuli: {{noise: {{kind: poisson, target: source, rate: 5 Hz, synapse: delta, weight: 30 mV}}}}
phases: [{{name: learn, duration: 60 s, plasticity: {plasticity}}}]
record: {{weights: {{pathways: [p, leads]}}}}
"""
    run = simulate(text, backend="cpp")
    weights = run.weights["p"]
    used = np.isin(weights.pre, run.weights["leads"].post)
    return np.count_nonzero(weights.w[-1][used]), np.count_nonzero(weights.w[-1][~used]), weights.w


def test_what_is_used_stays_and_the_rest_makes_room(simulate):
    """Sources that drive their cells keep more of their synapses than others; without plasticity they do not."""
    used, idle, _ = used_and_idle(simulate)
    still_used, still_idle, w = used_and_idle(simulate, "off")

    assert used > 2 * idle
    assert abs(still_used - still_idle) < 60  # of 400, three standard deviations
    assert used + idle <= still_used + still_idle == 400
    assert (w[0] == w[-1]).all()


@pytest.mark.parametrize(
    "rule", ["stdp_pair", "{rule: d1_stdp, modulator: m, a_plus: 0.05, a_minus: 0.06}", "fast_slow"]
)
def test_lowering_changes_nothing_but_the_cost(simulate, rule):
    """Also what is pending for the weight of a synapse that is pruned, and of one that grows."""
    rules = "stdp_pair, fast_slow" if rule == "fast_slow" else rule
    text = circuit("weakest: 0.3, newborn: 0.31, interval: 200 ms", rule=rules).replace(
        "duration: 10 s", "duration: 1 s"
    )

    cheap, reference = (simulate(text, lower=mode).weights["p"].w[-1] for mode in ("on", "off"))

    assert cheap == pytest.approx(reference, rel=1e-9, abs=1e-12)
    assert np.count_nonzero(cheap) > 1000


def test_the_compiled_program_is_rewired_and_resumes_to_the_bit():
    text = circuit("weakest: 0.3, newborn: 0.31, interval: 200 ms").replace(
        "duration: 10 s", "duration: 2 s"
    )

    assert verify(thalia.loads(text), backend="cpp", pieces=4).different == ()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (
            "newborn: 0.01",
            "would be pruned at once, or be above w_max: 0.01 of w_max, pruned below 0.05",
        ),
        ("filled: 1.5", "filled: expected a fraction from 0 to 1, found 1.5"),
        ("interval: 0.1 ms", "interval: expected at least 1 ms, the time step"),
        ('growth: "uniform(0, 1)"', "growth: expected one number for all synapses"),
        ("growth: 0.5}, {rule: structural", "a pathway is rewired by one rule only"),
    ],
)
def test_what_cannot_be_is_told(numbers, message):
    with pytest.raises(CircuitError, match=message):
        thalia.plan_of(thalia.loads(circuit(numbers, weight="0.5 mV")))


def test_a_pruned_weight_is_zero_so_the_bound_is():
    text = circuit(weight="0.5 mV").replace("w_max: 1 mV", "w_max: 1 mV, w_min: 0.1 mV")

    with pytest.raises(
        CircuitError,
        match=r"pathways\.p\.w_min: structural prunes to a weight of zero, found w_min = 0\.1 mV",
    ):
        thalia.plan_of(thalia.loads(text))


def test_it_does_not_stand_beside_a_rule_that_counts_synapses():
    with pytest.raises(
        CircuitError,
        match="normalise counts the synapses of a neuron once, and structural changes which",
    ):
        thalia.plan_of(thalia.loads(circuit(rule="stdp_pair, normalise", weight="0.5 mV")))


def test_it_is_not_gated():
    with pytest.raises(
        CircuitError, match="structural makes no changes of its own that a modulator could multiply"
    ):
        thalia.plan_of(thalia.loads(circuit("modulator: m", weight="0.5 mV")))


def test_a_rule_of_ones_own_has_its_dimensions_checked(tmp_path):
    text, _ = lookup.part_text("plasticity", "structural", tmp_path)
    (tmp_path / "mine.yaml").write_text(
        text.replace("below: weakest*w_max", "below: weakest").replace("1 s", "1 mV")
    )
    wrong = circuit(weight="0.5 mV").replace("rule: structural", "rule: ./mine.yaml")

    with pytest.raises(
        CircuitError, match=r"rewiring\.every: 'interval': expected a time, but it is a voltage"
    ):
        thalia.plan_of(thalia.loads(wrong, folder=tmp_path))


def test_a_run_that_was_killed_before_its_first_state_is_connected_as_ever(tmp_path):
    given = thalia.loads(circuit(rate="50 Hz").replace("duration: 10 s", "duration: 1 s"))
    whole = thalia.run(given, output=tmp_path / "whole.h5", backend="runtime")

    def interrupt(what, fraction, detail=""):
        if what == "simulating":
            os._exit(0)

    process = multiprocessing.get_context("fork").Process(
        target=thalia.run, args=(given,), kwargs={"output": tmp_path / "cut.h5", "backend": "runtime", "chunk": "1 ms",
                                                  "checkpoint_every": "1 s", "progress": interrupt},
    )  # fmt: skip
    process.start()
    process.join()
    resumed = thalia.resume(tmp_path / "cut.h5")

    assert np.array_equal(resumed.weights["p"].w, whole.weights["p"].w)


def test_a_warm_start_from_a_run_without_a_pool_keeps_what_is_connected(tmp_path):
    """The weights of synapses that are not connected are not taken over."""
    plain = (
        circuit()
        .replace(", {rule: structural, growth: 0.5}", "")
        .replace("duration: 10 s", "duration: 1 s")
    )
    first = thalia.run(thalia.loads(plain), output=tmp_path / "first.h5", backend="runtime")

    text = circuit().replace("duration: 10 s", "duration: 1 s")
    warm = thalia.run(
        thalia.loads(text), output=tmp_path / "warm.h5", backend="runtime", start_from=first.file
    )

    assert (connected(first)[-1] > 150).all()
    assert (connected(warm)[0] <= 50).all()
    w = warm.weights["p"].w[0]
    assert np.array_equal(w[w > 0], first.weights["p"].w[-1][w > 0])


BUSY = circuit("weakest: 0.3, newborn: 0.31, interval: 200 ms", rate="20 Hz")


@pytest.fixture
def in_memory(monkeypatch):
    """Which synapses a program has: those that are connected; all, some passed by; or all, visited."""

    def choose(which):
        if which != "connected":
            monkeypatch.setattr("thalia.backends.loading.is_compacted", lambda *_: False)
        if which == "visited":
            monkeypatch.setattr("thalia.backends.loading.passed_by", lambda *_: ())

    return choose


FLYING = 'delay: "uniform(1 ms, 20 ms)"'  # spikes are in flight when synapses are pruned and grow
BACK = 'delay: {axonal: "uniform(1 ms, 20 ms)", dendritic: 3 ms}'  # and those of the cells, too
INSTAR = "{rule: instar, eta: 0.2, full: 0.5}"


@pytest.mark.parametrize(
    ("rule", "delay", "threads"),
    [("stdp_pair", FLYING, 1), ("stdp_pair", FLYING, 2), (INSTAR, BACK, 1)],
)
def test_synapses_that_are_not_connected_leave_and_nothing_else_changes(
    simulate, in_memory, rule, delay, threads
):
    text = BUSY.replace("delay: 1 ms", delay).replace("duration: 10 s", "duration: 1 s")
    text = text.replace("[stdp_pair", f"[{rule}")
    plan = thalia.plan_of(thalia.loads(text))
    assert is_compacted(plan, plan.synapses[0])
    found = []
    for which in ("connected", "passed by", "visited"):
        in_memory(which)
        found.append(simulate(text, backend="cpp", threads=threads))

    compact, shorter, visiting_all = found
    assert np.array_equal(compact.weights["p"].w, visiting_all.weights["p"].w)
    assert np.array_equal(shorter.weights["p"].w, visiting_all.weights["p"].w)
    assert np.array_equal(compact.spikes["cells"].times, visiting_all.spikes["cells"].times)
    assert np.array_equal(shorter.spikes["cells"].times, visiting_all.spikes["cells"].times)


def test_what_potential_synapses_keep_comes_back_with_them(simulate, in_memory):
    """Two pathways in one object, which differ in a parameter of each synapse."""
    rule = "{rule: stdp_pair, a_plus: 0.1}"
    other = BUSY[BUSY.index("  p: {pre") : BUSY.index("stimuli:")].replace("[stdp_pair", f"[{rule}")
    text = BUSY.replace("stimuli:", other.replace("  p: {", "  q: {") + "stimuli:")
    text = text.replace("pathways: p,", "pathways: [p, q],").replace(
        "duration: 10 s", "duration: 1 s"
    )
    plan = thalia.plan_of(thalia.loads(text))
    assert [len(each.members) for each in plan.synapses] == [2]
    assert is_compacted(plan, plan.synapses[0])
    compact = simulate(text, backend="cpp")
    in_memory("visited")

    visiting_all = simulate(text, backend="cpp")

    assert np.array_equal(compact.weights["p"].w, visiting_all.weights["p"].w)
    assert np.array_equal(compact.weights["q"].w, visiting_all.weights["q"].w)
    assert np.array_equal(compact.spikes["cells"].times, visiting_all.spikes["cells"].times)


@pytest.mark.parametrize(("growth", "most"), [("0", 0), ("1", 50 * 40)])
def test_spikes_in_flight_go_to_connected_synapses_alone(growth, most):
    """Sources that fire in every step have twenty spikes in flight for 20 ms, and one that has arrived."""
    text = circuit(f"at_start: 0, growth: {growth}, interval: 50 ms", rate="1 kHz", weight="0.5 mV")
    given = thalia.loads(text.replace("delay: 1 ms", "delay: 20 ms"))
    with subject_of(given, backend="cpp") as subject:
        subject.present("100 ms")
        queue = subject.session.state()["synapses_p_pre.queue"]
    ranges = queue[2 + queue[1] :].reshape(-1, 2)

    assert np.diff(ranges).sum() == 21 * most


def test_a_synapse_that_grows_has_no_trace_of_earlier_spikes(simulate):
    """Its source fires 5 ms before it grows, and its cell 5 ms after, which would potentiate it."""
    text = """
thalia: 1
name: newborn
dt: 1 ms
duration: 300 ms
populations:
  source: {neuron: spike_source, size: 1}
  other: {neuron: spike_source, size: 1}
  cell: {neuron: lif_current, size: 1}
pathways:
  p: {pre: source, post: cell, connect: {rule: all_to_all}, synapse: delta, weight: 0.5 mV, w_max: 1 mV, delay: 1 ms,
      plasticity: [stdp_pair, {rule: structural, filled: 1, at_start: 0, growth: 1, newborn: 0.3, interval: 200 ms}]}
  force: {pre: other, post: cell, connect: {rule: all_to_all}, synapse: delta, weight: 50 mV, delay: 1 ms}
stimuli:
  source: {kind: spikes, target: source, times: {0: [195 ms]}}
  other: {kind: spikes, target: other, times: {0: [205 ms]}}
record: {spikes: all, weights: {pathways: p}}
"""
    run = simulate(text)

    assert len(run.spikes["cell"]) == 1
    assert run.weights["p"].w[-1] == pytest.approx(0.3)  # mV


@pytest.mark.parametrize(
    ("synapse", "lower", "events", "leaves"),
    [
        ("delta", "on", ("on_pre", "on_post"), True),
        ("[tsodyks_markram, delta]", "on", ("on_pre", "on_post"), True),
        ("[tsodyks_markram_baseline, delta]", "on", ("on_pre", "on_post"), True),
        # traces of postsynaptic spikes, which the synapses keep for their neuron
        ("delta", "off", ("on_pre",), False),
        # something reaches the neuron whatever the weight is
        ("counting", "on", ("on_post",), False),
    ],
)
def test_what_may_skip_synapses_that_are_not_connected(synapse, lower, events, leaves):
    own = """
synapses:
  counting:
    summary: "It also counts spikes."
    weight: mV
    neuron: "arrived : 1"
    on_pre: |
      v += w
      arrived += 1 + w/mV
"""
    text = own + circuit(weight="0.5 mV").replace(
        "synapse: delta, weight: 0.5", f"synapse: {synapse}, weight: 0.5"
    )
    plan = thalia.plan_of(thalia.loads(text), lower=lower)

    assert passed_by(plan, plan.synapses[0]) == events
    assert is_compacted(plan, plan.synapses[0]) == leaves


@pytest.fixture
def compact():
    """A subject with 2,000 of 8,000 potential synapses connected, of which many are replaced in each round."""
    with subject_of(thalia.loads(BUSY), backend="cpp") as subject:
        yield subject


def test_only_connected_synapses_are_in_memory(compact):
    w = compact.weights("p")
    compact.present("500 ms")

    assert w.shape == (8000,)
    assert np.count_nonzero(w) == 2000
    assert compact.session.read("synapses_p.N") == np.count_nonzero(compact.weights("p")) < 2000


def test_forgetting_connects_the_synapses_of_the_beginning_with_their_weights(compact):
    w = compact.weights("p")
    compact.present("500 ms")
    assert np.count_nonzero((compact.weights("p") > 0) & (w == 0)) > 200

    compact.forget()

    assert np.array_equal(compact.weights("p"), w)


def test_a_state_with_other_connections_is_restored(compact):
    """With spikes in flight, to synapses that have left in the meantime."""
    compact.present("300 ms")
    state, w = compact.remember(), compact.weights("p")
    once = compact.present("300 ms").counts("cells"), compact.weights("p")

    compact.restore(state)
    assert np.array_equal(compact.weights("p"), w)
    again = compact.present("300 ms").counts("cells"), compact.weights("p")

    assert np.array_equal(once[0], again[0])
    assert np.array_equal(once[1], again[1])

"""The subject of an experiment: it has all that a run has, may stop learning, can be saved, and is recorded."""

import h5py
import numpy as np
import pytest
from brian2 import hertz, mV, second

import thalia
from thalia.errors import CircuitError
from thalia.training.subject import subject_of

SLOW = """
thalia: 1
name: slow
dt: 1 ms
duration: 1 s
seed: 3
populations:
  source: {neuron: poisson, size: 60, parameters: {rate: 20 Hz}, from_task: [rate]}
  cells: {neuron: lif_current, size: 10}
modulators:
  turmoil: {kind: first_order, tau: 500 ms, weight_change_of: p, every: 130 ms}
  dopamine: {kind: first_order, tau: 200 ms, tonic: 0.3, from_task: true}
pathways:
  p: {pre: source, post: cells, connect: {rule: all_to_all}, synapse: delta, weight: "uniform(0 mV, 1 mV)", w_max: 1 mV,
      delay: 1 ms, plasticity: [{rule: d1_stdp, modulator: dopamine, a_plus: 0.05, a_minus: 0.06},
                                {rule: structural, weakest: 0.3, newborn: 0.31, interval: 170 ms}]}
stimuli: {drive: {kind: poisson, target: cells, rate: 300 Hz, synapse: delta, weight: 3 mV}}
record: {weights: {pathways: p, every: 110 ms}, modulators: 1 ms, traces: {v: {population: cells, variables: [v], neurons: 3, every: 5 ms}}}
"""


@pytest.fixture
def subject():
    made = subject_of(thalia.loads(SLOW), "runtime")
    yield made
    made.close()


def level(subject):
    return float(subject.session.read("shared.turmoil_level")[0])


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_an_experiment_rewires_and_releases_by_weight_changes_as_a_run_does(backend, tmp_path):
    """A task that only presents, in pieces of another length than any interval: the same bits as in a run."""
    run = thalia.run(thalia.loads(SLOW), backend=backend, output=tmp_path / "run.h5")
    subject = subject_of(thalia.loads(SLOW), backend)
    try:
        spikes = [
            subject.present(seconds).total("cells") for seconds in ("0.4 s", "170 ms", "0.43 s")
        ]
        found, released = subject.weights("p"), level(subject)
    finally:
        subject.close()

    with h5py.File(run.file) as h5:
        state = h5["state/shared/turmoil_level"][...]
    assert (found / 1e-3).tobytes() == run.weights["p"].w[-1].tobytes()
    assert released == state.item() > 0
    assert sum(spikes) == len(run.spikes["cells"].times)
    assert 0.1 < np.mean(found == 0) < 0.9


def test_learning_is_on_again_after_an_error_in_a_test(subject):
    """Whatever went wrong while it was frozen, and also where something was learned."""
    with pytest.raises(ZeroDivisionError), subject.frozen():
        raise ZeroDivisionError
    before = subject.digest()
    subject.present("0.2 s", {"source": "50 Hz"})
    learned = subject.digest()
    with pytest.raises(RuntimeError, match="plasticity is off has learned"), subject.frozen():
        subject.session.write("synapses_p.w", subject.session.read("synapses_p.w") / 2)
    after = subject.digest()
    subject.present("0.2 s", {"source": "50 Hz"})

    assert learned != before
    assert subject.digest() != after


def test_a_connection_that_changes_while_frozen_is_noticed(subject):
    """A synapse of weight zero may be connected or not, so its weight alone does not tell."""
    name = "synapses_p.structural_connected"
    with pytest.raises(RuntimeError, match="has learned"), subject.frozen():
        subject.session.write(name, 1 - subject.session.read(name))


def test_nothing_is_rewired_while_frozen(subject):
    subject.present("0.1 s")
    with subject.frozen():
        before = subject.session.read("synapses_p.structural_connected")
        subject.present("0.5 s")
        frozen = subject.session.read("synapses_p.structural_connected")
    subject.present("0.5 s")

    assert np.array_equal(before, frozen)
    assert not np.array_equal(frozen, subject.session.read("synapses_p.structural_connected"))


def test_what_is_forgotten_is_connected_as_at_the_beginning_and_is_not_a_change(subject):
    first = subject.weights("p")
    subject.present("0.5 s", {"source": "50 Hz"})
    learned, before = subject.weights("p"), level(subject)
    subject.forget()
    with subject.frozen():
        subject.present("0.15 s")

    assert not np.array_equal(learned, first)
    assert np.array_equal(subject.weights("p"), first)
    assert level(subject) < before


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_a_subject_continues_from_its_state_bit_identically(backend):
    """Also another one of the same circuit, and with a stimulus that ends after it."""
    first, other = (subject_of(thalia.loads(SLOW), backend) for _ in range(2))
    try:
        first.present("0.33 s", {"source": np.arange(60.0) * hertz})
        state = first.state()
        expected = [first.present("0.3 s"), first.present("0.2 s", {"source": "30 Hz"})]
        ended = first.digest(), level(first), first.done

        other.present("0.1 s")
        other.restore(state)
        found = [other.present("0.3 s"), other.present("0.2 s", {"source": "30 Hz"})]

        assert [each.total("cells") for each in found] == [each.total("cells") for each in expected]
        assert found[1].spikes("source")[0].tobytes() == expected[1].spikes("source")[0].tobytes()
        assert (other.digest(), level(other), other.done) == ended
    finally:
        first.close()
        other.close()


def test_a_state_from_before_the_first_step_continues_as_at_first():
    """Also along delays, for which there is room in a queue only from the first step on."""
    with subject_of(thalia.loads(SLOW), "runtime") as subject:
        state = subject.state()
        first = subject.present("0.2 s", {"source": "50 Hz"}).spikes("cells")
        subject.restore(state)
        again = subject.present("0.2 s", {"source": "50 Hz"}).spikes("cells")

    assert len(first[0])
    assert [each.tobytes() for each in again] == [each.tobytes() for each in first]


def test_a_state_keeps_weights_that_a_task_gave_to_a_fixed_pathway():
    text = SLOW.replace("stimuli:", "  q: {pre: source, post: cells, connect: {rule: all_to_all}, "
                        "synapse: delta, weight: 0.1 mV, delay: 1 ms}\nstimuli:")  # fmt: skip
    subject = subject_of(thalia.loads(text), "runtime")
    subject.set_weights("q", np.full(600, 0.2) * mV)
    state = subject.state()
    subject.set_weights("q", np.zeros(600) * mV)
    subject.restore(state)

    assert (subject.weights("q") == 2e-4).all()
    subject.close()


@pytest.fixture
def recorded(tmp_path):
    """The run file of a subject that learned, was tested, and learned again."""
    subject = subject_of(thalia.loads(SLOW), "runtime", record=tmp_path / "subject.h5")
    subject.present("0.4 s")
    with subject.frozen():
        subject.present("0.2 s")
    subject.present("0.15 s")
    subject.close()
    return subject, thalia.Run(tmp_path / "subject.h5")


def test_an_experiment_records_what_a_run_of_its_circuit_would(recorded, tmp_path):
    _, run = recorded
    plain = thalia.run(
        thalia.loads(SLOW), backend="runtime", duration="400 ms", output=tmp_path / "run.h5"
    )

    until = run.spikes["cells"].times < 0.4
    assert run.attributes["complete"]
    assert run.duration == pytest.approx(0.75)
    assert run.phases == [("experiment", 0, 0.75)]
    assert run.spikes["cells"].times[until].tobytes() == plain.spikes["cells"].times.tobytes()
    assert run.weights["p"].time.round(9).tolist() == [0, 0.11, 0.22, 0.33, 0.44, 0.55, 0.66, 0.75]
    assert run.weights["p"].w[:4].tobytes() == plain.weights["p"].w[:4].tobytes()
    assert len(run.modulators["turmoil"].value) == 750
    assert run.traces["v"]["v"].shape == (150, 3)
    assert run.rates["cells"] == pytest.approx(len(run.spikes["cells"].times) / 10 / 0.75)


def test_a_run_starts_from_what_an_experiment_learned(recorded, tmp_path):
    _, learned = recorded

    warm = thalia.run(
        thalia.loads(SLOW), backend="runtime", duration="1 ms", output=tmp_path / "warm.h5",
        start_from=learned.file,
    )  # fmt: skip

    assert np.array_equal(warm.weights["p"].w[0], learned.weights["p"].w[-1])


def test_a_recorded_experiment_is_not_resumed_without_its_task(recorded):
    subject, run = recorded

    with pytest.raises(
        CircuitError, match="is the recording of an experiment, which only its task"
    ):
        thalia.resume(run.file, for_="1 s")
    with pytest.raises(CircuitError, match="recorded cannot return to an earlier state"):
        subject.restore(subject.state)


def test_a_recording_without_a_presentation_leaves_no_file(tmp_path):
    subject_of(thalia.loads(SLOW), "runtime", record=tmp_path / "subject.h5").close()

    assert list(tmp_path.iterdir()) == []


def fail_after(subject, *presented):
    """An experiment that fails after presentations, each followed by a checkpoint but the last."""
    with subject:
        for duration in presented:
            if subject.done:
                subject.recording.checkpointer.keep()
            subject.present(duration)
        raise ZeroDivisionError


def test_an_experiment_that_fails_leaves_an_incomplete_recording_of_what_was_saved(tmp_path):
    subject = subject_of(thalia.loads(SLOW), "runtime", record=tmp_path / "subject.h5")
    with pytest.raises(ZeroDivisionError):
        fail_after(subject, "0.2 s", "0.1 s")

    run = thalia.Run(tmp_path / "subject.h5")
    assert not run.attributes["complete"]
    assert run.duration == pytest.approx(0.2)


def test_an_experiment_that_fails_before_a_state_is_saved_leaves_no_file(tmp_path):
    subject = subject_of(thalia.loads(SLOW), "runtime", record=tmp_path / "subject.h5")
    with pytest.raises(ZeroDivisionError):
        fail_after(subject)

    assert list(tmp_path.iterdir()) == []


def test_progress_of_an_experiment_is_reported_as_that_of_a_run():
    told = []
    subject = subject_of(thalia.loads(SLOW), "runtime", progress=lambda *given: told.append(given))
    subject.present("0.3 s")
    subject.fraction = 0.5
    subject.present("0.2 s")
    subject.close()

    assert {what for what, _, _ in told} == {"learning"}
    assert sorted({fraction for _, fraction, _ in told}) == [0, 0.5]
    assert told[-1][2].startswith("0.5 s, ")
    assert told[-1][2].endswith(" x model time")


class Counting:
    """A pipe to a program that counts the messages that are sent."""

    def __init__(self, pipe):
        self.pipe, self.is_empty, self.messages = pipe, True, 0

    def writelines(self, data):
        self.is_empty &= not data
        self.pipe.writelines(data)

    def flush(self):
        self.messages += not self.is_empty
        self.is_empty = True
        self.pipe.flush()

    def __getattr__(self, name):
        return getattr(self.pipe, name)


def test_a_release_is_one_message():
    """What is written is confirmed together with the next answer."""
    with subject_of(thalia.loads(SLOW), "cpp") as subject:
        pipe = subject.session.process.stdin = Counting(subject.session.process.stdin)
        subject.release("dopamine", 1)
        released = pipe.messages
        level = subject.session.read("shared.dopamine_level").item()

    assert released == 1
    assert level == pytest.approx(1.3)


PLAYED = SLOW.replace(
    "  cells:",
    "  other: {neuron: poisson, size: 7, parameters: {rate: 10 Hz}, from_task: [rate]}\n  cells:",
)


def outcome(subject):
    """Everything that the next presentation depends on."""
    state = subject.state()
    variables = {name: values.tobytes() for name, values in state.variables.items()}
    return variables, state.step, state.phase, state.shown, state.counts, subject.presentations


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
@pytest.mark.parametrize("pause", [None, "23 ms"])
def test_a_sequence_is_one_presentation_for_each_of_its_stimuli_in_every_bit(backend, pause):
    """Also where synapses are rewired and a modulator is released within a stimulus."""
    rates = np.random.default_rng(1).uniform(0, 80, (12, 60))
    others = np.arange(12.0) * 5
    times = np.linspace(20, 130, 12).round()
    given = {"source": rates * hertz, "other": others * hertz}
    counts = []
    with subject_of(thalia.loads(PLAYED), backend) as one:
        one.present("30 ms", {"source": "50 Hz"})
        for place, time in enumerate(times):
            response = one.present(
                f"{time:g} ms", {name: each[place] for name, each in given.items()}
            )
            counts.append([response.counts(name) for name in ("source", "cells", "other")])
            if pause:
                one.present(pause)
        expected = outcome(one)
        expected_later = one.present("50 ms").total("cells"), outcome(one)
    with subject_of(thalia.loads(PLAYED), backend) as many:
        many.present("30 ms", {"source": "50 Hz"})
        found = many.play(times * 1e-3 * second, given, pause)

        assert outcome(many) == expected
        assert (many.present("50 ms").total("cells"), outcome(many)) == expected_later
    assert all(
        np.array_equal(found.counts(name), [each[place] for each in counts])
        for place, name in enumerate(("source", "cells", "other"))
    )


def test_a_recorded_sequence_is_that_of_single_presentations(tmp_path):
    rates = np.arange(300.0).reshape(5, 60) / 4 * hertz
    with subject_of(thalia.loads(SLOW), "runtime", record=tmp_path / "one.h5") as one:
        for each in rates:
            one.present("40 ms", {"source": each})
    with subject_of(thalia.loads(SLOW), "runtime", record=tmp_path / "many.h5") as many:
        many.play("40 ms", {"source": rates})

    alone, together = (thalia.Run(tmp_path / f"{name}.h5") for name in ("one", "many"))
    assert together.traces["v"]["v"].tobytes() == alone.traces["v"]["v"].tobytes()
    assert together.weights["p"].w.tobytes() == alone.weights["p"].w.tobytes()
    assert np.array_equal(together.spikes["cells"].times, alone.spikes["cells"].times)
    assert np.array_equal(together.modulators["turmoil"].value, alone.modulators["turmoil"].value)


@pytest.mark.parametrize(("size", "most"), [(60, 60), (9000, 150)])
def test_stimuli_are_sent_before_what_was_presented_is_answered(size, most):
    """Large ones too, of which fewer fit into a pipe: it is always in order and never blocks."""
    text = SLOW.replace(
        "source: {neuron: poisson, size: 60", f"source: {{neuron: poisson, size: {size}"
    )
    text = text.replace("connect: {rule: all_to_all}", "connect: {probability: 0.01}")
    with subject_of(thalia.loads(text), "cpp") as subject:
        rates = np.zeros((100, size))
        rates[np.arange(100), np.arange(100) % size] = 1000
        pipe = subject.session.process.stdin = Counting(subject.session.process.stdin)
        counts = subject.play("2 ms", {"source": rates * hertz}).counts("source")

    assert np.array_equal(counts.argmax(axis=1), np.arange(100) % size)
    assert pipe.messages < most


@pytest.mark.parametrize(("duration", "given", "pause", "message"), [
    ("10 ms", {"source": "20 Hz"}, None, "the task plays a sequence: found one stimulus"),
    ("10 ms", {}, None, "found one stimulus\n    hint: what differs from one stimulus to the next has one row for each"),
    (["10 ms", "20 ms"], {"source": ["1 Hz", "2 Hz", "3 Hz"]}, None, "found 'source' for 3, the times for 2"),
    ("10 ms", {"source": np.zeros((0, 60)) * hertz}, None, "'rate' of 'source': expected a number for each stimulus, found none"),
    ("10 ms", {"source": np.zeros((3, 59)) * hertz}, None, "'rate' of 'source': expected 60 numbers each time, or one for all, found 59"),
    ("10 ms", {"source": np.zeros((3, 60))}, None, "'rate' of 'source': expected a rate, such as '20 Hz'"),
    ("10 ms", {"source": [-1, 2] * hertz}, None, "'rate' of 'source': a rate cannot be below 0"),
    ("10 ms", {"cells": ["1 Hz", "2 Hz"]}, None, "the task sets 'rate' of 'cells', which no task may"),
    (["10 ms", "0 ms"], {"source": ["1 Hz", "2 Hz"]}, None, "expected one above 0 ms, found 0 ms"),
    (["10 ms", "0.5 ms"], {"source": ["1 Hz", "2 Hz"]}, None, "the task presents for 0.5 ms, expected a multiple of dt"),
    ("10 ms", {"source": ["1 Hz", "2 Hz"]}, ["1 ms", "2 ms"], "expected one above 0 ms, found 2 times"),
])  # fmt: skip
def test_sequences_that_cannot_be_are_told(subject, duration, given, pause, message):
    before = subject.done
    with pytest.raises(CircuitError, match=message):
        subject.play(duration, given, pause)

    assert subject.done == before

"""Phases that a task enters by name: those of a run in every bit, and what cannot be is told."""

import numpy as np
import pytest

import thalia
from tests.training.test_subject import SLOW
from thalia.circuit.experiment_spec import Experiment
from thalia.errors import CircuitError
from thalia.simulation.synapse_state import switched_variables
from thalia.training.phases import phase_problems, plan_for_trials
from thalia.training.subject import subject_of

SLEEP = "plasticity: {p: off}, modulators: {dopamine: {tonic: 0.9}}"
PHASES = f"""
experiment:
  task: bandit
  result: weight
  curve: weight
  phases:
    sleep: {{{SLEEP}}}
    dream: {{stimuli: {{source: 60 Hz}}}}
"""
RUN = f"""
phases:
  - {{name: wake, duration: 340 ms}}
  - {{name: sleep, duration: 200 ms, {SLEEP}}}
  - {{name: wake_again, duration: 260 ms}}
"""


@pytest.fixture
def subject():
    with subject_of(thalia.loads(SLOW + PHASES), "runtime") as made:
        yield made


def test_a_phase_of_an_experiment_is_that_of_a_run(subject, tmp_path):
    run = thalia.run(
        thalia.loads(SLOW.replace("duration: 1 s\n", "") + RUN),
        backend="runtime",
        output=tmp_path / "run.h5",
    )
    spikes = subject.present("340 ms").total("cells")
    awake = subject.weights("p")
    with subject.phase("sleep"):
        spikes += subject.present("200 ms").total("cells")
        asleep, dopamine = (
            subject.weights("p"),
            subject.session.read("shared.dopamine_level").item(),
        )
    spikes += subject.present("260 ms").total("cells")

    assert spikes == len(run.spikes["cells"].times)
    assert (subject.weights("p") / 1e-3).tobytes() == run.weights["p"].w[-1].tobytes()
    assert np.array_equal(awake, asleep)
    assert not np.array_equal(asleep, subject.weights("p"))
    assert dopamine == pytest.approx(0.9 - 0.6 * np.exp(-1), rel=1e-3)


def test_stimuli_of_a_phase_are_what_is_there_without_another(subject):
    with subject.phase("dream"):
        own = subject.present("300 ms").total("source")
        shown = subject.present("300 ms", {"source": "0 Hz"}).total("source")
        again = subject.present("300 ms").total("source")
    after = subject.present("300 ms").total("source")

    assert (own, again) == (pytest.approx(60 * 60 * 0.3, rel=0.15),) * 2
    assert shown == 0
    assert after == pytest.approx(60 * 20 * 0.3, rel=0.25)


def test_after_a_test_within_a_phase_it_goes_on(subject):
    """Its modulators are the same in the test, its plasticity is on afterwards as the phase has it."""
    with subject.phase("sleep"):
        with subject.frozen():
            tonic = subject.session.read("shared.dopamine_tonic").item()
            subject.present("10 ms")
        still = subject.session.read("shared.dopamine_tonic").item()
        on = subject.session.read("synapses_p.plastic").item()
    after = subject.session.read("shared.dopamine_tonic").item()
    with subject.phase("dream"), subject.frozen():
        frozen = subject.present("300 ms").total("source")

    assert (tonic, still, after, on) == (0.9, 0.9, 0.3, 0)
    assert frozen == pytest.approx(60 * 60 * 0.3, rel=0.15)


def test_a_phase_is_left_after_an_error(subject):
    with pytest.raises(ZeroDivisionError), subject.phase("sleep"):
        raise ZeroDivisionError

    assert subject.entered == "learning"
    assert subject.session.read("shared.dopamine_tonic") == 0.3


def test_it_is_counted_how_often_each_phase_is_entered(subject):
    before = subject.gauges()
    with subject.phase("sleep"), subject.frozen():
        pass
    with subject.phase("sleep"):
        asleep = subject.gauges()

    entered = {"entered_sleep": 0, "entered_dream": 0}
    assert {name: before[name] for name in entered} == entered
    assert {name: asleep[name] for name in entered} == {"entered_sleep": 2, "entered_dream": 0}


def enter(subject, *names):
    """Enter phases within one another; '' freezes."""
    first, *rest = names
    with subject.phase(first) if first else subject.frozen():
        if rest:
            enter(subject, *rest)


@pytest.mark.parametrize(("names", "message"), [
    (["slep"], "enters the phase 'slep', which the experiment does not have\n    hint: did you mean 'sleep'"),
    (["dream", "sleep"], "enters the phase 'sleep' within 'dream'\n    hint: leave one phase"),
    (["", "sleep"], "enters the phase 'sleep' within 'frozen'"),
    (["sleep", "", "dream"], "enters the phase 'dream' within 'sleep'"),
    (["", ""], "the task freezes a network that is frozen"),
])  # fmt: skip
def test_phases_that_are_not_there_or_within_others_are_refused(subject, names, message):
    with pytest.raises(CircuitError, match=message):
        enter(subject, *names)

    assert subject.entered == "learning"


@pytest.mark.parametrize(("old", "new", "message"), [
    ("sleep: {", "frozen: {", "'frozen' is a phase of every experiment"),
    ("sleep: {", "slow.sleep: {", "the name of a phase has no dots"),
    ("{p: off}", "{q: off}", "experiment.phases.sleep.plasticity.q: no pathway is called 'q'"),
    ("{p: off}", "{p: of}", "experiment.phases.sleep.plasticity: expected 'on', 'off'"),
    ("dopamine: {tonic", "dopamin: {tonic", "experiment.phases.sleep.modulators.dopamin: no modulator is called"),
    ("tonic: 0.9", "tonik: 0.9", "experiment.phases.sleep.modulators.dopamine.tonik: "),
    ("sleep: {", "sleep: {duration: 1 s, ", "experiment.phases.sleep.duration: unknown key 'duration'"),
])  # fmt: skip
def test_phases_that_cannot_be_are_told_where_they_are_written(old, new, message):
    with pytest.raises(CircuitError) as caught:
        plan_for_trials(thalia.loads(SLOW + PHASES.replace(old, new)))

    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(("stimuli", "message"), [
    ({"sourc": "1 Hz"}, "no population is called 'sourc'"),
    ({"cells": "1 Hz"}, "a task may not set the rates of 'cells'"),
    ({"source": "1 mV"}, "expected a rate, found 1 mV"),
])  # fmt: skip
def test_stimuli_that_a_phase_cannot_have_are_told(stimuli, message):
    phases = {"sleep": {"stimuli": stimuli}}
    section = Experiment(task="bandit", result="a", curve="a", phases=phases)
    problems = list(phase_problems(section, plan_for_trials(thalia.loads(SLOW))))

    assert [each.path[:4] for each in problems] == [("experiment", "phases", "sleep", "stimuli")]
    assert message in problems[0].message


RULES = """
thalia: 1
name: kept
dt: 1 ms
duration: 1 s
populations:
  source: {neuron: poisson, size: 5, from_task: [rate]}
  cells: {neuron: lif_current, size: 2}
modulators:
  da: {kind: first_order, from_task: true}
rules:
  ours: {summary: a trace that grows only while plasticity is on, source: chosen here, numbers: chosen here, on_pre: w += plastic*0.1*w_max}
pathways:
  p: {pre: source, post: cells, connect: {rule: all_to_all}, synapse: delta, weight: 1 mV, w_max: 4 mV, delay: 1 ms, plasticity: [RULE]}
"""


@pytest.mark.parametrize(("rule", "names"), [
    ("instar", {"neurons_cells.instar_wins"}),
    ("stdp_calcium", {"synapses_p.stdp_calcium_rho"}),
    ("synaptic_scaling", {"neurons_cells.synaptic_scaling_log_factor"}),
    ("{rule: ours, eligibility: {decay: 1 s}, modulator: da}", set()),
])  # fmt: skip
def test_everything_that_plasticity_changes_is_watched_while_frozen(rule, names):
    assert {
        *switched_variables(plan_for_trials(thalia.loads(RULES.replace("RULE", rule))))
    } == names


def test_a_change_of_what_is_no_weight_is_noticed_too():
    """Of weights and one threshold alone the count of wins of `instar` was left out."""
    subject = subject_of(thalia.loads(RULES.replace("RULE", "instar")), "runtime")
    with pytest.raises(RuntimeError, match="has learned"), subject, subject.frozen():
        subject.session.write("neurons_cells.instar_wins", np.ones(2))

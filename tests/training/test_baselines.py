"""Baselines: right on cases that are solved by hand, on the data that the network gets, in every table."""

import csv
import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import lstsq as scipy_lstsq
from scipy.signal import lfilter

from benchmarks import learning
from tests.helpers import thalia as command
from thalia.errors import CircuitError
from thalia.figures import training
from thalia.training import results
from thalia.training.baselines import Split, classifiers, digest_of, nearest_mean, regressions
from thalia.training.experiment import conditions_of, learn
from thalia.training.phases import plan_for_trials
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import bandit, environment, pattern_completion

pytest.importorskip("sklearn")

TASK = '''
from typing import ClassVar

import numpy as np

from thalia.training.baselines import Baseline
from thalia.training.tasks import Environment


class Guess(Environment):
    """The spikes of a cell against numbers drawn before."""

    STIMULI: ClassVar = ("cue",)
    READOUT: ClassVar = ("cell",)

    trials: int = 6
    scale: float = 1

    def draw(self, plan, random):
        return self.scale * random.random(self.trials)

    def baselines(self, plan, data, random):
        return {"mean": Baseline("the mean of what was drawn", {"error": float(data.mean())})}

    def learn(self, subject, random, note):
        data = self.draw(subject.plan, random)
        for each in data:
            subject.present("10 ms", {self.stimuli["cue"][0]: "50 Hz"})
            note(spikes=each)
        return {"error": float(data.sum()), "spikes": 1.0}
'''
TEXT = """
thalia: 1
name: guess
duration: 1 s
dt: 1 ms
populations:
  cue: {neuron: poisson, size: 2, from_task: [rate]}
  cells: {neuron: lif_current, size: 2}
experiment:
  task: ./guess.py
  seeds: 2
  result: error
  curve: spikes
  chance: 3
  stimuli: {cue: cue}
  readout: {cell: cells}
  controls: {scaled: {says: "ten times as much", task: {scale: 10}}}
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guess")
    (folder / "guess.py").write_text(TASK)
    (folder / "guess.yaml").write_text(TEXT)
    return learn(folder / "guess.yaml", output=folder / "logs", backend="runtime", workers=1)


def test_a_baseline_is_a_row_with_the_data_and_the_seeds_of_the_experiment(outcome):
    learned, scaled, mean = outcome.logs

    assert mean.condition == "baseline_mean"
    assert mean.seeds == learned.seeds == (123, 124)
    assert mean.data == learned.data != scaled.data
    assert_allclose(mean.values("error"), learned.values("error") / 6)
    assert_allclose(scaled.values("error"), 10 * learned.values("error"))
    drawn = [np.array(history["spikes"]) for history in learned.histories]
    assert_allclose(mean.values("error"), [each.mean() for each in drawn], atol=1e-6)


def test_baselines_are_compared_with_the_experiment_and_read_again(outcome):
    learned, _, mean = outcome.logs
    again = results.read(outcome.folder)
    table = [*csv.reader(StringIO(results.comma_separated([again])))]

    difference = -5 / 6 * learned.values("error").mean()
    assert mean.differences(learned)["error"]["mean"] == pytest.approx(difference)
    assert [log.condition for log in again.logs] == [log.condition for log in outcome.logs]
    assert [row[1] for row in table[1:]] == ["learning", "scaled", "baseline_mean"]
    assert table[3][table[0].index("difference of the result")].startswith(f"{difference:.3g} [")
    (found,) = results.summary([again])
    assert found["conditions"]["baseline_mean"]["aggregate"]["error"]["mean"] > 0


def test_baselines_are_in_what_the_command_prints(outcome):
    folder = outcome.folder
    told = command("learn", "--table", folder.parent, "--json", folder=folder.parent)
    compared = command("learn", "--compare", folder, folder=folder.parent)

    (found,) = json.loads(told.stdout)
    assert [*found["conditions"]] == ["learning", "scaled", "baseline_mean"]
    assert "| guess | baseline_mean | 2 |" in compared.stdout


def test_a_control_that_asks_for_baselines_has_its_own_on_its_own_data(outcome):
    folder = outcome.folder.with_name("asking")
    folder.mkdir()
    (folder / "guess.py").write_text(TASK)
    asking = TEXT.replace('says: "ten times as much"', 'says: "ten times as much", baselines: true')
    (folder / "guess.yaml").write_text(asking)

    done = learn(folder / "guess.yaml", output=folder / "logs", backend="runtime", workers=1)

    _, scaled, mean, of_scaled = done.logs
    assert [mean.condition, of_scaled.condition] == ["baseline_mean", "baseline_mean_scaled"]
    assert of_scaled.data == scaled.data
    assert of_scaled.config["says"] == "scaled: the mean of what was drawn"
    assert_allclose(of_scaled.values("error"), 10 * mean.values("error"))
    assert [log.condition for log in results.read(done.folder).logs] == [
        log.condition for log in done.logs
    ]


def test_results_are_kept_and_rendered(outcome, tmp_path):
    """As the page of the guide is: a row for each condition, none of them typed."""
    kept = learning.keep(outcome.folder, tmp_path)
    page = learning.rendered(f"before\n{learning.BEGIN}old\n{learning.END}\nafter\n", tmp_path)

    head, _, first, *others = (
        line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")
    )
    learned, scaled, mean = outcome.logs
    assert [file.name for file in kept] == ["guess.json"]
    assert "**`guess`**: error, chance 3. `thalia learn guess --base-seed" in page
    assert head[:3] == ["condition", "error", "difference"]
    assert first[0] == "learning"
    assert first[1].startswith(f"{learned.values('error').mean():.3f} [")
    assert [each[0] for each in others] == ["scaled", "baseline_mean"]
    assert others[0][2].startswith(
        f"{(scaled.values('error') - learned.values('error')).mean():.3f} ["
    )
    assert others[1][-1] == str(len(mean.seeds))  # a baseline costs nothing
    assert json.loads(kept[0].read_text())["conditions"]["baseline_mean"]["data"] == list(mean.data)
    assert (page[:7], page[-7:]) == ("before\n", "\nafter\n")


def test_baselines_are_drawn_among_the_results_but_have_no_curve(outcome):
    over_trials, at_the_end = training.learning_curve(outcome).axes

    assert [each.get_text() for each in at_the_end.get_yticklabels()][-1] == "baseline mean"
    assert len(over_trials.collections) == 2  # the bands of two conditions


@pytest.mark.parametrize(("curve", "lines"), [("error", 1), ("spikes", 0)])
def test_a_chance_level_is_drawn_across_the_curve_of_its_measure_only(outcome, curve, lines):
    """It is 3, which lies within the axis of spikes."""
    renamed = tuple(
        replace(log, histories=tuple({curve: np.arange(6.0)} for _ in log.histories))
        for log in outcome.logs
    )
    of_curve = outcome.experiment.model_copy(update={"curve": curve})

    over_trials, _ = training.learning_curve(
        replace(outcome, logs=renamed, experiment=of_curve)
    ).axes

    dotted = [line for line in over_trials.get_lines() if line.get_linestyle() == ":"]
    assert len(dotted) == lines


def test_names_of_baselines_are_no_names_of_controls(tmp_path):
    (tmp_path / "guess.py").write_text(TASK)
    (tmp_path / "guess.yaml").write_text(TEXT.replace("scaled", "baseline_mean"))
    with pytest.raises(CircuitError, match="'baseline_mean': names that begin with 'baseline_'"):
        learn(tmp_path / "guess.yaml")


# two classes on a line, whose boundary is at 5 by means, and at 3 by the nearest example
LINE = Split(
    np.array([[0.0], [1], [2], [4], [9], [20]]),
    np.array([0, 0, 0, 1, 1, 1]),
    np.array([[2.5], [3.5], [6.5], [12]]),
    np.array([0, 1, 1, 1]),
)


def test_classifiers_of_a_line_are_those_by_hand():
    found = {
        name: each.tolist()
        for name, (_, each) in classifiers(LINE, 6, np.random.default_rng(1)).items()
    }

    assert found["nearest_neighbour"] == found["random_prototypes"] == [0, 1, 1, 1]
    assert found["k_means"] == [0, 1, 1, 1]  # as many clusters as examples: the same
    assert found["class_means"] == [0, 0, 1, 1]  # means at 1 and 11, so the boundary is at 6
    assert found["logistic_regression"] == sorted(found["logistic_regression"])


def test_a_cluster_has_its_most_frequent_class():
    """Two clusters, at 0 and 10; in the second a third of the examples have the other class."""
    values = np.array([[0.0], [0.1], [10], [10.1], [10.2]])
    split = Split(values, np.array([0, 0, 1, 0, 1]), np.array([[1.0], [9]]), np.array([0, 0]))

    _, found = classifiers(split, 2, np.random.default_rng(1))["k_means"]

    assert found.tolist() == [0, 1]


def test_means_of_one_class_are_no_mistake():
    assert nearest_mean(np.eye(2), np.array([7, 7]), np.eye(2)).tolist() == [7, 7]


def test_a_linear_function_is_found_by_least_squares_and_shrunk_by_ridge():
    values = np.random.default_rng(1).uniform(-1, 1, (30, 2))
    wanted = values @ [2, -1] + 0.5
    asked = np.array([[0.0, 0], [1, 1], values[4]])

    found = regressions(values, wanted, asked)

    assert_allclose(found["least_squares"], [0.5, 1.5, wanted[4]])
    assert_allclose(found["ridge"], found["least_squares"], atol=0.01)
    assert_allclose(found["mean"], wanted.mean())
    assert found["nearest_neighbour"][2] == wanted[4]


def test_a_q_learner_chooses_as_often_right_as_one_written_apart():
    """0.927 with chances of 0.7 and 0.3 over 200 trials, 0.898 of the first 100 after a reversal of
    0.8 and 0.2, by a program of its own (shared notes of the project)."""
    random = np.random.default_rng(1)
    easy = [bandit._q_learner([np.array([0.7, 0.3])], 200, random).mean() for _ in range(300)]
    blocks = [np.array([0.8, 0.2]), np.array([0.2, 0.8])]
    turned = [bandit._q_learner(blocks, 200, random)[1, :100].mean() for _ in range(300)]

    assert np.mean(easy) == pytest.approx(0.927, abs=0.01)
    assert np.mean(turned) == pytest.approx(0.898, abs=0.01)


@pytest.mark.parametrize(("name", "least", "means"), [("digits", 0.96, 0.89), ("task_sequence", 0.88, 0.85), ("rewarded_digits", 0.96, 0.89)])  # fmt: skip
def test_nearest_neighbours_of_digits_are_right_as_often_as_measured_elsewhere(name, least, means):
    """97 to 98.5 % with all images, 91.1 with ten of each class (docs/learning.md)."""
    condition = conditions_of(name, None, [], {}, {})[0]
    task = environment(condition.experiment.task).model_validate(condition.numbers)
    plan = _Sizes({"layer": 100})
    data = task.draw(plan, np.random.default_rng(1))

    found = task.baselines(plan, data, np.random.default_rng(2))

    assert least < found["nearest_neighbour"].final["accuracy"] < 0.995
    assert found["class_means"].final["accuracy"] == pytest.approx(means, abs=0.03)


class _Sizes:
    """As much of a plan as baselines ask for: the size of a population."""

    def __init__(self, sizes):
        self.sizes = sizes

    def population(self, name):
        return None, type("Population", (), {"size": self.sizes[name], "from_task": ("rate",)})


def test_the_network_is_shown_the_split_of_the_baselines(monkeypatch):
    """Every image that is presented is one of the split, first of training, then also held out."""
    few = {"most": 12, "held_out": 10, "trials": 1, "show": "20 ms", "pause": "10 ms"}
    condition = conditions_of("digits", None, [], {"populations.layer.size": 5}, few)[0]
    task = environment("classification").model_validate(condition.numbers)
    present, play, shown = Subject.present, Subject.play, []

    def presented(subject, duration, rates=None):
        shown.extend(np.asarray(each.numbers) for each in (rates or {}).values())
        return present(subject, duration, rates)

    def played(subject, duration, rates, pause=None):
        shown.extend(row for each in rates.values() for row in np.asarray(each.numbers))
        return play(subject, duration, rates, pause)

    monkeypatch.setattr(Subject, "present", presented)
    monkeypatch.setattr(Subject, "play", played)
    with subject_of(condition.circuit, "runtime") as subject:
        task.learn(subject, np.random.default_rng(3), lambda **noted: None)
        split = task.draw(subject.plan, np.random.default_rng(3))

    images = [tuple((each / 300).round(9)) for each in shown]
    training, held = (
        {tuple(each) for each in values.round(9)} for values in (split.values, split.held)
    )
    assert {*images[:12]} == training
    assert {*images} == training | held
    assert len(images) == 12 + 12 + 10


@pytest.mark.parametrize("name", ["regression", "cue_reward"])
def test_shuffled_pairs_are_shuffled_for_baselines_too(name):
    condition = conditions_of(name, None, [], {}, {"trials": 30, "shuffled": True})[0]
    task = environment(name).model_validate(condition.numbers)
    plan = _Sizes({"senses": 12})

    found = task.baselines(plan, task.draw(plan, np.random.default_rng(1)), None)

    least = min(each.final["error"] for each in found.values())
    assert least == found["mean"].final["error"]  # nothing is better than knowing nothing


def test_digests_differ_by_value_type_and_shape():
    data = [
        np.arange(4.0),
        np.arange(4),
        np.arange(4.0).reshape(2, 2),
        [np.arange(2.0), np.arange(2.0, 4)],
    ]

    assert len({digest_of(each) for each in data}) == 4
    assert digest_of(LINE) == digest_of(replace(LINE, values=LINE.values.copy()))


def drawn(name, **numbers):
    """A task of the library, its plan, what it draws, and its baselines."""
    condition = conditions_of(name, None, [], {}, numbers)[0]
    task = environment(condition.experiment.task).model_validate(condition.numbers)
    plan = plan_for_trials(condition.circuit)
    data = task.draw(plan, np.random.default_rng(1))
    return data, task.baselines(plan, data, np.random.default_rng(2))


def test_copying_without_memory_or_without_order():
    """One in eight tokens is the one of zero; of four elements in a random order, one is in its place."""
    _, tokens = drawn("copying", trials=2000, length=4)
    _, values = drawn("copying", trials=2000, length=4, code="values")

    assert tokens["zero"].final["accuracy"] == pytest.approx(1 / 8, abs=0.01)
    assert values["zero"].final["error"] == pytest.approx(1 / 3, abs=0.01)
    by_order = 1 / 4 + 3 / 4 / 8
    assert tokens["unordered"].final["accuracy"] == pytest.approx(by_order, abs=0.015)


def test_a_q_learner_with_a_table_learns_which_pattern_asks_for_what_and_the_reversal():
    _, found = drawn("discrimination")

    shares = found["q_learner"].final
    assert min(shares["last_100"], shares["reversal_last_100"]) > 0.95
    assert 0.5 < shares["reversal_first_100"] < shares["reversal_last_100"]


def test_inputs_alone_are_read_out_as_well_as_scipy_finds():
    data, found = drawn("pattern_generation", show="200 ms")

    traces = lfilter([1], [1, -np.exp(-1 / 30)], data.spikes.astype(float), axis=0)
    left = data.target - traces @ scipy_lstsq(traces, data.target)[0]
    assert found["zero"].final["error"] == 1
    assert found["inputs"].final["error"] == pytest.approx(
        (left @ left) / (data.target @ data.target)
    )


def test_patterns_that_do_not_overlap_are_completed_by_a_list_and_by_binary_synapses():
    patterns = np.kron(np.eye(3, dtype=bool), np.ones(4, bool))
    cued = patterns & (np.arange(12) % 4 < 2)

    missing = patterns & ~cued
    assert ((pattern_completion._nearest(patterns, cued) & ~cued) == missing).all()
    assert (pattern_completion._by_binary_synapses(patterns, cued, 2) == missing).all()


def test_every_second_pattern_shares_what_is_asked_for():
    data, _ = drawn("pattern_completion", loads=[20], shared=0.5)

    pairs = data.stored.reshape(10, 2, -1)
    assert (data.stored.sum(axis=1) == 20).all()
    assert ((pairs[:, 0] & pairs[:, 1]).sum(axis=1) == 10).all()


def test_binary_synapses_are_overloaded_where_a_list_is_not():
    _, few = drawn("pattern_completion", loads=[20], cues=[0.5])
    _, many = drawn("pattern_completion", loads=[320], cues=[0.5])

    assert few["binary_synapses"].final["worst"] == few["nearest"].final["worst"] == 1
    assert many["binary_synapses"].final["worst"] < 0.85 < many["nearest"].final["worst"]

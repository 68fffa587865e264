"""One-shot classification: what is shown when, what the classes are, and what is told of data that do not fit."""

from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from tests.helpers import thalia as command
from thalia.errors import CircuitError
from thalia.syntax.folder import Folder
from thalia.training.experiment import conditions_of, learn
from thalia.training.phases import plan_for_trials
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment
from thalia.training.tasks.one_shot import FAINT, contrasts

pytest.importorskip("sklearn")
SMALL = {
    "populations.retina.size": 16 * 18, "populations.features.size": 16 * 3, "populations.labels.size": 3,
    "populations.answer.size": 3, "pathways.learn.connect.blocks": 16, "pathways.compete.connect.blocks": 16,
    "pathways.bind.weight": "4 mV",
}  # fmt: skip
FEW = {
    "data": "set",
    "ways": 3,
    "queries": 2,
    "trials": 2,
    "lessons": 3,
    "show": "40 ms",
    "pause": "10 ms",
}


@pytest.fixture
def images(tmp_path):
    """Six classes of three images of 4 x 4 pixels; those of a class have one bright square in common."""
    random = np.random.default_rng(1)
    for number, name in enumerate("abcdef"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for k in range(3):
            pixels = random.integers(0, 60, (4, 4)).astype(np.uint8)
            row, column = divmod(number, 3)
            pixels[2 * row : 2 * row + 2, column : column + 2] = 255
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{k}.png")
    return tmp_path


def test_contrasts_are_what_is_above_and_below_the_mean_of_a_patch():
    """One bright pixel in the middle of 5 x 5: the patch around it, one beside it, and one that is dark."""
    image = np.zeros((5, 5))
    image[2, 2] = 0.9

    seen = contrasts(image, 0, 0, 3).reshape(5, 5, 2, 9)

    above = np.zeros(9)
    above[4] = 8 / 9
    below = np.full(9, 1 / 9)
    below[4] = 0
    length = np.sqrt((8 / 9) ** 2 + 8 / 81)
    assert seen[2, 2] == pytest.approx(np.stack([above, below]) / length)
    assert (
        seen[1, 2, 0].argmax() == 7
    )  # one up: the bright pixel is in the middle of its lowest row
    assert not seen[0, 0].any()


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, -1), (-2, 2)])
def test_a_moved_image_is_seen_where_it_has_moved_to(down, right):
    image = np.zeros((8, 8))
    image[3:5, 3:5] = np.random.default_rng(2).uniform(0.5, 1, (2, 2))

    moved = contrasts(image, down, right, 3).reshape(8, 8, 18)

    assert moved == pytest.approx(
        np.roll(contrasts(image, 0, 0, 3).reshape(8, 8, 18), (down, right), (0, 1))
    )


@pytest.mark.parametrize("patch", [3, 5])
def test_patches_have_the_length_one_or_are_not_seen(patch):
    image = np.random.default_rng(3).random((6, 7)) * np.linspace(0.05, 1, 7)

    lengths = np.linalg.norm(contrasts(image, 0, 0, patch).reshape(42, -1), axis=1)

    assert 1 in lengths.round(9)
    assert set(lengths.round(9)) <= {0, 1}
    assert np.linalg.norm(contrasts(image * 0 + 0.5, 0, 0, patch).reshape(6, 7, -1)[3, 3]) == 0
    assert 0 < FAINT < 1


def drawn(**numbers):
    condition = conditions_of("one_shot", None, [], {}, {"trials": 20, **numbers})[0]
    task = environment("one_shot").model_validate(condition.numbers)
    return task._loaded(), task.draw(plan_for_trials(condition.circuit), np.random.default_rng(5))


@pytest.mark.parametrize("shots", [1, 5])
def test_lessons_and_episodes_share_no_class_and_study_and_queries_no_image(shots):
    data, found = drawn(shots=shots, queries=7)

    assert set(data.labels[found.lessons[:, 0]]) == {0, 1, 2, 3, 4}
    assert found.study.shape == (20, 5, shots)
    assert found.queries.shape == (20, 35)
    assert set(data.labels[found.study].ravel()) == {5, 6, 7, 8, 9}
    together = np.concatenate([found.study.reshape(20, -1), found.queries], axis=1)
    assert [len(set(each)) for each in together] == [5 * shots + 35] * 20
    asked = data.labels[found.queries].reshape(20, 5, 7)
    assert (asked == data.labels[found.study[:, :, :1]]).all()


def test_shuffled_labels_are_those_of_any_class():
    _, found = drawn(labels="shuffled", trials=400)

    assert np.mean(found.taught == np.arange(5)) == pytest.approx(0.2, abs=0.04)


def test_classes_are_those_that_are_given():
    data, found = drawn(
        classes={"train": ["8"], "tuning": ["1", "3", "5"]}, tested="tuning", ways=2
    )

    assert set(data.labels[found.lessons[:, 0]]) == {8}
    assert set(data.labels[found.study].ravel()) == {1, 3, 5}


@pytest.mark.parametrize("rule", ["hebbian", "gradient"])
def test_new_classes_are_learned_without_labels_in_queries_and_features_stay(
    images, monkeypatch, rule
):
    """Each episode begins with the features of the lessons, and nothing but images is shown while it is asked."""
    held, shown = [], []
    present, play, frozen = Subject.present, Subject.play, Subject.frozen

    @contextmanager
    def noted(subject):
        held.append(subject.weights("learn"))
        with frozen(subject):
            yield
        shown.append(None)

    def watched(subject, duration, rates=None):
        if len(held) > shown.count(None):
            shown.extend(rates or ())
        return present(subject, duration, rates)

    def played(subject, duration, rates, pause=None):
        assert len(held) > shown.count(None)
        shown.extend(rates)
        return play(subject, duration, rates, pause)

    monkeypatch.setattr(Subject, "frozen", noted)
    monkeypatch.setattr(Subject, "present", watched)
    monkeypatch.setattr(Subject, "play", played)
    condition = conditions_of("one_shot", rule, [], SMALL, FEW, images)[0]
    task = environment("one_shot").model_validate(condition.numbers).reading(Folder(images))
    accuracy = []
    with subject_of(condition.circuit, "runtime") as subject:
        final = task.learn(
            subject,
            np.random.default_rng(1),
            lambda **noted: accuracy.append(noted["accuracy"]),
        )
        bound = subject.weights("bind")

    assert set(shown) == {"retina", None}
    assert np.array_equal(held[0], held[1])
    assert np.ptp(bound) > 0
    assert final["accuracy"] == pytest.approx(np.mean(accuracy))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"shots": 2}, r"experiment.shots: expected classes of at least 2 \+ 2 images, found 3 of 'd' in .*set\n    hint: use fewer shots or queries"),
        ({"ways": 4}, r"experiment.ways: expected at most 3, the classes of 'test' of .*set, found 4"),
        ({"classes": {"train": ["a", "g"]}}, r"experiment.data: .*set has no class 'g'"),
        ({"classes": {"train": ["a", "e"], "test": ["d", "e", "f"]}}, r"experiment.classes: expected other classes than in 'train', found e in 'test'"),
        ({"data": "values.npz"}, r"experiment.data: expected images, found values in .*values.npz"),
        ({"data": "nothing"}, r"experiment.data: there is no data set .*nothing"),
        ({"data": "faint.npz"}, r"experiment.data: expected images with a patch whose contrast is above 0.3, found 2 of .*faint.npz without, which would not be seen, in e, f\n    hint: leave them out, or stretch"),
        ({"side": 2}, r"experiment.stimuli.image: .*set has patches of 72 values, found 288 neurons"),
    ],
)  # fmt: skip
def test_data_that_do_not_fit_are_told(images, numbers, message):
    np.savez(images / "values.npz", values=np.eye(4), labels=[0, 1, 2, 3])
    faint = np.zeros((24, 4, 4))
    faint[:, 1, 1] = np.where(np.arange(24) % 8 < 3, 0.31, 0.5)  # a length of 0.29, and of 0.47
    faint[:12, 1, 1] = faint[18:21, 1, 1] = 0.5
    np.savez(images / "faint.npz", images=faint, labels=list("abcdef" * 4))
    with pytest.raises(CircuitError, match=message):
        conditions_of("one_shot", None, [], SMALL, {**FEW, **numbers}, images)


def test_answers_of_a_network_that_is_silent_are_at_chance(images):
    """Of 3 ways; they were all that of the first label."""
    silent = {**SMALL, "pathways.bind.weight": "0 mV", "pathways.bind.plasticity": []}
    condition = conditions_of("one_shot", None, [], silent, FEW, images)[0]
    task = environment("one_shot").model_validate(condition.numbers).reading(Folder(images))
    shown = np.random.default_rng(1).random((40, 4, 4))
    with subject_of(condition.circuit, "runtime") as subject:
        answers = task._answers(subject, shown, np.random.default_rng(1))

    assert sorted(set(answers)) == [0, 1, 2]


def test_the_command_refuses_more_shots_than_images(images):
    options = [word for path, value in SMALL.items() for word in ("--set", f"{path}={value}")]
    refused = command(
        "learn", "one_shot", "--data-root", images, "--dataset", "set", "--ways", "3", "--shots", "9", *options, folder=images,
    )  # fmt: skip

    assert refused.returncode == 2
    assert (
        "experiment.shots: expected classes of at least 9 + 5 images, found 3 of 'd'"
        in refused.stderr
    )
    assert "Traceback" not in refused.stderr


def test_a_recording_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(
        CircuitError,
        match="--record: the task 'one_shot' takes the network back to an earlier state",
    ):
        learn("one_shot", output=tmp_path / "never", record=True)
    assert not (tmp_path / "never").exists()

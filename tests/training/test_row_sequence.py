"""Images row by row: their order and times, and no target while the network is tested."""

from contextlib import contextmanager

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment

FEW = {
    "trials": 1,
    "most": 4,
    "held_out": 12,
    "shortest": "5 ms",
    "show": "9 ms",
    "answer": "20 ms",
    "pause": "10 ms",
}
SMALL = {"populations.liquid.size": 12, "populations.fusion.size": 20}


@pytest.fixture(scope="module")
def small():
    pytest.importorskip("sklearn")
    condition = conditions_of("liquid", None, [], SMALL, FEW)[0]
    return condition.circuit, environment("row_sequence").model_validate(condition.numbers)


def test_there_is_a_target_while_an_image_is_learned_and_none_while_it_is_tested(
    small, monkeypatch
):
    circuit, task = small
    held, given = [], {False: set(), True: set()}
    put, frozen = Subject.set, Subject.frozen

    @contextmanager
    def noted(subject):
        held.append(True)
        with frozen(subject):
            yield
        held.pop()

    def watched(subject, population, parameter, values):
        given[bool(held)].add((population, parameter, *np.atleast_1d(values)))
        return put(subject, population, parameter, values)

    monkeypatch.setattr(Subject, "frozen", noted)
    monkeypatch.setattr(Subject, "set", watched)
    with subject_of(circuit, "runtime") as subject:
        final = task.learn(subject, np.random.default_rng(1), lambda **_: None)

    assert given[True] == set()
    assert {each[1] for each in given[False]} == {"target", "taught", "adapting"}
    assert 0 <= final["accuracy"] <= 1


def test_rows_follow_each_other_each_for_a_time_of_its_own(small, monkeypatch):
    circuit, task = small
    shown = []
    monkeypatch.setattr(
        Subject, "present", lambda _, duration, rates=None: shown.append((duration, rates))
    )
    image = np.arange(64) / 64
    with subject_of(circuit, "runtime") as subject:
        for seed in range(20):
            task._read(subject, image, np.random.default_rng(seed))

    rows = [shown[9 * seed + row] for seed in range(20) for row in range(8)]
    assert len(shown) == 20 * 9  # eight rows, and the time to answer
    found = np.array([np.asarray(rates["encoder"].numbers) for _, rates in rows[:8]])
    assert found == pytest.approx(200 * np.repeat(image.reshape(8, 8), 5, axis=1))
    times = np.unique(np.round([duration.mean for duration, _ in rows], 6))
    assert times == pytest.approx([0.005, 0.006, 0.007, 0.008, 0.009])


@pytest.mark.parametrize(("numbers", "sizes", "message"), [
    ({"rows": 7}, {}, "experiment.rows: the 64 values of an image of digits do not make 7 rows"),
    ({}, {"populations.encoder.size": 12}, "stimuli.row: expected a multiple of the 8 values of a row, found 12 neurons"),
    ({"shortest": "10 ms"}, {}, "experiment.shortest: expected at most `show`, 9 ms, found 10 ms"),
])  # fmt: skip
def test_what_does_not_fit_the_images_is_told(numbers, sizes, message):
    pytest.importorskip("sklearn")
    with pytest.raises(CircuitError, match=message):
        conditions_of("liquid", None, [], SMALL | sizes, FEW | numbers)

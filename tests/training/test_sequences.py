"""Sequences that share their middle: the circuit predicts and replays them, and controls do not."""

from types import SimpleNamespace

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import subject_of
from thalia.training.tasks import environment
from thalia.training.tasks.sequences import followed, speed_of

# two sequences of seven elements, each shown once, to columns of 24 cells
BLOCKS = ("show", "excite", "inhibit", "calm", "expect", "predict")
SMALL = {
    "dt": "0.2 ms",
    "populations.cells.size": 8 * 24,
    **{f"populations.{name}.size": 8 for name in ("symbols", "interneurons", "predictions")},
    **{f"pathways.{name}.connect.blocks": 8 for name in BLOCKS},
    **{f"pathways.{name}.delay": "0.2 ms" for name in ("show", "release", *BLOCKS[1:4])},
}
FEW = {"trials": 1, "elements": 7, "branching": [2], "kept": None, "lengths": [], "silence": "100 ms", "replay": "250 ms"}  # fmt: skip


def made(control=None, changes=None, **numbers):
    controls = [control] if control else []
    condition = conditions_of("sequences", None, controls, changes or {}, numbers)[-1]
    return condition.circuit, environment("sequences").model_validate(condition.numbers)


def learned(control=None):
    circuit, task = made(control, SMALL, **FEW)
    with subject_of(circuit, "runtime") as subject:
        return task.learn(subject, np.random.default_rng(1), lambda **_: None)


def test_sequences_are_predicted_and_replayed_after_a_single_pass():
    found = learned()

    assert found["branch"] == found["branch_2"] == found["replayed"] == 1
    assert 10 <= found["speed"] <= 70  # Hz, the published range of replay


@pytest.mark.reference
@pytest.mark.parametrize("control", ["dendrite_cut", "plasticity_off", "permuted"])
def test_without_plateaus_or_learning_or_order_nothing_is_predicted(control):
    assert learned(control)["branch"] == 0


def test_sequences_of_a_set_differ_before_and_after_their_middle():
    _, task = made()
    data = task.draw(None, np.random.default_rng(3))
    eight = data.branching[2]

    assert [each.shape for each in data.branching] == [(2, 6), (4, 6), (8, 6)]
    assert [each.shape for each in data.random] == [(1, 20), (1, 40), (1, 80)]
    assert len(np.unique(eight[:, 2:5], axis=0)) == 1
    assert len(np.unique(eight[:, 0])) == len(np.unique(eight[:, 5])) == 8
    assert not np.isin(eight[:, [0, 1, 5]], eight[0, 2:5]).any()
    assert (np.diff(data.random[2]) != 0).all()
    assert set(np.unique(data.random[2])) <= set(range(14))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [[0, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 0]]),  # the first, and what follows the middle
        (3, [[0, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 0]]),
        (4, [[0, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1]]),
    ],
)
def test_a_table_of_what_followed_fails_at_the_branch_unless_it_reaches_before_the_middle(count, expected):  # fmt: skip
    right = followed(np.array([[0, 1, 4, 5, 6, 2], [2, 3, 4, 5, 6, 0]]), count)

    # after 2 alone comes 3, or an end; after 0 alone 1
    assert right.tolist() == np.array(expected, dtype=bool).tolist()


def test_the_baselines_are_at_zero_on_the_branch():
    _, task = made()
    found = task.baselines(None, task.draw(None, np.random.default_rng(1)), None)

    assert {name: each.final["branch"] for name, each in found.items()} == {"last_1": 0, "last_3": 0}  # fmt: skip


def test_a_volley_is_of_one_column_and_of_enough_cells_at_once():
    """Four cells within 1.5 ms from one to the next count; three, and four of two columns, do not."""
    _, task = made(changes=SMALL, **FEW)
    times = (
        np.array([10, 10.2, 11, 12.4, 20, 20.1, 20.2, 30, 30, 30, 30, 40, 40.5, 41, 41.2]) * 1e-3
    )
    cells = np.array([0, 1, 2, 3, 8, 9, 10, 0, 1, 12, 13, 20, 21, 22, 23])  # of columns of four
    plan = SimpleNamespace(population=lambda _: (None, SimpleNamespace(size=32)))
    found = task._volleys(SimpleNamespace(spikes=lambda _: (times, cells), plan=plan))

    assert [column for _, column in found] == [0, 5]
    assert [time for time, _ in found] == pytest.approx([10.9e-3, 40.675e-3])


@pytest.mark.parametrize(
    ("times", "speed"),
    [
        ([0.1, 0.14, 0.18], 25),
        ([0.1], 0),
        ([], 0),
        ([0.1, 0.1], 0),  # of two columns, in the same step
        ([0.1, 0.1 + 1e-17, 0.1005], 0),
    ],
)
def test_volleys_that_come_at_once_are_no_replay(times, speed):
    assert speed_of(times) == pytest.approx(speed)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"elements": 13}, "symbols: expected 14 neurons, for 13 elements and the pause, found 15"),
        ({"elements": 13}, "cells: expected a multiple of the 14 columns, found 2,160 neurons"),
        ({"branching": [12]}, "branching: expected 1 to 11, the elements that are not shared, found 12"),
        ({"kept": 3}, "kept: expected one of 2, 4, 8, found 3"),
        ({"lengths": [20, 2]}, "lengths: expected at least 3 elements, found 2"),
        ({"interval": "45 ms"}, "interval: expected more than `show` and `read` together, found 45 ms"),
    ],
)  # fmt: skip
def test_numbers_that_do_not_fit_are_told(numbers, told):
    with pytest.raises(CircuitError, match=told):
        made(**numbers)

"""Credit for outcomes that come long after what they are due to."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.phases import plan_for_trials
from thalia.training.subject import subject_of
from thalia.training.tasks import environment

SMALL = {
    "dt": "1 ms", "populations.cue.size": 30, "populations.memories.size": 30, "populations.value.size": 5,
    "pathways.recall.delay": "1 ms",
}  # fmt: skip


def made(changes=None, **numbers):
    """The task of the library with some values changed, and its circuit."""
    condition = conditions_of("credit", None, [], changes or {}, numbers)[0]
    return environment("credit").model_validate(condition.numbers), condition.circuit


def drawn(**numbers):
    task, circuit = made(**numbers)
    plan = plan_for_trials(circuit)
    blocks = task.draw(plan, np.random.default_rng(5))
    return blocks, task.baselines(plan, blocks, np.random.default_rng(6))


def test_half_of_the_outcomes_are_good_and_other_recalls_have_no_part_in_them():
    for block in drawn(trials=40)[0]:
        is_due = block.recalled[:, 0] == block.due
        assert is_due.sum() == 20
        assert (block.good == is_due).all()
        assert not (block.recalled[:, 1:] == block.due).any()


def test_outcomes_come_when_they_should():
    """After the other recalls, of 200 ms each, and the silence around them; at once, where there is none."""
    for block in drawn(trials=30)[0]:
        assert block.gaps.min() >= 0
        assert block.gaps.sum(1) == pytest.approx(block.delay - 2 * 0.2)
        assert np.allclose(block.gaps / 0.01, np.rint(block.gaps / 0.01))


def test_random_outcomes_say_nothing_about_what_was_recalled():
    shares = [
        block.good[block.recalled[:, 0] == block.due].mean()
        for block in drawn(trials=2000, outcomes="random")[0]
    ]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)


def test_who_credits_what_was_recalled_last_is_right_only_where_nothing_comes_in_between():
    assert drawn(trials=40, others=0)[1]["most_recent"].final["credited"] == 1
    many = [drawn(trials=40, delays=["1 s"] * 200)[1]["most_recent"].final["credited"]]
    assert np.mean(many) < 0.05


def test_the_credit_of_one_recall_decays_as_its_eligibility():
    """Over a minute, by the closed form: with 60 s, whatever the spikes of the recall were."""
    task, circuit = made(SMALL, active=20)
    with subject_of(circuit, "runtime") as subject:
        found = task._time_constant(subject, np.arange(20))
        left = subject.weights("credit")

    assert found == pytest.approx(60, rel=1e-6)
    assert left.tobytes() == subject.arrays.synapses["synapses_credit"].variables["w"].tobytes()


@pytest.mark.parametrize(("numbers", "message"), [
    ({"delays": ["300 ms", "1 s"]}, "experiment.delays: expected at least 0.4 s, the time of 2 recalls"),
    ({"pathway": "recal"}, "experiment.pathway: no pathway is called 'recal'"),
    ({"active": 300}, "experiment.active: expected at most 240, as many as cells of the cue, found 300"),
])  # fmt: skip
def test_what_cannot_be_is_told(numbers, message):
    with pytest.raises(CircuitError, match=message.replace(".", r"\.")):
        made(**numbers)

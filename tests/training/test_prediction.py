"""Prediction of symbols: n-grams, entropies, passages of a text, and a small network that learns what follows."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.syntax.folder import Folder
from thalia.training.experiment import conditions_of
from thalia.training.ngrams import cross_entropy, fitted_smoothing, ngram, probabilities
from thalia.training.subject import subject_of
from thalia.training.tasks import environment


def made(name, set=None, **numbers):
    condition = conditions_of(name, None, [], set or {}, numbers)[0]
    return environment(name).model_validate(condition.numbers)


def test_the_cross_entropy_is_the_mean_surprise():
    predicted = np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]])

    found = cross_entropy(predicted, np.array([0, 2]))

    assert found == pytest.approx(-(np.log(0.5) + np.log(0.6)) / 2)


def test_smoothing_adds_the_same_to_all_counts():
    """Of 3 and 1 spikes, with 1 added to each of three symbols: 4/7, 2/7 and 1/7."""
    assert probabilities(np.array([[3, 1, 0]]), 1)[0] == pytest.approx(np.array([4, 2, 1]) / 7)


def test_the_smoothing_is_what_the_symbols_deserve():
    """Nine of ten symbols are those with ten spikes: (10 + a)/(10 + 2a) = 0.9 for a = 1.25."""
    counts = np.tile([10, 0], (1000, 1))

    found = fitted_smoothing(counts, np.repeat([0, 1], [900, 100]))

    assert found == pytest.approx(1.25, rel=0.15)


def test_an_ngram_is_interpolated_by_witten_and_bell():
    """Learned 0 1 0 1 0 0; asked what follows a 0, which was seen three times, with two successors."""
    learned, asked = np.array([0, 1, 0, 1, 0, 0]), np.array([0, 1])

    found = ngram(2, learned, asked, 1, 3)

    alone = (np.array([4, 2, 0]) + 2 / 3) / (6 + 2)
    assert found[0] == pytest.approx((np.array([1, 2, 0]) + 2 * alone) / (3 + 2))


def test_an_ngram_knows_nothing_of_an_earlier_sequence():
    """Learned 0 1 0 1 0 0. Each second symbol begins a sequence, and is predicted by counts alone."""
    learned, asked = np.array([0, 1, 0, 1, 0, 0]), np.array([0, 1, 0, 1])

    found = ngram(2, learned, asked, 0, 3, apart=2)

    alone = (np.array([4, 2, 0]) + 2 / 3) / (6 + 2)
    after_0 = (np.array([1, 2, 0]) + 2 * alone) / (3 + 2)
    assert found == pytest.approx(np.array([alone, after_0, alone, after_0]))


def test_the_grammar_has_the_entropy_that_its_stationary_distribution_gives():
    """1.369 nat, summed over the stationary distribution of pairs; sampled by 200,000 symbols."""
    task = made("tokens")
    table, pairs = task.table, np.full((12, 12), 1 / 144)
    for _ in range(500):
        pairs = np.einsum("ab,abc->bc", pairs, table)
    exact = -np.sum(pairs[..., None] * table * np.log(np.maximum(table, 1e-300)))
    data = task.with_(tested=200_000).draw(None, np.random.default_rng(1))

    predicted = table[data.tested[:-2], data.tested[1:-1]]

    assert exact == pytest.approx(1.369, abs=5e-4)
    assert cross_entropy(predicted, data.tested[2:]) == pytest.approx(exact, abs=0.01)


def test_seeds_have_the_same_grammar_and_other_symbols():
    task = made("tokens")
    first, again, other = (
        task.draw(None, np.random.default_rng(seed)).learned for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert np.mean(first == other) < 0.2


PASSAGES = {"trials": 1, "lesson": 14, "tuning": 10, "tested": 10, "tuning_from": 14, "apart": 5}


@pytest.fixture
def own_text(tmp_path):
    """The experiment with a text of its own, whose three passages are the same words."""
    (tmp_path / "own.txt").write_text("One, two -- THREE!\n" * 20, "utf-8")

    def give(**numbers):
        return conditions_of("text", None, [], {}, {"data": "own.txt"} | PASSAGES | numbers, tmp_path)[0]  # fmt: skip

    return give


def test_a_text_is_letters_and_spaces(own_text, tmp_path):
    task = environment("text").model_validate(own_text(tested_from=28).numbers)

    data = task.reading(Folder(tmp_path)).draw(None, None)

    spelled = "".join(" abcdefghijklmnopqrstuvwxyz"[each] for each in data.learned)
    assert spelled == "one two three "
    assert np.array_equal(data.tested, data.learned[:10])


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"tested_from": 275}, "experiment.tested_from: expected a text of 285 characters, found 280"),
        ({"tested_from": 20}, "experiment.tested_from: expected at least 24, what comes before it ends there"),
        ({"tested_from": 28, "apart": 11}, "experiment.apart: expected at most 10, the symbols that it is tested with"),
        ({"data": "none.txt", "tested_from": 28}, "no such file"),
    ],
)  # fmt: skip
def test_passages_that_cannot_be_are_refused(numbers, message, own_text):
    with pytest.raises(CircuitError, match=message):
        own_text(**numbers)


def test_groups_fit_the_alphabet():
    message = "experiment.readout.voices: expected a multiple of the 12 symbols, found 20"
    with pytest.raises(CircuitError, match=message):
        conditions_of("tokens", None, [], {"populations.voices.size": 20, "pathways.say.connect": {"rule": "all_to_all"}}, {})  # fmt: skip


SMALL = {
    "populations.symbols.size": 4,
    "populations.granules.size": 600,
    "populations.readout.size": 4,
    "populations.voices.size": 40,
    "pathways.now.connect.number": 1,
    "pathways.before.connect.number": 1,
    "pathways.excite.weight": "3 mV",
    "pathways.say.connect.blocks": 4,
}


@pytest.mark.parametrize(("control", "low", "high"), [([], 0, 0.4), (["plasticity_off"], 1.2, 1.6)])
def test_a_small_network_learns_what_follows(control, low, high):
    """Four symbols in a circle, shown forty times in all: certain of the next one, or log 4."""
    condition = conditions_of("tokens", None, control, SMALL, {"alphabet": 4})[-1]
    task = environment("tokens").model_validate(condition.numbers)
    circle = np.arange(40) % 4

    with subject_of(condition.circuit, "runtime") as subject:
        task.predicted(subject, circle)
        with subject.frozen():
            counts, symbols = task.predicted(subject, circle[:12])

    assert low <= cross_entropy(probabilities(counts, 1), symbols) <= high


def test_sequences_that_are_tested_apart_know_nothing_of_one_another():
    """A circle is learned; it makes no difference whether the second sequence goes on where the first one ends."""
    condition = conditions_of("tokens", None, [], SMALL, {"alphabet": 4, "apart": 5, "tested": 12})[
        0
    ]
    task = environment("tokens").model_validate(condition.numbers)
    circle = np.arange(40) % 4
    first, second, rest = circle[:5], circle[5:10], circle[:2]

    with subject_of(condition.circuit, "runtime") as subject:
        task.predicted(subject, circle)
        with subject.frozen():
            goes_on, jumps = (
                task._apart(subject, np.concatenate(each), 1.0)["bits_apart"]
                for each in ((first, second, rest), (second, first, rest))
            )

    assert goes_on < 1.2  # of two bits; of the second symbol of each little is known
    assert jumps == pytest.approx(goes_on, abs=0.1)

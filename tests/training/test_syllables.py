"""Chunks of letters: byte-pair encoding, the length of a code, boundaries, and a circuit that recruits chunks."""

from math import log2
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.training.byte_pairs import (
    at_random,
    boundaries,
    code_length,
    encoded,
    f_measure,
    learned_merges,
)
from thalia.training.experiment import conditions_of
from thalia.training.subject import subject_of
from thalia.training.tasks import environment
from thalia.training.tasks.syllables import Division, _merged


def test_the_example_of_byte_pair_encoding():
    """Gage (1994): aaabdaaabac is XdXac, with X = ZY, Y = ab and Z = aa."""
    merges = learned_merges("aaabdaaabac", 3)

    assert merges[0] == ("a", "a")
    assert encoded("aaabdaaabac", merges) == ["aaab", "d", "aaab", "a", "c"]


def test_a_pair_merges_from_the_left():
    assert encoded("aaaaa", [("a", "a")]) == ["aa", "aa", "a"]


def test_random_merges_are_of_neighbours():
    merges = learned_merges("abab", 2, at_random(np.random.default_rng(1)))

    assert merges[0] in [("a", "b"), ("b", "a")]
    assert "".join(encoded("abab", merges)) == "abab"


def test_a_code_is_as_long_as_its_frequencies_say():
    """Three of four tokens, and one that was not seen, of three kinds: 3.5/5.5 and 0.5/5.5."""
    found = code_length(["a", "a", "a", "b"], ["a", "c"], 3)

    assert found == pytest.approx(-log2(3.5 / 5.5) - log2(0.5 / 5.5))


def test_boundaries_are_between_tokens():
    assert boundaries([2, 3, 1]) == {2, 5}
    assert f_measure({2, 5, 6}, {2, 7}) == pytest.approx(2 * 1 / 5)


SMALL = {
    "populations.chunks.size": 4,
    "populations.chunks.space.extent": "4 um",
    "populations.chunk_pairs.size": 104,
    "populations.chunk_pairs.space.extent": "104 um",
    "pathways.first_chunk.connect.blocks": 4,
    "rules.ripening.parameters.step.default": 0.1,
}


def made(control=(), set=SMALL, **numbers):
    condition = conditions_of("syllables", None, list(control), set, numbers)[-1]
    return condition.circuit, environment("syllables").model_validate(condition.numbers)


def words(count, first=0):
    """The word "the" so many times, each time followed by another letter."""
    others = [k for k in range(26) if k not in (19, 7, 4)]
    return np.array([[19, 7, 4, others[(first + k) % 23]] for k in range(count)]).ravel()


@pytest.mark.parametrize(
    ("control", "lengths"), [((), [{1, 2}, {1, 3}]), (("plasticity_off",), [{1}, {1}])]
)
def test_what_comes_again_becomes_a_chunk(control, lengths):
    """A word of three letters is two tokens after six times, and one after sixteen."""
    circuit, task = made(control)

    with subject_of(circuit, "runtime") as subject, subject.phase("letters"):
        task.divided(subject, words(6))
        early = task.divided(subject, words(2, 6))
        task.divided(subject, words(8, 8))
        with task.held(subject):
            late = task.divided(subject, words(3, 16))

    assert [{*each.lengths} for each in (early, late)] == lengths


def test_two_tokens_that_come_together_again_become_one():
    """Of t and h in turn the pair that is found first; the token before it is not there to go with its h."""
    circuit, task = made()
    text = np.tile([19, 7], 12)

    with subject_of(circuit, "runtime") as subject, subject.phase("tokens"):
        before = task.divided(subject, text)
        task.divided(subject, text)
        with task.held(subject):
            after = task.divided(subject, text)

    assert {*before.lengths[:4]} == {1}
    assert after.lengths == [2] * 11 + [
        1,
        1,
    ]  # no letter comes after the last one, which completes it
    assert len({*after.tokens[:-2]}) == 1


def test_a_chunk_takes_the_place_of_two_tokens():
    """The spike of a chunk comes when the letter after them does; the third token has none before it to go with."""
    found = Division(["a", "b", "c", "d"], [1, 2, 1, 1])
    chunks = np.zeros((5, 2), int)
    chunks[3, 1] = 1

    merged = _merged(found, np.array([1, 3, 4, 5]), chunks, 40)

    assert merged == Division([41, "c", "d"], [3, 1, 1])


def test_kinds_of_tokens_are_counted_as_they_come(monkeypatch):
    """Four lessons in each of two phases; what is divided while nothing is learned adds none."""
    _, task = made(trials=4, lesson=2, tested=2)
    heard = ["ab", "ac", "ab", "ad", "ab", "ae", "af", "ag"]
    divided = iter([*heard, "xy", "zw"])
    monkeypatch.setattr(type(task), "divided", lambda *_: Division(list(next(divided)), [1, 1]))
    subject = MagicMock(plan=SimpleNamespace(population=lambda _: (None, SimpleNamespace(size=4))))
    noted = []
    found = task.learn(subject, np.random.default_rng(1), lambda **each: noted.append(each))

    assert [each["kinds"] for each in noted] == [2, 3, 3, 4, 4, 5, 6, 7]
    assert {name: found[name] for name in found if name.startswith("kinds")} == {
        "kinds": 2, "kinds_25": 3, "kinds_50": 4, "kinds_100": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("set", "numbers", "message"),
    [
        ({"populations.units.size": 52}, {}, "experiment.readout.units: expected 26 neurons, one for each letter, found 52"),
        ({}, {"trials": 2000}, "experiment.trials: expected 400,000 letters there"),
        ({}, {"tested": 300_000}, "experiment.tested: expected 300,000 letters there"),
        ({}, {"data": "none.txt"}, "no such file"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(set, numbers, message):
    more = {"pathways.first_letter.connect": {"rule": "all_to_all"}, "pathways.alone.connect": {"rule": "all_to_all"}} if set else {}  # fmt: skip
    with pytest.raises(CircuitError, match=message):
        made(set=set | more, **numbers)

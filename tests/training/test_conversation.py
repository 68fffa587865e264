"""Conversation: what is drawn, how replies are scored, and what the circuit binds, forgets and learns."""

import numpy as np
import pytest

from thalia.compiler.pipeline import load_whole
from thalia.errors import CircuitError
from thalia.library.lookup import LIBRARY
from thalia.syntax.units import parse_value
from thalia.training import dialogue as dialogues
from thalia.training.dialogue import (
    ASSOCIATES,
    SILENCE,
    TEMPLATES,
    WORDS,
    Dialogue,
    Turn,
    dialogue,
    replies_without_a_network,
    scores,
)
from thalia.training.experiment import conditions_of
from thalia.training.speech import ROLES, Speech, Timing, sized
from thalia.training.subject import Subject, subject_of


def test_the_dialogue_has_as_many_templates_and_words_as_are_stated():
    assert len(TEMPLATES) == 30
    assert len(set(WORDS) - {SILENCE}) == len(WORDS) - 1 == 71


@pytest.mark.parametrize("seed", range(5))
def test_no_prompt_of_the_test_was_learned_but_every_associate_may_be(seed):
    drawn = dialogue(np.random.default_rng(seed), 1000, 300)
    assert (len(drawn.learned), len(drawn.held_out)) == (1000, 300)
    assert not {turn.prompt for turn in drawn.learned} & {turn.prompt for turn in drawn.held_out}
    assert {len(turn.reply) for turn in drawn.learned} <= set(range(1, 8))
    for _, pairs in ASSOCIATES.values():
        seen = {
            p for p in pairs.items() for t in drawn.learned if p[0] in t.prompt and p[1] in t.reply
        }
        assert seen == set(pairs.items())


def test_scores_are_those_of_papineni_et_al():
    wanted, given = [tuple("abcde"), tuple("fghi")], [tuple("abcdf"), tuple("fghi")]
    found = scores(wanted, given)
    # matching n-grams of those given: 8 of 9, 6 of 7, 4 of 5, 2 of 3; as long as wanted
    assert found["bleu"] == pytest.approx(100 * (8 / 9 * 6 / 7 * 4 / 5 * 2 / 3) ** 0.25)
    assert (found["exact"], found["token"]) == (50, pytest.approx(90))


def test_a_reply_that_is_too_short_is_penalised():
    found = scores([tuple("abcdefgh")], [tuple("abcdef")])
    assert found["bleu"] == pytest.approx(100 * np.exp(1 - 8 / 6))
    assert (found["exact"], found["token"]) == (0, 75)


def test_without_sacrebleu_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(dialogues, "find_spec", lambda name: None)
    with pytest.raises(CircuitError, match="sacrebleu") as refused:
        conditions_of("conversation", None, (), {}, {})
    assert refused.value.problems[0].hint == "pip install 'thalia[learn]'"


def test_words_without_a_neuron_are_refused():
    with pytest.raises(CircuitError, match="a neuron for each of 72 words, found 5"):
        conditions_of("conversation", None, (), sized(5), {})


def test_other_methods_reply_by_what_they_are():
    turns = [("a b", "x"), ("a b", "x"), ("c d e", "y z"), ("f", "y w"), ("f", "y w"), ("f", "y w")]
    learned = tuple(Turn(tuple(p.split()), tuple(r.split())) for p, r in turns)
    held = (Turn(("c", "d"), ("y", "z")), Turn(("a", "g"), ("x",)))
    found = {n: r for n, (_, r) in replies_without_a_network(Dialogue(learned, held)).items()}
    assert found["most_frequent"] == [("y", "w")] * 2
    assert found["last_reply"] == [("y", "w"), ("y", "z")]
    assert found["bigrams"] == [("y", "w")] * 2
    assert found["retrieval"] == [("y", "z"), ("x",)]
    assert found["oracle"] == [("y", "z"), ("x",)]


FEW = (SILENCE, "hi", "baby", "bye", "tom")


@pytest.fixture(scope="module")
def taught():
    """A network, what it had bound after a prompt and after the turn, and its reply once taught."""
    written = load_whole(LIBRARY / "experiments" / "conversation.yaml", sized(len(FEW)))
    timing = Timing(
        *map(parse_value, ("1000 Hz", "40 ms", "20 ms", "20 ms", "100 ms", "2 s")), tired=0.6
    )
    with subject_of(written, "runtime") as subject:
        speech = Speech(subject, {role: (role,) for role in ROLES}, "words", timing, FEW)
        speech.hear(("bye", "tom"))
        bound = {name: matrix(subject, name) for name in ("bind", "bind_back")}
        speech.end()
        left = {name: matrix(subject, name) for name in ("bind", "bind_back")}
        for _ in range(2):
            speech.hear(("hi", "baby"))
            speech.taught(("hi",))
            speech.end()
        speech.hear(("hi", "baby"))
        with subject.phase("answering"):
            reply = speech.reply()
    return bound, left, reply


def matrix(subject: Subject, pathway: str) -> np.ndarray:
    """The weights of a pathway by presynaptic and postsynaptic word."""
    found = np.zeros((len(FEW), len(FEW)))
    found[subject.ends(pathway)] = subject.weights(pathway)
    return found


def test_each_word_is_bound_to_the_one_before_it_in_one_presentation(taught):
    bound, _, _ = taught
    forth, back = bound["bind"] / 0.42e-3, bound["bind_back"]
    followed = [[FEW.index(word) for word in pair] for pair in ((SILENCE, "bye"), ("bye", "tom"))]
    wanted = np.zeros_like(forth)
    wanted[tuple(np.transpose(followed))] = 1
    assert forth == pytest.approx(wanted, abs=0.2)
    assert back == pytest.approx(wanted.T, abs=0.3)


def test_what_was_bound_is_gone_after_the_turn(taught):
    _, left, _ = taught
    assert left["bind"].max() < 0.01e-3
    assert left["bind_back"].max() < 0.02


def test_a_reply_is_given_after_it_was_taught_twice(taught):
    assert taught[2] == ("hi",)

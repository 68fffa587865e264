"""Conversation: what is drawn, how replies are scored, and what the circuit binds, forgets and learns."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from thalia.compiler.pipeline import load_whole
from thalia.errors import CircuitError
from thalia.library.lookup import LIBRARY
from thalia.syntax.units import parse_value
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source
from thalia.training import dialogue as dialogues
from thalia.training.dialogue import (
    ASSOCIATES,
    FILLERS,
    SILENCE,
    TEMPLATES,
    WORDS,
    Dialogue,
    Turn,
    dialogue,
    every_turn,
    facts,
    replies_without_a_network,
    scores,
    words_right,
)
from thalia.training.experiment import conditions_of, experiment_of
from thalia.training.speech import ROLES, Speech, Timing, sized
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks.conversation import Conversation, turns_until

CIRCUIT = LIBRARY / "experiments" / "conversation.yaml"


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


@pytest.mark.parametrize("seed", range(3))
def test_facts_are_in_no_template_and_give_each_one_an_animal(seed):
    told = facts(np.random.default_rng(seed), 1)
    assert not {turn.prompt for turn in told} & {turn.prompt for turn in every_turn()}
    assert sorted(turn.reply[-1] for turn in told) == sorted(FILLERS["ANIMAL"])
    assert all(turn.reply[0] == turn.prompt[-1] for turn in told)


def test_facts_of_all_kinds_are_about_each_person_in_words_that_have_neurons():
    told = facts(np.random.default_rng(1), 4)
    assert len({turn.prompt for turn in told}) == len(told) == 4 * len(FILLERS["NAME"])
    assert not {turn.prompt for turn in told} & {turn.prompt for turn in every_turn()}
    assert {word for turn in told for word in (*turn.prompt, *turn.reply)} <= {*WORDS}
    colours = Counter(turn.reply[-1] for turn in told[-len(FILLERS["NAME"]) :])
    assert sorted(colours.values()) == [1, 1, 2, 2]


@pytest.mark.parametrize(("wanted", "given", "share"), [
    ("a b c", "a b c", 1), ("a b c", "a x c", 2 / 3), ("a b", "a b c d", 1 / 2), ("a", "", 0),
])  # fmt: skip
def test_the_share_of_words_that_are_right_is_of_the_longer_sentence(wanted, given, share):
    assert words_right(tuple(wanted.split()), tuple(given.split())) == pytest.approx(share)


@pytest.mark.parametrize(("shares", "turns"), [
    ([1.0] * 60, 50),
    ([0.0] * 10 + [1.0] * 100, 55),  # 45 of the last 50
    ([0.5] * 100, 100),
    ([1.0] * 20, 20),
])  # fmt: skip
def test_turns_are_counted_until_nine_of_ten_of_the_last_words_were_right(shares, turns):
    assert turns_until(shares) == turns


def test_shares_of_cells_are_removed_one_after_the_other(monkeypatch):
    values, kept = {}, []
    topic = SimpleNamespace(size=10, parameters={"v_th": (parse_value("-50 mV"),)})
    subject = SimpleNamespace(
        plan=SimpleNamespace(population=lambda name: (None, topic)),
        set=lambda name, parameter, given: values.update({parameter: given.numbers}),
    )
    numbers = experiment_of(load_whole(CIRCUIT)).parameters
    removal = {"removed": [0.4, 0.1], "removal": {"topic": {"v_th": "0 mV"}}}
    task = parse(Conversation, numbers | removal, Source())

    def answers(*_):
        kept.append({*np.flatnonzero(values["v_th"])})
        return [("x",)] * 2

    monkeypatch.setattr(Conversation, "_answers", answers)
    asked = [Turn((), ("x",)), Turn((), ("y",))]
    found = task._damaged(subject, None, asked, np.random.default_rng(1))

    assert found == {"without_10": 50, "without_40": 50}
    assert [len(each) for each in kept] == [9, 6]
    assert kept[1] < kept[0]
    assert {*values["v_th"]} == {-0.05}  # they are back


def test_facts_are_told_to_a_network_that_sleeps_when_it_is_tired_and_asked_after_each_time(
    monkeypatch,
):
    done = []
    speech = SimpleNamespace(
        hear=lambda prompt: None,
        taught=lambda reply: done.append(reply[0]),
        end=lambda: None,
        slept=lambda: done.append("slept"),
    )
    subject = SimpleNamespace(wait=done.append)
    numbers = experiment_of(load_whole(CIRCUIT)).parameters | {"facts": 2, "between": [1, 3]}
    task = parse(Conversation, numbers, Source())
    monkeypatch.setattr(Conversation, "_exact", lambda *_: done.append("asked") or len(done))

    others = [Turn(("how",), ("good",))] * 5
    found = task._remembered(subject, speech, others, np.random.default_rng(1))

    each = ["fact", "slept"] * len(FILLERS["NAME"])
    wanted = ["slept", *each, "asked", *each, "asked", "24 hour", "asked"]
    wanted += ["good", "slept", "asked", *["good", "slept"] * 2, "asked"]
    assert ["fact" if word in FILLERS["NAME"] else word for word in done] == wanted
    assert [*found] == ["told_1", "told_2", "day_later", "after_1", "after_3"]


def test_cells_that_a_task_may_not_set_are_not_removed():
    removal = {"removed": [0.1], "removal": {"held": {"v_th": "0 mV"}}}
    with pytest.raises(CircuitError, match="a task may not set 'v_th' of 'held'") as refused:
        conditions_of("conversation", None, (), {}, removal)
    assert refused.value.problems[0].hint == "say `from_task: [v_th]` there"


@pytest.mark.parametrize("between", [[50, 50], [200, 50], [50, 1001]])
def test_turns_before_it_is_asked_again_rise_and_are_no_more_than_it_learned(between):
    with pytest.raises(CircuitError, match="expected rising numbers of turns, up to the 1000 that"):
        conditions_of("conversation", None, (), {}, {"between": between})


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

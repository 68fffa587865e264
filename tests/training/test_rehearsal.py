"""Rehearsal: which turns are gone through again in sleep, and what a sleeping network evokes of them."""

import numpy as np
import pytest

from thalia.compiler.pipeline import load_whole
from thalia.compiler.plan import SECOND
from thalia.library.lookup import LIBRARY
from thalia.syntax.units import Quantities, parse_value
from thalia.training.dialogue import SILENCE
from thalia.training.rehearsal import Rehearsal
from thalia.training.speech import ROLES, Speech, Timing, sized
from thalia.training.subject import subject_of

RIGHT = [True, False, True, False, False]


def drawn(kind, right=RIGHT, times=2):
    rehearsal = Rehearsal(kind, times, len(RIGHT), np.random.default_rng(1), list(right))
    found = rehearsal.drawn()
    assert rehearsal.place == 0
    return found


@pytest.mark.parametrize("kind", ["replayed", "awake"])
def test_every_turn_is_rehearsed_as_often_with_its_own_reply(kind):
    found = drawn(kind)
    assert sorted(found) == [(each, each) for each in range(5) for _ in range(2)]
    assert found != sorted(found)


def test_as_many_of_the_mistaken_ones_are_rehearsed_as_there_were_turns():
    found = drawn("mistaken")
    assert len(found) == 10
    assert {prompt for prompt, _ in found} == {1, 3, 4}
    assert all(prompt == reply for prompt, reply in found)


def test_nothing_is_rehearsed_where_no_turn_was_mistaken():
    assert drawn("mistaken", [True] * 5) == []


def test_shuffled_prompts_and_replies_are_the_same_ones_in_other_pairs():
    found = drawn("shuffled", times=1)
    prompts, replies = zip(*found, strict=True)
    assert sorted(prompts) == sorted(replies) == list(range(5))
    assert all(prompt != reply for prompt, reply in found)


FEW = (SILENCE, "hi", "baby", "bye", "tom")


TURNS = ((("bye", "tom"), ("bye",)), (("hi", "baby"), ("hi", "tom")))
SLOTS = [20] + [40] + [60] * 4  # ms


@pytest.fixture(scope="module")
def dreamt():
    """What is evoked at each time by the beginning of the first prompt and of the second reply.

    The network has learned two turns, and its index has neurons for two prompts and two replies.
    """
    small = {f"populations.{name}.size": size for name, size in (("index", 4), ("time", 32))}
    small |= {"populations.index.space.extent": "4 um", "populations.time.space.extent": "32 um"}
    small |= {
        f"pathways.remember_heard{on}.connect.probability": "int(x_pre < 16 um)"
        for on in ("", "_on")
    }
    for name in ("said", "said_on", "taught"):
        small[f"pathways.remember_{name}.connect.probability"] = "int(x_pre >= 16 um)"
    written = load_whole(LIBRARY / "experiments" / "conversation.yaml", sized(len(FEW)) | small)
    timing = Timing(
        *map(parse_value, ("1000 Hz", "40 ms", "20 ms", "20 ms", "100 ms", "20 ms")), tired=0.6
    )
    with subject_of(written, "runtime") as subject:
        rehearsal = Rehearsal("replayed", 1, 2, np.random.default_rng(1))
        stimuli = {role: (role,) for role in ROLES}
        speech = Speech(subject, stimuli, "words", timing, FEW, rehearsal)
        for prompt, reply in TURNS:
            speech.hear(prompt)
            speech.taught(reply)
            speech.end()
        is_full = rehearsal.is_full
        durations = Quantities(np.array(SLOTS) / 1000, SECOND)
        found = {}
        with subject.phase("asleep"):
            subject.present("100 ms")
            for cell in (0, 3):
                begins = np.zeros((len(SLOTS), 4))
                begins[0, cell] = 1
                played = subject.play(durations, {"index": begins * timing.rate})
                found[cell] = {name: played.counts(name) for name in ("heard", "said", "teacher")}
                speech.end()
    return is_full, found


def told(counts):
    """The word that fires most at each time, and nothing where none does at half of its rate."""
    counts = np.vstack([counts[0] + counts[1], counts[2:]])
    return tuple(FEW[each.argmax()] if each.max() > 10 else None for each in counts)


def test_a_prompt_that_begins_in_sleep_is_evoked_word_by_word(dreamt):
    evoked = dreamt[1][0]
    assert told(evoked["heard"]) == (SILENCE, "bye", "tom", None, None)
    assert evoked["teacher"].max() == evoked["said"].max() == 0


def test_a_reply_is_evoked_with_what_the_teacher_said_after_each_word(dreamt):
    evoked = dreamt[1][3]
    assert told(evoked["said"]) == (SILENCE, "hi", "tom", None, None)
    assert told(evoked["teacher"]) == ("hi", "tom", SILENCE, None, None)
    assert evoked["teacher"][0].max() == 0  # in the first 20 ms the network speaks alone
    assert evoked["heard"].max() == 0


def test_it_sleeps_when_there_is_no_time_for_another_turn(dreamt):
    assert dreamt[0]

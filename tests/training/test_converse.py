"""Conversations: what is typed is answered, learned from and kept, and continues as if it had not ended."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.fuzz.conversations import kills
from tests.helpers import ROOT
from tests.helpers import thalia as command
from thalia.errors import CircuitError
from thalia.recording.page_checksums import reading
from thalia.syntax.units import parse_value
from thalia.training import partner as partners
from thalia.training.converse import Converse
from thalia.training.dialogue import words_of
from thalia.training.partner import conversation_in
from thalia.training.teachers import Script, UnansweredError

WORDS = 10


def talk(file, lines, *, words=WORDS, teacher=None, turns=None):
    """What is shown in a conversation, line by line."""
    told = []
    with conversation_in(file, words, backend="runtime") as partner:
        Converse(partner, teacher, turns, told.append).run(lines)
    return told


def kept(file):
    return partners.kept_in(file)


def state_of(file):
    """Every variable of the network in a file."""
    found = {}
    with reading(file) as h5:
        h5["state"].visititems(
            lambda name, each: found.update({name: each[()]}) if hasattr(each, "shape") else None
        )
    return found


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A conversation without a break, one that ended after its first line, and what both showed."""
    folder = tmp_path_factory.mktemp("conversations")
    shown = []

    def lines():
        yield "Hi!\n"
        shutil.copy(folder / "whole.h5", folder / "broken.h5")
        yield "= hi\n"

    with conversation_in(folder / "whole.h5", WORDS, backend="runtime") as partner:
        Converse(partner, None, None, shown.append).run(lines())
    return folder, shown, talk(folder / "broken.h5", ["= hi\n"], words=None)


def test_what_a_turn_did_is_shown(taught):
    _, shown, _ = taught
    right = shown[1] == "< hi"

    assert shown[2].startswith("  attention ")
    assert all(word in shown[2] for word in ("attention", "novelty", "fatigue", "; 1 words"))
    assert shown[3].endswith(f"; right {right:d} of the last 1")


def test_a_conversation_continues_bit_identically(taught):
    folder, shown, broken = taught
    whole, other = state_of(folder / "whole.h5"), state_of(folder / "broken.h5")

    assert broken[0].startswith("  it remembers 1 turns, the last at ")
    assert broken[1] == shown[3]
    assert whole.keys() == other.keys()
    assert all(np.array_equal(whole[name], other[name]) for name in whole)
    assert kept(folder / "whole.h5") == kept(folder / "broken.h5")


def test_the_transcript_has_every_turn_with_its_time(taught):
    folder, _, _ = taught
    found = kept(folder / "whole.h5")

    assert found.vocabulary == [".", "hi"]
    assert [(turn.heard, turn.taught, turn.by) for turn in found.turns] == [("hi", "hi", "person")]
    assert all(turn.at.endswith("+00:00") for turn in found.turns)


def test_what_cannot_be_said_is_told_and_the_conversation_goes_on(tmp_path):
    lines = [
        "\n", "!!! \x1b[?\n", "= \n", "= hi\n", "x" * 100_000 + "\n", "a " * 41 + "\n", "y" * 41 + "\n",
        "one two three four five six seven eight nine ten eleven\n", "/practice many\n", "/nothing\n",
        "Ünïcode ДА\n", "/quit\n", "never heard\n",
    ]  # fmt: skip
    told = "\n".join(talk(tmp_path / "c.h5", lines))

    assert "no words are in this line, so nothing was heard" in told
    assert "no words are after '=', so nothing is taught" in told
    assert "there is nothing yet to which this could be the reply" in told
    assert "expected at most 2,000 characters, found 100,001" in told
    assert "expected at most 40 words, found 41" in told
    assert "expected words of at most 40 letters, found 41" in told
    assert "no neuron is left for 'eleven': the network knows 0 words" in told
    assert "/practice: expected a number of turns, found 'many'" in told
    assert "there is no '/nothing'" in told
    assert kept(tmp_path / "c.h5").vocabulary == [".", "ünïcode", "да"]


class Silent:
    name = "silent"

    def reply(self, prompt):
        raise UnansweredError("no answer in time")


def test_a_teacher_that_does_not_answer_is_told_and_turns_end(tmp_path):
    told = talk(tmp_path / "c.h5", ["hi\n", "hi\n"], teacher=Silent(), turns=1)

    assert "  silent: no answer in time; nothing is learned from this turn" in told
    assert "  1 turns, as many as --turns asks for" in told
    assert [turn.taught for turn in kept(tmp_path / "c.h5").turns] == [None]


def test_the_script_asks_and_teaches_and_fatigue_is_slept_off(tmp_path):
    told = []
    with conversation_in(tmp_path / "c.h5", WORDS, backend="runtime") as partner:
        partner.speech.timing = replace(partner.speech.timing, sleep=parse_value("100 ms"))
        Converse(partner, None, None, told.append).run(
            ["/practice 1\n", "/words\n", "/transcript\n"]
        )
        tired = partner.subject.level("adenosine")
        Converse(partner, None, None, told.append).run(["/sleep\n"])
        slept = partner.subject.level("adenosine")
    (turn,) = kept(tmp_path / "c.h5").turns

    assert Script().reply(words_of(turn.heard)) == words_of(turn.taught)
    assert f"> {turn.heard}" in told
    assert any(line.endswith(f"[scripted: {turn.taught}]") for line in told)
    assert "  it has slept" in told
    assert slept == pytest.approx(tired * np.exp(-100 / 500), rel=0.01)


def test_nobody_else_may_write_it_meanwhile(tmp_path):
    file = tmp_path / "c.h5"
    with conversation_in(file, WORDS, backend="runtime"):
        other = command("converse", file, "--backend", "runtime", folder=tmp_path)

    assert other.returncode == 2
    assert "c.h5: another process is writing it" in other.stderr
    assert sorted(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("change", "told"), [
    ({"version": 2}, "version: Input should be 1"),
    ({"turns": [{}]}, "turns.0.at: Field required"),
    ({"vocabulary": ["."] * 3}, "its conversation makes no sense"),
    ({"size": 10**9}, "size: Input should be less than or equal to 2000"),
])  # fmt: skip
def test_a_state_of_another_version_is_refused(change, told, monkeypatch, taught):
    file = taught[0] / "whole.h5"
    text = json.dumps(kept(file).model_dump() | change)
    stored = SimpleNamespace(asstr=lambda: {(): text})
    monkeypatch.setattr(partners, "reading", lambda *_: as_context({"texts/conversation": stored}))
    with pytest.raises(CircuitError, match=told):
        kept(file)


class as_context(dict):
    """A dictionary for `with`."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_a_file_without_a_conversation_is_refused(tmp_path):
    (tmp_path / "c.h5").write_text("no run file")
    done = command("converse", "c.h5", folder=tmp_path)

    assert done.returncode == 2
    assert "c.h5" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("options", "told"), [
    (["."], ".: is a folder"),
    (["--words", "3"], "--words: expected 10 to 2,000, found 3"),
    (["--teacher", "gemma"], "--teacher: expected scripted, none or the address of a chat endpoint"),
    (["--persona", "me.txt"], "--persona: is for a chat endpoint"),
    (["--teacher", "http://localhost:1/v1", "--persona", "me.txt"], "me.txt"),
])  # fmt: skip
def test_options_that_cannot_be_are_refused(options, told, tmp_path):
    done = command("converse", *options, folder=tmp_path)

    assert done.returncode == 2
    assert told in done.stderr


def test_words_of_a_network_that_exists_are_its_own(taught):
    with (
        pytest.raises(CircuitError, match="exists, with neurons for 10 words"),
        conversation_in(taught[0] / "whole.h5", WORDS, backend="runtime"),
    ):
        pass


@pytest.mark.slow
def test_the_conversation_on_the_page_is_what_is_shown(tmp_path):
    page = (ROOT / "docs" / "learning.md").read_text()
    _, block, *_ = page.partition("## Conversations")[2].split("```\n")
    typed = [line[2:] for line in block.splitlines() if line.startswith("> ")]
    told = []
    with conversation_in(tmp_path / "friend.h5") as partner:
        Converse(partner, None, None, told.append).run(typed)

    assert told[1:-1] == [line for line in block.splitlines() if not line.startswith("> ")]


@pytest.mark.slow
def test_no_turn_that_was_answered_is_lost_by_kills():
    bad, during, answers = kills(4, seed=2)

    assert bad == []
    assert during.total() == 4
    assert answers >= 4

"""A network that converses: what it hears and says, and the one file in which all of it is kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thalia.circuit.spec import Circuit
from thalia.compiler.pipeline import load_whole
from thalia.connectivity.streams import stream
from thalia.errors import fail
from thalia.library.lookup import LIBRARY
from thalia.recording.outputs import held
from thalia.recording.page_checksums import reading
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source
from thalia.training.dialogue import SILENCE, Sentence
from thalia.training.experiment import experiment_of
from thalia.training.recording import save
from thalia.training.speech import FATIGUE, LONGEST, Speech, sized
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks.conversation import Conversation

KEPT_AS = "conversation"  # the name of the transcript in the run file
ATTENTION, NOVELTY = "acetylcholine", "noradrenaline"  # modulators
FEWEST, MOST = 10, 2000  # words that a network may have neurons for
WORDS = 100
MOST_HEARD = 40  # words of a sentence
LONGEST_WORD = 40  # characters


type Level = Literal["attention", "novelty", "fatigue"]


class Entry(BaseModel):
    """A turn in the transcript: what was heard and said, and what a teacher taught, if one did."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: str
    heard: str
    said: str
    taught: str | None = None
    by: str | None = None
    levels: dict[Level, float]
    slept: bool = False


class Kept(BaseModel):
    """What is kept of a conversation beside the state of its network."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    size: int = Field(ge=FEWEST, le=MOST)
    vocabulary: list[str] = Field(min_length=1)
    turns: list[Entry] = []
    since_sleep: list[bool] = []  # for each reply that was taught, whether its own was the same


@dataclass
class Partner:
    """A network in conversation, with the words that its neurons have come to stand for."""

    file: FilePath
    subject: Subject
    speech: Speech
    kept: Kept
    prompt: Sentence = ()  # the last one

    @property
    def is_new(self) -> bool:
        """Whether nothing was said yet."""
        return not self.kept.turns

    @property
    def knows(self) -> int:
        """How many words it has heard."""
        return len(self.kept.vocabulary) - 1

    def right(self, last: int) -> tuple[int, int]:
        """Of the last turns that were taught, the replies that were right, and their number."""
        taught = [turn for turn in self.kept.turns if turn.taught is not None][-last:]
        return sum(turn.said == turn.taught for turn in taught), len(taught)

    def hear(self, prompt: Sentence) -> Entry:
        """Reply to a prompt; the turn is kept when it returns.

        Raises
        ------
        CircuitError
            If the prompt is too long, or has more new words than there are neurons left.
        """
        self._learn_words(prompt, MOST_HEARD)
        self.speech.listen(prompt)
        attention = self.subject.level(ATTENTION)
        self.speech.rest()
        said = self.speech.reply()
        self.speech.end()
        self.prompt = prompt
        entry = Entry(
            at=_now(), heard=" ".join(prompt), said=" ".join(said), levels=self._levels(attention)
        )
        self.kept.turns.append(entry)
        self.save()
        return entry

    def learn(self, reply: Sentence, by: str) -> Entry:
        """Be taught what should have been replied to the last prompt; sleep if that was tiring.

        Raises
        ------
        CircuitError
            If nothing was heard yet, the reply is too long, or no neurons are left for its words.
        """
        if not self.prompt:
            raise fail("there is nothing yet to which this could be the reply")
        self._learn_words(reply, LONGEST - 1)
        self.speech.hear(self.prompt)
        self.speech.taught(reply)
        self.speech.end()
        entry = self.kept.turns[-1]
        levels = self._levels(entry.levels["attention"])
        taught = {"taught": " ".join(reply), "by": by, "levels": levels}
        self._may_dream()
        entry = entry.model_copy(update={**taught, "slept": self.speech.slept()})
        self.kept.turns[-1] = entry
        self.save()
        return entry

    def sleep(self) -> None:
        """Sleep at once, whether it is tired or not."""
        self._may_dream()
        self.speech.sleep()
        self.save()

    def save(self) -> None:
        """Keep everything in the file, which is replaced, whole or not at all."""
        subject = self.subject
        if self.speech.rehearsal:
            self.kept.since_sleep = [*self.speech.rehearsal.right]
        texts = {KEPT_AS: self.kept.model_dump_json()}
        state = subject.state()
        save(self.file, subject.compiled, subject.network, subject.session, state, texts)

    def _may_dream(self) -> None:
        """Have the order of what it replays depend on the turn alone, so that it can be resumed."""
        if self.speech.rehearsal:
            name = f"dreams {len(self.kept.turns)}"
            self.speech.rehearsal.random = stream(self.subject.plan.seed, name)

    def _levels(self, attention: float) -> dict[Level, float]:
        novelty, fatigue = map(self.subject.level, (NOVELTY, FATIGUE))
        return {"attention": attention, "novelty": novelty, "fatigue": fatigue}

    def _learn_words(self, sentence: Sentence, most: int) -> None:
        """Give each new word the next neuron that stands for none."""
        known = self.kept.vocabulary
        if len(sentence) > most:
            raise fail(f"expected at most {most} words, found {len(sentence):,}")
        new = [word for word in dict.fromkeys(sentence) if word not in known]
        if long := next((word for word in new if len(word) > LONGEST_WORD), ""):
            raise fail(f"expected words of at most {LONGEST_WORD} letters, found {len(long):,}")
        if len(new) > (left := self.kept.size - len(known)):
            raise fail(
                f"no neuron is left for '{new[left]}': the network knows {self.knows} words",
                "use words that it knows, or begin another conversation with more --words",
            )
        known.extend(new)


@contextmanager
def conversation_in(
    file: FilePath, words: int | None = None, seed: int | None = None, backend: str | None = None
) -> Iterator[Partner]:
    """The conversation in a file, continued bit-identically, or a new one.

    Parameters
    ----------
    words : int, optional
        For how many words a new network has neurons.
    seed : int, optional
        Of the wiring and the noise of a new network.

    Raises
    ------
    CircuitError
        If another process has the file, or it holds no conversation that can be continued.
    """
    if file.is_dir():
        raise fail(f"{file}: is a folder", "name the file of the conversation")
    with held(file):
        kept = kept_in(file) if file.exists() else Kept(size=_size(words), vocabulary=[SILENCE])
        if file.exists() and (words is not None or seed is not None):
            raise fail(
                f"{file}: exists, with neurons for {kept.size - 1} words and a seed of its own",
                "leave out --words and --seed, or choose another file",
            )
        circuit = circuit_for(kept.size, seed)
        start = file if file.exists() else None
        with subject_of(circuit, backend, start_from=start) as subject:
            yield _partner(file, circuit, subject, kept)


def circuit_for(words: int, seed: int | None = None) -> Circuit:
    """The circuit of `thalia learn conversation`, with neurons for some number of words."""
    changes = sized(words) | ({} if seed is None else {"seed": seed})
    return load_whole(FilePath(str(LIBRARY / "experiments" / "conversation.yaml")), changes)


def _partner(file: FilePath, circuit: Circuit, subject: Subject, kept: Kept) -> Partner:
    task = parse(Conversation, experiment_of(circuit).parameters, Source())
    speech = task.speech(subject, stream(subject.plan.seed, "dreams"), kept.vocabulary)
    if speech.rehearsal:
        speech.rehearsal.right = kept.since_sleep[: speech.rehearsal.room]
    last = tuple(kept.turns[-1].heard.split()) if kept.turns else ()
    return Partner(file, subject, speech, kept, last)


def _size(words: int | None) -> int:
    if words is not None and not FEWEST <= words <= MOST:
        raise fail(f"--words: expected {FEWEST} to {MOST:,}, found {words:,}")
    return (WORDS if words is None else words) + 1  # one stands for silence


def kept_in(file: FilePath) -> Kept:
    """What a file keeps beside the state of the network.

    Raises
    ------
    CircuitError
        If it is no run file, or holds no conversation of this version.
    """
    with reading(file, "the conversation") as h5:
        text = h5[f"texts/{KEPT_AS}"].asstr()[()] if f"texts/{KEPT_AS}" in h5 else None
    if text is None:
        raise fail(f"{file}: holds no conversation", "choose another name for a new one")
    try:
        kept = Kept.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the text"
        raise fail(
            f"{file}: holds no conversation that this version of Thalia can read: {where}: "
            f"{first['msg']}",
            "continue it with the version that wrote it",
        ) from None
    words = kept.vocabulary
    if len({*words}) < len(words) or words[0] != SILENCE or len(words) > kept.size:
        raise fail(f"{file}: the vocabulary of its conversation makes no sense")
    return kept


def transcript(turns: Sequence[Entry]) -> Iterator[str]:
    """The turns as lines to read, with their times."""
    for turn in turns:
        taught = f"  [{turn.by}: {turn.taught}]" if turn.taught is not None else ""
        yield f"{turn.at}  {turn.heard}  →  {turn.said or SILENCE}{taught}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

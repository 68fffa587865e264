"""Chunking: a stream of letters without spaces, and the tokens into which a network divides it."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import CircuitError, Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.units import Quantities
from thalia.training.baselines import Baseline
from thalia.training.byte_pairs import (
    at_random,
    boundaries,
    code_length,
    encoded,
    f_measure,
    learned_merges,
)
from thalia.training.ngrams import Ints
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note
from thalia.training.texts import LETTERS, PYTHON, text_of

ALPHABET = LETTERS.strip()


@dataclass(frozen=True)
class Passages:
    """Letters to learn from, letters to test with, and the ends of words among these."""

    learned: Ints
    tested: Ints
    words: Ints


@dataclass(frozen=True)
class Division:
    """The tokens of a passage, and how many letters each has."""

    tokens: Sequence[Hashable]
    lengths: Sequence[int]


class Syllables(Environment):
    """Letters come one after the other, and in each interval one unit fires: a letter or a chunk.

    Each letter is shown for the time `show`, at `rate`, and nothing for the time `rest`. The unit
    of an interval is the chunk that fires most, or the letter itself if none does. A chunk goes on
    with the token of the interval before it, a letter begins a new one, and a token is known by
    the last of its units. If there is a second population of `chunks`, each that fires where a
    token begins takes the place of the two before it.

    The network learns from `trials` lessons of `lesson` letters, and hears them once in each of
    the phases `passes`. Then it is frozen, and divides what it learned from, and `tested` letters.
    `bits` is the length of a code for these with the frequencies of tokens in what was learned, for
    each letter; `words` is the F measure of the boundaries of tokens against those of words, which
    it was not shown. `kinds` is how many kinds of tokens what was learned is divided into, and
    `kinds_25`, `kinds_50` and `kinds_100` how many had come by so many percent of the lessons.
    `data` is `topics`, the text that comes with Python, or a file; what is tested with begins after
    `tested_from` characters, and what is learned is drawn from these.
    """

    STIMULI: ClassVar = ("letters",)
    READOUT: ClassVar = ("units", "chunks")

    trials: int = Field(80, ge=1)  # lessons
    lesson: int = Field(200, ge=2)  # letters
    tested: int = Field(4000, ge=2)
    data: str = PYTHON
    tested_from: int = Field(200_000, ge=0)
    show: PositiveTime
    rest: PositiveTime
    rate: SingleRate
    passes: list[str] = Field(min_length=1)

    def data_files(self) -> tuple[str, ...]:
        """The file of the text, if it is not the one that comes with Python."""
        return () if self.data == PYTHON else (self.data,)

    def range_of(self, number: str) -> Range:
        """The F measure is a share; the others are amounts."""
        return SHARE if number == "words" else AMOUNT

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or the text."""
        found = super().problems(plan)
        if not found:
            sizes = {
                ("stimuli", "letters"): self.stimuli["letters"][0],
                ("readout", "units"): self.readout["units"][0],
            }
            for where, name in sizes.items():
                if (size := plan.population(name)[1].size) != len(ALPHABET):
                    message = f"expected {len(ALPHABET)} neurons, one for each letter, found {size}"
                    found.append(Problem(("experiment", *where), message))
        try:
            text = text_of(self.data, self.folder)
        except CircuitError as error:
            return [*found, *(each.under("experiment", "data") for each in error.problems)]
        before, after = text[: self.tested_from], text[self.tested_from :]
        for name, count, part in (
            ("trials", self.trials * self.lesson, before),
            ("tested", self.tested, after),
        ):
            if (has := len(part.replace(" ", ""))) < count:
                message = f"expected {count:,} letters there, found {has:,}"
                found.append(Problem(("experiment", name), message))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> Passages:
        """A passage drawn from the text before those tested with, which are the same each time."""
        text = text_of(self.data, self.folder)
        before, count = text[: self.tested_from].replace(" ", ""), self.trials * self.lesson
        begin = int(random.integers(len(before) - count + 1))
        learned = before[begin : begin + count]
        words = text[self.tested_from :].split()
        ends = np.cumsum([len(each) for each in words])
        tested = "".join(words)[: self.tested]
        return Passages(_places(learned), _places(tested), ends[ends < self.tested])

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All lessons, then the division of what was learned, and of other letters."""
        passages = self.draw(subject.plan, random)
        known, kinds = set[Hashable](), list[float]()
        for name in self.passes:
            with subject.phase(name):
                for lesson in np.split(passages.learned, self.trials):
                    tokens = self.divided(subject, lesson).tokens
                    known.update(tokens)
                    kinds.append(float(len(known)))
                    note(letters_of_a_token=len(lesson) / len(tokens), kinds=kinds[-1])
        with self.held(subject):
            learned, tested = (
                self.divided(subject, each) for each in (passages.learned, passages.tested)
            )
        scores = self._scores(learned, tested, passages, self._chunks(subject.plan))
        grown = {f"kinds_{part}": kinds[len(kinds) * part // 100 - 1] for part in (25, 50, 100)}
        return {**scores, "kinds": float(len({*learned.tokens})), **grown}

    def baselines(
        self, plan: Plan, data: Passages, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Byte-pair encoding with as many merges as there are chunks, random merges, and none."""
        learned, tested = (
            "".join(ALPHABET[k] for k in each) for each in (data.learned, data.tested)
        )
        chunks = self._chunks(plan)
        ways = {
            "byte_pairs": ("byte-pair encoding", learned_merges(learned, chunks)),
            "random_merges": (
                "merges of pairs drawn at random",
                learned_merges(learned, chunks, at_random(random)),
            ),
            "letters": ("letters only", []),
        }
        found = {}
        for name, (says, merges) in ways.items():
            before, asked = (_of_texts(encoded(each, merges)) for each in (learned, tested))
            found[name] = Baseline(says, self._scores(before, asked, data, len(merges)))
        return found

    @contextmanager
    def held(self, subject: Subject) -> Iterator[None]:
        """While it lasts nothing is learned, and thresholds of chunks do not change."""
        for chunks in self.readout["chunks"]:
            subject.set(chunks, "adapting", 0)
        try:
            with subject.frozen():
                yield
        finally:
            for chunks in self.readout["chunks"]:
                subject.set(chunks, "adapting", 1)

    def _chunks(self, plan: Plan) -> int:
        return sum(int(plan.population(name)[1].size) for name in self.readout["chunks"])

    def divided(self, subject: Subject, letters: Ints) -> Division:
        """Show letters; the tokens into which the units that fire divide them."""
        shown = np.zeros((len(letters), 2, len(ALPHABET)))
        shown[np.arange(len(letters)), 0, letters] = 1
        seconds = np.tile([self.show.mean, self.rest.mean], len(letters))
        rates = {self.stimuli["letters"][0]: shown.reshape(-1, len(ALPHABET)) * self.rate}
        responses = subject.play(Quantities(seconds, SECOND), rates)
        alone, chunks, *others = (
            responses.counts(name).reshape(len(letters), 2, -1).sum(axis=1)
            for name in (*self.readout["units"], *self.readout["chunks"])
        )
        is_chunk = chunks.any(axis=1)
        units = np.where(is_chunk, len(ALPHABET) + chunks.argmax(axis=1), alone.argmax(axis=1))
        ends = np.flatnonzero(np.append(~is_chunk[1:], True))
        found = Division(units[ends].tolist(), np.diff(ends, prepend=-1).tolist())
        first = len(ALPHABET) + chunks.shape[1]
        return _merged(found, ends + 1, others[0], first) if others else found

    def _scores(
        self, learned: Division, tested: Division, passages: Passages, chunks: int
    ) -> dict[str, float]:
        letters = sum(tested.lengths)
        length = code_length(learned.tokens, tested.tokens, len(ALPHABET) + chunks)
        found = boundaries(tested.lengths)
        return {
            "bits": length / letters,
            "words": f_measure(found, {*passages.words.tolist()}),
            "letters_of_a_token": letters / len(tested.tokens),
        }


def _merged(found: Division, after: Ints, chunks: Ints, first: int) -> Division:
    """Tokens, some of which are chunks of two: those with a spike in the interval `after` them."""
    tokens, lengths = list[Hashable](), list[int]()
    for token, length, place in zip(found.tokens, found.lengths, after, strict=True):
        tokens.append(token)
        lengths.append(length)
        if len(tokens) > 1 and place < len(chunks) and chunks[place].any():
            tokens[-2:] = [first + int(chunks[place].argmax())]
            lengths[-2:] = [lengths[-2] + lengths[-1]]
    return Division(tokens, lengths)


def _of_texts(tokens: Sequence[str]) -> Division:
    return Division(tokens, [len(each) for each in tokens])


def _text(places: Ints) -> str:
    """Places in the alphabet as letters."""
    return "".join(ALPHABET[each] for each in places)


def _places(text: str) -> Ints:
    """Letters as places in the alphabet."""
    return np.array([ALPHABET.index(each) for each in text], np.int64)

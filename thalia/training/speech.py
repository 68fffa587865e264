"""How a circuit hears sentences, is taught replies, and says its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import SECOND
from thalia.syntax.quantities import Numbers
from thalia.syntax.units import Quantities, Value
from thalia.training.dialogue import SILENCE, WORDS, Sentence
from thalia.training.rehearsal import Rehearsal
from thalia.training.subject import Subject

type Row = tuple[float, Mapping[str, int]]  # for how many seconds; the neuron that fires, by role

HEARD, TEACHER, SAID, TURN, WIPE, INDEX = ROLES = (
    "heard",
    "teacher",
    "said",
    "turn",
    "wipe",
    "index",
)
FATIGUE, ASLEEP = "adenosine", "asleep"  # a modulator and a phase
LONGEST = 8  # words of a reply; nothing is said after them
TIMES = 8  # of a prompt, or a reply, that are remembered


@dataclass(frozen=True)
class Timing:
    """The rate of a neuron that stands for a word, and times.

    A word lasts `show`, and `pause` is between words. In replies the network has said its word
    `settle` after the word before it, when its teacher begins; `wipe` ends a turn. It sleeps for
    `sleep` when fatigue is above `tired`.
    """

    rate: Value
    show: Value
    pause: Value
    settle: Value
    wipe: Value
    sleep: Value
    tired: float


class Speech:
    """A conversation with a network whose neurons stand for words, `SILENCE` being the first.

    Parameters
    ----------
    stimuli : mapping from role, of `ROLES`, to populations
        The first three have a neuron for each word, the others one.
    words : str
        The population whose spikes are the reply: the word that fires most.
    vocabulary : sequence of str
        The word of each neuron.
    rehearsal : Rehearsal, optional
        The turns that are bound to their times, and gone through again in sleep.
    """

    def __init__(
        self,
        subject: Subject,
        stimuli: Mapping[str, Sequence[str]],
        words: str,
        timing: Timing,
        vocabulary: Sequence[str],
        rehearsal: Rehearsal | None = None,
    ):
        self.subject, self.words, self.timing = subject, words, timing
        self.vocabulary, self.rehearsal = vocabulary, rehearsal
        self.names = {role: stimuli[role][0] for role in ROLES}
        self.show, self.pause, self.settle = (
            each.mean for each in (timing.show, timing.pause, timing.settle)
        )

    def hear(self, prompt: Sentence) -> None:
        """A sentence, word by word, after one silence and before another."""
        self.listen(prompt)
        self.rest()

    def listen(self, prompt: Sentence) -> None:
        """The sentence up to the end of its last word."""
        heard = [{HEARD: self._number(word)} for word in (SILENCE, *prompt)]
        rows = [row for word in heard for row in ((self.show, word), (self.pause, {}))]
        first = heard[0] | self._begin(0)
        self._play([(self.settle, first), (self.show - self.settle, heard[0]), *rows[1:-1]])

    def rest(self) -> None:
        """The silence after a sentence, in which its last word is still bound."""
        self._play([(self.pause, {}), (self.show + self.pause, {})])

    def taught(self, reply: Sentence) -> Sentence:
        """The teacher's reply; returns what the network said, each word before it heard it."""
        rows: list[Row] = []
        before = (SILENCE, *reply)
        for place, word in enumerate((*reply, SILENCE)):
            own = self._own(before[place], place)
            told = {**own, TEACHER: self._number(word)}
            first = own if place else own | self._begin(1)
            rows += [(self.settle, first), (self.show - self.settle, told), (self.pause, {})]
        counts = self._play(rows)[1::3]
        said = self._until_silence(self._said(each) for each in counts)
        if self.rehearsal:
            self.rehearsal.right.append(said == reply)
        return said

    def reply(self) -> Sentence:
        """What the network says, which it hears itself."""

        def said() -> Iterable[str]:
            word = SILENCE
            for place in range(LONGEST):
                own = self._own(word, place)
                rows = [(self.settle, own), (self.show - self.settle, own), (self.pause, {})]
                word = self._said(self._play(rows)[1])
                yield word

        return self._until_silence(said())

    def end(self) -> None:
        """The end of a turn: what was heard in it is let go."""
        self._play([(self.timing.wipe.mean, {WIPE: 0}), (self.show + self.pause, {})])

    def slept(self) -> bool:
        """Sleep, if it is tired, or has no time left for another turn; whether it did."""
        is_full = self.rehearsal is not None and self.rehearsal.is_full
        if not is_full and self.subject.level(FATIGUE) <= self.timing.tired:
            return False
        self.sleep()
        return True

    def sleep(self) -> None:
        """Sleep at once, and replay what is remembered."""
        with self.subject.phase(ASLEEP):
            self.subject.present(self.timing.sleep)
            if self.rehearsal and self.rehearsal.kind != "awake":
                for prompt, reply in self.rehearsal.drawn():
                    self._play(self._dream(prompt, reply))

    def _dream(self, prompt: int, reply: int) -> list[Row]:
        """The beginnings of a prompt and of a reply, by their places, and the end of the turn."""
        slot = self.show + self.pause
        turn = {TURN: 0}
        return [
            (self.settle, {INDEX: prompt}),
            ((TIMES + 1) * slot - self.settle, {}),
            (self.settle, turn | {INDEX: self._room + reply}),
            (self.show - self.settle, turn),
            (TIMES * slot - self.show, {}),
            (self.timing.wipe.mean, {WIPE: 0}),
            (slot, {}),
        ]

    @property
    def _room(self) -> int:
        """For how many prompts, and for how many replies, there are times."""
        return self.subject.plan.population(self.names[INDEX])[1].size // 2

    def _begin(self, half: int) -> dict[str, int]:
        """What starts the times of the present prompt (0) or reply (1)."""
        if not self.rehearsal or self.rehearsal.is_full:
            return {}
        return {INDEX: half * self._room + self.rehearsal.place}

    def _own(self, before: str, place: int) -> dict[str, int]:
        """What the network hears of itself: its last word, and that it is its turn."""
        return {SAID: self._number(before)} | ({} if place else {TURN: 0})

    def _number(self, word: str) -> int:
        return self.vocabulary.index(word)

    def _said(self, counts: NDArray[np.int64]) -> str:
        return self.vocabulary[int(counts[: len(self.vocabulary)].argmax())]

    def _until_silence(self, words: Iterable[str]) -> Sentence:
        found: list[str] = []
        for word in words:
            if word == SILENCE:
                break
            found.append(word)
        return tuple(found)

    def _play(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        """The spikes of each word during each row, (n_rows, n_words)."""
        shown: dict[str, Numbers] = {}
        for role, name in self.names.items():
            fires = np.zeros((len(rows), self.subject.plan.population(name)[1].size))
            for place, (_, given) in enumerate(rows):
                if role in given:
                    fires[place, given[role]] = 1
            shown[name] = fires * self.timing.rate
        times = Quantities(np.array([seconds for seconds, _ in rows]), SECOND)
        return self.subject.play(times, shown).counts(self.words)


def sized(words: int) -> dict[str, Any]:
    """What to set in the circuit of `conversation` for another number of words, by dotted path."""
    of_words = (HEARD, TEACHER, SAID, "held", "before", "copies", "links", "recalled", "words")
    changes: dict[str, Any] = {
        f"populations.{name}.size": words for name in (*of_words, "surprised")
    }
    for name in (HEARD, TEACHER, SAID, "held", "before"):
        changes[f"populations.{name}.space.extent"] = f"{words} um"
    for name in ("topic", "phrase"):
        changes[f"populations.{name}.size"] = LONGEST * words
        changes[f"populations.{name}.space.extent"] = f"{LONGEST * words} um"
        same = f"int(floor(x_post/(1 um)) % {words} == floor(x_pre/(1 um)))"
        changes[f"pathways.word_{name}.connect.probability"] = same
    for name in ("acetylcholine", "lesson"):
        changes[f"modulators.{name}.amplitude"] = words / 4
    changes["modulators.noradrenaline.amplitude"] = 0.07 * words / len(WORDS)
    changes["modulators.mistake.amplitude"] = 15 * words / len(WORDS)
    changes["modulators.adenosine.amplitude"] = 0.0018 * words / len(WORDS)
    return changes

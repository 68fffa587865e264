"""Conversation: sentences are heard, and what to reply is learned from a teacher, turn by turn."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import AnyValue, PositiveTime, SingleRate
from thalia.syntax.units import Quantities
from thalia.training.baselines import Baseline
from thalia.training.dialogue import (
    FACTS,
    WORDS,
    Dialogue,
    Sentence,
    Turn,
    dialogue,
    facts,
    missing_scores,
    replies_without_a_network,
    scores,
    words_right,
)
from thalia.training.rehearsal import Kind, Rehearsal
from thalia.training.speech import INDEX, ROLES, Speech, Timing
from thalia.training.subject import Subject
from thalia.training.tasks import Environment, Note

FIRST = "turns_to_90"  # the turn after which a share `ENOUGH` of the words of the last was right
ENOUGH, WINDOW = 0.9, 50


class Conversation(Environment):
    """Turns of a dialogue from thirty templates: `trials` that are learned, `held_out` that test.

    In each turn that is learned the network hears a prompt, then its teacher's reply, word by word;
    before each word it says its own. What it binds while it hears, in the pathways `fast`, is let
    go after each turn. The test has prompts that were never heard, with combinations of words that
    were in none; the network replies alone, and hears its own words. It is in the phase `answering`
    then, in which pathways that learn from the teacher must not be plastic. With `replies:
    shuffled` the teacher gives the replies to other prompts.

    With `rehearsals` the network sleeps when it has as many turns as there are times to bind them
    to, and each is gone through so many times again, as `rehearsal` says. After the test shares of
    cells are `removed`, by what `removal` sets in their populations, and `asked` of the held-out
    prompts are asked again.

    Then, with all cells and after a sleep, facts that are in no template, of so many `kinds` about
    each of six people, are told as often as `facts` says, and asked after each time, `told_1` the
    first; asked a day later; and after so many turns as `between` says of those that were learned,
    one after the other, `after_50` after the first fifty.
    """

    STIMULI: ClassVar = ROLES
    READOUT: ClassVar = ("words",)

    trials: int = Field(1000, ge=1)
    held_out: int = Field(300, ge=1)
    replies: Literal["true", "shuffled"] = "true"
    fast: tuple[str, ...] = ()  # pathways that bind what is heard
    rehearsals: int = Field(0, ge=0)
    rehearsal: Kind = "replayed"
    facts: int = Field(0, ge=0)
    kinds: int = Field(1, ge=1, le=len(FACTS))
    between: tuple[Annotated[int, Field(gt=0)], ...] = ()
    removed: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    removal: dict[str, dict[str, AnyValue]] = {}
    asked: int = Field(100, ge=1)
    rate: SingleRate
    show: PositiveTime
    pause: PositiveTime
    settle: PositiveTime
    wipe: PositiveTime
    sleep: PositiveTime
    tired: float = Field(0.6, gt=0)

    @property
    def timing(self) -> Timing:
        """How long words last."""
        return Timing(
            self.rate, self.show, self.pause, self.settle, self.wipe, self.sleep, self.tired
        )

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = [*super().problems(plan), *missing_scores(("experiment", "task"))]
        members = {member.name: member for _, member in plan.populations()}
        of_words = {r: n for r, n in self.stimuli.items() if r in ROLES[:3]} | self.readout
        for role, names in of_words.items():
            for name in names:
                if name in members and (size := members[name].size) < len(WORDS):
                    where = ("experiment", "readout" if role == "words" else "stimuli", role)
                    told = f"expected a neuron for each of {len(WORDS)} words, found {size}"
                    found.append(Problem(where, told))
        if (
            list(self.between) != sorted({*self.between})
            or max(self.between, default=0) > self.trials
        ):
            told = f"expected rising numbers of turns, up to the {self.trials} that are learned"
            found.append(Problem(("experiment", "between"), told, "between: [50, 200]"))
        for name, values in self.removal.items() if self.removed else ():
            settable = members[name].from_task if name in members else ()
            if missing := [each for each in values if each not in settable]:
                told = f"a task may not set '{missing[0]}' of '{name}'"
                hint = f"say `from_task: [{missing[0]}]` there"
                found.append(Problem(("experiment", "removal", name), told, hint))
        return found

    def noted_trials(self) -> int:
        """The turns that are learned, and those of the test."""
        return self.trials + self.held_out

    def range_of(self, number: str) -> Range:
        """Percentages, BLEU, which is one as well, and a number of turns."""
        return (0, self.trials) if number == FIRST else (0, 100)

    def draw(self, plan: Plan, random: np.random.Generator) -> Dialogue:
        """All turns, in order."""
        return dialogue(random, self.trials, self.held_out)

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All turns that are learned, then the test, facts and removals."""
        data = self.draw(subject.plan, random)
        speech = self.speech(subject, random)
        replies = [turn.reply for turn in data.learned]
        if self.replies == "shuffled":
            replies = [replies[each] for each in random.permutation(len(replies))]
        taught = [
            Turn(turn.prompt, reply) for turn, reply in zip(data.learned, replies, strict=True)
        ]
        shares = []
        for place, turn in enumerate(taught):
            said = _teach(speech, turn)
            self._rest(speech, taught[: place + 1])
            shares.append(words_right(turn.reply, said))
            note(exact=100.0 * (said == turn.reply))
        given = self._answers(subject, speech, data.held_out, note)
        found = scores([turn.reply for turn in data.held_out], given)
        found[FIRST] = float(turns_until(shares))
        found |= self._damaged(subject, speech, data.held_out[: self.asked], random)
        return found | self._remembered(subject, speech, taught, random)

    def speech(
        self, subject: Subject, random: np.random.Generator, vocabulary: Sequence[str] = WORDS
    ) -> Speech:
        """The conversation with a network; `random` draws what it replays in sleep."""
        rehearsal = None
        if self.rehearsals:
            index = subject.plan.population(self.stimuli[INDEX][0])[1]
            rehearsal = Rehearsal(self.rehearsal, self.rehearsals, index.size // 2, random)
        words = self.readout["words"][0]
        return Speech(subject, self.stimuli, words, self.timing, vocabulary, rehearsal)

    def _rest(self, speech: Speech, taught: list[Turn]) -> None:
        """Sleep, if it is time to; or sleep, and go through the last turns again, awake."""
        rehearsal = speech.rehearsal
        if rehearsal and rehearsal.kind == "awake" and rehearsal.is_full:
            last = taught[-rehearsal.place :]
            speech.sleep()
            for place, _ in rehearsal.drawn():
                _teach(speech, last[place])
            rehearsal.right.clear()
        speech.slept()

    def _answers(
        self, subject: Subject, speech: Speech, turns: Sequence[Turn], note: Note | None = None
    ) -> list[Sentence]:
        """What it replies to prompts, from which it learns nothing.

        Raises
        ------
        RuntimeError
            If it has.
        """
        given: list[Sentence] = []
        learned = self._slow(subject)
        with subject.phase("answering"):
            for turn in turns:
                speech.hear(turn.prompt)
                given.append(speech.reply())
                speech.end()
                if note:
                    note(exact=100.0 * (given[-1] == turn.reply))
        for name, now in self._slow(subject).items():
            if not np.array_equal(now, learned[name]):
                raise RuntimeError(f"'{name}' has learned while it answered")
        return given

    def _exact(self, subject: Subject, speech: Speech, turns: Sequence[Turn]) -> float:
        given = self._answers(subject, speech, turns)
        return scores([turn.reply for turn in turns], given)["exact"]

    def _remembered(
        self, subject: Subject, speech: Speech, taught: Sequence[Turn], random: np.random.Generator
    ) -> dict[str, float]:
        """The share of the facts it was told that it knows, at once, a day later, and after others.

        It learns nothing while it is tired, as it is after the test, so that it sleeps when it is.
        """
        if not self.facts:
            return {}
        told, found = facts(random, self.kinds), {}
        speech.slept()
        for time in range(self.facts):
            for place in random.permutation(len(told)):
                _teach(speech, told[place])
                speech.slept()
            found[f"told_{time + 1}"] = self._exact(subject, speech, told)
        subject.wait("24 hour")
        found["day_later"] = self._exact(subject, speech, told)
        others = iter(random.permutation(len(taught)))
        for turns, more in zip(self.between, np.diff([0, *self.between]), strict=True):
            for place in islice(others, int(more)):
                _teach(speech, taught[place])
                speech.slept()
            found[f"after_{turns}"] = self._exact(subject, speech, told)
        return found

    def _damaged(
        self, subject: Subject, speech: Speech, turns: Sequence[Turn], random: np.random.Generator
    ) -> dict[str, float]:
        """Exact replies without shares of the cells, of which each has those before it."""
        if not self.removed:
            return {}
        found: dict[str, float] = {}
        order = {
            name: random.permutation(subject.plan.population(name)[1].size) for name in self.removal
        }
        for share in sorted(self.removed):
            for name, cells in order.items():
                self._remove(subject, name, cells[: round(share * len(cells))])
            found[f"without_{100 * share:g}"] = self._exact(subject, speech, turns)
        for name, cells in order.items():
            self._remove(subject, name, cells[:0])
        return found

    def _remove(self, subject: Subject, name: str, lost: NDArray[np.int64]) -> None:
        """Leave a population without some cells; it has all others."""
        intact = subject.plan.population(name)[1]
        for parameter, value in self.removal[name].items():
            given = np.full(intact.size, [each.mean for each in intact.parameters[parameter]])
            given[lost] = value.mean
            subject.set(name, parameter, Quantities(given, value.dimension))

    def _slow(self, subject: Subject) -> dict[str, NDArray[np.float64]]:
        """The weights of all pathways that learn from the teacher."""
        plastic = (
            m.name for each in subject.plan.synapses if each.is_plastic for m in each.members
        )
        return {name: subject.weights(name) for name in plastic if name not in self.fast}

    def baselines(
        self, plan: Plan, data: Dialogue, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Replies by retrieval and by frequency, and the templates themselves."""
        wanted = [turn.reply for turn in data.held_out]
        found = replies_without_a_network(data)
        return {
            name: Baseline(says, scores(wanted, given)) for name, (says, given) in found.items()
        }


def _teach(speech: Speech, turn: Turn) -> Sentence:
    """Go through a turn; returns what it said, each word before it heard the right one."""
    speech.hear(turn.prompt)
    said = speech.taught(turn.reply)
    speech.end()
    return said


def turns_until(shares: Sequence[float]) -> int:
    """After how many turns enough words of the last ones were right; all, if they never were."""
    means = np.convolve(shares, np.full(WINDOW, 1 / WINDOW), mode="valid")
    return int(np.argmax(means >= ENOUGH)) + WINDOW if (means >= ENOUGH).any() else len(shares)

"""Conversation: sentences are heard, and what to reply is learned from a teacher, turn by turn."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.baselines import Baseline
from thalia.training.dialogue import (
    WORDS,
    Dialogue,
    Sentence,
    dialogue,
    missing_scores,
    replies_without_a_network,
    scores,
)
from thalia.training.speech import ROLES, Speech, Timing
from thalia.training.subject import Subject
from thalia.training.tasks import Environment, Note


class Conversation(Environment):
    """Turns of a dialogue from thirty templates: `trials` that are learned, `held_out` that test.

    In each turn that is learned the network hears a prompt, then its teacher's reply, word by word;
    before each word it says its own. What it binds while it hears, in the pathways `fast`, is let
    go after each turn. The test has prompts that were never heard, with combinations of words that
    were in none; the network replies alone, and hears its own words. It is in the phase `answering`
    then, in which pathways that learn from the teacher must not be plastic. With `replies:
    shuffled` the teacher gives the replies to other prompts.
    """

    STIMULI: ClassVar = ROLES
    READOUT: ClassVar = ("words",)

    trials: int = Field(1000, ge=1)
    held_out: int = Field(300, ge=1)
    replies: Literal["true", "shuffled"] = "true"
    fast: tuple[str, ...] = ()  # pathways that bind what is heard
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
        sizes = {member.name: member.size for _, member in plan.populations()}
        of_words = {r: n for r, n in self.stimuli.items() if r in ROLES[:3]} | self.readout
        for role, names in of_words.items():
            for name in names:
                if (size := sizes.get(name, len(WORDS))) < len(WORDS):
                    where = ("experiment", "readout" if role == "words" else "stimuli", role)
                    told = f"expected a neuron for each of {len(WORDS)} words, found {size}"
                    found.append(Problem(where, told))
        return found

    def noted_trials(self) -> int:
        """The turns that are learned, and those of the test."""
        return self.trials + self.held_out

    def range_of(self, number: str) -> Range:
        """Percentages, and BLEU, which is one as well."""
        return (0, 100)

    def draw(self, plan: Plan, random: np.random.Generator) -> Dialogue:
        """All turns, in order."""
        return dialogue(random, self.trials, self.held_out)

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All turns that are learned, then the test."""
        data = self.draw(subject.plan, random)
        speech = Speech(subject, self.stimuli, self.readout["words"][0], self.timing, WORDS)
        replies = [turn.reply for turn in data.learned]
        if self.replies == "shuffled":
            replies = [replies[each] for each in random.permutation(len(replies))]
        for turn, reply in zip(data.learned, replies, strict=True):
            speech.hear(turn.prompt)
            said = speech.taught(reply)
            speech.end()
            speech.slept()
            note(exact=100.0 * (said == turn.reply))
        given: list[Sentence] = []
        learned = self._slow(subject)
        with subject.phase("answering"):
            for turn in data.held_out:
                speech.hear(turn.prompt)
                given.append(speech.reply())
                speech.end()
                note(exact=100.0 * (given[-1] == turn.reply))
        for name, now in self._slow(subject).items():
            if not np.array_equal(now, learned[name]):
                raise RuntimeError(f"'{name}' has learned while it answered")
        return scores([turn.reply for turn in data.held_out], given)

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

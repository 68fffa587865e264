"""Copying (Duan et al. 2023): a sequence is shown once, and given again in order after a delay."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem, did_you_mean, fail
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.syntax.units import Quantities
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Episode:
    """The elements to copy, (length,), and those that are presented in the delay."""

    sequence: Floats
    distractors: Floats


class Copying(Environment):
    """Episodes of random elements, which the network is to give again when it sees a flag.

    The flag is all that the task presents at recall: a volley of `flag` that lasts `cue`, the same
    that announces the sequence. What tells the elements apart then is the network's own clock,
    `clock`. The elements are `tokens` levels between -1 and 1, each with its own group of the
    population `tokens`, or with `code: values` any value between them, around which cells are tuned
    with a standard deviation of `width`. In the delay, of as many elements as `delay` says, nothing
    is presented, or other elements.

    In each interval of recall the answer is the token whose group of `memory` fires most, or the
    mean value of the cells that fire. `accuracy` is the share of answers within the right one of
    `tokens` levels, `error` the mean square of the difference, which is 1/3 for an answer of 0 to
    uniform values. With `clock: shuffled` the cells of the clock exchange their synapses before
    recall, as if it went through the intervals in another order. Every episode is forgotten.
    """

    STIMULI: ClassVar = ("flag", "tokens")
    READOUT: ClassVar = ("clock", "memory")

    trials: int = Field(20, ge=1)  # episodes
    length: int = Field(5, ge=2)
    tokens: int = Field(8, ge=2)
    code: Literal["tokens", "values"] = "tokens"
    width: float = Field(0.1, gt=0)
    delay: int = Field(20, ge=0)
    distractors: bool = False
    clock: Literal["kept", "shuffled"] = "kept"
    binding: str = "bind"  # the pathway from the clock to the memory
    flag_rate: SingleRate
    token_rate: SingleRate
    cue: PositiveTime
    show: PositiveTime

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        known = [member.name for _, member in plan.pathways()]
        if self.binding not in known:
            message = f"no pathway is called '{self.binding}'"
            where = ("experiment", "binding")
            found.append(Problem(where, message, did_you_mean(self.binding, known)))
        return found

    def range_of(self, number: str) -> Range:
        """Shares, and a squared error."""
        return AMOUNT if number == "error" else SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All episodes; the share of right answers and of whole sequences, and squared errors."""
        episodes = self.draw(subject.plan, random)
        answers = np.array([self._episode(subject, each, random, note) for each in episodes])
        return self._summary(answers, np.array([each.sequence for each in episodes]))

    def draw(self, plan: Plan, random: np.random.Generator) -> list["Episode"]:
        """The elements of all episodes."""
        between = self.delay if self.distractors else 0
        return [
            Episode(self._drawn(random, self.length), self._drawn(random, between))
            for _ in range(self.trials)
        ]

    def baselines(
        self, plan: Plan, data: list["Episode"], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Answers that know nothing of the sequence, or its elements but not their order."""
        wanted = np.array([each.sequence for each in data])
        zero = self._summary(np.zeros_like(wanted), wanted)
        unordered = self._summary(random.permuted(wanted, axis=1), wanted)
        return {
            "zero": Baseline("an answer of zero, the mean of all elements", zero),
            "unordered": Baseline("the elements that were shown, in a random order", unordered),
        }

    def _summary(self, answers: Floats, wanted: Floats) -> dict[str, float]:
        """How good answers are, (…, length) as what is wanted."""
        right = self._level(answers) == self._level(wanted)
        return {
            "accuracy": float(right.mean()),
            "whole": float(right.all(axis=-1).mean()),
            "error": float(((answers - wanted) ** 2).mean()),
        }

    def _episode(
        self, subject: Subject, episode: "Episode", random: np.random.Generator, note: Note
    ) -> Floats:
        """Present a sequence, and ask for it; the answers, (length,)."""
        sequence = episode.sequence
        self._flagged(subject)
        clock = [self._study(subject, each, place) for place, each in enumerate(sequence, start=1)]
        if self.distractors:
            for each in episode.distractors:
                subject.present(self.show, self._element(subject, each))
        elif self.delay:
            subject.present(self.delay * self.show)
        if self.clock == "shuffled":
            self._shuffle(subject, clock, random)
        with subject.frozen():
            self._flagged(subject)
            answers = np.array([self._answer(subject, random) for _ in sequence])
        subject.forget()
        found = self._summary(answers, sequence)
        note(accuracy=found["accuracy"], error=found["error"])
        return answers

    def _flagged(self, subject: Subject) -> None:
        subject.present(self.cue, {self.stimuli["flag"][0]: self.flag_rate})

    def _study(self, subject: Subject, value: float, place: int) -> NDArray[np.int64]:
        """The cells of the clock that fire while an element is shown.

        Raises
        ------
        CircuitError
            If there is none, because the sequence is longer than the clock.
        """
        name = self.readout["clock"][0]
        counts = subject.present(self.show, self._element(subject, value)).counts(name)
        if not counts.any():
            message = f"'{name}' is silent during element {place} of the sequence"
            raise fail(message, "the clock is shorter than the sequence, or its flag too weak")
        return np.flatnonzero(counts)

    def _drawn(self, random: np.random.Generator, count: int) -> Floats:
        if self.code == "values":
            return random.uniform(-1, 1, count)
        return self._centres[random.integers(0, self.tokens, count)]

    @property
    def _centres(self) -> Floats:
        return (2 * np.arange(self.tokens) + 1) / self.tokens - 1

    def _level(self, values: Floats) -> NDArray[np.int64]:
        return np.clip((values + 1) * self.tokens // 2, 0, self.tokens - 1).astype(np.int64)

    def _preferred(self, subject: Subject, name: str) -> Floats:
        """The value of each cell of a population, in order, evenly spaced between -1 and 1."""
        size = subject.plan.population(name)[1].size
        return (2 * np.arange(size) + 1) / size - 1

    def _element(self, subject: Subject, value: float) -> dict[str, Numbers]:
        name = self.stimuli["tokens"][0]
        cells = self._preferred(subject, name)
        if self.code == "values":
            shares = np.exp(-(((cells - value) / self.width) ** 2) / 2)
        else:
            shares = (self._level(cells) == self._level(np.array(value))).astype(float)
        return {name: shares * self.token_rate}

    def _answer(self, subject: Subject, random: np.random.Generator) -> float:
        name = self.readout["memory"][0]
        counts = subject.present(self.show).counts(name)
        cells = self._preferred(subject, name)
        if self.code == "values":
            return float(counts @ cells) / max(1, int(counts.sum()))
        votes = np.bincount(self._level(cells), counts, minlength=self.tokens)
        best = random.choice(np.flatnonzero(votes == votes.max()))  # a tie is broken at random
        return float(self._centres[best])

    def _shuffle(
        self, subject: Subject, cells: list[NDArray[np.int64]], random: np.random.Generator
    ) -> None:
        """Let the cells of each interval take over the synapses of those of another one."""
        order = random.permutation(len(cells))
        takes_over = np.arange(subject.plan.population(self.readout["clock"][0])[1].size)
        for here, there in zip(order, np.roll(order, 1), strict=True):
            takes_over[cells[here]] = np.resize(cells[there], len(cells[here]))
        pre, post = subject.ends(self.binding)
        weights = np.zeros((pre.max() + 1, post.max() + 1))
        weights[pre, post] = subject.weights(self.binding)
        exchanged = Quantities(
            weights[takes_over[pre], post], subject.weight_dimension(self.binding)
        )
        subject.set_weights(self.binding, exchanged)

"""Copying with the order given: tokens are shown once, and each is recalled from its position."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.syntax.units import Value
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Floats = NDArray[np.float64]


class CuedCopying(Environment):
    """Episodes of random tokens, each shown while the cells of its position in the sequence fire.

    `positions` and `tokens` are populations of equal groups, one for each position and token. Cells
    of neighbouring positions fire, too, less with the distance, of which `overlap` is the standard
    deviation: fields of time cells. In the delay, of as many presentations as `delay` says, nothing
    is shown, or other tokens. Then the positions are gone through again, and the answer is the
    token whose group of `memory` fires most; chance is one over the tokens. With neurons that have
    a `target`, it is their value that answers, and they are taught the token by it. Every episode
    is forgotten after it.
    """

    STIMULI: ClassVar = ("positions", "tokens")
    READOUT: ClassVar = ("memory",)

    trials: int = Field(20, ge=1)  # episodes
    length: int = Field(5, ge=1)
    positions: int = 20  # groups of position cells
    tokens: int = 8
    overlap: float = Field(0.0, ge=0)  # of the fields of positions, in positions
    delay: int = Field(20, ge=0)
    distractors: bool = False
    order: Literal["kept", "rotated"] = "kept"  # of the positions, when the sequence is asked for
    position_rate: SingleRate
    token_rate: SingleRate
    show: PositiveTime
    pause: PositiveTime

    def range_of(self, number: str) -> Range:
        """All are shares."""
        return SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All episodes; the fractions of correct tokens, and of entirely correct sequences."""
        right = np.array([self._episode(subject, random, note) for _ in range(self.trials)])
        return {"accuracy": float(right.mean()), "whole": float(right.all(axis=1).mean())}

    def _episode(
        self, subject: Subject, random: np.random.Generator, note: Note
    ) -> NDArray[np.bool_]:
        sequence = random.integers(0, self.tokens, self.length)
        where = random.integers(self.positions - self.length + 1) + np.arange(self.length)
        for position, token in zip(where, sequence, strict=True):
            self._study(subject, position, token)
        for _ in range(self.delay):
            shown = self._token(subject, int(random.integers(self.tokens)))
            subject.present(self.show, shown if self.distractors else None)
        if self.order == "rotated":
            where = np.roll(where, 1)
        with subject.frozen():
            answers = [self._recall(subject, position, random) for position in where]
        subject.forget()
        subject.present(self.pause)
        right: NDArray[np.bool_] = np.array(answers) == sequence
        note(accuracy=right.mean())
        return right

    def _token(self, subject: Subject, token: int) -> dict[str, Numbers]:
        return self._groups(subject, "tokens", np.arange(self.tokens) == token, self.token_rate)

    def _position(self, subject: Subject, position: int) -> dict[str, Numbers]:
        distance = np.abs(np.arange(self.positions) - position)
        field = np.exp(-((distance / self.overlap) ** 2) / 2) if self.overlap else distance == 0
        return self._groups(subject, "positions", field, self.position_rate)

    def _groups(
        self, subject: Subject, part: str, shares: Floats, rate: Value
    ) -> dict[str, Numbers]:
        """The rate of each cell of a population, whose equal groups have shares of a rate."""
        name = self.stimuli[part][0]
        size = subject.plan.population(name)[1].size
        return {name: shares[np.arange(size) * len(shares) // size] * rate}

    def _study(self, subject: Subject, position: int, token: int) -> None:
        self._teach(subject, np.eye(self.tokens)[token])
        subject.present(self.show, self._position(subject, position) | self._token(subject, token))
        self._teach(subject, None)
        subject.present(self.pause)

    def _teach(self, subject: Subject, target: Floats | None) -> None:
        memory = self.readout["memory"][0]
        if self._has_targets(subject):
            subject.set(memory, "taught", float(target is not None))
            subject.set(memory, "target", 0.0 if target is None else target)

    def _has_targets(self, subject: Subject) -> bool:
        return "target" in subject.plan.population(self.readout["memory"][0])[1].from_task

    def _recall(self, subject: Subject, position: int, random: np.random.Generator) -> int:
        memory = self.readout["memory"][0]
        response = subject.present(self.show, self._position(subject, position))
        found = subject.read(memory, "v") if self._has_targets(subject) else response.counts(memory)
        subject.present(self.pause)
        strength = found.reshape(self.tokens, -1).sum(axis=1)
        return int(
            random.choice(np.flatnonzero(strength == strength.max()))
        )  # a tie is broken at random

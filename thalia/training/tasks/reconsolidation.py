"""Reconsolidation: a memory that is recalled and then meets something else may change."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Cells = NDArray[np.int64]
type Floats = NDArray[np.float64]

CUE = 0.5  # of the cells of a memory are its cue
MOST = 0.75  # of the cells of a context, from which on it counts as recalled
LEAST = 0.25  # up to which it does not


@dataclass(frozen=True)
class Memory:
    """The cells of a memory: those that both contexts share, and those that belong to one."""

    kept: Cells
    old: Cells
    new: Cells

    @property
    def whole(self) -> Cells:
        """As it was stored."""
        return np.concatenate([self.kept, self.old])

    @property
    def shifted(self) -> Cells:
        """In its new context."""
        return np.concatenate([self.kept, self.new])


@dataclass(frozen=True)
class Trial:
    """A memory that is tested, the one that is recalled, and the cues of the tests.

    `shared` are cells that both contexts have, `before` ones of the old context and shared ones,
    and `others` has a cue for each memory.
    """

    tested: int
    recalled: int
    shared: Cells
    before: Cells
    others: tuple[Cells, ...]


class Reconsolidation(Environment):
    """Memories are stored; each of `trials` of them is recalled and experienced in a new context.

    A memory is a random set of `active` cells; every second one shares `overlap` cells with the one
    before. In its new context `replaced` of its cells are others. From the same state, it is
    recalled 1 to n times for each n of `times`: by half of its cells, with the whole in its new
    context after the time `delay`, and silence of the length `interval` after that. A memory has
    `moved` if a cue of cells that both contexts share recalls most of the new cells and hardly any
    old ones. `others_lost` is the share of its cells that a memory loses on average which was not
    recalled, `others_gained` that of cells which it gains, so that neither hides the other, and
    `others_most_lost` what the one that suffers most loses; `partner_lost` and `partner_gained` are
    those of the memory that shares cells with the one that is tested, and `others_before` what was
    recalled of the others at first. `old_cue` is the share of the cells of both contexts that a cue
    from the old one recalls.
    """

    STIMULI: ClassVar = ("input",)
    READOUT: ClassVar = ("recall",)
    MODULATORS: ClassVar = ("acetylcholine",)
    RETURNS: ClassVar = True

    trials: int = Field(10, ge=1)
    memories: int = Field(10, ge=2)
    active: int = Field(20, ge=4)
    overlap: int = Field(5, ge=0)
    replaced: int = Field(4, ge=0)
    times: tuple[int, ...] = Field((1, 3, 5), min_length=1)
    recalls: Literal["own", "another", "none"] = "own"
    context: Literal["new", "old"] = "new"  # in which the memory is experienced
    rate: SingleRate
    present: PositiveTime
    respond: PositiveTime
    delay: PositiveTime
    interval: PositiveTime
    pause: PositiveTime  # before a cue, lest what has fired for the one before cannot answer
    amount: float = Field(5.0, gt=0)  # of acetylcholine, for each memory that is stored

    def range_of(self, number: str) -> Range:
        """All are shares."""
        return SHARE

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        for key, most in (
            ("trials", self.memories),
            ("overlap", self.active - 1),
            ("replaced", self.active // 2),
        ):
            if getattr(self, key) > most:
                message = f"expected at most {most}, found {getattr(self, key)}"
                found.append(Problem(("experiment", key), message))
        size = next((m.size for _, m in plan.populations() if m.name in self.stimuli["input"]), 0)
        if not found and size < 2 * self.active + self.replaced:
            message = f"expected at most {(size - self.replaced) // 2} of {size} cells"
            found.append(Problem(("experiment", "active"), message))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> list[Memory]:
        """The memories, with their old and new cells."""
        size = plan.population(self.stimuli["input"][0])[1].size
        found: list[Memory] = []
        for number in range(self.memories):
            cells = random.permutation(size)
            if number % 2 and self.overlap:
                partner = found[-1].whole
                common = random.choice(partner, self.overlap, replace=False)
                rest = cells[~np.isin(cells, partner)][: self.active - self.overlap]
                cells = np.concatenate([random.permutation(np.concatenate([common, rest])), cells])
            whole = cells[: self.active]
            free = random.permutation(np.setdiff1d(np.arange(size), whole))
            kept, old = np.split(whole, [self.active - self.replaced])
            found.append(Memory(kept, old, free[: self.replaced]))
        return found

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Store all, then change one at a time, always from the same state."""
        memories = self.draw(subject.plan, random)
        for memory in memories:
            subject.release(self.modulators["acetylcholine"], self.amount)
            self._show(subject, memory.whole)
            subject.wait(self.interval)
        subject.wait(self.interval)
        subject.wait(self.interval)
        stored = subject.remember()
        found: dict[str, list[float]] = {}
        for tested in random.permutation(self.memories)[: self.trials].tolist():
            trial = self._trial(memories, tested, random)
            subject.restore(stored)
            before = self._recalled(subject, memories, trial)
            for count in self.times:
                subject.restore(stored)
                for _ in range(count):
                    self._experience(subject, memories[trial.recalled], trial)
                numbers = self._numbers(subject, memories, trial, before)
                for name, value in numbers.items():
                    found.setdefault(f"{name}_{count}", []).append(value)
            note(**numbers)
        means = {name: float(np.mean(values)) for name, values in found.items()}
        last = self.times[-1]
        return {"moved": means[f"moved_{last}"], **means}

    def _trial(self, memories: list[Memory], tested: int, random: np.random.Generator) -> Trial:
        """Which memory is recalled, and by which cells all are asked for."""
        recalled = tested if self.recalls == "own" else (tested + 2) % self.memories
        memory, size = memories[tested], round(CUE * self.active)
        kept = random.permutation(memory.kept)
        before = np.concatenate([memory.old, kept])[:size]
        others = tuple(random.choice(each.whole, size, replace=False) for each in memories)
        return Trial(tested, recalled, kept[:size], before, others)

    def _experience(self, subject: Subject, memory: Memory, trial: Trial) -> None:
        """Recall a memory, and experience it in its new context."""
        if self.recalls == "none":
            subject.wait(self.delay)
        else:
            self._show(subject, trial.others[trial.recalled])
            subject.wait(self.delay)
            self._show(subject, memory.shifted if self.context == "new" else memory.whole)
        subject.wait(self.interval)

    def _numbers(
        self, subject: Subject, memories: list[Memory], trial: Trial, before: Floats
    ) -> dict[str, float]:
        """What has changed of the memory that is tested, and of the others."""
        memory = memories[trial.tested]
        fired = self._asked(subject, trial.shared)
        new, old = (float(np.isin(part, fired).mean()) if len(part) else 0.0
                    for part in (memory.new, memory.old))  # fmt: skip
        left = np.setdiff1d(memory.kept, trial.before)
        old_cue = np.isin(left, self._asked(subject, trial.before)).mean()
        lost = before - self._recalled(subject, memories, trial)
        partner = trial.tested + (-1 if trial.tested % 2 else 1)
        rest = [k for k in range(self.memories) if k not in (trial.tested, trial.recalled)]
        return {
            "moved": float(new >= MOST and old <= LEAST),
            "new": new,
            "old": old,
            "old_cue": float(old_cue),
            "others_before": float(before[rest].mean()) if rest else 0.0,
            **_changes("others", lost[rest]),
            "others_most_lost": float(lost[rest].max(initial=0.0)),
            **_changes("partner", lost[[partner] if partner < self.memories else []]),
        }

    def _recalled(self, subject: Subject, memories: list[Memory], trial: Trial) -> Floats:
        """The share of each memory's cells that its cue recalls."""
        found = []
        for memory, cue in zip(memories, trial.others, strict=True):
            missing = np.setdiff1d(memory.whole, cue)
            found.append(np.isin(missing, self._asked(subject, cue)).mean())
        return np.array(found)

    def _asked(self, subject: Subject, cue: Cells) -> Cells:
        """The cells that fire after a cue, with nothing learned, once none is refractory."""
        with subject.frozen():
            subject.wait(self.pause)
            return self._show(subject, cue)

    def _show(self, subject: Subject, cells: Cells) -> Cells:
        """Present cells of the input, and give those that fire."""
        name = self.stimuli["input"][0]
        size = subject.plan.population(name)[1].size
        subject.present(self.present, {name: np.isin(np.arange(size), cells) * self.rate})
        response = subject.present(self.respond)
        return np.flatnonzero(response.counts(self.readout["recall"][0]))


def _changes(whose: str, lost: Floats) -> dict[str, float]:
    """What memories lose on average, and what they gain; of none 0."""
    return {
        f"{whose}_lost": float(lost.clip(min=0).sum()) / max(1, len(lost)),
        f"{whose}_gained": float((-lost).clip(min=0).sum()) / max(1, len(lost)),
    }

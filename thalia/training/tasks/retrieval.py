"""Retrieval: which memory to recall, by several cues that count differently by question."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem, counted, fail
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Flags = NDArray[np.bool_]
type Floats = NDArray[np.float64]

SHARPNESS, MIDDLE = 10, 0.5  # of the chance that a memory is of use, by what its cues amount to
CONCENTRATION = 0.3  # of the Dirichlet distribution of what cues count for: mostly one of them
TRIED = 1000  # weightings of the cues, by a baseline


@dataclass(frozen=True)
class Question:
    """A question of a kind; the cues of the memories, (n_memories, n_cues), and their usefulness.

    `cells` are those that stand for the question, and `useful` is the chance, (n_memories,).
    """

    kind: int
    cells: Flags
    cues: Floats
    useful: Floats


class Retrieval(Environment):
    """Questions of some `kinds`, and for each of them memories with cues between 0 and 1.

    As many memories come to mind as `minded` says, or all for which there are cells.
    Whether a memory is of use is a matter of chance, which rises with the sum of its cues, each
    times what it counts for in questions of this kind. With `interaction` this share of the sum is
    whether one of two cues is strong and the other weak. The outcome is that of the memory that
    was recalled alone. If they are `compared`, memories are dwelt upon one by one, and the one of
    which most is expected is recalled; else the first that fires. `gap` is how much more useful
    memories are than those with the greatest sum by `defaults`, relative to those that are most
    useful, in the last quarter of all questions.
    """

    STIMULI: ClassVar = ("question", "cues", "urgency")
    READOUT: ClassVar = ("memories", "expectation")
    MODULATORS: ClassVar = ("reward", "outcome")

    trials: int = Field(2000, ge=4)
    kinds: int = Field(4, ge=1)
    active: int = Field(9, ge=1)  # cells of a question
    noise: float = Field(0.1, ge=0, lt=1)  # share of these that are others
    defaults: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    minded: int | None = Field(None, ge=2)
    interaction: float = Field(0.0, ge=0, le=1)
    compared: bool = False
    alike: bool = False  # whether questions of all kinds have the same cells
    outcomes: Literal["earned", "shuffled"] = "earned"
    rate: SingleRate
    volley: PositiveTime
    weigh: PositiveTime  # for so long the cues are shown
    respond: PositiveTime
    decide: PositiveTime
    linger: PositiveTime  # on the cues of a memory
    settle: PositiveTime

    def range_of(self, number: str) -> Range:
        """Shares, but for that of the gap."""
        return (-np.inf, np.inf) if number == "gap" else SHARE

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        if found:
            return found
        cues, memories = self.stimuli["cues"], self._size(plan, self.readout["memories"][0])
        if len(cues) != len(self.defaults):
            message = f"expected {len(cues)} numbers, one for each of the cues"
            found.append(Problem(("experiment", "defaults"), message))
        if self.minded and self.minded > memories:
            message = f"expected at most {memories}, found {self.minded}"
            found.append(Problem(("experiment", "minded"), message))
        if self.interaction and len(cues) < 2:
            message = f"expected two cues or more for an interaction, found {len(cues)}"
            found.append(Problem(("experiment", "stimuli", "cues"), message))
        for name in cues:
            if size := self._size(plan, name) % memories:
                message = f"expected '{name}' to have as many cells for each of {memories} memories"
                found.append(Problem(("experiment", "stimuli", "cues"), f"{message}, {size} more"))
        most = self._size(plan, self.stimuli["question"][0]) // 2
        if self.active > most:
            message = f"expected at most {most}, found {self.active}"
            found.append(Problem(("experiment", "active"), message))
        return found

    def _size(self, plan: Plan, name: str) -> int:
        return plan.population(name)[1].size

    def draw(self, plan: Plan, random: np.random.Generator) -> list[Question]:
        """All questions, with the memories that come to mind.

        Raises
        ------
        CircuitError
            If no choice would be better than that of `defaults` in the last quarter.
        """
        size = self._size(plan, self.stimuli["question"][0])
        memories = self.minded or self._size(plan, self.readout["memories"][0])
        count = len(self.defaults)
        codes = [random.permutation(size)[: self.active] for _ in range(self.kinds)]
        weights = random.dirichlet(np.full(count, CONCENTRATION), self.kinds)
        found = []
        for _ in range(self.trials):
            kind = int(random.integers(self.kinds))
            cells = codes[0 if self.alike else kind]
            kept = cells[random.random(self.active) >= self.noise]
            others = np.setdiff1d(np.arange(size), cells)
            replaced = random.choice(others, self.active - len(kept), replace=False)
            cues = random.random((memories, count))
            total = cues @ weights[kind]
            if self.interaction:
                first, second = cues[:, (kind + np.arange(2)) % count].T
                joint = (first > MIDDLE) != (second > MIDDLE)
                total = (1 - self.interaction) * total + self.interaction * joint
            useful = 1 / (1 + np.exp(-SHARPNESS * (total - MIDDLE)))
            shown = np.isin(np.arange(size), np.concatenate([kept, replaced]))
            found.append(Question(kind, shown, cues, useful))
        self._ends_of_gap(found[-(len(found) // 4) :])  # before time is spent on them
        return found

    def baselines(
        self, plan: Plan, data: list[Question], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Weighted sums of the cues, which are told how useful all memories of a question were."""
        first = len(data) - len(data) // 4
        before = [
            [each for each in data[:first] if each.kind == kind] for kind in range(self.kinds)
        ]
        tried = random.normal(size=(TRIED, len(self.defaults)))
        never = np.zeros(len(self.defaults))  # of a kind that was not asked before
        found = {}
        for name, says, fit in (
            ("least_squares", "that is nearest to how useful each memory was", _nearest_sum),
            ("best_weights", f"whose choices were best, of {TRIED:,}", partial(_best_sum, tried)),
        ):
            weights = [fit(*_together(each)) if each else never for each in before]
            chosen = [q.useful[np.argmax(q.cues @ weights[q.kind])] for q in data[first:]]
            says = (
                f"for each kind of question the weighted sum of cues {says}, in earlier questions"
            )
            found[name] = Baseline(says, self._numbers(data, chosen))
        return found

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Answer all questions; how useful were the memories in the last quarter."""
        questions = self.draw(subject.plan, random)
        useful, outcomes = [], list[bool]()
        for question in questions:
            chosen = self._choose(subject, question, random)
            self._dwell(subject, question, chosen)
            useful.append(question.useful[chosen])
            outcomes.append(bool(random.random() < useful[-1]))
            good = outcomes[-1]
            if self.outcomes == "shuffled":
                good = outcomes[int(random.integers(len(outcomes)))]
            subject.release(self.modulators["outcome"], 1)
            if good:
                subject.release(self.modulators["reward"], 1)
            subject.present(self.settle)
            subject.present(self.settle)
            note(useful=float(useful[-1]))
        return self._numbers(questions, useful)

    def _numbers(self, questions: list[Question], useful: list[float]) -> dict[str, float]:
        last = slice(-(len(questions) // 4), None)
        by_default, best = self._ends_of_gap(questions[last])
        found = float(np.mean(useful[last]))
        gap = (found - by_default) / (best - by_default)
        return {"gap": gap, "useful": found, "by_default": by_default, "best": best}

    def _ends_of_gap(self, questions: list[Question]) -> tuple[float, float]:
        """How useful memories are that are chosen by `defaults`, and the most useful ones."""
        by_default, best = (
            float(np.mean([question.useful[choice] for question, choice in chosen]))
            for chosen in (
                [(q, np.argmax(q.cues @ self.defaults)) for q in questions],
                [(q, np.argmax(q.useful)) for q in questions],
            )
        )
        if best <= by_default:
            raise fail(
                "there is no gap to close: the default weights always choose the most useful "
                f"memory in the last {counted(len(questions), 'question')}",
                "raise `trials`",
                ("experiment", "trials"),
            )
        return by_default, best

    def _choose(self, subject: Subject, question: Question, random: np.random.Generator) -> int:
        """The memory that is recalled; a tie is broken at random."""
        with subject.phase("choose"):
            if self.compared:
                every = range(len(question.cues))
                expected = [self._expected(subject, question, memory) for memory in every]
                subject.present(self.settle)
                return int(random.choice(np.flatnonzero(expected == np.max(expected))))
            self._ask(subject, question)
            subject.present(self.weigh, self._shown(subject, question.cues))
            urgent = {self.stimuli["urgency"][0]: self.rate}
            times, cells = subject.present(self.decide, urgent).spikes(self.readout["memories"][0])
            subject.present(self.settle)
        possible = cells < len(question.cues)
        times, cells = times[possible], cells[possible]
        if not len(times):
            return int(random.integers(len(question.cues)))
        return int(random.choice(cells[times == times.min()]))

    def _ask(self, subject: Subject, question: Question) -> None:
        """The question, and time for the terminals of the cues to be disinhibited."""
        subject.present(self.volley, {self.stimuli["question"][0]: question.cells * self.rate})
        subject.present(self.respond)

    def _expected(self, subject: Subject, question: Question, memory: int) -> int:
        """How many spikes of the cells that expect an outcome a memory alone leads to."""
        self._ask(subject, question)
        shown = subject.present(self.weigh, self._alone(subject, question, memory))
        later = subject.present(self.linger)
        subject.present(self.linger)
        name = self.readout["expectation"][0]
        return int(shown.counts(name).sum() + later.counts(name).sum())

    def _dwell(self, subject: Subject, question: Question, chosen: int) -> None:
        """The question, the cues of a memory alone, and the question again."""
        with subject.phase("choose"):
            self._ask(subject, question)
        subject.present(self.weigh, self._alone(subject, question, chosen))
        subject.present(self.linger)
        subject.present(self.volley, {self.stimuli["question"][0]: question.cells * self.rate})
        subject.present(self.settle)

    def _alone(self, subject: Subject, question: Question, memory: int) -> dict[str, Numbers]:
        """The rates of cues when all are those of one memory."""
        alone = np.zeros_like(question.cues)
        alone[memory] = question.cues[memory]
        return self._shown(subject, alone)

    def _shown(self, subject: Subject, cues: Floats) -> dict[str, Numbers]:
        """The rates of the cells of each cue, in proportion to it."""
        found: dict[str, Numbers] = {}
        memories = self._size(subject.plan, self.readout["memories"][0])
        for name, strengths in zip(self.stimuli["cues"], cues.T, strict=True):
            each = self._size(subject.plan, name) // memories
            of_all = np.pad(strengths, (0, memories - len(strengths)))
            found[name] = np.repeat(of_all, each) * self.rate
        return found


def _together(questions: list[Question]) -> tuple[Floats, Floats]:
    """The cues, (n, n_memories, n_cues), and how useful each memory is, (n, n_memories)."""
    return np.array([each.cues for each in questions]), np.array([q.useful for q in questions])


def _nearest_sum(cues: Floats, useful: Floats) -> Floats:
    """The weights by which cues add up to usefulness, by least squares, (n_cues,)."""
    sums = (cues - cues.mean(axis=(0, 1))).reshape(-1, cues.shape[-1])
    return np.linalg.lstsq(sums, useful.ravel() - useful.mean(), rcond=None)[0]


def _best_sum(tried: Floats, cues: Floats, useful: Floats) -> Floats:
    """The weights, of those tried, by which the most useful memories have the greatest sum."""
    chosen = (cues @ tried.T).argmax(axis=1)
    return np.asarray(tried[np.take_along_axis(useful, chosen, axis=1).mean(axis=0).argmax()])

"""Forgetting: a stream of memories, each of which is asked for after others were stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.analysis.retention import sensitivity
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import Problem, fail
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.units import Quantities
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, ANY, SHARE, Environment, Note

type Flags = NDArray[np.bool_]
type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

AROUND = 8  # by up to this fraction of its lag a memory is shifted where places are taken


@dataclass(frozen=True)
class Condition:
    """How often a memory is stored, with gaps in between, and after which lag it is asked for.

    A gap is the number of memories from one repetition to the next, and a lag that from the last
    repetition to the question.
    """

    name: str
    gaps: tuple[int, ...]
    lag: int

    @property
    def full_name(self) -> str:
        """By which its results are called."""
        return f"{self.name}_{self.lag}"

    @property
    def offsets(self) -> Ints:
        """The places of its repetitions before the question."""
        return self.lag + np.cumsum([0, *self.gaps[::-1]])


@dataclass(frozen=True)
class Stream:
    """What is stored when, and asked for when.

    `order` has the memory that is stored at each place, and `cues`, (n_memories, n_active), and
    `answers`, (n_memories, n_cells), what it consists of. `asked` has one row for each question:
    the place before which it is asked, the number of its condition, and the memory.
    """

    order: Ints
    cues: Ints
    answers: Flags
    asked: Ints


@dataclass(frozen=True)
class Recall:
    """Of the questions of one condition: what fired, what should have, and what was recalled."""

    fired: Flags
    wanted: Flags
    recalled: Flags

    @property
    def sensitivity(self) -> float:
        """The d′ of single cells."""
        return sensitivity_of(self.fired, self.wanted)


class Forgetting(Environment):
    """Memories are stored one after another, which is why earlier ones are forgotten.

    A memory is a random set of `active` cells of `cue`, and half of the cells of `answer`, which a
    volley of `teacher` makes fire just before the cue arrives. A question is the cue alone, with
    nothing learned: what fires is compared with the answer, and with `lures` other answers. The
    memory is recalled if its own fits better than all of them. There are `tests` times at which
    memories of every condition are asked for, spread over the last part of the stream.
    """

    STIMULI: ClassVar = ("cue", "teacher")
    READOUT: ClassVar = ("answer",)

    trials: int = Field(9000, ge=10)  # memories, repetitions included
    tests: int = Field(40, ge=1)
    every: int = Field(15, ge=1)  # memories from one test to the next
    active: int = Field(20, ge=1)
    lures: int = Field(19, ge=1)
    lags: tuple[int, ...] = Field(min_length=2)
    rate: SingleRate
    present: PositiveTime
    respond: PositiveTime

    def conditions(self) -> list[Condition]:
        """Those under which memories are asked for, once each in every test."""
        raise NotImplementedError

    def numbers(self, found: Mapping[str, Recall]) -> dict[str, float]:
        """The numbers of the whole, from the answers to the questions of each condition."""
        raise NotImplementedError

    def range_of(self, number: str) -> Range:
        """Shares of memories, and differences of these; d′ and slopes may be anything."""
        if number == "gain":
            return -1.0, 1.0
        if number.startswith("recalled"):
            return SHARE
        return AMOUNT if "residual" in number or number.endswith("rmse") else ANY

    def noted_trials(self) -> int:
        """The tests."""
        return self.tests

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        if min(self.lags) < 1 or [*self.lags] != sorted({*self.lags}):
            message = "expected lags of at least 1 that increase"
            found.append(Problem(("experiment", "lags"), message))
        needed = max(int(each.offsets[-1]) for each in self.conditions())
        needed += self.every * (self.tests - 1)
        if self.trials < needed:
            message = f"expected at least {needed}, for the longest lag before the first test"
            found.append(Problem(("experiment", "trials"), message))
        if found:
            return found
        size = plan.population(self.stimuli["cue"][0])[1].size
        if size < self.active:
            message = f"expected at most {size}, as many as cells of the cue, found {self.active}"
            found.append(Problem(("experiment", "active"), message))
        taught, answer = (
            plan.population(role)[1].size
            for role in (self.stimuli["teacher"][0], self.readout["answer"][0])
        )
        if taught != answer:
            message = f"expected as many cells as the answer has, {answer}, found {taught}"
            found.append(Problem(("experiment", "stimuli", "teacher"), message))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> Stream:
        """The stream with its questions, and what its memories are."""
        stops = self.trials - self.every * np.arange(self.tests)[::-1]
        order, asked = placed(self.conditions(), stops, self.trials, random)
        self._require_all(asked)
        cells = plan.population(self.stimuli["cue"][0])[1].size
        answers = plan.population(self.readout["answer"][0])[1].size
        count = int(order.max()) + 1
        cues = np.array([random.choice(cells, self.active, replace=False) for _ in range(count)])
        halves = random.permuted(np.tile(np.arange(answers) % 2 == 0, (count, 1)), axis=1)
        return Stream(order, cues, halves, asked)

    def _require_all(self, asked: Ints) -> None:
        """Refuse a stream in which something is never asked for."""
        names = [each.full_name for each in self.conditions()]
        missing = sorted({*names} - {names[number] for number in asked[:, 1]})
        if missing:
            raise fail(
                f"there is no room for {', '.join(missing)}: other memories are asked for there",
                "raise `tests`, or the shortest of `lags`",
                ("experiment", "lags"),
            )

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Store all, with questions in between."""
        stream, done = self.draw(subject.plan, random), 0
        fired = np.zeros((len(stream.asked), stream.answers.shape[1]), bool)
        for stop in np.unique(stream.asked[:, 0]):
            self._present(subject, stream, stream.order[done:stop], taught=True)
            done, now = stop, stream.asked[:, 0] == stop
            asked = stream.asked[now, 2]
            with subject.frozen():
                fired[now] = self._present(subject, stream, asked, taught=False)
            note(sensitivity=sensitivity_of(fired[now], stream.answers[asked]))
        return self.numbers(self._by_condition(stream, fired, random))

    def baselines(
        self, plan: Plan, data: Stream, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """A list of the memories, which forgets none."""
        fired = data.answers[data.asked[:, 2]]
        says = "a list of all memories, in which the cue is looked up"
        return {"list": Baseline(says, self.numbers(self._by_condition(data, fired, random)))}

    def _present(self, subject: Subject, stream: Stream, memories: Ints, taught: bool) -> Flags:
        """Store memories, or ask for them; the cells that fire after each, (n, n_cells)."""
        if not len(memories):
            return np.zeros((0, stream.answers.shape[1]), bool)
        plan, name = subject.plan, self.stimuli["cue"][0]
        cues = np.zeros((len(memories), 2, plan.population(name)[1].size))
        np.put_along_axis(cues[:, 0], stream.cues[memories], 1, axis=1)
        shown = {name: cues.reshape(len(cues) * 2, -1) * self.rate}
        if taught:
            lessons = np.zeros((len(memories), 2, stream.answers.shape[1]))
            lessons[:, 0] = stream.answers[memories]
            shown[self.stimuli["teacher"][0]] = lessons.reshape(len(cues) * 2, -1) * self.rate
        seconds = np.tile([self.present.mean, self.respond.mean], len(memories))
        counts = subject.play(Quantities(seconds, SECOND), shown).counts(self.readout["answer"][0])
        return np.asarray(counts.reshape(len(memories), 2, -1).sum(axis=1) > 0)

    def _by_condition(
        self, stream: Stream, fired: Flags, random: np.random.Generator
    ) -> dict[str, Recall]:
        """The answers to the questions of each condition, by its name and lag."""
        wanted = stream.answers[stream.asked[:, 2]]
        lures = stream.answers[random.integers(len(stream.answers), size=(len(fired), self.lures))]
        signs = np.where(fired, 1, -1)
        own = (signs * np.where(wanted, 1, -1)).sum(axis=1)
        best = np.einsum("nc,nlc->nl", signs, np.where(lures, 1, -1)).max(axis=1)
        names = np.array([each.full_name for each in self.conditions()])
        asked = names[stream.asked[:, 1]]
        found = {}
        for name in dict.fromkeys(names.tolist()):
            mine = asked == name
            found[name] = Recall(fired[mine], wanted[mine], own[mine] > best[mine])
        return found


def sensitivity_of(fired: Flags, wanted: Flags) -> float:
    """How well the cells that fire tell those that should from the others, as d′."""
    return sensitivity(fired[wanted], fired[~wanted])


def placed(
    conditions: list[Condition], stops: Ints, length: int, random: np.random.Generator
) -> tuple[Ints, Ints]:
    """The memory at each place of a stream, (length,), and the questions, (n, 3).

    Before every stop each condition gets a memory, whose repetitions stand as close to where they
    should as places are free; if there are none, it is left out there. Memories that are stored
    once and not asked for fill the rest.
    """
    order, asked = np.full(length, -1), list[tuple[int, int, int]]()
    for stop in stops.tolist():
        for number in random.permutation(len(conditions)).tolist():
            for places in _candidates(conditions[number], stop):
                if places.min() >= 0 and (order[places] < 0).all():
                    order[places] = len(asked)
                    asked.append((stop, number, len(asked)))
                    break
    free = np.flatnonzero(order < 0)
    order[free] = len(asked) + np.arange(len(free))
    return order, np.array(asked, np.int64).reshape(-1, 3)


def _candidates(condition: Condition, stop: int) -> Iterator[Ints]:
    """Places for the repetitions of a memory, the best first."""
    for shift in range(condition.lag // AROUND + 1):
        for sign in (1, -1) if shift else (1,):
            yield stop - condition.offsets + sign * shift

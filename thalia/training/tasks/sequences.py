"""High-order sequences (Bouhadjar et al. 2022): what comes next depends on the first element."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.units import Quantities, constant
from thalia.training.baselines import Baseline
from thalia.training.responses import Response
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

type Ints = NDArray[np.int64]
type Flags = NDArray[np.bool_]

SHARED = 3  # elements in the middle of a branching sequence
APART = 1.5e-3  # s: cells of a column that fire within it belong to one volley


@dataclass(frozen=True)
class Drawn:
    """All sequences, (n_sequences, n_elements) each: the sets, the later one, the random ones."""

    branching: tuple[Ints, ...]
    then: Ints
    random: tuple[Ints, ...]


class Sequences(Environment):
    """Sequences that share their middle, then long random ones; what comes next is predicted.

    For each number in `branching`, so many sequences of six elements are learned in `trials`
    passes, in a new order each time: a first element that is their own, one at random, the same
    three, and a last one that is their own. The network is then tested without learning. Each of
    these sets begins with the network as it was. After the one of `kept` sequences as many others
    are learned, and the first are tested again. For each number in `lengths`, one random sequence
    of so many elements is learned, in which none follows itself.

    `symbols` has a neuron for each of `elements`, and a last one for the pause that stands before
    every sequence. An element is shown for `show`, and another follows `interval` after it began.
    The prediction is the set of neurons of `predictions`, of which there are as many, that fire in
    the last `read` of it, and is right if it is exactly the next element. `branch` is the share of
    right predictions of last elements, the least over `branching`, `kept` the same of the first set
    after the second, and `random_…` the share of all elements after the second.

    In replay the pause and the first element are presented, and then `drive` alone, for `replay`.
    What is replayed is read from volleys, in which at least `volley` cells of a column fire;
    `replayed` is the share of elements after the first in their place, and `speed` the number of
    them in a second, over replays whose volleys do not all come at once. With `order: permuted`
    the elements of every sequence come in another order in each pass.
    """

    STIMULI: ClassVar = ("symbols", "drive")
    READOUT: ClassVar = ("cells", "predictions")
    RETURNS: ClassVar = True

    trials: int = Field(10, ge=1)  # passes
    elements: int = Field(14, ge=4 + SHARED)
    branching: tuple[int, ...] = Field((2, 4, 8), min_length=1)
    kept: int | None = Field(4, ge=1)
    lengths: tuple[int, ...] = (20, 40, 80)
    order: Literal["kept", "permuted"] = "kept"
    rate: SingleRate
    drive_rate: SingleRate
    show: PositiveTime
    interval: PositiveTime
    read: PositiveTime
    silence: PositiveTime
    replay: PositiveTime
    volley: int = Field(4, ge=1)

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan)
        columns = self.elements + 1
        sizes = {member.name: member.size for _, member in plan.populations()}
        for key, role in (("stimuli", "symbols"), ("readout", "predictions")):
            for name in getattr(self, key).get(role, ()):
                if (size := sizes.get(name, columns)) != columns:
                    told = f"expected {columns} neurons, for {self.elements} elements and the pause"
                    found.append(Problem(("experiment", key, role), f"{told}, found {size:,}"))
        for name in self.readout.get("cells", ()):
            if (size := sizes.get(name, columns)) % columns:
                told = f"expected a multiple of the {columns} columns, found {size:,} neurons"
                found.append(Problem(("experiment", "readout", "cells"), told))
        most = self.elements - SHARED
        for count in (*self.branching, *([self.kept] if self.kept else [])):
            if not 1 <= count <= most:
                told = f"expected 1 to {most}, the elements that are not shared, found {count}"
                found.append(Problem(("experiment", "branching"), told))
        if self.kept and self.kept not in self.branching:
            told = f"expected one of {', '.join(map(str, self.branching))}, found {self.kept}"
            found.append(Problem(("experiment", "kept"), told))
        if short := [each for each in self.lengths if each < 3]:
            told = f"expected at least 3 elements, found {short[0]}"
            found.append(Problem(("experiment", "lengths"), told))
        if self.show.mean + self.read.mean >= self.interval.mean:
            told = f"expected more than `show` and `read` together, found {self.interval}"
            found.append(Problem(("experiment", "interval"), told))
        return found

    def range_of(self, number: str) -> Range:
        """Shares, and a speed."""
        return AMOUNT if number == "speed" else SHARE

    def noted_trials(self) -> int:
        """Passes through every set, and through every random sequence."""
        return self.trials * (len(self.branching) + bool(self.kept) + len(self.lengths))

    def draw(self, plan: Plan, random: np.random.Generator) -> Drawn:
        """All sequences."""
        return Drawn(
            tuple(self._branching(count, random) for count in self.branching),
            self._branching(self.kept or 0, random),
            tuple(self._random(length, random) for length in self.lengths),
        )

    def _branching(self, count: int, random: np.random.Generator) -> Ints:
        """Sequences that differ before and after their middle, (count, 6)."""
        order = random.permutation(self.elements)
        shared, own = order[:SHARED], order[SHARED:]
        first, last = random.permutation(own)[:count], random.permutation(own)[:count]
        second = np.array([random.choice(own[own != each]) for each in first], dtype=np.int64)
        return np.column_stack([first, second, np.tile(shared, (count, 1)), last])

    def _random(self, length: int, random: np.random.Generator) -> Ints:
        """One sequence in which no element follows itself, (1, length)."""
        steps = random.integers(1, self.elements, length)
        return (np.cumsum(steps) % self.elements)[None]

    def baselines(
        self, plan: Plan, data: Drawn, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Tables of what has followed the last elements: the last one, or those that are shared."""
        found = {}
        for count in (1, SHARED):
            sets = {f"branch_{len(each)}": followed(each, count) for each in data.branching}
            longer = {f"random_{each.size}": followed(each, count) for each in data.random}
            branch = {name: _last(right) for name, right in sets.items()}
            later = {name: _later(right) for name, right in longer.items()}
            says = f"everything that followed the last {count} element{'s' * (count > 1)}"
            numbers = {"branch": min(branch.values()), **branch, **later}
            found[f"last_{count}"] = Baseline(says, numbers)
        return found

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Learn and test every set and every random sequence, each from the beginning."""
        data = self.draw(subject.plan, random)
        beginning = subject.remember()
        branch, others, replays = {}, {}, []
        for sequences in data.branching:
            subject.restore(beginning)
            self._train(subject, sequences, random, note)
            with subject.frozen():
                branch[f"branch_{len(sequences)}"] = _last(self._present(subject, sequences))
                replays += [self._replay(subject, each) for each in sequences]
            if len(sequences) == self.kept:
                self._train(subject, data.then, random, note)
                with subject.frozen():
                    others["kept"] = _last(self._present(subject, sequences))
        for sequence in data.random:
            subject.restore(beginning)
            self._train(subject, sequence, random, note)
            with subject.frozen():
                others[f"random_{sequence.size}"] = _later(self._present(subject, sequence))
        speeds = [speed for _, speed in replays if speed]
        return {
            "branch": min(branch.values()),
            **branch,
            **others,
            "replayed": float(np.mean([share for share, _ in replays])),
            "speed": float(np.mean(speeds)) if speeds else 0.0,
        }

    def _train(
        self, subject: Subject, sequences: Ints, random: np.random.Generator, note: Note
    ) -> None:
        """Go through some sequences several times, in a new order each time."""
        for _ in range(self.trials):
            shown = random.permutation(sequences)
            if self.order == "permuted":
                shown = random.permuted(shown, axis=1)
            note(predicted=_later(self._present(subject, shown)))

    def _present(self, subject: Subject, sequences: Ints) -> Flags:
        """Present sequences; whether each element was predicted, of the shape of the sequences."""
        count, length = sequences.shape
        rows = np.zeros((count, 3 * (length + 1) + 1, self.elements + 1))
        paused = np.column_stack([np.full(count, self.elements), sequences])
        places = np.arange(length + 1)
        rows[np.arange(count)[:, None], 3 * places, paused] = 1
        show, read = self.show.mean, self.read.mean
        element = [show, self.interval.mean - show - read, read]
        times = np.array([*element * (length + 1), self.silence.mean] * count)
        shown = {self.stimuli["symbols"][0]: rows.reshape(len(times), -1) * self.rate}
        responses = subject.play(Quantities(times, SECOND), shown)
        counts = responses.counts(self.readout["predictions"][0]).reshape(rows.shape)
        predicted = counts[:, 3 * places[:-1] + 2] > 0
        right: Flags = predicted == np.eye(self.elements + 1, dtype=bool)[sequences]
        return right.all(axis=2)

    def _replay(self, subject: Subject, sequence: Ints) -> tuple[float, float]:
        """The share of a sequence that its first element evokes, in order, and how fast."""
        (symbols,), (drive,) = self.stimuli["symbols"][:1], self.stimuli["drive"][:1]
        first, pause = np.eye(self.elements + 1)[[sequence[0], self.elements]]
        subject.present(self.show, {symbols: pause * self.rate})
        subject.present(constant(self.interval.mean - self.show.mean, SECOND))
        begun = subject.present(self.show, {symbols: first * self.rate, drive: self.drive_rate})
        going_on = subject.present(self.replay, {drive: self.drive_rate})
        subject.present(self.silence)
        found = [
            *(each for each in self._volleys(begun) if each[1] != sequence[0]),
            *((time + self.show.mean, column) for time, column in self._volleys(going_on)),
        ]
        pairs = zip([column for _, column in found], sequence[1:], strict=False)
        share = sum(mine == wanted for mine, wanted in pairs) / (len(sequence) - 1)
        return share, speed_of([time for time, _ in found])

    def _volleys(self, response: Response) -> list[tuple[float, int]]:
        """The time and the column of each volley, in order of time."""
        name = self.readout["cells"][0]
        times, cells = response.spikes(name)
        columns = cells // (response.plan.population(name)[1].size // (self.elements + 1))
        order = np.lexsort((times, columns))
        times, columns = times[order], columns[order]
        apart = np.flatnonzero((np.diff(columns) != 0) | (np.diff(times) > APART)) + 1
        volleys = zip(np.split(times, apart), np.split(columns, apart), strict=True)
        return sorted((float(t.mean()), int(c[0])) for t, c in volleys if len(t) >= self.volley)


def speed_of(times: Sequence[float]) -> float:
    """How many volleys follow the first in a second, by their times; 0 if all come at once."""
    lasted = max(times, default=0.0) - min(times, default=0.0)
    return (len(times) - 1) / lasted if lasted > APART else 0.0


def followed(sequences: Ints, count: int) -> Flags:
    """Whether each element alone has followed the `count` elements before it, or all there are."""
    followers: dict[tuple[int, ...], set[int]] = defaultdict(set)
    contexts = [
        [tuple(each[max(0, place - count) : place].tolist()) for place in range(len(each))]
        for each in sequences
    ]
    for context, each in zip(contexts, sequences, strict=True):
        for before, element in zip(context, each, strict=True):
            followers[before].add(int(element))
    return np.array([[len(followers[before]) == 1 for before in each] for each in contexts])


def _last(right: Flags) -> float:
    """The share of right predictions of last elements."""
    return float(right[:, -1].mean())


def _later(right: Flags) -> float:
    """The share of right predictions of all elements after the second."""
    return float(right[:, 2:].mean())

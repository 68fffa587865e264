"""A gate to memory: which items of a stream are worth storing, learned from what is asked later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import Problem, did_you_mean, fail
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.units import Quantities, constant
from thalia.training.baselines import Baseline, missing_library
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note

type Flags = NDArray[np.bool_]
type Floats = NDArray[np.float64]

RECALLED = 0.8  # Jaccard index of the cells that were not cued, from which an item is recalled
BINS = 10  # of the votes, for the error of calibration
COLD = 40  # items: how good the gate is when it begins
REFERENCE = 4000  # items from which the log odds are found that the best quarter of them have


@dataclass(frozen=True)
class Stream:
    """Items by their features, (n, n_features), and their cells of CA3, (n, size).

    `odds` are the true log odds that an item is asked for, less those from which it should be
    stored; `outcomes` are what the gate is told of it.
    """

    features: Flags
    cells: Flags
    odds: Floats
    asked: Flags
    outcomes: Flags

    @property
    def best(self) -> Flags:
        """The items that the Bayes gate stores."""
        return self.odds > 0


@dataclass
class Diary:
    """What the gate did with the items of a stream: votes as shares, and what it decided."""

    votes: Floats
    stored: Flags
    held: Flags
    waiting: dict[int, list[int]] = field(default_factory=dict)  # items by when to look again
    due: dict[int, list[int]] = field(default_factory=dict)  # items by when their time is over


class Gate(Environment):
    """Streams of items with features, of which the network can store the share `stored`.

    The log odds that an item is asked for are the sum of those of its `active` features, which are
    normal with the standard deviation `strength`, but for a constant with which the Bayes gate, by
    the true log odds, stores as many as fit. An item is looked at; if `store` fires it is shown to
    `memory` as well, if only `hold` does it is looked at again after `waits` others. The outcome of
    an item that was stored comes `soonest` to `latest` items later. For each stream memory is empty
    at the beginning; after the last one all items that are asked for are recalled by a part of
    their cells. The `gap` is what the gate recalls more than one that stores at random, relative
    to what the Bayes gate does, all with the same memory; a run in which that does no better is
    refused. `gap_first` is that of the first stream with a memory that recalls everything.
    """

    STIMULI: ClassVar = ("features", "clock", "memory")
    READOUT: ClassVar = ("store", "hold", "votes", "recall")
    MODULATORS: ClassVar = ("reward", "outcome")

    trials: int = Field(640, ge=40)  # items of each stream
    streams: int = Field(2, ge=1)
    features: int = Field(24, ge=1)
    active: int = Field(4, ge=1)
    strength: float = Field(3.3, gt=0)
    stored: float = Field(0.25, gt=0, lt=1)
    cells: int = Field(20, ge=2)
    cue: float = Field(0.5, gt=0, lt=1)
    waits: int = Field(20, ge=1)
    soonest: int = Field(1, ge=1)
    latest: int = Field(3, ge=1)
    explored: int = Field(0, ge=0)  # items at the beginning that are stored at random
    gate: Literal["learned", "all"] = "learned"
    outcomes: Literal["earned", "shuffled"] = "earned"
    emptied: str  # the pathway whose weights are the memory
    rate: SingleRate
    volley: PositiveTime
    respond: PositiveTime
    settle: PositiveTime  # after an outcome
    interval: PositiveTime  # from item to item
    recall: PositiveTime
    pause: PositiveTime

    def range_of(self, number: str) -> Range:
        """Shares, but for those of the gap."""
        return (-np.inf, np.inf) if number.startswith("gap") else SHARE

    def noted_trials(self) -> int:
        """All items."""
        return self.streams * self.trials

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = super().problems(plan) + missing_library("gate")
        if found:
            return found
        names = [member.name for _, member in plan.pathways()]
        if self.emptied not in names:
            message = f"no pathway is called '{self.emptied}'"
            hint = did_you_mean(self.emptied, names)
            found.append(Problem(("experiment", "emptied"), message, hint))
        half = self._size(plan, "memory") // 2
        limits = {"active": self.features, "soonest": self.latest, "cells": half}
        for key, most in limits.items():
            if getattr(self, key) > most:
                message = f"expected at most {most}, found {getattr(self, key)}"
                found.append(Problem(("experiment", key), message))
        size, parts = self._size(plan, "features"), self.features + 1
        if size % parts:
            message = f"expected a multiple of {parts} cells in '{self.stimuli['features'][0]}'"
            hint = f"as many for each of {self.features} features, and for what all items share"
            found.append(Problem(("experiment", "features"), f"{message}, found {size}", hint))
        spent = self.settle.mean + 4 * self._looking
        if self.interval.mean < spent:
            message = f"expected at least {spent:g} s, for an outcome, two looks, and storing twice"
            found.append(Problem(("experiment", "interval"), message))
        return found

    @property
    def _looking(self) -> float:
        return self.volley.mean + self.respond.mean

    def _size(self, plan: Plan, role: str) -> int:
        return plan.population(self.stimuli[role][0])[1].size

    def draw(self, plan: Plan, random: np.random.Generator) -> list[Stream]:
        """The streams; all have the same log odds of the features."""
        odds = random.normal(0, self.strength, self.features)
        reference = self._items(REFERENCE, random) @ odds
        least = float(np.quantile(reference, 1 - self.stored))
        size = self._size(plan, "memory")
        found = []
        for _ in range(self.streams):
            features = self._items(self.trials, random)
            log_odds = features @ odds - least
            asked = random.random(self.trials) < 1 / (1 + np.exp(-log_odds))
            outcomes = random.permutation(asked) if self.outcomes == "shuffled" else asked
            cells = random.permuted(np.tile(np.arange(size) < self.cells, (self.trials, 1)), axis=1)
            found.append(Stream(features, cells, log_odds, asked, outcomes))
        return found

    def _items(self, count: int, random: np.random.Generator) -> Flags:
        """Random features of items, (count, n_features)."""
        first = np.arange(self.features) < self.active
        return random.permuted(np.tile(first, (count, 1)), axis=1)

    def baselines(
        self, plan: Plan, data: list[Stream], random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Logistic regression that is told the outcomes of all earlier items, and never forgets."""
        if len(data) < 2:
            return {}
        from sklearn.linear_model import LogisticRegression

        before, last = data[:-1], data[-1]
        model = LogisticRegression(C=10).fit(
            np.concatenate([each.features for each in before]),
            np.concatenate([each.outcomes for each in before]),
        )
        votes = model.predict_proba(last.features)[:, 1]
        stored = votes >= np.quantile(votes, 1 - self.stored)
        numbers = {"gap": self._gap(last, stored), "calibration_error": _error(votes, last.asked)}
        says = "logistic regression on the outcomes of all items of the streams before the last"
        return {"logistic": Baseline(says, numbers)}

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """All streams; then recall of what is asked, for the gate and for those beside it."""
        streams = self.draw(subject.plan, random)
        by_chance = random.permutation(self.trials) < round(self.stored * self.trials)
        diaries = []
        for number, stream in enumerate(streams):
            self._empty(subject)
            explored = max(0, self.explored - number * self.trials)
            diaries.append(self._stream(subject, stream, explored, random, note))
        last, diary = streams[-1], diaries[-1]
        recalled = self._recalled(subject, last)
        chosen = {"random": by_chance, "bayes": last.best}
        others = {}
        for name, stored in chosen.items():
            self._empty(subject)
            for cells in last.cells[stored]:
                self._encode(subject, {"memory": cells})
                subject.present(self._time(self.interval.mean - self._looking))
            others[name] = self._recalled(subject, last)
        first = np.flatnonzero(diaries[0].stored)[:COLD]
        return {
            "gap": closed(recalled, **others),
            "gap_first": self._gap(streams[0], diaries[0].stored),
            "recalled": recalled,
            **others,
            "calibration_error": _error(diary.votes, last.asked),
            "cold": float(streams[0].asked[first].mean()) if len(first) else 0.0,
            "stored": float(diary.stored.mean()),
            "held": float(diary.held.mean()),
        }

    def _gap(self, stream: Stream, stored: Flags) -> float:
        """The share of the gap, if all that is stored is recalled."""
        kept, best = (each[stream.asked].mean() for each in (stored, stream.best))
        return closed(float(kept), random=self.stored, bayes=float(best))

    def _empty(self, subject: Subject) -> None:
        """Take all items from the memory; what still fires would write, and ends unlearned."""
        unit = constant(1.0, subject.weight_dimension(self.emptied))
        subject.set_weights(self.emptied, np.zeros_like(subject.weights(self.emptied)) * unit)
        with subject.frozen():
            subject.present(self.pause)

    def _time(self, seconds: float) -> Quantities:
        return Quantities(np.array(round(seconds, 9)), SECOND)

    def _stream(
        self,
        subject: Subject,
        stream: Stream,
        explored: int,
        random: np.random.Generator,
        note: Note,
    ) -> Diary:
        """Decide about all items, one after the other."""
        nothing = np.zeros(self.trials, bool)
        diary = Diary(np.zeros(self.trials), nothing, nothing.copy())
        for now in range(self.trials):
            for item in diary.due.pop(now, []):
                subject.release(self.modulators["outcome"], 1)
                if stream.outcomes[item]:
                    subject.release(self.modulators["reward"], 1)
            subject.present(self.settle)
            spent = self.settle.mean
            for item in [now, *diary.waiting.pop(now, [])]:
                store, hold, votes = self._look(subject, stream.features[item])
                spent += self._looking
                if self.gate == "all" or item < explored:
                    store, hold = self.gate == "all" or random.random() < self.stored, False
                if item == now:
                    diary.votes[item] = votes
                if store:
                    diary.stored[item] = True
                    shown = {"features": stream.features[item], "memory": stream.cells[item]}
                    self._encode(subject, shown)
                    spent += self._looking
                    when = now + int(random.integers(self.soonest, self.latest + 1))
                    diary.due.setdefault(when, []).append(item)
                elif hold and item == now:
                    diary.held[item] = True
                    diary.waiting.setdefault(now + self.waits, []).append(item)
            if self.interval.mean - spent > subject.plan.dt / 2:
                subject.present(self._time(self.interval.mean - spent))
            precision = stream.asked[diary.stored].mean() if diary.stored.any() else 0.0
            note(precision=float(precision), stored=float(diary.stored[now]))
        return diary

    def _rates(self, subject: Subject, shown: Mapping[str, Flags]) -> dict[str, Quantities]:
        """The rates of a volley of the cells of some roles, features with what all items share."""
        found = {}
        for role, flags in shown.items():
            if role == "features":
                parts = np.append(flags, True)
                flags = np.repeat(parts, self._size(subject.plan, role) // len(parts))
            found[self.stimuli[role][0]] = flags * self.rate
        return found

    def _look(self, subject: Subject, features: Flags) -> tuple[bool, bool, float]:
        """Whether the cells that store and hold an item fire, and the share of votes for it."""
        shown = {"features": features, "clock": np.ones(1, bool)}
        with subject.phase("look"):
            subject.present(self.volley, self._rates(subject, shown))
            response = subject.present(self.respond)
        store, hold = (response.total(self.readout[role][0]) > 0 for role in ("store", "hold"))
        counts = response.counts(self.readout["votes"][0])
        return store, hold, float(np.mean(counts > 0))

    def _encode(self, subject: Subject, shown: Mapping[str, Flags]) -> None:
        with subject.phase("encode"):
            subject.present(self.volley, self._rates(subject, shown))
            subject.present(self.respond)

    def _recalled(self, subject: Subject, stream: Stream) -> float:
        """The share of the items that are asked for which a part of their cells recalls."""
        subject.present(self.pause)
        name, found = self.stimuli["memory"][0], []
        with subject.frozen():
            for cells in stream.cells[stream.asked]:
                places = np.flatnonzero(cells)
                cued = np.isin(np.arange(len(cells)), places[: round(self.cue * self.cells)])
                subject.present(self.volley, {name: cued * self.rate})
                fired = subject.present(self.recall).counts(self.readout["recall"][0]) > 0
                subject.present(self.pause)
                hits = (fired & cells & ~cued).sum()
                found.append(hits >= RECALLED * ((fired | cells) & ~cued).sum())
        return float(np.mean(found))


def closed(recalled: float, random: float, bayes: float) -> float:
    """The share of the gap between a random gate and the Bayes gate, by what each recalls.

    Raises
    ------
    CircuitError
        If the Bayes gate recalls no more than the random one.
    """
    if bayes <= random:
        raise fail(
            f"there is no gap to close: the Bayes gate recalls {bayes:.3g} of what is asked for, "
            f"one that stores at random {random:.3g}",
            "raise `trials` or `strength`, or lower `stored` to what the memory can hold",
            ("experiment", "stored"),
        )
    return (recalled - random) / (bayes - random)


def _error(votes: Floats, asked: Flags) -> float:
    """The expected error of calibration: how far votes are from frequencies, over equal bins."""
    bins = np.minimum((votes * BINS).astype(int), BINS - 1)
    gaps = [
        abs(votes[bins == each].mean() - asked[bins == each].mean()) * (bins == each).mean()
        for each in np.unique(bins)
    ]
    return float(np.sum(gaps))

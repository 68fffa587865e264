"""Class-incremental learning: classes come two by two, and are told apart from all before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.data.labelled import Labelled
from thalia.errors import Problem
from thalia.training.baselines import Baseline, Split, nearest, nearest_mean
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Note
from thalia.training.tasks.classification import TaughtClassification

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Flags = NDArray[np.bool_]
type Finals = dict[str, float]
type Lesson = tuple[Floats, np.int64, np.float64]  # an image, its label, the learning rate

RANGES: dict[str, Range] = {  # of what is no share
    "forgetting": (-1.0, 1.0),
    **dict.fromkeys(("presentations", "spikes", "retention"), AMOUNT),
}


@dataclass(frozen=True)
class Sequence(Split):
    """A split with the classes of each task, and which training images are stored."""

    tasks: tuple[Ints, ...]
    kept: Ints


class TaskSequence(TaughtClassification):
    """The classes of a data set in successive tasks, with `stored` images of each class kept.

    Every task has as many presentations, whatever is replayed: a replayed image takes the place of
    a new one. `balanced` shows each class that is known equally often, `uniform` stored images in a
    part of the presentations, `importance` the same with those more often that no neuron answered
    well when the task began. `joint` shows all classes from the beginning.
    """

    trials: int = Field(5, ge=1)  # epochs of each task
    classes_each: int = 2
    tasks: int | None = Field(None, ge=2)  # only the first of them
    stored: int = Field(10, ge=1)
    replay: Literal["none", "uniform", "balanced", "importance", "mislabelled"] = "balanced"
    replayed: float = Field(
        0.5, ge=0, le=1
    )  # the part of presentations that `uniform`, `importance` replay
    importance_interval: int | None = Field(None, ge=1)  # presentations; else once in a task
    plasticity_decay: float = Field(1.0, gt=0, le=1)  # of the learning rate, from task to task
    joint: bool = False

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or this machine, or in itself."""
        found = super().problems(plan)
        if self.importance_interval and self.replay != "importance":
            message = f"is for replay by importance, found '{self.replay}'"
            hint = "--set experiment.replay=importance, with --control none"
            found.append(Problem(("experiment", "importance_interval"), message, hint))
        return found

    def _does_not_fit(self, data: Labelled) -> list[Problem]:
        """What the data do not have that the task needs."""
        found, most = super()._does_not_fit(data), -(-len(data.classes) // self.classes_each)
        if self.tasks and self.tasks > most:
            told = f"expected at most {most}, with {len(data.classes)} classes of {data.name}"
            found.append(Problem(("experiment", "tasks"), f"{told}, found {self.tasks}"))
        return found

    def noted_trials(self) -> int:
        """About one for each training image of the classes in the tasks, in each epoch."""
        classes = len(self._loaded().classes)
        shown = min(classes, (self.tasks or classes) * self.classes_each)
        return super().noted_trials() * shown // classes

    def range_of(self, number: str) -> Range:
        """Forgetting can be negative; presentations, spikes and retention can exceed 1."""
        return RANGES.get(number, SHARE)

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Task by task; after each, the accuracy of every task until then."""
        sequence = self.draw(subject.plan, random)
        images, labels = sequence.values, sequence.labels
        held, held_labels = sequence.held, sequence.held_labels
        order, tasks, kept = np.concatenate(sequence.tasks), sequence.tasks, sequence.kept
        accuracy = np.full((len(tasks), len(tasks)), np.nan)
        needed = np.zeros(len(tasks))
        for number, classes in enumerate(tasks):
            now = np.flatnonzero(np.isin(labels, order if self.joint else classes))
            count = self.trials * int(np.isin(labels, classes).sum())
            known = order if self.joint else order[: (number + 1) * self.classes_each]
            before = kept[np.isin(labels[kept], known) & ~np.isin(labels[kept], classes)]
            step, rate = self.importance_interval or count, self.plasticity_decay**number
            shown, answered = [], []
            for done in range(0, count, step):
                weights = self._importance(subject, images, before)
                part = min(step, count - done)
                shown.append(self._schedule(now, before, len(known), part, weights, random))
                told = labels[shown[-1]]
                if self.replay == "mislabelled":
                    told = random.choice(order, len(told))
                falls = self.last_rate ** ((done + np.arange(part)) / count)
                lessons = zip(images[shown[-1]], told, rate * falls, strict=True)
                answered.append(self._learn(subject, [*lessons], random, note))
            chosen, right = np.concatenate(shown), np.concatenate(answered)
            tested = np.flatnonzero(np.isin(held_labels, known))
            with self._held(subject):
                correct = self._answers(subject, held[tested]) == held_labels[tested]
            for task in range(number + 1):
                accuracy[number, task] = correct[np.isin(held_labels[tested], tasks[task])].mean()
            fresh = np.isin(labels[chosen], classes)
            needed[number] = _presentations_needed(right, fresh, accuracy[number, number])
        return _summary(accuracy) | {"presentations": float(needed[1:].mean())}

    def draw(self, plan: Plan, random: np.random.Generator) -> "Sequence":
        """The split, the classes of each task in an order of the seed's own, what is stored."""
        split = super().draw(plan, random)
        order = random.permutation(int(split.labels.max()) + 1)
        order = order[: self.tasks * self.classes_each] if self.tasks else order
        starts = range(0, len(order), self.classes_each)
        kept = [
            random.permutation(np.flatnonzero(split.labels == each))[: self.stored]
            for each in order
        ]
        return Sequence(
            split.values,
            split.labels,
            split.held,
            split.held_labels,
            tuple(order[start : start + self.classes_each] for start in starts),
            np.concatenate(kept),
        )

    def baselines(
        self, plan: Plan, data: Split, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Methods that keep the same stored images; what they have of a task are these, too."""
        assert isinstance(data, Sequence)
        each = f"{self.stored} stored images of each class"
        return {
            "nearest_neighbour": Baseline(
                f"the class of the nearest of {each}", _stored_only(data, nearest)
            ),
            "class_means": Baseline(
                f"the class with the nearest mean of {each}", _stored_only(data, nearest_mean)
            ),
        }

    def _schedule(
        self,
        now: Ints,
        before: Ints,
        known: int,
        count: int,
        weights: Floats | None,
        random: np.random.Generator,
    ) -> Ints:
        """Which images are presented in a task, in order."""
        share = {"none": 0.0, "balanced": 1 - self.classes_each / known}.get(
            self.replay, self.replayed
        )
        old = random.random(count) < (share if len(before) and not self.joint else 0)
        chosen = random.choice(now, count)
        chosen[old] = random.choice(before, int(old.sum()), p=weights) if old.any() else chosen[old]
        return chosen

    def _importance(self, subject: Subject, images: Floats, before: Ints) -> Floats | None:
        """How often each stored image is replayed: more, the weaker its best response is.

        None where all are replayed equally often.
        """
        if self.replay != "importance" or not len(before):
            return None
        with self._held(subject):
            strength = np.array([self._show(subject, images[index]).max() for index in before])
        wanted = 1 / (1 + strength)
        return np.asarray(wanted / wanted.sum())

    def _learn(
        self, subject: Subject, lessons: list[Lesson], random: np.random.Generator, note: Note
    ) -> Flags:
        """Present images with their labels; which of them the network answered right."""
        rate, right = self._rate(subject), np.zeros(len(lessons), bool)
        for count, (image, label, speed) in enumerate(lessons):
            rate.become(float(speed))
            spikes, answer = self._teach(subject, image, int(label))
            subject.present(self.pause)
            right[count] = answer == label
            note(spikes=spikes, right=right[count])
        rate.become(1)
        return right


def _stored_only(data: "Sequence", classify: Callable[[Floats, Ints, Floats], Ints]) -> Finals:
    """What a classifier reaches that has the stored images of all classes until now."""
    accuracy = np.full((len(data.tasks), len(data.tasks)), np.nan)
    for number in range(len(data.tasks)):
        known = np.concatenate(data.tasks[: number + 1])
        mine = data.kept[np.isin(data.labels[data.kept], known)]
        right = classify(data.values[mine], data.labels[mine], data.held) == data.held_labels
        for task in range(number + 1):
            accuracy[number, task] = right[np.isin(data.held_labels, data.tasks[task])].mean()
    return _summary(accuracy)


def _presentations_needed(right: Flags, fresh: Flags, final: float, window: int = 20) -> float:
    """Presentations until a task is learned: all of them if it never is.

    That is when of the last 20 images of its own classes, `fresh`, as many were answered right as
    are 90 % of the accuracy on held-out ones when the task ends.
    """
    own, size = np.flatnonzero(fresh), min(window, int(fresh.sum()))
    reached = np.convolve(right[own], np.ones(size), mode="valid") >= 0.9 * final * size - 1e-9
    return float(own[np.argmax(reached) + size - 1] + 1 if reached.any() else len(right))


def _summary(accuracy: Floats) -> dict[str, float]:
    """Mean final accuracy over tasks, forgetting, and accuracy on each task when it was new."""
    final, learnt = accuracy[-1], np.diag(accuracy)
    best = np.nanmax(accuracy[:-1, :-1], axis=0)
    return {
        "accuracy": float(final.mean()),
        "forgetting": float((best - final[:-1]).mean()),
        "learnt": float(learnt.mean()),
        "retention": float((final[:-1] / np.maximum(learnt[:-1], 1e-9)).mean()),
    }

"""A sequence of unannounced tasks with the same images, whose best learning rates differ."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem, did_you_mean
from thalia.syntax.fields import Node, PositiveTime
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Note
from thalia.training.tasks.classification import Flags, Floats, Ints, TaughtClassification

RECENT = 50  # images that a baseline remembers


class Stage(Node):
    """Successive tasks of one kind; in each of them the classes have other labels.

    A task has as many of the classes as `classes` says, by default all. `wrong` is the part of
    labels that are drawn at random; with `turns` the images are turned or mirrored as well.
    """

    times: int = Field(1, ge=1)
    presentations: int = Field(ge=1)
    classes: int = Field(0, ge=0)
    wrong: float = Field(0, ge=0, le=1)
    turns: bool = False


@dataclass(frozen=True)
class Presentations:
    """What is presented, in order: images, (n, n_values), their labels and those shown, (n,).

    `tasks` numbers the tasks, and `kinds` says which of the stages they belong to.
    """

    images: Floats
    labels: Ints
    told: Ints
    tasks: Ints
    kinds: Ints


class ChangingTasks(TaughtClassification):
    """`trials` rounds of all stages; an image is answered before its label is shown.

    After an answer that agrees with the label that is shown, which may be wrong, `performance` is
    released. The result is the part of answers that are right. `rates` are the modulators by which
    layers learn; their levels are noted. With `given` the network goes through the tasks twice: as
    it is, and then, from its first state, with the modulators in `given` at the levels that those
    in `rates` had, in another order.
    """

    MODULATORS: ClassVar = ("performance",)

    stages: dict[str, Stage]
    teach: PositiveTime
    rates: tuple[str, ...] = ()
    given: dict[str, str] = {}

    def range_of(self, number: str) -> Range:
        """Shares of every kind of task; spikes and learning rates are none."""
        return AMOUNT if number in ("spikes", *self.rates) else SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Go through all tasks; the part of right answers in all, and by kind of task."""
        shown = self.draw(subject.plan, random)
        levels = np.full((len(shown.labels), len(self.given)), np.nan)
        if self.given:
            begin = subject.state()
            for _ in self._answers_in_all(subject, shown, levels):
                pass  # it notes the levels
            subject.restore(begin)
            levels = random.permutation(levels)
        right = np.zeros(len(shown.labels), bool)
        for count, (answer, spikes) in enumerate(self._answers_in_all(subject, shown, levels)):
            right[count] = answer == shown.labels[count]
            rates = {rate: subject.level(rate) for rate in self.rates}
            note(right=right[count], spikes=spikes, **rates)
        return self._shares(right, shown)

    def noted_trials(self) -> int:
        """One for each presentation."""
        once = sum(stage.times * stage.presentations for stage in self.stages.values())
        return self.trials * once

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or the data."""
        found = super().problems(plan)
        for key, names, known in (
            ("rates", self.rates, plan.modulators),
            ("given", self.given.keys(), plan.modulators),
            ("given", self.given.values(), plan.task_releases),
        ):
            for name in names:
                if name not in known:
                    what = "modulator" if known is plan.modulators else "modulator `from_task`"
                    message = f"the circuit has no {what} '{name}'"
                    found.append(Problem(("experiment", key), message, did_you_mean(name, known)))
        if not found and any(stage.turns for stage in self.stages.values()):
            values = self._loaded().values.shape[1]
            if math.isqrt(values) ** 2 != values:
                message = f"only square images can be turned, those of {self.data} are not"
                found.append(Problem(("experiment", "stages"), message))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> Any:
        """All presentations, of training images."""
        split = super().draw(plan, random)
        places, number = np.arange(split.values.shape[1]), 0
        found: list[tuple[Ints, Ints, Ints, Ints]] = []
        images = []
        for kind, stage in [*enumerate(self.stages.values())] * self.trials:
            for _ in range(stage.times):
                names = random.permutation(split.labels.max() + 1)
                places = _turned(places, random) if stage.turns else places
                some = random.permutation(len(names))[: stage.classes or None]
                shown = random.choice(
                    np.flatnonzero(np.isin(split.labels, some)), stage.presentations
                )
                labels = names[split.labels[shown]]
                wrong = random.random(len(labels)) < stage.wrong
                told = np.where(wrong, random.integers(len(names), size=len(labels)), labels)
                images.append(split.values[shown][:, places])
                found.append((labels, told, np.full_like(told, number), np.full_like(told, kind)))
                number += 1
        return Presentations(np.concatenate(images), *map(np.concatenate, zip(*found, strict=True)))

    def baselines(
        self, plan: Plan, data: Any, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Nearest neighbours among the images whose labels were shown before."""
        place = np.arange(len(data.labels))
        before = place[None] < place[:, None]
        since = {
            "nearest_in_task": (
                "the label that was shown with the nearest image since the task began, "
                "which no network is told",
                before & (data.tasks[None] == data.tasks[:, None]),
            ),
            "nearest_recent": (
                f"the label that was shown with the nearest of the last {RECENT} images",
                before & (place[None] >= place[:, None] - RECENT),
            ),
        }
        square = (data.images**2).sum(axis=1)
        distance = square[:, None] + square - 2 * data.images @ data.images.T
        return {
            name: Baseline(says, self._shares(_nearest(distance, allowed, data), data))
            for name, (says, allowed) in since.items()
        }

    def _shares(self, right: Flags, shown: Presentations) -> dict[str, float]:
        kinds = {kind: shown.kinds == place for place, kind in enumerate(self.stages)}
        return {"accuracy": float(right.mean())} | {
            kind: float(right[those].mean()) for kind, those in kinds.items()
        }

    def _answers_in_all(
        self, subject: Subject, shown: Presentations, levels: Floats
    ) -> Iterator[tuple[int, int]]:
        """The answer to each image, and the spikes of the layer.

        `levels` (n_presentations, n_given) are those of the given modulators; where they are nan,
        they become those that their counterparts have at the time.
        """
        given = dict.fromkeys(self.given.values(), 0.0)
        for image, told, wanted in zip(shown.images, shown.told, levels, strict=True):
            for place, (rate, modulator) in enumerate(self.given.items()):
                if np.isnan(wanted[place]):
                    wanted[place] = subject.level(rate)
                subject.release(modulator, wanted[place] - given[modulator])
                given[modulator] = wanted[place]
            yield self._answer(subject, image, int(told))

    def _answer(self, subject: Subject, image: Floats, told: int) -> tuple[int, int]:
        """The answer to an image, whose label is shown afterwards, and the spikes of the layer."""
        shown = self._encoded(subject, image)
        spikes = subject.present(self.show, shown).total(self.readout["layer"][0])
        answer, labels = self._answered(subject), self.stimuli["label"][0]
        which = np.eye(int(subject.plan.population(labels)[1].size))[told]
        subject.present(self.teach, shown | {labels: which * self.label_rate})
        if answer == told:
            subject.release(self.modulators["performance"], 1)
        subject.present(self.pause)
        return answer, spikes


def _turned(places: Ints, random: np.random.Generator) -> Ints:
    """Pixels of a square image (n_pixels,) after one of its seven turns and reflections."""
    which, side = random.integers(1, 8), math.isqrt(len(places))
    square = np.rot90(places.reshape(side, side), which % 4)
    return (square[:, ::-1] if which >= 4 else square).ravel()


def _nearest(distance: Floats, allowed: Flags, shown: Presentations) -> Flags:
    """Where the label shown with the nearest of the images that are allowed is right."""
    nearest = np.where(allowed, distance, np.inf).argmin(axis=1)
    return np.asarray(allowed.any(axis=1) & (shown.told[nearest] == shown.labels))

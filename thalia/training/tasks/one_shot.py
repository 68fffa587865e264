"""One-shot classification: classes that are new, each known from one image, or from a few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.data.labelled import Labelled
from thalia.errors import CircuitError, Problem
from thalia.syntax.fields import PositiveTime, SingleRate, Words
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import Baseline, missing_library, nearest, nearest_mean
from thalia.training.data_sets import BUILT_IN, data_set
from thalia.training.subject import Subject
from thalia.training.tasks import SHARE, Environment, Note
from thalia.training.tasks.classification import LearningRate

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

PARTS = ("train", "tuning", "test")
FAR = 2  # pixels by which an image moves at most
GAZES = {"cross": ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)), "still": ((0, 0),)}  # down, right
FAINT = 0.3  # contrast of a patch, as a length, below which it is not seen


@dataclass(frozen=True)
class Episodes:
    """All images that are shown, by their numbers.

    `lessons` (n_lessons, 3), each with the pixels by which it is moved down and right, `study`
    (n_episodes, ways, shots), `queries` (n_episodes, ways * queries), class by class, and `taught`
    (n_episodes, ways), the labels of `study`.
    """

    images: Floats
    lessons: Ints
    study: Ints
    taught: Ints
    queries: Ints


class OneShot(Environment):
    """Episodes of `ways` classes, of which `shots` images each are learned and others asked.

    First `lessons` images of the classes `train` are shown, from which the network learns its
    features; every episode begins with the network as the lessons left it. Its classes are of
    `test`, or with `tested: tuning` of `tuning`, and share no image with the lessons. A part of
    `classes` that is left out has, of `train` the first half of the classes, of the others those
    that are in no other part.

    An image is looked at five times, as it is and moved by one pixel in each direction (`gaze:
    cross`), or once (`still`); in the lessons once, moved by whole pixels from a normal
    distribution of `jitter` pixels.

    `image` has 2 * `patch`^2 neurons for each pixel, which is the middle of a patch: the values of
    the patch above their mean, and those below it, with the length 1. `label` has a neuron for each
    way, which fires while its class is studied. The answer is the neuron of `answer`, one for each
    label, that fires most; where tasks set the `target` of these neurons, they are taught by it,
    and the answer is the one with the highest potential.
    """

    STIMULI: ClassVar = ("image", "label")
    READOUT: ClassVar = ("layer", "answer")
    MODULATORS: ClassVar = ("rate",)
    RETURNS: ClassVar = True

    trials: int = Field(40, ge=1)  # episodes
    data: str = "digits"
    side: int | None = Field(None, ge=1)
    inverted: bool = False
    classes: dict[Literal["train", "tuning", "test"], Words] = {}
    tested: Literal["tuning", "test"] = "test"
    ways: int = Field(5, ge=2)
    shots: int = Field(1, ge=1)
    queries: int = Field(15, ge=1)
    lessons: int = Field(2500, ge=0)
    gaze: Literal["cross", "still"] = "cross"
    jitter: float = Field(1.5, ge=0)
    patch: Literal[3, 5] = 3
    labels: Literal["true", "shuffled"] = "true"
    full_rate: SingleRate
    label_rate: SingleRate
    show: PositiveTime
    pause: PositiveTime
    last_rate: float = Field(0.03, gt=0, le=1)

    def data_files(self) -> tuple[str, ...]:
        """The file or folder of the user's own data."""
        return () if self.data in BUILT_IN else (self.data,)

    def _loaded(self) -> Labelled:
        return data_set(self.data, self.folder, self.side, self.inverted)

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task, its data and a circuit."""
        found = super().problems(plan)
        try:
            data = self._loaded()
            found += self._of_classes(data)
        except CircuitError as error:
            return found + [each.under("experiment", "data") for each in error.problems]
        if self.data_files():
            found += missing_library(self.data)
        sizes = {member.name: member.size for _, member in plan.populations()}
        values = int(np.prod(data.shape[:2])) * 2 * self.patch**2
        for name in self.stimuli.get("image", ()):
            if sizes.get(name, values) != values:
                told = (
                    f"{data.name} has patches of {values:,} values, found {sizes[name]:,} neurons"
                )
                found.append(Problem(("experiment", "stimuli", "image"), told))
        for name in (*self.stimuli.get("label", ()), *self.readout.get("answer", ())):
            if (size := sizes.get(name, self.ways)) < self.ways:
                told = f"expected at most {size}, as many as neurons of {name}, found {self.ways}"
                found.append(Problem(("experiment", "ways"), told))
        return found

    def _of_classes(self, data: Labelled) -> list[Problem]:
        """What the data have not enough of."""
        if len(data.shape) < 2:
            return [
                Problem(("experiment", "data"), f"expected images, found values in {data.name}")
            ]
        parts = self._parts(data)
        found: list[Problem] = []
        tested = parts[self.tested]
        if both := set(parts["train"]) & set(tested):
            names = ", ".join(data.classes[each] for each in sorted(both))
            told = f"expected other classes than in 'train', found {names} in '{self.tested}'"
            found.append(Problem(("experiment", "classes"), told))
        if len(tested) < self.ways:
            told = f"expected at most {len(tested)}, the classes of '{self.tested}' of {data.name}"
            found.append(Problem(("experiment", "ways"), f"{told}, found {self.ways}"))
        counts = np.bincount(data.labels, minlength=len(data.classes))
        wanted = self.shots + self.queries
        if few := [each for each in tested if counts[each] < wanted]:
            fewest = min(few, key=lambda each: int(counts[each]))
            told = (
                f"expected classes of at least {self.shots} + {self.queries} images, "
                f"found {counts[fewest]} of '{data.classes[fewest]}' in {data.name}"
            )
            found.append(Problem(("experiment", "shots"), told, "use fewer shots or queries"))
        if not parts["train"] and self.lessons:
            found.append(Problem(("experiment", "classes"), "no class is in 'train'"))
        return found + self._unseen(data, {*parts["train"], *tested})

    def _unseen(self, data: Labelled, classes: set[int]) -> list[Problem]:
        """Images of these classes in which no patch has contrast, so that no neuron fires."""
        shown = map(int, np.flatnonzero(np.isin(data.labels, [*classes])))
        blank = [each for each in shown if _strongest(_grey(data, each), self.patch) <= FAINT]
        if not blank:
            return []
        names = ", ".join(sorted({data.classes[data.labels[number]] for number in blank}))
        told = (
            f"expected images with a patch whose contrast is above {FAINT}, found "
            f"{len(blank):,} of {data.name} without, which would not be seen, in {names}"
        )
        hint = "leave them out, or stretch their values from 0 to 1"
        return [Problem(("experiment", "data"), told, hint)]

    def _parts(self, data: Labelled) -> dict[str, list[int]]:
        """The classes of each part, by number."""
        given: dict[str, list[int]] = {
            part: data.numbers_of(names) for part, names in self.classes.items()
        }
        half = range(len(data.classes) // 2)
        others = {each for part in ("tuning", "test") for each in given.get(part, ())}
        found = {"train": given.get("train", [each for each in half if each not in others])}
        for part in ("tuning", "test"):
            taken = {each for name in PARTS if name != part for each in given.get(name, ())}
            taken |= {*found["train"]}
            left = [each for each in range(len(data.classes)) if each not in taken]
            found[part] = given.get(part, left)
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> Episodes:
        """The looks of all lessons, and of studying and asking in all episodes."""
        data = self._loaded()
        parts = self._parts(data)
        images = _grey(data, slice(None))
        training = np.flatnonzero(np.isin(data.labels, parts["train"]))
        lessons = random.choice(training, self.lessons) if self.lessons else training[:0]
        study, queries, taught = [], [], []
        for _ in range(self.trials):
            chosen = random.permutation(parts[self.tested])[: self.ways]
            mine = [random.permutation(np.flatnonzero(data.labels == each)) for each in chosen]
            study.append([each[: self.shots] for each in mine])
            queries.append(
                np.concatenate([m[self.shots : self.shots + self.queries] for m in mine])
            )
            order = np.arange(self.ways)
            taught.append(random.permutation(order) if self.labels == "shuffled" else order)
        moves = np.round(random.normal(0, self.jitter, (len(lessons), 2)))
        moved = np.clip(moves, -FAR, FAR).astype(np.int64)
        return Episodes(
            images,
            np.column_stack([lessons, moved]),
            np.array(study),
            np.array(taught),
            np.array(queries),
        )

    def range_of(self, number: str) -> Range:
        """All are shares."""
        return SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """The lessons, then all episodes."""
        data = self.draw(subject.plan, random)
        layer = self.readout["layer"][0]
        rate = LearningRate(subject, self.modulators["rate"], layer)
        with subject.phase("features"):
            for count, look in enumerate(data.lessons):
                rate.become(self.last_rate ** (count / len(data.lessons)))
                subject.present(self.show, self._seen(data.images[look[0]], look[1:]))
                subject.present(self.pause)
            subject.set(layer, "adapting", 0)
        learned = subject.remember()
        accuracy = []
        truth = np.repeat(np.arange(self.ways), self.queries)
        for study, taught, queries in zip(data.study, data.taught, data.queries, strict=True):
            subject.restore(learned)
            self._study(subject, data.images[study], taught)
            with subject.frozen():
                answers = self._answers(subject, data.images[queries], random)
            accuracy.append(float(np.mean(answers == truth)))
            note(accuracy=accuracy[-1])
        return {"accuracy": float(np.mean(accuracy))}

    def _study(self, subject: Subject, images: Floats, taught: Ints) -> None:
        """Look at the images of every class with its label, at each class in turn."""
        with subject.phase("binding"):
            for shown, move in product(images.swapaxes(0, 1), GAZES[self.gaze]):
                for image, label in zip(shown, taught, strict=True):
                    seen = self._seen(image, move) | self._named(subject, int(label))
                    subject.present(self.show, seen)
                    subject.present(self.pause)
        if self._has_targets(subject):
            subject.set(self.readout["answer"][0], "taught", 0)

    def _named(self, subject: Subject, label: int) -> dict[str, Numbers]:
        """The label, as the rates of its neurons, or as the target of those that answer."""
        labels = self.stimuli["label"][0]
        which = np.eye(int(subject.plan.population(labels)[1].size))[label]
        if self._has_targets(subject):
            subject.set(self.readout["answer"][0], "target", which)
            subject.set(self.readout["answer"][0], "taught", 1)
        return {labels: which * self.label_rate}

    def _answers(self, subject: Subject, images: Floats, random: np.random.Generator) -> Ints:
        """The label that the network answers with after all looks at each image.

        A tie, as between neurons none of which fires, is broken at random.
        """
        answer, looks = self.readout["answer"][0], list(product(images, GAZES[self.gaze]))
        if self._has_targets(subject):
            votes = np.array([self._potentials(subject, *look) for look in looks])
        else:
            patches = np.array(
                [contrasts(i, down, right, self.patch) for i, (down, right) in looks]
            )
            shown = {self.stimuli["image"][0]: patches * self.full_rate}
            votes = subject.play(self.show, shown, self.pause).counts(answer)
        of_images = votes.reshape(len(images), -1, votes.shape[1]).sum(axis=1)[:, : self.ways]
        best = of_images == of_images.max(axis=1, keepdims=True)
        return np.asarray((best * random.random(best.shape)).argmax(axis=1))

    def _potentials(self, subject: Subject, image: Floats, move: tuple[int, int]) -> Floats:
        """The potentials of the neurons that answer, after a look at an image."""
        subject.present(self.show, self._seen(image, move))
        found = subject.read(self.readout["answer"][0], "v")
        subject.present(self.pause)
        return found

    def _has_targets(self, subject: Subject) -> bool:
        """Whether the neurons that answer are taught by a target in place of the label."""
        return "target" in subject.plan.population(self.readout["answer"][0])[1].from_task

    def _seen(self, image: Floats, move: Sequence[int] | Ints) -> dict[str, Numbers]:
        """The rates of the neurons that see an image."""
        seen = contrasts(image, int(move[0]), int(move[1]), self.patch)
        return {self.stimuli["image"][0]: seen * self.full_rate}

    def baselines(
        self, plan: Plan, data: Episodes, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """The nearest of the studied images, and the nearest mean of them, pixel by pixel."""
        pixels = data.images.reshape(len(data.images), -1)
        truth = np.repeat(np.arange(self.ways), self.queries)
        right: dict[str, list[float]] = {"nearest_neighbour": [], "class_means": []}
        for study, taught, queries in zip(data.study, data.taught, data.queries, strict=True):
            labels, asked = np.repeat(taught, self.shots), pixels[queries]
            for name, method in (("nearest_neighbour", nearest), ("class_means", nearest_mean)):
                answers = method(pixels[study.ravel()], labels, asked)
                right[name].append(float(np.mean(answers == truth)))
        says = {
            "nearest_neighbour": "the class of the nearest of the studied images, by their pixels",
            "class_means": "the class with the nearest mean of its studied images",
        }
        return {n: Baseline(says[n], {"accuracy": float(np.mean(r))}) for n, r in right.items()}


def _grey(data: Labelled, which: int | slice) -> Floats:
    """One image, or all of them, (..., height, width); colours become their mean."""
    images = data.values[which].reshape(*np.shape(data.labels[which]), *data.shape)
    return images.mean(axis=-1) if len(data.shape) == 3 else images


def _strongest(image: Floats, patch: int) -> float:
    """The length of the patch of an image that has most contrast."""
    patches = sliding_window_view(np.pad(image, patch // 2), (patch, patch))
    return float(patch * patches.std(axis=(2, 3)).max())


def contrasts(image: Floats, down: int, right: int, patch: int) -> Floats:
    """What is above and below the mean in the patch around each pixel of a moved image.

    Returns
    -------
    (n_pixels * 2 * patch^2,) floats
        Patch by patch; each has the length 1, or 0 where its contrast is faint.
    """
    edge = patch // 2 + FAR
    padded = np.pad(image, edge)
    rows, columns = np.arange(patch) + FAR - down, np.arange(patch) + FAR - right
    height, width = image.shape
    patches = padded[
        (np.arange(height)[:, None, None, None] + rows[:, None]),
        (np.arange(width)[:, None, None] + columns),
    ].reshape(height * width, -1)
    patches = patches - patches.mean(axis=1, keepdims=True)
    both = np.concatenate([np.maximum(patches, 0), np.maximum(-patches, 0)], axis=1)
    length = np.linalg.norm(both, axis=1, keepdims=True)
    seen: Floats = np.where(length > FAINT, both / np.maximum(length, FAINT), 0)
    return seen.ravel()

"""Classification: images are shown without their labels, which serve for the readout only."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.data.labelled import Labelled
from thalia.errors import CircuitError, Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.training.baselines import Baseline, Split, classifiers, missing_library
from thalia.training.data_sets import BUILT_IN, data_set
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Flags = NDArray[np.bool_]

LEAST = 0.01  # spikes added to every mean response, since none in a few images is not never


class LearningRate:
    """How fast a layer and its thresholds learn, as a part of their first rate."""

    def __init__(self, subject: Subject, modulator: str, layer: str):
        self.subject, self.modulator, self.layer = subject, modulator, layer
        self.now = 1.0

    def become(self, wanted: float) -> None:
        """Change the rate from now on."""
        self.subject.release(self.modulator, wanted - self.now)
        self.subject.set(self.layer, "adapting", wanted)
        self.now = wanted


class Classification(Environment):
    """Images of a data set, each shown as a pattern of rates, over some epochs.

    `data` is `digits`, `iris`, `wine` or `breast_cancer` of scikit-learn, or an npz file or a
    folder of images beside the experiment, whose images are reduced to `side` pixels squared, and
    whose bright and dark are exchanged if `inverted`.

    If `image` is played by one population, it has a neuron for each value of an image; if by
    several, there is one for each value, to which its neurons are tuned.

    The learning rate, a modulator, falls from its first value to `last_rate` of it, and so does
    that of the thresholds. Then nothing is learned: responses to the training images give each
    neuron the class it fires most for, or the logarithm of its rate for each class, and the
    held-out images are read out with these. With `labels: shuffled` the labels of training say
    nothing, with `permuted_tests` those of the held-out images, so that whatever leaked from them
    would be found out.
    """

    STIMULI: ClassVar[tuple[str, ...]] = ("image",)
    READOUT: ClassVar[tuple[str, ...]] = ("layer",)
    MODULATORS: ClassVar[tuple[str, ...]] = ("rate",)

    trials: int = Field(5, ge=0)  # epochs
    data: str = "digits"
    side: int | None = Field(None, ge=1)
    inverted: bool = False
    held_out: int = 500
    most: int = 0  # training images to use, 0 for all
    labels: Literal["true", "shuffled", "permuted_tests"] = "true"
    norm: float = Field(
        4.0, ge=0
    )  # of an image, in units of `full_rate`; 0 leaves its values between 0 and 1
    full_rate: SingleRate
    show: PositiveTime
    pause: PositiveTime
    last_rate: float = 0.1

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or this machine."""
        found = super().problems(plan)
        try:
            features = int(self._loaded().values.shape[1])
        except CircuitError as error:
            return found + [each.under("experiment", "data") for each in error.problems]
        found += self._does_not_fit(self._loaded())
        if self.data_files():
            found += missing_library(self.data)
        names = self.stimuli.get("image", ())
        sizes = {member.name: member.size for _, member in plan.populations()}
        has = (
            len(names) if len(names) > 1 else sum(int(sizes.get(name, features)) for name in names)
        )
        if names and has != features:
            what = "populations" if len(names) > 1 else "neurons"
            hint = "one neuron for each value, or one population of neurons that are tuned to it"
            told = f"{self.data} has {features} values, found {has} {what}"
            found.append(Problem(("experiment", "stimuli", "image"), told, hint))
        return found

    def data_files(self) -> tuple[str, ...]:
        """The file or folder of the user's own data."""
        return () if self.data in BUILT_IN else (self.data,)

    def _loaded(self) -> Labelled:
        return data_set(self.data, self.folder, self.side, self.inverted)

    def _does_not_fit(self, data: Labelled) -> list[Problem]:
        """What the data do not have that the task needs."""
        if self.held_out < len(data.labels):
            return []
        told = f"expected fewer than the {len(data.labels):,} images of {data.name}"
        return [Problem(("experiment", "held_out"), f"{told}, found {self.held_out:,}")]

    def range_of(self, number: str) -> Range:
        """Spikes, and shares."""
        return AMOUNT if number == "spikes" else SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Train, then read out."""
        split = self.draw(subject.plan, random)
        self._train(subject, split.values, split.labels, random, note)
        with self._held(subject):
            trained, held = (self._responses(subject, each) for each in (split.values, split.held))
        return _accuracies(trained, held, split) | {
            "spikes": float(held.sum(axis=1).mean()),
            "silent": float(np.mean(trained.sum(axis=0) == 0)),
        }

    def _train(
        self,
        subject: Subject,
        images: Floats,
        labels: Ints,
        random: np.random.Generator,
        note: Note,
    ) -> None:
        """Present every image once in each epoch, while learning slows down; no label is shown."""
        rate, updates = self._rate(subject), self.trials * len(images)
        for count, index in enumerate(epochs(self.trials, len(images), random)):
            rate.become(self.last_rate ** (count / updates))
            note(spikes=self._show(subject, images[index]).sum())

    def noted_trials(self) -> int:
        """One for each training image in each epoch."""
        return self.trials * self._images()

    def _images(self) -> int:
        """The number of training images."""
        images = len(self._loaded().labels) - self.held_out
        return min(images, self.most or images)

    def _rate(self, subject: Subject) -> "LearningRate":
        return LearningRate(subject, self.modulators["rate"], self.readout["layer"][0])

    @contextmanager
    def _held(self, subject: Subject) -> Iterator[None]:
        """While it lasts neither weights nor thresholds change."""
        subject.set(self.readout["layer"][0], "adapting", 0)
        try:
            with subject.frozen():
                yield
        finally:
            subject.set(self.readout["layer"][0], "adapting", 1)

    def _show(self, subject: Subject, image: Floats) -> Ints:
        """The spikes of each neuron of the layer to an image."""
        rates = self._encoded(subject, image)
        counts = subject.present(self.show, rates).counts(self.readout["layer"][0])
        subject.present(self.pause)
        return counts

    def _responses(self, subject: Subject, images: Floats) -> Ints:
        """The spikes of each neuron of the layer to each of some images, one after the other."""
        shown = self._encoded(subject, images)
        return subject.play(self.show, shown, self.pause).counts(self.readout["layer"][0])

    def _encoded(self, subject: Subject, images: Floats) -> dict[str, Numbers]:
        """Rates of one population's neurons, or a value for each of several tuned populations.

        Of one image, or of some, (n_images, n_values).
        """
        names = self.stimuli["image"]
        if len(names) == 1:
            return {names[0]: images * self.full_rate}
        return dict(zip(names, np.moveaxis(images, -1, 0), strict=True))

    def draw(self, plan: Plan, random: np.random.Generator) -> Split:
        """Disjoint training and test images with their labels, stratified by class."""
        data = self._loaded()
        values, labels = data.values, data.labels
        order = random.permutation(len(values))
        order = order[np.argsort(labels[order], kind="stable")]
        held = np.zeros(len(values), bool)
        held[order[np.round(np.linspace(0, len(values) - 1, self.held_out)).astype(int)]] = True
        if self.norm:
            values = (
                self.norm * values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)
            )
        training = random.permutation(np.flatnonzero(~held))[: self.most or None]
        taught, tested = labels[training], labels[held]
        if self.labels == "shuffled":
            taught = random.permutation(taught)
        if self.labels == "permuted_tests":
            tested = random.permutation(tested)
        return Split(values[training], taught, values[held], tested)

    def baselines(
        self, plan: Plan, data: Split, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Classifiers of scikit-learn, and both readouts of the network from the values alone."""
        layer = plan.population(self.readout["layer"][0])[1].size
        found = {}
        for name, (says, answers) in classifiers(data, layer, random).items():
            right = float(np.mean(answers == data.held_labels))
            found[name] = Baseline(says, {"accuracy": right, "likelihood": right})
        spikes = self.full_rate.mean * self.show.mean  # of a neuron whose value is one
        same = _accuracies(spikes * data.values, spikes * data.held, data)
        says = "the readout of the network, from the spikes that its stimulus would have"
        return found | {"same_readout": Baseline(says, same)}


class TaughtClassification(Classification):
    """Classification by a network that answers.

    `label` has a neuron for each class, which is active while an image of that class is learned;
    the answer is the neuron of `answer` with the highest potential.
    """

    STIMULI: ClassVar = ("image", "label")
    READOUT: ClassVar = ("layer", "answer")

    label_rate: SingleRate

    def _teach(self, subject: Subject, image: Floats, label: int) -> tuple[int, int]:
        """Show an image with its label, up to the pause: spikes of the layer, and the answer."""
        labels = self.stimuli["label"][0]
        which = np.eye(int(subject.plan.population(labels)[1].size))[label]
        shown = self._encoded(subject, image) | {labels: which * self.label_rate}
        response = subject.present(self.show, shown)
        return response.total(self.readout["layer"][0]), self._answered(subject)

    def _answers(self, subject: Subject, images: Floats) -> Ints:
        """The class that the network answers with to each image, without any label."""
        found = []
        for image in images:
            subject.present(self.show, self._encoded(subject, image))
            found.append(self._answered(subject))
            subject.present(self.pause)
        return np.array(found)

    def _answered(self, subject: Subject) -> int:
        return int(subject.read(self.readout["answer"][0], "v").argmax())


def epochs(count: int, images: int, random: np.random.Generator) -> Iterator[int]:
    """The numbers of all images, in a new order in each epoch."""
    for _ in range(count):
        yield from map(int, random.permutation(images))


def _accuracies(trained: Floats | Ints, held: Floats | Ints, split: Split) -> dict[str, float]:
    """The shares of held-out examples that are read out right, by class and by likelihood."""
    classes = int(max(split.labels.max(), split.held_labels.max())) + 1
    return {
        name: float(np.mean(read(trained, split.labels, held, classes) == split.held_labels))
        for name, read in (("accuracy", _assigned), ("likelihood", likeliest))
    }


def _mean_responses(counts: Floats | Ints, labels: Ints, classes: int) -> Floats:
    """Mean spikes of each neuron to each class, (classes, neurons)."""
    return np.array(
        [
            counts[labels == each].mean(axis=0) if (labels == each).any() else 0 * counts[0]
            for each in range(classes)
        ]
    )


def _assigned(trained: Floats | Ints, labels: Ints, held: Floats | Ints, classes: int) -> Ints:
    """The class whose neurons fire most on average; each neuron has that of its best response."""
    owner = _mean_responses(trained, labels, classes).argmax(axis=0)
    fires = trained.sum(axis=0) > 0
    votes = np.array(
        [
            held[:, (owner == each) & fires].mean(axis=1)
            if ((owner == each) & fires).any()
            else np.zeros(len(held))
            for each in range(classes)
        ]
    )
    return np.asarray(votes.argmax(axis=0))


def likeliest(trained: Floats | Ints, labels: Ints, held: Floats | Ints, classes: int) -> Ints:
    """The most likely class, if spikes were Poisson with the mean response of each neuron to it."""
    means = _mean_responses(trained, labels, classes) + LEAST
    likelihood = held @ np.log(means).T - means.sum(axis=1)
    likelihood[
        :, np.bincount(labels, minlength=classes) == 0
    ] = -np.inf  # no class that was never shown
    return np.asarray(likelihood.argmax(axis=1))

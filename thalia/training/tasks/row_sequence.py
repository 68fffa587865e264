"""Images as sequences: one row after the other, each for a random time, then the answer."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from thalia.compiler.plan import SECOND, Plan
from thalia.errors import Problem
from thalia.syntax.fields import PositiveTime
from thalia.syntax.time_grid import interval_steps
from thalia.syntax.units import constant
from thalia.training.baselines import Baseline, Split, logistic_regression
from thalia.training.subject import Subject
from thalia.training.tasks import Note
from thalia.training.tasks.classification import Classification, Floats, epochs


class RowSequence(Classification):
    """The rows of an image, each for a random time from `shortest` to `show`, then nothing.

    The answer is the neuron of `answer` with the highest potential after a time `answer` with
    nothing. While an image is learned, the label is the target of these neurons afterwards, for the
    time `teach`. Nothing is reset between images, which follow after a `pause`.
    """

    STIMULI: ClassVar = ("row",)
    READOUT: ClassVar = ("layer", "answer")

    rows: int = Field(8, ge=1)
    shortest: PositiveTime
    answer: PositiveTime
    teach: PositiveTime

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or the data."""
        found = super().problems(plan)
        if found:
            return found
        values = int(self._loaded().values.shape[1])
        size = int(plan.population(self.stimuli["row"][0])[1].size)
        if values % self.rows:
            message = f"the {values} values of an image of {self.data} do not make {self.rows} rows"
            return [Problem(("experiment", "rows"), message)]
        if size % (values // self.rows):
            told = f"expected a multiple of the {values // self.rows} values of a row, found {size}"
            found.append(Problem(("experiment", "stimuli", "row"), f"{told} neurons"))
        if self.shortest.mean > self.show.mean:
            message = f"expected at most `show`, {self.show}, found {self.shortest}"
            found.append(Problem(("experiment", "shortest"), message))
        return found

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Train, then answer to held-out images."""
        split = self.draw(subject.plan, random)
        images, labels = split.values, split.labels
        rate, updates = self._rate(subject), self.trials * len(images)
        for count, index in enumerate(epochs(self.trials, len(images), random)):
            rate.become(self.last_rate ** (count / updates))
            answer = self._read(subject, images[index], random)
            self._teach(subject, int(labels[index]))
            subject.present(self.pause)
            note(right=answer == labels[index])
        answers = []
        with self._held(subject):
            for image in split.held:
                answers.append(self._read(subject, image, random))
                subject.present(self.teach)
                subject.present(self.pause)
        return {"accuracy": float(np.mean(np.array(answers) == split.held_labels))}

    def baselines(
        self, plan: Plan, data: Split, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Logistic regression on the last row, and on all rows at once."""
        row = data.values.shape[1] // self.rows
        found = {}
        for name, says, first in (
            ("last_row", "logistic regression on the last row, standardised", -row),
            ("all_rows", "logistic regression on all rows at once, standardised", 0),
        ):
            answers = logistic_regression(data.values[:, first:], data.labels, data.held[:, first:])
            found[name] = Baseline(says, {"accuracy": float(np.mean(answers == data.held_labels))})
        return found

    def _read(self, subject: Subject, image: Floats, random: np.random.Generator) -> int:
        """Show the rows of an image; the answer."""
        encoder, dt = self.stimuli["row"][0], subject.plan.dt
        copies = subject.plan.population(encoder)[1].size * self.rows // image.size
        least, most = (interval_steps(each.mean, dt) for each in (self.shortest, self.show))
        times = random.integers(least, most + 1, self.rows)
        for row, steps in zip(image.reshape(self.rows, -1), times, strict=True):
            rates = np.repeat(row, copies) * self.full_rate
            subject.present(constant(steps * dt, SECOND), {encoder: rates})
        subject.present(self.answer)
        return int(subject.read(self.readout["answer"][0], "v").argmax())

    def _teach(self, subject: Subject, label: int) -> None:
        """Let the label be the target for a while."""
        readout = self.readout["answer"][0]
        classes = subject.plan.population(readout)[1].size
        subject.set(readout, "target", np.eye(classes)[label])
        subject.set(readout, "taught", 1)
        subject.present(self.teach)
        subject.set(readout, "taught", 0)

"""Class-incremental learning without stored images: a network that replays what it has learned."""

from typing import Literal

import numpy as np
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.errors import Problem, did_you_mean
from thalia.training.subject import Subject
from thalia.training.tasks import Note
from thalia.training.tasks.task_sequence import Flags, Floats, Ints, Lesson, TaskSequence

READ_EVERY = 20  # presentations after which the weights are read again
LEARNED = 2.0  # times its mean weight: the largest one of a neuron that has learned its answer
NO_ANSWER = -1


class SelfReplay(TaskSequence):
    """A sequence of tasks in which the network sleeps between images, and nothing is stored.

    In the phase `sleep` a neuron of the layer is drawn that answers with an earlier class, each
    of these classes as often, and its own weights are shown as an image with its own answer as
    the label, as if it were active and drove its inputs. Sleep takes the place of images: of
    all presentations the part `replayed` that would show every known class equally often.
    Rates are `gain` of an image's.

    `features` is the pathway to the layer, `report` that from the layer to the answers. With
    `dreams: shuffled` the label is that of any earlier class, with `noise` the pixels are in
    another order, and with `blank` nothing is shown in sleep, so that there are as many images;
    with `none` the network does not sleep, and sees images instead.
    """

    replay: Literal["none"] = "none"
    replayed: float = Field(1.0, ge=0, le=1)
    dreams: Literal["own", "shuffled", "noise", "blank", "none"] = "own"
    gain: float = Field(0.7, gt=0)
    features: str = "learn"
    report: str = "report"

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        known = {member.name for synapses in plan.synapses for member in synapses.members}
        return super().problems(plan) + [
            Problem(
                ("experiment", key), f"no pathway is called '{name}'", did_you_mean(name, known)
            )
            for key, name in (("features", self.features), ("report", self.report))
            if name not in known
        ]

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Task by task; presentations, many of which are dreams, say nothing about its speed."""
        found = super().learn(subject, random, note)
        return {name: value for name, value in found.items() if name != "presentations"}

    def _learn(
        self, subject: Subject, lessons: list[Lesson], random: np.random.Generator, note: Note
    ) -> Flags:
        """Present images with their labels, or sleep; which images were answered right."""
        rate, right = self._rate(subject), np.zeros(len(lessons), bool)
        now = {int(label) for _, label, _ in lessons}
        for count, (image, label, speed) in enumerate(lessons):
            rate.become(float(speed))
            if count % READ_EVERY == 0:
                patterns, answers = self._learned(subject)
                earlier = sorted({*answers.tolist()} - {NO_ANSWER} - now)
            share = len(earlier) / (len(earlier) + self.classes_each)
            if self.dreams != "none" and random.random() < self.replayed * share:
                known = int(random.choice(earlier))
                dream = patterns[random.choice(np.flatnonzero(answers == known))]
                dream = random.permutation(dream) if self.dreams == "noise" else dream
                known = int(random.choice(earlier)) if self.dreams == "shuffled" else known
                with subject.phase("sleep"):
                    if self.dreams == "blank":
                        spikes = subject.present(self.show).total(self.readout["layer"][0])
                    else:
                        spikes, _ = self._teach(subject, self.gain * dream, known)
            else:
                spikes, answer = self._teach(subject, image, int(label))
                right[count] = answer == label
            subject.present(self.pause)
            note(spikes=spikes, right=right[count])
        rate.become(1)
        return right

    def _learned(self, subject: Subject) -> tuple[Floats, Ints]:
        """The weights of every neuron of the layer as an image, and the class it answers with.

        Returns
        -------
        (n_neurons, n_values) float, of the length of images, and (n_neurons,) int
        """
        patterns = _matrix(subject, self.features).T
        length = np.maximum(np.linalg.norm(patterns, axis=1, keepdims=True), 1e-30)
        votes = _matrix(subject, self.report)
        sure = votes.max(axis=1) > LEARNED * votes.mean(axis=1)
        answers = np.where(sure, votes.argmax(axis=1), NO_ANSWER)
        return (self.norm or 1.0) * patterns / length, answers


def _matrix(subject: Subject, pathway: str) -> Floats:
    """The weights of a pathway, (n_pre, n_post), in SI; 0 where there is no synapse."""
    pre, post = subject.ends(pathway)
    found = np.zeros((pre.max() + 1, post.max() + 1))
    found[pre, post] = subject.weights(pathway)
    return found

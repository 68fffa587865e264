"""Classification with a third factor: dopamine says whether the answer of the network was right."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from thalia.training.subject import Subject
from thalia.training.tasks import Note
from thalia.training.tasks.classification import Floats, Ints, TaughtClassification, epochs


class RewardedClassification(TaughtClassification):
    """Some epochs in which the layer learns by itself, and `rewarded` more by reward alone.

    Answers are learned from labels throughout. In the rewarded epochs `rate` is zero and thresholds
    stay as they are; `praise` is released after an answer that is right, `-blame` after one that is
    wrong, both falling to `last_reward` of their first value. With `reward: random` an answer is
    praised or blamed with the same odds whatever it was.
    """

    MODULATORS: ClassVar = ("rate", "reward")

    rewarded: int = Field(5, ge=0)  # epochs
    praise: float = 1.0
    blame: float = 1.0
    last_reward: float = Field(0.1, gt=0, le=1)
    reward: Literal["answer", "random"] = "answer"

    def _train(
        self,
        subject: Subject,
        images: Floats,
        labels: Ints,
        random: np.random.Generator,
        note: Note,
    ) -> None:
        """As the layer learns by itself, then by reward."""
        rate, updates = self._rate(subject), self.trials * len(images)
        for count, index in enumerate(epochs(self.trials, len(images), random)):
            rate.become(self.last_rate ** (count / updates))
            spikes, answer = self._teach(subject, images[index], int(labels[index]))
            subject.present(self.pause)
            note(spikes=spikes, right=answer == labels[index])
        rate.become(0)
        updates, right = self.rewarded * len(images), 1.0
        for count, index in enumerate(epochs(self.rewarded, len(images), random)):
            wanted = self.last_reward ** (count / updates)
            spikes, answer = self._teach(subject, images[index], int(labels[index]))
            good = answer == labels[index]
            right += 0.01 * (good - right)
            told = good if self.reward == "answer" else random.random() < right
            subject.release(
                self.modulators["reward"], wanted * (self.praise if told else -self.blame)
            )
            subject.present(self.pause)
            note(spikes=spikes, right=good)
        rate.become(1)

    def noted_trials(self) -> int:
        """One for each training image in each epoch of both kinds."""
        return (self.trials + self.rewarded) * self._images()

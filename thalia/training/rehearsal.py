"""Which of the turns since the last sleep are gone through again, and in which order."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

type Kind = Literal["replayed", "mistaken", "shuffled", "awake"]


@dataclass
class Rehearsal:
    """Turns that are bound to times of their own until the network sleeps.

    Parameters
    ----------
    kind : str
        `replayed`: the network evokes each of them in its sleep; `mistaken`: as many, of those
        whose reply was wrong; `shuffled`: prompts with the replies to others; `awake`: the task
        presents them again instead.
    times : int
        How many rehearsals for each turn.
    room : int
        For how many turns there are times.
    """

    kind: Kind
    times: int
    room: int
    random: np.random.Generator
    right: list[bool] = field(default_factory=list)  # for each turn since the last sleep

    @property
    def place(self) -> int:
        """The place of the present turn."""
        return len(self.right)

    @property
    def is_full(self) -> bool:
        """Whether there is no time for another turn."""
        return len(self.right) >= self.room

    def drawn(self) -> list[tuple[int, int]]:
        """The places of the prompts and replies that are rehearsed; then all is new again."""
        turns = [each for each, right in enumerate(self.right) if not right]
        if self.kind != "mistaken":
            turns = [*range(len(self.right))]
        wanted = self.times * len(self.right) if turns else 0
        rounds = -(-wanted // max(1, len(turns)))
        order = [int(each) for _ in range(rounds) for each in self.random.permutation(turns)]
        order, self.right = order[:wanted], []
        replies = [*order[1:], *order[:1]] if self.kind == "shuffled" else order
        return list(zip(order, replies, strict=True))

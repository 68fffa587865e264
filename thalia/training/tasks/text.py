"""Prediction of the next character of a text, such as the English one that comes with Python."""

from itertools import pairwise
from typing import ClassVar

import numpy as np
from pydantic import Field

from thalia.compiler.plan import Plan
from thalia.errors import CircuitError, Problem
from thalia.training.ngrams import Ints
from thalia.training.prediction import Prediction, Sequences
from thalia.training.texts import LETTERS, PYTHON, text_of


class Text(Prediction):
    """Characters of a text: letters from a to z, and a space for whatever stands between words.

    `data` is `topics`, the descriptions of the language that come with Python and differ from one
    version to the next, or a file of text, in UTF-8. What is learned begins with its first
    character; what the smoothing is fitted on, and what is tested with, begin at `tuning_from` and
    `tested_from`. All seeds have the same text.
    """

    ORDERS: ClassVar = (1, 2, 3, 4)

    alphabet: int = Field(len(LETTERS), ge=len(LETTERS), le=len(LETTERS))
    data: str = PYTHON
    tuning_from: int = Field(150_000, ge=0)
    tested_from: int = Field(200_000, ge=0)

    def data_files(self) -> tuple[str, ...]:
        """The file of the text, if it is not the one that comes with Python."""
        return () if self.data == PYTHON else (self.data,)

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit, or the text."""
        found = super().problems(plan)
        parts = (
            ("trials", 0, self.trials * self.lesson),
            ("tuning_from", self.tuning_from, self.tuning),
            ("tested_from", self.tested_from, self.tested),
        )
        try:
            length = len(self._symbols())
        except CircuitError as error:
            return [*found, *(each.under("experiment", "data") for each in error.problems)]
        for name, begin, count in parts:
            if begin + count > length:
                message = f"expected a text of {begin + count:,} characters, found {length:,}"
                found.append(Problem(("experiment", name), message))
        for (_, earlier, count), (name, begin, _) in pairwise(parts):
            if begin < earlier + count:
                message = f"expected at least {earlier + count:,}, what comes before it ends there"
                found.append(Problem(("experiment", name), message))
        return found

    def draw(self, plan: Plan, random: np.random.Generator) -> Sequences:
        """Three passages of the text, in order."""
        symbols = self._symbols()
        learned = symbols[: self.trials * self.lesson]
        tuning, tested = (
            symbols[begin : begin + count]
            for begin, count in ((self.tuning_from, self.tuning), (self.tested_from, self.tested))
        )
        return Sequences(learned, tuning, tested)

    def _symbols(self) -> Ints:
        """The places of all characters in the alphabet."""
        found = text_of(self.data, self.folder)
        return np.array([LETTERS.index(each) for each in found], np.int64)

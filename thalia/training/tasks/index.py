"""An index of memories: which of them to search for one that is most like a cue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.data.labelled import Labelled
from thalia.errors import Problem
from thalia.training.baselines import Baseline, missing_library
from thalia.training.data_sets import data_set
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Note
from thalia.training.tasks.classification import Classification

type Flags = NDArray[np.bool_]
type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

TUNED, WIDTH = 16, 0.1  # cells for each measure of a flower, and the width of their tuning
FACTORS, CELLS, PATTERNS = 6, 64, 1500  # of correlated patterns: common causes, cells, how many
ACTIVE = 0.2  # of the cells of such a pattern


@dataclass(frozen=True)
class Items:
    """What is stored, (n_items, n_cells), the cues, (n_queries, n_cells), and their nearest items.

    `replayed` is what the index is trained with.
    """

    stored: Floats
    replayed: Floats
    cues: Floats
    nearest: Ints


class Index(Classification):
    """Items are replayed to competing cells, and filed under the `filed` most active of them.

    Digits, flowers encoded by cells tuned to their measures, or patterns of cells that fire by
    common causes: none of these consist of clean clusters. A cue is an item with Gaussian noise,
    whose norm relative to that of the item is `noise`; what is filed under the `asked` cells that
    it excites most is searched. `found` is the share of cues whose nearest item of all is among
    it, and `searched` the share of the items. With `replay: shuffled` the values of each cell are
    exchanged among the items that are replayed.
    """

    data: Literal["digits", "iris", "correlated"] = "digits"
    items: int = Field(1000, ge=2)
    queries: int = Field(300, ge=1)
    noise: float = Field(0.3, ge=0)
    filed: int = Field(2, ge=1)
    asked: int = Field(2, ge=1)
    replay: Literal["items", "shuffled"] = "items"

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit; also a baseline that cannot be computed, and too few cells."""
        found = super().problems(plan) + missing_library("index")
        for key in () if found else ("filed", "asked"):
            if getattr(self, key) > (most := self._cells(plan)):
                message = f"expected at most {most}, the cells of the index"
                found.append(Problem(("experiment", key), message))
        return found

    def _cells(self, plan: Plan) -> int:
        return plan.population(self.readout["layer"][0])[1].size

    def data_files(self) -> tuple[str, ...]:
        """None: all data come with scikit-learn, or are drawn."""
        return ()

    def _loaded(self) -> Labelled:
        """All examples, by cells that fire between not at all, 0, and as fast as they can, 1."""
        if self.data == "digits":
            return data_set("digits", self.folder)
        if self.data == "iris":
            values = data_set("iris", self.folder).values
            apart = values[:, :, None] - np.linspace(0, 1, TUNED)
            values = np.exp(-0.5 * (apart / WIDTH) ** 2).reshape(len(values), -1)
        else:
            values = correlated_patterns()
        return Labelled(self.data, values, np.zeros(len(values), np.int64), ("",), values.shape[1:])

    def _does_not_fit(self, data: Labelled) -> list[Problem]:
        if self.items <= len(data.values):
            return []
        message = f"expected at most the {len(data.values):,} of {self.data}, found {self.items:,}"
        return [Problem(("experiment", "items"), message)]

    def _images(self) -> int:
        return self.items

    def range_of(self, number: str) -> Range:
        """Spikes, and shares."""
        return AMOUNT if number == "spikes" else SHARE

    def draw(self, plan: Plan, random: np.random.Generator) -> Items:  # type: ignore[override]
        """What is stored and asked for."""
        values = random.permutation(self._loaded().values)[: self.items]
        stored = self.norm * values / np.linalg.norm(values, axis=1, keepdims=True)
        asked = stored[random.integers(len(stored), size=self.queries)]
        spread = self.noise * self.norm / np.sqrt(stored.shape[1])
        cues = np.clip(asked + random.normal(0, spread, asked.shape), 0, None)
        apart = ((cues[:, None, :] - stored) ** 2).sum(axis=2)
        replayed = random.permuted(stored, axis=0) if self.replay == "shuffled" else stored
        return Items(stored, replayed, cues, apart.argmin(axis=1))

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Replay, file, and search."""
        items = self.draw(subject.plan, random)
        self._train(subject, items.replayed, items.nearest, random, note)
        with self._held(subject):
            stored, cued = (self._responses(subject, each) for each in (items.stored, items.cues))
        tie = random.random(stored.shape[1])  # less than a spike: some cell must come first
        filed, asked = _most(stored + tie, self.filed), _most(cued + tie, self.asked)
        numbers = searched(filed & (stored > 0), asked & (cued > 0), items.nearest)
        return numbers | {
            "spikes": float(stored.sum(axis=1).mean()),
            "cells": float(np.mean((filed & (stored > 0)).any(axis=0))),
        }

    def baselines(  # type: ignore[override]
        self, plan: Plan, data: Items, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """As many clusters of k-means as there are cells, with as many filed and asked."""
        from sklearn.cluster import KMeans

        size = self._cells(plan)
        seed = int(random.integers(2**31))
        fitted = KMeans(size, n_init=1, random_state=seed).fit(data.stored)
        filed, asked = (
            _most(-fitted.transform(each), count)
            for each, count in ((data.stored, self.filed), (data.cues, self.asked))
        )
        says = f"{size} clusters, as many as cells; filed under {self.filed}, {self.asked} searched"
        return {"k_means": Baseline(says, searched(filed, asked, data.nearest))}


def correlated_patterns() -> Floats:
    """Binary patterns, (n, n_cells), of cells that are driven by a few common causes."""
    random = np.random.default_rng(0)  # the same for all seeds, as if it were a file
    mixing = random.normal(size=(FACTORS, CELLS))
    drive = random.normal(size=(PATTERNS, FACTORS)) @ mixing
    drive += random.normal(0, 1, drive.shape)
    least = np.quantile(drive, 1 - ACTIVE, axis=1, keepdims=True)
    return (drive > least).astype(float)


def _most(strengths: NDArray[np.floating], count: int) -> Flags:
    """For each row its greatest numbers, as flags of the same shape."""
    found = np.zeros(strengths.shape, bool)
    np.put_along_axis(found, np.argsort(-strengths, axis=1)[:, :count], True, axis=1)
    return found


def searched(filed: Flags, asked: Flags, nearest: Ints) -> dict[str, float]:
    """How often what is searched has the nearest item, and what share of all items it is.

    Parameters
    ----------
    filed : (n_items, n_cells)
        The cells under which each item is filed.
    asked : (n_queries, n_cells)
        The cells whose items are searched.
    nearest : (n_queries,)
        The item that is wanted.
    """
    among = asked.astype(int) @ filed.T.astype(int) > 0
    found = among[np.arange(len(among)), nearest]
    return {"found": float(found.mean()), "searched": float(among.mean())}

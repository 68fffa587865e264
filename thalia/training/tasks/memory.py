"""Items are stored in one presentation each, and recalled from noisy cues; some are replayed."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem, did_you_mean
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.training.baselines import Baseline
from thalia.training.memory_network import CUES, Cells, MemoryNetwork, Timing
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

OUTCOMES = 6  # of each item that is graded
LIKENESS = 0.6  # part of the cells of a code that are those of its prototype
RARELY = 0.01  # items in which a cell occurs that is in none like the one that is asked for
COLLISION = "the stored code that shares most cells with the cue"


@dataclass(frozen=True)
class Items:
    """Codes and cells of the index, (n, cells), and cues for some of the items."""

    codes: Cells
    own: Cells
    tested: Cells
    cues: Cells


class Memory(Environment):
    """Random codes, each bound to cells of the index; a cue has the fraction `cue` of a code.

    The rest of a cue are other cells. With `prototypes`, a code shares six tenths of its cells with
    one of so many, and the rest of a cue are cells that are frequent in items like it. With
    `replays`, the first half of the items is replayed so often in sleep, in random order, before
    the others are stored; if they are not `reactivated`, the network sleeps as long. The first
    items are associated in `pairs`, and the first `graded` get good and bad outcomes. Before recall
    the weights may be `shuffled` or `zeroed`. An item is recalled if
    its cells of the index fire more than those of any other.
    """

    STIMULI: ClassVar = ("show", "mark", "paid", "told", *CUES)
    READOUT: ClassVar = ("index", "value", "worth", "better", "worse", "alarm", "rank")

    trials: int = Field(50, ge=1)  # items that are asked for, at most
    items: int = Field(400, ge=1)
    cue: float = Field(0.6, gt=0, le=1)
    active: int = Field(40, ge=1)
    own: int = Field(10, ge=1)
    volleys: int = Field(10, ge=1)
    replays: int = Field(0, ge=0)
    prototypes: int = Field(0, ge=0)
    pairs: int = Field(0, ge=0)
    graded: int = Field(0, ge=0)  # items with outcomes
    reactivated: bool = True
    weights: Literal["learned", "shuffled", "zeroed"] = "learned"
    learned: dict[str, str] = {}
    rate: SingleRate
    volley: PositiveTime
    gap: PositiveTime
    settle: PositiveTime
    rest: PositiveTime

    @property
    def timing(self) -> Timing:
        """Times, the rate of cells that are shown, and the length of a cue."""
        return Timing(self.rate, self.volley, self.gap, self.settle, self.rest, self.volleys)

    def network(self, subject: Subject) -> MemoryNetwork:
        """The network of a subject as one that stores items."""
        names = {role: names[0] for role, names in {**self.stimuli, **self.readout}.items()}
        return MemoryNetwork(subject, names, self.learned, self.timing)

    def range_of(self, number: str) -> Range:
        """All but the rank are shares."""
        return AMOUNT if number == "rank" else SHARE

    def noted_trials(self) -> int:
        """The items that are asked for."""
        return min(self.trials, self.items)

    def draw(self, plan: Plan, random: np.random.Generator) -> Items:
        """The items, and the cues."""
        cells, index = (self._size(plan, role) for role in ("show", "mark"))
        codes = np.array([random.permutation(cells)[: self.active] for _ in range(self.items)])
        kinds = np.zeros(self.items, int)
        if self.prototypes:
            kinds = random.permutation(np.arange(self.items) % self.prototypes)
            codes = self._alike(codes, kinds, cells, random)
        own = np.array([random.permutation(index)[: self.own] for _ in range(self.items)])
        tested = np.sort(random.permutation(self.items)[: self.trials])
        kept = round(self.cue * self.active)
        cues = []
        for item in tested:
            code = codes[item]
            often = np.bincount(codes[kinds == kinds[item]].ravel(), minlength=cells)
            likely = RARELY + often if self.prototypes else np.ones(cells)
            likely[code] = 0
            noise = random.choice(cells, self.active - kept, replace=False, p=likely / likely.sum())
            cues.append(np.concatenate([random.permutation(code)[:kept], noise]))
        return Items(codes, own, tested, np.array(cues))

    def _alike(self, codes: Cells, kinds: Cells, cells: int, random: np.random.Generator) -> Cells:
        """The codes, with a part of the cells of each replaced by those of a prototype."""
        shared = round(LIKENESS * self.active)
        prototypes = [random.permutation(cells)[: self.active] for _ in range(self.prototypes)]
        found = []
        for code, kind in zip(codes, kinds, strict=True):
            taken = random.permutation(prototypes[kind])[:shared]
            rest = np.setdiff1d(code, taken, assume_unique=True)[: self.active - shared]
            found.append(np.concatenate([taken, rest]))
        return np.array(found)

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Store all items, and ask for some."""
        items = self.draw(subject.plan, random)
        network = self.network(subject)
        half = self.items // 2 if self.replays else 0
        for place, (code, own) in enumerate(zip(items.codes, items.own, strict=True)):
            if place == half and half:
                order = random.permutation(np.tile(np.arange(half), self.replays))
                cells = items.own[order] if self.reactivated else items.own[order, :0]
                network.replay([*cells])
            network.store(code, own)
        paired = items.own[: 2 * self.pairs].reshape(self.pairs, 2, self.own)
        network.associate([(first, second) for first, second in paired])
        judged = self._judged(network, items, random) if self.graded else 0.0
        if self.weights == "zeroed":
            network.forget_all()
        elif self.weights == "shuffled":
            network.change(lambda _: lambda w, *_: random.permutation(w))
        counts = network.recall([*items.cues])
        scores = counts[:, items.own].sum(axis=2)
        mine = scores[np.arange(len(items.tested)), items.tested]
        above = (scores > mine[:, None]).sum(axis=1)
        right = self._right(scores, items.tested)
        for share in right:
            note(recalled=float(share))
        older = right[items.tested < self.items // 2]
        return {
            "recalled": float(right.mean()),
            "associated": self._associated(network, items),
            "older": float(older.mean()) if len(older) else 0.0,
            "rank": float(above.mean()),
            "told_apart": judged,
            "confidence": float(np.clip(mine / (self.own * self.volleys), 0, 1).mean()),
        }

    def _associated(self, network: MemoryNetwork, items: Items) -> float:
        """How often the code of the first of a pair recalls the second more than all others."""
        if not self.pairs:
            return 0.0
        first, second = np.arange(2 * self.pairs).reshape(-1, 2).T
        scores = network.recall([*items.codes[first]])[:, items.own].sum(axis=2)
        scores[np.arange(self.pairs), first] = 0  # the item itself
        return float(np.where(scores.max(axis=1) > 0, self._right(scores, second), 0).mean())

    def _judged(self, network: MemoryNetwork, items: Items, random: np.random.Generator) -> float:
        """How often of two items that which had good outcomes is expected to be better.

        Each has six, in random order; the half that is good is drawn.
        """
        chosen = items.own[: self.graded]
        is_good = random.permutation(np.arange(len(chosen)) % 2 == 0)
        for which in random.permutation(np.repeat(np.arange(len(chosen)), OUTCOMES)):
            network.outcome(items.codes[which], chosen[which], float(is_good[which]))
        values = network.expected([*chosen])
        apart = np.sign(values[is_good][:, None] - values[~is_good][None])
        return float((apart.mean() + 1) / 2)

    def _right(self, scores: NDArray[np.int64], wanted: Cells) -> NDArray[np.float64]:
        """Whether the wanted item has the highest score; of several that have, a share."""
        best = scores == scores.max(axis=1, keepdims=True)
        return np.asarray(best[np.arange(len(wanted)), wanted] / best.sum(axis=1))

    def baselines(
        self, plan: Plan, data: Items, random: np.random.Generator
    ) -> dict[str, Baseline]:
        """A list of the codes."""
        flags = np.zeros((len(data.codes), self._size(plan, "show")), np.int64)
        np.put_along_axis(flags, data.codes, 1, axis=1)
        scores = flags[:, data.cues].sum(axis=2).T
        right = self._right(scores, data.tested)
        return {"nearest": Baseline(COLLISION, {"recalled": float(right.mean())})}

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit; also pathways that are not there, and items with too many cells."""
        if found := super().problems(plan):
            return found
        pathways = [member.name for _, member in plan.pathways()]
        for role, name in self.learned.items():
            if name not in pathways:
                hint = did_you_mean(name, pathways)
                here = ("experiment", "learned", role)
                found.append(Problem(here, f"no pathway is called '{name}'", hint))
        for key, number, role in (("active", self.active, "show"), ("own", self.own, "mark")):
            most = self._size(plan, role) // 2
            if number > most:
                message = f"expected at most {most}, half of the cells there are, found {number}"
                found.append(Problem(("experiment", key), message, "make it smaller"))
        return found

    def _size(self, plan: Plan, role: str) -> int:
        return plan.population(self.stimuli[role][0])[1].size

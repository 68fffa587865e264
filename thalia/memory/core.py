"""What a memory does with its network and its items, whatever of it is on disk."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.connectivity.streams import stream
from thalia.memory.answers import Content
from thalia.memory.calibration import TESTS, leads_of, noisy_cues
from thalia.memory.encoder import Cells, Encoder, Floats
from thalia.memory.gate import DISCARD, PROMOTE
from thalia.memory.items import Item, Items, Told
from thalia.memory.kept import Kept
from thalia.training.memory_network import Judgement
from thalia.training.subject import Subject
from thalia.training.tasks.memory import Memory as Task

CAPACITY = 600  # items; the weakest is forgotten when one more is stored

LABILE, COOLDOWN = 10.0, 60.0  # s of model time: after its recall, and after it moved
WEIGHED = 10  # items, the surest ones that a cue recalls, which are ranked by all cues
RECENT = 60.0  # s of model time in which recency falls to 1/e
REPLAYS = 2  # of each item on average, in a sleep
SUCCESSION = 1.0  # s of model time within which items are recalled together
MOST_COUNTS = 2000  # outcomes, of which it is kept how much each cue counted
OFTEN = 2  # times from which items that were recalled together become associated
MOST_PAIRS = 200  # that are remembered until the next sleep; the oldest give way


@dataclass(frozen=True)
class Found:
    """An item that came to mind: at what share of volleys its cells fired, and its rank if any.

    `chance` is how likely it is right, once there were tests.
    """

    item: Item
    confidence: float
    chance: float | None
    score: float | None


class Core:
    """The network of a memory, and what is `kept` of its items."""

    def __init__(self, task: Task, subject: Subject, seed: int):
        self.task, self.subject, self.seed = task, subject, seed
        self.network = task.network(subject)
        self.kept = Kept()

    @property
    def items(self) -> Items:
        """The items now."""
        return self.kept.items

    def set(self, **changes: Any) -> None:
        """Keep something else."""
        self.kept = replace(self.kept, **changes)

    def encoder_for(self, vector: Floats) -> Encoder:
        """The encoder, or a new one for vectors like the first."""
        cells, active = self.network.code_cells, self.task.active
        return self.kept.encoder or Encoder.new(len(vector), cells, active, self.seed)

    def store(self, kind: Content, vector: Floats, text: str | None) -> int:
        """Store an item, in the place of the weakest if there is no room; its number."""
        if len(self.items.present) >= CAPACITY:
            self.drop(self._weakest())
        self.set(content=kind)
        self._learn_encoder(self.encoder_for(vector).after(vector))
        item = self.item(self.items.last + 1, vector, kind, text)
        self.network.store(item.code, item.own)
        self.set(items=self.items.with_item(item))
        return item.number

    def item(self, number: int, vector: Floats, kind: Content, text: str | None) -> Item:
        """An item, with cells of the index that are drawn for its number."""
        cells = stream(self.seed, f"item {number}").permutation(self.network.index_cells)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return Item(
            number,
            self.encoder_for(vector).code(vector),
            np.sort(cells[: self.task.own]),
            Told(at=at, text=text, seen=self.subject.done),
            vector if kind == "vector" else None,
        )

    def worth(self, vector: Floats) -> float:
        """What outcome is expected of a vector, from 0 to 1."""
        return self.network.worth(self.encoder_for(vector).code(vector))

    def recall(self, code: Cells) -> list[Found]:
        """The items that a code recalls, the surest ranked; the first is labile from now on."""
        present = self.items.present
        shares = self._shares(self.network.recall([code]))[0]
        chances = self.kept.calibration.chances(leads_of(shares))
        order = np.argsort(-shares, kind="stable")
        sure = [(present[k], float(shares[k]), chances[k]) for k in order if shares[k] > 0]
        cues = [self._cues(item, share) for item, share, _ in sure[:WEIGHED]]
        scores = self.network.ranked(cues) if cues else np.zeros(0)
        near = [Found(*each, float(s)) for each, s in zip(sure, scores, strict=False)]
        ranked = sorted(near, key=lambda each: (-(each.score or 0), -each.confidence))
        for each, own in zip(near, cues, strict=True):
            self.set(items=self.items.with_item(each.item.with_told(cues=own)))
        if ranked:
            first = self.items.find(ranked[0].item.number) or ranked[0].item
            self._recalled_with(first)
            now = self.subject.done
            self.set(items=self.items.with_item(first.with_told(recalled=now, seen=now)))
        return [*ranked, *(Found(*each, None) for each in sure[WEIGHED:])]

    def _cues(self, item: Item, share: float) -> tuple[float, ...]:
        """How similar, recent, useful and important an item is that comes to mind."""
        recency = np.exp(-self._since(item.told.seen) / RECENT)
        return share, float(recency), item.told.expected, item.told.surprise

    def _recalled_with(self, item: Item) -> None:
        """Remember which item was recalled before this one, if it was just before."""
        others = [
            each for each in self.items.present if each.number != item.number and each.told.recalled
        ]
        last = max(others, key=lambda each: each.told.recalled or 0, default=None)
        if last and self._since(last.told.recalled) <= SUCCESSION:
            pair = min(last.number, item.number), max(last.number, item.number)
            self.set(together=(*self.kept.together, pair)[-MOST_PAIRS:])

    def _since(self, step: int | None) -> float:
        """The model time since a step, in s."""
        return np.inf if step is None else (self.subject.done - step) * self.subject.plan.dt

    def report(self, item: Item, reward: float, cue: Cells | None) -> tuple[Judgement, bool]:
        """Learn an outcome from 0 to 1: how it was judged, and whether the item moved to a cue."""
        judged = self.network.outcome(item.code, item.own, reward)
        if item.told.cues:
            self.network.fuse(item.told.cues, reward)
            counts = [*self.network.weights_of_cues().values()]
            self.set(counts=np.vstack([self.kept.counts, counts])[-MOST_COUNTS:])
        moves = cue is not None and judged.is_surprise and self._is_labile(item)
        if cue is not None and moves:
            self.network.store(cue, item.own)
            item = item.with_told(moved=self.subject.done)
        told = item.with_told(
            outcomes=item.told.outcomes + 1,
            surprise=abs(judged.error),
            expected=judged.expected,
            seen=self.subject.done,
            cues=(),
        )
        self.set(items=self.items.with_item(told))
        return judged, moves

    def sleep(self, replays: int | None) -> tuple[int, tuple[int, ...]]:
        """Sleep: how many reactivations there were, and the numbers of what was stored first.

        The index fires items one after the other, and then those together that were recalled
        together.
        """
        stored = self._promoted()
        present = self.items.present
        count = (REPLAYS * len(present) if replays is None else int(replays)) if present else 0
        random = stream(self.seed, f"sleep {self.subject.done}")
        sure = np.diag(self.tested())
        for each, confidence in zip(present, sure, strict=True):
            told = each.with_told(confidence=float(confidence))
            self.set(items=self.items.with_item(told))
        priority = 1 - sure + [each.told.surprise + each.told.expected for each in present]
        drawn = random.choice(len(present), count, p=priority / priority.sum()) if count else ()
        self.network.replay([present[k].own for k in drawn])
        self._associate()
        self._calibrate(random)
        return count, stored

    def _calibrate(self, random: np.random.Generator) -> None:
        """Ask for some items by noisy and partial cues, and learn how likely what comes is right.

        Of each cue, the two items count that it recalls most surely. The network is left as it was.
        """
        encoder, present = self.kept.encoder, self.items.present
        if encoder is None or not present:
            return
        asked = random.permutation(len(present))[:TESTS]
        cues = noisy_cues(np.array([present[k].as_vector() for k in asked]), random)
        says = cues.any(axis=1)
        asked, codes = asked[says], [encoder.code(cue) for cue in cues[says]]
        before = self.subject.state()
        shares = self._shares(self.network.recall(codes))
        self.subject.restore(before)
        first = np.argsort(-shares, axis=1, kind="stable")[:, :2]
        leads = np.take_along_axis(leads_of(shares), first, axis=1)
        comes = np.take_along_axis(shares, first, axis=1) > 0
        right = (first == asked[:, None]).astype(float)
        self.set(calibration=self.kept.calibration.after(leads[comes], right[comes]))

    def _associate(self) -> None:
        """Bind the items to each other that were often recalled together since the last sleep."""
        often = [pair for pair, times in Counter(self.kept.together).items() if times >= OFTEN]
        found = [(self.items.find(a), self.items.find(b)) for a, b in often]
        pairs = [(a, b) for a, b in found if a and b]
        self.network.associate([(a.own, b.own) for a, b in pairs])
        self.set(together=())
        for one, other in (each for a, b in pairs for each in ((a, b), (b, a))):
            now = self.items.find(one.number) or one
            partners = tuple(sorted({*now.told.partners, other.number}))
            self.set(items=self.items.with_item(now.with_told(partners=partners)))

    def partners(self, item: Item) -> list[Item]:
        """The items that an item is associated with."""
        return [each for each in map(self.items.find, item.told.partners) if each]

    def pairs(self) -> int:
        """How many pairs of items are associated."""
        return sum(len(self.partners(each)) for each in self.items.present) // 2

    def clusters(self) -> int:
        """How many clusters have several items."""
        found = self.network.clusters([each.own for each in self.items.present])
        return int((np.bincount(found[found >= 0]) > 1).sum())

    def tested(self) -> Floats:
        """How surely the code of each item recalls each, (n, n); the network is left as it was."""
        before = self.subject.state()
        shares = self._shares(self.network.recall([each.code for each in self.items.present]))
        self.subject.restore(before)
        return shares

    def recallable(self) -> list[bool]:
        """Whether each item is recalled first by its own code, as the oldest of equal ones is."""
        if not self.items.present:
            return []
        shares = self.tested()
        is_first = shares.argmax(axis=1) == np.arange(len(shares))
        return [bool(each) for each in is_first & (np.diag(shares) > 0)]

    def drop(self, item: Item) -> None:
        """Forget an item: its synapses, and its contents."""
        partners = [each.own for each in self.partners(item)]
        self.network.forget(item.code, item.own, partners)
        self.set(items=self.items.without(item))

    def _promoted(self) -> tuple[int, ...]:
        """Store what waits and has become worth it, and drop what is not; the new numbers."""
        stored, left = [], []
        for each in self.items.waiting:
            vector = each.as_vector()
            worth = self.worth(vector)
            if worth >= PROMOTE:
                stored.append(self.store(each.content, vector, each.told.text))
            elif worth >= DISCARD:
                left.append(each)
        self.set(items=replace(self.items, waiting=tuple(left)))
        return tuple(stored)

    def _learn_encoder(self, encoder: Encoder) -> None:
        """Take a new encoder; if what it removes is another, store all items again, in order."""
        old = self.kept.encoder
        self.set(encoder=encoder)
        if old is None or np.array_equal(old.mean, encoder.mean):
            return
        self.network.forget_all()
        for each in self.items.present:
            coded = replace(each, code=encoder.code(each.as_vector()))
            changed = coded.with_told(partners=())
            self.network.store(changed.code, changed.own)
            self.set(items=self.items.with_item(changed))

    def _shares(self, counts: NDArray[np.int64]) -> Floats:
        """At what share of volleys the cells of each item fired, (n_cues, n_items)."""
        present = self.items.present
        if not present:
            return np.zeros((len(counts), 0))
        own = np.array([each.own for each in present])
        most = self.task.own * self.task.volleys
        return np.minimum(counts[:, own].sum(axis=2) / most, 1.0)

    def _is_labile(self, item: Item) -> bool:
        """Whether an item was recalled not long ago, and has not moved for some time."""
        return self._since(item.told.recalled) <= LABILE and self._since(item.told.moved) > COOLDOWN

    def _weakest(self) -> Item:
        """The item whose code has the weakest synapses with its cells; of several the oldest."""
        present = self.items.present
        strengths = self.network.strengths(
            [each.code for each in present], [each.own for each in present]
        )
        return present[int(strengths.argmin())]

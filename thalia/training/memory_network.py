"""How a circuit stores items, recalls them from cues, and replays them in sleep.

An item is a code, cells that are shown, and its own cells of an index. All that is known of it
afterwards is in the weights, and what a cue recalls is read from the spikes of the index.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import SECOND
from thalia.syntax.units import Quantities, Value, constant
from thalia.training.responses import Response
from thalia.training.subject import Subject

type Cells = NDArray[np.int64]
type Counts = NDArray[np.int64]
type Floats = NDArray[np.float64]
type Change = Callable[[Floats, Cells, Cells], Floats]  # of weights, by the ends of the synapses

STORE, ASLEEP, TOGETHER, OUTCOME, FUSE = "store", "sleep", "together", "outcome", "fuse"  # phases
REACTIVATED = 5  # volleys of an item's cells at its outcome
CUES = ("similar", "recent", "useful", "important")  # by which an item is ranked
PAIRED = 3  # times that two items which become associated are fired in each order
FAST, SLOW, BACK = "fast", "slow", "back"  # from codes to the index, and from the index to codes
ASSOCIATE, SUPPORT = "associate", "support"  # from the index, and from clusters, to the index
LOG_FACTOR = "synaptic_scaling_log_factor"  # of a neuron
SUPPORTED = 0.2  # of the strongest support: from here on an item belongs to a cluster
AT_ONCE = 16  # cues that are played in one call


@dataclass(frozen=True)
class Judgement:
    """What outcome was expected, from 0 to 1, how much better it was, and if that is a surprise."""

    expected: float
    error: float
    is_surprise: bool


@dataclass(frozen=True)
class Timing:
    """The rate of cells that are shown, and times.

    In a volley of the length `volley` every cell that is shown fires once; `gap` is between two,
    and a cue has `volleys` of them. The network takes `settle` to enter a phase, and is given
    `rest` after each operation.
    """

    rate: Value
    volley: Value
    gap: Value
    settle: Value
    rest: Value
    volleys: int


class MemoryNetwork:
    """A network in which items are stored.

    Parameters
    ----------
    names : mapping from role to population
        `show` and `mark` fire the cells of codes and of the index, `index` is what answers, and
        `value` and `worth` expect outcomes, of items and of codes. `paid` and `told` fire at an
        outcome, which `better`, `worse` and `alarm` compare with what was expected. `CUES` fire for
        what speaks for an item, and `rank` by how much they count.
    learned : mapping from role to pathway
        `fast` and `slow` bind codes to the index, `back` the index to codes, `associate` items to
        each other; `sort` makes clusters of codes, which `support` items.
    """

    def __init__(
        self,
        subject: Subject,
        names: Mapping[str, str],
        learned: Mapping[str, str],
        timing: Timing,
    ):
        self.subject, self.names, self.learned, self.timing = subject, names, learned, timing
        self.sizes = {role: subject.plan.population(n)[1].size for role, n in names.items()}
        self.code_cells, self.index_cells = self.sizes["show"], self.sizes["index"]
        self.ends = cache(subject.ends)  # of a pathway, which stay as they are
        self.begin = {role: subject.weights(name) for role, name in learned.items()}

    def store(self, code: Cells, own: Cells) -> None:
        """Present the cells of a code and those of the index together, once."""
        with self.subject.phase(STORE):
            self.subject.present(self.timing.settle)
            self._volley(show=code, mark=own)
            self.subject.present(self.timing.settle)
        self.subject.present(self.timing.rest)

    def recall(self, cues: Sequence[Cells]) -> Counts:
        """Spikes of the index at each cue, (n_cues, n_cells); nothing is learned."""
        found = [np.zeros((0, self.index_cells), np.int64)]
        with self.subject.frozen():
            for begin in range(0, len(cues), AT_ONCE):
                found.append(self._asked(cues[begin : begin + AT_ONCE]))
        return np.concatenate(found)

    def _asked(self, cues: Sequence[Cells]) -> Counts:
        time, volleys = self.timing, self.timing.volleys
        lasting = np.tile([time.volley.mean, time.gap.mean], (len(cues), volleys))
        lasting[:, -1] += time.rest.mean
        shown = np.zeros((len(cues), volleys, 2, self.code_cells))
        for place, cue in enumerate(cues):
            shown[place, :, 0, cue] = 1
        responses = self.subject.play(
            Quantities(lasting.ravel(), SECOND),
            {self.names["show"]: shown.reshape(-1, self.code_cells) * self.timing.rate},
        )
        counts = responses.counts(self.names["index"])
        return counts.reshape(len(cues), -1, self.index_cells).sum(axis=1)

    def replay(self, items: Sequence[Cells]) -> None:
        """Sleep, in which the index is reactivated: the cells of one item after those of another.

        Codes are reactivated by the synapses of the index alone.
        """
        with self.subject.phase(ASLEEP):
            self.subject.present(self.timing.settle)
            for own in items:
                self._volley(mark=own)
                self.subject.present(self.timing.rest)
        self.subject.present(self.timing.rest)

    def associate(self, pairs: Sequence[tuple[Cells, Cells]]) -> None:
        """Fire the cells of two items one after the other, in both orders, pair after pair.

        This binds each to the other.
        """
        with self.subject.phase(TOGETHER):
            self.subject.present(self.timing.settle)
            for pair in pairs:
                for order in (pair, pair[::-1]) * PAIRED:
                    for own in order:
                        self._volley(mark=own)
                    self.subject.present(self.timing.settle)
        self.subject.present(self.timing.rest)

    def outcome(self, code: Cells, own: Cells, reward: float) -> Judgement:
        """Reactivate an item and its code, with an outcome from 0 to 1.

        Dopamine credits all items whose recall has left something eligible.
        """
        with self.subject.phase(OUTCOME):
            self.subject.present(self.timing.settle)
            first = self._volley(show=code, mark=own, **self._outcome_of(reward))
            then = self.subject.present(self.timing.gap)
            for _ in range(REACTIVATED - 1):
                self._volley(show=code, mark=own)
            self.subject.present(self.timing.rest)
        self.subject.present(self.timing.rest)
        share = {role: self._share(first, role) for role in ("value", "better", "worse")}
        is_surprise = bool(then.counts(self.names["alarm"]).any())
        return Judgement(share["value"], share["better"] - share["worse"], is_surprise)

    def fuse(self, cues: Sequence[float], reward: float) -> None:
        """Present the cues that an item had, from 0 to 1 each, with its outcome.

        They count more where it was better than they let expect, and else less.
        """
        with self.subject.phase(FUSE):
            self.subject.present(self.timing.settle)
            self._volley(**self._graded(cues), **self._outcome_of(reward))
            self.subject.present(self.timing.rest)
        self.subject.present(self.timing.rest)

    def ranked(self, cues: Sequence[Sequence[float]]) -> Floats:
        """What rank the cues of each item give it, from 0 to 1, (n_items,).

        Nothing is learned, as in a recall; synapses are not scaled meanwhile either.
        """
        shown = [self._graded(each) for each in cues]
        found = self._judged("rank", shown, self.timing.gap)
        with self.subject.frozen():
            self.subject.present(self.timing.rest)
        return found

    def weights_of_cues(self) -> dict[str, float]:
        """How much each of `CUES` counts: its share of the mean weights of all."""
        ends = {
            (member.pre, member.post): member.name for _, member in self.subject.plan.pathways()
        }
        rank = self.names["rank"]
        found = {r: self.subject.weights(ends[self.names[r], rank]).mean() for r in CUES}
        return {role: float(each / sum(found.values())) for role, each in found.items()}

    def _outcome_of(self, reward: float) -> dict[str, Cells]:
        """The cells that fire at an outcome."""
        return {"paid": np.arange(round(reward * self.sizes["paid"])), "told": np.arange(1)}

    def _graded(self, cues: Sequence[float]) -> dict[str, Cells]:
        """The cells that fire for cues: a share of those of each."""
        shares = zip(CUES, cues, strict=True)
        return {role: np.arange(round(share * self.sizes[role])) for role, share in shares}

    def _share(self, response: Response, role: str) -> float:
        """The share of the neurons of a population that fire."""
        return float(np.mean(response.counts(self.names[role]) > 0))

    def expected(self, items: Sequence[Cells]) -> Floats:
        """What outcome is expected of each item, from 0 to 1, (n_items,)."""
        found = self._judged("value", [{"mark": own} for own in items])
        self.subject.present(self.timing.rest)
        return found

    def worth(self, code: Cells) -> float:
        """What outcome is expected of a code, from 0 to 1, whether it is stored or not."""
        found = self._judged("worth", [{"show": code}])
        self.subject.present(self.timing.rest)
        return float(found[0])

    def _judged(
        self, role: str, shown: Sequence[Mapping[str, Cells]], pause: Value | None = None
    ) -> Floats:
        """The share of some neurons that fire when cells are fired once."""
        found = []
        with self.subject.phase(OUTCOME):
            self.subject.present(self.timing.settle)
            for cells in shown:
                found.append(self._share(self._volley(**cells), role))
                self.subject.present(pause or self.timing.rest)
        return np.array(found, np.float64)

    def _volley(self, **cells: Cells) -> Response:
        """Fire cells once; the response to it."""
        self.subject.present(
            self.timing.volley,
            {
                self.names[role]: _flags(self.sizes[role], each) * self.timing.rate
                for role, each in cells.items()
            },
        )
        return self.subject.present(self.timing.gap)

    def forget(self, code: Cells, own: Cells, partners: Sequence[Cells] = ()) -> None:
        """Take away the synapses between a code and its cells, and between these and others'."""
        is_code, is_own = _flags(self.code_cells, code), _flags(self.index_cells, own)
        others = _flags(self.index_cells, np.concatenate([own, *partners]))
        ends = {FAST: (is_code, is_own), SLOW: (is_code, is_own), BACK: (is_own, is_code)}

        def without(role: str) -> Change:
            if role == ASSOCIATE:
                return lambda w, pre, post: np.where(
                    is_own[pre] & others[post] | others[pre] & is_own[post], 0, w
                )
            first, second = ends[role]
            return lambda w, pre, post: np.where(first[pre] & second[post], 0, w)

        self.change(without, (*ends, *([ASSOCIATE] if partners else ())))

    def forget_all(self) -> None:
        """Give all synapses in which items were stored the weights that they began with."""
        self.change(lambda role: lambda *_: self.begin[role], self.learned)

    def strengths(self, codes: Sequence[Cells], own: Sequence[Cells]) -> Floats:
        """The mean weight in SI between the code of each item and its own cells, (n_items,)."""
        pre, post = np.array(codes)[:, :, None], np.array(own)[:, None]
        found = np.zeros(len(codes))
        for pathway in (self.learned[FAST], self.learned[SLOW]):
            weights = np.zeros((self.code_cells, self.index_cells))
            weights[self.ends(pathway)] = self.subject.weights(pathway)
            found += weights[pre, post].mean(axis=(1, 2))
        return found

    def clusters(self, own: Sequence[Cells]) -> Cells:
        """The number of the cluster whose cell supports an item most, or -1, (n_items,)."""
        pathway = self.learned[SUPPORT]
        pre, post = self.ends(pathway)
        weights = np.zeros((pre.max() + 1, self.index_cells))
        weights[pre, post] = self.subject.weights(pathway)
        support = weights[:, np.array(own, int).reshape(len(own), -1)].mean(axis=2)
        belongs = support.max(axis=0) > SUPPORTED * max(weights.max(), np.finfo(float).tiny)
        return np.where(belongs, support.argmax(axis=0), -1)

    def scaling(self) -> Floats:
        """By what factor each cell of the index has scaled its synapses, (n_cells,)."""
        return np.exp(self.subject.read(self.names["index"], LOG_FACTOR))

    def change(self, by_role: Callable[[str], Change], roles: Iterable[str] | None = None) -> None:
        """Give pathways that learn the weights that are made of their present ones."""
        for role in self.learned if roles is None else roles:
            if role in self.learned:
                pathway = self.learned[role]
                unit = constant(1.0, self.subject.weight_dimension(pathway))
                changed = by_role(role)(self.subject.weights(pathway), *self.ends(pathway))
                self.subject.set_weights(pathway, changed * unit)


def _flags(size: int, cells: Cells) -> NDArray[np.bool_]:
    found = np.zeros(size, bool)
    found[cells] = True
    return found

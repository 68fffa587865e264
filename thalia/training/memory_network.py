"""How a circuit stores items, recalls them from cues, and replays them in sleep.

An item is a code, cells that are shown, and its own cells of an index. All that is known of it
afterwards is in the weights, and what a cue recalls is read from the spikes of the index.
"""

from collections.abc import Callable, Mapping, Sequence
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

STORE, ASLEEP, OUTCOME = "store", "sleep", "outcome"  # phases
REACTIVATED = 5  # volleys of an item's cells before its outcome
FAST, SLOW, BACK = "fast", "slow", "back"  # from codes to the index, and from the index to codes
AT_ONCE = 16  # cues that are played in one call


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
        `value` and `worth` expect outcomes, of items and of codes.
    learned : mapping from `fast`, `slow` and `back` to pathways
    dopamine : str
        The modulator by which outcomes change what is expected.
    """

    def __init__(
        self,
        subject: Subject,
        names: Mapping[str, str],
        learned: Mapping[str, str],
        dopamine: str,
        timing: Timing,
    ):
        self.subject, self.names, self.learned, self.timing = subject, names, learned, timing
        self.dopamine = dopamine
        plan = subject.plan
        self.code_cells, self.index_cells = (
            plan.population(names[role])[1].size for role in ("show", "index")
        )
        self.ends = cache(subject.ends)  # of a pathway, which stay as they are

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

    def outcome(self, code: Cells, own: Cells, reward: float) -> float:
        """Reactivate an item and its code, and release dopamine by the error of its expectation.

        All items whose recall has left something eligible are credited. Returns what was expected,
        from 0 to 1, as `reward` is: the share of value neurons that fire.
        """
        with self.subject.phase(OUTCOME):
            self.subject.present(self.timing.settle)
            responses = [self._volley(show=code, mark=own) for _ in range(REACTIVATED)]
            expected = float(np.mean(responses[0].counts(self.names["value"]) > 0))
            self.subject.release(self.dopamine, reward - expected)
            self.subject.present(self.timing.rest)
        self.subject.present(self.timing.rest)
        return expected

    def expected(self, items: Sequence[Cells]) -> Floats:
        """What outcome is expected of each item, from 0 to 1, (n_items,)."""
        return self._judged("value", [{"mark": own} for own in items])

    def worth(self, code: Cells) -> float:
        """What outcome is expected of a code, from 0 to 1, whether it is stored or not."""
        return float(self._judged("worth", [{"show": code}])[0])

    def _judged(self, role: str, shown: Sequence[Mapping[str, Cells]]) -> Floats:
        """The share of some neurons that fire when cells are fired once."""
        found = []
        with self.subject.phase(OUTCOME):
            self.subject.present(self.timing.settle)
            for cells in shown:
                found.append(np.mean(self._volley(**cells).counts(self.names[role]) > 0))
                self.subject.present(self.timing.rest)
        self.subject.present(self.timing.rest)
        return np.array(found, np.float64)

    def _volley(self, **cells: Cells) -> Response:
        """Fire cells once; the response to it."""
        sizes = {"show": self.code_cells, "mark": self.index_cells}
        self.subject.present(
            self.timing.volley,
            {
                self.names[role]: _flags(sizes[role], each) * self.timing.rate
                for role, each in cells.items()
            },
        )
        return self.subject.present(self.timing.gap)

    def forget(self, code: Cells, own: Cells) -> None:
        """Take away the synapses between the cells of a code and those of the index."""
        is_code, is_own = _flags(self.code_cells, code), _flags(self.index_cells, own)

        def without(role: str) -> Change:
            pre, post = (is_own, is_code) if role == BACK else (is_code, is_own)
            return lambda w, first, second: np.where(pre[first] & post[second], 0, w)

        self.change(without)

    def forget_all(self) -> None:
        """Set the weights of all that was stored to zero."""
        self.change(lambda _: lambda w, *_: np.zeros_like(w))

    def strengths(self, codes: Sequence[Cells], own: Sequence[Cells]) -> Floats:
        """The mean weight in SI between the code of each item and its own cells, (n_items,)."""
        pre, post = np.array(codes)[:, :, None], np.array(own)[:, None]
        found = np.zeros(len(codes))
        for pathway in (self.learned[FAST], self.learned[SLOW]):
            weights = np.zeros((self.code_cells, self.index_cells))
            weights[self.ends(pathway)] = self.subject.weights(pathway)
            found += weights[pre, post].mean(axis=(1, 2))
        return found

    def change(self, by_role: Callable[[str], Change]) -> None:
        """Give each pathway that learns the weights that are made of its present ones."""
        for role, pathway in self.learned.items():
            unit = constant(1.0, self.subject.weight_dimension(pathway))
            changed = by_role(role)(self.subject.weights(pathway), *self.ends(pathway))
            self.subject.set_weights(pathway, changed * unit)


def _flags(size: int, cells: Cells) -> NDArray[np.bool_]:
    found = np.zeros(size, bool)
    found[cells] = True
    return found

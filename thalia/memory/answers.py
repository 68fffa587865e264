"""What a memory answers."""

from dataclasses import dataclass
from typing import Literal

from thalia.memory.encoder import Floats

type Content = Literal["text", "vector"]
type Decision = Literal["stored", "waiting", "skipped"]


@dataclass(frozen=True)
class Recalled:
    """An item that a cue recalled, and how surely: at what share of volleys its cells fired.

    `chance` is how likely it is right, by tests in sleep of what was as much surer or less sure
    than all else; there is none before the first.
    `score` is its rank by all cues, the share of the neurons that fire for them: how similar it is,
    how recent, how useful and how important it was. Only the ten surest are ranked. Of what was
    stored as a text, `text` is that, and there is no `vector`.
    """

    item: int
    confidence: float
    chance: float | None
    score: float | None
    vector: Floats | None
    text: str | None


@dataclass(frozen=True)
class Outcome:
    """What grade was expected of an item, from 1 to 4, and by how much the outcome was better.

    `moved` says whether the surprise bound the item to the cue with which it was recalled.
    """

    item: int
    expected: float
    error: float
    moved: bool


@dataclass(frozen=True)
class Offered:
    """Whether what was offered was stored, waits or was skipped, and the grade expected of it.

    What was stored has the number of its `item`.
    """

    decision: Decision
    expected: float
    item: int | None


@dataclass(frozen=True)
class Slept:
    """How many reactivations there were, and how many items can be recalled after them.

    `stored` are the numbers of those that had waited, and were found worth it, and `associated` is
    how many pairs of items have become associated.
    """

    replays: int
    recallable: int
    stored: tuple[int, ...] = ()
    associated: int = 0


@dataclass(frozen=True)
class Due:
    """An item to review: when, how likely it is remembered by FSRS, and how surely by the circuit.

    `due` is a time of ISO 8601; an item that was never reviewed has none, and no `retrievability`.
    """

    item: int
    due: str | None
    retrievability: float | None
    confidence: float
    text: str | None


@dataclass(frozen=True)
class Status:
    """How many items a memory has, can recall from their whole codes, and has room for.

    `waiting` is what was offered and is neither stored nor skipped yet. `clusters` have several
    items, `associated` are pairs of items, and `scaling` is the least and the greatest factor by
    which cells of the index have scaled their synapses. `cues` says how much each cue counts in the
    rank of what is recalled, and `calibration_error` by how much chances were off in the last
    tests.
    """

    items: int
    recallable: int
    waiting: int
    capacity: int
    clusters: int
    associated: int
    scaling: tuple[float, float]
    cues: dict[str, float]
    calibration_error: float | None
    content: Content | None
    dimension: int | None
    seconds: float  # model time
    bytes: int  # of the file

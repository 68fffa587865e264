"""A memory: vectors or texts, stored in the synapses of a circuit and recalled by its spikes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path as FilePath
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.load import dumps
from thalia.connectivity.streams import stream
from thalia.errors import fail
from thalia.memory.answers import Content, Due, Offered, Outcome, Recalled, Slept, Status
from thalia.memory.encoder import (
    Cells,
    Encode,
    Encoder,
    Floats,
    check_whole,
    checked_text,
    checked_vector,
    text_vector,
)
from thalia.memory.gate import DISCARD, PROMOTE, ROOM, decided
from thalia.memory.items import WAITING, Item, Items, Told
from thalia.memory.kept import Kept, circuit_of, restored, seed_of, write
from thalia.memory.review import due, reviewed, time_of
from thalia.recording.memory_file import MemoryFile
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source
from thalia.training.experiment import experiment_of
from thalia.training.subject import subject_of
from thalia.training.tasks.memory import Memory as Task

CAPACITY = 600  # items; the weakest is forgotten when one more is stored

LABILE, COOLDOWN = 10.0, 60.0  # s of model time: after its recall, and after it moved
SURPRISING = 0.5  # an error, of a range of outcomes of 1, from which a labile item moves
REPLAYS = 2  # of each item on average, in a sleep
GRADES = 4


class Memory:
    """A memory in a file; `with` closes it, and everything is on disk before it is answered.

    Parameters
    ----------
    path : path
        The file, which another process may not use meanwhile; a new one is made by `store`.
    encoder : function, optional
        Makes a vector of whatever is stored or asked for. Without it these are vectors themselves,
        or texts, of which the n-grams count.
    seed : int, optional
        Of the circuit, the projection and the draws of a new memory; the same gives the same
        answers.
    backend : str, optional
        Of the circuit, as for a run.

    Raises
    ------
    CircuitError
        If another process has the file, or it is damaged or no memory.
    """

    def __init__(
        self,
        path: str | FilePath,
        encoder: Encode | None = None,
        *,
        seed: int | None = None,
        backend: str | None = None,
    ):
        self._encode, self._file = encoder, MemoryFile(FilePath(path))
        contents = self._file.contents
        try:
            self.seed = seed_of(contents, seed, path)
            circuit = circuit_of(self.seed)
            self._task = parse(Task, experiment_of(circuit).parameters, Source())
            self._subject = subject_of(circuit, backend)
        except BaseException:
            self._file.close()
            raise
        self._network = self._task.network(self._subject)
        self._identity = {
            "seed": str(self.seed),
            "backend": self._subject.network.engine.name,
            "circuit": sha256(dumps(circuit).encode()).hexdigest(),
        }
        self._kept, self._is_open = Kept(), True
        if contents:
            try:
                self._kept = restored(
                    self._file, contents, self._subject, self._task, self._identity
                )
            except BaseException:
                self.close()
                raise

    def store(self, content: object, *, text: str | None = None) -> int:
        """Store an item in one presentation; returns its number.

        When the memory is full, the item whose synapses are weakest is forgotten for it.

        Parameters
        ----------
        content : vector, text, or whatever the encoder takes
        text : str, optional
            What is returned with a vector, for people.

        Raises
        ------
        CircuitError
            If it is no vector of finite numbers of the right length, or no text, or empty.
        """
        offer = self._offer(content, text)
        with self._changing():
            return self._stored(*offer)

    def offer(self, content: object, *, text: str | None = None) -> Offered:
        """Store something if it is worth it, by the outcomes of what was like it.

        The circuit expects an outcome of its code. What is expected to be good is stored, what is
        expected to be bad is skipped, and the rest waits: sleep stores it if it has become worth
        it. The first is stored in any case, until there were twenty outcomes.

        Parameters
        ----------
        content : vector, text, or whatever the encoder takes
        text : str, optional
            What is returned with a vector, for people.

        Raises
        ------
        CircuitError
            As of `store`.
        """
        kind, vector, told = self._offer(content, text)
        with self._changing():
            worth = self._worth(vector)
            decision = decided(worth, sum(each.told.outcomes for each in self._items.present))
            number = self._stored(kind, vector, told) if decision == "stored" else None
            if decision == "waiting":
                waits = self._item(WAITING, vector, kind, told)
                waiting = (*self._items.waiting, waits)[-ROOM:]
                self._set(items=replace(self._items, waiting=waiting))
        return Offered(decision, 1 + (GRADES - 1) * worth, number)

    def recall(self, cue: object, k: int = 5) -> list[Recalled]:
        """The items that a cue recalls, the surest first, at most `k`; nothing if none does.

        The cue may be noisy, or a part: a vector with zeros, some of the words of a text.

        Raises
        ------
        CircuitError
            If the cue is none, as of `store`, or `k` is no whole number from 1 on.
        """
        check_whole("k", k, 1)
        _, vector, _ = self._read(cue)
        if self._encoder is None:
            return []
        code = self._encoder.code(vector)
        with self._changing():
            (shares,) = self._shares(self._network.recall([code]))
            present = self._items.present
            if len(shares) and shares.max() > 0:
                best = present[int(shares.argmax())].with_told(recalled=self._subject.done)
                self._set(items=self._items.with_item(best))
        order = np.argsort(-shares, kind="stable")[:k]
        return [
            Recalled(each.number, float(share), each.vector, each.told.text)
            for each, share in ((present[k], shares[k]) for k in order)
            if share > 0
        ]

    def outcome(self, item: int, grade: int, cue: object = None) -> Outcome:
        """Report how good it was that an item was recalled: 1 is bad, 4 is good.

        The cells of the item are reactivated, and dopamine, released by how much better the outcome
        is than they let expect, changes what is expected of all that was recalled just before. A
        surprise makes an item that has just been recalled move towards its `cue`, which recalls it
        better then; not twice within a minute of model time.

        Raises
        ------
        CircuitError
            If there is no such item or grade, or the cue is none.
        """
        found, code = self._graded(item, grade), None
        if cue is not None and self._encoder:
            code = self._encoder.code(self._read(cue)[1])
        return self._report(found, grade, code)

    def sleep(self, replays: int | None = None) -> Slept:
        """Sleep, in which items are reactivated, so that slow synapses learn them.

        First, what was offered and has become worth it is stored, and what has not is dropped.
        Weak ones come most often, and those with surprising or good outcomes.

        Parameters
        ----------
        replays : int, optional
            Reactivations in all; by default two for each item.

        Raises
        ------
        CircuitError
            If `replays` is no whole number from 0 on.
        """
        self._check_open()
        if replays is not None:
            check_whole("replays", replays, 0)
        with self._changing():
            stored = self._promoted()
            present = self._items.present
            count = (REPLAYS * len(present) if replays is None else int(replays)) if present else 0
            random = stream(self.seed, f"sleep {self._subject.done}")
            weak = 1 - np.diag(self._tested())
            priority = weak + [each.told.surprise + each.told.expected for each in present]
            drawn = random.choice(len(present), count, p=priority / priority.sum()) if count else ()
            self._network.replay([present[k].own for k in drawn])
        return Slept(count, sum(self._recallable()), stored)

    def due(self, now: datetime | None = None) -> list[Due]:
        """All items, those to be reviewed first come first: by FSRS, beside what the circuit says.

        Parameters
        ----------
        now : datetime, optional
            The time for which it is asked, with its zone; by default the present.

        Raises
        ------
        CircuitError
            If the package `fsrs` is not there.
        """
        self._check_open()
        confidences = np.diag(self._tested()).tolist()
        return due(self._items.present, confidences, time_of(now))

    def review(self, item: int, grade: int, now: datetime | None = None) -> Outcome:
        """Report the outcome of a review: 1 forgotten, 2 hard, 3 good, 4 easy; also to FSRS.

        Parameters
        ----------
        item : int
            The number of the item.
        grade : int
            As of `outcome`.
        now : datetime, optional
            The time of the review, with its zone; by default the present.

        Raises
        ------
        CircuitError
            As of `outcome`, or if the package `fsrs` is not there.
        """
        found = self._graded(item, grade)
        card = reviewed(found.told.card, grade, time_of(now))
        return self._report(found.with_told(card=card), grade)

    def forget(self, item: int) -> None:
        """Forget an item: its synapses, and its contents.

        Raises
        ------
        CircuitError
            If there is no such item.
        """
        found = self._known(item)
        with self._changing():
            self._drop(found)

    def status(self) -> Status:
        """How the memory is; it is asked for every item, and left as it was."""
        self._check_open()
        return Status(
            len(self._items.present),
            sum(self._recallable()),
            len(self._items.waiting),
            CAPACITY,
            self._kept.content,
            self._encoder.dimension if self._encoder else None,
            self._subject.done * self._subject.plan.dt,
            0 if self._file.is_new else self._file.file.stat().st_size,
        )

    def close(self) -> None:
        """End the circuit, and let others use the file."""
        if self._is_open:
            self._is_open = False
            try:
                self._file.close()
            finally:
                self._subject.close()

    def __enter__(self) -> "Memory":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _items(self) -> Items:
        return self._kept.items

    @property
    def _encoder(self) -> Encoder | None:
        return self._kept.encoder

    def _set(self, **changes: Any) -> None:
        self._kept = replace(self._kept, **changes)

    def _check_open(self) -> None:
        if not self._is_open:
            raise fail(f"{self._file.file}: this memory is closed", "open it again")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep what is done to the network; if that fails, close, with the file as it was."""
        self._check_open()
        try:
            yield
            write(self._file, self._kept, self._subject, self._identity)
        except BaseException:
            self.close()
            raise

    def _read(self, content: object) -> tuple[Content, Floats, str | None]:
        """The kind of a content or cue, its vector, and its text."""
        self._check_open()
        dimension = self._encoder.dimension if self._encoder else None
        if self._encode:
            text = checked_text(content) if isinstance(content, str) else None
            return self._fitting("vector"), checked_vector(self._encode(content), dimension), text
        if isinstance(content, str):
            text = checked_text(content)
            return self._fitting("text"), text_vector(text), text
        return self._fitting("vector"), checked_vector(content, dimension), None

    def _fitting(self, kind: Content) -> Content:
        if self._kept.content not in (None, kind):
            hint = "use a memory of its own for each" + (
                ", or give the encoder that it was made with" if kind == "text" else ""
            )
            raise fail(f"{self._file.file}: holds {self._kept.content}s, found a {kind}", hint)
        return kind

    def _known(self, item: object) -> Item:
        self._check_open()
        if found := self._items.find(item):
            return found
        count = len(self._items.present)
        raise fail(
            f"{self._file.file}: has no item {item!r}",
            f"it has {count}, the newest is {self._items.last}" if count else "it is empty",
        )

    def _graded(self, item: object, grade: object) -> Item:
        """An item that is given a grade; both are checked."""
        if isinstance(grade, bool) or grade not in range(1, GRADES + 1):
            raise fail(f"grade: expected 1, 2, 3 or 4, found {grade!r}")
        return self._known(item)

    def _report(self, item: Item, grade: int, cue: Cells | None = None) -> Outcome:
        """Let the network learn an outcome, and an item that is labile move."""
        reward, steps = (grade - 1) / (GRADES - 1), GRADES - 1
        with self._changing():
            expected = self._network.outcome(item.code, item.own, reward)
            surprise = abs(reward - expected)
            moves = cue is not None and surprise >= SURPRISING and self._is_labile(item)
            if cue is not None and moves:
                self._network.store(cue, item.own)
                item = item.with_told(moved=self._subject.done)
            count = item.told.outcomes + 1
            told = item.with_told(outcomes=count, surprise=surprise, expected=expected)
            self._set(items=self._items.with_item(told))
        return Outcome(item.number, 1 + steps * expected, steps * (reward - expected), moves)

    def _offer(self, content: object, text: str | None) -> tuple[Content, Floats, str | None]:
        """What is to be stored, checked: its kind, its vector, and its text."""
        kind, vector, own_text = self._read(content)
        self._encoder_for(vector).code(vector)  # refuses what cannot be stored
        return kind, vector, own_text if text is None else checked_text(text)

    def _encoder_for(self, vector: Floats) -> Encoder:
        cells, active = self._network.code_cells, self._task.active
        return self._encoder or Encoder.new(len(vector), cells, active, self.seed)

    def _worth(self, vector: Floats) -> float:
        return self._network.worth(self._encoder_for(vector).code(vector))

    def _stored(self, kind: Content, vector: Floats, text: str | None) -> int:
        """Store an item; its number."""
        if len(self._items.present) >= CAPACITY:
            self._drop(self._weakest())
        self._set(content=kind)
        self._learn_encoder(self._encoder_for(vector).after(vector))
        item = self._item(self._items.last + 1, vector, kind, text)
        self._network.store(item.code, item.own)
        self._set(items=self._items.with_item(item))
        return item.number

    def _item(self, number: int, vector: Floats, kind: Content, text: str | None) -> Item:
        """An item, with cells of the index that are drawn for its number."""
        cells = stream(self.seed, f"item {number}").permutation(self._network.index_cells)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return Item(
            number,
            self._encoder_for(vector).code(vector),
            np.sort(cells[: self._task.own]),
            Told(at=at, text=text),
            vector if kind == "vector" else None,
        )

    def _promoted(self) -> tuple[int, ...]:
        """Store what waits and has become worth it, and drop what is not; the new numbers."""
        stored, left = [], []
        for each in self._items.waiting:
            vector = each.as_vector()
            worth = self._worth(vector)
            if worth >= PROMOTE:
                kind: Content = "text" if each.vector is None else "vector"
                stored.append(self._stored(kind, vector, each.told.text))
            elif worth >= DISCARD:
                left.append(each)
        self._set(items=replace(self._items, waiting=tuple(left)))
        return tuple(stored)

    def _learn_encoder(self, encoder: Encoder) -> None:
        """Take a new encoder; if what it removes is another, store all items again, in order."""
        old = self._encoder
        self._set(encoder=encoder)
        if old is None or np.array_equal(old.mean, encoder.mean):
            return
        self._network.forget_all()
        for each in self._items.present:
            changed = replace(each, code=encoder.code(each.as_vector()))
            self._network.store(changed.code, changed.own)
            self._set(items=self._items.with_item(changed))

    def _shares(self, counts: NDArray[np.int64]) -> Floats:
        """At what share of volleys the cells of each item fired, (n_cues, n_items)."""
        present = self._items.present
        if not present:
            return np.zeros((len(counts), 0))
        own = np.array([each.own for each in present])
        most = self._task.own * self._task.volleys
        return np.minimum(counts[:, own].sum(axis=2) / most, 1.0)

    def _tested(self) -> Floats:
        """How surely the code of each item recalls each, (n, n); the network is left as it was."""
        present = self._items.present
        before = self._subject.state()
        try:
            shares = self._shares(self._network.recall([each.code for each in present]))
            self._subject.restore(before)
        except BaseException:
            self.close()
            raise
        return shares

    def _recallable(self) -> list[bool]:
        """Whether each item is recalled best by its own code."""
        if not self._items.present:
            return []
        shares = self._tested()
        mine = np.diag(shares)
        return [bool(each) for each in (mine > 0) & (mine >= shares.max(axis=1))]

    def _is_labile(self, item: Item) -> bool:
        """Whether an item was recalled not long ago, and has not moved for some time."""
        recalled, moved = (
            np.inf if step is None else (self._subject.done - step) * self._subject.plan.dt
            for step in (item.told.recalled, item.told.moved)
        )
        return bool(recalled <= LABILE and moved > COOLDOWN)

    def _weakest(self) -> Item:
        """The item whose code has the weakest synapses with its cells; of several the oldest."""
        present = self._items.present
        strengths = self._network.strengths(
            np.array([each.code for each in present]), np.array([each.own for each in present])
        )
        return present[int(strengths.argmin())]

    def _drop(self, item: Item) -> None:
        self._network.forget(item.code, item.own)
        self._set(items=self._items.without(item))

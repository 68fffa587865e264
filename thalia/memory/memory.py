"""A memory: vectors or texts, stored in the synapses of a circuit and recalled by its spikes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path as FilePath
from types import TracebackType

import numpy as np

from thalia.errors import fail
from thalia.memory.answers import Content, Due, Offered, Outcome, Recalled, Slept, Status
from thalia.memory.core import CAPACITY, Core
from thalia.memory.encoder import (
    Cells,
    Encode,
    Floats,
    check_whole,
    checked_text,
    checked_vector,
    is_whole,
    text_vector,
)
from thalia.memory.gate import ROOM, decided
from thalia.memory.items import WAITING, Item
from thalia.memory.kept import circuit_of, kept_in, network_of, restored, seed_of, write
from thalia.memory.review import due, reviewed, time_of
from thalia.recording.memory_file import MemoryFile
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source
from thalia.training.experiment import experiment_of
from thalia.training.subject import subject_of
from thalia.training.tasks.memory import Memory as Task

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
            task = parse(Task, experiment_of(circuit).parameters, Source())
            self._subject = subject_of(circuit, backend)
        except BaseException:
            self._file.close()
            raise
        self._core = Core(task, self._subject, self.seed)
        self._identity = {
            "seed": str(self.seed),
            "backend": self._subject.network.engine.name,
            "circuit": network_of(circuit),
        }
        self._is_open = True
        if contents:
            try:
                self._core.kept = restored(
                    self._file, contents, self._subject, task, self._identity
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
            return self._core.store(*offer)

    def store_from(self, path: str | FilePath) -> list[int]:
        """Store all items of another memory again, oldest first; returns their numbers here.

        The other may be of another version of Thalia. What outcomes and sleep have taught it is not
        taken along.

        Parameters
        ----------
        path : path
            The file of the other memory, which is only read.

        Raises
        ------
        CircuitError
            If it is no memory or damaged, or its items cannot be stored here.
        """
        self._check_open()
        numbers = []
        for each in kept_in(path).items.present:
            if each.content == "text":
                numbers.append(self.store(each.told.text))
            else:
                kind = self._fitting("vector")
                vector = checked_vector(each.vector, self._dimension)
                with self._changing():
                    numbers.append(self._core.store(kind, vector, each.told.text))
        return numbers

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
            worth = self._core.worth(vector)
            decision = decided(worth, sum(each.told.outcomes for each in self._core.items.present))
            number = self._core.store(kind, vector, told) if decision == "stored" else None
            if decision == "waiting":
                waits = self._core.item(WAITING, vector, kind, told)
                waiting = (*self._core.items.waiting, waits)[-ROOM:]
                self._core.set(items=replace(self._core.items, waiting=waiting))
        return Offered(decision, 1 + (GRADES - 1) * worth, number)

    def recall(self, cue: object, k: int = 5) -> list[Recalled]:
        """The items that a cue recalls, at most `k`, the best rank first; nothing if none does.

        The cue may be noisy, or a part: a vector with zeros, some of the words of a text. At first
        the rank is the confidence; outcomes teach how much else counts.

        Raises
        ------
        CircuitError
            If the cue is none, as of `store`, or `k` is no whole number from 1 on.
        """
        check_whole("k", k, 1)
        _, vector, _ = self._read(cue)
        if self._core.kept.encoder is None:
            return []
        code = self._core.kept.encoder.code(vector)
        with self._changing():
            found = self._core.recall(code)[:k]
        return [
            Recalled(
                each.item.number,
                each.confidence,
                each.chance,
                each.score,
                each.item.vector,
                each.item.told.text,
            )
            for each in found
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
        if cue is not None and self._core.kept.encoder:
            code = self._core.kept.encoder.code(self._read(cue)[1])
        return self._report(found, grade, code)

    def sleep(self, replays: int | None = None) -> Slept:
        """Sleep, in which items are reactivated, so that slow synapses learn them.

        First, what was offered and has become worth it is stored, and what has not is dropped.
        Weak ones come most often, and those with surprising or good outcomes. Codes that are
        reactivated form clusters, and items that were recalled one right after the other twice
        become associated: the cue of one recalls the other, too, less surely. Noisy cues of some
        items test how likely what is recalled is right.

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
            before = self._core.pairs()
            count, stored = self._core.sleep(replays)
            recallable = sum(self._core.recallable())
        return Slept(count, recallable, stored, self._core.pairs() - before)

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
        with self._asking():
            confidences = np.diag(self._core.tested()).tolist()
        return due(self._core.items.present, confidences, time_of(now))

    def review(self, item: int, grade: int, now: datetime | None = None) -> Outcome:
        """Report the outcome of a review: 1 forgotten, 2 hard, 3 good, 4 easy; also to FSRS.

        Whoever reviews an item sees it again: it is also presented once more, as it was stored.

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
        return self._report(found.with_told(card=card), grade, is_seen=True)

    def forget(self, item: int) -> None:
        """Forget an item: its synapses, and its contents.

        Raises
        ------
        CircuitError
            If there is no such item.
        """
        found = self._known(item)
        with self._changing():
            self._core.drop(found)

    def status(self) -> Status:
        """How the memory is; it is asked for every item, and left as it was."""
        with self._asking():
            recallable = sum(self._core.recallable())
            clusters, scaling = self._core.clusters(), self._core.network.scaling()
        kept = self._core.kept
        return Status(
            len(kept.items.present),
            recallable,
            len(kept.items.waiting),
            CAPACITY,
            clusters,
            self._core.pairs(),
            (float(scaling.min()), float(scaling.max())),
            self._core.network.weights_of_cues(),
            kept.calibration.error,
            kept.content,
            self._dimension,
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
    def _dimension(self) -> int | None:
        """Of the vectors, once there was one."""
        return self._core.kept.encoder.dimension if self._core.kept.encoder else None

    def _check_open(self) -> None:
        if not self._is_open:
            raise fail(f"{self._file.file}: this memory is closed", "open it again")

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Do something with the network; if that fails, close, with the file as it was."""
        self._check_open()
        try:
            yield
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep what is done to the network, unless it fails."""
        with self._asking():
            yield
            write(self._file, self._core.kept, self._subject, self._identity)

    def _read(self, content: object) -> tuple[Content, Floats, str | None]:
        """The kind of a content or cue, its vector, and its text."""
        self._check_open()
        if self._encode:
            text = checked_text(content) if isinstance(content, str) else None
            vector = checked_vector(self._encode(content), self._dimension)
            return self._fitting("vector"), vector, text
        if isinstance(content, str):
            text = checked_text(content)
            return self._fitting("text"), text_vector(text), text
        return self._fitting("vector"), checked_vector(content, self._dimension), None

    def _fitting(self, kind: Content) -> Content:
        if self._core.kept.content not in (None, kind):
            hint = "use a memory of its own for each" + (
                ", or give the encoder that it was made with" if kind == "text" else ""
            )
            raise fail(f"{self._file.file}: holds {self._core.kept.content}s, found a {kind}", hint)
        return kind

    def _known(self, item: object) -> Item:
        self._check_open()
        if not is_whole(item):
            raise fail(f"item: expected the number of an item, found {item!r}")
        if found := self._core.items.find(item):
            return found
        count = len(self._core.items.present)
        raise fail(
            f"{self._file.file}: has no item {item!r}",
            f"it has {count}, the newest is {self._core.items.last}" if count else "it is empty",
        )

    def _graded(self, item: object, grade: object) -> Item:
        """An item that is given a grade; both are checked."""
        if isinstance(grade, bool) or grade not in range(1, GRADES + 1):
            raise fail(f"grade: expected 1, 2, 3 or 4, found {grade!r}")
        return self._known(item)

    def _report(
        self, item: Item, grade: int, cue: Cells | None = None, *, is_seen: bool = False
    ) -> Outcome:
        """Let the network learn an outcome, an item that is labile move, and one be seen again."""
        reward, steps = (grade - 1) / (GRADES - 1), GRADES - 1
        with self._changing():
            judged, moves = self._core.report(item, reward, cue)
            if is_seen:
                self._core.network.store(item.code, item.own)
        return Outcome(item.number, 1 + steps * judged.expected, steps * judged.error, moves)

    def _offer(self, content: object, text: str | None) -> tuple[Content, Floats, str | None]:
        """What is to be stored, checked: its kind, its vector, and its text."""
        kind, vector, own_text = self._read(content)
        self._core.encoder_for(vector).code(vector)  # refuses what cannot be stored
        return kind, vector, own_text if text is None else checked_text(text)

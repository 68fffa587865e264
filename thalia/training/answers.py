"""What a network answered to its task, kept with its state, so that a killed experiment goes on.

A task decides from its seed and from these answers alone. When it is called again, they are given
to it without simulating anything, up to the last checkpoint, from whose state the network goes on.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path as FilePath
from types import TracebackType
from typing import Any
from zlib import compress, decompressobj
from zlib import error as zlib_error

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.pipeline import Compiled
from thalia.errors import fail
from thalia.recording.page_checksums import reading
from thalia.recording.writer import RunWriter, mended
from thalia.simulation.checkpoint import Pace, SavedState, read_state, units_of
from thalia.simulation.network import Network
from thalia.training.recording import Recording

type Arrays = Mapping[str, NDArray[Any]]

DATASET, JOB = "answers", "job"
MOST_BYTES = 1 << 28  # of answers in a file, compressed; of longer experiments none are kept
MOST_HELD = 1 << 26  # bytes of answers in memory at which the state is saved
MOST_AT_ONCE = 1 << 31  # bytes of answers in a block, once it is decompressed
LENGTH = 8  # bytes that say how long what follows is


@dataclass(frozen=True)
class Checkpoint:
    """The file in which an experiment keeps how far it is, and the digest of all it consists of."""

    file: FilePath
    job: str

    @classmethod
    def of(cls, file: FilePath, job: Mapping[str, Any]) -> "Checkpoint":
        """The checkpoint of a job, which another job or version does not go on from."""
        described = json.dumps([version("thalia"), job], sort_keys=True)
        return cls(file, sha256(described.encode()).hexdigest())


class Answers:
    """Gives a task the answers that it had before it was killed, and keeps those that follow.

    `saved` is the state to go on from once it has had all of them.
    """

    def __init__(self, checkpoint: Checkpoint, compiled: Compiled, network: Network):
        self.checkpoint, self.compiled, self.network = checkpoint, compiled, network
        self.stack, self.pace, self.units = ExitStack(), Pace(), units_of(network.plan)
        self.saved, stored = _kept(checkpoint)
        self.is_resumed, self.is_on = self.saved is not None, True
        self.told = _records(stored, checkpoint.file)
        self.next = next(self.told, None)
        self.held: list[bytes] = []
        self.bytes = len(stored)

    def had(self, question: str) -> Arrays | None:
        """The answer to a question in the experiment that was killed; None after the last one.

        Raises
        ------
        CircuitError
            If the task did not ask this then.
        """
        if self.next is None:
            return None
        asked, answer = self.next
        if asked != question:
            raise fail(
                f"{self.checkpoint.file}: the task asks for {question}, and before it was "
                f"interrupted for {asked}",
                "it must decide from its seed and from what the network answers; "
                "without this file it begins again",
            )
        self.next = next(self.told, None)
        return answer

    def keep(self, question: str, answer: Arrays) -> None:
        """Take note of an answer."""
        if self.is_on:
            self.held.append(_record(question, answer))

    def save_if_due(self, state: Callable[[], SavedState]) -> None:
        """Write all answers and the state to the file, as often as it costs little."""
        is_due = self.pace.is_due() or sum(map(len, self.held)) > MOST_HELD
        if not (self.is_on and self.held and is_due):
            return
        block = compress(b"".join(self.held), 1)
        self.held.clear()
        self.bytes += len(block) + LENGTH
        if self.bytes > MOST_BYTES:
            self.discard()
            return
        with self.pace.measured():
            now, writer = state(), self.writer
            sized = len(block).to_bytes(LENGTH, "little") + block
            writer.appended.append(DATASET, np.frombuffer(sized, np.uint8))
            writer.state(now.step, now.variables, self.units, now.attributes())
            writer.commit()

    @cached_property
    def writer(self) -> RunWriter:
        """Of the file, which a short experiment never needs."""
        file, plan = self.checkpoint.file, self.network.plan
        if self.is_resumed:
            return self.stack.enter_context(RunWriter.reopen(file, plan))
        made = Recording(file, self.compiled, self.network, {JOB: self.checkpoint.job})
        self.stack.push(made.stack)
        made.writer.appended.declare(made.writer.h5, DATASET, "u1")
        return made.writer

    def discard(self) -> None:
        """Remove the file: the experiment has come to its end, or is too long to be kept."""
        self.is_on = False
        self.stack.close()
        self.checkpoint.file.unlink(missing_ok=True)

    def leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, which stays, after an exception."""
        self.stack.__exit__(kind, error, trace)


def _kept(checkpoint: Checkpoint) -> tuple[SavedState | None, bytes]:
    """The state in a checkpoint, and all answers until then; nothing if it is of another job."""
    file = checkpoint.file
    if not file.is_file():
        return None, b""
    mended(file)
    with reading(file, "state") as h5:
        if str(h5["origin"].attrs.get(JOB, "")) != checkpoint.job:
            return None, b""
        return read_state(h5, file), h5[DATASET][...].tobytes()


def _record(question: str, answer: Arrays) -> bytes:
    """A question with its answer: the length of a header, the header, and the arrays."""
    parts = [[name, values.dtype.str, values.nbytes] for name, values in answer.items()]
    header = json.dumps([question, parts]).encode()
    data = (np.ascontiguousarray(values).tobytes() for values in answer.values())
    return b"".join((len(header).to_bytes(LENGTH, "little"), header, *data))


def _records(stored: bytes, file: FilePath) -> Iterator[tuple[str, Arrays]]:
    """The questions and answers that were kept, in their order, a block of them at a time.

    Raises
    ------
    CircuitError
        If they are none.
    """
    try:
        while stored:
            size = int.from_bytes(stored[:LENGTH], "little") + LENGTH
            opened = decompressobj()
            block, stored = opened.decompress(stored[LENGTH:size], MOST_AT_ONCE), stored[size:]
            if not opened.eof:
                raise ValueError("a block does not end")
            yield from _in_block(block)
    except (zlib_error, ValueError, TypeError, RecursionError) as error:
        raise fail(
            f"{file}: holds no answers of an experiment ({error})",
            "remove it: the experiment begins again",
        ) from None


def _in_block(block: bytes) -> Iterator[tuple[str, Arrays]]:
    place = 0
    while place < len(block):
        begin = place + LENGTH
        place = begin + int.from_bytes(block[place:begin], "little")
        question, parts = json.loads(block[begin:place])
        answer = {}
        for name, dtype, length in parts:
            answer[name] = np.frombuffer(block[place : place + length], dtype).copy()
            place += length
        yield question, answer

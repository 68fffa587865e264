"""A compiled circuit as a separate process, and its protocol: arrays in, spikes and state out."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path as FilePath
from time import perf_counter
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Compiled, Piece, Progress, Sample, in_kind, process_memory
from thalia.errors import fail
from thalia.syntax.time_grid import interval_steps
from thalia.toolchain.cache import Description, cannot_execute, open_or_build
from thalia.toolchain.compiler import ended
from thalia.toolchain.locks import Hold

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

type Generate = Callable[
    [FilePath], tuple[list[str], dict[str, Any]]
]  # into a folder: the sources, and the manifest
type Compile = Callable[[FilePath, list[str]], None]
CLOCK = "defaultclock"
SLEEP = "sleep"  # in a state, what is behind of neurons that are asleep
PIPE_BYTES = 1 << 20  # the most that Linux allows an unprivileged process for one pipe
MEMORY = "run a smaller one with --scale, or give this job more memory"
_REMEDIES = {  # of what ends a program that is right
    "SIGKILL": MEMORY,
    "SIGILL": "unset CXX, or have it name a processor like this one with -march",
    "SIGXCPU": "raise the limit of processor time: `ulimit -t`",
}
# large arrays ask for huge pages, which are mapped in a quarter of the time (glibc 2.35 and later)
TUNABLES, HUGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"
AHEAD_BYTES = 1 << 15  # of commands not yet obeyed: half of what any pipe holds
MESSAGE_BYTES = 1 << 9  # of a few commands, without their data
TOGETHER = 100  # variables that are read in one message, whose names surely fit into a pipe
MOST_OWED = 1000  # confirmations that surely fit into a pipe
CHUNK_SECONDS = 0.1  # of model time in the first chunk, and the least in any


@dataclass(frozen=True)
class Program:
    """A compiled program: its folder, dtypes of its arrays, spike queues, objects in order.

    `axons` are the synapse objects whose statements read their presynaptic neurons.
    """

    folder: FilePath
    arrays: dict[str, str]
    queues: list[str]
    objects: list[str]
    axons: list[str]
    sources: dict[str, int]
    code_objects: int
    cached: bool
    emit_seconds: float
    hold: Hold = field(repr=False, compare=False)  # the program is not removed while it is in use


def program_of(
    name: str,
    description: Description,
    generate: Generate,
    compile: Compile,
    progress: Progress,
) -> Program:
    """The program of this name from the build cache, or compiled now and kept there."""
    emit_seconds = 0.0

    def build(folder: FilePath) -> dict[str, Any]:
        nonlocal emit_seconds
        begin = perf_counter()
        sources, contents = generate(folder)
        emit_seconds = perf_counter() - begin
        compile(folder, sources)
        return contents

    def waits() -> None:
        progress("waiting", 0.0, "another process compiles the same")

    opened = open_or_build(name, description, ("main",), build, waits)
    return Program(
        opened.folder,
        **opened.contents,
        cached=opened.cached,
        emit_seconds=emit_seconds,
        hold=opened.hold,
    )


class ProgramSession:
    """A compiled program that is running; see `thalia.backends.Session`.

    `is_direct` says whether large arrays are copied into and out of its memory.
    """

    def __init__(
        self, program: Program, samples: tuple[Sample, ...], dt: float, is_direct: bool = False
    ):
        self.program = program
        self.is_direct = is_direct
        self.chunk_steps = interval_steps(CHUNK_SECONDS, dt)
        self.samples = samples
        self.sleepers: list[str] = []  # groups of which neurons may be asleep
        # objects without the synapses that are not connected, and the variables that say which are
        self.compacted: dict[str, str] = {}
        self.owed: list[tuple[str, int]] = []  # what was written, and not yet confirmed
        self.small: set[str] = set()  # variables that are read faster through the pipe
        self.compiled = Compiled(program.code_objects, program.cached)
        self.process = _started(program.folder / "main")

    def command(self, text: str, *payload: bytes | memoryview) -> None:
        """Send a command and its data, at the latest when an answer is awaited."""
        self._send((f"{text}\n".encode(), *payload))

    def _send(self, parts: Iterable[bytes | memoryview], flush: bool = False) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.writelines(parts)
            if flush:
                self.process.stdin.flush()
        except BrokenPipeError:
            self._died()

    def receive(self, dtype: str) -> NDArray[Any]:
        """An array that the program sends: its length in bytes, then its bytes."""
        values = np.empty(int(self._count()) // np.dtype(dtype).itemsize, dtype)
        view = memoryview(values).cast("B") if values.size else memoryview(b"")
        assert self.process.stdout is not None
        done = 0
        while done < len(view):
            got = self.process.stdout.readinto(view[done:])  # type: ignore[attr-defined]
            if not got:
                self._died()
            done += got
        return values

    def _count(self) -> int:
        """The next number that the program sends, once it has confirmed what was written."""
        self._send((), flush=True)
        owed, self.owed = self.owed, []
        for name, size in owed:
            if (count := self._number()) != size:
                raise RuntimeError(f"{name}: wrote {size} numbers, the program has {count}")
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout is not None
        raw = self.process.stdout.read(8)
        if len(raw) < 8:
            self._died()
        return int.from_bytes(raw, "little")

    def _died(self) -> None:
        assert self.process.stderr is not None
        self.process.wait()
        said = self.process.stderr.read().decode(errors="replace").strip()
        status = self.process.returncode
        name = signal.Signals(-status).name if status < 0 else ""
        remedy = MEMORY if "bad_alloc" in said else _REMEDIES.get(name)
        if remedy:
            raise fail(f"the compiled program did not reach its end: {ended(status)}", remedy)
        raise RuntimeError(f"the compiled program did not reach its end: {ended(status)}: {said}")

    def write(self, name: str, values: NDArray[Any], gives_up: bool = False) -> None:
        """Set a variable; its length, which must match, is confirmed with the next answer.

        `gives_up` says that nobody reads the values any more, so that their memory may go.
        """
        array = in_kind(name, values, self.program.arrays[name])
        if array.nbytes >= process_memory.LEAST:
            self.small.discard(name)
        if self.is_direct and array.nbytes >= process_memory.LEAST:
            self.command(f"place {name} {array.nbytes}")
            _, address = self._place()
            if address:
                if process_memory.copy_into(self.process.pid, address, array, gives_up):
                    return
                self.is_direct = False
        self.command(
            f"write {name} {array.nbytes}", memoryview(array).cast("B") if array.size else b""
        )
        self.owed.append((name, array.size))
        if len(self.owed) == MOST_OWED:
            self.read("defaultclock.dt")

    def link(self, queue: str, steps: NDArray[np.integer[Any]]) -> None:
        """Set the delays of a queue in steps: one for each synapse, or one for all."""
        kept = in_kind(queue, steps, "<i4")
        self.command(
            f"link {queue} {kept.nbytes}", memoryview(kept).cast("B") if kept.size else b""
        )

    def link_rows(
        self, queue: str, starts: NDArray[np.int64], steps: NDArray[np.integer[Any]]
    ) -> None:
        """The same for synapses in the order of neurons, which begin at `starts`, and of delays."""
        header = f"link_rows {queue} {steps.itemsize} {steps.size}"
        self.command(header, *(memoryview(each).cast("B") for each in (starts, steps) if each.size))

    def clear(self, name: str, count: int) -> None:
        """Make a variable of synapses that many zeros."""
        self.command(f"clear {name} {count * np.dtype(self.program.arrays[name]).itemsize}")

    def read(self, name: str) -> NDArray[Any]:
        """A copy of a variable."""
        if self.is_direct and name not in self.small:
            self.command(f"find {name}")
            size, address = self._place()
            if 0 < size < process_memory.LEAST:
                self.small.add(name)
            if size >= process_memory.LEAST:
                dtype = np.dtype(self.program.arrays[name])
                values = np.empty(size // dtype.itemsize, dtype)
                if process_memory.copy_from(self.process.pid, address, values):
                    return values
                self.is_direct = False
        return self.read_together((name,))[0]

    def read_together(self, names: Sequence[str]) -> list[NDArray[Any]]:
        """Copies of variables that are small, in one message."""
        for name in names:
            self.command(f"read {name}")
        return [self.receive(self.program.arrays[name]) for name in names]

    def _place(self) -> tuple[int, int]:
        """The length in bytes of an array of the program, and its address."""
        return self._count(), self._count()

    def profile(self) -> None:
        """From now on, measure how the time of a step is spent."""
        self.command("profile")

    def profiled(self) -> dict[str, float]:
        """Seconds spent on drives, on recording, and in each object, since `profile`."""
        self.command("profiled")
        spent = self.receive("<i8") * 1e-9
        return dict(zip(self.program.objects, spent.tolist(), strict=True))

    def flush(self) -> None:
        """Add the pending sums to every weight now."""
        self.command("flush")

    def state(self, without: Container[str] = ()) -> dict[str, NDArray[Any]]:
        """Everything that the next step depends on, except the variables in `without`."""
        wanted = [name for name in self.program.arrays if name not in without]
        small = [name for name in wanted if name in self.small]
        found: dict[str, Any] = dict.fromkeys(wanted)  # in their order
        for names in batched(small, TOGETHER):
            found |= zip(names, self.read_together(names), strict=True)
        found |= {name: self.read(name) for name in wanted if name not in self.small}
        for name in self.program.queues:
            self.command(f"read_queue {name}")
            found[f"{name}.queue"] = self.receive("<i4")
        for name in self.sleepers:
            self.command(f"read_sleep {name}")
            found[f"{name}.{SLEEP}"] = self.receive("u1")
        self.command("read_random")
        return found | {"random.key": self.receive("<u4")}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a state that `state` returned."""
        first = {*self.compacted.values(), *(f"{name}.N" for name in self.compacted)}

        def place(name: str) -> int:
            # Neurons that sleep are brought to the present before they are overwritten: while it is
            # the present that they know, not one that is long after it, or before it. What they
            # were when they fell asleep comes after what they are.
            owner, _, variable = name.rpartition(".")
            if name in self.program.arrays:
                return 2 if owner == CLOCK else name not in first
            return 4 if variable == SLEEP else 3

        for name in sorted(state, key=place):
            values = state[name]
            owner, _, variable = name.rpartition(".")
            if name in self.program.arrays:
                self.write(name, values)
                continue
            command, kind = f"write_queue {owner}", "<i4"
            if owner == "random":
                command, kind = "write_random", "<u4"
            elif variable == SLEEP:
                command, kind = f"write_sleep {owner}", "u1"
            kept = np.ascontiguousarray(values, kind)
            self.command(f"{command} {kept.nbytes}", memoryview(kept).cast("B"))
            if self._count() != kept.size:
                raise RuntimeError(f"{owner}.{variable}: the program rejected the state")

    def advance(self, steps: int) -> Chunk:
        """Simulate some steps."""
        self.command(f"run {steps}")
        return self._chunk()

    def play(self, pieces: Iterable[Piece]) -> Chunk:
        """Set variables and simulate some steps, several times; the program never waits."""
        chunks: list[Chunk] = []
        told = deque[tuple[list[tuple[str, int]], int]]()  # what is owed before an answer, bytes

        def answer() -> None:
            later, (self.owed, _) = self.owed, told.popleft()
            chunks.append(self._chunk())
            self.owed = later

        for changes, steps in pieces:
            size = MESSAGE_BYTES + sum(values.nbytes for values in changes.values())
            while told and size + sum(each for _, each in told) > AHEAD_BYTES:
                answer()
            for name, values in changes.items():
                self.write(name, values)
            self.command(f"run {steps}")
            told.append((self.owed, size))
            self.owed = []
        while told:
            answer()
        return Chunk.joined(chunks)

    def _chunk(self) -> Chunk:
        spikes = {name: (self.receive("<i8"), self.receive("<i4")) for name in self.program.sources}
        taken = {s.name: self.receive("<f8").reshape(-1, len(s.neurons)) for s in self.samples}
        return Chunk(spikes, taken)

    def close(self) -> None:
        """End the program."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self.process.kill()
        self.process.wait()


def _started(program: FilePath) -> subprocess.Popen[bytes]:
    """A program that runs, with pipes that are as long as the system lets them be.

    Raises
    ------
    CircuitError
        If the system starts no more processes, or does not execute the program.
    """
    try:
        process = subprocess.Popen(
            [str(program)],
            cwd=program.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, TUNABLES: f"{HUGE_PAGES}:{os.environ.get(TUNABLES, '')}"},
        )
    except OSError as error:
        raise cannot_execute(program, error) from None
    for pipe in (process.stdin, process.stdout):
        _lengthen(pipe)
    return process


def _lengthen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold more at once; beyond the quota of its user it stays as short as it is."""
    if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

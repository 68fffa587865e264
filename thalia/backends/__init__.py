"""Where a plan runs: each backend is one module with `refuse`, `build` and `start`, found by name.

Only the backends and `codegen` touch Brian2's global state (`device`, `prefs`, `defaultclock`).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import Plan
from thalia.connectivity.build import Arrays
from thalia.errors import did_you_mean, fail

_MODULES = {"cpp": "cpp.backend", "cuda": "cuda.backend", "runtime": "runtime"}
NAMES = tuple(_MODULES)


def in_kind(name: str, values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Numbers as an array of a program keeps them; whole numbers must stay the same.

    Raises
    ------
    RuntimeError
        If they are too large for it.
    """
    kept = np.ascontiguousarray(values, dtype=dtype)
    is_narrower = kept.dtype.kind in "iu" and kept.dtype != np.asarray(values).dtype
    if is_narrower and not np.array_equal(kept, values):
        raise RuntimeError(f"{name}: numbers up to {np.max(values)} do not fit {kept.dtype}")
    return kept


class Progress(Protocol):
    """Receives what is being done, the fraction that is done, and a detail."""

    def __call__(self, what: str, fraction: float, detail: str = "") -> None:
        """Show it."""


def silent(what: str, fraction: float, detail: str = "") -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Sample:
    """A request to record a variable of some neurons of a group, every so many steps."""

    name: str
    group: str
    variable: str
    every: int
    neurons: NDArray[np.int32]


@dataclass
class Chunk:
    """What happened in some steps.

    Spikes of each group as (step, neuron), both (n_spikes,); samples as (n_times, n_neurons).
    """

    spikes: dict[str, tuple[NDArray[np.int64], NDArray[np.int32]]] = field(default_factory=dict)
    samples: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def joined(cls, chunks: Sequence["Chunk"]) -> "Chunk":
        """Chunks that follow one another as one; there is at least one."""
        if len(chunks) == 1:
            return chunks[0]
        first = chunks[0]

        def spikes(group: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
            steps, neurons = zip(*(chunk.spikes[group] for chunk in chunks), strict=True)
            return np.concatenate(steps), np.concatenate(neurons)

        return cls(
            {group: spikes(group) for group in first.spikes},
            {name: np.concatenate([c.samples[name] for c in chunks]) for name in first.samples},
        )


type Piece = tuple[Mapping[str, NDArray[Any]], int]  # variables to set, and steps to simulate then


@dataclass(frozen=True)
class Compiled:
    """What was compiled for a session: how many code objects, and whether they were cached."""

    code_objects: int
    cached: bool


class Session(Protocol):
    """A network in the middle of a run. Variables are named `object.variable`; arrays are in SI."""

    compiled: Compiled
    chunk_steps: int  # the least after which it is cheap to stop and report

    def advance(self, steps: int) -> Chunk:
        """Simulate some steps."""

    def play(self, pieces: Iterable[Piece]) -> Chunk:
        """Set variables and simulate some steps, several times; as `write` and `advance` would."""

    def flush(self) -> None:
        """Add the pending sums to every weight now, and start the sums again from zero."""

    def state(self, without: Container[str] = ()) -> dict[str, NDArray[Any]]:
        """Everything that the next step depends on, except the variables in `without`.

        Variables, spikes in flight, and random generators.
        """

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a state that `state` returned."""

    def read(self, name: str) -> NDArray[np.float64]:
        """A copy of a variable."""

    def read_together(self, names: Sequence[str]) -> list[NDArray[np.float64]]:
        """Copies of variables that are small, at the cost of one."""

    def write(self, name: str, values: NDArray[np.float64]) -> None:
        """Set a variable; the length must be right."""

    def profile(self) -> None:
        """From now on, measure how the time of a step is spent."""

    def profiled(self) -> dict[str, float]:
        """Seconds spent in each object of the network since `profile`."""

    def close(self) -> None:
        """Release all resources."""


class Backend(Protocol):
    """The functions of a backend module."""

    def refuse(self, plan: Plan) -> list[str]:
        """Why this backend cannot run the plan here; empty if it can."""

    def build(self, plan: Plan, progress: Progress) -> object:
        """Compile what must be compiled."""

    def start(
        self,
        plan: Plan,
        built: object,
        arrays: Arrays,
        samples: tuple[Sample, ...],
        seed: int,
        threads: int | None = None,
    ) -> Session:
        """A session at time zero; `threads` is given only to the C++ backend."""


def find(name: str) -> Backend:
    """The backend of this name.

    Raises
    ------
    CircuitError
        If there is none.
    """
    if name not in NAMES:
        raise fail(f"no backend is called '{name}'", did_you_mean(name, NAMES))
    backend: Backend = import_module(f"thalia.backends.{_MODULES[name]}")
    return backend


def choose() -> tuple[str, str]:
    """The fastest backend that works here, and a note if it is not the compiled one."""
    from thalia.toolchain import compiler

    if compiler.find_compiler():
        return "cpp", ""
    return (
        "runtime",
        "no C++ compiler was found, so this runs on NumPy, many times slower; "
        "install g++ or clang++",
    )

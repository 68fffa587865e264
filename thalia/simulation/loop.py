"""The run loop: a session advances from stop to stop, at each of which observers act.

Runs, resumed runs, experiments and batches on a GPU all advance through it. Whatever happens
between two chunks of simulated time (recording, structural plasticity, releases by weight changes,
tasks, checkpoints, progress) is an observer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Piece, Session
from thalia.compiler.plan import SHARED, Plan


@dataclass(frozen=True)
class Stop:
    """A pause of the session: steps simulated so far, and the chunk since the last stop.

    A chunk lies within one phase; `seconds` is the wall-clock time that it took to simulate.
    """

    done: int
    phase: int
    chunk: Chunk
    seconds: float


class Observer(Protocol):
    """Something that acts between two chunks: told of every stop, it acts when it is due."""

    def next_stop(self, done: int) -> int | None:
        """The first step after `done` at which it must act; None if it can wait for others."""

    def on_stop(self, stop: Stop) -> None:
        """Act, if something is due at this step."""


def next_multiple(done: int, period: int) -> int:
    """The first multiple of a period after a step."""
    return (done // period + 1) * period


class Clock:
    """Seconds of wall-clock time spent in each pass."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(
            ("load", "plan", "wire", "emit", "build", "simulate", "store"), 0.0
        )
        self.last = perf_counter()

    def lap(self, name: str) -> float:
        """Add the time since the last lap to a pass, and return it."""
        now = perf_counter()
        passed, self.last = now - self.last, now
        self.seconds[name] += passed
        return passed


@dataclass(frozen=True)
class Timetable:
    """Variables that are set before given steps; `at` gives those of one of them, by its place."""

    steps: NDArray[np.int64]
    at: Callable[[int], Mapping[str, NDArray[Any]]]

    def pieces(self, begin: int, end: int) -> Iterator[Piece]:
        """What is set, and for how long it lasts, from one step to another."""
        first, last = np.searchsorted(self.steps, (begin, end)).tolist()
        if first == last or self.steps[first] > begin:
            yield {}, (int(self.steps[first]) if first < last else end) - begin
        for place in range(first, last):
            until = int(self.steps[place + 1]) if place + 1 < last else end
            yield self.at(place), until - int(self.steps[place])


@dataclass(frozen=True)
class Jump:
    """Another way to advance than to simulate, and the observers whose stops must be kept."""

    advance: Callable[[int], Chunk]
    stopping: tuple[Observer, ...]


class Loop:
    """Advances a session, and calls its observers in the given order at every stop."""

    def __init__(
        self, session: Session, observers: Iterable[Observer], clock: Clock, done: int = 0
    ):
        self.session, self.observers, self.clock = session, tuple(observers), clock
        self.done = done

    def advance(
        self,
        end: int,
        phase: int,
        timetable: Timetable | None = None,
        jump: Jump | None = None,
    ) -> None:
        """Simulate up to a step, within one phase; observers act before what is set at a step."""
        stopping = jump.stopping if jump else self.observers
        advance = jump.advance if jump else self.session.advance
        while self.done < end:
            wanted = (each.next_stop(self.done) for each in stopping)
            due = min((step for step in wanted if step is not None), default=end)
            step = min(due, end)
            chunk = (
                self.session.play(timetable.pieces(self.done, step))
                if timetable
                else advance(step - self.done)
            )
            self.done = step
            stop = Stop(step, phase, chunk, self.clock.lap("simulate"))
            for observer in self.observers:
                observer.on_stop(stop)
            self.clock.lap("store")


def enter_phase(plan: Plan, session: Session, phase: int) -> None:
    """Switch plasticity on or off, and set the values of shared parameters, as the phase says."""
    for name, value in plan.phases[phase].shared.items():
        session.write(f"{SHARED}.{name}", np.array([value]))
    for synapses in plan.synapses:
        if synapses.switches:
            on = np.array([float(synapses.members[0].plastic[phase])])
            session.write(f"{synapses.name}.plastic", on)
            if synapses.shared_switch:
                session.write(f"{SHARED}.{synapses.shared_switch}", on)
    for group in plan.groups:
        for each in group.inputs:
            if each.switch:
                session.write(f"{group.name}.{each.switch}", np.array([float(each.plastic[phase])]))

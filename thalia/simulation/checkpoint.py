"""The whole state of a simulation: when it is saved, what is in it, and how it is read back."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from time import perf_counter
from typing import Any
from zlib import crc32

import h5py
import numpy as np
from numpy.typing import NDArray

from thalia.compiler.machine import available_processors
from thalia.compiler.options import positive_time
from thalia.compiler.plan import Plan
from thalia.connectivity.build import Arrays
from thalia.errors import fail
from thalia.library.lookup import FORMER_NAMES
from thalia.recording.writer import STATE_VERSION, RunWriter
from thalia.simulation.interruption import EndRequest
from thalia.simulation.loop import Stop, next_multiple
from thalia.simulation.sensors import SAVED
from thalia.syntax.time_grid import interval_steps
from thalia.syntax.units import Value, si_unit

SHARE = 20  # a state is saved once this many times the seconds that the last one took have passed
LEAST_SECONDS = 0.05
PIECE = 1 << 22  # numbers of a checksum of its own, which cores compute at the same time
MOST_HELD = (
    256_000_000  # bytes of recordings in memory at which a state is saved, whatever the interval
)


@dataclass(frozen=True)
class SavedState:
    """The whole state of a simulation after a step.

    `variables` are those of the network, spikes in flight and random generators included; `counts`
    are the spikes of each population until then, by phase, `counted` those until a task's last
    stop, and `recent` the spikes since then. Of the subject of an experiment it also says in which
    `phase` it is, and which populations have a stimulus.
    """

    step: int
    variables: dict[str, NDArray[Any]]
    counts: dict[str, list[int]]
    counted: dict[str, int] = field(default_factory=dict)
    phase: int = 0
    shown: tuple[str, ...] = ()
    recent: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def attributes(self) -> dict[str, str]:
        """What stands beside the variables in a run file."""
        return {
            "counts": json.dumps(self.counts),
            "seen": json.dumps(self.counted),
            "subject": json.dumps({"phase": self.phase, "shown": self.shown}),
        }

    def named_as_in(self, plan: Plan) -> "SavedState":
        """The same state with the plan's names, where neuron models had other ones before."""
        owners = _former({*(g.name for g in plan.all_groups), *(s.name for s in plan.synapses)})
        variables = _former({name.partition(".")[2] for name in units_of(plan)})
        saved = {}
        for name, values in self.variables.items():
            owner, _, variable = name.rpartition(".")
            stem = next((old for old in owners if owner == old or owner.startswith(f"{old}_")), "")
            owner = f"{owners.get(stem, stem)}{owner.removeprefix(stem)}"
            current = f"{owner}.{variables.get(variable, variable)}"
            # a file that was resumed before also holds the variables by their former names
            if current == name or current not in self.variables:
                saved[current] = values
        return replace(self, variables=saved)


class Pace:
    """How often a state is saved, so that saving takes less than a twentieth of the time."""

    def __init__(self) -> None:
        self.cost, self.last = LEAST_SECONDS, perf_counter()

    def is_due(self) -> bool:
        """Whether it is time for the next state."""
        return perf_counter() - self.last > SHARE * self.cost

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure how long it takes to save a state."""
        begin = perf_counter()
        yield
        self.last = perf_counter()
        self.cost = max(LEAST_SECONDS, self.last - begin)


class Checkpointer:
    """Saves the state to the run file.

    It does so at a fixed interval or as often as it costs little, at the end, and before memory
    fills up.

    Parameters
    ----------
    save : function
        Gives the present state.
    every : float, optional
        Model time between two states in seconds; by default saving takes less than a twentieth of
        the wall-clock time.
    end : int, optional
        The last step of the simulation, if it is known beforehand.
    """

    def __init__(
        self,
        plan: Plan,
        writer: RunWriter,
        save: Callable[[], SavedState],
        every: float | None = None,
        end: int | None = None,
    ):
        self.writer, self.save, self.end = writer, save, end
        self.steps = interval_steps(every, plan.dt) if every else None
        self.units = units_of(plan)
        self.pace = Pace()

    def next_stop(self, done: int) -> int | None:
        """The next step at which the state must be saved."""
        return next_multiple(done, self.steps) if self.steps else None

    def on_stop(self, stop: Stop) -> None:
        """Save the state, if it is time."""
        if self._is_due(stop) or stop.done == self.end or self.writer.held > MOST_HELD:
            self.keep()

    def _is_due(self, stop: Stop) -> bool:
        if self.steps:
            return stop.done % self.steps == 0
        return self.pace.is_due()

    def keep(self) -> None:
        """Save the present state, and with it everything recorded until now."""
        with self.pace.measured():
            state = self.save()
            arrays = {**state.variables, **state.recent}
            self.writer.state(state.step, arrays, self.units, state.attributes())
            self.writer.commit()


class EndWhenSaved:
    """Ends a simulation that was asked to end, at the first stop, once its state is saved."""

    def __init__(self, request: EndRequest, checkpointer: Checkpointer):
        self.request, self.checkpointer = request, checkpointer

    def next_stop(self, done: int) -> None:
        """Stops that others want are frequent enough."""

    def on_stop(self, stop: Stop) -> None:
        """Save the state and end, if that was asked for."""
        if self.request.pending:
            self.checkpointer.keep()
            self.request.grant()


def _former(names: set[str]) -> dict[str, str]:
    """Former names of objects or variables, from the former names of neuron models."""
    found = {
        name.replace(current, former): name
        for former, current in FORMER_NAMES["neurons"].items()
        for name in names
        if current in name
    }
    return {former: name for former, name in found.items() if former not in names}


def derived(plan: Plan) -> set[str]:
    """Variables that follow from circuit and seed: they are computed again, not saved."""
    names: set[str] = set()
    for group in plan.all_groups:
        own = ["i", *(name for name in group.all_parameters() if name not in group.from_task)]
        for drive in (d for d in plan.drives if d.group == group.name):
            own += [drive.weight, drive.scale, *drive.members[0].parameters]
        for frames in plan.frames(group):
            own += [frames.name, frames.place, frames.column, *frames.parameters]
        if group.plays_spikes:
            own += [
                "_timebins",
                "neuron_index",
                "spike_number",
                "spike_time",
                "period",
                "_period_bins",
            ]
        names |= {f"{group.name}.{name}" for name in own}
    for synapses in plan.synapses:
        own = [
            "_synaptic_pre",
            "_synaptic_post",
            "N",
            "N_pre",
            "N_post",
            "N_incoming",
            "N_outgoing",
            *synapses.parameters,
        ]
        own += [] if synapses.is_plastic else ["w"]
        names |= {f"{synapses.name}.{name}" for name in own}
        names |= {
            f"{synapses.name}_{side}.delay"
            for side in ("pre", "post", *(f"later{k}" for k in range(len(synapses.later))))
        }
    return names


def units_of(plan: Plan) -> dict[str, str]:
    """The SI unit of every variable of the model."""
    units = {
        f"{group.name}.{name}": si_unit(d)
        for group in plan.all_groups
        for name, d in group.variables().items()
    }
    for synapses in plan.synapses:
        units |= {f"{synapses.name}.{e.name}": si_unit(e.dimension) for e in synapses.equations}
        units[f"{synapses.name}.w"] = si_unit(synapses.weight)
    owners = [*(group.name for group in plan.all_groups), *(each.name for each in plan.synapses)]
    seconds = [f"{owner}.{name}" for owner in owners for name in ("lastspike", "lastupdate")]
    return units | dict.fromkeys([*seconds, "defaultclock.t", "defaultclock.dt"], "second")


def fingerprint(arrays: Arrays) -> int:
    """A checksum over all wiring, to recognise the same network when it is built again."""
    columns: list[NDArray[Any]] = [
        values for group in arrays.groups.values() for _, values in sorted(group.items())
    ]
    for wired in arrays.synapses.values():
        columns += [wired.starts, wired.post, wired.axonal, wired.dendritic, *wired.later]
        columns += [values for _, values in sorted(wired.variables.items())]
    pieces = (
        column[start : start + PIECE]
        for column in map(np.ascontiguousarray, columns)
        for start in range(0, column.size, PIECE)
    )
    with ThreadPoolExecutor(available_processors()) as pool:
        return crc32(np.array(list(pool.map(crc32, pieces)), np.uint32))


def read_state(h5: h5py.File, file: FilePath) -> SavedState | None:
    """The state in a run file, if there is one.

    Raises
    ------
    CircuitError
        If it is of another version, or damaged.
    """
    group = h5.get("state")
    if group is None:
        return None
    if (version := int(group.attrs["version"])) != STATE_VERSION:
        hint = (
            "update Thalia"
            if version > STATE_VERSION
            else f"resume it with Thalia {h5.attrs['thalia']}, which wrote it"
        )
        raise fail(
            f"{file}: its state is of version {version}, this Thalia reads {STATE_VERSION}", hint
        )
    state: dict[str, NDArray[Any]] = {}
    for owner, variables in group.items():
        for name, data in variables.items():
            values = data[...]
            if crc32(np.ascontiguousarray(values).tobytes()) != int(data.attrs["crc32"]):
                raise fail(
                    f"{file}: is damaged: state/{owner}/{name} is not what was written",
                    "resume from a copy of the file",
                )
            state[f"{owner}.{name}"] = values
    subject = json.loads(group.attrs.get("subject", "{}"))
    recent = {name: state.pop(name) for name in [*state] if name.startswith(f"{SAVED}.")}
    return SavedState(
        int(group.attrs["step"]),
        state,
        json.loads(group.attrs["counts"]),
        json.loads(group.attrs.get("seen", "{}")),
        subject.get("phase", 0),
        tuple(subject.get("shown", ())),
        recent,
    )


def interval_of(option: str, text: str | Value | None) -> float | None:
    """An interval in seconds that an option gives; None if it gives none.

    Raises
    ------
    CircuitError
        If it is not a positive time.
    """
    return None if text is None else positive_time(option, text, "5 s").mean


def changed(old: Mapping[str, NDArray[Any]], new: Mapping[str, NDArray[Any]]) -> list[str]:
    """Names of the variables that are not bit-identical in two states."""
    names = sorted({*old, *new})
    return [
        n for n in names if n not in old or n not in new or old[n].tobytes() != new[n].tobytes()
    ]

"""Writing the run file: one HDF5 file with everything that happened; `run_file` reads it."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path as FilePath
from types import TracebackType
from typing import Any
from zlib import crc32

import h5py
import numpy as np
from numpy.typing import NDArray

from thalia.compiler.graph import network_of
from thalia.compiler.plan import Plan, identifier
from thalia.connectivity.build import Wired
from thalia.errors import CircuitError, system_error
from thalia.recording.growing_dataset import Appending
from thalia.recording.journal import JournalledFile, recover
from thalia.recording.node_columns import write_nodes
from thalia.recording.outputs import Claim, busy
from thalia.recording.page_checksums import unreadable
from thalia.recording.pending_commit import STAMP_BLOCK
from thalia.syntax.folder import read_text
from thalia.syntax.time_grid import interval_steps
from thalia.syntax.units import display_unit
from thalia.toolchain import compiler

FORMAT, FORMAT_VERSION, STATE_VERSION = "thalia-run", 1, 3
DETERMINISM = (
    "bit-identical with the same versions on the same kind of processor, also when resumed "
    "(wiring: a Philox stream for each pathway; noise: a Philox number for each object, neuron and "
    "step; any number of threads; {precision})"
)
_PRECISION = {
    "double": "double precision",
    "single": "double precision, synapses in single precision",
}
_ARITHMETIC = {
    "cpp": "compiled without fast-math and fused operations, subnormal numbers are zero",
    "cuda": "on a GPU, which adds simultaneous inputs in no fixed order: "
    "repeated and resumed runs agree to rounding",
    "runtime": "on NumPy",
    "nest": "by NEST: the same on the same number of virtual processes",
}
_SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="i4")


class RunWriter:
    """Writes a run as it happens; only commits reach the file, so it can be read at any time.

    A new file appears under its name with the first commit. Other processes cannot write it
    meanwhile.
    """

    def __init__(self, claim: Claim, plan: Plan):
        self.file, self.disk, self.plan = claim.file, claim.disk, plan
        self.overwrite = claim.overwrite
        self.fired: dict[str, list[tuple[NDArray[np.int64], NDArray[np.int32]]]] = {}
        try:
            if self.disk.length:
                self.h5 = h5py.File(self.disk, "r+")
            else:
                self.h5 = h5py.File(self.disk, "w", userblock_size=STAMP_BLOCK)
                self.disk.stamp()
            self.appended = Appending(self.h5)
        except OSError as error:
            self.disk.close()
            raise unreadable(self.file, error) from None
        self.kept = self._done()  # the time of the state in the file, where there is one

    @classmethod
    def create(
        cls,
        claim: Claim,
        plan: Plan,
        circuit_files: Mapping[str, str],
        printed_plan: str,
        backend: str,
    ) -> "RunWriter":
        """A new run file, under the name that was taken for it."""
        writer = cls(claim, plan)
        writer._describe(circuit_files, printed_plan, backend)
        for _, member in plan.populations():
            if _is_recorded(plan, member.name):
                writer._spikes_of(member.name)
            write_nodes(writer.h5, member, plan.seed)
        return writer

    @classmethod
    def reopen(cls, file: FilePath, plan: Plan) -> "RunWriter":
        """A run file to be continued, with its last commit completed.

        Raises
        ------
        CircuitError
            If another process is writing it, or it cannot be written.
        """
        try:
            disk = JournalledFile(file)
        except BlockingIOError:
            raise busy(file) from None
        except OSError as error:
            raise system_error(error, file) from None
        writer = cls(Claim(file, disk, overwrite=False), plan)
        writer.extend(plan)
        return writer

    def extend(self, plan: Plan) -> None:
        """Update what depends on the duration; drop weights recorded because the run ended."""
        self.plan = plan
        structure = json.loads(self.h5.attrs["structure"])
        structure["phases"] = [[phase.name, phase.steps * plan.dt] for phase in plan.reached]
        done = int(self.h5["state"].attrs["step"]) if "state" in self.h5 else 0
        self.h5.attrs.update(
            {"structure": json.dumps(structure), "duration": plan.duration, "complete": False}
        )
        every = plan.record.weights.every
        period = interval_steps(every.mean, plan.dt) if every else plan.steps
        for name in _leaves_of(self.h5, "weights", "w"):
            group = self.h5[f"weights/{name}"]
            if (
                0 < done < plan.steps
                and done % period
                and len(group["time"])
                and round(group["time"][-1] / plan.dt) == done
            ):
                rows = (*(group[key] for key in ("time", "w", "efficacy") if key in group),)
                for data in (*rows, *group.get("variables", {}).values()):
                    data.resize(len(data) - 1, axis=0)
        for name in _leaves_of(self.h5, "reports", "mapping"):
            self.h5[f"reports/{name}/mapping/time"][1] = plan.duration * 1e3

    @property
    def held(self) -> int:
        """Bytes in memory until the next commit."""
        spikes = sum(
            steps.nbytes + neurons.nbytes
            for chunks in self.fired.values()
            for steps, neurons in chunks
        )
        return spikes + self.appended.held + self.disk.held

    def flush(self) -> None:
        """Write everything recorded to its dataset."""
        for group, chunks in self.fired.items():
            self._write_spikes(
                group, *(np.concatenate(column) for column in zip(*chunks, strict=True))
            )
        self.fired.clear()
        self.appended.flush()

    def commit(self) -> None:
        """Commit everything so far to the file.

        Raises
        ------
        CircuitError
            If the file was moved or deleted, or another was made where it should be.
        """
        self.flush()
        self.h5.flush()
        claim = Claim(self.file, self.disk, self.overwrite)
        claim.commit("`thalia resume {place}` continues from its last state")
        self.kept = self._done()

    def _done(self) -> float | None:
        return int(self.h5["state"].attrs["step"]) * self.plan.dt if "state" in self.h5 else None

    def origin(self, circuit: str, files: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        """Store what the run can be rebuilt from: the circuit as run, and its files."""
        group = self.h5.create_group("origin")
        group.create_dataset("circuit", data=circuit, dtype=h5py.string_dtype())
        for index, (name, text) in enumerate(files.items()):
            group.create_dataset(f"files/{index}", data=text, dtype=h5py.string_dtype()).attrs[
                "file"
            ] = name
        group.attrs.update(settings)

    def text(self, name: str, text: str) -> None:
        """Store a text that belongs to the run, such as the transcript of a conversation."""
        self.h5.create_dataset(f"texts/{name}", data=text, dtype=h5py.string_dtype())

    def state(
        self,
        step: int,
        state: Mapping[str, NDArray[Any]],
        units: Mapping[str, str],
        more: Mapping[str, Any],
    ) -> None:
        """Store the state after a step, replacing the previous one."""
        group = self.h5.require_group("state")
        group.attrs.update({"version": STATE_VERSION, "step": step, **more})
        for name, values in state.items():
            path = name.replace(".", "/", 1)
            if path in group and group[path].shape == values.shape:
                group[path][...] = values
            else:
                if path in group:
                    del group[path]
                group.create_dataset(
                    path, data=values, maxshape=tuple(None for _ in values.shape) or None
                )
            group[path].attrs.update(
                {
                    "units": units.get(name, "1"),
                    "crc32": crc32(np.ascontiguousarray(values).tobytes()),
                }
            )

    def _describe(self, circuit_files: Mapping[str, str], printed_plan: str, backend: str) -> None:
        plan = self.plan
        determinism = DETERMINISM.format(precision=_PRECISION[plan.precision])
        self.h5.attrs.update(
            {
                "format": FORMAT,
                "version": FORMAT_VERSION,
                "name": plan.name,
                "backend": backend,
                "seed": plan.seed,
                "dt": plan.dt,
                "duration": plan.duration,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "complete": False,
                "determinism": f"{determinism}, {_ARITHMETIC[backend]}",
            }
        )
        self.h5.attrs.update(_environment(backend))
        text = h5py.string_dtype()
        for index, (name, content) in enumerate(circuit_files.items()):
            data = self.h5.create_dataset(
                f"circuit/{index}", data=np.frombuffer(content.encode(), dtype=np.uint8)
            )
            data.attrs["file"] = name
            data.attrs["stood_beside"] = FilePath(name).is_file() and content == _text_of(
                FilePath(name)
            )
        self.h5.create_dataset("plan", data=printed_plan, dtype=text)
        network = network_of(plan)
        phases = [[phase.name, phase.steps * plan.dt] for phase in plan.reached]
        pathways = {name: asdict(pathway) for name, pathway in network.pathways.items()}
        reference = None
        if plan.reference:
            reference = {
                "source": plan.reference.source,
                "rates": {name: rate.mean for name, rate in plan.reference.rates.items()},
                "ranges": {
                    name: [end.mean for end in ends] for name, ends in plan.reference.ranges.items()
                },
                "pacemakers": list(plan.reference.pacemakers),
                "bands": dict(plan.reference.bands),
                "asynchronous": list(plan.reference.asynchronous),
            }
        described = {
            "populations": network.populations,
            "phases": phases,
            "pathways": pathways,
            "reference": reference,
            "notes": plan.notes,
        }
        self.h5.attrs["structure"] = json.dumps(described)

    def _spikes_of(self, population: str) -> None:
        """Uncompressed, because SONATA's reader has no filters."""
        group = self.h5.create_group(f"spikes/{population}")
        group.attrs.create("sorting", 2, dtype=_SORTING)
        self.appended.declare(group, "timestamps", "f8", "ms")
        self.appended.declare(group, "node_ids", "u8")

    def spikes(self, group: str, steps: NDArray[np.int64], neurons: NDArray[np.int32]) -> None:
        """Append the spikes of a chunk."""
        self.fired.setdefault(group, []).append((steps, neurons))

    def _write_spikes(
        self, group: str, steps: NDArray[np.int64], neurons: NDArray[np.int32]
    ) -> None:
        """Sorted by time, then by neuron."""
        order = np.lexsort((neurons, steps))
        steps, neurons = steps[order], neurons[order]
        for member in self.plan.group(group).members:
            if not _is_recorded(self.plan, member.name):
                continue
            mine = (neurons >= member.start) & (neurons < member.stop)
            self.appended.append(
                f"spikes/{member.name}/timestamps", steps[mine] * (self.plan.dt * 1e3)
            )
            self.appended.append(
                f"spikes/{member.name}/node_ids", (neurons[mine] - member.start).astype("u8")
            )

    def pathway(self, name: str, wired: Wired, unit: tuple[str, float]) -> None:
        """Declare a pathway whose weights are recorded, with its connectivity."""
        rows = wired.rows(name)
        synapses, member = next((s, p) for s, p in self.plan.pathways() if p.name == name)
        pre = next(m for m in self.plan.group(synapses.pre).members if m.name == member.pre)
        post = next(m for m in self.plan.group(synapses.post).members if m.name == member.post)
        group = self.h5.create_group(f"weights/{name}")
        for key, values, units in (
            ("pre", (wired.sources(rows) - pre.start).astype("u4"), "index"),
            ("post", (wired.post[rows] - post.start).astype("u4"), "index"),
            ("delay", wired.delays(rows) * (self.plan.dt * 1e3), "ms"),
        ):
            data = group.create_dataset(
                key, data=values, compression="gzip", compression_opts=1, shuffle=True
            )
            data.attrs["units"] = units
        group.attrs["pre_population"], group.attrs["post_population"] = member.pre, member.post
        group.attrs["plastic"] = synapses.is_plastic
        if member.w_max is not None:
            group.attrs["w_max"] = member.w_max.mean / unit[1]
        time = group.create_dataset("time", (0,), "f8", maxshape=(None,), chunks=(4096,))
        time.attrs["units"] = (
            "s"  # without a checksum: the last row is dropped when the run is resumed
        )
        _declare_rows(group, "w", len(rows), unit[0])

    def declare_efficacy(self, name: str, scaled_by: Sequence[str], rules: Sequence[str]) -> None:
        """Note what multiplies a pathway's weights; make room for that of its rules, if any do."""
        group = self.h5[f"weights/{name}"]
        if scaled_by:
            group.attrs["scaled_by"] = json.dumps(scaled_by)
        if rules:
            _declare_rows(group, "efficacy", group["w"].shape[1], "1")
            group["efficacy"].attrs["rules"] = json.dumps(rules)

    def efficacy(self, name: str, values: NDArray[np.float64]) -> None:
        """Append what rules multiply the weights of a pathway by, at the time of the weights."""
        if f"weights/{name}/efficacy" in self.h5:  # else the run began with an earlier version
            self.appended.append(f"weights/{name}/efficacy", values[None, :])

    def declare_variable(self, pathway: str, name: str, unit: str) -> None:
        """Make room for a variable of the synapses of a pathway."""
        group = self.h5[f"weights/{pathway}"]
        _declare_rows(group.require_group("variables"), name, group["w"].shape[1], unit)

    def variable(self, pathway: str, name: str, values: NDArray[np.float64]) -> None:
        """Append a variable of the synapses of a pathway, at the time of the weights."""
        self.appended.append(f"weights/{pathway}/variables/{name}", values[None, :])

    def weights(self, name: str, time: float, values: NDArray[np.float64]) -> None:
        """Append the weights of a pathway at a time, in the pathway's unit."""
        self.appended.append(f"weights/{name}/time", np.array([time]))
        self.appended.append(f"weights/{name}/w", values[None, :])

    def report(
        self,
        name: str,
        population: str,
        variable: str,
        unit: str,
        neurons: NDArray[np.int64],
        every: float,
    ) -> None:
        """Declare a recorded state variable in SONATA's report layout."""
        group = self.h5.create_group(f"reports/{name}/{variable}/{population}")
        n = len(neurons)
        data = group.create_dataset("data", (0, n), "f4", maxshape=(None, n), chunks=(4096, n))
        data.attrs.update({"units": unit, "crc32": 0})
        mapping = group.create_group("mapping")
        mapping.create_dataset("node_ids", data=neurons.astype("u8"))
        mapping.create_dataset("index_pointers", data=np.arange(n + 1, dtype="u8"))
        mapping.create_dataset("element_ids", data=np.zeros(n, dtype="u4"))
        mapping.create_dataset("element_pos", data=np.zeros(n, dtype="f4"))
        time = mapping.create_dataset(
            "time", data=np.array([0.0, self.plan.duration * 1e3, every * 1e3])
        )
        time.attrs["units"] = "ms"

    def samples(
        self, name: str, population: str, variable: str, values: NDArray[np.float64]
    ) -> None:
        """Append (times, neurons) of a recorded state variable."""
        self.appended.append(f"reports/{name}/{variable}/{population}/data", values.astype("f4"))

    def declare_modulator(self, name: str) -> None:
        """Declare the level of a modulator over time."""
        group = self.h5.create_group(f"modulators/{name}")
        assert self.plan.shared is not None, "modulators are shared"
        baseline = self.plan.shared.members[0].parameters[f"{identifier(name)}_baseline"]
        group.attrs["baseline"] = sum(value.mean for value in baseline)
        self.appended.declare(group, "time", "f8", "s")
        self.appended.declare(group, "value", "f8", "1")

    def modulator(self, name: str, values: NDArray[np.float64]) -> None:
        """Append the level of a modulator, one value for each recording step."""
        every = interval_steps(self.plan.record.modulators.mean, self.plan.dt) * self.plan.dt
        time = f"modulators/{name}/time"
        done = self.appended.length(time)
        self.appended.append(time, np.arange(done, done + len(values)) * every)
        self.appended.append(f"modulators/{name}/value", values)

    def finish(self, results: Mapping[str, Any]) -> None:
        """Complete the file."""
        self.h5.attrs["results"] = json.dumps(results)
        self.h5.attrs["complete"] = True
        self.commit()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        of_no_use = self.disk.path != self.file or (kind is not None and self.kept is None)
        if error and self.kept is not None and "experiment" not in self.h5["origin"].attrs:
            error.add_note(
                f"`thalia resume {self.file}` continues from {self.kept:g} s of "
                f"{self.plan.duration:g} s"
            )
        try:
            self.h5.close()
        finally:
            if of_no_use:  # it has nothing that a new run would not produce again
                self.disk.remove()
            else:
                self.disk.close()


def _environment(backend: str) -> dict[str, str]:
    """What simulates: versions of programs, the system, and the compiler where one is needed."""
    found = {name: version(name) for name in ("thalia", "brian2", "numpy")}
    found |= {"python": platform.python_version(), "system": platform.platform()}
    if backend in ("cpp", "cuda"):
        found["compiler"] = compiler.called()
    return found


def _declare_rows(group: h5py.Group, name: str, columns: int, unit: str) -> None:
    """An empty dataset of (times, columns)."""
    data = group.create_dataset(
        name,
        (0, columns),
        "f8",
        maxshape=(None, None),
        chunks=(1, min(max(1, columns), 131072)),
        fletcher32=True,
    )
    data.attrs["units"] = unit


def mended(file: FilePath) -> FilePath:
    """A run file whose last commit is complete.

    Raises
    ------
    CircuitError
        If another process is writing it.
    """
    try:
        recover(file)
    except BlockingIOError:
        raise busy(file) from None
    return file


def _leaves_of(h5: h5py.File, kind: str, mark: str) -> list[str]:
    """Names below a group of those groups that hold something called `mark`."""
    found: list[str] = []
    if kind in h5:
        h5[kind].visititems(
            lambda name, node: (
                found.append(name) if isinstance(node, h5py.Group) and mark in node else None
            )
        )
    return found


def _is_recorded(plan: Plan, population: str) -> bool:
    return "all" in plan.record.spikes or population in plan.record.spikes


def _text_of(file: FilePath) -> str:
    try:
        return read_text(file)
    except CircuitError:
        return ""  # spikes that were written out as text


def weight_unit(plan: Plan, pathway: str) -> tuple[str, float]:
    """The unit in which the weights of a pathway are stored, and its size in SI."""
    return display_unit(next(s for s, p in plan.pathways() if p.name == pathway).weight)

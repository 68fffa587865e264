"""Many runs of one circuit, with values and seeds in parallel: one build, one table.

Every result is stored as soon as its run ends, so that an interrupted sweep can be completed.
"""

import csv
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

import h5py
import numpy as np

from thalia import backends
from thalia.compiler.machine import available_processors
from thalia.compiler.pipeline import Compiled, load_whole
from thalia.errors import CircuitError, fail
from thalia.parallel.axes import Axis, Point, check_varied, points
from thalia.parallel.cluster import cluster_of, on_cluster
from thalia.parallel.gpu_batch import MOST, compiled_with
from thalia.parallel.job_folder import JobFolder, tasks_of
from thalia.parallel.result_log import ResultLog, results_of
from thalia.parallel.site import Site
from thalia.parallel.table_files import read_rows
from thalia.parallel.workers import (
    Job,
    Numbers,
    Reporter,
    built,
    carry_out,
    check_backend,
    circuit_of,
    here,
    job_of,
    on_gpu,
    simulate_one,
)
from thalia.recording.outputs import replacing
from thalia.simulation.origin import origin_of
from thalia.simulation.progress_bar import Shown, shown

KIND, TABLE = "sweep", "table.csv"


@dataclass(frozen=True)
class Table:
    """The settings, seed and numbers of every run that ended, in the order of the points."""

    axes: tuple[Axis, ...]
    rows: tuple[tuple[Point, Numbers], ...]
    failed: tuple[tuple[Point, str], ...]
    folder: FilePath


def sweep(  # noqa: PLR0913  # a public function: its keywords are the options
    circuit: str | FilePath,
    axes: Sequence[Axis],
    seeds: Sequence[int] | None = None,
    *,
    output: str | FilePath | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    cluster: str | None = None,
    cluster_options: str | FilePath | None = None,
    set: Mapping[str, Any] | None = None,
    progress: Shown = True,
    **options: Any,
) -> Table:
    """Run a circuit with every combination of values and seeds.

    Parameters
    ----------
    axes : sequence of Axis
        What to vary: `Axis(path, values)`, with values as in a circuit file.
    seeds : sequence of int, optional
        By default the circuit's own.
    output : path, optional
        The folder of the results, by default `sweeps/<circuit>/<UTC time>`; that of an interrupted
        sweep is completed.
    workers : int, optional
        Parallel processes, by default one per core; on a GPU, the maximum number of runs in one
        network.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers run it instead.
    cluster : str, optional
        `slurm` or `pbs`: batch jobs run it instead, through dask-jobqueue.
    cluster_options : path, optional
        YAML file of what the batch system is asked for.
    set : mapping, optional
        Values in place of those in the file, by dotted path, as in `load`.
    progress : bool or function
        As in `run`.
    **options
        Options of `run`: `duration`, `scale`, `backend`, `lower`, `precision`.

    Raises
    ------
    CircuitError
        If a value is not valid, the folder holds another sweep, or the scheduler does not answer.
    """
    elsewhere = cluster_of(scheduler, cluster, cluster_options, {"workers": workers})
    asked = _asked(circuit, axes, seeds, set or {}, options)
    jobs = asked.jobs
    with asked.log(output) as results, shown(progress) as reported:
        head, last = built([jobs[0], jobs[-1]], reported)  # which mostly share one program
        jobs = [last if job is jobs[-1] else {**job, "program": head["program"]} for job in jobs]

        def submit(batch: list[Job], report: Reporter, alone: bool) -> None:
            if elsewhere:
                on_cluster(simulate_one, batch, report, elsewhere)
            elif options.get("backend") == "cuda":
                on_gpu(batch, report, workers or MOST, alone)
            else:
                here(simulate_one, batch, report, workers or available_processors(), alone)

        failures = carry_out(jobs, results, "sweeping", submit, reported)
        return asked.table(results, failures)


def write_sweep(  # its keywords are the options
    circuit: str | FilePath,
    axes: Sequence[Axis],
    seeds: Sequence[int] | None = None,
    *,
    folder: FilePath,
    site: Site,
    set: Mapping[str, Any] | None = None,
    **options: Any,
) -> FilePath:
    """Write a sweep as an array job, with all that its tasks need.

    Parameters
    ----------
    circuit, axes, seeds, set, **options
        As in `sweep`.
    folder : path
        A new one, seen under the same name by the machines that carry it out.
    site : Site
        What the batch system is asked for.

    Returns
    -------
    The script for the batch system.

    Raises
    ------
    CircuitError
        If a value is not valid, or the folder cannot be written or exists.
    """
    asked = _asked(circuit, axes, seeds, set or {}, options)
    plan = compiled_with(circuit_of(asked.jobs[0]), options).plan
    check_backend(options.get("backend") or backends.choose()[0], plan)
    about = {
        "axes": [[axis.path, list(axis.values)] for axis in axes],
        "seeds": list(dict.fromkeys(point.seed for point in asked.points)),
    }
    jobs = tuple(asked.jobs)
    return JobFolder(folder, KIND, asked.name, about, jobs, tasks_of(site, len(jobs))).write(site)


def collect_sweep(jobs: JobFolder) -> Table:
    """The table of a sweep that was written as an array job, with the runs that have ended."""
    axes = tuple(Axis(path, tuple(values)) for path, values in jobs.about["axes"])
    asked = _Asked(jobs.name, axes, points(axes, jobs.about["seeds"]), [*jobs.jobs])
    with jobs.gathered() as (results, failures):
        return asked.table(results, failures)


@dataclass(frozen=True)
class _Asked:
    """A sweep as it was asked for: every run as a job."""

    name: str
    axes: tuple[Axis, ...]
    points: list[Point]
    jobs: list[Job]

    def log(self, output: str | FilePath | None) -> AbstractContextManager[ResultLog]:
        """The results of the sweep, in the folder that was asked for."""
        work = [[job["index"], job["circuit"], job["files"], job["options"]] for job in self.jobs]
        return results_of(KIND, self.name, output, {"runs": work})

    def table(self, results: ResultLog, failures: Mapping[int, str]) -> Table:
        """The table of what has ended, which is written as well."""
        found = results.found
        rows = tuple((point, found[point.index]) for point in self.points if point.index in found)
        failed = tuple((p, failures[p.index]) for p in self.points if p.index in failures)
        table = Table(self.axes, rows, failed, results.folder)
        _write(table)
        return table


def _asked(
    circuit: str | FilePath,
    axes: Sequence[Axis],
    seeds: Sequence[int] | None,
    set: Mapping[str, Any],
    options: Mapping[str, Any],
) -> _Asked:
    """Every run of a sweep; mistakes are reported first."""
    check_varied([(axis.path, axis.values) for axis in axes], set, options)
    circuits = _circuits(circuit, axes, set, options)
    first = next(iter(circuits.values())).circuit
    wanted = points(axes, seeds if seeds is not None else (first.seed,))
    origins = {
        key: origin_of(each.expanded) for key, each in circuits.items()
    }  # shared by all seeds
    jobs = [
        job_of(point.index, origins[_key(point.settings)], point.seed, options) for point in wanted
    ]
    if not jobs:
        raise fail("there is nothing to run", "give --vary or --seeds")
    return _Asked(first.name, tuple(axes), wanted, jobs)


def _key(settings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(settings.items())


def _circuits(
    file: str | FilePath, axes: Sequence[Axis], set: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[tuple[tuple[str, str], ...], Compiled]:
    """The circuit with every combination of values, compiled: mistakes are reported first."""
    varied = {f"--set {axis.path}": f"--vary {axis.path}" for axis in axes}
    try:
        circuits = {
            _key(each.settings): load_whole(file, {**set, **each.settings})
            for each in points(axes, (0,))
        }
        return {key: compiled_with(circuit, options) for key, circuit in circuits.items()}
    except CircuitError as error:
        raise CircuitError(
            replace(each, place=varied.get(each.place, each.place)) for each in error.problems
        ) from None


def _write(table: Table) -> None:
    """The table as text, one line a run, and as HDF5, one array a column.

    What was varied is written as numbers in one unit, where it is numbers.
    """
    varied = {axis: axis.numbers() for axis in table.axes}
    columns = {
        axis: [numbers[0][text] if numbers else text for text in _settings(table, axis)]
        for axis, numbers in varied.items()
    }
    names = list(dict.fromkeys(name for _, numbers in table.rows for name in numbers))
    with (
        replacing(table.folder / TABLE) as partial,
        open(partial, "w", newline="", encoding="utf-8") as file,
    ):
        out = csv.writer(file)
        out.writerow([*(axis.label for axis in table.axes), "seed", *names])
        for row, (point, numbers) in enumerate(table.rows):
            settings = (column[row] for column in columns.values())
            out.writerow([*settings, point.seed, *(numbers.get(name, "") for name in names)])
    with replacing(table.folder / "table.h5") as partial, h5py.File(partial, "w") as h5:
        for axis, found in varied.items():
            kind = "f8" if found else h5py.string_dtype()
            made = h5.create_dataset(f"settings/{axis.path}", data=columns[axis], dtype=kind)
            made.attrs["units"] = found[1] if found else ""
        h5["seed"] = np.array([point.seed for point, _ in table.rows], "i8")
        for name in names:
            h5[f"numbers/{name}"] = np.array(
                [numbers.get(name, np.nan) for _, numbers in table.rows]
            )


def _settings(table: Table, axis: Axis) -> list[str]:
    """The value of an axis in every run that ended."""
    return [point.settings[axis.path] for point, _ in table.rows]


def read_sweep(folder: FilePath) -> Table:
    """The table of a sweep, from the text in its folder.

    Raises
    ------
    CircuitError
        If there is none, or it is damaged.
    """
    head, rows = read_rows(folder / TABLE)
    try:
        place = head.index("seed")
        labels, names = head[:place], head[place + 1 :]
        axes = tuple(_axis_of(label, [row[k] for row in rows]) for k, label in enumerate(labels))
        made = []
        for index, row in enumerate(rows):
            settings = {a.path: a.text(row[k]) for k, a in enumerate(axes)}
            numbers = {n: float(v) for n, v in zip(names, row[place + 1 :], strict=True) if v}
            made.append((Point(index, settings, int(row[place])), numbers))
    except (ValueError, IndexError) as error:
        raise fail(f"{folder / TABLE}: is damaged, or no table of a sweep: {error}") from None
    return Table(tuple(Axis(a.path, a.values) for a in axes), tuple(made), (), folder)


@dataclass(frozen=True)
class _Column:
    """A column of what was varied: its path, and the unit of its numbers."""

    path: str
    unit: str
    written: tuple[str, ...]

    def text(self, value: str) -> str:
        """A value as a circuit has it; numbers with as many digits as the axis has."""
        try:
            return f"{float(value):.12g} {self.unit}".strip()
        except ValueError:
            return value

    @property
    def values(self) -> tuple[str, ...]:
        """Every value once, in the order of the runs."""
        return tuple(dict.fromkeys(map(self.text, self.written)))


def _axis_of(label: str, written: Sequence[str]) -> _Column:
    path, _, unit = label.partition(" (")
    return _Column(path, unit.removesuffix(")"), tuple(written))

"""Many runs of one circuit: one build, values and seeds side by side in processes here or on a Dask cluster, one table.

What a worker is given is whole: the circuit as text with the files that it draws in, and for a cluster the compiled
program, which a machine with the same processor and compiler takes as it is. Every result is written down as it comes,
so that a sweep that was killed goes on where it stopped.
"""

import csv
import io
import json
import multiprocessing
import os
import signal
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import h5py
import numpy as np

from thalia import backends
from thalia.backends import Progress, silent
from thalia.backends.compiler import cache_folder, identity
from thalia.checkpoint import origin_of
from thalia.errors import fail
from thalia.load import loads
from thalia.passes import load_whole, plan_of, with_options
from thalia.run import explained, run
from thalia.spec import Circuit
from thalia.vary import Axis, Point, points

Job = dict[str, Any]
Numbers = dict[str, float]
RESULTS, TABLE, TOLD = "results.jsonl", "table.csv", "sweep.json"


@dataclass(frozen=True)
class Table:
    """The numbers of every run that ended: its settings and seed with them, in the order of the points."""

    axes: tuple[Axis, ...]
    rows: tuple[tuple[Point, Numbers], ...]
    failed: tuple[tuple[Point, str], ...]
    folder: FilePath


def sweep(
    circuit: str | FilePath,
    axes: Sequence[Axis],
    seeds: Sequence[int] | None = None,
    *,
    output: str | FilePath | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    set: Mapping[str, Any] | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Table:
    """Run a circuit with every combination of values and seeds.

    Parameters
    ----------
    axes : sequence of Axis
        What to vary; see `thalia.vary.axis_of`.
    seeds : sequence of int, optional
        By default the circuit's own.
    output : path, optional
        The folder of the results, by default `sweeps/<circuit>/<UTC time>`; that of a sweep that was interrupted goes on.
    workers : int, optional
        Processes side by side; by default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers run it instead.
    **options
        Options of `run`: `duration`, `scale`, `backend`, `lower`, `precision`.

    Raises
    ------
    CircuitError
        If a value cannot be, the folder holds another sweep, or the scheduler does not answer.
    """
    _check_paths(axes, set or {}, options)
    circuits = _circuits(circuit, axes, set or {})
    wanted = points(axes, seeds if seeds is not None else (next(iter(circuits.values())).seed,))
    origins = {key: origin_of(each) for key, each in circuits.items()}  # shared by all seeds
    jobs = [_job(origins[_key(point.settings)], point, options) for point in wanted]
    if not jobs:
        raise fail("there is nothing to run", "give --vary or --seeds")
    name = next(iter(circuits.values())).name
    folder = FilePath(output) if output else FilePath("sweeps") / name / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    with explained(folder):
        found = _opened(folder, jobs)
    _build([jobs[0], jobs[-1]], progress)
    for job in jobs[1:-1]:
        job["program"] = jobs[0]["program"]
    left = [job for job in jobs if job["index"] not in found]
    failures: dict[int, str] = {}
    with explained(folder), open(folder / RESULTS, "a", encoding="utf-8") as written:

        def told(job: Job, numbers: Numbers | None, why: str = "") -> None:
            if numbers is None:
                failures[job["index"]] = why
            else:
                failures.pop(job["index"], None)
                found[job["index"]] = numbers
                written.write(json.dumps({"index": job["index"], "numbers": numbers}) + "\n")
                written.flush()
            progress("sweeping", len(found) / len(jobs), f"{len(found)} of {len(jobs)} runs, {len(failures)} failed")

        for alone in (False, True):  # what failed is tried once more, where it takes no other with it
            batch = [job for job in left if job["index"] in failures] if alone else left
            if batch and scheduler:
                _on_dask(batch, told, scheduler)
            elif batch:
                _here(batch, told, workers or os.cpu_count() or 1, alone)
    rows = tuple((point, found[point.index]) for point in wanted if point.index in found)
    table = Table(tuple(axes), rows, tuple((p, failures[p.index]) for p in wanted if p.index in failures), folder)
    _write(table)
    return table


def _check_paths(axes: Sequence[Axis], set: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Refuse what would be given twice, and so once in vain."""
    given = [axis.path for axis in axes] + list(set)
    for path in given:
        if given.count(path) > 1:
            raise fail(f"--vary {path}: is given twice", "vary it once, or set it once")
        if path == "seed":
            raise fail("--vary seed: seeds have an option of their own", "--seeds 1:8")
        if path == "duration" and options.get("duration"):
            raise fail("--vary duration: --duration is given as well", "leave one of them out")
    for axis in axes:
        if len({*axis.values}) < len(axis.values):
            raise fail(f"--vary {axis.path}: a value is given twice: {', '.join(axis.values)}", "give each once")


def _key(settings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(settings.items())


def _circuits(file: str | FilePath, axes: Sequence[Axis], set: Mapping[str, Any]) -> dict[tuple[tuple[str, str], ...], Circuit]:
    """The circuit with every combination of values; planned, so that each mistake is told before anything runs."""
    circuits = {_key(each.settings): load_whole(file, {**set, **each.settings}) for each in points(axes, (0,))}
    for circuit in circuits.values():
        plan_of(circuit)
    return circuits


def _job(origin: tuple[str, dict[str, str]], point: Point, options: Mapping[str, Any]) -> Job:
    text, files = origin
    return {"index": point.index, "circuit": text, "files": files, "options": {**options, "seed": point.seed}, "program": None}


def _build(jobs: list[Job], progress: Progress) -> None:
    """Build the program of some jobs, so that those that share it compile nothing."""
    for job in jobs:
        options = job["options"]
        with TemporaryDirectory() as scratch:
            circuit = with_options(_circuit_of(job, FilePath(scratch)), None, options.get("duration"), options.get("scale"))
            plan = plan_of(circuit, options.get("lower", "on"), options.get("precision", "double"))
        backend = backends.find(options.get("backend") or backends.choose()[0])
        if reasons := backend.refuse(plan):
            raise fail(reasons[0])
        built = backend.build(plan, progress)
        if program := getattr(built, "folder", None):
            job["program"] = (identity(), program.name, _packed(program))


def _packed(program: FilePath) -> bytes:
    """A compiled program as bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name in ("main", "manifest.json"):
            tar.add(program / name, name)
    return raw.getvalue()


def _unpack(program: tuple[str, str, bytes] | None) -> None:
    """Take a program that another machine compiled, if this one would have compiled the same."""
    if program is None or program[0] != identity() or (cache_folder() / program[1]).exists():
        return
    cache_folder().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache_folder()) as scratch:
        place = FilePath(scratch) / program[1]
        with tarfile.open(fileobj=io.BytesIO(program[2])) as tar:
            tar.extractall(place, filter="data")
        try:
            place.rename(cache_folder() / program[1])
        except OSError:  # another worker was faster
            return


def _circuit_of(job: Job, folder: FilePath) -> Any:
    for name, text in job["files"].items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return loads(job["circuit"], "circuit.yaml", folder)


def simulate_one(job: Job) -> Numbers:
    """One run of a sweep, in a worker: every number of its summary."""
    _unpack(job["program"])
    with TemporaryDirectory() as scratch:
        done = run(_circuit_of(job, FilePath(scratch)), output=FilePath(scratch) / "run.h5", **job["options"])
        return dict(_flat(done.results))


def _flat(results: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a summary that say what happened, each under one name."""
    for kind in ("rates_hz", "cv_isi"):
        yield from ((f"{kind}.{name}", value) for name, value in results[kind].items() if value is not None)
    for pathway, each in results["weights"].items():
        yield from ((f"weights.{pathway}.{key}", each[key]) for key in ("before", "after"))
    yield from (("neurons", results["neurons"]), ("synapses", results["synapses"]))


class Told(Protocol):
    """Takes the numbers of a run that ended, or says why it failed."""

    def __call__(self, job: Job, numbers: Numbers | None, why: str = "") -> None:
        """Take note."""


def _here(jobs: list[Job], told: Told, workers: int, alone: bool) -> None:
    """In processes of this machine; a process that dies takes its pool with it, so some are run alone."""
    light = [{**job, "program": None} for job in jobs]  # the cache of this machine has it
    for batch in [[job] for job in light] if alone else [light]:
        pool = ProcessPoolExecutor(min(workers, len(batch)), multiprocessing.get_context("spawn"), _end_with_parent)
        try:
            futures = {pool.submit(simulate_one, job): job for job in batch}
            _gather(as_completed(futures), futures, told)
        except BaseException:  # Ctrl-C: what has not begun never does
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()


def _end_with_parent() -> None:
    """Have a worker leave Ctrl-C to its parent, and end when that does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _on_dask(jobs: list[Job], told: Told, address: str) -> None:
    """On the workers of a Dask cluster."""
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError:
        raise fail("--scheduler needs dask and distributed, which are not installed", "pip install dask distributed") from None
    try:
        client = Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise fail(f"--scheduler {address}: does not answer ({error})", "start it with `dask scheduler`") from None
    with client:
        futures = {client.submit(simulate_one, job, pure=False): job for job in jobs}
        _gather(completed(futures), futures, told)  # type: ignore[no-untyped-call]


def _gather(completed: Any, futures: Mapping[Any, Job], told: Told) -> None:
    for future in completed:
        try:
            told(futures[future], future.result())
        except Exception as error:  # whatever a worker died of is told with the point, not raised
            told(futures[future], None, f"{type(error).__name__}: {error}".splitlines()[0])


def _opened(folder: FilePath, jobs: list[Job]) -> dict[int, Numbers]:
    """What a sweep has found already; a new folder has found nothing.

    Raises
    ------
    CircuitError
        If the folder holds another sweep.
    """
    digest = sha256()
    for job in jobs:
        digest.update(json.dumps([job["index"], job["circuit"], job["files"], job["options"]], sort_keys=True).encode())
    told = {"runs": len(jobs), "thalia": version("thalia"), "digest": digest.hexdigest()}
    if (folder / TOLD).exists():
        if _read((folder / TOLD).read_text("utf-8")) != told:
            raise fail(f"{folder}: holds another sweep", "choose another folder, or give the same circuit, values and seeds")
        kept = [each for each in map(_read, (folder / RESULTS).read_text("utf-8").splitlines()) if each]
        _replace(folder / RESULTS, "".join(f"{json.dumps(each)}\n" for each in kept))
        return {each["index"]: each["numbers"] for each in kept}
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        raise fail(f"{folder}: is there already, and holds no sweep", "choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).touch()
    _replace(folder / TOLD, json.dumps(told))
    return {}


def _replace(file: FilePath, text: str) -> None:
    """Write a file whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(file)


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None  # the last line of a sweep that was killed


def _write(table: Table) -> None:
    """The table as text, one line a run, and as HDF5, one array a column."""
    paths = [axis.path for axis in table.axes]
    names = list(dict.fromkeys(name for _, numbers in table.rows for name in numbers))
    with open(table.folder / TABLE, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([*paths, "seed", *names])
        for point, numbers in table.rows:
            out.writerow([*(point.settings[path] for path in paths), point.seed, *(numbers.get(name, "") for name in names)])
    with h5py.File(table.folder / "table.h5", "w") as h5:
        for path in paths:
            values = [point.settings[path] for point, _ in table.rows]
            h5.create_dataset(f"settings/{path}", data=values, dtype=h5py.string_dtype())
        h5["seed"] = np.array([point.seed for point, _ in table.rows], "i8")
        for name in names:
            h5[f"numbers/{name}"] = np.array([numbers.get(name, np.nan) for _, numbers in table.rows])

"""Where many runs are carried out: in processes of this machine; `cluster` has the others.

A job is self-contained: the circuit as text with the files that it uses, and for a cluster the
compiled program, which a machine with the same processor and compiler takes as it is.
"""

import io
import multiprocessing
import os
import signal
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from thalia import backends
from thalia.backends import Progress, silent
from thalia.backends import threads as threads_of
from thalia.circuit.load import loads
from thalia.circuit.spec import Circuit
from thalia.compiler.machine import available_processors
from thalia.compiler.plan import Plan
from thalia.errors import CircuitError, fail, in_a_line
from thalia.parallel.gpu_batch import compiled_with, run_together
from thalia.parallel.result_log import ResultLog
from thalia.recording.run_file import Run
from thalia.recording.writer import mended
from thalia.simulation.interruption import TERMINATING
from thalia.simulation.resume import resume
from thalia.simulation.run import run
from thalia.syntax.folder import Folder
from thalia.toolchain import cache_folder
from thalia.toolchain.compiler import identity

REPORT_SECONDS = 0.5  # between two reports of how far runs have come
STOP_SECONDS = 0.2  # in which a worker notices that it is to stop

WEIGHTS = ("before", "after", "arriving_before", "arriving_after")

Job = dict[str, Any]
Numbers = dict[str, float]


def packed(program: FilePath) -> bytes:
    """A compiled program as bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name in ("main", "manifest.json"):
            tar.add(program / name, name)
    return raw.getvalue()


def unpack(program: tuple[str, str, bytes] | None) -> None:
    """Take a program that another machine compiled, if this one would have compiled the same."""
    if program is None or program[0] != identity():
        return
    folder = cache_folder.ready()
    if (folder / program[1]).exists():
        return
    with TemporaryDirectory(dir=folder) as scratch:
        place = FilePath(scratch) / program[1]
        with tarfile.open(fileobj=io.BytesIO(program[2])) as tar:
            tar.extractall(place, filter="data")
        try:
            place.rename(folder / program[1])
        except OSError:  # another worker was faster
            return
        cache_folder.share(folder / program[1])


def circuit_of(job: Job) -> Circuit:
    """The circuit of a run, with the texts of the files that it uses."""
    return loads(job["circuit"], "circuit.yaml", Folder(texts=job["files"]))


def simulate_one(job: Job) -> Numbers:
    """One run of many, in a worker: every number of its summary.

    The run file stays if the job says where.
    """
    with TemporaryDirectory() as scratch:
        done = run(
            circuit_of(job),
            output=job.get("output") or FilePath(scratch) / "run.h5",
            overwrite=True,  # what a killed process left
            progress=progress_of(job),
            **job["options"],
        )
        return flat(done.results)


def simulate_kept(job: Job, file: FilePath) -> Numbers:
    """One run of many, which goes on from its run file: every number of its summary.

    A file that is not there, or cannot be read, is begun anew.
    """
    try:
        done = Run(mended(file))
    except CircuitError:
        circuit = circuit_of(job)
        done = run(circuit, output=file, overwrite=True, progress=False, **job["options"])
    if not done.attributes["complete"]:  # the circuit is the one that is stored
        done = resume(file, as_it_was=True, progress=False)
    return flat(done.results)


def flat(results: Mapping[str, Any]) -> Numbers:
    """The numbers of a summary that say what happened, each under one name."""
    return dict(_flat(results))


def _flat(results: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for kind in ("rates_hz", "cv_isi"):
        yield from (
            (f"{kind}.{name}", value) for name, value in results[kind].items() if value is not None
        )
    for pathway, each in results["weights"].items():
        yield from ((f"weights.{pathway}.{key}", each[key]) for key in WEIGHTS if key in each)
    yield from (("neurons", results["neurons"]), ("synapses", results["synapses"]))


class Reporter(Protocol):
    """Takes the numbers of a run that ended, or why it failed, and how far the others are."""

    def __call__(self, job: Job, numbers: Numbers | None, why: str = "") -> None:
        """Take note of a run that ended."""

    def running(self, fractions: Mapping[int, float]) -> None:
        """Take note of the fraction done of runs that have not ended, by the index of their job."""


Submit = Callable[[list[Job], Reporter, bool], None]  # with True, each in a process of its own


class Tally:
    """Stores the results of runs that ended, counts failures, and reports the progress of all."""

    def __init__(self, jobs: list[Job], results: ResultLog, doing: str, progress: Progress):
        self.jobs, self.results, self.doing, self.progress = jobs, results, doing, progress
        self.failures: dict[int, str] = {}
        self.fractions: dict[int, float] = {}

    def __call__(self, job: Job, numbers: Numbers | None, why: str = "") -> None:
        """Store the result of a run that ended, or the reason why it failed."""
        if numbers is None:
            self.failures[job["index"]] = why
        else:
            self.failures.pop(job["index"], None)
            self.results.write(job["index"], numbers)
        self.running({k: f for k, f in self.fractions.items() if k != job["index"]})

    def running(self, fractions: Mapping[int, float]) -> None:
        """Report the runs that ended, and the fraction done of those that have not."""
        self.fractions = dict(fractions)
        done = sum(job["index"] in self.results.found for job in self.jobs)
        detail = f"{done} of {len(self.jobs)} runs, {len(self.failures)} failed"
        self.progress(self.doing, (done + sum(fractions.values())) / len(self.jobs), detail)


def carry_out(
    jobs: list[Job], results: ResultLog, doing: str, submit: Submit, progress: Progress
) -> dict[int, str]:
    """Run the jobs that have no result or no run file yet; those that fail are retried alone.

    Returns
    -------
    Why the jobs failed that failed twice, by their index.
    """
    results.create()
    for job in jobs:
        if "output" in job and not job["output"].exists():
            results.found.pop(job["index"], None)
    tally = Tally(jobs, results, doing, progress)
    left = [job for job in jobs if job["index"] not in results.found]
    for alone in (False, True):
        batch = [job for job in left if job["index"] in tally.failures] if alone else left
        if batch:
            submit(batch, tally, alone)
    return tally.failures


def job_of(
    index: int, origin: tuple[str, dict[str, str]], seed: int, options: Mapping[str, Any]
) -> Job:
    """One run of a circuit, as `origin_of` writes it, with its seed and options of `run`."""
    text, files = origin
    return {
        "index": index,
        "circuit": text,
        "files": files,
        "options": {**options, "seed": seed},
        "program": None,
    }


def built(jobs: list[Job], progress: Progress) -> list[Job]:
    """The jobs with their programs, compiled here, so that those that share one compile nothing.

    Raises
    ------
    CircuitError
        If their backend cannot run one of them.
    """
    return [{**job, "program": _program(job, progress)} for job in jobs]


def _program(job: Job, progress: Progress) -> tuple[str, str, bytes] | None:
    options = job["options"]
    plan = compiled_with(circuit_of(job), options).plan
    name = options.get("backend") or backends.choose()[0]
    check_backend(name, plan)
    if name == "cuda":  # whose program depends on how many runs are one network
        return None
    return portable(name, backends.find(name).build(plan, progress))


def check_backend(name: str, plan: Plan) -> None:
    """Refuse a backend that cannot run a plan.

    Raises
    ------
    CircuitError
        With the first reason.
    """
    if reasons := backends.find(name).refuse(plan):
        raise fail(f"backend '{name}': {reasons[0]}")


def portable(backend: str, program: object) -> tuple[str, str, bytes] | None:
    """A program that was built here, as it goes to other machines; None if it does not."""
    folder = None if backend == "cuda" else getattr(program, "folder", None)
    return (identity(), folder.name, packed(folder)) if folder else None


def here(
    work: Callable[[Job], Any], jobs: list[Job], report: Reporter, workers: int, alone: bool
) -> None:
    """In processes of this machine; one that dies takes its pool with it, so some run alone."""
    light = [{**job, "program": None} for job in jobs]  # the cache of this machine has it
    context = _processes()
    fractions = context.RawArray("d", 1 + max(job["index"] for job in jobs))
    stopped = context.RawValue("b", False)
    for batch in [[job] for job in light] if alone else [light]:
        count = min(workers, len(batch))
        # they share the processors
        threads = {threads_of.VARIABLE: str(max(1, threads_of.threads_available() // count))}
        shared = (os.environ | threads, fractions, stopped)
        pool = ProcessPoolExecutor(count, context, _begin, shared)
        try:
            futures = {pool.submit(work, job): job for job in batch}
            gather(_as_they_end(futures, report, fractions), futures, report)
        except BaseException:  # Ctrl-C: what runs ends now, and what has not begun never does
            stopped.value = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()


def all_here(
    work: Callable[[Job], Any], jobs: list[Job], workers: int | None = None
) -> list[Numbers]:
    """The numbers of jobs, in their order; a single one is done in this process.

    Raises
    ------
    CircuitError
        If one failed, with the reason of the first.
    """
    if len(jobs) == 1:
        return [work(jobs[0])]
    all_of = _All()
    built(jobs[:1], silent)  # what they share is compiled once
    here(work, jobs, all_of, workers or available_processors(), alone=False)
    if all_of.failures:
        raise fail(next(iter(all_of.failures.values())))
    return [all_of.found[job["index"]] for job in jobs]


class _All:
    """Takes the numbers of every run, and why some failed."""

    def __init__(self) -> None:
        self.found, self.failures = dict[int, Numbers](), dict[int, str]()

    def __call__(self, job: Job, numbers: Numbers | None, why: str = "") -> None:
        """Take note of a run that ended."""
        if numbers is None:
            self.failures[job["index"]] = why
        else:
            self.found[job["index"]] = numbers

    def running(self, fractions: Mapping[int, float]) -> None:
        """Nobody waits to be told."""


def _as_they_end(
    futures: Mapping[Future[Any], Job], report: Reporter, fractions: Sequence[float]
) -> Iterator[Future[Any]]:
    """Runs as they end; in between, report how far those that run have come."""
    left = set(futures)
    while left:
        ended, left = wait(left, REPORT_SECONDS, FIRST_COMPLETED)
        yield from ended
        report.running({futures[each]["index"]: fractions[futures[each]["index"]] for each in left})


_fractions: Any = (
    None  # in a worker: the fraction done of each job, in memory shared with its parent
)


def progress_of(job: Job) -> Progress:
    """The progress of a job, which its worker reports to the process that waits for it."""

    def report(what: str, fraction: float, detail: str = "") -> None:
        if _fractions is not None and what in ("simulating", "learning"):
            _fractions[job["index"]] = fraction

    return report


def _processes() -> BaseContext:
    """Processes forked from one that has imported Brian2, which takes seconds; not on Windows."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["thalia.parallel.preload"])
    with _safe_path():
        forkserver.ensure_running()
    return context


@contextmanager
def _safe_path() -> Iterator[None]:
    """Python starts without the current folder, from which it would import a stranger's modules."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before


def on_gpu(jobs: list[Job], report: Reporter, most: int, alone: bool) -> None:
    """In networks of as many runs as fit, in this process, which only waits for the GPU."""
    for batch in [[job] for job in jobs] if alone else [jobs]:
        left = dict(enumerate(batch))
        try:
            circuits, options = map(circuit_of, batch), [job["options"] for job in batch]
            for which, results in run_together([*circuits], options, most):
                report(left.pop(which), flat(results))
        except Exception as error:  # as in a worker of another kind
            for job in left.values():
                report(job, None, in_a_line(error))


def _begin(environment: Mapping[str, str], fractions: Any, stopped: Any) -> None:
    """Give a worker its parent's environment; it ends with its parent, or when that stops it.

    It ignores Ctrl-C, which reaches the parent too.
    """
    global _fractions
    _fractions = fractions
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in TERMINATING:  # its parent reports that it ended
        signal.signal(number, lambda number, frame: os._exit(128 + number))
    parent = multiprocessing.parent_process()

    def wait() -> None:
        while parent is not None and parent.is_alive() and not stopped.value:
            parent.join(STOP_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def gather(completed: Any, futures: Mapping[Any, Job], report: Reporter) -> None:
    """Report the jobs of futures as these are completed."""
    for future in completed:
        try:
            report(futures[future], future.result())
        except Exception as error:  # whatever a worker died of is reported with its job, not raised
            report(futures[future], None, in_a_line(error))

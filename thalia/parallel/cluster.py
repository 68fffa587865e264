"""Many runs on the workers of a Dask cluster: one that exists, or jobs of a batch system.

A worker carries out one run at a time, in its own process, with as many threads as it has. Compiled
programs go to the scheduler once and to each worker once; a worker whose processor or compiler is
another compiles its own. When a worker dies, what it was doing is done by another.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import Any

from thalia.backends import threads as threads_of
from thalia.errors import fail, in_a_line
from thalia.parallel.site import Site, check_name, site_of
from thalia.parallel.workers import Job, Reporter, gather, unpack

ANSWER_SECONDS = 10  # for a scheduler to answer

_one_at_a_time = threading.Lock()  # in a worker: Brian2 keeps its settings by process


@dataclass(frozen=True)
class Cluster:
    """Where runs are carried out: by a scheduler at an address, or by jobs of a site."""

    scheduler: str | None
    site: Site | None

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A connection; jobs of a site end with it.

        Raises
        ------
        CircuitError
            If the scheduler does not answer, or the batch system takes no jobs.
        """
        from distributed import Client

        if self.site is not None:
            with _jobs_of(self.site) as cluster, Client(cluster) as client:  # type: ignore[no-untyped-call]
                yield client
            return
        try:
            client = Client(self.scheduler, timeout=f"{ANSWER_SECONDS}s")  # type: ignore[no-untyped-call]
        except Exception as error:  # another program there may answer anything
            raise fail(
                f"--scheduler {self.scheduler}: does not answer ({in_a_line(error)})",
                "start it with `dask scheduler`",
            ) from None
        with client:
            yield client


def cluster_of(
    scheduler: str | None,
    batch_system: str | None,
    options: str | FilePath | None,
    here_only: Mapping[str, object],
) -> Cluster | None:
    """The cluster that options ask for, or None for this machine.

    Parameters
    ----------
    scheduler : str, optional
        Address of a Dask scheduler.
    batch_system : str, optional
        'slurm' or 'pbs'.
    options : path, optional
        YAML file of the site's options, the fields of `SlurmSite` or `PbsSite`.
    here_only : mapping
        Options that hold on this machine only, by name; none of them may be given as well.

    Raises
    ------
    CircuitError
        If they do not go together, a key of the file is unknown, or a package is missing.
    """
    if not batch_system and options:
        raise fail("--cluster-options: are for --cluster", "give --cluster slurm or pbs as well")
    if not scheduler and not batch_system:
        return None
    if scheduler and batch_system:
        raise fail("--cluster: is given together with --scheduler", "leave one of them out")
    asked = "--cluster" if batch_system else "--scheduler"
    for name, value in here_only.items():
        if value:
            raise fail(f"--{name}: holds on this machine, not with {asked}", "leave it out")
    if batch_system:
        check_name(batch_system)
    packages = ("distributed", *(["dask_jobqueue"] if batch_system else []))
    if missing := [name.replace("_", "-") for name in packages if not find_spec(name)]:
        raise fail(
            f"{asked} needs {' and '.join(missing)}, which is not installed",
            "pip install 'thalia[cluster]'",
        )
    return Cluster(scheduler, _site(batch_system, options) if batch_system else None)


def _site(batch_system: str, options: str | FilePath | None) -> Site:
    site = site_of(batch_system, options)
    if not shutil.which(site.SUBMIT):
        raise fail(
            f"--cluster {batch_system}: there is no `{site.SUBMIT}` on this machine",
            "start it where jobs are submitted",
        )
    return site


@contextmanager
def _jobs_of(site: Site) -> Iterator[Any]:
    """A Dask cluster whose workers are jobs of a batch system, all of which were submitted."""
    import dask_jobqueue

    try:
        cluster = getattr(dask_jobqueue, site.CLASS)(**site.options())
    except (ValueError, OSError, RuntimeError) as error:
        raise fail(f"--cluster-options: {str(error).splitlines()[0]}") from None
    try:
        while len(cluster.worker_spec) < site.jobs:
            cluster.worker_spec.update(cluster.new_worker_spec())
        try:
            cluster.sync(cluster._correct_state)  # `scale` would not wait until they are submitted
        except RuntimeError as error:
            said = "; ".join(filter(None, map(str.strip, str(error).splitlines())))
            raise fail(f"`{site.SUBMIT}` did not take the jobs: {said}") from None
        yield cluster
    finally:
        with suppress(AssertionError):  # of jobs that never began
            cluster.close()


def on_cluster(
    work: Callable[[Job], Any], jobs: list[Job], report: Reporter, cluster: Cluster
) -> None:
    """Carry out jobs on the workers of a cluster, each with the `program` that it may have."""
    from distributed import as_completed

    with cluster.client() as client:
        programs = {job["program"][1]: job["program"] for job in jobs if job["program"]}
        # as results of tasks they can be made again when the worker that has them dies
        sent = {key: client.submit(_itself, each, pure=False) for key, each in programs.items()}
        mine, futures = version("thalia"), {}
        for job in jobs:
            program = sent[job["program"][1]] if job["program"] else None
            light = {**job, "program": None}
            futures[client.submit(_worked, work, light, program, mine, pure=False)] = job
        gather(_released(as_completed(futures)), futures, report)  # type: ignore[no-untyped-call]


def _released(completed: Iterable[Any]) -> Iterator[Any]:
    """Futures, each forgotten after its turn: else it is run again when the worker has died."""
    for future in completed:
        yield future
        future.release()


def _itself(program: object) -> object:
    return program


def _worked(
    work: Callable[[Job], Any], job: Job, program: tuple[str, str, bytes] | None, submitter: str
) -> Any:
    """One job, in a worker."""
    from distributed import get_worker

    if (mine := version("thalia")) != submitter:
        raise RuntimeError(f"the worker has Thalia {mine}, expected {submitter} as here")
    with _one_at_a_time:
        os.environ.setdefault(threads_of.VARIABLE, str(get_worker().state.nthreads))
        unpack(program)
        return work(job)

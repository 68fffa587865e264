"""Many runs as an array job of a batch system: a folder that has all that its tasks need.

Nothing else is read, so that the circuit may be edited while they wait. Each task writes the
results of its runs into files of their own, whole or not at all; what is there already is not done
again, so that a task can be ended and begun anew at any time.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

from thalia.errors import CircuitError, counted, fail, in_a_line
from thalia.parallel.batch_script import script
from thalia.parallel.result_log import FOLDERS, ResultLog, results_of
from thalia.parallel.site import Site
from thalia.parallel.workers import Job
from thalia.recording.journal import lock, unfollowed
from thalia.recording.outputs import replace_file
from thalia.simulation.interruption import terminable
from thalia.simulation.run import explained
from thalia.syntax.folder import MAX_TEXT, read_bytes

MANIFEST, SCRIPT, RESULTS, UNFINISHED = "jobs.json", "job.sh", "results", "unfinished"
MOST_TASKS = 1000  # of one array, by default; SLURM takes no more unless it is configured to
MOST_BYTES = 1_000_000_000  # of a manifest
OF_FILES = {"output", "overwrite", "checkpoint"}  # keys of jobs that write somewhere else

Work = Callable[[Job, FilePath], Any]


@dataclass(frozen=True)
class JobFolder:
    """Jobs that were written down: of which kind, of what, and in how many tasks.

    `about` is plain data from which their results are put together.
    """

    folder: FilePath
    kind: str
    name: str
    about: Mapping[str, Any]
    jobs: tuple[Job, ...]
    tasks: int

    def write(self, site: Site) -> FilePath:
        """Make the folder; the script is the last file in it.

        Returns
        -------
        The script, to be given to the batch system.

        Raises
        ------
        CircuitError
            If there is anything in the folder, or it cannot be written.
        """
        text = script(self.folder, self.name, self.tasks, site)
        if self.folder.is_file() or (self.folder.exists() and any(self.folder.iterdir())):
            raise fail(f"{self.folder}: exists already", "choose another folder for the jobs")
        with results_of(self.kind, self.name, self.folder, self._work()) as log:
            log.create()
            for name in (RESULTS, UNFINISHED, "logs"):
                (self.folder / name).mkdir()
            replace_file(self.folder / MANIFEST, json.dumps(self._data()))
            replace_file(self.folder / SCRIPT, text)
        return self.folder / SCRIPT

    def of_task(self, task: int) -> list[Job]:
        """The jobs of one task.

        Raises
        ------
        CircuitError
            If there is no such task.
        """
        if task not in range(self.tasks):
            raise fail(f"{self.folder}: has tasks 0 to {self.tasks - 1}, found {task}")
        return [*self.jobs[task :: self.tasks]]

    def unfinished(self, job: Job) -> FilePath:
        """The run file in which a job keeps how far it is.

        Raises
        ------
        CircuitError
            If it is a link, which a stranger may have left.
        """
        place = (self.folder / UNFINISHED / f"{job['index']}.h5").absolute()
        if place.is_symlink():
            raise fail(f"{place}: is a link", "remove it")
        return place

    def carry_out(self, task: int, work: Work, told: Callable[[str], None]) -> int:
        """Do what is left of a task, one job after the other.

        Parameters
        ----------
        work : function of a job and of its unfinished run file
            Gives its numbers, and goes on from the file if it is there.
        told : function of a text
            Is told what was done.

        Returns
        -------
        The number of jobs that failed.

        Raises
        ------
        CircuitError
            If there is no such task, or another process carries it out.
        """
        failed, jobs = 0, self.of_task(task)
        with terminable(), self._alone(task):
            for job in jobs:
                if "numbers" in self._result(job):
                    told(f"run {job['index']} is done already")
                    continue
                try:
                    result = {"numbers": work(job, self.unfinished(job))}
                except Exception as error:  # it costs its own run only
                    result, failed = {"why": in_a_line(error)}, failed + 1
                replace_file(self._place(job), json.dumps(result))
                if "numbers" in result:
                    self.unfinished(job).unlink(missing_ok=True)
                told(f"run {job['index']}: {result.get('why', 'done')}")
        return failed

    @contextmanager
    def gathered(self) -> Iterator[tuple[ResultLog, dict[int, str]]]:
        """The results of all jobs that ended, in a log, and why others failed.

        Raises
        ------
        CircuitError
            If none has ended.
        """
        with results_of(self.kind, self.name, self.folder, self._work()) as log:
            log.create()
            found = {job["index"]: self._result(job) for job in self.jobs}
            for index, result in found.items():
                if "numbers" in result and index not in log.found:
                    log.write(index, result["numbers"])
            failures = {index: each["why"] for index, each in found.items() if "why" in each}
            if not log.found and not failures:
                raise fail(
                    f"{self.folder}: none of its {counted(len(self.jobs), 'run')} has ended",
                    f"submit {self.folder / SCRIPT}, or see {self.folder / 'logs'}",
                )
            yield log, failures

    @contextmanager
    def _alone(self, task: int) -> Iterator[None]:
        """Keep others from the same task, as those of a script that was submitted twice."""
        place = self.folder / UNFINISHED / f"{task}.lock"
        with explained(place), open(place, "ab", opener=unfollowed) as held:
            try:
                lock(held)
            except BlockingIOError:
                raise fail(
                    f"{self.folder}: another process carries out task {task}",
                    "wait until it is done",
                ) from None
            yield

    def _place(self, job: Job) -> FilePath:
        return self.folder / RESULTS / f"{job['index']}.json"

    def _result(self, job: Job) -> dict[str, Any]:
        """What a job left: numbers, why it failed, or nothing."""
        try:
            match json.loads(read_bytes(self._place(job), "", MOST_BYTES)):
                case {"numbers": dict() as numbers}:
                    return {"numbers": numbers}
                case {"why": str(why)}:
                    return {"why": why}
        except (CircuitError, ValueError, RecursionError):
            pass
        return {}  # damaged, or not there: it is computed again

    def _work(self) -> dict[str, Any]:
        return {"runs": list(self.jobs), "about": dict(self.about)}

    def _data(self) -> dict[str, Any]:
        """The manifest: circuits that several jobs share are written once."""
        circuits: list[list[Any]] = []
        places: dict[str, int] = {}
        jobs = []
        for job in self.jobs:
            circuit = [job["circuit"], job["files"]]
            key = json.dumps(circuit)
            if key not in places:
                places[key] = len(circuits)
                circuits.append(circuit)
            others = {name: value for name, value in job.items() if name != "files"}
            jobs.append({**others, "circuit": places[key]})
        return {
            "thalia": version("thalia"),
            "kind": self.kind,
            "name": self.name,
            "tasks": self.tasks,
            "about": dict(self.about),
            "circuits": circuits,
            "jobs": jobs,
        }


def read_jobs(folder: FilePath) -> JobFolder:
    """Jobs that were written down.

    Raises
    ------
    CircuitError
        If the folder holds none, another version wrote them, or they are damaged.
    """
    place = folder / MANIFEST
    if not place.exists():
        raise fail(f"{folder}: holds no jobs", "`thalia sweep --write-jobs FOLDER` writes them")
    damaged = fail(f"{place}: is damaged", "write the jobs again, into another folder")
    try:
        data = json.loads(read_bytes(place, str(place), MOST_BYTES))
        if data["thalia"] != (mine := version("thalia")):
            raise fail(
                f"{folder}: was written by Thalia {data['thalia']}, this is {mine}",
                "carry the jobs out with the version that wrote them",
            )
        circuits = data["circuits"]
        jobs = tuple(
            {**job, "circuit": circuits[job["circuit"]][0], "files": circuits[job["circuit"]][1]}
            for job in data["jobs"]
        )
        if data["kind"] not in FOLDERS or not _write_here(jobs):
            raise damaged
        found = JobFolder(folder, data["kind"], data["name"], data["about"], jobs, data["tasks"])
        log = json.loads(read_bytes(folder / f"{found.kind}.json", str(place), MAX_TEXT))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise damaged from None
    if log != ResultLog.description(found._work()):
        raise damaged
    if links := [name for name in (RESULTS, UNFINISHED) if (folder / name).is_symlink()]:
        raise fail(f"{folder / links[0]}: is a link", "copy what it leads to")
    return found


def _write_here(jobs: Iterable[Any]) -> bool:
    """Whether what jobs write goes into their folder alone, also if a stranger has written them."""
    return all(
        type(job["index"]) is int and not (job.keys() | job.get("options", {}).keys()) & OF_FILES
        for job in jobs
    )


def tasks_of(site: Site, jobs: int) -> int:
    """In how many tasks jobs are done: as many as the site says, by default one each."""
    asked = site.jobs if "jobs" in site.model_fields_set else MOST_TASKS
    return min(asked, jobs)

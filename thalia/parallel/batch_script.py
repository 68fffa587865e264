"""The script of an array job: what a batch system is asked for, and what each of its tasks does."""

import re
import shlex
import sys
from pathlib import Path as FilePath

from thalia.errors import fail
from thalia.parallel.site import PbsSite, Site, SlurmSite

WARNING_SECONDS = 120  # before its time is over, in which a run saves its state
_OF_DASK = ("interface", "local_directory", "worker_extra_args", "scheduler_options")
_ONE_WORD = re.compile(r"[\w./+@=,:~-]+")  # batch systems read directives as words

# The task is asked to end, and begins again later: what it has is on disk. If it is asked to end by
# somebody else, it stays ended; a job that is pre-empted begins again by itself.
_SLURM = """
again=no
{command} "$SLURM_ARRAY_TASK_ID" &
task=$!
trap 'again=yes; kill -TERM "$task"' USR1
trap 'kill -TERM "$task"' TERM
wait "$task"
status=$?
while kill -0 "$task" 2>/dev/null; do
    wait "$task"
    status=$?
done
if [ "$again" = yes ] && [ "$status" -ne 0 ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit "$status"
"""
_PBS = """
exec {command} "${{PBS_ARRAY_INDEX:-0}}"
"""


def script(folder: FilePath, name: str, tasks: int, site: Site) -> str:
    """The array job whose tasks carry out the jobs in a folder.

    Parameters
    ----------
    folder : path
        Of the jobs, seen under the same name by all machines.
    name : str
        Of the job, unless the site has one.
    tasks : int

    Raises
    ------
    CircuitError
        If the site asks for what only workers of Dask have, or the name of the folder is not one
        word.
    """
    given = site.model_dump(exclude_none=True, exclude_defaults=True)
    if unused := [key for key in _OF_DASK if key in given]:
        raise fail(
            f"--cluster-options: {unused[0]} is for the workers of Dask, not for --write-jobs",
            "leave it out",
        )
    place = folder.absolute()
    if not _ONE_WORD.fullmatch(str(place)):
        raise fail(
            f"--write-jobs {place}: batch systems read names of folders as one word",
            "choose a folder whose name has letters, digits, '.', '_' and '-' only",
        )
    asked = _slurm(site, place, tasks) if isinstance(site, SlurmSite) else _pbs(site, place, tasks)
    head = "#SBATCH" if isinstance(site, SlurmSite) else "#PBS"
    flag = "--job-name=" if isinstance(site, SlurmSite) else "-N "
    directives = [f"{flag}{site.job_name or name}", *asked, *(site.job_extra_directives or ())]
    skipped = site.job_directives_skip or ()
    lines = [
        site.shebang or "#!/usr/bin/env bash",
        *(f"{head} {each}" for each in directives if not any(skip in each for skip in skipped)),
        *(site.job_script_prologue or ()),
    ]
    python = shlex.quote(site.python or sys.executable)
    # -P: Python alone would import its own modules from where the job was submitted, too
    command = f"{python} -P -m thalia job {shlex.quote(str(place))}"
    body = _SLURM if isinstance(site, SlurmSite) else _PBS
    return "\n".join(lines) + body.format(command=command)


def _slurm(site: SlurmSite, folder: FilePath, tasks: int) -> list[str]:
    cores, memory = site.job_cpu or site.cores, site.job_mem or site.memory
    return [
        f"--array=0-{tasks - 1}",
        f"--output={_logs(site, folder)}/%a.txt",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:USR1@{WARNING_SECONDS}",
        *([f"--partition={site.queue}"] if site.queue else []),
        *([f"--account={site.account}"] if site.account else []),
        "--ntasks=1",
        *([f"--cpus-per-task={cores}"] if cores else []),
        *([f"--mem={_compact(memory)}"] if memory else []),
        *([f"--time={site.walltime}"] if site.walltime else []),
    ]


def _pbs(site: Site, folder: FilePath, tasks: int) -> list[str]:
    cores = f":ncpus={site.cores}" if site.cores else ""
    memory = f":mem={_compact(site.memory)}" if site.memory else ""
    given = site.resource_spec if isinstance(site, PbsSite) else None
    return [
        *([f"-J 0-{tasks - 1}"] if tasks > 1 else []),  # an array of one is none
        "-r y",
        "-j oe",
        f"-o {_logs(site, folder)}/",
        *([f"-q {site.queue}"] if site.queue else []),
        *([f"-A {site.account}"] if site.account else []),
        f"-l {given or f'select=1{cores}{memory}'}",
        *([f"-l walltime={site.walltime}"] if site.walltime else []),
    ]


def _logs(site: Site, folder: FilePath) -> FilePath:
    return FilePath(site.log_directory).absolute() if site.log_directory else folder / "logs"


def _compact(memory: str) -> str:
    """An amount of memory as batch systems read it: `4 GB` as `4GB`."""
    return memory.replace(" ", "")

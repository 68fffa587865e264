"""The command that carries out what was written for a batch system: `thalia job`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from thalia.cli.output import say


def job(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that --write-jobs has written.")
    ],
    task: Annotated[int, typer.Argument(metavar="TASK", help="Number of the task, from 0 on.")],
) -> None:
    """Carry out one task of an array job.

    The script of the batch system does so. What was done before is not done again. After SIGTERM
    the state is kept, and the same command goes on from it.

    Example: thalia job jobs 0
    """
    from thalia.parallel.job_folder import read_jobs
    from thalia.parallel.workers import simulate_kept
    from thalia.training.array_job import own_tasks, take_part_kept

    jobs = read_jobs(folder)
    for name in own_tasks(jobs):
        say(f"this runs the Python code of {name}", file=sys.stderr)
    work = simulate_kept if jobs.kind == "sweep" else take_part_kept
    if jobs.carry_out(task, work, say):
        raise typer.Exit(1)

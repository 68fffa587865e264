"""An experiment as an array job of a batch system."""

from pathlib import Path as FilePath
from typing import Any

from thalia import backends
from thalia.parallel.job_folder import JobFolder, tasks_of
from thalia.parallel.site import Site
from thalia.parallel.workers import Job, check_backend, circuit_of
from thalia.training.answers import Checkpoint
from thalia.training.experiment import Asked, LearnOptions, asked_for, checked_task, take_part
from thalia.training.logs import Condition
from thalia.training.phases import plan_for_trials
from thalia.training.results import Outcome

KIND = "experiment"


def write_experiment(
    experiment: str | FilePath, options: LearnOptions, folder: FilePath, site: Site
) -> FilePath:
    """Write an experiment as an array job, with all that its tasks need.

    Parameters
    ----------
    experiment, options
        As in `learn_with`.
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
        For anything that the user can correct.
    """
    asked = asked_for(experiment, options)
    for condition in asked.conditions:
        check_backend(options.backend or backends.choose()[0], plan_for_trials(condition.circuit))
    about = {
        "conditions": [
            {
                "name": each.name,
                "says": each.says,
                "numbers": each.numbers,
                "baselines": each.baselines,
            }
            for each in asked.conditions
        ],
        "seeds": list(asked.seeds),
        "backend": asked.backend,
    }
    jobs = tuple(asked.jobs)
    return JobFolder(folder, KIND, asked.name, about, jobs, tasks_of(site, len(jobs))).write(site)


def own_tasks(jobs: JobFolder) -> list[str]:
    """The names of the Python files that carrying out jobs runs."""
    return sorted({name for job in jobs.jobs for name in job["files"] if name.endswith(".py")})


def take_part_kept(job: Job, file: FilePath) -> dict[str, Any]:
    """One run of an experiment, which goes on from its checkpoint in a file if that is there."""
    return take_part({**job, "checkpoint": Checkpoint.of(file, job)})


def collect_experiment(jobs: JobFolder) -> Outcome:
    """The outcome of an experiment that was written as an array job, with the runs that ended."""
    about = jobs.about
    conditions = []
    for place, each in enumerate(about["conditions"]):
        circuit = circuit_of(next(job for job in jobs.jobs if job["condition"] == place))
        conditions.append(Condition(circuit=circuit, data=circuit.folder, **each))
    tasks = [checked_task(each.circuit, each.numbers, each.data) for each in conditions]
    asked = Asked(conditions, tasks, about["seeds"], [*jobs.jobs], about["backend"])
    with jobs.gathered() as (results, failures):
        return asked.outcome(results, failures)

"""What is asked of a batch system: SLURM or PBS."""

from pathlib import Path as FilePath
from typing import Any, ClassVar

from pydantic import Field

from thalia.errors import did_you_mean, fail
from thalia.syntax.folder import read_text
from thalia.syntax.node import Node
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import read_yaml

NO_DASHBOARD = {"dashboard": False, "dashboard_address": ":0"}  # its usual port may be taken


class Site(Node):
    """What a batch system is asked for; but for `jobs`, the names are those of dask-jobqueue.

    Each of the `jobs` has `cores` processes, which carry out one run at a time each. What is not
    given is what the configuration of dask-jobqueue says.
    """

    CLASS: ClassVar[str]
    SUBMIT: ClassVar[str]

    jobs: int = Field(1, ge=1)
    cores: int | None = Field(None, ge=1)
    memory: str | None = None
    queue: str | None = None
    account: str | None = None
    walltime: str | None = None
    interface: str | None = None
    local_directory: str | None = None
    log_directory: str | None = None
    python: str | None = None
    shebang: str | None = None
    job_name: str | None = None
    worker_extra_args: list[str] | None = None
    job_extra_directives: list[str] | None = None
    job_directives_skip: list[str] | None = None
    job_script_prologue: list[str] | None = None
    scheduler_options: dict[str, Any] = {}

    def options(self) -> dict[str, Any]:
        """The arguments for dask-jobqueue."""
        found = self.model_dump(exclude_none=True, exclude={"jobs"})
        found["scheduler_options"] = NO_DASHBOARD | self.scheduler_options
        return found | ({"processes": self.cores} if self.cores else {})


class SlurmSite(Site):
    """A site with SLURM."""

    CLASS, SUBMIT = "SLURMCluster", "sbatch"

    job_cpu: int | None = Field(None, ge=1)
    job_mem: str | None = None


class PbsSite(Site):
    """A site with PBS."""

    CLASS, SUBMIT = "PBSCluster", "qsub"

    resource_spec: str | None = None


BATCH_SYSTEMS: dict[str, type[Site]] = {"slurm": SlurmSite, "pbs": PbsSite}


def check_name(batch_system: str) -> None:
    """Refuse the name of a batch system that is not known.

    Raises
    ------
    CircuitError
        If it is not.
    """
    if batch_system not in BATCH_SYSTEMS:
        message = f"--cluster: no batch system is called '{batch_system}'"
        raise fail(message, did_you_mean(batch_system, BATCH_SYSTEMS))


def site_of(batch_system: str, options: str | FilePath | None) -> Site:
    """What a file asks of a batch system; nothing without one.

    Raises
    ------
    CircuitError
        If the file cannot be read, or a key or value of it is not valid.
    """
    model = BATCH_SYSTEMS[batch_system]
    if options is None:
        return model()
    text = read_text(FilePath(options), f"--cluster-options {options}")
    return parse(model, *read_yaml(text, str(options)))

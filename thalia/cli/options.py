"""What commands have in common: options, the progress bar, and the output of results."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import escape, glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalia.cli.output import say
from thalia.errors import fail
from thalia.simulation.interruption import Terminated, terminable

if TYPE_CHECKING:
    from thalia.circuit.spec import Circuit
    from thalia.parallel.job_folder import JobFolder
    from thalia.parallel.site import Site
    from thalia.recording.run_file import Run


def found_circuit(name: str) -> Path:
    """The file that an argument means; `thalia.circuit` is imported when there is one."""
    from thalia.circuit.bundled import circuit_file

    return circuit_file(name)


def completed_circuit(incomplete: str) -> list[str]:
    """For shells: the circuits that come with Thalia, and the files, that begin so."""
    from thalia.circuit.bundled import bundled_circuits

    named = [name for name in bundled_circuits() if name.startswith(incomplete)]
    there = sorted(glob(f"{escape(incomplete)}*"))
    return named + [f"{each}/" if Path(each).is_dir() else each for each in there]


CircuitFile = Annotated[
    Path,
    typer.Argument(
        metavar="CIRCUIT",
        help="A circuit file, or a name from `thalia circuits`.",
        parser=found_circuit,
        autocompletion=completed_circuit,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Replace a value of the file; may be repeated."
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(help="Fraction of the neurons, and of the synapses per neuron, to build."),
]
Nestml = Annotated[
    bool,
    typer.Option("--nestml", help="For NEST: describe cells and rules that it has not in NESTML."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        help="Threads of the C++ program; by default as many as are fastest. Results are the same.",
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        help="cpp, cuda (an NVIDIA GPU) or runtime (NumPy); by default cpp where it works."
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler whose workers are used instead.")
]
Cluster = Annotated[
    str | None,
    typer.Option(help="slurm or pbs: batch jobs are used instead, through dask-jobqueue."),
]
ClusterOptions = Annotated[
    Path | None,
    typer.Option(help="YAML file for --cluster: jobs, cores, memory, queue, walltime and others."),
]
WriteJobs = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Write it as an array job for --cluster into a new folder, and run nothing.",
    ),
]
Collect = Annotated[
    bool,
    typer.Option("--collect", help="Put together what the jobs in a folder have done: the table."),
]
Seed = Annotated[int | None, typer.Option(help="Random seed.")]
Duration = Annotated[str | None, typer.Option(help="Model time, such as '2 s'.")]
Lower = Annotated[
    str,
    typer.Option(help="'off' integrates every synaptic variable at every step, as a reference."),
]
Precision = Annotated[
    str, typer.Option(help="'single' halves the memory of synapses; everything else stays double.")
]
Chunk = Annotated[
    str | None,
    typer.Option(
        help="Model time between two progress reports; by default about 0.2 s of wall-clock time."
    ),
]
CheckpointEvery = Annotated[
    str | None,
    typer.Option(
        help="Model time between two checkpoints, such as '5 s'; by default they cost less than "
        "5 % of the wall-clock time."
    ),
]


@contextmanager
def interruptible() -> Iterator[None]:
    """After Ctrl-C or SIGTERM, say how to continue, and end with the status of such an end.

    That is 130 or 143. The notes of the exception know how to continue.
    """
    try:
        with terminable():
            yield
    except (KeyboardInterrupt, Terminated) as end:
        what, status = "interrupted", 130
        if isinstance(end, Terminated):
            what, status = f"ended by {end.signal}", int(str(end.code))
        say("; ".join((what, *getattr(end, "__notes__", ()))), file=sys.stderr)
        raise typer.Exit(status) from None


def site_for_jobs(
    cluster: str | None, options: Path | None, others: Mapping[str, object]
) -> "Site":
    """What `--write-jobs` asks of a batch system.

    Raises
    ------
    CircuitError
        If none is named, or an option is given that has no meaning there.
    """
    from thalia.parallel.site import check_name, site_of

    if not cluster:
        raise fail("--write-jobs: needs the batch system", "say --cluster slurm or --cluster pbs")
    check_name(cluster)
    _refuse_others("--write-jobs", others)
    return site_of(cluster, options)


def jobs_to_collect(folder: Path, kind: str, others: Mapping[str, object]) -> "JobFolder":
    """The jobs of a folder whose results are put together.

    Raises
    ------
    CircuitError
        If it holds none, or those of another command, or an option is given that has no meaning.
    """
    from thalia.parallel.job_folder import read_jobs

    _refuse_others("--collect", others)
    jobs = read_jobs(folder)
    if jobs.kind != kind:
        commands = {"sweep": "thalia sweep", "experiment": "thalia learn"}
        raise fail(f"{folder}: holds jobs of a {jobs.kind}", f"{commands[jobs.kind]} --collect")
    return jobs


def _refuse_others(option: str, others: Mapping[str, object]) -> None:
    for name, value in others.items():
        if value:
            raise fail(f"--{name}: has no meaning with {option}", "leave it out")


def load_with(file: Path, settings: list[str] | None) -> "Circuit":
    """A circuit with the values that `--set` replaces."""
    from thalia.compiler.pipeline import load_whole

    return load_whole(file, settings_of(settings))


def settings_of(settings: list[str] | None) -> dict[str, str]:
    """The values that `--set` replaces, by path.

    Raises
    ------
    CircuitError
        If one of them is not PATH=VALUE.
    """
    pairs = {}
    for setting in settings or []:
        path, equals, value = setting.partition("=")
        if not equals or not path.strip():
            raise fail(
                f"--set {setting}: expected PATH=VALUE",
                "as in --set pathways.a_to_b.weight='0.3 nS'",
            )
        pairs[path.strip()] = value.strip()
    return pairs


def tell(result: "Run", figures: list[Path], as_json: bool) -> None:
    if as_json:
        say(
            json.dumps(
                {"file": str(result.file), **result.results, "figures": [str(f) for f in figures]}
            )
        )
        return
    from thalia.cli.tables import print_summary

    print_summary(result, figures)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Any]:
    """A live bar over building and simulating, on standard error."""
    from thalia.simulation.progress_bar import progress_bar as bar

    with bar(quiet) as progress:
        yield progress

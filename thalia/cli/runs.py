"""The commands about run files: resume one, compare two, export one to other tools; and sweeps."""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalia.cli.options import (
    Backend,
    CheckpointEvery,
    Chunk,
    CircuitFile,
    Cluster,
    ClusterOptions,
    Collect,
    Duration,
    Nestml,
    Scale,
    Scheduler,
    Seed,
    Set,
    Threads,
    WriteJobs,
    completed_circuit,
    found_circuit,
    jobs_to_collect,
    load_with,
    progress_bar,
    settings_of,
    site_for_jobs,
    tell,
)
from thalia.cli.output import say
from thalia.errors import did_you_mean, fail

if TYPE_CHECKING:
    from thalia.parallel.sweep import Table

MANY_RUNS = 1000  # from which on a sweep asks


def resume(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A run file, finished or interrupted.")
    ],
    for_: Annotated[
        str | None, typer.Option("--for", help="Model time to continue for; by default to the end.")
    ] = None,
    checkpoint_every: CheckpointEvery = None,
    chunk: Chunk = None,
    threads: Threads = None,
    as_it_was: Annotated[
        bool,
        typer.Option(
            "--as-it-was", help="Resume with the stored circuit even if the YAML has changed."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Resume an interrupted run, or extend a finished one.

    Example: thalia resume runs/cortex/2026-11-22T10-00-00.h5 --for 1s
    """
    from thalia.simulation.resume import ResumeOptions, resume_with

    with progress_bar(quiet=as_json) as progress:
        options = ResumeOptions(
            for_=for_,
            checkpoint_every=checkpoint_every,
            chunk=chunk,
            threads=threads,
            as_it_was=as_it_was,
            progress=progress,
        )
        result = resume_with(file, options)
    tell(result, [], as_json)


def verify_resume(
    circuit: CircuitFile,
    set_: Set = None,
    backend: Backend = None,
    seed: Seed = None,
    duration: Duration = None,
    scale: Scale = None,
    pieces: Annotated[int, typer.Option(help="Number of pieces in which to run it.")] = 3,
    threads: Annotated[
        str | None,
        typer.Option(
            "--threads",
            metavar="N,N,...",
            help="Threads of the uninterrupted run, then of one piece after the other.",
        ),
    ] = None,
) -> None:
    """Check that resuming a run gives bit-identical results.

    Compares spikes, weights and state with those of an uninterrupted run, also when the pieces are
    computed on other numbers of threads.

    Example: thalia verify-resume circuits/balanced.yaml --duration '1 s' --threads 1,2,4
    """
    from thalia.compiler.options import with_options
    from thalia.simulation.verify_resume import verify

    loaded = with_options(load_with(circuit, set_), seed, scale)
    with progress_bar(quiet=False) as progress:
        verdict = verify(
            loaded,
            backend=backend,
            duration=duration,
            pieces=pieces,
            threads=_numbers_of(threads),
            progress=progress,
        )
    say(verdict.text())
    if not verdict.identical:
        raise typer.Exit(1)


def _numbers_of(text: str | None) -> tuple[int, ...]:
    """Numbers of threads, separated by commas."""
    numbers = (text or "").split(",") if text is not None else []
    if not all(number.strip().isascii() and number.strip().isdigit() for number in numbers):
        raise fail(f"--threads: expected numbers, found '{text}'", "as in --threads 1,2,4")
    return tuple(map(int, numbers))


def diff(
    first: Annotated[Path, typer.Argument(metavar="FILE", help="A run file.")],
    second: Annotated[Path, typer.Argument(metavar="FILE", help="Another.")],
) -> None:
    """Report what differs between two runs.

    Compares circuit, spikes, weights and state. Status 1 if any differs.

    Example: thalia diff runs/first.h5 runs/second.h5
    """
    from thalia.simulation.diff import compare

    lines = compare(first, second)
    say("\n".join(lines) if lines else "bit-identical")
    if lines:
        raise typer.Exit(1)


def health(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A run file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The figure; by default next to the run file."),
    ] = None,
    phase: Annotated[
        str, typer.Option(help="The phase to judge; by default the last.", metavar="NAME")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, and draw nothing.")
    ] = False,
) -> None:
    """Judge the activity of a run, population by population. Status 2 if any is critical.

    Example: thalia health runs/cortex/2026-11-22T10-00-00.h5
    """
    from thalia.analysis.health import CRITICAL
    from thalia.analysis.health import health as judge
    from thalia.recording.run_file import Run

    run = Run(file)
    found = judge(run, phase)
    if as_json:
        say(json.dumps({"file": str(file), "verdict": found.verdict, **asdict(found)}))
    else:
        from thalia.cli.tables import print_health
        from thalia.figures.health import health_figure
        from thalia.figures.style import save

        print_health(found)
        if found.populations:
            figure = health_figure(found, f"{run.attributes['name']}, {phase or run.phases[-1][0]}")
            say(save(figure, output or file.with_name(f"{file.stem}_health.png")))
    if found.verdict == CRITICAL:
        raise typer.Exit(2)


def report(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE or FOLDER",
            help="A run file, a memory, or the folder of an experiment, a sweep, a study or a fit.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The page; by default next to the run file, or in the folder."
        ),
    ] = None,
) -> None:
    """Write an HTML page about a run, or a folder of results.

    It needs no server and no network.

    Example: thalia report runs/cortex/2026-11-22T10-00-00.h5
    """
    from thalia.reports import report as report_of
    from thalia.reports.place import place_of

    file = place_of(source, output)
    say(report_of(source).save(file))


def export(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A run file; to NEST, also a circuit.",
            parser=found_circuit,
            autocompletion=completed_circuit,
        ),
    ],
    to: Annotated[str, typer.Option(help="nwb, neo, sonata, graphml, rocrate or nest.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Output file, or folder for SONATA, RO-Crate and NEST."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing output.")
    ] = False,
    connectivity: Annotated[
        str | None,
        typer.Option(help="For NEST: the same synapses, or statistical ones, which it draws."),
    ] = None,
    nestml: Nestml = False,
    set_: Set = None,
    seed: Seed = None,
    duration: Duration = None,
    scale: Scale = None,
) -> None:
    """Write a run, or a circuit, for another tool.

    A run in its format, or a circuit as a program for NEST.

    Example: thalia export runs/cortex/2026-11-22T10-00-00.h5 --to nwb
    """
    only_nest = {
        "connectivity": connectivity,
        "nestml": nestml or None,
        "set": set_,
        "seed": seed,
        "duration": duration,
        "scale": scale,
    }
    if to == "nest":
        if overwrite:
            raise fail("--overwrite: a program for NEST is never replaced", "name another folder")
        given = {key: value for key, value in only_nest.items() if value is not None}
        _export_to_nest(file, output, given)
        return
    from thalia.exporters import FORMATS
    from thalia.exporters import export as write
    from thalia.recording.run_file import Run

    if to not in FORMATS:
        raise fail(f"no format is called '{to}'", did_you_mean(to, (*FORMATS, "nest")))
    for name, value in only_nest.items():
        if value is not None:
            raise fail(f"--{name}: is for --to nest", "leave it out")
    say(write(Run(file), to, output, overwrite))


def _export_to_nest(file: Path, output: Path | None, options: dict[str, Any]) -> None:
    from thalia.exporters.nest import write_program

    folder = output or Path(f"{file.stem}_nest")
    options |= {"set": settings_of(options.pop("set", None))}
    for remark in write_program(file, folder, **options):
        say(f"note: {remark}", file=sys.stderr)
    say(folder / "run.py")


def sweep(
    circuit: CircuitFile,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=VALUES", help="Values to run: 0.1nS:1nS:10, or a,b; may be repeated."
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Random seeds: 1:8, or 1,5,9; by default the circuit's own.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of parallel processes; by default one for each core."),
    ] = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    cluster_options: ClusterOptions = None,
    write_jobs: WriteJobs = None,
    collect: Collect = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output folder; pass an existing one to continue it."),
    ] = None,
    set_: Set = None,
    duration: Duration = None,
    scale: Scale = None,
    backend: Backend = None,
    plot: Annotated[
        list[str] | None,
        typer.Option("--plot", metavar="NUMBER", help="Number to draw, such as cv_isi.l4e."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Skip confirmation.")] = False,
) -> None:
    """Run a circuit with many values and seeds.

    One build serves all runs; the summaries go into a table and a figure.

    Example: thalia sweep circuits/brunel.yaml --vary stimuli.external.rate=8kHz:20kHz:5 --seeds 1:4
    """
    from thalia.parallel.axes import axis_of, seeds_of
    from thalia.parallel.sweep import collect_sweep, write_sweep
    from thalia.parallel.sweep import sweep as run_sweep

    elsewhere = {"scheduler": scheduler, "workers": workers, "output": output}
    if collect:
        varied = {"vary": vary, "seeds": seeds, "set": set_, "write-jobs": write_jobs}
        jobs = jobs_to_collect(circuit, "sweep", {**elsewhere, **varied, "cluster": cluster})
        _tell_sweep(collect_sweep(jobs), len(jobs.jobs), plot)
        return
    axes, chosen = [axis_of(each) for each in vary or []], seeds_of(seeds) if seeds else None
    count = len(chosen or (0,)) * math.prod(len(axis.values) for axis in axes)
    if count > MANY_RUNS and not yes:
        if not sys.stdin.isatty():
            raise fail(f"these are {count:,} runs", "say --yes if you mean it")
        typer.confirm(f"These are {count:,} runs. Continue?", abort=True)
    options: dict[str, Any] = {
        "set": settings_of(set_),
        "duration": duration,
        "scale": scale,
        "backend": backend,
    }
    if write_jobs:
        site = site_for_jobs(cluster, cluster_options, elsewhere)
        script = write_sweep(circuit, axes, chosen, folder=write_jobs, site=site, **options)
        say(f"{site.SUBMIT} {script}")
        return
    with progress_bar(quiet=False) as progress:
        table = run_sweep(
            circuit,
            axes,
            chosen,
            output=output,
            workers=workers,
            scheduler=scheduler,
            cluster=cluster,
            cluster_options=cluster_options,
            progress=progress,
            **options,
        )
    _tell_sweep(table, count, plot)


def _tell_sweep(table: "Table", count: int, plot: list[str] | None) -> None:
    """Say what a sweep found, and draw it.

    Raises
    ------
    Exit
        If runs failed, or have not ended yet.
    """
    from thalia.figures.style import save
    from thalia.figures.sweep import sweep_figure

    say(f"{len(table.rows)} of {count} runs: {table.folder / 'table.csv'}, table.h5")
    if len(table.axes) in (1, 2) and table.rows:
        say(save(sweep_figure(table, plot or ()), table.folder / "sweep.png"))
    for point, why in table.failed:
        say(f"failed: seed {point.seed}, {point.settings}: {why}", file=sys.stderr)
    if len(table.rows) < count:
        raise typer.Exit(1)

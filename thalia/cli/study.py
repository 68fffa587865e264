"""The command that compares a circuit with its conditions: `thalia study`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalia.cli.options import (
    Backend,
    CircuitFile,
    Duration,
    Scale,
    Set,
    progress_bar,
    settings_of,
)
from thalia.cli.output import say

if TYPE_CHECKING:
    from thalia.parallel.study import Measure, Study


def study(
    circuit: CircuitFile,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Which condition to run, by default all; may be repeated."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of every condition: 1:5, or 1,5,9.")] = "1:5",
    backend: Backend = None,
    duration: Duration = None,
    scale: Scale = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of parallel processes; by default one for each core."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output folder; pass an existing one to continue it."),
    ] = None,
    set_: Set = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Compare a circuit with each of its conditions.

    All run with the same seeds; the table shows their rates and the paired differences.

    Example: thalia study circuits/prefrontal.yaml --condition no_cue --seeds 1:5
    """
    from thalia.parallel.axes import seeds_of
    from thalia.parallel.study import study as run_study

    with progress_bar(quiet=as_json) as progress:
        made = run_study(
            circuit,
            condition,
            seeds_of(seeds),
            output=output,
            workers=workers,
            set=settings_of(set_),
            progress=progress,
            duration=duration,
            scale=scale,
            backend=backend,
        )
    if as_json:
        say(json.dumps(_as_data(made)))
    else:
        from thalia.cli.tables import print_study

        print_study(made)
        say(f"{made.folder / 'table.csv'} and the run files")
    for name, seed, why in made.failed:
        say(f"failed twice: {name}, seed {seed}: {why}", file=sys.stderr)
    if made.failed:
        raise typer.Exit(1)


def _as_data(made: "Study") -> dict[str, Any]:
    measures = made.measure()
    return {
        "circuit": made.name,
        "folder": str(made.folder),
        "conditions": {
            name: {
                "says": made.says[name],
                "runs": {seed: str(run.file) for seed, run in runs.items()},
                "rates_hz": {key: _numbers(each) for key, each in measures.get(name, {}).items()},
            }
            for name, runs in made.runs.items()
        },
        "failed": [
            {"condition": name, "seed": seed, "why": why} for name, seed, why in made.failed
        ],
    }


def _numbers(measure: "Measure") -> dict[str, Any]:
    """Mean and interval with its method, and those of the paired difference where there is one."""
    found: dict[str, Any] = asdict(measure.interval)
    if measure.difference:
        found["difference"] = asdict(measure.difference.interval)
    return found

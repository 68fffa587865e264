"""The command that fits values of a circuit to a target: `thalia fit`."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalia.cli.options import (
    Backend,
    CircuitFile,
    Cluster,
    ClusterOptions,
    Duration,
    Scale,
    Scheduler,
    Set,
    progress_bar,
    settings_of,
)
from thalia.cli.output import say

if TYPE_CHECKING:
    from thalia.parallel.fit import Fit, Trial


def fit(
    circuit: CircuitFile,
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="PATH=RANGE",
            help="Values to try: 0.1nS:2nS, 0.1nS:2nS:log, or a,b; may be repeated.",
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            metavar="rates|health|FILE",
            help="What to reach: ranges of `reference:`, also what `thalia health` judges, or a "
            "YAML file of numbers and ranges.",
        ),
    ] = "rates",
    optimizer: Annotated[str, typer.Option(help="tpe, cmaes or random, of Optuna.")] = "tpe",
    trials: Annotated[int, typer.Option(help="Maximum number of trials.")] = 100,
    batch: Annotated[
        int, typer.Option(help="Trials that are drawn before the results of any are known.")
    ] = 8,
    seeds: Annotated[
        str | None,
        typer.Option(help="Random seeds of each trial: 1:4, or 1,5; by default the circuit's own."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of parallel processes; by default one for each core."),
    ] = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    cluster_options: ClusterOptions = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output folder; pass an existing one to continue it."),
    ] = None,
    set_: Set = None,
    duration: Duration = None,
    scale: Scale = None,
    backend: Backend = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of text.")
    ] = False,
) -> None:
    """Search for values with which runs meet a target.

    Writes every trial into a table, and a figure of the search. Status 2 if none meets the target.

    Example: thalia fit circuits/brunel.yaml --vary stimuli.external.rate=5Hz:40Hz --target ai.yaml
    """
    from thalia.circuit.bundled import name_of
    from thalia.figures.fit import fit_figure
    from thalia.figures.style import save
    from thalia.parallel.axes import seeds_of
    from thalia.parallel.fit import fit as search

    options: dict[str, Any] = {"duration": duration, "scale": scale, "backend": backend}
    with progress_bar(quiet=as_json) as progress:
        found = search(
            circuit,
            vary,
            target,
            seeds=seeds_of(seeds) if seeds else None,
            optimizer=optimizer,
            trials=trials,
            batch=batch,
            output=output,
            workers=workers,
            scheduler=scheduler,
            cluster=cluster,
            cluster_options=cluster_options,
            set=settings_of(set_),
            progress=progress,
            **options,
        )
    best = found.best
    figure = str(save(fit_figure(found), found.folder / "fit.png")) if best else ""
    if as_json:
        say(json.dumps(_as_data(found, figure)))
    else:
        say(f"{len(found.trials)} trials: {found.folder / 'table.csv'}")
        if best:
            say(figure)
            set_to = (
                f"--set {shlex.quote(f'{path}={text}')}" for path, text in best.settings.items()
            )
            say(f"thalia run {shlex.quote(name_of(circuit))} {' '.join(set_to)}")
    if not found.is_met:
        say(_short_of(found, best), file=sys.stderr)
        raise typer.Exit(2)


def _as_data(found: "Fit", figure: str) -> dict[str, Any]:
    best = found.best
    return {
        "circuit": found.circuit,
        "folder": str(found.folder),
        "target": found.target.name,
        "met": found.is_met,
        "trials": len(found.trials),
        "best": best and {"trial": best.index, "set": best.settings, "distance": best.distance},
        "misses": found.target.misses(best.runs) if best else [],
        "figure": figure,
    }


def _short_of(found: "Fit", best: "Trial | None") -> str:
    """Why the target was not met."""
    if best is None:
        return f"no trial ended: {found.trials[0].why}"
    misses = "; ".join(found.target.misses(best.runs))
    return (
        f"no trial met the target; the nearest, {best.index}, is off by {best.distance:.3g}: "
        f"{misses}\n    hint: more --trials, other values to --vary, or a wider target"
    )

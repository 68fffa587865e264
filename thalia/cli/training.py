"""The command that has circuits learn: `thalia learn`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thalia.cli.options import Backend, Set, progress_bar, settings_of
from thalia.cli.output import say
from thalia.errors import fail

if TYPE_CHECKING:
    from thalia.training.results import Outcome


def learn(
    experiment: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPERIMENT", help="A name from `thalia list experiments`, or a file."
        ),
    ],
    rule: Annotated[str | None, typer.Option(help="Rule of the experiment to learn with.")] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(help="Control to run; may be repeated; by default all, with 'none' none."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Number of seeds; by default that of the experiment.")
    ] = None,
    base_seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 123,
    trials: Annotated[
        int | None, typer.Option(help="Number of trials, in place of the experiment's own.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of parallel processes; by default one per core."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output folder; pass an existing one to continue it."),
    ] = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Write a run file per condition and seed, as the circuit's record: says.",
        ),
    ] = False,
    set_: Set = None,
    backend: Backend = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the results of several folders into one table.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Run an experiment with its controls over several seeds.

    Writes a log of each, a learning curve and a table.

    Example: thalia learn bandit --seeds 5
    """
    from thalia.figures.style import save
    from thalia.figures.training import learning_curve
    from thalia.training import results
    from thalia.training.experiment import LearnOptions, learn_with, own_task

    if compare:
        outcomes = [results.read(Path(folder)) for folder in experiment]
        say(results.comma_separated(outcomes) if as_json else results.markdown(outcomes), end="")
        return
    if len(experiment) > 1:
        raise fail(
            f"expected one experiment, found {len(experiment)}",
            "folders are compared with --compare",
        )
    if task := own_task(experiment[0], settings_of(set_)):
        say(f"this runs the Python code of {task}", file=sys.stderr)
    with progress_bar(quiet=as_json) as progress:
        options = LearnOptions(
            rule=rule,
            controls=_controls(control),
            seeds=seeds,
            base_seed=base_seed,
            trials=trials,
            workers=workers,
            output=output,
            backend=backend,
            set=settings_of(set_),
            record=record,
            progress=progress,
        )
        outcome = learn_with(experiment[0], options)
    for condition, seed, why in outcome.failed:
        say(f"failed twice: {condition}, seed {seed}: {why}", file=sys.stderr)
    figure = save(learning_curve(outcome), outcome.folder / "learning.png")
    if as_json:
        found = {
            log.condition: {"seeds": log.seeds, "aggregate": log.aggregate()}
            for log in outcome.logs
        }
        say(
            json.dumps(
                {
                    "experiment": outcome.name,
                    "folder": str(outcome.folder),
                    "conditions": found,
                    "figure": str(figure),
                }
            )
        )
    else:
        _tell(outcome, figure)
    if outcome.failed:
        raise typer.Exit(1)


def _controls(given: list[str] | None) -> list[str] | None:
    return [] if given == ["none"] else given or None


def _tell(outcome: "Outcome", figure: Path) -> None:
    from thalia.cli.tables import print_learning

    print_learning(outcome)
    say(f"{figure}\n{outcome.folder / 'table.csv'}, table.md and the logs")

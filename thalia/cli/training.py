"""The command that has circuits learn: `thalia learn`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thalia.cli.options import Backend, Set, progress_bar, settings_of
from thalia.errors import fail

if TYPE_CHECKING:
    from thalia.training.results import Outcome


def learn(
    experiment: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPERIMENT", help="A name of `thalia list experiments`, or a file."
        ),
    ],
    rule: Annotated[
        str | None, typer.Option(help="Which of the experiment's rules to learn with.")
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            help="Which of its controls to run, by default all; may be repeated; 'none' for none."
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="How many seeds; by default as many as the experiment says.")
    ] = None,
    base_seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 123,
    trials: Annotated[
        int | None, typer.Option(help="Trials in place of the experiment's own number.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes side by side; by default one for each core."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the logs, also of one to go on."),
    ] = None,
    set_: Set = None,
    backend: Backend = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the logs of several folders into one table.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Run an experiment with its controls, over several seeds: a log of each, a learning curve, a table.

    Example: thalia learn bandit --seeds 5
    """
    from thalia.figures.activity import save
    from thalia.figures.training import learning_curve
    from thalia.training import results
    from thalia.training.experiment import learn as run_experiment

    if compare:
        outcomes = [results.read(Path(folder)) for folder in experiment]
        print(results.comma_separated(outcomes) if as_json else results.markdown(outcomes), end="")
        return
    if len(experiment) > 1:
        raise fail(
            f"expected one experiment, found {len(experiment)}",
            "folders are compared with --compare",
        )
    try:
        with progress_bar(quiet=as_json) as progress:
            outcome = run_experiment(
                experiment[0],
                rule=rule,
                controls=_controls(control),
                seeds=seeds,
                base_seed=base_seed,
                trials=trials,
                workers=workers,
                output=output,
                backend=backend,
                set=settings_of(set_),
                progress=progress,
            )
    except KeyboardInterrupt:
        print(
            "stopped; the same command with `-o` and the folder of its logs goes on",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    for condition, seed, why in outcome.failed:
        print(f"failed twice: {condition}, seed {seed}: {why}", file=sys.stderr)
    figure = save(learning_curve(outcome), outcome.folder / "learning.png")
    if as_json:
        found = {
            log.condition: {"seeds": log.seeds, "aggregate": log.aggregate()}
            for log in outcome.logs
        }
        print(
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
    print(f"{figure}\n{outcome.folder / 'table.csv'}, table.md and the logs")

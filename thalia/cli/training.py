"""The command that has circuits learn: `thalia learn`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from thalia.cli.options import (
    Backend,
    Cluster,
    ClusterOptions,
    Collect,
    Scheduler,
    Set,
    WriteJobs,
    jobs_to_collect,
    progress_bar,
    settings_of,
    site_for_jobs,
)
from thalia.cli.output import say
from thalia.errors import fail

if TYPE_CHECKING:
    from thalia.training.results import Log, Outcome

Device = Literal["auto", "cpu", "cuda"]
BACKENDS: dict[Device, str | None] = {"auto": None, "cpu": "cpp", "cuda": "cuda"}


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
    epochs: Annotated[int | None, typer.Option(help="Times that the data are shown.")] = None,
    episodes_per_epoch: Annotated[int | None, typer.Option(help="Number of episodes.")] = None,
    seq_length: Annotated[int | None, typer.Option(help="Tokens of a sequence.")] = None,
    delay: Annotated[int | None, typer.Option(help="Presentations until recall.")] = None,
    num_pairs: Annotated[int | None, typer.Option(help="Pairs of cue and reward.")] = None,
    cue_dim: Annotated[int | None, typer.Option(help="Values of a cue.")] = None,
    k_support: Annotated[int | None, typer.Option(help="Examples that are taught.")] = None,
    k_query: Annotated[int | None, typer.Option(help="Questions of an episode.")] = None,
    queries: Annotated[int | None, typer.Option(help="The same as --k-query.")] = None,
    ways: Annotated[int | None, typer.Option(help="Classes of an episode.")] = None,
    shots: Annotated[int | None, typer.Option(help="Examples of each class.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set, such as digits.")] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of your own data, which --dataset names.")
    ] = None,
    num_tasks: Annotated[
        int | None, typer.Option(help="Tasks of a sequence, from the first on.")
    ] = None,
    replay_buffer_size: Annotated[
        int | None, typer.Option(help="Stored examples of each class.")
    ] = None,
    meta_history_length: Annotated[
        int | None,
        typer.Option(help="No experiment has it: `controller` looks back by time constants."),
    ] = None,
    importance_interval: Annotated[
        int | None,
        typer.Option(help="Presentations after which what is replayed is weighed anew."),
    ] = None,
    consolidation_strength: Annotated[
        float | None, typer.Option(help="How much learning slows the learning that follows.")
    ] = None,
    plasticity_decay: Annotated[
        float | None, typer.Option(help="Factor of the learning rate from task to task.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of parallel processes; by default one per core."),
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
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Write a run file per condition and seed, as the circuit's record: says.",
        ),
    ] = False,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Run file, or folder of recorded ones, whose networks to start from."
        ),
    ] = None,
    set_: Set = None,
    backend: Backend = None,
    device: Annotated[
        Device | None, typer.Option(help="Another word for --backend: auto, cpu or cuda.")
    ] = None,
    output_path: Annotated[
        Path | None,
        typer.Option(
            help="Also write config, runs and a flat aggregate of the condition to this file."
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the results of several folders into one table.")
    ] = False,
    table: Annotated[
        bool,
        typer.Option("--table", help="Put all results below a folder into one table and summary."),
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print such a table as CSV.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Run an experiment with its controls over several seeds.

    Writes a log of each, a learning curve and a table.

    Example: thalia learn bandit --seeds 5
    """
    from thalia.training.array_job import collect_experiment, write_experiment
    from thalia.training.experiment import LearnOptions, learn_with, own_task

    if compare or table:
        _show_table([Path(folder) for folder in experiment], table, as_json, as_csv)
        return
    if as_csv:
        raise fail("--csv: is for tables of results", "give --compare or --table as well")
    if len(experiment) > 1:
        raise fail(
            f"expected one experiment, found {len(experiment)}",
            "folders are compared with --compare",
        )
    elsewhere = {
        "scheduler": scheduler,
        "workers": workers,
        "output": output,
        "record": record,
    }
    if collect:
        given = {**elsewhere, "cluster": cluster, "write-jobs": write_jobs, "set": set_}
        jobs = jobs_to_collect(Path(experiment[0]), "experiment", given)
        _tell(collect_experiment(jobs), len(jobs.jobs), control, output_path, as_json)
        return
    if task := own_task(experiment[0], settings_of(set_)):
        say(f"this runs the Python code of {task}", file=sys.stderr)
    asked: dict[str, Any] = {
        "trials": trials,
        "epochs": epochs,
        "episodes-per-epoch": episodes_per_epoch,
        "seq-length": seq_length,
        "delay": delay,
        "num-pairs": num_pairs,
        "cue-dim": cue_dim,
        "k-support": k_support,
        "k-query": k_query,
        "queries": queries,
        "ways": ways,
        "shots": shots,
        "dataset": dataset,
        "num-tasks": num_tasks,
        "replay-buffer-size": replay_buffer_size,
        "meta-history-length": meta_history_length,
        "importance-interval": importance_interval,
        "consolidation-strength": consolidation_strength,
        "plasticity-decay": plasticity_decay,
    }
    numbers = {option: value for option, value in asked.items() if value is not None}
    with progress_bar(quiet=as_json) as progress:
        options = LearnOptions(
            rule=rule,
            controls=_controls(control),
            seeds=seeds,
            base_seed=base_seed,
            numbers=numbers,
            data_root=data_root if data_root or not dataset else Path(),
            workers=workers,
            scheduler=scheduler,
            cluster=cluster,
            cluster_options=cluster_options,
            output=output,
            backend=_backend(backend, device),
            set=settings_of(set_),
            record=record,
            start_from=start_from,
            progress=progress,
        )
        if write_jobs:
            site = site_for_jobs(cluster, cluster_options, elsewhere)
            script = write_experiment(experiment[0], options, write_jobs, site)
            say(f"{site.SUBMIT} {script}")
            return
        outcome = learn_with(experiment[0], options)
    _tell(outcome, 0, control, output_path, as_json)


def _tell(
    outcome: "Outcome",
    count: int,
    control: list[str] | None,
    output_path: Path | None,
    as_json: bool,
) -> None:
    """Say what an experiment of so many runs found, and draw it.

    Raises
    ------
    Exit
        If runs failed, or have not ended yet.
    """
    from thalia.cli.tables import print_learning
    from thalia.figures.style import save
    from thalia.figures.training import learning_curve
    from thalia.recording.outputs import replace_file
    from thalia.training.results import flat

    for condition, seed, why in outcome.failed:
        say(f"failed twice: {condition}, seed {seed}: {why}", file=sys.stderr)
    figure = save(learning_curve(outcome), outcome.folder / "learning.png")
    asked = _asked(outcome, control)
    if output_path:
        replace_file(output_path, json.dumps(flat(asked)))
    if as_json:
        say(json.dumps(_as_data(outcome, asked, figure)))
    else:
        print_learning(outcome)
        say(f"{figure}\n{outcome.folder / 'table.csv'}, table.md and the logs")
    ended = sum(len(log.seeds) for log in outcome.logs if not log.config.get("baseline"))
    if ended < count:
        say(f"{ended} of {count} runs have ended", file=sys.stderr)
    if outcome.failed or ended < count:
        raise typer.Exit(1)


def _show_table(folders: list[Path], below: bool, as_json: bool, as_csv: bool) -> None:
    """One table of the results in folders, or of all `below` a folder, where it is kept as well."""
    from thalia.recording.outputs import replace_file
    from thalia.training import results

    if as_json and as_csv:
        raise fail("--csv: is given together with --json", "leave one of them out")
    outcomes = [
        each
        for folder in folders
        for each in (results.all_below(folder) if below else [results.read(folder)])
    ]
    data = json.dumps(results.summary(outcomes))
    if below:
        replace_file(folders[0] / results.SUMMARY, data)
    if as_json:
        say(data)
    else:
        say(results.comma_separated(outcomes) if as_csv else results.markdown(outcomes), end="")


def _backend(backend: str | None, device: Device | None) -> str | None:
    if backend and device:
        raise fail("--device: is given together with --backend", "leave one of them out")
    return backend if device is None else BACKENDS[device]


def _asked(outcome: "Outcome", control: list[str] | None) -> "Log":
    """The condition asked for: the experiment, or its control where only one is named."""
    named = control[0] if control and len(control) == 1 else None
    return next((log for log in outcome.logs if log.condition == named), outcome.logs[0])


def _as_data(outcome: "Outcome", asked: "Log", figure: Path) -> dict[str, Any]:
    from thalia.training.results import as_data

    conditions: dict[str, Any] = {}
    for log in outcome.logs:
        data = as_data(log, outcome.logs[0])
        told = {key: data[key] for key in ("aggregate", "differences") if key in data}
        conditions[log.condition] = {"seeds": log.seeds, **told}
    return {
        "experiment": outcome.name,
        "folder": str(outcome.folder),
        "condition": asked.condition,
        "aggregate": asked.aggregate(),
        "conditions": conditions,
        "data": outcome.logs[0].data_digest,
        "processor_seconds": outcome.processor_seconds,
        "figure": str(figure),
    }


def _controls(given: list[str] | None) -> list[str] | None:
    return [] if given == ["none"] else given or None

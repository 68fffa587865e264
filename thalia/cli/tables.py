"""Summaries for people: tables of populations, plastic pathways, studies and experiments."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from thalia.analysis.health import COLUMNS, CRITICAL, OK, WARN, Health, shown
from thalia.analysis.summary_tables import (
    Rows,
    integration,
    missing,
    plastic_pathways,
    populations,
    scaled,
    timing,
)
from thalia.errors import counted
from thalia.parallel.calibrate import Calibration
from thalia.parallel.study import Study
from thalia.recording.run_file import Run
from thalia.syntax.terminal import terminal
from thalia.training.results import Outcome

MAX_PHASES = 3
MAX_WIDTH = 10_000  # columns of characters
MAX_MEASURES = 4
STYLES = {OK: "", WARN: "yellow", CRITICAL: "red"}


def print_summary(run: Run, figures: Sequence[FilePath]) -> None:
    """Print sizes, rates and irregularity by population, and mean weights before and after."""
    console = terminal()
    results = run.results
    counts = f"{counted(results['neurons'], 'neuron')}, {counted(results['synapses'], 'synapse')}"
    title = f"{results['circuit']}: {counts}, {run.duration:g} s"
    console.print(
        title, style="bold", soft_wrap=True
    )  # not the table's own title, which is as narrow as the table
    print_whole(console, _table(populations(run, MAX_PHASES)))
    for reason in missing(run):
        console.print(reason, style="dim", soft_wrap=True)
    if results["weights"]:
        print_whole(console, _table(plastic_pathways(run)))
        for told in scaled(run):
            console.print(told, style="dim", soft_wrap=True)
    if "profile_s" in results:
        print_whole(console, _profile(results))
    for line in (*integration(run), *results["notes"]):
        console.print(line, style="dim", soft_wrap=True)
    console.print(timing(run), style="dim", soft_wrap=True)
    console.print(run.attributes["determinism"], style="dim", soft_wrap=True)
    for file in (run.file, *figures):
        console.print(str(file), soft_wrap=True)


def _table(of: Rows) -> Table:
    """Names to the left, numbers to the right."""
    heads, rows = of
    table = Table(box=box.SIMPLE_HEAD)
    for place, heading in enumerate(heads):
        table.add_column(heading, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    return table


def print_whole(console: Console, table: Table) -> None:
    """Print a table without cutting a number or a word short.

    Headings and texts are broken into lines to fit the terminal; where even that is too wide, or
    the output is a pipe, the lines are as long as they need to be.
    """
    wide = console.options.update(width=MAX_WIDTH)
    whole = [_widths(column) for column in table.columns]
    frame = console.measure(table, options=wide).maximum - sum(most for _, most in whole)
    left = console.width - frame - sum(least for least, _ in whole)
    for column, (least, most) in zip(table.columns, whole, strict=True):
        more = max(0, min(most - least, left))
        column.width, left = least + more, left - more
    console.width = max(console.width, frame + sum(column.width or 0 for column in table.columns))
    console.print(table)


def _widths(column: Column) -> tuple[int, int]:
    """The least width of a column without a number or a word cut, and that without a break."""
    cells = [cell.plain if isinstance(cell, Text) else str(cell) for cell in column.cells]
    heading = str(column.header)
    breaks = column.justify != "right" and not column.no_wrap
    parts = [*heading.split(), *(" ".join(cells).split() if breaks else cells)]
    return max(map(len, parts), default=0), max(map(len, (heading, *cells)))


def _profile(results: dict[str, Any]) -> Table:
    """Seconds of each pass, and of each object of the network within the simulation."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("pass, and object", "seconds", "share"):
        table.add_column(heading, justify="left" if heading.startswith("pass") else "right")
    passes, objects = results["timings_s"], results["profile_s"]
    total, simulated = sum(passes.values()), max(passes["simulate"], 1e-9)
    for name, seconds in passes.items():
        table.add_row(name, f"{seconds:.2f}", f"{seconds / total:.0%}")
        if name == "simulate":
            for part, spent in sorted(objects.items(), key=lambda each: -each[1]):
                table.add_row(f"  {part}", f"{spent:.2f}", f"{spent / simulated:.0%}", style="dim")
    return table


def print_health(found: Health) -> None:
    """Print every measure of every population, and the findings in words."""
    console = terminal()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("population", no_wrap=True)
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    table.add_column("")
    for name, measures in found.populations.items():
        cells = [Text(shown(measures, key), STYLES[found.of(name, key)]) for key in COLUMNS]
        verdict = found.of(name) if measures["judged"] else "not judged"
        table.add_row(name, *cells, Text(verdict, STYLES[found.of(name)]))
    print_whole(console, table)
    for key, reason, names in found.missing():
        told = f"– {COLUMNS[key]}: {reason}: {', '.join(names)}"
        console.print(told, style="dim", soft_wrap=True)
    for note in found.notes:
        console.print(note, style="dim", soft_wrap=True)
    for finding in found.findings:
        console.print(
            f"{finding.verdict}: {finding.text()}", style=STYLES[finding.verdict], soft_wrap=True
        )
    judged = sum(measures["judged"] for measures in found.populations.values())
    told = f"verdict: {found.verdict}, {judged} of {len(found.populations)} populations judged"
    told += f"; plastic pathways judged: {len(found.pathways)}" if found.pathways else ""
    console.print(told, style=f"bold {STYLES[found.verdict]}".strip())


def print_calibration(found: Calibration) -> None:
    """Print rates before and after, their ranges, and the gains."""
    console = terminal()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("population", no_wrap=True)
    for heading in ("before", "after", "published", "gain"):
        table.add_column(heading, justify="right")
    first, best = found.rounds[0], found.best
    for name, (low, high) in found.ranges.items():
        style = STYLES[CRITICAL if name in found.outside else OK]
        gain = f"{best.gains[name]:g}" if name in best.gains else ""
        after = Text(f"{best.rates[name]:.2f} Hz", style)
        table.add_row(name, f"{first.rates[name]:.2f} Hz", after, f"{low:g} to {high:g} Hz", gain)
    print_whole(console, table)
    inside = len(found.ranges) - len(found.outside)
    console.print(f"{inside} of {len(found.ranges)} in their range, {len(found.rounds)} runs")


def print_study(study: Study) -> None:
    """Print each population's rate in every condition, next to its difference to the baseline."""
    console = terminal()
    measures = study.measure()
    seeds = max((len(runs) for runs in study.runs.values()), default=0)
    title = f"{study.name}: rate in Hz, {counted(seeds, 'seed')}, mean ± half of the 95 % interval"
    console.print(title, style="bold", soft_wrap=True)
    compared = len(measures) > 1
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("population", *(("condition",) if compared else ())):
        table.add_column(heading, no_wrap=True)
    for heading in ("rate", *(("paired difference to the baseline",) if compared else ())):
        table.add_column(heading, justify="right")
    for name in dict.fromkeys(name for found in measures.values() for name in found):
        first = name
        for condition, found in measures.items():
            if measure := found.get(name):
                difference = f"{measure.difference:+.2f}" if measure.difference else ""
                row = (condition, f"{measure:.2f}", difference) if compared else (f"{measure:.2f}",)
                table.add_row(first, *row)
                first = ""
        if compared:
            table.add_section()
    print_whole(console, table)
    for condition, says in study.says.items():
        console.print(f"{condition}: {says}", style="dim", soft_wrap=True)


def print_learning(outcome: Outcome) -> None:
    """Print the final numbers of every condition, the result with its interval."""
    console = terminal()
    experiment = outcome.experiment
    bound = "at most" if experiment.lower_is_better else "at least"
    told = [
        f"{len(outcome.logs[0].seeds)} seeds",
        *([f"chance {experiment.chance:g}"] if experiment.chance is not None else []),
    ]
    told += [f"goal {bound} {experiment.goal:g}"] if experiment.goal is not None else []
    console.print(
        f"{outcome.name}: {experiment.result}, {', '.join(told)}", style="bold", soft_wrap=True
    )
    names = list(dict.fromkeys(name for log in outcome.logs for name in log.aggregate()))
    names.sort(key=lambda name: name != experiment.result)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("condition", no_wrap=True)
    names = names[:MAX_MEASURES]  # the table on disk has all
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for log in outcome.logs:
        found = log.aggregate()
        cells = [f"{n['mean']:.3f}" if (n := found.get(name)) else "" for name in names]
        if n := found.get(experiment.result):
            cells[0] += f" [{n['low']:.3f}, {n['high']:.3f}]"
        table.add_row(log.condition, *cells, style="bold" if log.config["place"] == 0 else "")
    print_whole(console, table)
    for log in outcome.logs:
        console.print(f"{log.condition}: {log.config['says']}", style="dim", soft_wrap=True)
    if digest := outcome.logs[0].data_digest:
        data = f"data, the same for all seeds: SHA-256 {digest}"
        console.print(data, style="dim", soft_wrap=True)
    seconds = outcome.processor_seconds
    took = f"{seconds:,.1f} processor seconds"
    if seconds >= 3600:
        took = f"{seconds / 3600:.2f} processor hours"
    console.print(f"all runs took {took}", soft_wrap=True)

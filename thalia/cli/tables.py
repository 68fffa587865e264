"""Summaries for people: tables of populations, plastic pathways, studies and experiments."""

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from thalia.analysis.health import COLUMNS, CRITICAL, INTERVAL, OK, WARN, Health, shown
from thalia.errors import counted
from thalia.parallel.calibrate import Calibration
from thalia.parallel.study import Study
from thalia.recording.run_file import Run
from thalia.syntax.terminal import terminal
from thalia.training.results import Outcome

MAX_PHASES = 3
MAX_WIDTH = 10_000  # columns of characters
MAX_MEASURES = 4
MANY = 6  # populations that are counted instead of named
STYLES = {OK: "", WARN: "yellow", CRITICAL: "red"}


def print_summary(run: Run, figures: Sequence[FilePath]) -> None:
    """Print sizes, rates and irregularity by population, and mean weights before and after."""
    console = terminal()
    results = run.results
    by_phase = results["rates_by_phase_hz"]
    phases = list(by_phase)[-MAX_PHASES:]
    counts = f"{counted(results['neurons'], 'neuron')}, {counted(results['synapses'], 'synapse')}"
    title = f"{results['circuit']}: {counts}, {run.duration:g} s"
    console.print(
        title, style="bold", soft_wrap=True
    )  # not the table's own title, which is as narrow as the table
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("population")
    table.add_column("size", justify="right")
    for phase in phases:
        table.add_column(f"rate, {phase}" if len(phases) > 1 else "rate", justify="right")
    reference = run.structure["reference"]
    if reference:
        table.add_column("published", justify="right")
    table.add_column("CV of ISI", justify="right")
    for name, size in run.sizes.items():
        row = [name, f"{size:,}", *(f"{by_phase[phase][name]:.2f} Hz" for phase in phases)]
        if reference:
            row.append(_published(reference, name))
        table.add_row(*row, _irregularity(results, name))
    print_whole(console, table)
    for reason in dict.fromkeys(results.get("cv_isi_missing", {}).values()):
        console.print(f"–: {reason} in the last phase", style="dim", soft_wrap=True)
    if results["weights"]:
        print_whole(console, _weights(results["weights"]))
        for told in _scaled(results["weights"]):
            console.print(told, style="dim", soft_wrap=True)
    if "profile_s" in results:
        print_whole(console, _profile(results))
    for line in (*_integration(results.get("integration", {})), *results["notes"]):
        console.print(line, style="dim", soft_wrap=True)
    console.print(_timing(run), style="dim", soft_wrap=True)
    console.print(run.attributes["determinism"], style="dim", soft_wrap=True)
    for file in (run.file, *figures):
        console.print(str(file), soft_wrap=True)


def _irregularity(results: dict[str, Any], population: str) -> str:
    """A CV with half of its 95 % interval, or a dash where there are too few spikes for it."""
    cv, errors = results["cv_isi"][population], results.get("cv_isi_error", {})
    if cv is None:
        return "–" if population in results.get("cv_isi_missing", {}) else ""
    return (
        f"{cv:.2f} ± {INTERVAL * errors[population]:.2f}" if population in errors else f"{cv:.2f}"
    )


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


def _integration(methods: dict[str, str]) -> Iterator[str]:
    """How the potentials were integrated, in a line for each way."""
    for method in dict.fromkeys(methods.values()):
        names = [name for name, each in methods.items() if each == method]
        which = ", ".join(names) if len(names) < MANY else f"{len(names)} populations"
        yield f"{which}: {method}"


def _published(reference: dict[str, Any], population: str) -> str:
    """The rate of a population that was published, or the range in which it lies."""
    if population in reference["rates"]:
        return f"{reference['rates'][population]:.2f} Hz"
    low_and_high = reference.get("ranges", {}).get(population)
    return "{:g}-{:g} Hz".format(*low_and_high) if low_and_high else ""


def _weights(weights: dict[str, dict[str, Any]]) -> Table:
    """Mean weights, and what arrives of them where rules scale them."""
    columns = {"before": "mean weight before", "after": "after"}
    if any("arriving_after" in each for each in weights.values()):
        columns |= {"arriving_before": "arriving before", "arriving_after": "after"}
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("plastic pathway")
    for heading in columns.values():
        table.add_column(heading, justify="right")
    for name, each in weights.items():
        cells = (f"{each[key]:.4g} {each['unit']}" if key in each else "" for key in columns)
        table.add_row(name, *cells)
    return table


def _scaled(weights: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What multiplies the weights of arriving spikes, and in which pathways."""
    pathways: dict[tuple[str, ...], list[str]] = {}
    for name, each in weights.items():
        if each.get("scaled_by"):
            pathways.setdefault(tuple(each["scaled_by"]), []).append(name)
    for names, those in pathways.items():
        yield f"multiplied by {', '.join(names)} as spikes arrive: {', '.join(those)}"


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


def _timing(run: Run) -> str:
    seconds = run.results["timings_s"]
    program = (
        "compiled before"
        if run.results["compiled"]["cached"]
        else f"compiled in {seconds['emit'] + seconds['build']:.1f} s"
    )
    if run.results["backend"] != "cpp":
        program = "not compiled"
    simulated = run.results["simulated_s"]
    ratio = seconds["simulate"] / simulated
    part = "" if simulated == run.duration else f" the last {simulated:g} s"
    return (
        f"seed {run.results['seed']}, backend {run.results['backend']} ({program}), "
        f"simulated{part} in "
        f"{seconds['simulate']:.2f} s, {ratio:.2g} times model time"
    )


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

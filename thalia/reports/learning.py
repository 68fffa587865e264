"""The page about an experiment: curves of all conditions, and differences paired by seed."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from thalia.errors import counted
from thalia.figures.notebook import picture, table
from thalia.figures.style import colours
from thalia.figures.training import curve_of, learning_curve, window_of
from thalia.reports import charts
from thalia.reports.page import Chart, Report, Section, folded, page, quoted, remarks, wide
from thalia.training.gauges import ENTERED
from thalia.training.results import Log, Outcome, read

DPI = 110
SAMPLED = "sampled"  # the trials after which gauges were read
MOST_CURVES = 30  # measures
MOST_MARKS = 12  # of a phase
MOST_ROWS = 400


def of_experiment(folder: FilePath) -> Report:
    """The page about the logs in a folder.

    Raises
    ------
    CircuitError
        If one of them is damaged, or there are none.
    """
    outcome = read(folder)
    experiment, first = outcome.experiment, outcome.logs[0]
    bound = "at most" if experiment.lower_is_better else "at least"
    told = [experiment.result.replace("_", " "), counted(len(first.seeds), "seed")]
    told += [f"chance {experiment.chance:g}"] if experiment.chance is not None else []
    told += [f"goal {bound} {experiment.goal:g}"] if experiment.goal is not None else []
    made = (_result, _curves, _numbers, _differences, _phases, _costs, _provenance)
    sections = [each for make in made for each in make(outcome)]
    return page(outcome.name, f"<p>{escape(', '.join(told))}</p>", sections)


def _result(outcome: Outcome) -> Iterator[Section]:
    if any(log.seeds for log in outcome.logs):
        shows = (
            f"Left: {outcome.experiment.curve} over trials, mean and 95 % interval over seeds. "
            f"Right: {outcome.experiment.result}, each seed, mean and 95 % interval. Dotted: the "
            "chance level; solid: the goal."
        )
        drawn = picture(learning_curve(outcome), shows, DPI)
        body = f"<figure>{drawn}<figcaption>{escape(shows)}</figcaption></figure>"
        rows = [[log.condition, str(log.config.get("says", ""))] for log in outcome.logs]
        yield Section("Result", body + wide(table(("condition", "shows"), rows, MOST_ROWS)))


def _curves(outcome: Outcome) -> Iterator[Section]:
    """Every measure of every trial, such as rewards, words, or mean weights."""
    logs = [log for log in outcome.logs if log.seeds and not log.is_baseline]
    names = list(dict.fromkeys(name for log in logs for name in log.histories[0]))
    names = [name for name in names if name != SAMPLED]
    names.sort(key=lambda name: name != outcome.experiment.curve)
    colour = colours([log.condition for log in logs])
    phases = _entered(logs[0]) if logs else []
    rows = list[Any]()
    for name in names[:MOST_CURVES]:
        those = [log for log in logs if all(each.get(name) for each in log.histories)]
        if not those:
            continue
        gauged = all(_is_gauged(log, name) for log in those)
        window = 1 if gauged else window_of(those, name, outcome.experiment.window)
        label = "trial" if gauged else f"trial (mean of {window})"
        made = charts.axes(name.replace("_", " "), label, height=280)
        charts.draw_lines(made, [_line(log, name, window, colour) for log in those])
        charts.mark_times(made, phases, names=not rows)
        rows.append(made)
    if rows:
        left = len(names) - MOST_CURVES
        more = f" {left} more are in the logs." if left > 0 else ""
        entered = f" Dashed: a phase was entered, seed {logs[0].seeds[0]}." if phases else ""
        caption = f"Means over seeds, with their 95 % intervals.{entered}{more}"
        yield Section("Curves", charts=(Chart(charts.below_each_other(rows), caption),))


def _entered(log: Log) -> list[tuple[str, float]]:
    """The trials by which the first seed had entered a phase, such as sleep, again.

    None of a phase that was entered more often than can be told apart in a chart: how often is a
    curve of its own.
    """
    history = log.histories[0]
    trials = np.array(history.get(SAMPLED, ()))
    marks = list[tuple[str, float]]()
    for name, counts in history.items():
        if name.startswith(ENTERED) and len(counts) == len(trials):
            at = trials[np.diff(counts, prepend=0) > 0]
            phase = name.removeprefix(ENTERED).replace("_", " ")
            marks += [(phase, float(trial)) for trial in at] if len(at) <= MOST_MARKS else []
    return marks


def _line(log: Log, name: str, window: int, colour: dict[str, str]) -> charts.Line:
    found = curve_of(log, name, window)
    trials, shade = found.trials, colour[log.condition]
    if _is_gauged(log, name):
        trials = np.array(log.histories[0][SAMPLED])[trials - 1].astype(int)
    return charts.Line(log.condition, trials, found.mean, shade, found.low, found.high)


def _is_gauged(log: Log, name: str) -> bool:
    """Whether a measure was taken only after some trials."""
    return all(
        len(each.get(SAMPLED, ())) == len(each[name]) < max(map(len, each.values()))
        for each in log.histories
    )


def _numbers(outcome: Outcome) -> Iterator[Section]:
    yield from _table(outcome, "Final numbers", [log.aggregate() for log in outcome.logs])


def _differences(outcome: Outcome) -> Iterator[Section]:
    """Each condition against the first, between runs with the same seed."""
    first = outcome.logs[0]
    found = [log.differences(first) if log is not first else {} for log in outcome.logs]
    title = f"Differences to {first.condition}, paired by seed"
    yield from _table(outcome, title, found)


def _table(
    outcome: Outcome, title: str, found: Sequence[dict[str, dict[str, Any]]]
) -> Iterator[Section]:
    """A row for each condition that has numbers: mean and 95 % interval, the result first."""
    names = list(dict.fromkeys(name for each in found for name in each))
    names.sort(key=lambda name: name != outcome.experiment.result)
    rows = [
        [log.condition, str(len(log.seeds)), *(_cell(each.get(name)) for name in names)]
        for log, each in zip(outcome.logs, found, strict=True)
        if each
    ]
    if not rows:
        return
    heads = ("condition", "seeds", *(name.replace("_", " ") for name in names))
    methods = {str(n[name]["method"]) for n in found for name in n}
    told = f"mean [95 % interval of the mean over seeds], by {', '.join(sorted(methods))}"
    yield Section(title, wide(table(heads, rows, MOST_ROWS)) + remarks([told]))


def _cell(found: dict[str, Any] | None) -> str:
    return f"{found['mean']:.4g} [{found['low']:.4g}, {found['high']:.4g}]" if found else ""


def _phases(outcome: Outcome) -> Iterator[Section]:
    """What is different in each phase that the task enters, such as sleep."""
    rows = []
    for name, phase in outcome.experiment.phases.items():
        off = phase.plasticity if isinstance(phase.plasticity, dict) else {"all": phase.plasticity}
        rules = ", ".join(f"{pathway} {switch}" for pathway, switch in off.items())
        levels = [
            f"{modulator}.{key} {value}"
            for modulator, values in phase.modulators.items()
            for key, value in values.items()
        ]
        inputs = [f"{population} {value}" for population, value in phase.stimuli.items()]
        rows.append([name, rules, ", ".join(levels), ", ".join(inputs)])
    if rows:
        heads = ("phase", "plasticity", "modulators", "without input")
        yield Section("Phases", wide(table(heads, rows, MOST_ROWS)))


def _costs(outcome: Outcome) -> Iterator[Section]:
    """What a run took, on average over seeds."""
    logs = [log for log in outcome.logs if log.costs]
    names = [name for name in (logs[0].costs[0] if logs else {}) if name != "seed"]
    rows = [
        [
            log.condition,
            *(f"{sum(each[name] for each in log.costs) / len(log.costs):,.4g}" for name in names),
        ]
        for log in logs
    ]
    if rows:
        heads = ("condition", *(name.replace("_", " ") for name in names))
        yield Section("Costs of a run", wide(table(heads, rows, MOST_ROWS)))


def _provenance(outcome: Outcome) -> Iterator[Section]:
    first = outcome.logs[0]
    config = first.config
    rows = [[key, str(config.get(key, ""))] for key in ("thalia", "backend", "circuit_digest")]
    rows += [["seeds", ", ".join(map(str, first.seeds))], ["folder", outcome.folder.name]]
    rows += [[f"number {name}", str(value)] for name, value in config.get("numbers", {}).items()]
    digests = list(dict.fromkeys(digest for log in outcome.logs for digest in log.data))
    rows += [["data", digest] for digest in digests[:MOST_ROWS]]
    runs = sorted(outcome.folder.rglob("*.h5"))[:MOST_ROWS]
    names = [str(each.relative_to(outcome.folder)) for each in runs]
    body = wide(table((), rows, MOST_ROWS))
    if names:
        body += remarks(["Run files, each of which `thalia report` shows: " + ", ".join(names)])
    yield Section("Provenance", body + folded("Settings", quoted(_settings(config))))


def _settings(config: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in config.items() if key != "section")

"""The results of an experiment: a log in JSON for each condition, and tables of them."""

import csv
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from math import exp, inf
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.analysis.intervals import Range, mean_interval, paired
from thalia.circuit.experiment_spec import Experiment, gathered
from thalia.errors import CircuitError, fail, in_a_line
from thalia.syntax.folder import read_text
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source

type Floats = NDArray[np.float64]

SUMMARY = "summary.json"
MOST_BYTES = 500_000_000  # of a log


@dataclass(frozen=True)
class Log:
    """The results of one condition: for each seed its trials, by measure, and final numbers.

    `costs` has for each seed the presentations, the processor seconds, and the peak memory in bytes
    of the worker process until the end of the run; `data` the digest of what was learned from and
    tested with, where the task draws it first. A baseline has neither trials nor costs.
    """

    config: dict[str, Any]
    seeds: tuple[int, ...]
    histories: tuple[dict[str, list[float]], ...]
    finals: tuple[dict[str, float], ...]
    costs: tuple[dict[str, float], ...] = ()
    data: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The name of the condition."""
        return str(self.config["condition"])

    @property
    def is_baseline(self) -> bool:
        """Whether it is a method without a network, on the data of the experiment."""
        return bool(self.config.get("baseline"))

    @property
    def data_digest(self) -> str | None:
        """The digest of the data, where all seeds have the same."""
        return (
            self.data[0] if len(self.data) == len(self.seeds) and len({*self.data}) == 1 else None
        )

    def values(self, name: str) -> Floats:
        """A final number of every seed, (n_seeds,)."""
        return np.array([final[name] for final in self.finals])

    def range_of(self, name: str) -> Range:
        """The least and the greatest value that a number can have, as its task says."""
        low, high = self.config.get("ranges", {}).get(name, (None, None))
        return (-inf if low is None else low, inf if high is None else high)

    def aggregate(self) -> dict[str, dict[str, Any]]:
        """Mean, standard deviation and 95 % interval of every final number, by name.

        The interval is that of the mean over seeds, and `method` says how it was found.
        """
        return {
            name: described(self.values(name), self.range_of(name))
            for name in (self.finals or ({},))[0]
        }

    def differences(self, reference: "Log") -> dict[str, dict[str, Any]]:
        """The same of the differences to another condition, between runs with the same seed.

        Only numbers that both conditions have, of seeds that ended in both.
        """
        found = {}
        for name, (mine, theirs) in self._pairs(reference).items():
            low, high = self.range_of(name)
            found[name] = described(mine - theirs, (low - high, high - low))
        return found

    def ratios(self, reference: "Log") -> dict[str, dict[str, float | str]]:
        """The geometric mean of the ratios to another condition, paired in the same way.

        Of numbers that are above zero in every run; `low` and `high` bound the 95 % interval, which
        is that of the mean of their logarithms.
        """
        found: dict[str, dict[str, float | str]] = {}
        for name, (mine, theirs) in self._pairs(reference).items():
            if min(mine.min(), theirs.min()) > 0:
                interval = mean_interval(np.log(mine / theirs))
                mean, low, high = map(exp, (interval.mean, interval.low, interval.high))
                found[name] = {"mean": mean, "low": low, "high": high, "method": interval.method}
        return found

    def _pairs(self, reference: "Log") -> dict[str, tuple[Floats, Floats]]:
        """The final numbers that both conditions have, of the seeds that ended in both."""
        mine, theirs = (dict(zip(log.seeds, log.finals, strict=True)) for log in (self, reference))
        return paired(mine, theirs)


def described(values: Floats, within: Range) -> dict[str, Any]:
    """Mean, standard deviation, 95 % interval of the mean with its method, and extremes."""
    interval = mean_interval(values, within=within)
    return {
        "mean": interval.mean,
        "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        "low": interval.low,
        "high": interval.high,
        "method": interval.method,
        "least": float(values.min()),
        "most": float(values.max()),
    }


@dataclass(frozen=True)
class Outcome:
    """An experiment that was run: its logs, in order of conditions, and where they are."""

    experiment: Experiment
    name: str
    logs: tuple[Log, ...]
    folder: FilePath
    failed: tuple[tuple[str, int, str], ...] = ()  # condition, seed, and why

    @property
    def processor_seconds(self) -> float:
        """What the runs of all conditions and seeds took together."""
        return sum(each["processor_seconds"] for log in self.logs for each in log.costs)


def as_data(log: Log, reference: Log) -> dict[str, Any]:
    """A log as it is written.

    `seeds` has every final number seed by seed; `differences` and `ratios` are those to the first
    condition.
    """
    runs = [
        {"seed": seed, "history": history, "final": final}
        for seed, history, final in zip(log.seeds, log.histories, log.finals, strict=True)
    ]
    data = {
        "config": log.config,
        "runs": runs,
        "costs": list(log.costs),
        "data": list(log.data),
        "seeds": {
            name: dict(zip(map(str, log.seeds), log.values(name).tolist(), strict=True))
            for name in (log.finals or ({},))[0]
        },
        "aggregate": log.aggregate(),
    }
    if log is reference:
        return data
    return data | {"differences": log.differences(reference), "ratios": log.ratios(reference)}


def summary(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every experiment with the numbers of all its conditions, as plain data.

    `costs` are means over seeds; the day and the kind of machine are those of writing.
    """
    return [
        {
            "experiment": each.name,
            "folder": str(each.folder),
            "result": each.experiment.result,
            "chance": each.experiment.chance,
            "goal": each.experiment.goal,
            "lower_is_better": each.experiment.lower_is_better,
            "thalia": each.logs[0].config["thalia"],
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": f"{platform.machine()}, {platform.system()}",
            "backend": each.logs[0].config["backend"],
            "circuit_digest": each.logs[0].config["circuit_digest"],
            "conditions": {log.condition: _summary(log, each.logs[0]) for log in each.logs},
        }
        for each in outcomes
    ]


def _summary(log: Log, reference: Log) -> dict[str, Any]:
    wanted = ("seeds", "data", "aggregate", "differences", "ratios")
    costs: dict[str, list[float]] = {}
    for each in log.costs:
        for name, value in each.items():
            if name != "seed":
                costs.setdefault(name, []).append(value)
    return {
        "says": log.config["says"],
        **{key: value for key, value in as_data(log, reference).items() if key in wanted},
        "costs": {name: float(np.mean(values)) for name, values in costs.items()},
    }


def flat(log: Log) -> dict[str, Any]:
    """A log as the plastic transformers write theirs: `config`, `runs`, and a flat `aggregate`."""
    experiment = log.config["section"]
    data = as_data(log, log)
    aggregate = {
        f"{name}_{short}": found[key]
        for name, found in data["aggregate"].items()
        for short, key in (("mean", "mean"), ("std", "sd"))
    }
    config = {
        "model": {"circuit": log.config["experiment"], "condition": log.condition},
        "task": {"name": experiment["task"], **log.config["numbers"]},
        "training": {
            "seeds": list(log.seeds),
            **{key: log.config[key] for key in ("thalia", "backend", "circuit_digest")},
        },
    }
    return {"config": config, "runs": data["runs"], "aggregate": aggregate}


def all_below(folder: FilePath) -> list[Outcome]:
    """The results in a folder and in the folders below it.

    Raises
    ------
    CircuitError
        If there are none.
    """
    places = sorted({file.parent for file in folder.rglob("experiment.json")})
    if not places:
        raise fail(
            f"{folder}: holds no results of experiments",
            "thalia learn EXPERIMENT -o DIR writes them",
        )
    return [read(each) for each in places]


def read(folder: FilePath) -> Outcome:
    """The logs in a folder.

    Raises
    ------
    CircuitError
        If there are none, or one of them is damaged.
    """
    found = [log for file in sorted(folder.glob("*.json")) if (log := _log(file))]
    if not found:
        raise fail(
            f"{folder}: holds no logs of an experiment",
            "thalia learn EXPERIMENT -o DIR writes them",
        )
    found.sort(key=lambda log: log.config["place"])
    config = found[0].config
    return Outcome(
        parse(Experiment, gathered(config["section"]), Source()),
        config["experiment"],
        tuple(found),
        folder,
    )


def _log(file: FilePath) -> Log | None:
    """The log in a file; None if it is another file of JSON."""
    try:
        data = json.loads(read_text(file, most=MOST_BYTES))
        if not isinstance(data, dict) or not {"config", "runs"} <= data.keys():
            return None
        runs, config = data["runs"], data["config"]
        log = Log(
            config,
            tuple(int(run["seed"]) for run in runs),
            tuple(_numbers(run["history"], list) for run in runs),
            tuple(_numbers(run["final"], float) for run in runs),
            tuple(data.get("costs", ())),
            tuple(data.get("data", ())),
        )
        int(config["place"]), str(config["condition"]), dict(config["section"])
    except CircuitError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise fail(f"{file}: is damaged, or no log of an experiment: {in_a_line(error)}") from None
    return log


def _numbers(named: Any, kind: type[Any]) -> dict[str, Any]:
    """Numbers by name, or lists of them, as a log has them."""
    wanted = (float, int, type(None)) if kind is float else list
    if not all(isinstance(each, wanted) for each in named.values()):
        raise TypeError("expected numbers by name")
    return dict(named)


def rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A table of final numbers, one line per condition: mean, 95 % interval, number of seeds.

    The last column is the difference of the result to the first condition, paired by seed.
    """
    names = list(
        dict.fromkeys(name for each in outcomes for log in each.logs for name in log.aggregate())
    )
    lines = [["experiment", "condition", "seeds", *names, "difference of the result", "interval"]]
    for outcome in outcomes:
        for log in outcome.logs:
            found, first = log.aggregate(), outcome.logs[0]
            paired = {} if log is first else log.differences(first)
            method = found.get(outcome.experiment.result, {}).get("method", "")
            cells = [_cell(found.get(name)) for name in names]
            difference = _cell(paired.get(outcome.experiment.result))
            lines.append(
                [outcome.name, log.condition, str(len(log.seeds)), *cells, difference, method]
            )
    return lines


def _cell(found: dict[str, Any] | None) -> str:
    return f"{found['mean']:.3g} [{found['low']:.3g}, {found['high']:.3g}]" if found else ""


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The table as Markdown."""
    head, *body = rows(outcomes)
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def comma_separated(outcomes: Sequence[Outcome]) -> str:
    """The table as CSV."""
    text = StringIO()
    csv.writer(text).writerows(rows(outcomes))
    return text.getvalue()

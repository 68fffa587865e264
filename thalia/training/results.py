"""The results of an experiment: a log in JSON for each condition, and tables of them."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.analysis.spike_trains import bootstrap_bounds
from thalia.circuit.experiment_spec import Experiment, gathered
from thalia.errors import fail
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source


@dataclass(frozen=True)
class Log:
    """The results of one condition: for each seed its trials, by measure, and final numbers."""

    config: dict[str, Any]
    seeds: tuple[int, ...]
    histories: tuple[dict[str, list[float]], ...]
    finals: tuple[dict[str, float], ...]

    @property
    def condition(self) -> str:
        """The name of the condition."""
        return str(self.config["condition"])

    def values(self, name: str) -> NDArray[np.float64]:
        """A final number of every seed, (n_seeds,)."""
        return np.array([final[name] for final in self.finals])

    def aggregate(self) -> dict[str, dict[str, float]]:
        """Mean, standard deviation and 95 % interval of every final number, by name.

        The interval is that of the mean, by bootstrap over seeds.
        """
        found = {}
        for name in self.finals[0] if self.finals else ():
            values = self.values(name)
            low, high = bootstrap_bounds(values)
            found[name] = {
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
                "low": low,
                "high": high,
                "least": float(values.min()),
                "most": float(values.max()),
            }
        return found


@dataclass(frozen=True)
class Outcome:
    """An experiment that was run: its logs, in order of conditions, and where they are."""

    experiment: Experiment
    name: str
    logs: tuple[Log, ...]
    folder: FilePath
    failed: tuple[tuple[str, int, str], ...] = ()  # condition, seed, and why


def as_data(log: Log) -> dict[str, Any]:
    """A log as it is written: `config`, `runs`, `aggregate`."""
    runs = [
        {"seed": seed, "history": history, "final": final}
        for seed, history, final in zip(log.seeds, log.histories, log.finals, strict=True)
    ]
    return {"config": log.config, "runs": runs, "aggregate": log.aggregate()}


def read(folder: FilePath) -> Outcome:
    """The logs in a folder.

    Raises
    ------
    CircuitError
        If there are none.
    """
    found = []
    for file in sorted(folder.glob("*.json")):
        data = json.loads(file.read_text("utf-8"))
        if isinstance(data, dict) and {"config", "runs"} <= data.keys():
            runs = data["runs"]
            found.append(
                Log(
                    data["config"],
                    tuple(run["seed"] for run in runs),
                    tuple(run["history"] for run in runs),
                    tuple(run["final"] for run in runs),
                )
            )
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


def rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A table of final numbers, one line per condition: mean, 95 % interval, number of seeds."""
    names = list(
        dict.fromkeys(name for each in outcomes for log in each.logs for name in log.aggregate())
    )
    lines = [["experiment", "condition", "seeds", *names]]
    for outcome in outcomes:
        for log in outcome.logs:
            found = log.aggregate()
            cells = [
                f"{n['mean']:.3g} [{n['low']:.3g}, {n['high']:.3g}]"
                if (n := found.get(name))
                else ""
                for name in names
            ]
            lines.append([outcome.name, log.condition, str(len(log.seeds)), *cells])
    return lines


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

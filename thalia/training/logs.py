"""The logs of an experiment: of its conditions, and of the baselines on the same data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from json import dumps
from math import isfinite
from typing import Any

from thalia import backends
from thalia.analysis.intervals import Range
from thalia.circuit.experiment_spec import OTHER_METHOD, Experiment
from thalia.circuit.serialize import as_data as as_plain
from thalia.circuit.spec import Circuit
from thalia.compiler.expand import expand
from thalia.parallel.result_log import ResultLog
from thalia.recording.outputs import replace_file
from thalia.simulation.origin import origin_of
from thalia.syntax.folder import Folder
from thalia.training import results as tables
from thalia.training.results import Log, Outcome, as_data
from thalia.training.tasks import Environment


@dataclass(frozen=True)
class Condition:
    """The experiment as it is run: with a control or a rule, or as it is written."""

    name: str
    says: str
    circuit: Circuit
    numbers: dict[str, Any]
    data: Folder  # where the task's files of data are
    baselines: bool = False  # whether other methods are tried on what a control draws, too

    @property
    def experiment(self) -> Experiment:
        """Its `experiment:` section."""
        assert self.circuit.experiment is not None
        return self.circuit.experiment


def logs_of(
    conditions: list[Condition],
    tasks: Sequence[Environment],
    seeds: Sequence[int],
    results: ResultLog,
    backend: str | None,
) -> tuple[Log, ...]:
    """The log of every condition, then of every baseline, with what has ended.

    `tasks` are those of the conditions.
    """
    found = [
        {
            seed: results.found[index]
            for index, seed in enumerate(seeds, place * len(seeds))
            if index in results.found
        }
        for place in range(len(conditions))
    ]
    logs = [
        _log(condition, task, place, done, backend)
        for place, (condition, task, done) in enumerate(zip(conditions, tasks, found, strict=True))
    ]
    beside = [each for log, done in zip(logs, found, strict=True) for each in _baselines(log, done)]
    places = range(len(logs), len(logs) + len(beside))
    return (
        *logs,
        *(
            replace(log, config={**log.config, "place": place})
            for place, log in zip(places, beside, strict=True)
        ),
    )


def _log(
    condition: Condition,
    task: Environment,
    place: int,
    done: Mapping[int, dict[str, Any]],
    backend: str | None,
) -> Log:
    text, files = origin_of(expand(condition.circuit))
    config = {
        "experiment": condition.circuit.name,
        "condition": condition.name,
        "place": place,
        "says": condition.says,
        "numbers": condition.numbers,
        "thalia": version("thalia"),
        "backend": backend or backends.choose()[0],
        "section": as_plain(condition.experiment),
        "ranges": {name: _ends(task.range_of(name)) for name in _numbers(done)},
        "circuit": text,
        "circuit_digest": sha256(dumps([text, files], sort_keys=True).encode()).hexdigest(),
    }
    return Log(
        config,
        tuple(done),
        tuple(each["history"] for each in done.values()),
        tuple(each["final"] for each in done.values()),
        tuple(each["cost"] for each in done.values() if "cost" in each),
        tuple(each["data"] for each in done.values() if "data" in each),
    )


def _numbers(done: Mapping[int, dict[str, Any]]) -> list[str]:
    """The names of the numbers of the whole, and of those of the trials."""
    named = [[*each["final"], *each["history"]] for each in done.values()]
    return [*dict.fromkeys(named[0])] if named else []


def _ends(bounds: Range) -> list[float | None]:
    """A range as it is written: None for an open end."""
    return [end if isfinite(end) else None for end in bounds]


def _baselines(log: Log, done: Mapping[int, dict[str, Any]]) -> Iterator[Log]:
    """The baselines of a condition, on the same data; those of a control have its name."""
    kept = ("experiment", "numbers", "thalia", "section", "ranges")
    shared = {key: log.config[key] for key in kept}
    of = f"_{log.condition}" if log.config["place"] else ""
    computed = {seed: each["baselines"] for seed, each in done.items() if "baselines" in each}
    names = dict.fromkeys(name for each in computed.values() for name in each)
    for name in names:
        found = {seed: each[name] for seed, each in computed.items() if name in each}
        says = next(iter(found.values()))["says"]
        config = {
            **shared,
            "condition": f"{OTHER_METHOD}{name}{of}",
            "says": f"{log.condition}: {says}" if of else says,
            "baseline": True,
        }
        finals = tuple(each["final"] for each in found.values())
        yield Log(
            config,
            tuple(found),
            ({},) * len(found),
            finals,
            data=tuple(done[seed]["data"] for seed in found),
        )


def write(outcome: Outcome) -> None:
    """The logs and the table of an experiment, in its folder."""
    for log in outcome.logs:
        replace_file(outcome.folder / f"{log.condition}.json", dumps(as_data(log, outcome.logs[0])))
    replace_file(outcome.folder / tables.SUMMARY, dumps(tables.summary([outcome])))
    replace_file(outcome.folder / "table.csv", tables.comma_separated([outcome]))
    replace_file(outcome.folder / "table.md", tables.markdown([outcome]))

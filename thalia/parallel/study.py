"""A circuit and its conditions, with the same seeds for each, run files and paired differences.

Every result is stored as soon as its run ends, so that an interrupted study can be completed.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.analysis.intervals import Interval, mean_interval, paired
from thalia.circuit.experiment_spec import BASELINE
from thalia.circuit.load import dumps, loads
from thalia.circuit.spec import Circuit
from thalia.compiler.machine import available_processors
from thalia.compiler.pipeline import Compiled, load_whole
from thalia.compiler.plan import Plan
from thalia.errors import CircuitError, Problem, did_you_mean, fail
from thalia.parallel.gpu_batch import compiled_with
from thalia.parallel.result_log import results_of
from thalia.parallel.table_files import read_rows
from thalia.parallel.workers import Job, Reporter, built, carry_out, here, job_of, simulate_one
from thalia.recording.outputs import replacing
from thalia.recording.run_file import Run
from thalia.simulation.origin import origin_of
from thalia.simulation.progress_bar import Shown, shown

SEEDS = (1, 2, 3, 4, 5)
TABLE = "table.csv"
MOST_ELEMENTS = 3000  # that `thalia check` compiles for all conditions, which takes some 4 s


@dataclass(frozen=True, eq=False)
class Measure:
    """A number of every run of a condition, (n_seeds,), and its difference to the baseline."""

    values: NDArray[np.float64]
    difference: "Measure | None" = None

    @property
    def interval(self) -> Interval:
        """Mean and 95 % confidence interval over seeds, as `thalia.analysis.mean_interval`."""
        return mean_interval(self.values)

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return self.interval.mean

    @property
    def half(self) -> float:
        """Half of the 95 % confidence interval of the mean."""
        return self.interval.half

    def __format__(self, spec: str) -> str:
        return format(self.interval, spec)


@dataclass(frozen=True)
class Study:
    """Runs of a circuit as it is written (`baseline`) and in its conditions.

    `runs[condition][seed]` are those that ended; `says` is what each condition shows, and `failed`
    has the condition, the seed and the reason of every run that failed twice.
    """

    name: str
    says: dict[str, str]
    runs: dict[str, dict[int, Run]]
    failed: tuple[tuple[str, int, str], ...]
    folder: FilePath

    def measure(
        self, of: Callable[[Run], Mapping[str, float]] = lambda run: run.rates
    ) -> dict[str, dict[str, Measure]]:
        """Numbers of every run, by condition and name; by default rates in the last phase, in Hz.

        Parameters
        ----------
        of : function of a run, optional
            Gives the numbers of one run by name, the same names for every run of a condition. A
            difference is taken between runs with the same seed, where both ended.
        """
        numbers = {
            condition: {seed: of(run) for seed, run in runs.items()}
            for condition, runs in self.runs.items()
        }
        baseline = numbers[BASELINE]
        return {
            condition: _measured(found, {} if condition == BASELINE else baseline)
            for condition, found in numbers.items()
            if found
        }


def _measured(
    found: Mapping[int, Mapping[str, float]], baseline: Mapping[int, Mapping[str, float]]
) -> dict[str, Measure]:
    differences = {
        n: Measure(mine - theirs) for n, (mine, theirs) in paired(found, baseline).items()
    }
    return {
        name: Measure(np.array([each[name] for each in found.values()]), differences.get(name))
        for name in next(iter(found.values()))
    }


def study(
    circuit: Circuit | str | FilePath,
    conditions: Sequence[str] | None = None,
    seeds: Sequence[int] = SEEDS,
    *,
    output: str | FilePath | None = None,
    workers: int | None = None,
    set: Mapping[str, Any] | None = None,
    progress: Shown = True,
    **options: Any,
) -> Study:
    """Run a circuit as written and in each of its conditions, with the same seeds.

    Parameters
    ----------
    circuit : Circuit or path of a YAML file
        With `conditions:`, each a set of changes by dotted path.
    conditions : sequence of str, optional
        Which of them; by default all.
    output : path, optional
        The folder of the run files and the table, by default `studies/<circuit>/<UTC time>`; that
        of a study that was interrupted is completed.
    workers : int, optional
        Number of parallel processes; by default one for each core, and one on a GPU.
    set : mapping, optional
        Values to replace in the circuit and so in every condition, by dotted path.
    progress : bool or function
        As in `run`.
    **options
        Options of `run`: `duration`, `scale`, `backend`, `lower`, `precision`.

    Raises
    ------
    CircuitError
        If there is no such condition, the circuit has mistakes as it is written or in a condition,
        or the folder holds another study.
    """
    if not seeds or len({*seeds}) < len(seeds):
        raise fail(f"--seeds: expected each seed once, found {list(seeds)}", "as in 1:5")
    written = _loaded(circuit, set)
    circuits = {
        BASELINE: compiled_with(written, options),
        **circuits_in_conditions(circuit, written, conditions, set, options),
    }
    pairs = [(condition, seed) for condition in circuits for seed in seeds]
    jobs = _jobs(circuits, seeds, options)
    work = {"runs": [_kept(job) for job in jobs]}
    with results_of("study", written.name, output, work) as results, shown(progress) as reported:
        for job, (condition, seed) in zip(jobs, pairs, strict=True):
            job["output"] = results.folder.absolute() / condition / f"seed_{seed}.h5"
        built(jobs[:: len(seeds)], reported)
        count = workers or (1 if options.get("backend") == "cuda" else available_processors())

        def submit(batch: list[Job], report: Reporter, alone: bool) -> None:
            here(simulate_one, batch, report, count, alone)

        failures = carry_out(jobs, results, "studying", submit, reported)
        runs: dict[str, dict[int, Run]] = {condition: {} for condition in circuits}
        for job, (condition, seed) in zip(jobs, pairs, strict=True):
            if job["index"] in results.found:
                runs[condition][seed] = Run(job["output"])
        failed = tuple((*pairs[index], why) for index, why in sorted(failures.items()))
        says = {BASELINE: written.summary or "the circuit as it is written"}
        says |= {name: written.conditions[name].says for name in circuits if name != BASELINE}
        made = Study(written.name, says, runs, failed, results.folder)
        _write(made)
    return made


def _jobs(
    circuits: Mapping[str, Compiled], seeds: Sequence[int], options: Mapping[str, Any]
) -> list[Job]:
    jobs: list[Job] = []
    for circuit in circuits.values():
        origin = origin_of(circuit.expanded)
        jobs += [job_of(len(jobs) + k, origin, seed, options) for k, seed in enumerate(seeds)]
    return jobs


def _kept(job: Job) -> list[Any]:
    """Everything that the result of a run depends on."""
    return [job["index"], job["circuit"], job["files"], job["options"]]


def _loaded(
    circuit: Circuit | str | FilePath, set: Mapping[str, Any] | None, condition: str | None = None
) -> Circuit:
    if isinstance(circuit, Circuit):
        if not set and condition is None:
            return circuit
        return loads(dumps(circuit), circuit.name, circuit.folder, set, condition)
    return load_whole(circuit, set, condition)


def circuits_in_conditions(
    circuit: Circuit | str | FilePath,
    written: Circuit,
    names: Sequence[str] | None = None,
    set: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Compiled]:
    """The circuit in each of its conditions, or in those named, every one of them compiled.

    Parameters
    ----------
    written : Circuit
        The circuit as it is written, with what `set` replaces.
    options : mapping, optional
        Options of `run`, such as the scale, with which it must be possible.

    Raises
    ------
    CircuitError
        With every mistake in every condition, or for a name that is not one of them.
    """
    unknown = [name for name in names or () if name not in written.conditions]
    if unknown:
        known = did_you_mean(unknown[0], written.conditions)
        raise fail(f"--condition: {written.name} has no condition '{unknown[0]}'", known)
    circuits, problems = {}, list[Problem]()
    for name in dict.fromkeys(written.conditions if names is None else names):
        try:
            circuits[name] = compiled_with(_loaded(circuit, set, name), options or {})
        except CircuitError as error:
            problems += [each.in_variant(name, "conditions") for each in error.problems]
    if problems:
        raise CircuitError(problems)
    return circuits


def soon_compiled(names: Iterable[str], plan: Plan, file: FilePath) -> tuple[list[str], list[str]]:
    """Conditions that are compiled within seconds one after another, and those that are left.

    Parameters
    ----------
    plan : Plan
        That of the circuit without any condition.
    file : path
        The circuit, which is read again for each.
    """
    elements = sum(1 for _ in plan.populations()) + sum(1 for _ in plan.pathways())
    each = 10 + elements + file.stat().st_size // 500  # what takes as long as one element
    most, known = MOST_ELEMENTS // each, list(names)
    return known[:most], known[most:]


def _write(made: Study) -> None:
    """The rates as text, one line for each condition and population."""
    with (
        replacing(made.folder / TABLE) as partial,
        open(partial, "w", newline="", encoding="utf-8") as file,
    ):
        out = csv.writer(file)
        kinds = ("rate", "difference")
        numbers = [f"{each}_{bound}hz" for each in kinds for bound in ("", "low_", "high_")]
        out.writerow(["condition", "population", "seeds", *numbers])
        for condition, measures in made.measure().items():
            for population, each in measures.items():
                cells = [cell for of in (each, each.difference) for cell in _bounds(of)]
                out.writerow([condition, population, len(each.values), *cells])


def _bounds(measure: Measure | None) -> tuple[float | str, ...]:
    if measure is None:
        return "", "", ""
    interval = measure.interval
    return interval.mean, interval.low, interval.high


@dataclass(frozen=True)
class Rate:
    """A rate in Hz in a condition, and its difference to the baseline: mean, low and high ends."""

    condition: str
    population: str
    seeds: int
    rate: tuple[float, float, float]
    difference: tuple[float, float, float] | None


def read_rates(folder: FilePath) -> list[Rate]:
    """The table of a study, from the text in its folder.

    Raises
    ------
    CircuitError
        If there is none, or it is damaged.
    """
    _, rows = read_rows(folder / TABLE)
    try:
        return [
            Rate(
                condition,
                population,
                int(seeds),
                _ends(row[:3]),
                _ends(row[3:]) if row[3] else None,
            )
            for condition, population, seeds, *row in rows
        ]
    except (ValueError, IndexError) as error:
        raise fail(f"{folder / TABLE}: is damaged, or no table of a study: {error}") from None


def _ends(cells: Sequence[str]) -> tuple[float, float, float]:
    mean, low, high = map(float, cells)
    return mean, low, high

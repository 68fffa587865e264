"""Values of a circuit that bring its runs to a target, searched for by Optuna.

Values are asked for in batches, and every batch is run in parallel; whoever continues a search asks
for the same values again, whose results it has, and goes on after them.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from thalia.analysis.health import health
from thalia.backends import Progress
from thalia.circuit.load import load
from thalia.compiler.machine import available_processors
from thalia.compiler.pipeline import Compiled, load_whole
from thalia.errors import CircuitError, did_you_mean, fail, in_a_line
from thalia.parallel.axes import check_varied
from thalia.parallel.cluster import Cluster, cluster_of, on_cluster
from thalia.parallel.gpu_batch import compiled_with
from thalia.parallel.result_log import ResultLog, results_of
from thalia.parallel.search_space import Dimension, dimension_of
from thalia.parallel.targets import RATES, Target, measures_of, target_of
from thalia.parallel.workers import (
    Job,
    Numbers,
    Reporter,
    built,
    carry_out,
    circuit_of,
    flat,
    here,
    job_of,
    progress_of,
)
from thalia.recording.outputs import replacing
from thalia.simulation.origin import origin_of
from thalia.simulation.progress_bar import Shown, shown
from thalia.simulation.run import run

if TYPE_CHECKING:
    import optuna

KIND, TABLE = "fit", "table.csv"
OPTIMIZERS = {"tpe": "TPESampler", "cmaes": "CmaEsSampler", "random": "RandomSampler"}
TRIALS, BATCH = 100, 8


@dataclass(frozen=True)
class Trial:
    """Values that were tried, by path, with the numbers of each seed, and how far they are off.

    `distance` is the mean over seeds; None if the circuit with these values has mistakes, or a run
    failed, for which `why` has the reason.
    """

    index: int
    settings: dict[str, str]
    runs: tuple[Numbers, ...]
    distance: float | None
    why: str = ""


@dataclass(frozen=True)
class Fit:
    """Every trial of a search, in order, and the target."""

    circuit: str
    dimensions: tuple[Dimension, ...]
    target: Target
    trials: tuple[Trial, ...]
    folder: FilePath

    @property
    def best(self) -> Trial | None:
        """The trial that is nearest to the target; of several, the first."""
        ended = [each for each in self.trials if each.distance is not None]
        return min(ended, key=lambda each: each.distance or 0.0, default=None)

    @property
    def is_met(self) -> bool:
        """Whether a trial met the target with every seed."""
        return self.best is not None and self.best.distance == 0


def fit(  # noqa: PLR0913  # a public function: its keywords are the options
    circuit: str | FilePath,
    vary: Sequence[str],
    target: str = RATES,
    *,
    seeds: Sequence[int] | None = None,
    optimizer: str = "tpe",
    trials: int = TRIALS,
    batch: int = BATCH,
    output: str | FilePath | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    cluster: str | None = None,
    cluster_options: str | FilePath | None = None,
    set: Mapping[str, Any] | None = None,
    progress: Shown = True,
    **options: Any,
) -> Fit:
    """Search for values of a circuit that bring its runs to a target.

    Parameters
    ----------
    circuit : path of a YAML file
    vary : sequence of str
        What to try: "pathways.a_to_b.weight=0.1nS:2nS" for all values between, with ":log" at the
        end on a logarithmic scale; "populations.b.neuron=lif,adex" for some values. Where the
        circuit takes whole numbers only, as in "populations.b.size=10:80", no others are tried.
    target : str
        `rates`: the ranges of `reference:`; `health`: these and what `thalia health` judges; or a
        YAML file with a number or a range for each name of the table of a sweep (`rates_hz.l4e`) or
        measure of `thalia health` (`fano.l4e`).
    seeds : sequence of int, optional
        Each trial is run with all of them; by default the circuit's own.
    optimizer : 'tpe', 'cmaes' or 'random'
        Tree-structured Parzen estimator (Bergstra et al. 2011), CMA-ES (Hansen 2016), or
        independent draws, as implemented by Optuna (Akiba et al. 2019).
    trials : int
        How many at most; the search ends with the first batch that meets the target.
    batch : int
        How many trials are drawn before the results of any of them are known.
    output : path, optional
        Folder of the results, by default `fits/<circuit>/<UTC time>`; that of an interrupted search
        is continued, also with more trials.
    workers, scheduler, cluster, cluster_options, set, progress
        As in `sweep`.
    **options
        Options of `run`: `duration`, `scale`, `backend`.

    Raises
    ------
    CircuitError
        If anything is not valid, a package is missing, or the folder holds another search.
    """
    elsewhere = cluster_of(scheduler, cluster, cluster_options, {"workers": workers})
    dimensions = tuple(map(dimension_of, vary))
    _check(dimensions, optimizer, trials, batch, set or {}, options)
    dimensions = tuple(_whole(circuit, each, set or {}) for each in dimensions)
    compiled = _compiled(circuit, dimensions, set or {}, options)
    first = compiled[0].circuit
    search = _Search(
        circuit,
        dimensions,
        target_of(target, compiled[0].expanded),
        tuple(seeds) if seeds else (first.seed,),
        dict(set or {}),
        options,
    )
    work = {
        "circuits": [origin_of(each.expanded) for each in compiled],
        "dimensions": [repr(each) for each in dimensions],
        "target": repr(search.target),
        "seeds": search.seeds,
        "search": [optimizer, batch],
        "options": options,
    }
    with results_of(KIND, first.name, output, work) as results, shown(progress) as reported:
        runner = _Runner(results, elsewhere, workers, reported)
        done = tuple(_searched(search, optimizer, trials, batch, runner))
        found = Fit(str(circuit), search.dimensions, search.target, done, results.folder)
        _write(found, search.seeds)
    return found


@dataclass(frozen=True)
class _Search:
    circuit: str | FilePath
    dimensions: tuple[Dimension, ...]
    target: Target
    seeds: tuple[int, ...]
    set: dict[str, Any]
    options: Mapping[str, Any]

    def jobs(self, index: int, settings: Mapping[str, str]) -> list[Job] | str:
        """The runs of one trial, or why a circuit with these values cannot be run."""
        try:
            loaded = load_whole(self.circuit, {**self.set, **settings})
            origin = origin_of(compiled_with(loaded, self.options).expanded)
        except CircuitError as error:
            return in_a_line(error)
        first = index * len(self.seeds)
        jobs = [
            job_of(first + place, origin, seed, self.options)
            for place, seed in enumerate(self.seeds)
        ]
        return [{**job, "judged": self.target.needs_health} for job in jobs]

    def trial(self, index: int, settings: dict[str, str], runner: "_Runner") -> Trial:
        """A trial whose runs have ended."""
        places = range(index * len(self.seeds), (index + 1) * len(self.seeds))
        why = next((runner.failures[each] for each in places if each in runner.failures), "")
        if why:
            return Trial(index, settings, (), None, why)
        runs = tuple(runner.results.found[each] for each in places)
        distance = sum(map(self.target.distance, runs)) / len(runs)
        return Trial(index, settings, runs, distance)


class _Runner:
    """Carries out the runs of trials, and keeps their results."""

    def __init__(
        self, results: ResultLog, cluster: Cluster | None, workers: int | None, progress: Progress
    ):
        self.results, self.cluster, self.workers = results, cluster, workers
        self.progress, self.failures = progress, dict[int, str]()
        self.program: Any = None

    def carry_out(self, jobs: list[Job]) -> None:
        """Run what has no result yet."""
        if all(job["index"] in self.results.found for job in jobs):
            return
        if self.program is None:  # which all trials share, unless a choice changes the equations
            self.program = built(jobs[:1], self.progress)[0]["program"]
        jobs = [{**job, "program": self.program} for job in jobs]

        def submit(batch: list[Job], report: Reporter, alone: bool) -> None:
            if self.cluster:
                on_cluster(measured, batch, report, self.cluster)
            else:
                here(measured, batch, report, self.workers or available_processors(), alone)

        self.failures |= carry_out(jobs, self.results, "fitting", submit, self.progress)


def measured(job: Job) -> Numbers:
    """One run of many, in a worker: the numbers of its summary, and those of health if asked."""
    with TemporaryDirectory() as scratch:
        done = run(
            circuit_of(job),
            output=FilePath(scratch) / "run.h5",
            progress=progress_of(job),
            **job["options"],
        )
        return flat(done.results) | (measures_of(health(done)) if job["judged"] else {})


def _searched(
    search: _Search, optimizer: str, trials: int, batch: int, runner: _Runner
) -> Iterator[Trial]:
    """Trials in order; it ends after the batch in which one meets the target."""
    study = _study(optimizer)
    for start in range(0, trials, batch):
        asked = [study.ask() for _ in range(start, min(start + batch, trials))]
        values = [{each.path: _drawn(each, of) for each in search.dimensions} for of in asked]
        jobs = [search.jobs(start + place, each) for place, each in enumerate(values)]
        runner.carry_out([job for each in jobs if isinstance(each, list) for job in each])
        found = [
            Trial(start + place, each, (), None, of)
            if isinstance(of, str)
            else search.trial(start + place, each, runner)
            for place, (each, of) in enumerate(zip(values, jobs, strict=True))
        ]
        for each, of in zip(found, asked, strict=True):
            state = {"state": _failed()} if each.distance is None else {"values": each.distance}
            study.tell(of, **state)
        yield from found
        if any(each.distance == 0 for each in found):
            return


def _study(optimizer: str) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    more = {"constant_liar": True, "multivariate": True} if optimizer == "tpe" else {}
    sampler = getattr(optuna.samplers, OPTIMIZERS[optimizer])(seed=0, **more)
    return optuna.create_study(sampler=sampler)


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


def _drawn(dimension: Dimension, trial: "optuna.Trial") -> str:
    if dimension.choices:
        return dimension.text(trial.suggest_categorical(dimension.path, dimension.choices))
    path, low, high, log = dimension.path, dimension.low, dimension.high, dimension.log
    if dimension.whole:
        return dimension.text(trial.suggest_int(path, int(low), int(high), log=log))
    return dimension.text(trial.suggest_float(path, low, high, log=log))


def _whole(circuit: str | FilePath, dimension: Dimension, set: Mapping[str, Any]) -> Dimension:
    """A dimension, of whole numbers if the circuit refuses a fraction between its ends."""
    if (fraction := dimension.fraction) is None:
        return dimension
    try:
        load(circuit, {**set, dimension.path: fraction})
    except CircuitError as error:
        if any(each.place == f"--set {dimension.path}" for each in error.problems):
            return dimension.of_whole_numbers()
    return dimension


def _check(
    dimensions: Sequence[Dimension],
    optimizer: str,
    trials: int,
    batch: int,
    set: Mapping[str, Any],
    options: Mapping[str, Any],
) -> None:
    """Refuse what has no meaning, before anything is run."""
    if missing := [name for name in ("optuna", "cmaes") if not find_spec(name)]:
        raise fail(
            f"a fit needs {' and '.join(missing)}, which is not installed",
            "pip install 'thalia[fit]'",
        )
    if optimizer not in OPTIMIZERS:
        message = f"--optimizer: none is called '{optimizer}'"
        raise fail(message, did_you_mean(optimizer, OPTIMIZERS))
    if trials < 1 or batch < 1:
        raise fail(f"expected at least 1 trial and a batch of 1, found {trials} and {batch}")
    if not dimensions:
        raise fail("there is nothing to vary", "--vary pathways.a_to_b.weight=0.1nS:2nS")
    check_varied([(each.path, each.choices) for each in dimensions], set, options)
    if optimizer == "cmaes" and any(each.choices for each in dimensions):
        raise fail("--optimizer cmaes: is for numbers, not for choices", "tpe takes both")


def _compiled(
    circuit: str | FilePath,
    dimensions: Sequence[Dimension],
    set: Mapping[str, Any],
    options: Mapping[str, Any],
) -> list[Compiled]:
    """The circuit with the first and with the last of all values: mistakes are reported first."""
    ends = [
        {
            each.path: each.choices[place] if each.choices else each.text(number)
            for each, number in ((d, (d.low, d.high)[place]) for d in dimensions)
        }
        for place in (0, -1)
    ]
    varied = {f"--set {each.path}": f"--vary {each.path}" for each in dimensions}
    try:
        return [compiled_with(load_whole(circuit, {**set, **end}), options) for end in ends]
    except CircuitError as error:
        raise CircuitError(
            replace(each, place=varied.get(each.place, each.place)) for each in error.problems
        ) from None


def _write(found: Fit, seeds: Sequence[int]) -> None:
    """Every trial as a line of text: its values, the distance, and the means over seeds."""
    names = list(dict.fromkeys(name for each in found.trials for run in each.runs for name in run))
    with (
        replacing(found.folder / TABLE) as partial,
        open(partial, "w", newline="", encoding="utf-8") as file,
    ):
        out = csv.writer(file)
        out.writerow(["trial", *(each.path for each in found.dimensions), "distance", *names])
        for each in found.trials:
            values = [each.settings[of.path] for of in found.dimensions]
            distance = "" if each.distance is None else each.distance
            out.writerow([each.index, *values, distance, *(_mean(each.runs, of) for of in names)])


def _mean(runs: Sequence[Numbers], name: str) -> float | str:
    values = [numbers[name] for numbers in runs if name in numbers]
    return sum(values) / len(values) if values else ""

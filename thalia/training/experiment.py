"""An experiment with its controls: the same seeds for each, in parallel; logs and a table.

Every result is stored as soon as its run ends, so that `learn` completes what was interrupted. A
run that did not end goes on from its last checkpoint; it is identical, because all that is random
in it comes from its seed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from thalia import backends
from thalia.backends import Progress, silent
from thalia.circuit.experiment_spec import Experiment, TaskVariant
from thalia.circuit.spec import Circuit
from thalia.compiler.expand import expand
from thalia.compiler.machine import available_processors, processor_use
from thalia.compiler.options import with_options
from thalia.compiler.pipeline import load_whole
from thalia.compiler.plan import Plan
from thalia.connectivity.streams import stream
from thalia.data.files import data_file
from thalia.errors import CircuitError, Problem, did_you_mean, fail
from thalia.library.lookup import LIBRARY, part_text
from thalia.parallel.cluster import cluster_of, on_cluster
from thalia.parallel.result_log import ResultLog, results_of
from thalia.parallel.workers import (
    Job,
    Reporter,
    carry_out,
    check_backend,
    circuit_of,
    here,
    portable,
    progress_of,
)
from thalia.simulation.origin import origin_of
from thalia.simulation.progress_bar import Shown, shown
from thalia.syntax.folder import Folder
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source
from thalia.training.answers import Checkpoint
from thalia.training.baselines import digest_of
from thalia.training.logs import Condition, logs_of, write
from thalia.training.phases import phase_problems, plan_for_trials
from thalia.training.results import Outcome
from thalia.training.saved import starts
from thalia.training.subject import subject_of
from thalia.training.task_options import circuit_values, numbers_of
from thalia.training.task_outline import outline
from thalia.training.tasks import Environment, environment
from thalia.training.trials import Trials

LEARNING = "learning"  # the condition in which nothing is changed
CONTROLS = ("experiment", "controls")  # the path of all controls
BASE_SEED = 123
UNFINISHED = "unfinished"  # folder of what seeds that have not ended keep


@dataclass(frozen=True)
class LearnOptions:
    """The options of an experiment; `learn` documents them."""

    rule: str | None = None
    controls: Sequence[str] | None = None
    seeds: int | None = None
    base_seed: int = BASE_SEED
    numbers: Mapping[str, Any] = field(default_factory=dict)  # of the task, by `task_options`
    data_root: str | FilePath | None = None
    workers: int | None = None
    scheduler: str | None = None
    cluster: str | None = None
    cluster_options: str | FilePath | None = None
    output: str | FilePath | None = None
    backend: str | None = None
    set: Mapping[str, Any] | None = None
    record: bool = False
    start_from: str | FilePath | None = None
    progress: Progress = silent


def learn(  # noqa: PLR0913  # a public function: its keywords are the options
    experiment: str | FilePath,
    *,
    rule: str | None = None,
    controls: Sequence[str] | None = None,
    seeds: int | None = None,
    base_seed: int = BASE_SEED,
    trials: int | None = None,
    data_root: str | FilePath | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    cluster: str | None = None,
    cluster_options: str | FilePath | None = None,
    output: str | FilePath | None = None,
    backend: str | None = None,
    set: Mapping[str, Any] | None = None,
    record: bool = False,
    start_from: str | FilePath | None = None,
    progress: Shown = True,
) -> Outcome:
    """Run an experiment and its controls with several seeds.

    Parameters
    ----------
    experiment : name of one in the library, or path of a circuit with an `experiment:` section
    rule : str, optional
        Which of the experiment's rules to learn with.
    controls : sequence of str, optional
        Which of its controls to run as well; by default all.
    seeds : int, optional
        How many, by default as many as the experiment says, from `base_seed` on; the same for every
        control.
    trials : int, optional
        Trials in place of the experiment's own number.
    data_root : path, optional
        Folder of the data that the task names, in place of that of the experiment.
    workers : int, optional
        Number of parallel processes; by default one for each core.
    scheduler, cluster, cluster_options : optional
        Other machines that run it instead, as in `sweep`.
    output : path, optional
        Folder of the results, by default `experiments/<name>/<UTC time>`; that of an experiment
        that was interrupted is completed.
    backend : str, optional
        `cpp`, `cuda` or `runtime`; by default as in `run`.
    set : mapping, optional
        Values in place of those in the file, by dotted path, as in `load`.
    record : bool
        Also write a run file for each condition and seed, `<condition>_<seed>.h5` in the folder,
        with everything that the circuit's `record:` asks for.
    start_from : path, optional
        Run file of a subject of the same network, with whose state all begin; or the folder of an
        experiment that was recorded, of which each seed begins with its own.
    progress : bool or function
        As in `run`.

    Raises
    ------
    CircuitError
        For anything that the user can correct.
    """
    with shown(progress) as reported:
        options = LearnOptions(
            rule=rule,
            controls=controls,
            seeds=seeds,
            base_seed=base_seed,
            numbers={} if trials is None else {"trials": trials},
            data_root=data_root,
            workers=workers,
            scheduler=scheduler,
            cluster=cluster,
            cluster_options=cluster_options,
            output=output,
            backend=backend,
            set=set,
            record=record,
            start_from=start_from,
            progress=reported,
        )
        return learn_with(experiment, options)


def learn_with(experiment: str | FilePath, options: LearnOptions) -> Outcome:
    """Run an experiment and its controls; see `learn`."""
    elsewhere = cluster_of(
        options.scheduler,
        options.cluster,
        options.cluster_options,
        {"workers": options.workers, "record": options.record},
    )
    asked = asked_for(experiment, options)
    conditions, jobs = asked.conditions, asked.jobs
    with results_of("experiment", asked.name, options.output, {"runs": jobs}) as results:
        backend, programs = _build(conditions, options.backend, options.progress)
        if options.record or not elsewhere:  # machines of a cluster may have other disks
            jobs = [_kept(job, conditions, results.folder, options.record) for job in jobs]

        def submit(batch: list[Job], report: Reporter, alone: bool) -> None:
            if elsewhere:
                sent = [portable(backend, program) for program in programs]
                moved = [
                    {**job, "backend": backend, "program": sent[job["condition"]]} for job in batch
                ]
                on_cluster(take_part, moved, report, elsewhere)
            else:
                workers = options.workers or available_processors()
                here(take_part, batch, report, workers, alone)

        failures = carry_out(jobs, results, "learning", submit, options.progress)
        return asked.outcome(results, failures)


@dataclass(frozen=True)
class Asked:
    """An experiment as it was asked for: conditions with their tasks, and every run as a job."""

    conditions: list[Condition]
    tasks: list[Environment]
    seeds: Sequence[int]
    jobs: list[Job]
    backend: str | None

    @property
    def name(self) -> str:
        """The name of its circuit."""
        return self.conditions[0].circuit.name

    def outcome(self, results: ResultLog, failures: Mapping[int, str]) -> Outcome:
        """What has ended, and by their index why others failed; logs and tables are written."""
        logs = logs_of(self.conditions, self.tasks, self.seeds, results, self.backend)
        failed = tuple(
            (self.conditions[job["condition"]].name, job["seed"], failures[job["index"]])
            for job in self.jobs
            if job["index"] in failures
        )
        outcome = Outcome(self.conditions[0].experiment, self.name, logs, results.folder, failed)
        write(outcome)
        return outcome


def asked_for(experiment: str | FilePath, options: LearnOptions) -> Asked:
    """Every run of an experiment; mistakes are reported first.

    Raises
    ------
    CircuitError
        For anything that the user can correct.
    """
    if options.seeds is not None and options.seeds < 1:
        raise fail(f"--seeds: expected at least one, found {options.seeds}")
    written = load_whole(_path(experiment), options.set or {})
    task = experiment_of(written).task
    numbers = numbers_of(outline(task, written.folder), task, options.numbers)
    values = circuit_values(experiment_of(written).options, options.numbers)
    conditions = conditions_of(
        experiment,
        options.rule,
        options.controls,
        {**(options.set or {}), **values},
        numbers,
        options.data_root,
    )
    tasks = [checked_task(each.circuit, each.numbers, each.data) for each in conditions]
    if options.record and any(each.RETURNS for each in tasks):
        raise fail(
            f"--record: the task '{task}' takes the network back to an earlier state, "
            "which a run file cannot show",
            "leave --record out",
        )
    count = options.seeds or conditions[0].experiment.seeds
    seeds = range(options.base_seed, options.base_seed + count)
    jobs = _started(_jobs(conditions, tasks, seeds, options.backend), conditions, options)
    return Asked(conditions, tasks, seeds, jobs, options.backend)


def _started(jobs: list[Job], conditions: list[Condition], options: LearnOptions) -> list[Job]:
    """The jobs with the run files that they start from, if they do."""
    backend = options.backend or backends.choose()[0]
    found = []
    for index, condition in enumerate(conditions):
        mine = [job for job in jobs if job["condition"] == index]
        seeds = [job["seed"] for job in mine]
        try:
            files = starts(condition.circuit, options.start_from, seeds, backend)
        except CircuitError as error:
            told = (replace(p, message=f"{condition.name}: {p.message}") for p in error.problems)
            raise CircuitError(told) from None
        found += [{**job, "start_from": files[job["seed"]]} if files else job for job in mine]
    if options.record and any("start_from" in job for job in found):
        raise fail("--record: an experiment that starts from a saved state is not recorded")
    return found


def _kept(job: Job, conditions: list[Condition], folder: FilePath, record: bool) -> Job:
    """The job with the run file that it writes, or in which it keeps how far it is."""
    name = f"{conditions[job['condition']].name}_{job['seed']}.h5"
    if record:
        return {**job, "output": (folder / name).absolute()}
    return {**job, "checkpoint": Checkpoint.of((folder / UNFINISHED / name).absolute(), job)}


def conditions_of(
    file: str | FilePath,
    rule: str | None,
    controls: Sequence[str] | None,
    set: Mapping[str, Any],
    task: dict[str, Any],
    data_root: str | FilePath | None = None,
) -> list[Condition]:
    """The experiment as written or with a rule, then each control; all are checked first.

    The code of a task beside the circuit is read, not run.

    Raises
    ------
    CircuitError
        If the experiment cannot be, or with every mistake in every control.
    """
    written = experiment_of(load_whole(_path(file), set))
    for option, name, known in (
        *(("--rule", name, written.rules) for name in ([rule] if rule else [])),
        *(("--control", name, written.controls) for name in controls or ()),
    ):
        if name not in known:
            hint = did_you_mean(name, known) if known else "it has none to choose from"
            raise fail(f"{option}: the experiment has no '{name}'", hint)
    chosen = written.rules[rule] if rule else TaskVariant(says="the experiment as it is")
    found = [_condition(file, rule or LEARNING, chosen, set, task, data_root)]
    problems = list[Problem]()
    for name in written.controls if controls is None else controls:
        control = written.controls[name]
        both = TaskVariant(
            says=control.says,
            baselines=control.baselines,
            set={**chosen.set, **control.set},
            task={**chosen.task, **control.task},
        )
        try:
            found.append(_condition(file, name, both, set, task, data_root))
        except CircuitError as error:
            problems += [each.in_variant(name, *CONTROLS) for each in error.problems]
    if problems:
        raise CircuitError(problems)
    return found


def _path(experiment: str | FilePath) -> FilePath:
    """The file of an experiment; a word alone is one of the library."""
    if str(experiment).endswith((".yaml", ".yml")):
        return FilePath(experiment)
    part_text("experiments", str(experiment))  # says if there is none
    return FilePath(str(LIBRARY / "experiments" / f"{experiment}.yaml"))


def experiment_of(circuit: Circuit) -> Experiment:
    """The `experiment:` section of a circuit.

    Raises
    ------
    CircuitError
        If it has none.
    """
    if circuit.experiment is None:
        raise fail(
            f"{circuit.name} has no `experiment:`",
            "say what it is to learn; `thalia list experiments` has examples",
        )
    return circuit.experiment


def _condition(
    file: str | FilePath,
    name: str,
    variant: TaskVariant,
    set: Mapping[str, Any],
    task: dict[str, Any],
    data_root: str | FilePath | None,
) -> Condition:
    circuit = load_whole(_path(file), {**set, **variant.set})
    numbers = {**experiment_of(circuit).parameters, **variant.task, **task}
    data = circuit.folder if data_root is None else Folder(FilePath(data_root), anywhere=True)
    checked_task(circuit, numbers, data, outline)
    return Condition(name, variant.says, circuit, numbers, data, variant.baselines)


def own_task(file: str | FilePath, set: Mapping[str, Any]) -> str:
    """The name of the Python file that `learn` runs for an experiment; empty if it has none."""
    circuit = load_whole(_path(file), set)
    task = experiment_of(circuit).task
    return circuit.folder.named(task) if task.endswith(".py") else ""


def checked_task(
    circuit: Circuit,
    numbers: dict[str, Any],
    data: Folder,
    read: Callable[[str, Folder], type[Environment]] = environment,
) -> Environment:
    """The task of an experiment, checked against its circuit."""
    section = ("experiment",)
    try:
        task = parse(read(experiment_of(circuit).task, circuit.folder), numbers, Source())
    except CircuitError as error:
        raise circuit.source.placed(
            [p if p.path[:1] == section else p.under(*section) for p in error.problems]
        ) from None
    task = task.reading(data)
    plan = plan_for_trials(circuit)
    if problems := [*task.problems(plan), *phase_problems(experiment_of(circuit), plan)]:
        raise circuit.source.placed(problems)
    return task


def _jobs(
    conditions: list[Condition],
    tasks: list[Environment],
    seeds: Sequence[int],
    backend: str | None,
) -> list[Job]:
    jobs: list[Job] = []
    for index, (condition, checked) in enumerate(zip(conditions, tasks, strict=True)):
        text, files = origin_of(expand(condition.circuit))
        for name in checked.data_files():
            files[name] = data_file(condition.data, name, folders=True).reference()
        task = condition.experiment.task
        if task.endswith(".py"):
            files[task] = condition.circuit.folder.text(task)
        for seed in seeds:
            jobs.append(
                {
                    "index": len(jobs),
                    "condition": index,
                    "baselines": index == 0 or condition.baselines,
                    "seed": seed,
                    "circuit": text,
                    "files": files,
                    "backend": backend,
                    "numbers": condition.numbers,
                }
            )
    return jobs


def _build(
    conditions: list[Condition], backend: str | None, progress: Progress
) -> tuple[str, list[Any]]:
    """Compile every program once, before the processes that share them start.

    Returns
    -------
    The name of the backend, and the program of each condition.
    """
    name = backend or backends.choose()[0]
    engine, programs = backends.find(name), []
    for condition in conditions:
        plan = plan_for_trials(condition.circuit)
        check_backend(name, plan)
        programs.append(engine.build(plan, progress))
    return name, programs


def take_part(job: Job) -> dict[str, Any]:
    """One run of an experiment, in a worker: what each trial noted, and the final numbers."""
    before, _ = processor_use()
    circuit = with_options(circuit_of(job), job["seed"])
    task = checked_task(circuit, job["numbers"], circuit.folder)
    start_from, _ = job.get("start_from", (None, ""))
    taking_part = subject_of(
        circuit,
        job["backend"],
        record=job.get("output"),
        start_from=start_from,
        checkpoint=job.get("checkpoint"),
        progress=progress_of(job),
    )
    with taking_part as subject:
        trials = Trials(subject, task.noted_trials())
        final = task.learn(subject, stream(job["seed"], "experiment"), trials.note)
        presentations, plan = subject.presentations, subject.plan
    seconds, peak = processor_use()
    cost = {
        "seed": job["seed"],
        "presentations": presentations,
        "processor_seconds": round(seconds - before, 3),
        "peak_bytes": peak,
    }
    found = {"history": trials.history, "final": final, "cost": cost}
    return found | _beside(task, plan, job)


def _beside(task: Environment, plan: Plan, job: Job) -> dict[str, Any]:
    """The digest of what a task drew, and the baselines on the same where they are asked for."""
    data = task.draw(plan, stream(job["seed"], "experiment"))
    if data is None:
        return {}
    if not job["baselines"]:
        return {"data": digest_of(data)}
    baselines = task.baselines(plan, data, stream(job["seed"], "baselines"))
    return {
        "data": digest_of(data),
        "baselines": {name: asdict(baseline) for name, baseline in baselines.items()},
    }

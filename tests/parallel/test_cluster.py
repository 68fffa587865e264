"""Experiments and sweeps on other machines: real clusters of two processes, a batch system that is a script."""

import os
import socketserver
import stat
import threading

import pytest

import thalia
from tests.helpers import thalia as command
from thalia.errors import CircuitError
from thalia.parallel import cluster
from thalia.parallel.axes import Axis
from thalia.training.experiment import LearnOptions, learn, learn_with

distributed = pytest.importorskip("distributed")

TASK = '''
import os
import signal
from pathlib import Path
from typing import ClassVar

from thalia.training.tasks import Environment


class Count(Environment):
    """Counts spikes; says where it runs, and kills itself where it is told to."""

    STIMULI: ClassVar = ("cue",)
    READOUT: ClassVar = ("cell",)

    trials: int = 3
    notes: str
    rate: float = 1

    def learn(self, subject, random, note):
        folder, seed = Path(self.notes), subject.plan.seed
        with open(folder / "runs.txt", "a") as file:
            file.write(f"{self.rate:g} {seed} {os.getpid()}\\n")
        deadly = folder / f"deadly_{seed}"
        if deadly.exists():
            deadly.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        for _ in range(self.trials):
            response = subject.present("20 ms", {self.stimuli["cue"][0]: f"{100 * random.random()!r} Hz"})
            note(spikes=response.total(self.readout["cell"][0]))
        return {"spikes": response.total(self.readout["cell"][0])}
'''
TEXT = """
thalia: 1
name: count
duration: 20 ms
dt: 1 ms
populations:
  cue: {neuron: poisson, size: 20, from_task: [rate]}
  cells: {neuron: lif_current, size: 2}
pathways:
  p: {pre: cue, post: cells, connect: {rule: all_to_all}, synapse: delta, weight: 4 mV, delay: 1 ms}
experiment:
  task: ./count.py
  seeds: 3
  result: spikes
  curve: spikes
  stimuli: {cue: cue}
  readout: {cell: cells}
  notes: FOLDER
  controls: {other: {says: "another condition", task: {rate: 2}}}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("count")
    (folder / "count.py").write_text(TASK)
    (folder / "count.yaml").write_text(TEXT.replace("FOLDER", str(folder)))
    return folder / "count.yaml"


@pytest.fixture(scope="module")
def here(file):
    return learn(file, output=file.with_name("here"), backend="runtime", workers=1)


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Two processes, with a cache of programs that is not that of the tests."""
    cache = tmp_path_factory.mktemp("cache_of_workers")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        env={"THALIA_CACHE": str(cache)},
    ) as made:
        made.cache = cache
        yield made


def runs(file):
    """What ran since the last call: condition and seed, and the process."""
    noted = file.with_name("runs.txt")
    lines = [line.rsplit(" ", 1) for line in noted.read_text().splitlines()]
    noted.unlink()
    return sorted(what for what, _ in lines), {process for _, process in lines}


def measured(outcome):
    return [(log.condition, log.seeds, log.histories, log.finals) for log in outcome.logs]


def test_seeds_and_controls_run_on_a_cluster_with_the_same_numbers(file, here, workers):
    before, mine = runs(file)

    there = learn(
        file,
        output=file.with_name("there"),
        backend="runtime",
        scheduler=workers.scheduler_address,
    )

    ran, processes = runs(file)
    assert measured(there) == measured(here)
    assert ran == before
    assert len(ran) == 6
    assert len(processes) == 2
    assert not processes & mine


def test_a_worker_that_is_killed_costs_its_own_run(file, here, workers):
    """Seed 124 of the experiment kills its process when it runs for the first time."""
    file.with_name("runs.txt").write_text("")
    file.with_name("deadly_124").touch()

    there = learn(
        file,
        output=file.with_name("killed"),
        backend="runtime",
        controls=[],
        seeds=4,
        scheduler=workers.scheduler_address,
    )

    ran, _ = runs(file)
    assert there.failed == ()
    assert measured(there)[0][2][:3] == measured(here)[0][2]
    assert ran == ["1 123", "1 124", "1 124", "1 125", "1 126"]


def test_an_experiment_that_was_interrupted_is_completed_on_a_cluster(file, here, workers):
    folder = file.with_name("here")
    results = folder / "results.jsonl"
    kept = results.read_text().splitlines(keepends=True)
    results.write_text("".join(kept[:2]))
    file.with_name("runs.txt").write_text("")

    again = learn(file, output=folder, backend="runtime", scheduler=workers.scheduler_address)

    assert measured(again) == measured(here)
    assert len(runs(file)[0]) == 4


def test_programs_travel_to_workers_that_compile_nothing(file, workers):
    """What is in their cache is what travels: the program and its description, no source."""
    done = learn(
        file,
        output=file.with_name("compiled"),
        backend="cpp",
        seeds=2,
        controls=[],
        scheduler=workers.scheduler_address,
    )

    assert done.failed == ()
    programs = [each for each in workers.cache.iterdir() if (each / "main").exists()]
    files = {frozenset(f.name for f in each.iterdir()) - {"lock"} for each in programs}
    assert files == {frozenset({"main", "manifest.json"})}


def test_a_sweep_has_the_same_table_on_a_cluster(file, workers):
    axes = [Axis("pathways.p.weight", ("4 mV", "8 mV"))]
    common = {"backend": "cpp", "seeds": (1, 2), "progress": False}

    there = thalia.sweep(
        file, axes, output=file.with_name("a"), scheduler=workers.scheduler_address, **common
    )
    same = thalia.sweep(file, axes, output=file.with_name("b"), workers=1, **common)

    assert there.rows == same.rows
    assert len(there.rows) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("system", "submit"), [("slurm", "sbatch"), ("pbs", "qsub")])
def test_jobs_of_a_batch_system_run_an_experiment(
    file, here, system, submit, tmp_path, monkeypatch
):
    """A script in place of `sbatch` starts each job in a session of its own."""
    job = f'cp "$1" {tmp_path}/job.$$\nsetsid sh {tmp_path}/job.$$ > {tmp_path}/log.$$ 2>&1 &\necho "Submitted batch job $!"\n'
    cancel = 'kill -- "-$1"\n'
    for name, text in ((submit, job), ("scancel", cancel), ("qdel", cancel)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}")
        (tmp_path / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    site = tmp_path / "site.yaml"
    site.write_text("jobs: 2\ncores: 1\nmemory: 1 GB\nqueue: long\nwalltime: 00:10:00\n")
    runs(file) if file.with_name("runs.txt").exists() else None

    there = learn(
        file, output=tmp_path / "logs", backend="runtime", cluster=system, cluster_options=site
    )

    assert measured(there) == measured(here)
    assert len(runs(file)[1]) == 2
    scripts = [each.read_text() for each in tmp_path.glob("job.*")]
    assert len(scripts) == 2
    assert all("long" in each and "--nthreads 1" in each for each in scripts)


@pytest.fixture
def submitting(tmp_path, monkeypatch):
    """A machine with a `sbatch` that takes nothing."""
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    (tmp_path / "sbatch").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("text", "message"), [
    ("cores: 2\ncoers: 3\n", "site.yaml:2:1: coers: unknown key 'coers'\n    hint: did you mean 'cores'"),
    ("cores: many\n", "site.yaml:1:1: cores: expected an integer, found 'many'"),
    ("resource_spec: a\n", "site.yaml:1:1: resource_spec: unknown key 'resource_spec'"),
    ("jobs: 0\n", "site.yaml:1:1: jobs: expected a value greater than or equal to 1, found 0"),
    ("[cores]\n", "expected a mapping of keys, found list"),
    ("cores: [\n", "site.yaml:2:1: is not valid YAML"),
])  # fmt: skip
def test_options_of_a_site_are_checked(file, submitting, text, message):
    (submitting / "site.yaml").write_text(text)

    with pytest.raises(CircuitError) as told:
        cluster.cluster_of(None, "slurm", submitting / "site.yaml", {})
    assert message in str(told.value)


@pytest.mark.parametrize(("options", "message"), [
    ({"scheduler": "tcp://x:1", "cluster": "slurm"}, "--cluster: is given together with --scheduler"),
    ({"scheduler": "tcp://x:1", "workers": 2}, "--workers: holds on this machine, not with --scheduler"),
    ({"cluster": "slurm", "record": True}, "--record: holds on this machine, not with --cluster"),
    ({"cluster_options": "site.yaml"}, "--cluster-options: are for --cluster"),
    ({"cluster": "slrum"}, "--cluster: no batch system is called 'slrum'\n    hint: did you mean 'slurm'"),
    ({"cluster": "slurm", "cluster_options": "nothing.yaml"}, "--cluster-options nothing.yaml: no such file"),
    ({"cluster": "slurm", "cluster_options": "."}, "--cluster-options .: is a folder, expected a file"),
    ({"cluster": "pbs"}, "--cluster pbs: there is no `qsub` on this machine"),
])  # fmt: skip
def test_options_that_do_not_go_together_are_told(file, options, message):
    with pytest.raises(CircuitError) as told:
        learn_with(file, LearnOptions(output=file.with_name("never"), **options))

    assert message in str(told.value)
    assert not file.with_name("never").exists()


@pytest.mark.parametrize(("options", "missing"), [
    ({"scheduler": "tcp://x:1"}, "--scheduler needs distributed,"),
    ({"batch_system": "slurm"}, "--cluster needs distributed and dask-jobqueue,"),
])  # fmt: skip
def test_packages_that_are_missing_are_named(monkeypatch, options, missing):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    given = {"scheduler": None, "batch_system": None, "options": None} | options

    with pytest.raises(CircuitError, match=missing):
        cluster.cluster_of(**given, here_only={})


@pytest.mark.slow
def test_a_batch_system_that_takes_no_job_is_told(file, submitting):
    (submitting / "site.yaml").write_text("cores: 1\nmemory: 1 GB\n")
    options = ("--backend", "runtime", "--cluster", "slurm", "--cluster-options")

    done = command("learn", file, *options, submitting / "site.yaml", folder=submitting)

    assert done.returncode == 2
    assert "`sbatch` did not take the jobs: " in done.stderr
    assert "stderr:; no" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_of_another_version_is_told(file, monkeypatch):
    monkeypatch.setattr(cluster, "version", lambda name: "0.1")

    with pytest.raises(RuntimeError, match=r"the worker has Thalia 0\.1, expected 0\.6 as here"):
        cluster._worked(lambda job: job, {}, None, "0.6")


@pytest.mark.parametrize(
    "answer",
    [b"\x02" + b"\0" * 7 + b"ab", b"\xff" * 4096],
)
def test_a_program_that_is_no_scheduler_is_told(answer):
    class Other(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.server_address[1]}"
        with (
            pytest.raises(CircuitError, match="does not answer"),
            cluster.Cluster(address, None).client(),
        ):
            pass
        server.shutdown()

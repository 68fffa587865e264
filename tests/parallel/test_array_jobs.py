"""Sweeps and experiments as array jobs: written, carried out task by task, ended in the middle, collected."""

import json
import os
import signal
import stat
import subprocess
from dataclasses import replace

import h5py
import pytest

import thalia
from tests.helpers import thalia_here as command
from tests.parallel.test_cluster import TASK
from tests.parallel.test_cluster import TEXT as EXPERIMENT
from thalia.errors import CircuitError
from thalia.parallel import job_folder, workers
from thalia.parallel.axes import Axis
from thalia.parallel.batch_script import script
from thalia.parallel.job_folder import read_jobs
from thalia.parallel.result_log import ResultLog
from thalia.parallel.site import PbsSite, SlurmSite
from thalia.parallel.sweep import collect_sweep, write_sweep
from thalia.parallel.workers import simulate_kept
from thalia.simulation.checkpoint import read_state
from thalia.simulation.interruption import Terminated
from thalia.training.array_job import collect_experiment, take_part_kept, write_experiment
from thalia.training.experiment import LearnOptions, learn_with

CIRCUIT = """
thalia: 1
name: noisy
seed: 5
duration: 200 ms
dt: 1 ms
populations:
  input: {neuron: poisson, size: 20, parameters: {rate: 40 Hz}}
  cells: {neuron: lif_current, size: 3}
pathways:
  p: {pre: input, post: cells, connect: {rule: all_to_all}, synapse: delta, weight: 4 mV, delay: 1 ms, plasticity: {rule: stdp_pair}}
"""
AXES = [Axis("pathways.p.weight", ("4 mV", "6 mV"))]
SEEDS = (1, 2)


@pytest.fixture
def circuit(tmp_path):
    (tmp_path / "noisy.yaml").write_text(CIRCUIT)
    return tmp_path / "noisy.yaml"


@pytest.fixture
def written(circuit):
    """Four runs in two tasks; the circuit is gone afterwards."""
    folder = circuit.with_name("jobs")
    site = SlurmSite(jobs=2)
    write_sweep(circuit, AXES, SEEDS, folder=folder, site=site, backend="runtime")
    return read_jobs(folder)


def test_tasks_give_the_table_of_a_sweep_though_the_circuit_was_edited(circuit, written):
    same = thalia.sweep(
        circuit,
        AXES,
        SEEDS,
        output=circuit.with_name("sweep"),
        workers=1,
        progress=False,
        backend="runtime",
    )
    circuit.write_text("nothing any more")

    told = []
    assert written.carry_out(1, simulate_kept, told.append) == 0
    half = collect_sweep(written)
    assert [point.index for point, _ in half.rows] == [1, 3]
    written.carry_out(0, simulate_kept, told.append)
    table = collect_sweep(written)

    assert table.rows == same.rows
    assert len({json.dumps(numbers) for _, numbers in table.rows}) == 4
    assert (table.folder / "table.csv").read_text() == (same.folder / "table.csv").read_text()
    assert told == ["run 1: done", "run 3: done", "run 0: done", "run 2: done"]
    assert not list((written.folder / "unfinished").glob("*.h5"))


def test_a_task_that_was_ended_goes_on_where_it_was(written, monkeypatch):
    def ended(circuit, **options):
        def report(what, fraction, detail=""):
            if what == "simulating" and fraction >= 0.4:
                os.kill(os.getpid(), signal.SIGTERM)

        return thalia.run(circuit, **options | {"progress": report, "chunk": "20 ms"})

    with monkeypatch.context() as patch:
        patch.setattr(workers, "run", ended)
        with pytest.raises(Terminated):
            written.carry_out(0, simulate_kept, str)
    (kept,) = (written.folder / "unfinished").glob("*.h5")
    reached = read_state(h5py.File(kept), kept).step

    with monkeypatch.context() as patch:
        patch.setattr(workers, "run", lambda *given, output, **options: pytest.fail(str(output)))
        jobs = replace(written, jobs=written.jobs[:1], tasks=1)
        assert jobs.carry_out(0, simulate_kept, str) == 0

    assert kept.name == "0.h5"
    assert 80 <= reached < 200
    scratch = written.folder / "whole.h5"
    whole = simulate_kept(written.jobs[0], scratch)
    assert jobs._result(jobs.jobs[0]) == {"numbers": whole}


def test_a_run_that_is_done_is_not_done_again(written):
    written.carry_out(0, simulate_kept, str)
    told = []

    written.carry_out(0, lambda job, file: pytest.fail("again"), told.append)

    assert told == ["run 0 is done already", "run 2 is done already"]


def test_a_run_that_fails_costs_itself_only_and_is_tried_again(written):
    def fragile(job, file):
        if job["index"] == 0:
            raise MemoryError("not today")
        return {"rate": 1.0}

    told = []
    assert written.carry_out(0, fragile, told.append) == 1
    table = collect_sweep(written)

    assert [(point.index, why) for point, why in table.failed] == [(0, "MemoryError: not today")]
    assert [point.index for point, _ in table.rows] == [2]
    assert told == ["run 0: MemoryError: not today", "run 2: done"]
    assert written.carry_out(0, lambda job, file: {"rate": 2.0}, told.append) == 0
    assert collect_sweep(written).failed == ()


def test_a_damaged_result_is_computed_again(written):
    written.carry_out(0, lambda job, file: {"rate": 1.0}, str)
    (written.folder / "results" / "2.json").write_text('{"numbers": {"ra')

    assert [point.index for point, _ in collect_sweep(written).rows] == [0]
    told = []
    written.carry_out(0, lambda job, file: {"rate": 1.0}, told.append)
    assert told == ["run 0 is done already", "run 2: done"]


def test_two_processes_do_not_carry_out_one_task(written):
    def twice(job, file):
        with pytest.raises(CircuitError, match=r"jobs: another process carries out task 0"):
            written.carry_out(0, simulate_kept, str)
        return {"rate": 1.0}

    assert written.carry_out(0, twice, str) == 0


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "count.py").write_text(TASK)
    (tmp_path / "count.yaml").write_text(EXPERIMENT.replace("FOLDER", str(tmp_path)))
    return tmp_path / "count.yaml"


def test_an_experiment_has_the_logs_that_it_has_here(experiment):
    options = LearnOptions(backend="runtime", seeds=2, workers=1)
    same = learn_with(experiment, replace(options, output=experiment.with_name("here")))
    folder = experiment.with_name("jobs")
    write_experiment(experiment, options, folder, PbsSite(jobs=2))
    experiment.unlink()
    experiment.with_name("count.py").unlink()

    jobs = read_jobs(folder)
    jobs.carry_out(0, take_part_kept, str)
    jobs.carry_out(1, take_part_kept, str)
    there = collect_experiment(jobs)

    assert [replace(log, costs=()) for log in there.logs] == [
        replace(log, costs=()) for log in same.logs
    ]
    assert [log.condition for log in there.logs] == ["learning", "other"]
    assert (folder / "table.md").exists()


SITE = {"cores": 4, "memory": "8 GB", "queue": "long", "account": "lab", "walltime": "02:00:00"}
EXTRA = {"job_name": "mine", "job_extra_directives": ["--nice"], "job_script_prologue": ["module load gcc"], "python": "/opt/py thon"}  # fmt: skip


def test_a_script_for_slurm(tmp_path):
    text = script(tmp_path, "noisy", 7, SlurmSite(**SITE, **EXTRA))

    head, body = text.split("\nmodule load gcc\n")
    assert head.splitlines() == [
        "#!/usr/bin/env bash",
        "#SBATCH --job-name=mine",
        "#SBATCH --array=0-6",
        f"#SBATCH --output={tmp_path}/logs/%a.txt",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --signal=B:USR1@120",
        "#SBATCH --partition=long",
        "#SBATCH --account=lab",
        "#SBATCH --ntasks=1",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --mem=8GB",
        "#SBATCH --time=02:00:00",
        "#SBATCH --nice",
    ]
    assert f"'/opt/py thon' -P -m thalia job {tmp_path} \"$SLURM_ARRAY_TASK_ID\" &" in body


def test_a_script_for_pbs(tmp_path):
    text = script(tmp_path, "noisy", 7, PbsSite(**SITE))

    assert text.splitlines()[:10] == [
        "#!/usr/bin/env bash",
        "#PBS -N noisy",
        "#PBS -J 0-6",
        "#PBS -r y",
        "#PBS -j oe",
        f"#PBS -o {tmp_path}/logs/",
        "#PBS -q long",
        "#PBS -A lab",
        "#PBS -l select=1:ncpus=4:mem=8GB",
        "#PBS -l walltime=02:00:00",
    ]
    assert text.endswith(f'-P -m thalia job {tmp_path} "${{PBS_ARRAY_INDEX:-0}}"\n')
    assert "#PBS -J" not in script(tmp_path, "noisy", 1, PbsSite())  # PBS has no array of one


@pytest.fixture
def batch(tmp_path, monkeypatch):
    """A batch system: it carries out the tasks of a script one by one, and what is to begin anew."""
    (tmp_path / "bin").mkdir()
    texts = {
        "sbatch": (
            "last=$(sed -n 's/^#SBATCH --array=0-//p' \"$1\")\n"
            "export SLURM_ARRAY_JOB_ID=9\n"
            'for i in $(seq 0 "$last"); do echo "$i" >> QUEUE; done\n'
            'while read -r i; do SLURM_ARRAY_TASK_ID=$i bash "$1" >> LOG 2>&1 < /dev/null; done < QUEUE\n'
        ),
        "scontrol": 'echo "${2#9_}" >> QUEUE\n',
    }
    for name, text in texts.items():
        place = tmp_path / "bin" / name
        named = text.replace("QUEUE", f"{tmp_path}/queue").replace("LOG", f"{tmp_path}/log")
        place.write_text(f"#!/usr/bin/env bash\n{named}")
        place.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return tmp_path


def test_a_batch_system_carries_out_what_a_command_wrote(circuit, batch):
    """From the command to the table, as a user would."""
    jobs = circuit.with_name("jobs")
    axis = ("--vary", "pathways.p.weight=4mV,6mV", "--backend", "runtime")
    written = ("--cluster", "slurm", "--write-jobs", jobs)
    done = command("sweep", circuit, *axis, *written, folder=circuit.parent)
    assert (done.returncode, done.stdout) == (0, f"sbatch {jobs}/job.sh\n"), done.stderr
    before = command("sweep", "--collect", jobs, folder=circuit.parent)
    assert before.returncode == 2
    assert f"{jobs}: none of its 2 runs has ended" in before.stderr

    subprocess.run(["sbatch", jobs / "job.sh"], check=True)

    assert (batch / "log").read_text().splitlines() == ["run 0: done", "run 1: done"]
    after = command("sweep", "--collect", jobs, folder=circuit.parent)
    assert after.returncode == 0, after.stderr
    assert "2 of 2 runs" in after.stdout
    assert len((jobs / "table.csv").read_text().splitlines()) == 3


def test_a_task_whose_time_is_over_begins_anew(batch):
    """SLURM sends USR1 to the script, which ends what it runs and asks to be put back in line."""
    task = batch / "task"
    task.write_text(
        f"#!/usr/bin/env bash\necho task $6 >> {batch}/done\n"
        f"[ -e {batch}/once ] && exit 0\ntouch {batch}/once\n"
        "trap 'exit 143' TERM\nkill -USR1 $PPID\nwhile :; do sleep 0.01; done\n"
    )
    task.chmod(stat.S_IRWXU)
    text = script(batch, "noisy", 2, SlurmSite(python=str(task)))
    (batch / "job.sh").write_text(text)

    subprocess.run(["sbatch", batch / "job.sh"], check=True, timeout=60)

    assert (batch / "done").read_text().splitlines() == ["task 0", "task 1", "task 0"]


@pytest.mark.parametrize(("site", "message"), [
    ({"interface": "ib0"}, "--cluster-options: interface is for the workers of Dask, not for --write-jobs"),
    ({"worker_extra_args": ["a"]}, "worker_extra_args is for the workers of Dask"),
])  # fmt: skip
def test_what_only_dask_has_is_told(circuit, site, message):
    with pytest.raises(CircuitError, match=message):
        write_sweep(circuit, AXES, folder=circuit.with_name("jobs"), site=SlurmSite(**site))
    assert not circuit.with_name("jobs").exists()


def test_a_folder_that_is_there_or_not_one_word_is_told(circuit, written):
    for_ = {"site": SlurmSite(), "backend": "runtime"}
    with pytest.raises(CircuitError, match=r"jobs: exists already"):
        write_sweep(circuit, AXES, folder=written.folder, **for_)
    with pytest.raises(CircuitError, match=r"my jobs: batch systems read names of folders as one"):
        write_sweep(circuit, AXES, folder=circuit.with_name("my jobs"), **for_)


@pytest.mark.parametrize("change", [
    lambda data: {**data, "jobs": data["jobs"][:1]},
    lambda data: {**data, "circuits": []},
    lambda data: {**data, "kind": "else"},
    lambda data: [data],
])  # fmt: skip
def test_a_damaged_manifest_is_told(written, change):
    place = written.folder / "jobs.json"
    place.write_text(json.dumps(change(json.loads(place.read_text()))))

    with pytest.raises(CircuitError, match=r"jobs\.json: is damaged"):
        read_jobs(written.folder)


@pytest.mark.parametrize(
    "change",
    [{"index": "../../elsewhere"}, {"output": "/tmp/elsewhere.h5"}, {"options": {"output": "../elsewhere.h5"}}],
)  # fmt: skip
def test_jobs_of_a_stranger_write_nothing_elsewhere(written, change):
    """Their description is as it would be if Thalia had written it."""
    jobs = tuple({**job, **change} for job in written.jobs)
    forged = replace(written, jobs=jobs)
    (written.folder / "jobs.json").write_text(json.dumps(forged._data()))
    (written.folder / "sweep.json").write_text(json.dumps(ResultLog.description(forged._work())))

    with pytest.raises(CircuitError, match=r"jobs\.json: is damaged"):
        read_jobs(written.folder)


@pytest.mark.parametrize("name", ["results", "unfinished"])
def test_links_in_a_folder_of_jobs_are_not_followed(written, name, tmp_path):
    (written.folder / name).rename(tmp_path / "elsewhere")
    (written.folder / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(CircuitError, match=f"{name}: is a link"):
        read_jobs(written.folder)


def test_an_unfinished_run_that_is_a_link_is_left_alone(written, tmp_path):
    (written.folder / "unfinished" / "0.h5").symlink_to(tmp_path / "elsewhere.h5")

    told = []

    assert written.carry_out(0, simulate_kept, told.append) == 1
    assert told[0].endswith("0.h5: is a link")
    assert not (tmp_path / "elsewhere.h5").exists()


def test_jobs_of_another_version_are_told(written, monkeypatch):
    monkeypatch.setattr(job_folder, "version", lambda name: "9.9")

    with pytest.raises(CircuitError, match=r"was written by Thalia [\d.]+, this is 9\.9"):
        read_jobs(written.folder)


def test_a_task_that_is_not_there_is_told(written):
    with pytest.raises(CircuitError, match="has tasks 0 to 1, found 2"):
        written.carry_out(2, simulate_kept, str)


@pytest.mark.parametrize(("arguments", "message"), [
    (("sweep", "noisy.yaml", "--write-jobs", "new"), "--write-jobs: needs the batch system"),
    (("sweep", "noisy.yaml", "--write-jobs", "new", "--cluster", "lsf"), "no batch system is called 'lsf'"),
    (("sweep", "noisy.yaml", "--write-jobs", "new", "--cluster", "pbs", "--workers", "2"), "--workers: has no meaning with --write-jobs"),
    (("sweep", "--collect", "."), ".: holds no jobs"),
    (("sweep", "--collect", "jobs", "--vary", "dt=1ms,2ms"), "--vary: has no meaning with --collect"),
    (("learn", "--collect", "jobs"), "jobs: holds jobs of a sweep\n    hint: thalia sweep --collect"),
    (("learn", "iris", "--write-jobs", "new", "--cluster", "slurm", "--record"), "--record: has no meaning with --write-jobs"),
    (("job", "noisy.yaml", "0"), "noisy.yaml: holds no jobs"),
    (("job", "jobs", "7"), "jobs: has tasks 0 to 1, found 7"),
])  # fmt: skip
def test_mistakes_are_told(circuit, written, arguments, message):
    done = command(*arguments, folder=circuit.parent)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not circuit.with_name("new").exists()

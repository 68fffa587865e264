"""What `thalia new` writes runs as it is."""

import pytest

from tests.helpers import thalia_here
from thalia.training.experiment import learn

PARTS = ("neuron", "synapse", "rule", "region")


@pytest.mark.parametrize("kind", ["circuit", *PARTS])
def test_a_circuit_that_is_started_runs(tmp_path, kind):
    made = thalia_here("new", "mine", "--kind", kind, folder=tmp_path)
    circuit = "mine_circuit.yaml" if kind in PARTS else "mine.yaml"
    done = thalia_here(
        "run", circuit, "--duration", "50 ms", "--backend", "runtime", "-o", "run.h5",
        folder=tmp_path,
    )  # fmt: skip

    assert (made.returncode, made.stderr) == (0, "")
    assert (done.returncode, done.stderr) == (0, "")
    written = [line.partition(":")[0] for line in made.stdout.splitlines()[:-1]]
    assert sorted(written) == sorted(each.name for each in tmp_path.glob("mine*"))


def test_a_rule_that_is_started_has_a_window(tmp_path):
    thalia_here("new", "mine", "--kind", "rule", folder=tmp_path)

    done = thalia_here(
        "window", "./mine.yaml", "--json", "--backend", "runtime", folder=tmp_path
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")


def test_an_experiment_that_is_started_is_checked_with_its_controls(tmp_path):
    thalia_here("new", "mine", "--kind", "experiment", folder=tmp_path)

    done = thalia_here("check", "mine.yaml", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_task_that_is_started_learns(tmp_path):
    thalia_here("new", "mine", "--kind", "task", folder=tmp_path)

    outcome = learn(
        tmp_path / "mine.yaml",
        output=tmp_path / "logs",
        backend="runtime",
        workers=1,
        seeds=1,
        trials=2,
        controls=[],
    )

    assert len(outcome.logs[0].histories[0]["preference"]) == 2


def test_nothing_is_written_if_one_of_the_files_exists(tmp_path):
    (tmp_path / "mine_circuit.yaml").write_text("kept")

    done = thalia_here("new", "mine", "--kind", "rule", folder=tmp_path)

    assert done.returncode == 2
    assert "mine_circuit.yaml: exists already" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["mine_circuit.yaml"]

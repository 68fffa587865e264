"""Circuits by name: found from any folder, listed with what they are, and never written next to."""

from pathlib import Path

import pytest
import yaml

import thalia
from tests.helpers import CIRCUITS, ROOT, thalia_here
from thalia.circuit.bundled import circuit_file, summaries
from thalia.cli.options import completed_circuit


def test_a_name_is_the_circuit_and_a_file_of_this_name_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert circuit_file("cortex").samefile(ROOT / "circuits" / "cortex.yaml")
    Path("cortex").write_text("mine")
    assert circuit_file("cortex") == Path("cortex")
    assert circuit_file("./coba") == Path("coba")  # a path, whether it is there or not


def test_an_experiment_is_found_as_well():
    assert thalia.load("bandit").name == "bandit"


@pytest.mark.parametrize("file", CIRCUITS, ids=lambda file: file.stem)
def test_every_circuit_says_what_it_is_in_a_line(file):
    summary = yaml.safe_load(file.read_text())["summary"]

    assert summaries()[file.stem] == summary
    assert summary.endswith(".")
    assert "\n" not in summary


def test_the_circuits_are_listed(tmp_path):
    lines = thalia_here("circuits", folder=tmp_path).stdout.splitlines()

    assert [line.split()[0] for line in lines] == [file.stem for file in CIRCUITS]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["check", "pair"], ": OK: pair, 2 neurons, 1 synapse"),
        (["plan", "pair"], "pair"),
        (["cite", "cortex"], "https://doi.org/10.1093/cercor/bhs358"),
        (["plot", "graph", "pair"], "pair_graph.png\n"),
        (["export", "brunel", "--to", "nest", "--scale", "0.02", "-o", "out"], "out/run.py"),
    ],
)
def test_commands_take_a_name_in_an_empty_folder(tmp_path, command, shown):
    done = thalia_here(*command, folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_nothing_is_written_next_to_a_circuit_that_comes_with_thalia(tmp_path):
    before = sorted((ROOT / "circuits").rglob("*"))

    thalia_here("plot", "graph", "pair", folder=tmp_path)
    refused = thalia_here("calibrate", "cortical_column", "--rounds", "0", folder=tmp_path)

    assert sorted((ROOT / "circuits").rglob("*")) == before
    assert (tmp_path / "pair_graph.png").is_file()
    assert refused.returncode == 2


def test_a_name_that_there_is_not_is_told_with_the_nearest(tmp_path):
    done = thalia_here("run", "cortx", folder=tmp_path)

    assert done.returncode == 2
    assert "cortx: no such file, and no circuit of Thalia has this name" in done.stderr
    assert "did you mean 'cortex'?" in done.stderr


def test_a_shell_completes_names_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cobalt").mkdir()
    (tmp_path / "cobalt" / "mine.yaml").write_text("")

    assert completed_circuit("coba") == ["coba", "cobalt/"]
    assert completed_circuit("./cobalt/") == ["./cobalt/mine.yaml"]
    assert completed_circuit(f"{tmp_path}/c") == [f"{tmp_path}/cobalt/"]

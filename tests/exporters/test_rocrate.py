"""A crate is read by the library of RO-Crate, and has what the run had."""

import platform
import re
import shlex
from hashlib import sha256

import h5py
import pytest

import thalia
from tests.helpers import DRIVEN, thalia_here
from thalia.errors import CircuitError
from thalia.simulation import diff

rocrate = pytest.importorskip("rocrate.rocrate")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crate")
    text = DRIVEN.replace("name: driven", "name: driven\ncite: [10.1038/78829]")
    (folder / "driven.yaml").write_text(text)
    return thalia.run(
        folder / "driven.yaml", output=folder / "run.h5", backend="runtime", duration="20 ms"
    )


def test_the_crate_is_a_workflow_that_was_run(run, tmp_path):
    crate = rocrate.ROCrate(str(thalia.export(run, "rocrate", tmp_path / "crate")))

    workflow, (action,) = crate.mainEntity, crate.get_by_type("CreateAction")
    assert {"File", "ComputationalWorkflow"} <= {*workflow.type}
    assert workflow["programmingLanguage"]["version"] == run.attributes["thalia"]
    assert action["instrument"] == workflow
    assert action["result"].id == "run.h5"
    assert "https://doi.org/10.1038/78829" in {
        each.id for each in crate.get_by_type("ScholarlyArticle")
    }
    assert "https://w3id.org/ro/wfrun/workflow/0.5" in {
        each.id for each in crate.root_dataset["conformsTo"]
    }


def test_every_file_is_described_with_its_digest(run, tmp_path):
    folder = thalia.export(run, "rocrate", tmp_path / "crate")
    crate = rocrate.ROCrate(str(folder))

    digests = {each.id: each["sha256"] for each in crate.get_entities() if each.get("sha256")}
    files = {
        str(each.relative_to(folder)): sha256(each.read_bytes()).hexdigest()
        for each in folder.rglob("*")
        if each.is_file() and each.name != "ro-crate-metadata.json"
    }
    assert digests == files
    assert thalia.Run(folder / "run.h5").rates == run.rates


def repeated(crate):
    """The run of the command in the README of a crate, in its folder."""
    (line,) = re.findall(r"^    (thalia run .*)$", (crate / "README.md").read_text(), re.MULTILINE)
    done = thalia_here(*shlex.split(line)[1:], "-o", "again.h5", folder=crate)
    assert done.returncode == 0, done.stderr
    return thalia.Run(crate / "again.h5")


def test_the_crate_of_a_changed_circuit_repeats_what_was_simulated(tmp_path):
    changed = thalia_here(
        *("run", "pair", "--set", "pathways.synapse.weight=20 pA", "--seed", 5),
        *("--backend", "runtime", "--duration", "200 ms", "-o", "run.h5"),
        folder=tmp_path,
    )
    assert changed.returncode == 0, changed.stderr
    run = thalia.Run(tmp_path / "run.h5")
    crate = thalia.export(run, "rocrate", tmp_path / "crate")

    again = repeated(crate)

    assert run.weights["synapse"].w[0] == pytest.approx(20)
    assert diff.compare(run.file, again.file) == []
    methods, environment = (
        (crate / name).read_text() for name in ("methods.md", "environment.txt")
    )
    assert re.search(r"^\| synapse \|.*\| 20 pA \|", methods, re.MULTILINE)
    assert f"# python: {platform.python_version()}\n" in environment
    assert f"# system: {platform.platform()}\n" in environment


@pytest.fixture(scope="module")
def with_files(tmp_path_factory):
    """A run of a circuit that names a component, data, and spikes, of which some are elsewhere."""
    folder = tmp_path_factory.mktemp("files")
    neuron = thalia_here("list", "lif_current", "--yaml", folder=folder).stdout
    (folder / "my_cell.yaml").write_text(neuron)
    (folder / "data").mkdir()
    (folder / "data" / "edges.csv").write_text("pre,post,w\n0,0,3\n1,1,4\n")
    (folder / "times.csv").write_text("0,1\n1,2\n")
    (folder / "named.yaml").write_text(WITH_FILES)
    return thalia.run(folder / "named.yaml", output=folder / "run.h5", backend="runtime")


WITH_FILES = """
thalia: 1
name: named
duration: 20 ms
populations:
  given: {neuron: spike_source, size: 2}
  cell: {neuron: ./my_cell.yaml, size: 2}
pathways:
  edges: {pre: given, post: cell, connect: {file: data/edges.csv}, synapse: delta, weight: w * mV, delay: 1 ms}
stimuli: {times: {kind: spikes, target: given, file: times.csv}}
"""


def test_a_crate_has_the_files_that_its_circuit_names(with_files, tmp_path):
    crate = thalia.export(with_files, "rocrate", tmp_path / "crate")

    checked = thalia_here("check", "circuit.yaml", folder=crate)
    again = repeated(crate)

    assert checked.returncode == 0, checked.stderr
    differences = diff.compare(with_files.file, again.file)
    assert [each for each in differences if each.startswith(("spikes", "weights", "state"))] == []
    described = rocrate.ROCrate(str(crate)).get_by_type("CreateAction")[0]["object"]
    assert {each.id.rpartition("/")[2] for each in described} == {
        "edges.csv",
        "my_cell.yaml",
        "times.csv",
    }


def test_the_crate_of_a_bundled_circuit_with_files_is_complete(tmp_path):
    run = thalia.run("reward", output=tmp_path / "run.h5", backend="runtime", duration="5 ms")
    crate = thalia.export(run, "rocrate", tmp_path / "crate")

    checked = thalia_here("check", "circuit.yaml", folder=crate)

    assert checked.returncode == 0, checked.stderr


def test_data_that_are_gone_are_told(with_files, tmp_path):
    moved = tmp_path / "moved.h5"
    moved.write_bytes(with_files.file.read_bytes())
    edges = with_files.file.parent / "data" / "edges.csv"
    kept = edges.read_text()
    edges.unlink()
    try:
        with pytest.raises(CircuitError, match=r"is not at .*edges.csv any more"):
            thalia.export(thalia.Run(moved), "rocrate", tmp_path / "crate")
    finally:
        edges.write_text(kept)
    assert not (tmp_path / "crate").exists()


def test_names_of_a_file_lead_nowhere(run, tmp_path):
    hostile = tmp_path / "in" / "hostile.h5"
    hostile.parent.mkdir()
    hostile.write_bytes(run.file.read_bytes())
    with h5py.File(hostile, "r+") as h5:
        data = h5.create_dataset("origin/files/7", data="text", dtype=h5py.string_dtype())
        data.attrs["file"] = "../../escaped.txt"

    folder = thalia.export(thalia.Run(hostile), "rocrate", tmp_path / "in" / "crate")

    assert "escaped.txt" in [each.name for each in (folder / "inputs").rglob("*")]
    assert not [*tmp_path.glob("escaped*"), *tmp_path.parent.glob("escaped*")]


def test_an_export_is_replaced_only_if_asked(run, tmp_path):
    first = thalia_here("export", run.file, "--to", "rocrate", "-o", "crate", folder=tmp_path)
    again = thalia_here("export", run.file, "--to", "rocrate", "-o", "crate", folder=tmp_path)

    assert (first.returncode, first.stdout) == (0, "crate\n")
    assert (again.returncode, "exists already" in again.stderr) == (2, True)

"""A crate is read by the library of RO-Crate, and has what the run had."""

from hashlib import sha256

import h5py
import pytest

import thalia
from tests.helpers import DRIVEN, thalia_here

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
    assert (folder / "circuit.yaml").read_text() == run.circuit_files[0][1]
    assert thalia.Run(folder / "run.h5").rates == run.rates


def test_names_of_a_file_lead_nowhere(run, tmp_path):
    hostile = tmp_path / "in" / "hostile.h5"
    hostile.parent.mkdir()
    hostile.write_bytes(run.file.read_bytes())
    with h5py.File(hostile, "r+") as h5:
        data = h5.create_dataset("circuit/1", data=h5["circuit/0"][:])
        data.attrs.update({"file": "../../escaped.txt", "stood_beside": False})

    folder = thalia.export(thalia.Run(hostile), "rocrate", tmp_path / "in" / "crate")

    assert [each.name for each in (folder / "inputs").iterdir()] == ["0.txt"]
    assert not [*tmp_path.glob("escaped*"), *tmp_path.parent.glob("escaped*")]


def test_an_export_is_replaced_only_if_asked(run, tmp_path):
    first = thalia_here("export", run.file, "--to", "rocrate", "-o", "crate", folder=tmp_path)
    again = thalia_here("export", run.file, "--to", "rocrate", "-o", "crate", folder=tmp_path)

    assert (first.returncode, first.stdout) == (0, "crate\n")
    assert (again.returncode, "exists already" in again.stderr) == (2, True)

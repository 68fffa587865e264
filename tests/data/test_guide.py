"""What docs/data.md shows does what it says: its circuits with the files beside them, and its Python."""

import re

import pytest

import thalia
from tests.helpers import ROOT

PAGE = (ROOT / "docs" / "data.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TABLES = [text for kind, text in BLOCKS if kind == "csv"]
CIRCUITS = [text for kind, text in BLOCKS if kind == "yaml" and "thalia: 1" in text]


@pytest.fixture
def folder(tmp_path):
    for name, text in zip(("edges.csv", "neurons.csv", "connections.csv"), TABLES, strict=True):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "pathways"),
    [(CIRCUITS[0], ["synapses"]), (CIRCUITS[1], ["synapses.brain_kc_a_to_brain_mbon"])],
)
def test_its_circuits_run(text, pathways, folder):
    run = thalia.run(
        thalia.loads(text, folder=folder),
        output=folder / "r.h5",
        backend="runtime",
        duration="5 ms",
    )

    assert list(run.network.pathways) == pathways


def test_its_sonata_network_is_that_of_bmtk():
    (text,) = (text for kind, text in BLOCKS if kind == "yaml" and "thalia: 1" not in text)

    circuit = thalia.loads(
        f"thalia: 1\nname: bmtk\nduration: 1 ms\n{text}", folder=ROOT / "tests/data/bmtk"
    )

    assert len(list(thalia.plan_of(circuit).pathways())) == 2


def test_its_python_runs():
    names = {}

    (code,) = (text for kind, text in BLOCKS if kind == "python")
    exec(code, names)

    assert [pathway.name for _, pathway in names["plan"].pathways()] == ["synapses"]

"""The notebook of the documentation runs from top to bottom, in a kernel of its own, and shows its figures."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers import ROOT

FILE = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Executed in an empty folder, as a user's is."""
    notebook = nbformat.read(FILE, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(notebook, timeout=110, resources={"metadata": {"path": str(folder)}})
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the kernel's own shows figures
        client.execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell, kind):
    return [out["data"][kind] for out in cell.outputs if kind in out.get("data", {})]


def test_nothing_that_was_shown_is_kept_in_the_file():
    stored = nbformat.read(FILE, as_version=4)

    assert [cell.outputs for cell in stored.cells if cell.get("outputs")] == []


@pytest.mark.slow
def test_every_figure_is_shown(cells):
    assert sum(len(shown(cell, "image/png")) for cell in cells) == 3


def test_the_circuit_and_the_run_show_tables_and_a_figure(cells):
    pages = ["".join(shown(cell, "text/html")) for cell in cells]
    tables = [page for page in pages if "<img src=" in page and "<table>" in page]

    assert [re.search(r"balanced|Run\(", page)[0] for page in tables] == ["balanced", "Run("]


def test_the_closed_loop_reaches_its_target(cells):
    text = "".join(out.get("text", "") for out in cells[-1].outputs)

    assert float(re.search(r"([\d.]+) Hz", text)[1]) == pytest.approx(20, abs=4)

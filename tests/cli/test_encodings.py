"""Texts in other letters than ASCII, on a machine that has no others."""

import pytest

from tests.helpers import ROOT, thalia
from thalia.recording.run_file import Run

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def circuit(tmp_path_factory):
    text = (ROOT / "circuits" / "pair.yaml").read_text("utf-8")
    file = tmp_path_factory.mktemp("letters") / "pair.yaml"
    file.write_text(f"# \u03bc\u03ad\u03b3\u03b5\u03b8\u03bf\u03c2 in \u00b5m\n{text}", "utf-8")
    return file


@pytest.fixture(scope="module")
def done(circuit):
    """Its table has a dash, at which it ended with a traceback."""
    arguments = ("run", circuit, "--backend", "runtime", "-o", "run.h5", "--plot")
    return thalia(*arguments, folder=circuit.parent, **ASCII)


def test_a_run_works_without_other_letters(done):
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "\\u2013" in done.stdout


def test_the_circuit_is_stored_as_it_was_written(circuit, done):
    stored = Run(circuit.parent / "run.h5").circuit_files

    assert circuit.read_text("utf-8") in [text for _, text in stored]


@pytest.mark.parametrize("command", ["check", "plan", "cite"])
def test_circuits_are_read_as_utf_8_whatever_the_machine_has(circuit, command):
    assert thalia(command, circuit, folder=circuit.parent, **ASCII).returncode == 0

"""Where progress is shown: in terminals and notebooks, as a bar that disappears, and nowhere else."""

import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

import thalia
from thalia.simulation import progress_bar

TEXT = "{thalia: 1, name: bar, duration: 5 ms, populations: {e: {neuron: lif_current, size: 2}}}"


@pytest.fixture
def simulated(tmp_path):
    return lambda **options: thalia.run(
        thalia.loads(TEXT), output=tmp_path / "run.h5", overwrite=True, backend="runtime", **options
    )


def console(monkeypatch, **options):
    made = Console(file=io.StringIO(), width=100, **options)
    monkeypatch.setattr(progress_bar, "terminal", lambda stderr: made)
    return made.file


def test_nothing_is_written_to_a_pipe(simulated, capfd):
    simulated()

    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_a_bar_unless_it_is_switched_off(simulated, monkeypatch):
    written = console(monkeypatch, force_terminal=True)

    simulated(progress=False)
    assert written.getvalue() == ""
    simulated()

    assert "simulating" in written.getvalue()
    assert "0.005 of 0.005 s" in written.getvalue()


def test_a_notebook_shows_one_picture_after_another_and_clears_it(simulated, monkeypatch):
    console(monkeypatch, force_jupyter=True)
    monkeypatch.setattr(progress_bar, "BETWEEN", -1)
    pictures = []
    handle = SimpleNamespace(update=pictures.append)
    page = SimpleNamespace(HTML=str, display=lambda first, display_id: handle)
    monkeypatch.setitem(sys.modules, "IPython.display", page)

    simulated()

    assert len(pictures) > 2
    assert "simulating" in pictures[-2]._repr_mimebundle_([], [])["text/plain"]
    assert pictures[-1] == ""


def test_a_function_is_told_what_is_done(simulated):
    told = []

    simulated(progress=lambda what, fraction, detail="": told.append((what, fraction)))

    assert told[0] == ("wiring", 0.0)
    assert told[-1] == ("simulating", 1.0)

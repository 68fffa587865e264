"""The wheel, installed into an empty environment: the commands of the README from an empty folder, without the repository."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import thalia
from tests.helpers import ROOT

UV = shutil.which("uv") or ""
OF_THE_REPOSITORY = ("VIRTUAL_ENV", "PYTHONPATH", "UV_NO_SYNC", "UV_PROJECT_ENVIRONMENT")
CLEAN = {key: value for key, value in os.environ.items() if key not in OF_THE_REPOSITORY}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not UV, reason="uv is not on the path")]


def done(*command, folder):
    """What a command prints, in a folder, with nothing of the repository in its environment."""
    ended = subprocess.run(
        command, cwd=folder, env=CLEAN, capture_output=True, encoding="utf-8", check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    done(UV, "build", "--wheel", "--quiet", "-o", folder, ROOT, folder=ROOT)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def program(wheel, tmp_path_factory):
    """`thalia` of an environment that has the wheel, and what it depends on, from the cache if it is there."""
    folder = tmp_path_factory.mktemp("environment")
    done(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", folder=ROOT)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [UV, "pip", "install", "--quiet", "--python", python, wheel]
    offline = subprocess.run(
        [*install, "--offline"], cwd=ROOT, env=CLEAN, capture_output=True, check=False
    )
    if offline.returncode:
        done(*install, folder=ROOT)
    return python.with_name("thalia")


def test_the_wheel_has_every_circuit_and_component_and_no_pictures(wheel):
    names = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    tracked = subprocess.run(
        ["git", "ls-files", "thalia", "circuits"], cwd=ROOT, capture_output=True, encoding="utf-8"
    ).stdout.split()  # fmt: skip
    expected = {
        Path("thalia", name) if name.startswith("circuits/") else Path(name)
        for name in tracked
        if not name.endswith(".png")
    }

    assert sorted(expected - names) == []
    assert [name for name in names if name.suffix == ".png"] == []


def test_a_circuit_runs_by_name_in_an_empty_folder(program, tmp_path):
    told = done(program, "run", "cortex", "-o", "run.h5", "--json", folder=tmp_path)

    summary = json.loads(told)
    assert summary["neurons"] == 7807
    assert summary["rates_by_phase_hz"]["learn"]["l4e"] == pytest.approx(4.4, rel=0.2)  # published
    assert {file.name for file in tmp_path.iterdir()} == {"run.h5"}
    assert thalia.Run(tmp_path / "run.h5").attributes["complete"]


def test_the_first_steps_of_a_new_user(program, tmp_path):
    """Circuits, a starting point, a check, a run, its figure, the papers, the library."""
    assert "cortex" in done(program, "circuits", folder=tmp_path)
    done(program, "new", "mine", folder=tmp_path)
    assert ": OK: " in done(program, "check", "mine.yaml", folder=tmp_path)
    done(program, "run", "mine.yaml", "-o", "mine.h5", "--backend", "runtime", folder=tmp_path)
    done(program, "plot", "raster", "mine.h5", "-o", "mine.png", folder=tmp_path)
    assert "10.1093/cercor/bhs358" in done(program, "cite", "cortex", folder=tmp_path)
    assert "stdp_pair" in done(program, "list", "plasticity", folder=tmp_path)

    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")

"""The commands as a user types them: what they print, where they write, and status 2 without a traceback."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.helpers import ROOT, thalia, thalia_here

CIRCUIT = ROOT / "circuits" / "pair.yaml"
JSON_KEYS = {
    "file",
    "circuit",
    "backend",
    "seed",
    "duration_s",
    "neurons",
    "synapses",
    "rates_hz",
    "timings_s",
    "compiled",
}


def test_run_prints_one_json_object_and_writes_its_figures(tmp_path):
    done = thalia("run", CIRCUIT, "--json", "--plot", "--seed", "3", folder=tmp_path)

    result = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert result.keys() >= JSON_KEYS
    assert result["timings_s"].keys() == {
        "load",
        "plan",
        "wire",
        "emit",
        "build",
        "simulate",
        "store",
    }
    assert result["compiled"].keys() == {"code_objects", "cached"}
    assert result["rates_hz"]["second"] == pytest.approx(10 / 1.05)
    assert result["seed"] == 3
    assert (tmp_path / result["file"]).exists()
    assert {os.path.splitext(f)[0].rpartition("_")[2] for f in result["figures"]} == {
        "raster",
        "weights",
        "rates",
        "graph",
        "traces",
    }
    assert all((tmp_path / f).read_bytes().startswith(b"\x89PNG") for f in result["figures"])


def test_run_prints_a_table(tmp_path):
    done = thalia("run", CIRCUIT, folder=tmp_path)

    assert done.returncode == 0
    assert "9.52 Hz" in done.stdout
    assert "40 pA" in done.stdout
    assert list((tmp_path / "runs" / "pair").glob("*.h5"))


def test_an_existing_file_is_not_overwritten_unasked(tmp_path):
    (tmp_path / "keep.h5").write_text("precious")

    refused = thalia("run", CIRCUIT, "-o", "keep.h5", folder=tmp_path)
    asked = thalia("run", CIRCUIT, "-o", "keep.h5", "--overwrite", folder=tmp_path)

    assert refused.returncode == 2
    assert (
        refused.stderr
        == "keep.h5: exists already\n    hint: choose another name, or say --overwrite\n"
    )
    assert asked.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["run", "."], ".: is a folder, expected a file"),
        (["run", CIRCUIT, "--set", "dt"], "--set dt: expected PATH=VALUE"),
        (["run", CIRCUIT, "--set", "pathways.synaps.weight=3 pA"], "--set pathways.synaps.weight: the circuit has no 'pathways.synaps'"),
        (["run", CIRCUIT, "--set", "dt=3 mV"], "dt: expected a time, found 3 mV (a voltage)"),
        (["run", CIRCUIT, "--duration", "3 mV"], "--duration: expected a time, found 3 mV"),
        (["run", CIRCUIT, "--scale", "3"], "--scale: expected a fraction above 0 and up to 1, found 3.0"),
        (["run", CIRCUIT, "--seed", "-3"], "--seed: expected a whole number from 0 to 2^63 - 1, found -3"),
        (["run", CIRCUIT, "--backend", "gpu"], "no backend is called 'gpu'"),
        (["run", CIRCUIT, "--lower", "maybe"], "--lower: expected 'on' or 'off', found 'maybe'"),
        (["run", CIRCUIT, "-o", "."], ".: is a folder, expected the name of a run file"),
        (["run", CIRCUIT, "-o", "/proc/run.h5"], "/proc/run.h5: cannot be written"),
        (["plot", "raster", CIRCUIT], "is a circuit, and a raster needs a run"),
        (["plot", "rastr", "x.h5"], "no figure is called 'rastr'"),
        (["plot", "raster", "x.h5"], "x.h5: there is no such file"),
        (["list", "stdp_par"], "the library has no 'stdp_par'"),
        (["new", "My Circuit"], "'My Circuit' is not a valid name"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_what_the_user_can_mend_ends_with_2_and_no_traceback(tmp_path, arguments, message):
    done = thalia_here(*arguments, folder=tmp_path)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_circuit_larger_than_memory_is_refused_before_it_starts(tmp_path):
    done = thalia(
        "run",
        ROOT / "circuits" / "brunel.yaml",
        "--set",
        "populations.exc.size=1000000",
        folder=tmp_path,
        SLURM_MEM_PER_NODE="4000",
    )

    assert done.returncode == 2
    assert "needs about" in done.stderr
    assert "4.1 GB are free (limit: SLURM_MEM_PER_NODE)" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    """The disk is full before a first state was kept: one sentence, status 2, and no file of no use."""
    import errno

    import thalia as package
    from thalia.errors import CircuitError
    from thalia.recording.writer import RunWriter

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunWriter, "spikes", full)

    with pytest.raises(CircuitError, match="cannot be written: no space left on device"):
        package.run(CIRCUIT, backend="runtime", output=tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_interrupted_says_so(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from thalia.cli import main
    from thalia.recording import writer

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writer.RunWriter, "spikes", interrupt)
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(main.app, ["run", str(CIRCUIT), "--backend", "runtime"])

    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_check_says_what_is_good(tmp_path):
    done = thalia("check", CIRCUIT, folder=tmp_path)

    assert done.returncode == 0
    assert done.stdout == f"{CIRCUIT}: OK: pair, 2 neurons, 1 synapse, 1.05 s\n"


def test_check_counts_what_is_wrong(tmp_path):
    done = thalia("check", ROOT / "tests" / "errors" / "unknown_names.yaml", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.endswith("5 problems\n")


def test_check_and_help_import_neither_brian2_nor_matplotlib(tmp_path):
    """What keeps them fast: no wall time is asserted, but nothing heavy may come in."""
    code = (
        "import sys, thalia.cli.main as c; sys.argv = ['thalia', 'check', {!r}]\n"
        "try: c.main()\n"
        "except SystemExit: print(sorted({{'brian2', 'sympy', 'matplotlib', 'networkx'}} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code.format(str(CIRCUIT))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_new_circuit_is_good(tmp_path):
    made = thalia("new", "mine", folder=tmp_path)
    checked = thalia("check", "mine.yaml", folder=tmp_path)
    again = thalia("new", "mine", folder=tmp_path)

    assert made.returncode == checked.returncode == 0
    assert again.returncode == 2


def test_cite_names_the_papers_of_every_part(tmp_path):
    done = thalia("cite", ROOT / "circuits" / "balanced.yaml", folder=tmp_path)

    assert (
        done.stdout
        == "https://doi.org/10.1126/science.1211095  (balanced, lif_conductance, stdp_inhibitory, ampa, gaba_a)\n"
    )


def test_list_shows_a_part_with_parameters_and_equations(tmp_path):
    done = thalia("list", "stdp_pair", folder=tmp_path)

    assert "tau_plus = 20 ms  decay of the presynaptic trace" in done.stdout
    assert (
        "on_post: w += a_plus * w_max * clip(1 - w/w_max, 0, 1)**mu_plus * pre_trace" in done.stdout
    )


def test_the_schema_accepts_every_circuit_as_an_editor_would(tmp_path):
    import yaml
    from jsonschema import Draft202012Validator

    schema = json.loads(thalia("schema", folder=tmp_path).stdout)
    validator = Draft202012Validator(schema)

    wrong = {
        f.stem: [
            e.message
            for e in validator.iter_errors(
                yaml.safe_load(f.read_text().replace("plasticity: off", "plasticity: 'off'"))
            )
        ]
        for f in (ROOT / "circuits").glob("*.yaml")
    }

    assert len(wrong) > 8
    assert wrong == {name: [] for name in wrong}


def test_stdout_closed_early_is_no_error(tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m thalia plan {ROOT / 'circuits' / 'cortex.yaml'} | head -1",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["cache", "--help"]])
def test_the_help_of_every_command_fits_on_one_line(arguments, tmp_path):
    """Of 80 columns: typer ends longer summaries with an ellipsis."""
    done = thalia(*arguments, folder=tmp_path, COLUMNS="80")

    assert done.returncode == 0
    assert "..." not in done.stdout.partition("Commands:")[2]


def test_the_version_is_shown(tmp_path):
    done = thalia_here("--version", folder=tmp_path)

    assert (done.returncode, done.stdout) == (0, f"{version('thalia')}\n")


def test_the_help_names_every_figure(tmp_path):
    from thalia.figures.kinds import KINDS

    done = thalia("plot", "--help", folder=tmp_path)

    assert [kind for kind in KINDS if kind not in done.stdout] == []


def test_the_help_names_every_protocol(tmp_path):
    from thalia.library.lookup import names

    done = thalia("protocol", "--help", folder=tmp_path)

    assert [name for name in names("protocols") if name not in done.stdout] == []


def test_the_list_of_windows_says_which_were_measured(tmp_path):
    done = thalia("list", "windows", folder=tmp_path)

    assert re.search(r"^  proposed:\n(    .*\n)*    mossy_fibre ", done.stdout, re.MULTILINE)
    assert re.search(r"^  measured:\n(    .*\n)*    layer_2_3 ", done.stdout, re.MULTILINE)

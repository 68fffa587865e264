"""Files of strangers: nothing of theirs is run, written, or read from elsewhere. The files are built here."""

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.table import Table

import thalia
from tests.helpers import thalia as command
from tests.helpers import thalia_here
from thalia.errors import CircuitError, NoChecksums
from thalia.figures.style import save, styled
from thalia.publication.citations import citations
from thalia.simulation.diff import compare
from thalia.syntax.terminal import terminal

PLAYED = """
thalia: 1
name: played
duration: 20 ms
dt: 0.1 ms
populations:
  player: {neuron: spike_source, size: 3}
  cells: {neuron: lif_current, size: 3}
pathways:
  p: {pre: player, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 nA, w_max: 2 nA, delay: 1 ms, plasticity: [stdp_pair]}
stimuli:
  given: {kind: spikes, target: player, file: FILE}
"""
SECRET = "BEGIN OPENSSH PRIVATE KEY"
TASK = """
from pathlib import Path
from thalia.training.tasks import Environment

Path("RAN").write_text("this was run")

class Mine(Environment):
    STIMULI = ("cue",)
    trials: int = 5
    reward: float = 1
    made = Path("RAN").write_text("this was run, too")
"""
EXPERIMENT = """
thalia: 1
name: mine
duration: 1 s
populations: {cue: {neuron: poisson, size: 2, from_task: [rate]}}
experiment: {task: ./mine.py, result: r, curve: r, stimuli: {cue: cue}, KEYS}
"""


@pytest.fixture
def run_file(tmp_path):
    (tmp_path / "spikes.csv").write_text("0,3\n1,4.5\n")
    (tmp_path / "played.yaml").write_text(PLAYED.replace("FILE", "spikes.csv"))
    made = thalia.run(tmp_path / "played.yaml", backend="runtime", output=tmp_path / "run.h5")
    return made.file


@pytest.mark.parametrize("name", ["/ABSOLUTE/taken.txt", "../taken.txt", "./a/../../taken.txt"])
def test_a_run_file_writes_nothing_whatever_the_names_in_it(run_file, tmp_path_factory, name):
    """Names of texts are keys in memory: that of one goes anywhere, and everything works as before."""
    folder = tmp_path_factory.mktemp("stranger")
    name = name.replace("/ABSOLUTE", str(folder))
    (folder / "deep").mkdir()
    with h5py.File(run_file, "r+") as h5:
        (kept,) = h5["origin/files"].values()
        before = kept.attrs["file"]
        kept.attrs["file"] = name
        text = h5["origin/circuit"].asstr()[()].replace(before, name)
        del h5["origin/circuit"]
        h5["origin"].create_dataset("circuit", data=text, dtype=h5py.string_dtype())

    thalia.resume(run_file, for_="1 ms", as_it_was=True)
    thalia.run(
        run_file.with_name("played.yaml"), backend="runtime", start_from=run_file, output=folder / "deep" / "x.h5"
    )  # fmt: skip
    thalia.export(thalia.Run(run_file), "graphml", folder / "deep" / "x.graphml")

    assert sorted(path.name for path in folder.rglob("*")) == ["deep", "x.graphml", "x.h5"]


def test_a_run_file_reads_nothing_from_the_disk(run_file):
    with h5py.File(run_file, "r+") as h5:
        del h5["origin/files"]

    with pytest.raises(CircuitError, match=r"given\.csv: no such file among those stored"):
        thalia.resume(run_file, for_="1 ms", as_it_was=True)


def test_an_edited_file_is_not_quoted(run_file):
    """The name of the file may be that of a secret, and what ran may be anything."""
    run_file.with_name("spikes.csv").write_text(SECRET)

    with pytest.raises(
        CircuitError, match=r"spikes\.csv: was edited since .*: line 1 was `0,3`"
    ) as told:
        thalia.resume(run_file, for_="1 ms")  # fmt: skip

    assert SECRET not in str(told.value)


@pytest.mark.parametrize("kind", ["absolute", "above", "linked", "linked folder"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("file: spikes.csv", "file: NAME"),
        ("thalia: 1", "thalia: 1\ngains: NAME"),
        ("neuron: lif_current", "neuron: NAME"),
    ],
)
def test_a_circuit_reads_nothing_outside_its_folder(tmp_path, kind, old, new):
    outside, folder = tmp_path / "secrets", tmp_path / "circuit"
    outside.mkdir()
    folder.mkdir()
    (folder / "spikes.csv").write_text("0,1\n")
    (outside / "key.yaml").write_text(SECRET)
    (folder / "link.yaml").symlink_to(outside / "key.yaml")
    (folder / "linked").symlink_to(outside)
    name = {
        "absolute": str(outside / "key.yaml"),
        "above": "./../secrets/key.yaml",
        "linked": "./link.yaml",
        "linked folder": "./linked/key.yaml",
    }[kind]
    text = PLAYED.replace("FILE", "spikes.csv").replace(old, new.replace("NAME", name))
    (folder / "circuit.yaml").write_text(text)

    told = thalia_here("check", "circuit.yaml", folder=folder)

    assert told.returncode == 2
    assert "is outside the folder of the circuit" in told.stderr
    assert f"THALIA_ALLOW={outside}" in told.stderr
    assert SECRET not in told.stderr


def test_folders_that_the_user_allows_are_read(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "circuit").mkdir()
    (tmp_path / "data" / "spikes.csv").write_text("0,1\n")
    (tmp_path / "circuit" / "c.yaml").write_text(PLAYED.replace("FILE", "../data/spikes.csv"))
    monkeypatch.setenv("THALIA_ALLOW", f"/nowhere{os.pathsep}{tmp_path / 'data'}")

    assert thalia.plan_of(thalia.load(tmp_path / "circuit" / "c.yaml")).playbacks[0].indices == (0,)


def test_a_circuit_made_in_python_reads_what_its_author_names(tmp_path):
    (tmp_path / "spikes.csv").write_text("0,1\n")
    stimulus = {"kind": "spikes", "target": "player", "file": str(tmp_path / "spikes.csv")}
    circuit = thalia.Circuit(
        name="made",
        duration="10 ms",
        populations={"player": {"neuron": "spike_source", "size": 1}},
        stimuli={"given": stimulus},
    )

    assert thalia.plan_of(circuit).playbacks[0].indices == (0,)


def made_of(kind, file):
    """A file that is not what it should be."""
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    elif kind == "huge":
        with open(file, "wb") as sparse:
            sparse.truncate(2**33)
    else:
        file.write_bytes(kind)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("fifo", "is not a regular file"),
        ("huge", "is larger than 4 MB, the most that is read"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_a_circuit_that_is_no_file_of_text_is_refused(tmp_path, kind, message):
    made_of(kind, tmp_path / "c.yaml")

    assert message in thalia_here("check", "c.yaml", folder=tmp_path).stderr


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("fifo", "spikes.csv: is not a regular file"),
        ("device", "spikes.csv: is outside the folder of the circuit"),
        ("huge", "spikes.csv: is larger than 250 MB, the most that is read"),
        (SECRET.encode(), "spikes.csv:1: expected `index, time in ms`"),
        (b"0,1\n1," + b"9" * 200_000, "spikes.csv:2: expected `index, time in ms`"),
        (b"0,1\n" + b"7" * 5000 + b",1", "spikes.csv:2: expected `index, time in ms`"),
    ],
)
def test_spikes_that_are_none_are_refused_and_not_quoted(tmp_path, kind, message):
    made_of(kind, tmp_path / "spikes.csv")
    (tmp_path / "c.yaml").write_text(PLAYED.replace("FILE", "spikes.csv"))

    told = thalia_here("check", "c.yaml", folder=tmp_path)

    assert (told.returncode, message in told.stderr) == (2, True)
    assert SECRET not in told.stderr


def hostile(h5, kind, outside):
    """Spikes in SONATA's layout whose times are anything but an array in this file."""
    group = h5.create_group("spikes/a")
    group["node_ids"] = np.zeros(2, "u8")
    if kind == "external link":
        group["timestamps"] = h5py.ExternalLink(str(outside), "secret")
    elif kind == "external group":
        del h5["spikes/a"]
        h5["spikes/a"] = h5py.ExternalLink(str(outside), "/")
    elif kind == "soft link":
        group["timestamps"] = h5py.SoftLink("/nowhere")
    elif kind == "virtual":
        layout = h5py.VirtualLayout((2,), "f8")
        layout[:] = h5py.VirtualSource(str(outside), "secret", (2,))
        group.create_virtual_dataset("timestamps", layout)
    elif kind == "external storage":
        group.create_dataset("timestamps", (2,), "f8", external=[(str(outside), 0, 16)])
    elif kind == "enormous":
        group.create_dataset("timestamps", (2**31,), "f8", chunks=(1024,))
    elif kind == "enormous chunk":
        group.create_dataset("timestamps", (2,), "f8", chunks=(2**27,), maxshape=(None,))
    elif kind == "text":
        group["timestamps"] = ["a", "b"]
    elif kind == "table":
        group["timestamps"] = np.zeros((2, 2))
    elif kind == "group":
        group.create_group("timestamps")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("external link", "is HDF5 without spikes in SONATA's layout"),
        ("external group", "is HDF5 without spikes in SONATA's layout"),
        ("soft link", "is HDF5 without spikes in SONATA's layout"),
        ("virtual", "spikes/a/timestamps: is stored in another file"),
        ("external storage", "spikes/a/timestamps: is stored in another file"),
        ("enormous", "spikes/a/timestamps: has 2,147,483,648 entries, and at most 5,000,000 are read"),
        ("enormous chunk", "spikes/a/timestamps: has chunks of more than 64 MB"),
        ("text", "spikes/a/timestamps: expected numbers in one dimension"),
        ("table", "spikes/a/timestamps: expected numbers in one dimension"),
        ("group", "spikes/a/timestamps: expected numbers in one dimension"),
    ],
)  # fmt: skip
def test_hdf5_that_holds_no_spikes_of_its_own_is_refused(tmp_path, kind, message):
    outside = tmp_path / "secret.h5"
    with h5py.File(outside, "w") as h5:
        h5["secret"] = [1.0, 2.0]
    with h5py.File(tmp_path / "spikes.h5", "w") as h5:
        hostile(h5, kind, outside)
    (tmp_path / "c.yaml").write_text(PLAYED.replace("FILE", "spikes.h5"))

    told = thalia_here("check", "c.yaml", folder=tmp_path)

    assert (told.returncode, message in told.stderr) == (2, True)


@pytest.mark.parametrize("name", [r"$x^$", "<b>", "a\nb", "", "x" * 500])
def test_names_that_no_circuit_can_have_are_refused(run_file, name):
    """Matplotlib reads `$` as the beginning of a formula."""
    with h5py.File(run_file, "r+") as h5:
        structure = h5.attrs["structure"].replace('"cells"', json.dumps(name))
        h5.attrs["structure"] = structure

    with pytest.warns(NoChecksums), pytest.raises(CircuitError, match="which no circuit can have"):
        thalia.Run(run_file)


def test_texts_of_figures_are_no_formulas(tmp_path):
    def draw():
        figure = Figure()
        figure.add_subplot(title="$x^$", ylabel="$$", xscale="log", xlim=(1, 1000))
        return figure

    file = save(styled(draw)(), tmp_path / "figure.png")

    assert file.read_bytes().startswith(b"\x89PNG")


def test_links_under_the_names_of_results_are_not_followed(run_file, tmp_path_factory):
    """A stranger's folder may have links where commands write: figures, journals, partial files."""
    secret = tmp_path_factory.mktemp("home") / "secret"
    secret.write_text(SECRET)
    folder = run_file.parent
    for name in (
        ".run.h5.journal",
        ".new.h5.partial",
        "run_raster.png",
        "c_gains.yaml",
        "fresh.yaml",
    ):
        (folder / name).symlink_to(secret)
    (folder / "dangling.yaml").symlink_to(folder / "made")

    thalia.resume(run_file, for_="1 ms")
    with pytest.raises(CircuitError, match=r"new\.h5: cannot be written"):
        thalia.run(folder / "played.yaml", backend="runtime", output=folder / "new.h5")
    drawn = thalia_here("plot", "raster", "run.h5", folder=folder)
    new = [thalia_here("new", name, folder=folder) for name in ("fresh", "dangling")]

    assert secret.read_text() == SECRET
    assert not (folder / "made").exists()
    assert (drawn.returncode, *(each.returncode for each in new)) == (0, 2, 2)


@pytest.mark.parametrize("arguments", [("check",), ("plan",), ("cite",), ("plot", "graph")])
def test_a_task_beside_a_circuit_is_not_run(tmp_path, arguments):
    (tmp_path / "mine.py").write_text(TASK)
    (tmp_path / "mine.yaml").write_text(EXPERIMENT.replace("KEYS", "trials: 3"))

    done = command(*arguments, "mine.yaml", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize(
    ("keys", "task", "message"),
    [
        ("trials: many", TASK, "experiment.trials: expected an integer, found 'many'"),
        ("rewards: 1", TASK, "experiment.rewards: unknown key 'rewards'\n    hint: did you mean 'reward'"),
        ("trials: 3", TASK.replace('("cue",)', '("cue", "tone")'), "experiment.stimuli: 'tone' is missing"),
        ("trials: 3", TASK.replace("trials: int = 5", "trials: int ="), "mine.py:9: is not valid Python: invalid syntax"),
        ("trials: 3", TASK.replace("(Environment)", "(Other)"), "./mine.py: defines no Environment"),
        ("trials: 3", TASK.replace("trials: int = 5", "trials: int = 5\n    window: int = 3"), "experiment.task: ./mine.py: Mine cannot have the field 'window', which is a key of every experiment"),
    ],
)  # fmt: skip
def test_the_text_of_a_task_is_checked(tmp_path, keys, task, message):
    (tmp_path / "mine.py").write_text(task)
    (tmp_path / "mine.yaml").write_text(EXPERIMENT.replace("KEYS", keys))

    assert message in thalia_here("check", "mine.yaml", folder=tmp_path).stderr


def test_roles_that_are_computed_are_not_guessed(tmp_path):
    (tmp_path / "mine.py").write_text(TASK.replace('("cue",)', 'tuple("abc")'))
    (tmp_path / "mine.yaml").write_text(EXPERIMENT.replace("KEYS", "reward: 2"))

    assert thalia_here("check", "mine.yaml", folder=tmp_path).returncode == 0


def test_learn_runs_the_task_and_says_so(tmp_path):
    (tmp_path / "mine.py").write_text(TASK)
    (tmp_path / "mine.yaml").write_text(EXPERIMENT.replace("KEYS", "trials: 1"))

    done = command("learn", "mine.yaml", "--seeds", "1", "--backend", "runtime", folder=tmp_path)

    assert "this runs the Python code of mine.py" in done.stderr
    assert (tmp_path / "RAN").exists()


def test_parts_with_similar_names_are_kept_apart(tmp_path):
    """What ran is resumed, exported and compared, although no file is beside it any more."""
    neuron, _ = thalia.library.lookup.part_text("neurons", "lif_current")
    rule, _ = thalia.library.lookup.part_text("plasticity", "stdp_pair")
    (tmp_path / "sub").mkdir()
    (tmp_path / "neuron.yaml").write_text(neuron)
    (tmp_path / "my_neuron.yaml").write_text(neuron.replace("10 ms", "11 ms"))
    (tmp_path / "sub" / "neuron.yaml").write_text(neuron.replace("10 ms", "12 ms"))
    (tmp_path / "rule.yaml").write_text(rule)
    (tmp_path / "window.yaml").write_text(
        "summary: a window\nsource: here\nrule: ./rule.yaml\nsign: hebbian\nevidence: modelled\npreparation: none\n"
    )
    base, _ = thalia.library.lookup.part_text("modulators", "first_order")
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "like.yaml").write_text(
        "summary: like it\nlike: ./base.yaml\nvalues: {tau: 30 ms}\n"
    )
    (tmp_path / "spikes.csv").write_text("0,3\n1,4.5\n")
    text = PLAYED.replace("FILE", "spikes.csv").replace(
        "cells: {neuron: lif_current, size: 3}",
        "cells: {neuron: neuron.yaml, size: 3}\n  b: {neuron: my_neuron.yaml, size: 1}\n  c: {neuron: ./sub/neuron.yaml, size: 1}",
    )
    text = text.replace("plasticity: [stdp_pair]", "window: ./window.yaml")
    text += "modulators: {m: {kind: ./like.yaml, released_by: cells}}\n"
    (tmp_path / "c.yaml").write_text(text)
    whole = thalia.run(tmp_path / "c.yaml", backend="runtime", output=tmp_path / "whole.h5")
    part = thalia.run(tmp_path / "c.yaml", backend="runtime", output=tmp_path / "part.h5", duration="9 ms")  # fmt: skip
    table = thalia.sweep(tmp_path / "c.yaml", [], (1,), output=tmp_path / "sweep", backend="runtime", workers=1)  # fmt: skip
    for file in [*tmp_path.rglob("*.yaml"), *tmp_path.glob("*.csv")]:
        file.unlink()

    thalia.resume(part.file, for_="11 ms")

    assert [line for line in compare(whole.file, part.file) if not line.startswith("circuit")] == []
    assert thalia.export(whole, "sonata").is_dir()
    assert not table.failed


def test_modulators_that_are_like_each_other_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("summary: a\nlike: ./b.yaml\n")
    (tmp_path / "b.yaml").write_text("summary: b\nlike: ./a.yaml\n")
    (tmp_path / "c.yaml").write_text(
        EXPERIMENT.partition("experiment")[0] + "modulators: {m: ./a.yaml}"
    )

    assert "is like itself" in thalia_here("check", "c.yaml", folder=tmp_path).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "played.yaml"),
        ("resume", "run.h5", "--for", "1 ms"),
        ("sweep", "played.yaml", "--seeds", "1", "--backend", "runtime", "-o", "swept"),
    ],
)
def test_preferences_of_brian2_in_the_folder_are_not_evaluated(run_file, arguments):
    """Brian2 does so when it is imported, in the current folder."""
    (run_file.parent / "brian_preferences").write_text(
        "codegen.target = open('RAN', 'w') and 'numpy'"
    )

    done = command(*arguments, folder=run_file.parent)

    assert done.returncode == 0
    assert not (run_file.parent / "RAN").exists()


def python(code, folder):
    """What Python prints that runs code as `thalia` does: without the current folder on its path."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, encoding="utf-8", check=False
    )  # fmt: skip
    return done.stdout


def test_settings_of_matplotlib_in_the_folder_are_not_read(tmp_path):
    (tmp_path / "matplotlibrc").write_text("savefig.facecolor: red")
    code = "import thalia.figures, matplotlib; print(matplotlib.rcParams['savefig.facecolor'])"

    assert python(code, tmp_path) == "auto\n"


def test_figures_are_drawn_in_a_folder_that_was_removed(tmp_path):
    code = "import os; os.rmdir(os.getcwd()); import thalia.figures; print(thalia.figures.__name__)"
    (tmp_path / "gone").mkdir()

    assert python(code, tmp_path / "gone") == "thalia.figures\n"


def test_workers_import_nothing_from_the_folder(tmp_path):
    """Python starts the process that they are forked from with the current folder on its path."""
    (tmp_path / "signal.py").write_text("open('RAN', 'w')\nraise SystemExit")
    code = (
        "from thalia.parallel.workers import _processes\n"
        "context = _processes()\n"
        "process = context.Process(target=print, args=('worked',), kwargs={'flush': True})\n"
        "process.start()\n"
        "process.join()\n"
    )

    assert python(code, tmp_path) == "worked\n"
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize(
    ("arguments", "old", "new"),
    [
        (("check",), "duration:", r'"\e[2J\x9b31m": 1\nduration:'),
        (("check",), "neuron: lif_current", r'neuron: "a\e[2J"'),
        (("cite",), "duration:", r'cite: ["10.1000/\e[2J\u202e"]\nduration:'),
        (("plan", "--after", "expand"), "duration:", r'summary: "\e[2J"\nduration:'),
    ],
)
def test_texts_of_files_do_not_control_the_terminal(tmp_path, arguments, old, new):
    (tmp_path / "spikes.csv").write_text("0,3\n")
    text = PLAYED.replace("FILE", "spikes.csv").replace(old, new.replace(r"\n", "\n"))
    (tmp_path / "c.yaml").write_text(text)

    done = thalia_here(arguments[0], "c.yaml", *arguments[1:], folder=tmp_path)

    shown = done.stdout + done.stderr
    assert r"[2J" in shown
    assert [each for each in shown if not each.isprintable() and each != "\n"] == []


def test_tables_show_texts_as_they_are(capsys):
    table = Table("head \x1b[2J")
    table.add_row("cell \x1b[31m [bold]v1[/bold] :smile:")
    console = terminal()

    console.print("title \x1b]0;\x07", style="bold")
    console.print(table)

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert all(
        each in shown for each in (r"title \x1b]0;\x07", r"head \x1b[2J", "[bold]v1[/bold] :smile:")
    )


def test_what_is_cited_is_an_address_or_as_it_is_written():
    circuit = thalia.loads(
        PLAYED.replace("FILE", "s.csv").replace(
            "name: played",
            'name: played\ncite: [10.1000/xyz123, "Smith (2003)\\nrm -rf /", "10.1/x y", "javascript:alert(1)"]',
        )
    )

    assert citations(circuit)[:4] == [
        "https://doi.org/10.1000/xyz123  (played)",
        "Smith (2003) rm -rf /  (played)",
        "10.1/x y  (played)",
        "javascript:alert(1)  (played)",
    ]

"""Python and pieces of circuits on the pages of reference do what they say: each is run, or there is a reason.

Tutorials and guides are run whole (tests/docs/test_pages.py), and commands by tests/docs/test_commands.py.
"""

import re
from functools import partial

import numpy as np
import pytest
from brian2 import hertz

import thalia
from tests.helpers import ROOT
from thalia.circuit.load import as_yaml
from thalia.library.lookup import part_text
from thalia.parallel.site import site_of
from thalia.parallel.targets import target_of
from thalia.syntax.yaml_reader import read_yaml
from thalia.training.subject import subject_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# the blocks that the tests of this file do not run, by what they begin with, and why
NOT_RUN = {
    "run.report()": "needs a folder of results; tests/reports/test_report.py and tests/reports/test_results.py",
    "populations:\n  cortex: {neuron: poisson, size: 50, from_task: [rate]}\n  # …": "leaves out most of an "
    "experiment that is in the library, thalia/library/experiments/bandit.yaml",
}
ELSEWHERE = {"data.md": "tests/data/test_guide.py"}  # runs all blocks of a page


def blocks(language):
    """The blocks of a language with their pages, those of a list without its indentation."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in re.finditer(
            rf"^( *)```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE
        ):
            block = re.sub(f"^{match[1]}", "", match[2], flags=re.MULTILINE)
            line = text[: match.start()].count("\n") + 1
            found.append(pytest.param(block, id=f"{page.stem.lower()}-{line}"))
    return [each for each in found if not each.id.startswith(("data-", "lowering-"))]


def reason(block) -> str:
    return next((why for begin, why in NOT_RUN.items() if block.startswith(begin)), "")


TWO = """
thalia: 1
name: two
dt: 1 ms
duration: 20 ms
populations:
  e: {neuron: lif_conductance, size: 20}
  i: {neuron: lif_conductance, size: 5}
pathways:
  e_to_i: {pre: e, post: i, connect: {probability: 0.5}, synapse: ampa, weight: 1 nS, w_max: 2 nS, delay: 1 ms, plasticity: [stdp_pair]}
stimuli:
  drive: {kind: poisson, target: e, rate: 2 kHz, weight: 20 nS}
"""
CHOOSES = """
thalia: 1
name: chooses
dt: 1 ms
duration: 400 ms
populations:
  left: {neuron: poisson, size: 20, parameters: {rate: 50 Hz}}
  right: {neuron: poisson, size: 20, parameters: {rate: 1 Hz}}
modulators: {dopamine: {kind: first_order, from_task: true}}
"""
READS = """
thalia: 1
name: reads
dt: 10 ms
duration: 1 s
populations:
  cortex: {neuron: poisson, size: 4, from_task: [rate]}
  readout: {neuron: lif_current, size: 3}
modulators: {dopamine: {kind: first_order, from_task: true}}
pathways:
  cortex_to_d1: {pre: cortex, post: readout, connect: {rule: all_to_all}, synapse: current_exp, weight: 20 pA, w_max: 40 pA,
                 delay: 10 ms, plasticity: [{rule: dopamine_stdp, modulator: dopamine}]}
experiment:
  task: bandit
  seeds: 1
  result: optimal
  curve: optimal
  phases: {sleep: {plasticity: {cortex_to_d1: off}, modulators: {dopamine: {tonic: 0.1}}, stimuli: {cortex: 2 Hz}}}
"""


def a_microcircuit(folder):
    """The circuit of the README, of a few neurons."""
    text = (ROOT / "circuits" / "cortex.yaml").read_text()
    (folder / "circuits").mkdir()
    small = re.sub(r"^scale: .*$", "scale: 0.002", text, flags=re.MULTILINE)
    (folder / "circuits" / "cortex.yaml").write_text(small)
    yield {}
    assert (folder / "raster.png").exists()
    assert [*folder.rglob("*.nwb")]


def a_circuit(folder):
    yield {"circuit": thalia.loads(TWO)}


def a_choice(folder):
    (folder / "my_circuit.yaml").write_text(CHOOSES)
    yield {"thalia": thalia}
    (file,) = (folder / "runs").rglob("*.h5")
    assert thalia.Run(file).modulators["dopamine"].value.max() > 0.9


def a_run(folder):
    thalia.run(thalia.loads(TWO), output=folder / "run.h5")
    yield (names := {})
    assert len(names["times"])
    assert names["weights"] == pytest.approx(1, abs=0.5)
    assert names["unit"] == "nS"


def a_subject(folder):
    subject = subject_of(thalia.loads(READS), "runtime")
    tokens = np.array([0, 2, 1])
    yield (names := {"subject": subject, "codes": np.eye(4), "tokens": tokens, "hertz": hertz})
    if "responses" in names:
        assert names["responses"].counts("readout").shape == (3, 3)
    subject.close()


def a_memory(folder):
    vectors = np.random.default_rng(5).standard_normal((2, 50))
    yield (names := {"vector": vectors[0], "cue": vectors[0]})
    assert names["found"].item == names["item"]


PYTHON = {
    'circuit = thalia.load("circuits/cortex.yaml")': a_microcircuit,
    'circuit.replace("pathways': a_circuit,
    "def reward(context)": a_choice,
    'h5py.File("run.h5")': a_run,
    "subject.play": a_subject,
    "subject.phase": a_subject,
    "thalia.Memory(": a_memory,
}


SLOW = (
    "circuits/cortex.yaml",
    "thalia.Memory(",
)  # seconds: a circuit of many pathways, a compiled one


def slow_if(code):
    return [pytest.mark.slow] if any(part in code for part in SLOW) else []


RUN = [
    pytest.param(*each.values, id=each.id, marks=slow_if(each.values[0]))
    for each in blocks("python")
    if not reason(each.values[0])
]


@pytest.mark.parametrize("code", RUN)
def test_python_on_a_page_runs(code, tmp_path, monkeypatch):
    (setting,) = (each for part, each in PYTHON.items() if part in code)
    monkeypatch.chdir(tmp_path)
    short = partial(thalia.run, backend="runtime")
    monkeypatch.setattr(
        thalia, "run", partial(short, duration="20 ms") if "cortex" in code else short
    )
    given = setting(tmp_path)

    names = next(given)
    exec(code, names)

    assert next(given, "done") == "done"


PIECES = """
thalia: 1
name: pieces
dt: 0.1 ms
duration: 100 ms
populations:
  e: {neuron: lif_current, size: 60}
  i: {neuron: lif_current, size: 5}
  inputs: {neuron: lif_current, size: 5}
  pv: {neuron: lif_current, size: 5}
  chat: {neuron: lif_current, size: 5}
modulators: {dopamine: {kind: first_order, tonic: 1, baseline: 0, released_by: chat}}
pathways:
  left_to_right: {pre: e, post: i, connect: {probability: 0.5}, synapse: current_exp, weight: 20 pA, delay: 1 ms}
  right_to_left: {pre: i, post: e, connect: {probability: 0.5}, synapse: current_exp, weight: -20 pA, delay: 1 ms}
  chemical: {pre: e, post: e, connect: {probability: 0.1, autapses: false}, synapse: current_exp,
             weight: 20 pA, delay: 1 ms}
"""
ALONE = "thalia: 1\nname: alone\nduration: 100 ms\n"
CELLS = "root_id,cell_class\n1,ALPN\n2,ALPN\n3,Kenyon_Cell\n"
CLAWS = "pre_root_id,post_root_id,syn_count\n1,3,4\n2,3,5\n2,9,1\n"
BANDIT = part_text("experiments", "bandit")[0]
# into which circuit a piece is merged, by its first key and what tells it from others
INTO = {
    ("stimuli", "drive.npy"): PIECES,
    ("populations", "copies"): ALONE,
    ("record", "traces"): PIECES,
    ("conditions", "disconnect"): PIECES,
    ("conditions", "rewire"): PIECES,
    ("regions", "mushroom_body"): ALONE,
    ("populations", "rk4"): ALONE,
    ("experiment", "sleep"): BANDIT,
    ("reference", "pacemakers"): PIECES,
}
WHOLE = [each for each in blocks("yaml") if "thalia: 1" in each.values[0]]
OTHERS = [each for each in blocks("yaml") if each not in WHOLE and not reason(each.values[0])]
FRAGMENTS = [each for each in OTHERS if each.values[0].split(":")[0] in {key for key, _ in INTO}]


def merged(data, piece):
    """The data of a circuit with those of a piece, key by key."""
    if not isinstance(data, dict) or not isinstance(piece, dict):
        return piece
    return {**data, **{key: merged(data.get(key), each) for key, each in piece.items()}}


@pytest.fixture
def files(tmp_path):
    """The files that pieces name."""
    np.save(tmp_path / "drive.npy", np.linspace(0, 50, 100))
    np.savez(tmp_path / "rates.npz", trial_3=np.full(10, 5.0))
    (tmp_path / "neurons.csv").write_text(CELLS)
    (tmp_path / "synapses.csv").write_text(CLAWS)
    return tmp_path


@pytest.mark.parametrize("text", FRAGMENTS)
def test_a_piece_of_a_circuit_on_a_page_is_planned_within_one(text, files):
    (whole,) = (
        into for (key, part), into in INTO.items() if text.startswith(f"{key}:") and part in text
    )
    written = as_yaml(merged(read_yaml(whole, "whole")[0], read_yaml(text, "piece")[0]))

    circuit = thalia.loads(written, folder=files)
    conditions = [
        thalia.loads(written, folder=files, condition=each) for each in circuit.conditions
    ]

    assert all(thalia.plan_of(each).groups for each in (circuit, *conditions))


@pytest.mark.parametrize("text", WHOLE)
def test_a_circuit_on_a_page_is_planned(text):
    assert thalia.plan_of(thalia.loads(text)).groups


def test_other_yaml_on_pages_is_taken_by_what_reads_it(tmp_path):
    site, targets = (each.values[0] for each in OTHERS if each not in FRAGMENTS)
    (tmp_path / "site.yaml").write_text(site)
    (tmp_path / "irregular.yaml").write_text(targets)
    circuit = thalia.load(ROOT / "circuits" / "brunel.yaml")

    assert site_of("slurm", tmp_path / "site.yaml").jobs == 4
    assert target_of(str(tmp_path / "irregular.yaml"), thalia.expand(circuit)).ranges


def test_reasons_are_of_blocks_that_are_on_pages():
    texts = [each.values[0] for each in (*blocks("python"), *blocks("yaml"))]

    assert [begin for begin in NOT_RUN if not any(t.startswith(begin) for t in texts)] == []

"""Many runs from one build: the same numbers however they are spread, also after a kill."""

import csv
import os
import shutil
import signal
import subprocess
import sys

import h5py
import pytest

import thalia
from tests.helpers import ROOT
from thalia.errors import CircuitError
from thalia.figures.sweep import sweep_figure
from thalia.parallel import sweep, workers
from thalia.parallel.axes import Axis, axis_of, points, seeds_of
from thalia.parallel.result_log import RESULTS
from thalia.toolchain import cache

TEXT = """
thalia: 1
name: swept
duration: 100 ms
populations: {a: {neuron: poisson, size: 20, parameters: {rate: 40 Hz}}, b: {neuron: lif_current, size: 10}}
pathways: {p: {pre: a, post: b, connect: {probability: 0.5}, synapse: current_exp, weight: 3 nA, delay: 1 ms, plasticity: [stdp_pair]}}
stimuli: {drive: {kind: poisson, target: b, rate: 300 Hz, weight: 2 nA}}
"""
AXES = [
    Axis("stimuli.drive.rate", ("300 Hz", "900 Hz")),
    Axis("pathways.p.weight", ("1 nA", "3 nA")),
]


@pytest.fixture
def circuit(tmp_path):
    file = tmp_path / "swept.yaml"
    file.write_text(TEXT)
    return file


def swept(circuit, name="out", axes=AXES, seeds=(1, 2), **options):
    return sweep.sweep(
        circuit,
        axes,
        seeds,
        output=circuit.with_name(name),
        **{"backend": "runtime", "workers": 2, **options},
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The table of all eight points, swept once for all who read it."""
    file = tmp_path_factory.mktemp("whole") / "swept.yaml"
    file.write_text(TEXT)
    return swept(file)


def test_every_point_is_the_run_of_that_point(whole, tmp_path):
    assert [
        (p.settings["stimuli.drive.rate"], p.settings["pathways.p.weight"], p.seed)
        for p, _ in whole.rows
    ] == [
        (rate, weight, seed)
        for rate in ("300 Hz", "900 Hz")
        for weight in ("1 nA", "3 nA")
        for seed in (1, 2)
    ]
    point, numbers = whole.rows[5]
    circuit = thalia.loads(TEXT)
    alone = thalia.run(
        circuit,
        set=point.settings,
        seed=point.seed,
        backend="runtime",
        output=tmp_path / "alone.h5",
    ).results
    assert numbers["rates_hz.b"] == alone["rates_hz"]["b"] > 0
    assert numbers["weights.p.after"] == alone["weights"]["p"]["after"]


def test_the_table_is_text_and_hdf5(whole):
    with open(whole.folder / "table.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with h5py.File(whole.folder / "table.h5") as h5:
        assert h5["numbers/rates_hz.b"][:].tolist() == [float(row["rates_hz.b"]) for row in rows]
        weights = h5["settings/pathways.p.weight"]
        assert weights[:].tolist() == [float(row["pathways.p.weight (pA)"]) for row in rows]
        assert weights.attrs["units"] == "pA"
    assert [row["stimuli.drive.rate (Hz)"] for row in rows] == ["300.0"] * 4 + ["900.0"] * 4
    assert len(rows) == 8


def test_a_sweep_that_was_killed_goes_on_where_it_stopped_with_any_number_of_workers(
    circuit, whole
):
    """Half of the results, the last line torn."""
    torn = circuit.with_name("out")
    shutil.copytree(whole.folder, torn)
    lines = (torn / RESULTS).read_text().splitlines(keepends=True)
    (torn / RESULTS).write_text("".join(lines[:4]) + lines[4][:10])
    told = []

    again = swept(
        circuit, workers=1, progress=lambda what, fraction, detail="": told.append((what, fraction))
    )

    assert again.rows == whole.rows
    fractions = [fraction for what, fraction in told if what == "sweeping"]
    assert fractions == sorted(fractions)
    assert {5 / 8, 6 / 8, 7 / 8, 1} <= {*fractions}
    assert fractions[0] >= 4 / 8


def test_a_folder_of_another_sweep_is_kept(circuit, whole):
    with pytest.raises(CircuitError, match="holds another sweep"):
        sweep.sweep(circuit, AXES[1:], (1, 2), output=whole.folder, backend="runtime", workers=2)


def test_an_option_that_is_refused_leaves_no_folder(circuit):
    """So that the corrected command can use it."""
    with pytest.raises(CircuitError, match="no backend is called 'abacus'"):
        sweep.sweep(circuit, AXES[1:], output=circuit.with_name("refused"), backend="abacus")

    assert not circuit.with_name("refused").exists()


def dying(job):
    """A run that takes its process with it."""
    if job["index"] == 1:
        os._exit(9)
    return simulate_one(job)


simulate_one = workers.simulate_one


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_own_point_only(circuit, whole, monkeypatch):
    monkeypatch.setattr(sweep, "simulate_one", dying)

    table = swept(circuit, axes=[Axis("pathways.p.weight", ("1 nA",))])

    assert [numbers for _, numbers in table.rows] == [whole.rows[0][1]]
    ((point, why),) = table.failed
    assert (point.index, point.seed) == (1, 2)
    assert "terminated abruptly" in why


def test_a_program_travels_to_a_machine_that_would_compile_the_same(circuit, tmp_path, monkeypatch):
    """An empty cache takes it as it is; one of another processor does not."""
    given = []
    monkeypatch.setattr(sweep, "here", lambda work, jobs, told, workers, alone: given.extend(jobs))
    swept(circuit, backend="cpp", seeds=(1,))
    monkeypatch.setenv("THALIA_CACHE", str(tmp_path / "cache"))

    workers.unpack(("another processor", *given[0]["program"][1:]))
    assert not (tmp_path / "cache").exists()
    workers.unpack(given[0]["program"])

    name = given[0]["program"][1]
    assert os.access(tmp_path / "cache" / name / "main", os.X_OK)
    assert cache.is_whole(tmp_path / "cache" / name)


def test_a_script_without_a_guard_is_told_what_it_needs(circuit):
    """Its processes import it, and would sweep again, each of them."""
    script = circuit.with_name("script.py")
    script.write_text(
        "import thalia\n"
        "thalia.sweep('swept.yaml', [], (1,), output='unguarded', workers=1, backend='runtime')\n"
    )

    done = subprocess.run(
        [sys.executable, script], cwd=circuit.parent, capture_output=True, text=True, check=False
    )

    assert 'put what it does under `if __name__ == "__main__":`' in done.stderr
    assert "another process is writing it" not in done.stderr


def test_it_is_drawn(whole):
    lines = sweep_figure(sweep.Table(whole.axes[:1], tuple(
        (type(p)(p.index, {"stimuli.drive.rate": p.settings["stimuli.drive.rate"]}, p.seed), n) for p, n in whole.rows
    ), (), whole.folder))  # fmt: skip
    maps = sweep_figure(whole, ["rates_hz.b"])

    assert lines.axes[0].get_xlabel() == "stimuli.drive.rate (Hz)"
    assert [text.get_text() for text in lines.axes[0].get_legend().get_texts()] == ["a", "b"]
    assert maps.axes[0].images[0].get_array().shape == (2, 2)
    with pytest.raises(CircuitError, match=r"no number of a run is called 'rates_hz\.c'"):
        sweep_figure(whole, ["rates_hz.c"])


@pytest.mark.parametrize(("text", "values"), [
    ("a.b=0.1nS:0.4nS:4", ("0.1 nS", "0.2 nS", "0.3 nS", "0.4 nS")),
    ("a=1:3:3", ("1", "2", "3")),
    ("a=on, off", ("on", "off")),
    ("a=normal(1 nS, 2 nS),3 nS", ("normal(1 nS, 2 nS)", "3 nS")),
    ("a=[stdp_pair, bcm],[bcm]", ("[stdp_pair, bcm]", "[bcm]")),
])  # fmt: skip
def test_values_are_a_range_or_a_list(text, values):
    assert axis_of(text).values == values


def test_points_are_every_combination():
    found = points([Axis("a", ("1", "2")), Axis("b", ("3",))], seeds_of("4:5"))

    assert [(p.settings, p.seed) for p in found] == [
        ({"a": a, "b": "3"}, s) for a in "12" for s in (4, 5)
    ]


@pytest.mark.parametrize(("text", "message"), [
    ("a", "expected PATH=FIRST:LAST:NUMBER or PATH=VALUE,VALUE"),
    ("a=1nS:2mV:3", "expected two numbers of one dimension, found 1nS and 2mV"),
    ("a=1nS:2nS:1", "expected a number of values of 2 or more, found '1'"),
    ("a=1:2", "expected FIRST:LAST:NUMBER, found 2 parts"),
    ("a=1nX:2nX:3", "nX"),
    ("a=1:2:²", "expected a number of values of 2 or more, found '²'"),
    ("a=1:2:1000000000", "makes 1,000,000,000 runs, expected at most 100,000"),
])  # fmt: skip
def test_a_range_that_cannot_be_is_told(text, message):
    with pytest.raises(CircuitError, match=message):
        axis_of(text)


@pytest.mark.parametrize("seeds", ["0:999999999999", f"0:{10**30}"])
def test_more_runs_than_are_kept_track_of_are_told(seeds):
    with pytest.raises(CircuitError, match=r"--seeds .*: makes .* runs, expected at most 100,000"):
        seeds_of(seeds)
    with pytest.raises(CircuitError, match="--vary: makes 160,000 runs, expected at most 100,000"):
        points([Axis("a", ("1", "2") * 200), Axis("b", ("3",) * 400)], seeds_of("1"))


@pytest.mark.parametrize("text", ["one", "8:1", "-1", "-1:3", "", ":"])
def test_seeds_that_cannot_be_are_told(text):
    with pytest.raises(CircuitError, match="expected FIRST:LAST or a list of whole numbers"):
        seeds_of(text)


@pytest.mark.parametrize(("axis", "message"), [
    (Axis("stimuli.driv.rate", ("1 Hz",)), "stimuli.driv"),
    (Axis("stimuli.drive.rate", ("1 Hz", "1 mV", "2 Hz")), "--vary stimuli.drive.rate: .*expected a rate, found 1 mV"),
    (Axis("stimuli.drive.rate", ("1 Hz", "1 Hz")), "--vary stimuli.drive.rate: a value is given twice: 1 Hz, 1 Hz"),
    (Axis("seed", ("1", "2")), "--vary seed: seeds have an option of their own"),
])  # fmt: skip
def test_a_value_that_cannot_be_is_told_before_anything_runs(circuit, axis, message):
    with pytest.raises(CircuitError, match=message):
        swept(circuit, axes=[axis])
    assert not circuit.with_name("out").exists()


def test_a_path_is_varied_or_set_once(circuit):
    with pytest.raises(CircuitError, match=r"--vary pathways\.p\.weight: is given twice"):
        swept(circuit, set={"pathways.p.weight": "2 nA"})


def test_without_seeds_it_has_that_of_the_circuit(circuit):
    circuit.write_text(TEXT.replace("name: swept", "name: swept\nseed: 7"))

    assert [
        point.seed for point, _ in swept(circuit, axes=AXES[:1], seeds=None, workers=1).rows
    ] == [7, 7]


@pytest.mark.slow
def test_a_sweep_that_is_stopped_stops_and_goes_on(circuit):
    """Ctrl-C in the terminal reaches every process; what has not begun never does."""
    command = [sys.executable, "-m", "thalia", "sweep", circuit, "--seeds", "1:40", "-o", circuit.with_name("out"),
               "--backend", "runtime", "--workers", "2"]  # fmt: skip
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    results = circuit.with_name("out") / RESULTS
    while process.poll() is None and not (results.exists() and results.read_text().count("\n") > 1):
        os.sched_yield()
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[1].decode()

    assert process.returncode == 130
    assert "stopped; the same command with `-o`" in said
    done = results.read_text().count("\n")
    assert 2 <= done < 40


@pytest.mark.reference
def test_a_scheduler_that_does_not_answer_is_told(circuit):
    pytest.importorskip("distributed")

    with pytest.raises(CircuitError, match=r"--scheduler tcp://127\.0\.0\.1:9: does not answer"):
        swept(circuit, workers=None, scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    ("values", "numbers", "label"),
    [
        (("1 mV/ms", "5mV/ms", "0.5 V/s"), [1.0, 5.0, 0.5], "x (mV/ms)"),
        (("0.1", "2"), [0.1, 2.0], "x"),
        (("1 nA", "300 pA"), [1000.0, 300.0], "x (pA)"),
    ],
)
def test_what_is_varied_is_numbers_in_one_unit(values, numbers, label):
    axis = Axis("x", values)

    assert list(axis.numbers()[0].values()) == numbers
    assert axis.label == label


@pytest.mark.parametrize("values", [("1 mV", "2 ms"), ("on", "off"), ("normal(1 mV, 1 mV)",)])
def test_what_is_no_number_or_of_several_dimensions_stays_text(values):
    axis = Axis("x", values)

    assert (axis.numbers(), axis.label) == (None, "x")


def test_a_scale_that_one_of_the_values_cannot_have_is_refused_before_anything_is_made(circuit):
    connect = "{rule: fixed_indegree, number: 5, autapses: false}, pre: b"
    circuit.write_text(TEXT.replace("{probability: 0.5}", connect).replace("{pre: a, ", "{"))

    with pytest.raises(CircuitError, match="at this scale, each neuron of b is to have 1 source"):
        thalia.sweep(circuit, [Axis("populations.b.size", ("100", "12", "200"))], scale=0.05)

    assert not (circuit.parent / "sweeps").exists()

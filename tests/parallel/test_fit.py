"""Searches for values: against functions whose minimum is known, continued, and on a real circuit."""

import csv
import json
import re

import pytest

import thalia
from tests.helpers import thalia_here as command
from thalia.circuit.load import loads
from thalia.errors import CircuitError
from thalia.parallel import fit as module
from thalia.parallel.search_space import dimension_of
from thalia.parallel.targets import Target, target_of

CIRCUIT = """
thalia: 1
name: driven
seed: 5
duration: 100 ms
dt: 1 ms
populations:
  cells: {neuron: lif_current, size: 20}
stimuli:
  drive: {kind: poisson, target: cells, rate: 300 Hz, synapse: delta, weight: 4 mV}
reference: {source: invented, ranges: {cells: [30 Hz, 32 Hz]}}
"""
VARY = ("stimuli.drive.weight=1mV:9mV", "stimuli.drive.rate=100Hz:1kHz:log")


@pytest.fixture
def circuit(tmp_path):
    (tmp_path / "driven.yaml").write_text(CIRCUIT)
    return tmp_path / "driven.yaml"


@pytest.fixture
def formula(monkeypatch):
    """In place of a run, a rate of 7 Hz a mV above 2 mV, with a hundredth of the rate of the drive."""
    ran = []

    def here(work, batch, report, workers, alone):
        for job in batch:
            ran.append(job["index"])
            drive = loads(job["circuit"], "c.yaml").stimuli["drive"]
            weight, rate = drive.weight.mean * 1e3, drive.parameters["rate"].mean
            report(
                job,
                {"rates_hz.cells": 7 * abs(weight - 2) + rate / 100 + job["options"]["seed"] / 10},
            )

    monkeypatch.setattr(module, "here", here)
    monkeypatch.setattr(module, "built", lambda jobs, progress: jobs)
    return ran


OPTIONS = {"backend": "runtime", "progress": False, "seeds": (1, 2)}


@pytest.mark.parametrize("optimizer", ["tpe", "cmaes", "random"])
def test_a_minimum_that_is_known_is_found(circuit, formula, optimizer):
    found = thalia.fit(circuit, VARY, optimizer=optimizer, **OPTIONS)

    assert found.is_met
    (drive,) = loads(CIRCUIT, "c.yaml", set=found.best.settings).stimuli.values()
    rate = 7 * abs(drive.weight.mean * 1e3 - 2) + drive.parameters["rate"].mean / 100
    assert 29.9 <= rate <= 31.8  # with both seeds within 30 to 32 Hz
    assert len(formula) == 2 * len(found.trials)
    assert len(found.trials) % 8 == 0


def test_a_search_looks_where_it_is_better(circuit, formula):
    """Half of what is drawn at random is above 17 Hz from a target that none reaches; of what is learned, little."""
    never = circuit.with_name("never.yaml")
    never.write_text("rates_hz.cells: [0.1, 0.5]\n")
    every = {
        name: thalia.fit(
            circuit,
            VARY,
            str(never),
            optimizer=name,
            trials=64,
            output=circuit.with_name(name),
            **OPTIONS,
        )
        for name in ("tpe", "random")
    }

    late = {name: sorted(t.distance for t in found.trials[32:]) for name, found in every.items()}
    assert late["tpe"][16] < 0.7 * late["random"][16]
    assert not any(found.is_met for found in every.values())


def test_a_search_that_is_continued_is_the_same(circuit, formula, tmp_path):
    never = circuit.with_name("never.yaml")
    never.write_text("rates_hz.cells: [0.1, 0.5]\n")
    whole = thalia.fit(circuit, VARY, str(never), trials=21, output=tmp_path / "whole", **OPTIONS)

    part = thalia.fit(circuit, VARY, str(never), trials=10, output=tmp_path / "part", **OPTIONS)
    formula.clear()
    again = thalia.fit(circuit, VARY, str(never), trials=21, output=tmp_path / "part", **OPTIONS)

    assert again.trials == whole.trials
    assert part.trials == whole.trials[:10]
    assert formula == [*range(20, 42)]  # two seeds of each trial after the tenth
    rows = list(csv.DictReader((tmp_path / "part" / "table.csv").read_text().splitlines()))
    assert [float(row["distance"]) for row in rows] == [each.distance for each in whole.trials]


def test_a_run_that_fails_costs_its_trial(circuit, monkeypatch, formula):
    works = module.here

    def fragile(work, batch, report, workers, alone):
        works(work, [job for job in batch if job["index"] != 3], report, workers, alone)
        for job in batch:
            if job["index"] == 3:
                report(job, None, "MemoryError: not today")

    monkeypatch.setattr(module, "here", fragile)
    found = thalia.fit(circuit, VARY, trials=8, **OPTIONS)

    assert [each.why for each in found.trials if each.distance is None] == [
        "MemoryError: not today"
    ]
    assert found.trials[1].settings.keys() == {"stimuli.drive.weight", "stimuli.drive.rate"}


PARTNERS = """
thalia: 1
name: partners
duration: 100 ms
populations: {a: {neuron: lif_current, size: 40}, b: {neuron: lif_current, size: 9, parameters: {t_ref: 2 ms}}}
pathways:
  p: {pre: a, post: b, connect: {rule: fixed_indegree, number: 10, multapses: false}, synapse: {part: [tsodyks_markram, delta]}, weight: 1 mV, delay: 1 ms}
stimuli:
  drive: {kind: poisson, target: b, rate: 300 Hz, synapse: delta, weight: 4 mV}
reference: {source: invented, ranges: {b: [30 Hz, 32 Hz]}}
""".replace("{part: [tsodyks_markram, delta]}", "[{part: tsodyks_markram, baseline: 0.5}, delta]")


@pytest.fixture
def partners(tmp_path, monkeypatch):
    """A circuit in whose place no run takes place: every rate is 1 Hz."""
    (tmp_path / "partners.yaml").write_text(PARTNERS)

    def here(work, batch, report, workers, alone):
        for job in batch:
            report(job, {"rates_hz.b": 1.0})

    monkeypatch.setattr(module, "here", here)
    monkeypatch.setattr(module, "built", lambda jobs, progress: jobs)
    return tmp_path / "partners.yaml"


@pytest.mark.parametrize("optimizer", ["tpe", "cmaes", "random"])
def test_what_a_circuit_takes_whole_is_varied_whole(partners, optimizer):
    """A size and a number of partners are whole; between 0 and 1 a release probability is not."""
    vary = [
        "populations.a.size=70:8000:log",
        "pathways.p.connect.number=2:60",
        "pathways.p.synapse.0.baseline=0:1",
    ]
    found = thalia.fit(partners, vary, optimizer=optimizer, trials=16, **OPTIONS)

    assert [each.whole for each in found.dimensions] == [True, True, False]
    settings = [each.settings for each in found.trials]
    sizes = {int(each["populations.a.size"]) for each in settings}  # not "3e+03", nor "70.5"
    assert len(sizes) > 8
    assert 70 <= min(sizes) < 800 < max(sizes) <= 8000
    assert len({int(each["pathways.p.connect.number"]) for each in settings}) > 8
    assert all("." in each["pathways.p.synapse.0.baseline"] for each in settings)


def test_values_that_make_no_circuit_cost_their_trial(partners):
    """More partners than there are cells; at both ends of the ranges there are enough."""
    vary = ["populations.a.size=40:80", "pathways.p.connect.number=10:80"]
    found = thalia.fit(partners, vary, trials=16, **OPTIONS)

    failed = [each for each in found.trials if each.distance is None]
    size, number = (lambda each, path=path: int(each.settings[path]) for path in
                    ("populations.a.size", "pathways.p.connect.number"))  # fmt: skip
    assert 0 < len(failed) < 16
    assert [number(each) > size(each) for each in found.trials] == [
        each.distance is None for each in found.trials
    ]
    assert {"connect" in each.why for each in failed} == {True}


def test_a_circuit_is_fitted_by_the_command(circuit):
    """The rate of the cells is 25 to 40 Hz; the command that is printed has it."""
    folder = circuit.with_name("fitted")
    circuit.write_text(CIRCUIT.replace("[30 Hz, 32 Hz]", "[25 Hz, 40 Hz]"))
    vary = ("--vary", "stimuli.drive.weight=2mV:9mV")
    common = ("--backend", "runtime", "--trials", "24", "-o", folder, "--workers", "1")
    done = command("fit", circuit, *vary, *common, folder=circuit.parent)

    assert done.returncode == 0, done.stderr
    setting = re.search(r"--set '(stimuli\.drive\.weight=[^']+)'", done.stdout)[1]
    again = command(
        "run", circuit, "--set", setting, "--backend", "runtime", "--json", folder=circuit.parent
    )
    assert 25 <= json.loads(again.stdout)["rates_hz"]["cells"] <= 40
    assert (folder / "fit.png").stat().st_size > 10_000


def test_the_distance_to_a_target(circuit):
    target = Target("t", {"rates_hz.a": (1.0, 10.0), "cv_isi.a": (0.5, 1.0)})

    assert target.distance({"rates_hz.a": 5.0, "cv_isi.a": 0.7}) == 0
    assert target.distance({"rates_hz.a": 27.18281828, "cv_isi.a": 0.7}) == pytest.approx(1)
    assert target.distance({"rates_hz.a": 1.0, "cv_isi.a": 0.25}) == pytest.approx(0.5)
    assert target.distance({"rates_hz.a": 0.0}) == pytest.approx(1 + 6.907755)
    assert target.misses([{"rates_hz.a": 20.0, "cv_isi.a": 0.4}, {"rates_hz.a": 40.0}]) == [
        "rates_hz.a is 30, expected 1 to 10",
        "cv_isi.a is 0.4, expected 0.5 to 1",
    ]


def test_health_is_a_target(circuit):
    """Cells that fire like a clock are critical though their rate is in range, and count 2."""
    circuit.write_text(
        CIRCUIT.replace("100 ms", "1 s").replace(
            "{kind: poisson, target: cells, rate: 300 Hz, synapse: delta, weight: 4 mV}",
            "{kind: current, target: cells, amplitude: 0.5 nA}",
        )
    )
    common = {"trials": 1, "batch": 1, "workers": 1, "backend": "runtime", "progress": False}
    found = thalia.fit(circuit, ["stimuli.drive.amplitude=0.2nA:0.9nA"], "health", **common)

    (trial,) = found.trials
    assert trial.why == ""
    (numbers,) = trial.runs
    assert numbers["health"] >= 2
    assert numbers["cv.cells"] < 0.1
    assert trial.distance >= 2


@pytest.mark.parametrize(("text", "message"), [
    ("rates_hz.cels: [1, 2]", "target.yaml: no number of a run is called 'rates_hz.cels'\n    hint: did you mean 'rates_hz.cells'"),
    ("rates_hz.cells: [2, 1]", "expected a number other than 0 or a range [low, high], found [2, 1]"),
    ("rates_hz.cells: 0", "expected a number other than 0 or a range"),
    ("rates_hz.cells: .nan", "expected a number other than 0 or a range"),
    ("rates_hz.cells: fast", "expected a number other than 0 or a range"),
    ("[1]", "expected a number or a range for each name"),
])  # fmt: skip
def test_mistakes_in_a_file_of_targets_are_told(circuit, formula, text, message):
    file = circuit.with_name("target.yaml")
    file.write_text(text)

    with pytest.raises(CircuitError) as told:
        thalia.fit(circuit, VARY, str(file), **OPTIONS)
    assert message in str(told.value)


@pytest.mark.parametrize(("options", "message"), [
    (("--vary", "stimuli.drive.weight=1mV"), "expected two values or more"),
    (("--vary", "stimuli.drive.weight=9mV:1mV"), "expected a first value below the last"),
    (("--vary", "stimuli.drive.weight=1mV:1s"), "expected two numbers of one dimension"),
    (("--vary", "stimuli.drive.weight=0mV:1mV:log"), "a logarithmic scale begins above 0, found 0mV"),
    (("--vary", "stimuli.drive.weight=1mV:9mV:lin"), "expected PATH=FIRST:LAST, PATH=FIRST:LAST:log"),
    (("--vary", "stimuli.drive.wieght=1mV:9mV"), "--vary stimuli.drive.wieght"),
    (("--vary", "dt=1ms:2ms", "--set", "dt=1ms"), "--vary dt: is given twice"),
    (("--vary", "seed=1:9"), "--vary seed: seeds have an option of their own"),
    (("--vary", "dt=1ms,2ms", "--optimizer", "cmaes"), "cmaes: is for numbers, not for choices"),
    (("--vary", "dt=1ms,2ms", "--optimizer", "tpo"), "none is called 'tpo'\n    hint: did you mean 'tpe'"),
    (("--vary", "dt=1ms,2ms", "--trials", "0"), "expected at least 1 trial"),
    (("--vary", "dt=1ms,2ms", "--target", "speed"), "--target speed: expected rates, health or a YAML file"),
    (("--vary", "dt=1ms,2ms", "--target", "no.yaml"), "--target no.yaml: no such file"),
])  # fmt: skip
def test_mistakes_are_told(circuit, options, message):
    done = command("fit", circuit, *options, "--backend", "runtime", folder=circuit.parent)

    assert done.returncode == 2
    assert message in done.stderr
    assert not circuit.with_name("fits").exists()


def test_a_target_that_no_trial_meets_is_told(circuit, formula):
    never = circuit.with_name("never.yaml")
    never.write_text("rates_hz.cells: [0.1, 0.5]\n")
    options = ("--vary", VARY[0], "--target", "never.yaml", "--trials", "3", "--json")

    done = command("fit", circuit, *options, "--backend", "runtime", folder=circuit.parent)

    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert (told["met"], told["trials"]) == (False, 3)
    assert re.search(
        r"no trial met the target; the nearest, \d, is off by .*: rates_hz.cells is .*, expected 0.1 to 0.5",
        done.stderr,
    )


def test_a_circuit_without_ranges_is_told(circuit):
    text = CIRCUIT.partition("reference:")[0]

    with pytest.raises(CircuitError, match="--target rates: driven says no ranges of rates"):
        target_of("rates", loads(text, "driven.yaml"))


@pytest.mark.parametrize(("text", "value", "written"), [
    ("a=0.1nS:2nS", 1.23456789, "1.23457 nS"),
    ("a=1:9:log", 3.0, "3"),
    ("a=x,y", "y", "y"),
])  # fmt: skip
def test_a_value_is_written_as_it_is_run(text, value, written):
    dimension = dimension_of(text)

    assert dimension.text(value) == written
    assert dimension.number(written) == pytest.approx(1.0 if value == "y" else value, rel=1e-5)

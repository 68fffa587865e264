"""A circuit beside its conditions: the runs are those of the changed circuit, paired by seed, and complete after a kill."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT, thalia_here
from tests.helpers import thalia as command
from thalia.errors import CircuitError
from thalia.parallel import study, workers
from thalia.parallel.result_log import RESULTS
from thalia.parallel.study import Measure

TEXT = """
thalia: 1
name: compared
duration: 100 ms
populations: {a: {neuron: poisson, size: 20, parameters: {rate: 40 Hz}}, b: {neuron: lif_current, size: 10}, c: {neuron: lif_current, size: 10}}
pathways: {p: {pre: a, post: [b, c], connect: {probability: 0.5}, synapse: current_exp, weight: 3 nA, delay: 1 ms}}
stimuli: {drive: {kind: poisson, target: b, rate: 300 Hz, weight: 1 nA}}
conditions:
  cut: {says: c hears only a, set: {disconnect: p}}
  strong: {says: a stronger drive makes b fire more, set: {stimuli.drive.rate: 900 Hz}}
"""


@pytest.fixture
def circuit(tmp_path):
    file = tmp_path / "compared.yaml"
    file.write_text(TEXT)
    return file


def studied(circuit, conditions=None, seeds=(1, 2), name="out", **options):
    return thalia.study(
        circuit,
        conditions,
        seeds,
        output=circuit.with_name(name),
        **{"backend": "runtime", "workers": 2, **options},
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two seeds of the circuit and its two conditions, run once for all who read them."""
    file = tmp_path_factory.mktemp("whole") / "compared.yaml"
    file.write_text(TEXT)
    return studied(file)


def test_every_run_is_that_of_the_changed_circuit(whole, tmp_path):
    changed = thalia.loads(TEXT, set={"stimuli.drive.rate": "900 Hz"})
    alone = thalia.run(changed, seed=2, backend="runtime", output=tmp_path / "alone.h5")

    kept = whole.runs["strong"][2]

    assert kept.rates == alone.rates
    assert kept.spikes["b"].times.tolist() == alone.spikes["b"].times.tolist()
    assert [(name, *runs) for name, runs in whole.runs.items()] == [
        ("baseline", 1, 2),
        ("cut", 1, 2),
        ("strong", 1, 2),
    ]


def test_a_pathway_that_is_disconnected_is_not_there(whole):
    assert whole.runs["cut"][1].rates["c"] == 0 < whole.runs["baseline"][1].rates["c"]


def test_one_entry_of_a_matrix_pathway_can_be_disconnected():
    expanded = thalia.expand(thalia.loads(TEXT, set={"disconnect": "p.a_to_c"}))

    assert [*expanded.pathways] == ["p.a_to_b"]


def test_differences_are_paired_by_seed(whole):
    rate = {name: [runs[seed].rates["b"] for seed in (1, 2)] for name, runs in whole.runs.items()}

    measures = whole.measure()

    strong = measures["strong"]["b"]
    assert strong.mean == pytest.approx(np.mean(rate["strong"]))
    paired = np.subtract(rate["strong"], rate["baseline"])
    assert strong.difference.values == pytest.approx(paired)
    assert strong.difference.interval == thalia.analysis.mean_interval(paired)
    assert measures["baseline"]["b"].difference is None


def test_a_difference_needs_both_runs_of_a_seed(whole):
    runs = {**whole.runs, "baseline": {1: whole.runs["baseline"][1]}}

    strong = replace(whole, runs=runs).measure()["strong"]["b"]

    assert len(strong.values) == 2
    assert len(strong.difference.values) == 1


def test_a_measure_is_written_with_its_interval():
    measure = Measure(np.array([1.0, 1.0]), Measure(np.array([0.5, 0.5])))

    assert f"{measure:.1f}, {measure.difference:+.2f}" == "1.0 ± 0.0, +0.50 ± 0.00"


def test_the_table_has_every_population_in_every_condition(whole):
    with open(whole.folder / "table.csv", encoding="utf-8") as file:
        rows = {(row["condition"], row["population"]): row for row in csv.DictReader(file)}

    assert len(rows) == 9
    strong = whole.measure()["strong"]["b"]
    assert float(rows["strong", "b"]["difference_hz"]) == strong.difference.mean
    assert float(rows["strong", "b"]["difference_low_hz"]) == strong.difference.interval.low
    assert rows["baseline", "b"]["difference_hz"] == ""


def test_conditions_can_be_chosen(circuit):
    made = studied(circuit, ["strong"], seeds=(1,), set={"duration": "20 ms"})

    assert [*made.runs] == ["baseline", "strong"]
    assert made.says["strong"] == "a stronger drive makes b fire more"
    assert made.runs["strong"][1].duration == pytest.approx(0.02)


def test_a_study_that_was_killed_is_completed(circuit, whole):
    """Two results, the third torn; the file of the second run is gone, that of the fourth is half written."""
    torn = circuit.with_name("out")
    shutil.copytree(whole.folder, torn)
    lines = (torn / RESULTS).read_text().splitlines(keepends=True)
    lines.sort(key=lambda line: json.loads(line)["index"])
    (torn / RESULTS).write_text("".join(lines[:2]) + lines[2][:10])
    (torn / "baseline" / "seed_2.h5").unlink()
    (torn / "cut" / "seed_2.h5").write_bytes(b"half of a file")
    first = (torn / "baseline" / "seed_1.h5").stat().st_mtime_ns
    told = []

    again = studied(
        circuit, workers=1, progress=lambda what, fraction, detail="": told.append((what, fraction))
    )

    fractions = [fraction for what, fraction in told if what == "studying"]
    assert fractions == sorted(fractions)
    assert fractions[0] <= 2 / 6
    assert {2, 3, 4, 5, 6} <= {round(6 * fraction, 6) for fraction in fractions}
    assert (
        again.measure()["cut"]["b"].values.tolist() == whole.measure()["cut"]["b"].values.tolist()
    )
    assert (torn / "baseline" / "seed_1.h5").stat().st_mtime_ns == first


@pytest.mark.slow
def test_a_study_that_is_stopped_does_not_wait_for_its_runs(circuit):
    """Each of which would take hours."""
    command = [sys.executable, "-m", "thalia", "study", circuit, "--duration", "10000 s", "-o",
               circuit.with_name("out"), "--backend", "runtime", "--workers", "1"]  # fmt: skip
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    begun = circuit.with_name("out") / "baseline" / "seed_1.h5"
    while process.poll() is None and not begun.exists():
        os.sched_yield()
    os.killpg(process.pid, signal.SIGINT)
    try:
        said = process.communicate(timeout=60)[1].decode()
    finally:
        process.kill()

    assert process.returncode == 130
    assert "stopped; the same command with `-o`" in said


def test_a_folder_of_another_study_is_kept(circuit, whole):
    with pytest.raises(CircuitError, match="holds another study"):
        thalia.study(circuit, ["cut"], output=whole.folder, backend="runtime")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "abacus"}, "no backend is called 'abacus'"),
        ({"duration": "0 s"}, "--duration: expected a time above 0, such as '2 s', found 0 s"),
    ],
)
def test_an_option_that_is_refused_leaves_no_folder(circuit, options, message):
    """So that the corrected command can use it."""
    with pytest.raises(CircuitError, match=message):
        studied(circuit, name="refused", **options)

    assert not circuit.with_name("refused").exists()


simulate_one = workers.simulate_one


def dying(job):
    """A run that takes its process with it."""
    if job["index"] == 1:
        os._exit(9)
    return simulate_one(job)


def test_a_run_that_fails_is_reported_and_the_others_are_kept(circuit, monkeypatch):
    monkeypatch.setattr(study, "simulate_one", dying)

    made = studied(circuit, ["cut"], seeds=(1,))

    assert [(name, [*runs]) for name, runs in made.runs.items()] == [("baseline", [1]), ("cut", [])]
    ((condition, seed, why),) = made.failed
    assert (condition, seed) == ("cut", 1)
    assert "terminated abruptly" in why
    assert [*made.measure()] == ["baseline"]


def test_a_circuit_made_in_python_has_conditions(whole, tmp_path):
    made = thalia.study(
        thalia.loads(TEXT), ["cut"], [1], output=tmp_path / "out", backend="runtime", workers=1
    )

    assert made.runs["cut"][1].rates == whole.runs["cut"][1].rates


def test_a_condition_is_loaded_by_its_name():
    changed = thalia.loads(TEXT, condition="strong")

    assert changed.stimuli["drive"].parameters["rate"].mean == 900
    assert thalia.loads(TEXT, condition="baseline") == thalia.loads(TEXT)


def test_values_of_conditions_are_read_as_the_file_has_them():
    """Text in quotes stays text, where `--set` would read a list."""
    text = TEXT + '  quoted: {says: its summary is text, set: {summary: "[1, 2]"}}\n'

    assert thalia.loads(text, condition="quoted").summary == "[1, 2]"


def test_an_unknown_condition_is_refused_before_anything_runs(circuit):
    with pytest.raises(CircuitError) as caught:
        studied(circuit, ["strnog"])

    assert str(caught.value) == (
        "--condition: compared has no condition 'strnog'\n"
        "    hint: did you mean 'strong'? Known: cut, strong"
    )
    assert not circuit.with_name("out").exists()


def test_an_unknown_condition_of_load_is_refused():
    with pytest.raises(CircuitError) as caught:
        thalia.loads(TEXT, "compared.yaml", condition="cot")

    assert str(caught.value) == (
        "compared.yaml: there is no condition 'cot'\n"
        "    hint: did you mean 'cut'? Known: cut, strong"
    )


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_seeds_are_given_once_each(circuit, seeds):
    with pytest.raises(CircuitError, match="--seeds: expected each seed once"):
        studied(circuit, seeds=seeds)


MISTAKEN = TEXT.replace("disconnect: p}", "pathway.p.weight: 1 nA}").replace("900 Hz", "900 mV") + (
    "  silent: {says: nothing is recorded of what is not there, set: {disconnect: [q]}}\n"
)
MISTAKES = """\
compared.yaml:9:37: conditions.cut.set.pathway.p.weight: the circuit has no 'pathway'
    hint: did you mean 'pathways'? Known: conditions, duration, name, pathways, populations, stimuli, thalia
compared.yaml:10:60: stimuli.drive.rate: in the condition 'strong': expected a rate, found 900 mV (a voltage)
    hint: rate is the rate of one source; the default is 0 Hz
compared.yaml:11:66: disconnect[0]: in the condition 'silent': there is no pathway 'q'
    hint: known: p, p.a_to_b, p.a_to_c
3 problems
"""


def test_check_finds_the_mistakes_of_every_condition(circuit):
    circuit.write_text(MISTAKEN)

    done = command("check", "compared.yaml", folder=circuit.parent)

    assert (done.returncode, done.stdout, done.stderr) == (2, "", MISTAKES)


def test_the_command_prints_rates_and_differences(circuit):
    arguments = ("study", circuit.name, "--seeds", "1:2", "--backend", "runtime", "-o", "out")

    done = command(*arguments, "--condition", "cut", folder=circuit.parent)
    again = command(*arguments, "--condition", "cut", "--json", folder=circuit.parent)

    assert done.returncode == 0, done.stderr
    assert "compared: rate in Hz, 2 seeds, mean ± half of the 95 % interval" in done.stdout
    assert "cut: c hears only a" in done.stdout
    found = json.loads(again.stdout)["conditions"]
    c = found["cut"]["rates_hz"]["c"]
    assert c["mean"] == 0
    assert c["difference"]["mean"] == -found["baseline"]["rates_hz"]["c"]["mean"] < 0
    difference, c = (thalia.analysis.Interval(**each) for each in (c.pop("difference"), c))
    assert f"cut {c:.2f} {difference:+.2f}" in " ".join(done.stdout.split())
    assert thalia.Run(found["cut"]["runs"]["2"]).results["seed"] == 2


def test_a_study_without_conditions_speaks_of_no_difference(circuit):
    circuit.write_text(TEXT.partition("conditions:")[0])
    arguments = ("study", circuit.name, "--seeds", "1", "--backend", "runtime", "-o", "out")

    done = command(*arguments, folder=circuit.parent)

    assert done.returncode == 0, done.stderr
    assert "compared: rate in Hz, 1 seed, mean" in done.stdout
    assert "difference" not in done.stdout


IMPOSSIBLE = """
thalia: 1
name: impossible
duration: 10 ms
populations: {a: {neuron: lif_current, size: 100}}
pathways: {p: {pre: a, post: a, connect: {rule: fixed_indegree, number: 10, autapses: false}, synapse: current_exp, weight: 1 pA, delay: 1 ms}}
conditions: {small: {says: fewer, set: {populations.a.size: 12}}}
"""


def test_a_scale_that_a_condition_cannot_have_is_refused_before_anything_is_made(tmp_path):
    file = tmp_path / "impossible.yaml"
    file.write_text(IMPOSSIBLE)

    with pytest.raises(CircuitError, match="in the condition 'small': at this scale, each neuron"):
        studied(file, scale=0.05)

    assert os.listdir(tmp_path) == ["impossible.yaml"]


@pytest.mark.parametrize("count", [2, 4000])
def test_check_is_over_soon_however_many_conditions_there_are(tmp_path, monkeypatch, count):
    """What it left out is said; what it did not is checked."""
    compiled = []
    monkeypatch.setattr(
        study, "compiled_with", lambda circuit, options: compiled.append(circuit.name)
    )
    file = tmp_path / "many.yaml"
    more = "".join(
        f"  c{number}: {{says: x, set: {{seed: {number}}}}}\n" for number in range(count)
    )
    file.write_text(IMPOSSIBLE.partition("conditions")[0] + f"conditions:\n{more}")

    checked = thalia_here("check", "many.yaml", folder=tmp_path)

    left = count - len(compiled)
    note = (
        f"  not checked, since all together take long: {left:,} conditions from 'c{len(compiled)}' on; "
        "`thalia study` and `thalia learn` check what they run\n"
    )
    assert checked.returncode == 0
    assert checked.stdout.partition("\n")[2] == (note if left else "")
    assert len(compiled) <= 10

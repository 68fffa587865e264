"""Pages about experiments, sweeps and studies: from logs and tables that were written by hand."""

import json
import re

import numpy as np
import pytest

import thalia
from tests.helpers import thalia_here
from tests.reports.test_report import HOSTILE, Page, columns
from thalia.errors import CircuitError
from thalia.parallel.axes import Axis, Point
from thalia.parallel.fit_table import read_fit
from thalia.parallel.study import read_rates
from thalia.parallel.sweep import Table, _write, read_sweep

SECTION = {
    "task": "bandit", "result": "share", "curve": "reward", "chance": 0.5, "goal": 0.9, "seeds": 3,
    "window": 5, "stimuli": {"cue": "cue"},
    "computed_by_network": ["x"], "computed_by_task": ["y"],
    "phases": {"sleep": {"plasticity": {"cue_to_a": "off"}, "modulators": {"ach": {"tonic": "0.2"}}, "stimuli": {"cue": "0.6 Hz"}}},
}  # fmt: skip
SHARES = {"main": [0.9, 0.8, 0.95], "plasticity_off": [0.5, 0.45, 0.6]}


@pytest.fixture
def experiment(tmp_path):
    for place, (name, shares) in enumerate(SHARES.items()):
        config = {
            "experiment": "bandit", "condition": name, "place": place, "says": HOSTILE, "thalia": "0",
            "backend": "runtime", "circuit_digest": "abc", "numbers": {"trials": 20}, "section": SECTION,
        }  # fmt: skip
        runs = [
            {
                "seed": seed,
                "history": {
                    "reward": [s] * 20,
                    "words": [*range(20)],
                    "sampled": [0, 12],
                    "weight_norm_p": [1.0, 2.0],
                    "entered_sleep": [0.0, 2.0],
                },
                "final": {"share": s},
            }
            for seed, s in enumerate(shares)
        ]
        (tmp_path / f"{name}.json").write_text(json.dumps({"config": config, "runs": runs}))
    (tmp_path / "experiment.json").write_text("{}")
    return tmp_path


def curves(html):
    return [each for each in columns(json.loads(Page(html).scripts[0])) if {"x", "y"} <= {*each}]


def test_an_experiment_shows_differences_paired_by_seed(experiment):
    done = thalia_here("report", ".", folder=experiment)

    assert (done.returncode, done.stderr) == (0, "")
    html = (experiment / "report.html").read_text()
    differences = np.subtract(SHARES["plasticity_off"], SHARES["main"])
    row = re.search(r"Differences to main.*?plasticity_off</td>.*?>(-[\d.]+) \[", html, re.DOTALL)
    assert float(row[1]) == pytest.approx(differences.mean(), abs=1e-4)
    lines = [(each["x"].tolist(), each["y"].tolist()) for each in curves(html)]
    assert ([0, 12], [1, 2]) in lines  # the gauge, at the trials after which it was read
    assert not [each for _, each in Page(html).found if "onerror" in each]


def test_an_experiment_says_what_is_different_asleep(experiment):
    html = thalia.report(experiment).html

    cells = re.search(r"<h2>Phases</h2>.*?(<table.*?</table>)", html, re.DOTALL)[1]
    told = re.findall(r"<td[^>]*>(.*?)</td>", cells)
    assert told == ["sleep", "cue_to_a off", "ach.tonic 0.2", "cue 0.6 Hz"]


def test_curves_are_marked_where_the_network_slept(experiment):
    html = thalia.report(experiment).html

    spans = re.findall(r'"name": "Span".*?"location": ([\d.]+)', Page(html).scripts[0])
    assert spans == ["12.0"] * 4  # of reward, words, weights, and how often it slept
    assert "Dashed: a phase was entered, seed 0." in html


def test_a_sweep_is_read_from_its_table(tmp_path):
    values = ("1 Hz", "2.5 Hz")
    rows = tuple(
        (Point(k, {"stimuli.d.rate": value, "neuron": "adex"}, seed), {"rates_hz.e": 0.1 + k})
        for k, (value, seed) in enumerate([("1 Hz", 1), ("2.5 Hz", 1), ("2.5 Hz", 2)])
    )
    table = Table((Axis("stimuli.d.rate", values), Axis("neuron", ("adex",))), rows, (), tmp_path)
    _write(table)

    found = read_sweep(tmp_path)

    assert [axis.path for axis in found.axes] == ["stimuli.d.rate", "neuron"]
    assert found.axes[0].numbers() == table.axes[0].numbers()
    assert [numbers for _, numbers in found.rows] == [numbers for _, numbers in rows]
    assert [point.seed for point, _ in found.rows] == [1, 1, 2]


def test_a_sweep_shows_a_point_for_each_value(tmp_path):
    (tmp_path / "sweep.json").write_text("{}")
    table = "rate (Hz),seed,rates_hz.e,cv_isi.e\n1,1,3,\n2,1,5,1\n2,2,7,0.5\n"
    (tmp_path / "table.csv").write_text(table)

    done = thalia_here("report", ".", "-o", "page.html", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    html = (tmp_path / "page.html").read_text()
    assert re.search(r">2 Hz</td>.*?>2</td>.*?>7</td>", html, re.DOTALL)


FIT = """trial,pathways.p.weight,populations.e.neuron,distance,rates_hz.e
0,0.1 nS,lif,2.5,3
1,20 nS,adex,0.5,7
2,1 nS,lif,,
"""


def test_a_fit_shows_its_nearest_trial_and_every_distance(tmp_path):
    (tmp_path / "fit.json").write_text("{}")
    (tmp_path / "table.csv").write_text(FIT)

    done = thalia_here("report", ".", "-o", "page.html", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    html = (tmp_path / "page.html").read_text()
    assert (
        "--set &#x27;pathways.p.weight=20 nS&#x27; --set &#x27;populations.e.neuron=adex&#x27;"
        in html
    )
    assert "3 trials, 1 of them failed" in html
    assert re.search(
        r">1</td>.*?>0.5</td>.*?>0</td>.*?>2.5</td>.*?>2</td>.*?>failed</td>", html, re.DOTALL
    )
    drawn = [(each["x"].tolist(), each["y"].tolist()) for each in curves(html)]
    assert ([0, 1], [2.5, 0.5]) in drawn  # in order, and by neuron
    assert ([0.1, 20], [2.5, 0.5]) in drawn  # nS


def test_a_study_is_read_from_its_table(tmp_path):
    head = "condition,population,seeds,rate_hz,rate_low_hz,rate_high_hz,difference_hz,difference_low_hz,difference_high_hz"
    (tmp_path / "table.csv").write_text(f"{head}\nbaseline,e,5,3,2,4,,,\noff,e,5,1,0,2,-2,-3,-1\n")

    baseline, off = read_rates(tmp_path)

    assert (baseline.rate, baseline.difference) == ((3, 2, 4), None)
    assert (off.condition, off.difference) == ("off", (-2, -3, -1))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("sweep", ""),
        ("sweep", "a,b\n1,2\n"),
        ("sweep", "seed,x\nmany,1\n"),
        ("sweep", "seed,x\n1\n"),
        ("sweep", "seed,x\n1,fast\n"),
        ("study", "condition,population\nbaseline,e\n"),
        ("fit", "a,b\n1,2\n"),
        ("fit", "trial,w,distance\n0,1 nS,far\n"),
        ("fit", "trial,w,distance\n0,1 nS,nan\n"),
        ("study", "c,p,s,r\nbaseline,e,5,1\n"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, kind, text):
    (tmp_path / "table.csv").write_text(text)

    with pytest.raises(CircuitError, match="is damaged"):
        {"sweep": read_sweep, "study": read_rates, "fit": read_fit}[kind](tmp_path)

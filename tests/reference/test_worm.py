"""The nervous system of C. elegans: it rests where its equations say, and moves as SciPy solves them from the tables."""

import csv

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import thalia
from plots import worm
from tests.helpers import ROOT

CIRCUIT = ROOT / "circuits" / "worm.yaml"


def tables():
    """Names, thresholds, and conductances in nS: excitatory, inhibitory, of gap junctions; rows are targets."""
    with (ROOT / "circuits" / "worm_neurons.csv").open(encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    place = {row["name"]: k for k, row in enumerate(cells)}
    found = {key: np.zeros((302, 302)) for key in ("excitatory", "inhibitory", "electrical")}
    with (ROOT / "circuits" / "worm_synapses.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            pre, post, conductance = place[row["pre"]], place[row["post"]], 0.1 * int(row["count"])
            if row["kind"] == "electrical":
                found["electrical"][post, pre] += conductance
                found["electrical"][pre, post] += conductance
            else:
                kind = "inhibitory" if row["transmitter"] == "gaba" else "excitatory"
                found[kind][post, pre] += conductance
    return place, np.array([float(row["threshold"]) for row in cells]), found


def slopes(threshold, conductances, current):
    """Derivatives of potentials in mV and activities, per second, of pF, nS, pA."""
    excitatory, inhibitory, coupling = conductances.values()
    total = coupling.sum(axis=1)

    def of(t, y):
        v, s = np.split(y, 2)
        into = 0.01 * (-35 - v) - (excitatory @ s) * v + (inhibitory @ s) * (-48 - v) + coupling @ v - total * v  # fmt: skip
        return np.concatenate([(into + current) / 1.5e-3, s_slope(v, s, threshold)])

    return of


def s_slope(v, s, threshold):
    return (1 - s) / (1 + np.exp(0.125 * (threshold - v))) / 1.5 - 5 / 1.5 * s


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A hundred milliseconds of touch."""
    output = tmp_path_factory.mktemp("worm") / "run.h5"
    return thalia.run(thalia.load(CIRCUIT, set={"duration": "100 ms"}), output=output)


def test_all_302_neurons_are_there():
    place, threshold, conductances = tables()

    assert len(place) == len(threshold) == 302
    assert np.count_nonzero(conductances["excitatory"]) + np.count_nonzero(conductances["inhibitory"]) == 3638  # fmt: skip
    assert np.count_nonzero(conductances["electrical"]) == 2 * 1080


def test_it_rests_at_the_thresholds():
    _, threshold, conductances = tables()
    rest = np.concatenate([threshold, np.full(302, 1 / 11)])

    assert slopes(threshold, conductances, 0)(0, rest) == pytest.approx(0, abs=1e-4)


def test_touch_spreads_as_scipy_solves_it(run):
    place, threshold, conductances = tables()
    current = np.zeros(302)
    current[[place["PLML"], place["PLMR"]]] = 2
    start = np.concatenate([threshold, np.full(302, 1 / 11)])
    times = run.traces["v"].time
    solved = solve_ivp(slopes(threshold, conductances, current), (0, times[-1]), start, "LSODA", times, rtol=1e-9, atol=1e-9)  # fmt: skip
    moved, expected = run.traces["v"]["v"] - threshold, solved.y[:302].T - threshold

    assert abs(expected[-1]).max() > 1
    assert (abs(expected[-1]) > 0.01).sum() > 100
    assert moved == pytest.approx(expected, abs=2e-3)


@pytest.mark.reference
def test_the_touch_spreads_by_gap_junctions_alone(tmp_path):
    """The tables have no chemical synapse of PLM onto another neuron."""
    study = worm.studied(31, tmp_path)
    found = {name: worm.numbers(runs[31]) for name, runs in study.runs.items()}

    moved = f"neurons that move by {worm.MOVED} mV (share)"
    assert found["baseline"][moved] > 0.5
    assert found["without_coupling"][moved] == 0

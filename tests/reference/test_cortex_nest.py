"""The microcircuit at scale 0.1 fires as it does in NEST 3.10 with the same tables, scaling and drive.

By hand: uv run --group peers pytest -m reference (about five minutes).
"""

import json
import subprocess
import sys

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT

SEEDS = (1, 2, 3)
SECONDS = 5.5
# NEST 3.10, 5 s after 0.5 s, 5 seeds, spontaneous (no thalamic volleys): recorded means and SDs over seeds
RECORDED = {"l23e": (0.485, 0.021), "l23i": (2.126, 0.029), "l4e": (3.999, 0.023), "l4i": (5.024, 0.014),
            "l5e": (6.646, 0.192), "l5i": (7.811, 0.054), "l6e": (0.848, 0.009), "l6i": (7.024, 0.029)}  # fmt: skip
STATIC = [
    {"name": "settle", "duration": "500 ms", "plasticity": "off"},
    {"name": "measure", "duration": "5 s", "plasticity": "off"},
]
pytestmark = [pytest.mark.reference, pytest.mark.peer]


def rates_of_thalia(tmp_path, seed, **changes):
    run = thalia.run(
        ROOT / "circuits" / "cortex.yaml",
        backend="cpp",
        seed=seed,
        set={"phases": STATIC, **changes},
        output=tmp_path / f"{seed}.h5",
    )
    return [run.rates[name] for name in RECORDED]


def rates_of_nest(seed):
    pytest.importorskip("nest")
    command = [
        sys.executable,
        ROOT / "benchmarks" / "cortex_nest.py",
        "--seed",
        str(seed),
        "--duration",
        str(SECONDS),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT / "benchmarks", check=True
    )
    return list(json.loads(done.stdout.strip().splitlines()[-1])["rates"].values())


def test_rates_agree_with_nest_run_beside(tmp_path):
    """Within 5 % or three standard deviations of the difference of the means, whichever is larger."""
    mine = np.array([rates_of_thalia(tmp_path, seed) for seed in SEEDS])
    nest = np.array([rates_of_nest(seed) for seed in SEEDS])

    spread = np.sqrt((mine.var(axis=0, ddof=1) + nest.var(axis=0, ddof=1)) / len(SEEDS))
    allowed = np.maximum(0.05 * nest.mean(axis=0), 3 * spread)

    print(np.round(mine.mean(axis=0), 3), np.round(nest.mean(axis=0), 3))
    assert (np.abs(mine.mean(axis=0) - nest.mean(axis=0)) <= allowed).all()


def test_spontaneous_rates_agree_with_those_recorded(tmp_path):
    """Without thalamic volleys, as the recorded NEST runs were."""
    mine = np.mean(
        [rates_of_thalia(tmp_path, seed, **{"stimuli.volley.rate": "0 Hz"}) for seed in SEEDS],
        axis=0,
    )

    expected, sd = np.array(list(RECORDED.values())).T
    print(np.round(mine, 3), expected)
    assert (np.abs(mine - expected) <= np.maximum(0.05 * expected, 3 * sd)).all()


def test_with_a_constant_drive_only_l6i_fires(tmp_path):
    """DC background at 10 %: NEST gives 3.442 +- 0.013 Hz in L6I and silence everywhere else (f* of Potjans & Diesmann)."""
    circuit = thalia.load(
        ROOT / "circuits" / "cortex.yaml", set={"phases": STATIC, "stimuli.volley.rate": "0 Hz"}
    )
    stimuli = dict(circuit.stimuli)
    background = stimuli.pop("background")
    for name, number in zip(background.target, background.number, strict=True):
        current = number[0].mean * 8 * 87.81e-12 * 0.5e-3  # sources x rate x weight x tau, in full
        stimuli[f"dc_{name}"] = thalia.Stimulus.model_validate(
            {"kind": "current", "target": name, "parameters": {"amplitude": f"{current * 1e12} pA"}}
        )
    run = thalia.run(circuit.with_(stimuli=stimuli), backend="cpp", output=tmp_path / "dc.h5")

    assert run.rates["l6i"] == pytest.approx(3.442, abs=0.1)
    assert [name for name in RECORDED if run.rates[name] > 0.02] == ["l6i"]

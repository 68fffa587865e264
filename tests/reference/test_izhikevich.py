"""The network of Izhikevich (2003) against the numbers of its published program, run side by side."""

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT

pytestmark = pytest.mark.reference
SEEDS, DURATION = range(5), 2000


def program(seed):
    """Rates in Hz of excitatory and inhibitory cells, and spikes in each ms; a spike acts a step later, as in Thalia."""
    random = np.random.default_rng(seed)
    re, ri = random.random(800), random.random(200)
    a = np.r_[np.full(800, 0.02), 0.02 + 0.08 * ri]
    b = np.r_[np.full(800, 0.2), 0.25 - 0.05 * ri]
    c = np.r_[-65 + 15 * re**2, np.full(200, -65.0)]
    d = np.r_[8 - 6 * re**2, np.full(200, 2.0)]
    s = np.c_[0.5 * random.random((1000, 800)), -random.random((1000, 200))]
    v = np.full(1000, -65.0)
    u, later, counts = b * v, np.zeros(1000), np.zeros((DURATION, 2))
    for t in range(DURATION):
        current = np.r_[5 * random.standard_normal(800), 2 * random.standard_normal(200)] + later
        fired = v >= 30
        counts[t] = fired[:800].sum(), fired[800:].sum()
        v[fired], u[fired] = c[fired], u[fired] + d[fired]
        later = s[:, fired].sum(axis=1)
        for _ in range(2):
            v = v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + current)
        u = u + a * (b * v - u)
    return counts.sum(axis=0) / [800, 200] / (DURATION * 1e-3), counts.sum(axis=1)


def power(counts, low, high):
    """The share of the power between 2 and 100 Hz that lies in a band."""
    spectrum = np.abs(np.fft.rfft(counts - counts.mean())) ** 2
    hertz = np.fft.rfftfreq(len(counts), 1e-3)
    return (
        spectrum[(hertz >= low) & (hertz < high)].sum()
        / spectrum[(hertz >= 2) & (hertz < 100)].sum()
    )


def test_rates_and_rhythms_are_those_of_the_program(tmp_path):
    expected = [program(seed) for seed in SEEDS]
    found = []
    for seed in SEEDS:
        run = thalia.run(
            ROOT / "circuits" / "izhikevich.yaml", seed=seed, output=tmp_path / f"{seed}.h5"
        )
        steps = np.concatenate([np.rint(run.spikes[name].times * 1e3).astype(int) for name in "ei"])
        rates = [run.results["rates_hz"][name] for name in "ei"]
        found.append((rates, np.bincount(steps, minlength=DURATION)))

    for band in (None, (8, 13), (30, 80)):
        theirs, ours = (
            np.array([rates if band is None else [power(counts, *band)] for rates, counts in runs])
            for runs in (expected, found)
        )
        spread = np.sqrt((theirs.var(axis=0, ddof=1) + ours.var(axis=0, ddof=1)) / len(SEEDS))
        print(band, theirs.mean(axis=0), ours.mean(axis=0), spread)
        assert (np.abs(theirs.mean(axis=0) - ours.mean(axis=0)) < 4 * spread + 1e-3).all()
    assert np.mean([rates for rates, _ in found]) == pytest.approx(7, abs=0.7)

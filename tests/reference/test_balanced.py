"""Vogels et al. (2011): inhibitory plasticity balances the network, by the numbers recorded from an independent run."""

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT
from thalia.analysis.spike_trains import population_rate

pytestmark = pytest.mark.reference


def test_the_network_balances_itself(tmp_path):
    """Recorded: E 164.9 Hz before; 10.4 Hz after 6 s, 8.5 Hz and mean weight 1.46 nS after 9 s; CV 0.8."""
    run = thalia.run(ROOT / "circuits" / "balanced.yaml", backend="cpp", output=tmp_path / "run.h5")
    by_phase = run.results["rates_by_phase_hz"]
    rate = population_rate(run.spikes["exc"].times, 8000, run.duration, width=1.0)

    assert by_phase["before"]["exc"] == pytest.approx(164.9, rel=0.05)
    assert rate[4] < by_phase["before"]["exc"] / 10
    assert by_phase["after"]["exc"] == pytest.approx(8.5, rel=0.15)
    assert run.results["cv_isi"]["exc"] > 0.7
    assert np.all(np.diff(rate[2:10]) < 0.5)
    assert run.weights["inh_to_exc"].w[-1].mean() == pytest.approx(1.46, rel=0.1)

"""Brunel (2000): the asynchronous irregular state fires at the mean-field rate; the regimes differ as in his figure 8."""

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT
from thalia.analysis.spike_trains import counts_of
from thalia.analysis.variability import fano_factor

pytestmark = pytest.mark.reference


def regime(tmp_path, **changes):
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5"
    return thalia.run(ROOT / "circuits" / "brunel.yaml", backend="cpp", set=changes, output=file)


def settled_synchrony(run):
    """Fano factor of the spikes of the whole population: 1 for independent neurons."""
    times = run.spikes["exc"].times
    return fano_factor(counts_of(times, np.zeros(len(times), int), 1, 0.2, 1.2, 0.003)).value


def test_the_rate_is_that_of_mean_field_theory_and_of_nest(tmp_path):
    """Reset to 0 mV as in NEST's brunel_delta_nest: NEST 32.10 and 31.90 Hz, Siegert 32.03 Hz; within 3 %."""
    reset = {f"populations.{name}.parameters.v_reset": "0 mV" for name in ("exc", "inh")}

    run = regime(tmp_path, **reset)

    assert run.rates["exc"] == pytest.approx(32.03, rel=0.03)
    assert run.rates["inh"] == pytest.approx(32.03, rel=0.03)


def test_four_regimes(tmp_path):
    """SR: near-saturated and regular; AI: asynchronous and less regular; SI fast: synchronous; SI slow: low rates.

    His figure 8 gives 60.7, 37.7 and 5.5 Hz for SI fast, AI and SI slow (as others quote it, hence the wide bounds).
    """
    sr = regime(tmp_path, **{"pathways.inhibition.weight": "-0.3 mV"})
    ai = regime(tmp_path)
    fast = regime(
        tmp_path, **{"pathways.inhibition.weight": "-0.6 mV", "stimuli.external.rate": "40 Hz"}
    )
    slow = regime(
        tmp_path, **{"pathways.inhibition.weight": "-0.45 mV", "stimuli.external.rate": "9 Hz"}
    )

    assert sr.rates["exc"] > 150
    assert sr.results["cv_isi"]["exc"] < 0.3
    assert 30 < ai.rates["exc"] < 50
    assert ai.results["cv_isi"]["exc"] > sr.results["cv_isi"]["exc"] + 0.2
    assert 40 < fast.rates["exc"] < 80
    assert 2 < slow.rates["exc"] < 12
    assert settled_synchrony(fast) > 2 * settled_synchrony(ai)

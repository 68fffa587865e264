"""`brain.yaml` is healthy for ten seconds, at rest and as its retina sees: every rate in its range, nothing silent, nothing epileptic."""

import pytest

import thalia
from plots import brain
from thalia.analysis.health import OK

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Seed 11, which neither the figure nor the calibration uses."""
    return thalia.study(brain.CIRCUIT, seeds=[11], output=tmp_path_factory.mktemp("study"))


@pytest.mark.parametrize("condition", ["baseline", "seeing"])
def test_every_population_is_healthy(condition, study):
    run = study.runs[condition][11]
    found = thalia.health(run)

    assert brain.outside(found, brain.ranges(run)) == []
    assert found.verdict == OK


def test_what_the_retina_sees_reaches_layer_4(study):
    rates = {
        condition: runs[11].results["rates_by_phase_hz"]["rest"]
        for condition, runs in study.runs.items()
    }

    assert rates["seeing"]["lgn.relay"] > 1.1 * rates["baseline"]["lgn.relay"]
    assert rates["seeing"]["v1.l4"] > 1.05 * rates["baseline"]["v1.l4"]

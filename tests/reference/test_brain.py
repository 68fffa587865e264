"""`brain.yaml` is healthy for ten seconds, at rest and as its retina sees: every rate in its range, nothing silent, nothing epileptic."""

import pytest

from plots import brain
from thalia.analysis.health import OK, health

pytestmark = pytest.mark.reference


@pytest.mark.parametrize("condition", brain.CONDITIONS)
def test_every_population_is_healthy(condition, tmp_path):
    """Seed 11, which neither the figure nor the calibration uses."""
    run = brain.simulated(11, condition, tmp_path)
    found = health(run)

    assert brain.outside(found, brain.ranges(run)) == []
    assert found.verdict == OK


def test_what_the_retina_sees_reaches_layer_4(tmp_path):
    rates = {}
    for condition in brain.CONDITIONS:
        rates[condition] = brain.simulated(11, condition, tmp_path).results["rates_by_phase_hz"][
            "rest"
        ]

    assert rates["seeing"]["lgn.relay"] > 1.1 * rates["at rest"]["lgn.relay"]
    assert rates["seeing"]["v1.l4"] > 1.05 * rates["at rest"]["v1.l4"]

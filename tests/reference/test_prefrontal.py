"""`prefrontal.yaml` rests at published rates, holds a cue over its delay, and holds nothing without cue, dopamine or NMDA (Wang 2002)."""

import pytest

from plots import prefrontal

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=list(prefrontal.CONDITIONS))
def condition_and_run(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    return request.param, prefrontal.simulated(7, request.param, tmp_path_factory.mktemp("run"))


def test_only_a_cue_with_dopamine_and_nmda_is_held(condition_and_run):
    condition, run = condition_and_run
    held = prefrontal.rates(run, "delay")

    assert (held["pfc.first"] > 4 * held["pfc.second"]) is (condition == "cue")


def test_rests_near_three_and_nine_spikes_a_second(tmp_path):
    rest = prefrontal.rates(prefrontal.simulated(7, "no cue", tmp_path), "rest")

    assert rest["pfc.others"] == pytest.approx(3, rel=0.2)
    assert rest["pfc.interneurons"] == pytest.approx(9, rel=0.2)

"""`prefrontal.yaml` rests at published rates, holds a cue over its delay, and holds nothing without cue, dopamine or NMDA (Wang 2002)."""

import pytest

import thalia
from plots import prefrontal

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Seed 7, which the figure does not use."""
    return thalia.study(prefrontal.CIRCUIT, seeds=[7], output=tmp_path_factory.mktemp("study"))


@pytest.mark.parametrize(
    "condition",
    ["baseline", "no_cue", "no_dopamine", "nmda_blocked", "nmda_blocked_more_drive"],
)
def test_only_a_cue_with_dopamine_and_nmda_is_held(condition, study):
    held = prefrontal.rates(study.runs[condition][7], "delay")

    assert (held["pfc.first"] > 4 * held["pfc.second"]) is (condition == "baseline")


def test_rests_near_three_and_nine_spikes_a_second(study):
    rest = prefrontal.rates(study.runs["no_cue"][7], "rest")

    assert rest["pfc.others"] == pytest.approx(3, rel=0.2)
    assert rest["pfc.interneurons"] == pytest.approx(9, rel=0.2)

"""`ring_attractor.yaml` holds a cue on a ring, follows one that moves, and does neither without its structure (Compte et al. 2000)."""

import pytest

import thalia
from plots import ring_attractor

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Of seed 7, which the figure does not use, by condition."""
    folder = tmp_path_factory.mktemp("study")
    study = thalia.study(ring_attractor.CIRCUIT, seeds=[7], output=folder)
    return {name: ring_attractor.numbers(runs[7]) for name, runs in study.runs.items()}


def test_a_bump_stays_near_the_cue_for_three_seconds(found):
    assert found["baseline"]["sharpness"] > 0.6
    assert abs(found["baseline"]["distance from the first cue (degrees)"]) < 30


def test_a_cue_that_moves_by_60_degrees_takes_it_along(found):
    assert found["follows"]["sharpness"] > 0.6
    assert found["follows"]["distance from the first cue (degrees)"] == pytest.approx(60, abs=30)


@pytest.mark.parametrize("condition", ["no_cue", "flat"])
def test_without_cue_or_structure_there_is_no_bump(found, condition):
    assert found[condition]["sharpness"] < 0.3

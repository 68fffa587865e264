"""`hippocampus.yaml` replays a learned track in ripples at rest and completes a part of it, and nothing without learning or while acetylcholine is there.

Ripples and replay as in Ecker et al. (2022); theta while it runs, which the septum paces.
"""

import pytest

from plots import hippocampus

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=list(hippocampus.CONDITIONS))
def condition_and_numbers(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    run = hippocampus.simulated(7, request.param, tmp_path_factory.mktemp("run"))
    return request.param, hippocampus.numbers(run)


LEARNED = ("learned", "one lap", "septum cut")


def test_only_what_was_learned_is_replayed_in_ripples(condition_and_numbers):
    condition, numbers = condition_and_numbers
    ripples = 140 <= numbers["ripple"] <= 220 and numbers["height"] > 20

    assert ripples == (condition in LEARNED)
    assert (numbers["replays"] > 0.5) == (condition in LEARNED)


def test_only_what_was_learned_is_completed(condition_and_numbers):
    """Cells with a field at the cue fire though no cued granule cell reaches them; before the cue, and elsewhere, they do not."""
    condition, numbers = condition_and_numbers

    assert (numbers["completed"] > 0.2) == (condition in LEARNED)
    assert numbers["away"] < 0.05
    assert numbers["before"] < 0.1


def test_the_septum_paces_theta(condition_and_numbers):
    condition, numbers = condition_and_numbers

    assert (numbers["above"] > 15) == (condition != "septum cut")


def test_cells_at_rest_fire_as_published(tmp_path):
    """About 2 Hz and 60 Hz in Ecker et al. (2022)."""
    numbers = hippocampus.numbers(hippocampus.simulated(7, "learned", tmp_path))

    assert numbers["ca3"] == pytest.approx(2, rel=0.5)
    assert numbers["baskets"] == pytest.approx(60, rel=0.3)

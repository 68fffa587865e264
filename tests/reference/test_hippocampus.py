"""`hippocampus.yaml` replays a learned track in ripples at rest, and nothing without learning or while acetylcholine is there (Ecker et al. 2022)."""

import pytest

from plots import hippocampus

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=list(hippocampus.CONDITIONS))
def condition_and_numbers(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    run = hippocampus.simulated(7, request.param, tmp_path_factory.mktemp("run"))
    return request.param, hippocampus.numbers(run)


def test_only_what_was_learned_is_replayed_in_ripples(condition_and_numbers):
    condition, numbers = condition_and_numbers
    ripples = 140 <= numbers["ripple"] <= 220 and numbers["height"] > 20

    assert ripples == (condition == "learned")
    assert (numbers["replays"] > 0.5) == (condition == "learned")


def test_cells_at_rest_fire_as_published(tmp_path):
    """About 2 Hz and 60 Hz in Ecker et al. (2022)."""
    numbers = hippocampus.numbers(hippocampus.simulated(7, "learned", tmp_path))

    assert numbers["ca3"] == pytest.approx(2, rel=0.5)
    assert numbers["baskets"] == pytest.approx(60, rel=0.3)

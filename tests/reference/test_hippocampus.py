"""`hippocampus.yaml` replays a learned track in ripples at rest and completes a part of it, and nothing without learning or while acetylcholine is there.

Ripples and replay as in Ecker et al. (2022); theta while it runs, which the septum paces.
"""

import pytest

import thalia
from plots import hippocampus

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Of seed 7, which the figure does not use, by condition."""
    study = thalia.study(hippocampus.CIRCUIT, seeds=[7], output=tmp_path_factory.mktemp("study"))
    return {condition: hippocampus.numbers(runs[7]) for condition, runs in study.runs.items()}


LEARNED = ("baseline", "one_lap", "septum_cut")
CONDITIONS = [*LEARNED, "plasticity_off", "acetylcholine_stays", "baskets_apart"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_only_what_was_learned_is_replayed_in_ripples(condition, numbers):
    found = numbers[condition]
    ripples = (
        140 <= found["ripple (Hz)"] <= 220
        and found["height of the ripple's peak (times the median)"] > 20
    )

    assert ripples == (condition in LEARNED)
    assert (found["replays per second"] > 0.5) == (condition in LEARNED)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_only_what_was_learned_is_completed(condition, numbers):
    """Cells with a field at the cue fire though no cued granule cell reaches them; before the cue, and elsewhere, they do not."""
    found = numbers[condition]

    assert (found["completed: uncued cells of the place that fire (share)"] > 0.2) == (
        condition in LEARNED
    )
    assert found["the same elsewhere (share)"] < 0.05
    assert found["the same before the cue (share)"] < 0.1


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_septum_paces_theta(condition, numbers):
    found = numbers[condition]

    assert (found["height of theta's peak (times the median)"] > 15) == (condition != "septum_cut")


def test_cells_at_rest_fire_as_published(numbers):
    """About 2 Hz and 60 Hz in Ecker et al. (2022)."""
    found = numbers["baseline"]

    assert found["CA3, rest (Hz)"] == pytest.approx(2, rel=0.5)
    assert found["basket cells, rest (Hz)"] == pytest.approx(60, rel=0.3)

"""`striatum.yaml` rests in published ranges; a channel that is asked to act silences the other, by fast-spiking cells that reach across."""

import pytest

import thalia
from plots import striatum

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Of seed 7, which the figure does not use, by condition."""
    study = thalia.study(striatum.CIRCUIT, seeds=[7], output=tmp_path_factory.mktemp("study"))
    return {condition: striatum.numbers(runs[7]) for condition, runs in study.runs.items()}


CONDITIONS = [
    "baseline",
    "no_fast_spiking_inhibition",
    "no_inhibition_across",
    "no_collaterals",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_channel_silences_the_other_by_inhibition_across(condition, numbers):
    found = numbers[condition]
    across = condition in ("baseline", "no_collaterals")

    assert (found["d1, other channel (Hz)"] < 0.6 * found["d1, rest (Hz)"]) is across
    assert found["d1, requested channel (Hz)"] > 2 * found["d1, rest (Hz)"]


def test_rests_in_published_ranges(numbers):
    found = numbers["baseline"]

    assert 0.1 < found["d1, rest (Hz)"] < 5
    assert 0.1 < found["d2, rest (Hz)"] < 5
    assert 10 < found["fsi, rest (Hz)"] < 50

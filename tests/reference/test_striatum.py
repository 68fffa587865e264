"""`striatum.yaml` rests in published ranges; a channel that is asked to act silences the other, by fast-spiking cells that reach across."""

import pytest

from plots import striatum

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=striatum.CONDITIONS)
def condition_and_numbers(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    return request.param, striatum.numbers(
        striatum.simulated(7, request.param, tmp_path_factory.mktemp("run"))
    )


def test_a_channel_silences_the_other_by_inhibition_across(condition_and_numbers):
    condition, found = condition_and_numbers
    across = condition in ("whole", "no collaterals")

    assert (found["other d1"] < 0.6 * found["rest d1"]) is across
    assert found["asked d1"] > 2 * found["rest d1"]


def test_rests_in_published_ranges(tmp_path):
    found = striatum.numbers(striatum.simulated(7, "whole", tmp_path))

    assert 0.1 < found["rest d1"] < 5
    assert 0.1 < found["rest d2"] < 5
    assert 10 < found["rest fsi"] < 50

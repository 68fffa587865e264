"""`basal_ganglia.yaml` rests at published rates, and asks of cortex lower its own channel's output and raise the other's."""

import pytest

from plots import basal_ganglia

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=list(basal_ganglia.CONDITIONS))
def condition_and_numbers(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    return request.param, basal_ganglia.numbers(
        basal_ganglia.simulated(7, request.param, tmp_path_factory.mktemp("run"))
    )


def test_the_output_of_a_channel_falls_by_the_direct_way_alone(condition_and_numbers):
    condition, found = condition_and_numbers

    assert (found["asked snr"] < 0.5 * found["rest snr"]) is (condition != "no direct way")


def test_the_output_of_the_other_channel_rises(condition_and_numbers):
    _, found = condition_and_numbers

    assert found["other snr"] > 1.05 * found["rest snr"]


def test_rests_near_the_rates_of_lindahl_and_kotaleski(tmp_path):
    found = basal_ganglia.numbers(basal_ganglia.simulated(7, "whole", tmp_path))

    assert found["rest gpe"] == pytest.approx(30, rel=0.2)
    assert found["rest snr"] == pytest.approx(30, rel=0.2)
    assert 10 < found["rest stn"] < 20  # 10 there; the diagnostics of PyTorch Thalia have 10 to 40

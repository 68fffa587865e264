"""`basal_ganglia.yaml` rests at published rates, and asks of cortex lower its own channel's output and raise the other's."""

import pytest

import thalia
from plots import basal_ganglia

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Of seed 7, which the figure does not use, by condition."""
    study = thalia.study(basal_ganglia.CIRCUIT, seeds=[7], output=tmp_path_factory.mktemp("study"))
    return {condition: basal_ganglia.numbers(runs[7]) for condition, runs in study.runs.items()}


CONDITIONS = ["baseline", "no_direct_pathway", "no_indirect_pathway", "no_subthalamic_reach"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_output_of_a_channel_falls_by_the_direct_pathway_alone(condition, numbers):
    found = numbers[condition]

    assert (found["snr, requested channel (Hz)"] < 0.5 * found["snr, rest (Hz)"]) is (
        condition != "no_direct_pathway"
    )


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_output_of_the_other_channel_rises(condition, numbers):
    found = numbers[condition]

    assert found["snr, other channel (Hz)"] > 1.05 * found["snr, rest (Hz)"]


def test_rests_near_the_rates_of_lindahl_and_kotaleski(numbers):
    found = numbers["baseline"]

    assert found["gpe, rest (Hz)"] == pytest.approx(30, rel=0.2)
    assert found["snr, rest (Hz)"] == pytest.approx(30, rel=0.2)
    assert (
        10 < found["stn, rest (Hz)"] < 20
    )  # 10 there; the diagnostics of PyTorch Thalia have 10 to 40

"""`cortical_column.yaml` is asynchronous and irregular, passes a volley from layer 4 on, and is freed by VIP cells by way of SST cells."""

import numpy as np
import pytest

from plots import cortical_column
from thalia.analysis.health import OK, health

pytestmark = pytest.mark.reference


def test_at_rest_every_population_is_healthy(tmp_path):
    assert health(cortical_column.simulated(7, "at rest", tmp_path)).verdict == OK


def test_layers_fire_irregularly_and_asynchronously(tmp_path):
    """Softky & Koch (1993): CV of 0.5 to 1; Renart et al. (2010): correlations near zero; rates as in Potjans & Diesmann (2014), rising from layer 2/3."""
    numbers = cortical_column.numbers(cortical_column.simulated(7, "at rest", tmp_path))

    assert numbers["v1.l23 Hz"] < 0.5 * min(numbers["v1.l4 Hz"], numbers["v1.l5 Hz"])
    assert numbers["v1.l4 CV"] == pytest.approx(0.8, abs=0.2)
    assert max(abs(numbers[f"{layer} correlation"]) for layer in cortical_column.LAYERS) < 0.05


def test_a_volley_reaches_layer_4_first_and_layer_5_after_layer_2_3(tmp_path):
    """The mean of five volleys, none of them of the figure. Layer 6b, whose rate waxes and wanes by itself, has no onset to speak of."""
    responses: dict[str, list[np.ndarray]] = {
        layer: [] for layer in cortical_column.LAYERS if layer != "v1.l6b"
    }
    for seed in range(6, 11):
        run = cortical_column.simulated(seed, "at rest", tmp_path)
        for layer, each in responses.items():
            each.append(cortical_column.response(run, layer))
    late = {
        layer: cortical_column.latency(np.mean(each, axis=0)) for layer, each in responses.items()
    }

    assert late["v1.l4"] == min(late.values())
    assert late["v1.l4"] < late["v1.l23"] <= late["v1.l5"]


def test_vip_cells_free_pyramidal_cells_only_by_way_of_sst_cells(tmp_path):
    rates = {}
    for condition in cortical_column.CONDITIONS:
        rates[condition] = cortical_column.numbers(
            cortical_column.simulated(7, condition, tmp_path)
        )

    freed = rates["VIP driven"]["v1.l5 Hz"] / rates["at rest"]["v1.l5 Hz"]
    without = (
        rates["VIP driven, apart from SST"]["v1.l5 Hz"] / rates["VIP apart from SST"]["v1.l5 Hz"]
    )
    assert rates["VIP driven"]["v1.l5_sst Hz"] < 0.5 * rates["at rest"]["v1.l5_sst Hz"]
    assert freed > 1.5 > without

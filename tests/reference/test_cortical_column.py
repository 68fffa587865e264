"""`cortical_column.yaml` is asynchronous and irregular, passes a volley from layer 4 on, and is freed by VIP cells by way of SST cells."""

import numpy as np
import pytest

import thalia
from plots import cortical_column
from thalia.analysis.health import OK

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Seed 7, which the figure does not use."""
    folder = tmp_path_factory.mktemp("study")
    return thalia.study(cortical_column.CIRCUIT, seeds=[7], output=folder)


def test_at_rest_every_population_is_healthy(study):
    assert thalia.health(study.runs["baseline"][7]).verdict == OK


def test_layers_fire_irregularly_and_asynchronously(study):
    """Softky & Koch (1993): CV of 0.5 to 1; Renart et al. (2010): correlations near zero; rates as in Potjans & Diesmann (2014), rising from layer 2/3."""
    numbers = cortical_column.numbers(study.runs["baseline"][7])

    assert numbers["l23 (Hz)"] < 0.5 * min(numbers["l4 (Hz)"], numbers["l5 (Hz)"])
    assert numbers["l4, CV of intervals"] == pytest.approx(0.9, abs=0.1)
    assert (
        max(
            abs(numbers[f"{layer.removeprefix('v1.')}, correlation"])
            for layer in cortical_column.LAYERS
        )
        < 0.05
    )


def test_a_volley_reaches_layer_4_first_and_layer_5_after_layer_2_3(tmp_path):
    """The mean of five volleys, none of them of the figure. Layer 6b, whose rate waxes and wanes by itself, has no onset to speak of."""
    study = thalia.study(cortical_column.CIRCUIT, [], seeds=range(6, 11), output=tmp_path)
    responses = {
        layer: [cortical_column.response(run, layer) for run in study.runs["baseline"].values()]
        for layer in cortical_column.LAYERS
        if layer != "v1.l6b"
    }
    late = {
        layer: cortical_column.latency(np.mean(each, axis=0)) for layer, each in responses.items()
    }

    assert late["v1.l4"] == min(late.values())
    assert late["v1.l4"] < late["v1.l23"] <= late["v1.l5"]


def test_vip_cells_free_pyramidal_cells_only_by_way_of_sst_cells(study):
    rates = {name: runs[7].rates for name, runs in study.runs.items()}

    freed = rates["vip_driven"]["v1.l5"] / rates["baseline"]["v1.l5"]
    without = rates["vip_driven_apart_from_sst"]["v1.l5"] / rates["vip_apart_from_sst"]["v1.l5"]
    assert rates["vip_driven"]["v1.l5_sst"] < 0.5 * rates["baseline"]["v1.l5_sst"]
    assert freed > 1.5 > without

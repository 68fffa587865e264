"""`schaffer.yaml`: doublets potentiate, single spikes depress; seeds 31 to 33 are in no figure."""

import numpy as np
import pytest

import thalia
from plots import schaffer

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    study = thalia.study(
        schaffer.CIRCUIT, seeds=[31, 32, 33], output=tmp_path_factory.mktemp("study")
    )
    return {
        name: np.mean([schaffer.numbers(run)["change (%)"] for run in runs.values()])
        for name, runs in study.runs.items()
    }


def test_doublets_potentiate_and_single_spikes_depress(changes):
    assert changes["baseline"] > 10
    assert changes["single_spikes"] < -10


def test_the_rule_is_what_changes_weights(changes):
    assert changes["plasticity_off"] == 0

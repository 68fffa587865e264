"""`striatal_balance.yaml`: inhibition that learns returns projection neurons to their rate; seed 31 is in no figure."""

import pytest

import thalia
from plots import striatal_balance

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(
        striatal_balance.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study")
    )
    return {name: striatal_balance.numbers(runs[31]) for name, runs in study.runs.items()}


@pytest.mark.parametrize("cell", striatal_balance.CELLS)
def test_rates_return_below_those_before_but_not_below_the_target(found, cell):
    rates = found["baseline"]
    before, after, end = (rates[f"{cell}, {when} (Hz)"] for when in ("before", "just after", "in the end"))  # fmt: skip

    assert after > 1.4 * before
    assert striatal_balance.TARGET < end < before


@pytest.mark.parametrize("cell", striatal_balance.CELLS)
def test_without_plasticity_they_stay_up(found, cell):
    rates = found["plasticity_off"]

    assert rates[f"{cell}, in the end (Hz)"] > 1.4 * rates[f"{cell}, before (Hz)"]
    assert rates[f"weight on {cell}, in the end (nS)"] == pytest.approx(6, rel=1e-6)

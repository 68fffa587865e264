"""`deprivation.yaml`: scaling brings rates back to the target after input is lost and after it returns; seed 31 is in no figure."""

import pytest

import thalia
from plots import deprivation

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    study = thalia.study(deprivation.CIRCUIT, seeds=[31], output=folder)
    return {name: deprivation.numbers(runs[31]) for name, runs in study.runs.items()}


@pytest.mark.parametrize("population", deprivation.TARGETS)
@pytest.mark.parametrize("phase", ["deprived", "restored"])
def test_rates_return_to_their_target(found, population, phase):
    target = deprivation.TARGETS[population]

    assert found["baseline"][f"{population} {phase}, last 100 s, Hz"] == pytest.approx(
        target, rel=0.15
    )
    assert found["baseline"][f"{population} {phase}, back after, s"] < 300


@pytest.mark.parametrize("population", deprivation.TARGETS)
def test_without_scaling_they_stay_low_until_the_input_returns(found, population):
    target, numbers = deprivation.TARGETS[population], found["no_scaling"]

    assert numbers[f"{population} deprived, last 100 s, Hz"] < 0.3 * target
    assert numbers[f"{population} restored, last 100 s, Hz"] > 0.5 * target

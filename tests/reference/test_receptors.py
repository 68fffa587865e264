"""`receptors.yaml`: what is released changes the rate of the cells with its receptor, unless that is blocked; seed 31 is in no figure."""

import pytest

import thalia
from plots import receptors

pytestmark = pytest.mark.reference
EXCITE = ("d1", "alpha1", "beta", "ht2a", "m1", "nicotinic")
SLOW, FAST = ("d1", "m1", "beta"), ("alpha1", "ht2a", "ht2c", "nicotinic")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(receptors.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study"))
    return {name: receptors.numbers(runs[31]) for name, runs in study.runs.items()}


@pytest.mark.parametrize("receptor", receptors.RECEPTORS)
def test_a_receptor_has_the_sign_of_its_second_messenger_and_an_antagonist_blocks_it(
    found, receptor
):
    change = found["baseline"][receptor]

    assert (change if receptor in EXCITE else -change) > 3
    assert abs(found[f"{receptor}_blocked"][receptor]) < 2


@pytest.mark.parametrize("receptor", [*SLOW, *FAST])
def test_slow_receptors_are_still_active_a_second_later(found, receptor):
    assert (abs(found["baseline"][f"{receptor} later"]) > 3) == (receptor in SLOW)

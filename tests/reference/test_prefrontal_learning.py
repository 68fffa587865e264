"""`prefrontal_learning.yaml`: a cue calls up the item that it was learned with, and only if there was dopamine; seed 31 is in no figure."""

import pytest

import thalia
from plots import prefrontal_learning

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(
        prefrontal_learning.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study")
    )
    return {name: prefrontal_learning.numbers(runs[31]) for name, runs in study.runs.items()}


def test_a_cue_calls_up_its_item_at_the_rate_at_which_items_are_held(found):
    """About 20 Hz: Wang (2002), from memory."""
    held = found["baseline"]["item of the cue, delay (Hz)"]

    assert held == pytest.approx(20, rel=0.3)
    assert held > 4 * found["baseline"]["other item, delay (Hz)"]


def test_what_one_cue_gains_the_other_loses(found):
    weights = [found["baseline"][f"weight on {item} (nS)"]
               for item in ("the item of the cue", "the other item")]  # fmt: skip

    assert sum(weights) == pytest.approx(2 * 0.5, rel=0.05)
    assert weights[0] > 3 * weights[1]


def test_without_dopamine_no_weight_changes_and_no_item_is_preferred(found):
    off = found["no_dopamine"]

    assert off["weight on the item of the cue (nS)"] == pytest.approx(0.5, rel=1e-6)
    assert off == found["plasticity_off"]
    assert off["item of the cue, delay (Hz)"] < 3 * off["other item, delay (Hz)"]

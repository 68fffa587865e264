"""`sleep_homeostasis.yaml`: a day and a night, and what each part does; seed 31 is in no figure."""

import pytest

import thalia
from plots import sleep_homeostasis

pytestmark = pytest.mark.reference
LATE, EVENING, MORNING = (
    "response late in the day (Hz)",
    "weight in the evening (pA)",
    "weight in the morning (pA)",
)
UNTIL, AFTER = "slow waves until midnight (Hz)", "slow waves after it (Hz)"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    study = thalia.study(
        sleep_homeostasis.CIRCUIT, seeds=[31], output=tmp_path_factory.mktemp("study")
    )
    return {name: sleep_homeostasis.numbers(runs[31]) for name, runs in study.runs.items()}


def test_weights_grow_by_day_and_decay_by_night(found):
    assert found["baseline"][EVENING] > 1.3 * 70  # the weight in the morning before
    assert found["baseline"][MORNING] < 0.6 * found["baseline"][EVENING]
    assert found["no_decay"][MORNING] == pytest.approx(found["no_decay"][EVENING], rel=0.02)


def test_adenosine_dampens_responses(found):
    assert found["antagonist"][LATE] > 2 * found["baseline"][LATE]


def test_slow_waves_become_weaker_with_the_pressure(found):
    assert found["baseline"][AFTER] < 0.5 * found["baseline"][UNTIL]
    assert found["constant_pressure"][AFTER] > found["constant_pressure"][UNTIL]

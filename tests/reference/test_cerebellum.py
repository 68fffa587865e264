"""`cerebellum.yaml` depresses parallel fibres only where an error follows them, and its nuclei then answer (Medina & Mauk 2000)."""

import pytest

import thalia
from plots import cerebellum

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Of seed 7, which the figure does not use, by condition."""
    study = thalia.study(cerebellum.CIRCUIT, seeds=[7], output=tmp_path_factory.mktemp("study"))
    return {condition: cerebellum.numbers(runs[7]) for condition, runs in study.runs.items()}


CONDITIONS = ["baseline", "no_error", "error_without_tone", "plasticity_off"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_only_fibres_that_an_error_follows_are_depressed(condition, numbers):
    found = numbers[condition]

    assert (found["tone, weight left (share)"] < 0.1) is (condition == "baseline")
    assert found["light, weight left (share)"] > 0.8


@pytest.mark.parametrize("condition", CONDITIONS)
def test_nuclei_answer_the_tone_that_an_error_followed(condition, numbers):
    found = numbers[condition]

    change = {
        name: found[f"{name} (Hz more than before)"]
        for name in ("tone, purkinje", "tone, nuclei", "light, purkinje")
    }

    learned = change["tone, purkinje"] < -10 and change["tone, nuclei"] > 10
    assert learned is (condition == "baseline")
    assert abs(change["light, purkinje"]) < 10

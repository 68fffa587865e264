"""`cerebellum.yaml` depresses parallel fibres only where an error follows them, and its nuclei then answer (Medina & Mauk 2000)."""

import pytest

from plots import cerebellum

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=list(cerebellum.CONDITIONS))
def condition_and_numbers(request, tmp_path_factory):
    """Seed 7, which the figure does not use."""
    return request.param, cerebellum.numbers(
        cerebellum.simulated(7, request.param, tmp_path_factory.mktemp("run"))
    )


def test_only_fibres_that_an_error_follows_are_depressed(condition_and_numbers):
    condition, found = condition_and_numbers

    assert (found["tone weight"] < 0.1) is (condition == "paired")
    assert found["light weight"] > 0.8


def test_nuclei_answer_the_tone_that_an_error_followed(condition_and_numbers):
    condition, found = condition_and_numbers

    assert (found["tone purkinje"] < -10 and found["tone nuclei"] > 10) is (condition == "paired")
    assert abs(found["light purkinje"]) < 10

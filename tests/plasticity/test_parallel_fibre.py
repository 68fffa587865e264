"""parallel_fibre depresses where a parallel fibre precedes a climbing fibre, and recovers elsewhere."""

from math import exp

import pytest

from thalia.simulation.pairing_protocols import window

INTERVALS = [-50, -20, -5, 5, 20, 50, 100, 200, 290]  # climbing fibre minus parallel fibre, ms
TAU, TAU_CLIMBING, A_MINUS, A_PLUS = 100, 10, 0.02, 0.0002


def closed_form(interval):
    """Overlap of the fibre's eligibility and the climbing fibre's effect, both exponentials, from the later one on."""
    decay = exp(-interval / TAU) if interval > 0 else exp(interval / TAU_CLIMBING)
    return A_PLUS - A_MINUS * decay * TAU / (TAU + TAU_CLIMBING)


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_one_pair_follows_the_overlap(backend):
    """A tail of 300 ms after the last spike leaves a twentieth of the latest overlaps open."""
    _, change = window("parallel_fibre", INTERVALS[:5], backend=backend)

    assert change == pytest.approx(
        [closed_form(interval) for interval in INTERVALS[:5]], rel=0.02, abs=1e-5
    )


def test_a_fibre_alone_recovers():
    _, change = window("parallel_fibre", [-290], backend="runtime")

    assert change == pytest.approx([A_PLUS], rel=1e-6)

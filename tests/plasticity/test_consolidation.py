"""Consolidation: an important synapse is pulled back to where it was."""

from math import exp

import pytest

from thalia.simulation.pairing_protocols import outcome

PAIR = {"rule": "stdp_pair", "a_plus": 0.1, "a_minus": 0.1}
HELD = {"gain": 10, "pull": 1, "tau_anchor": "10 s", "tau_importance": "1 hour"}


def test_the_pull_after_one_change_by_its_closed_form():
    """One pair makes the synapse important; the next spike, 2 s later, pulls it back towards where it began."""
    weight = outcome(
        "consolidation", [[100, 2110]], [[110]], settings=HELD, before=[PAIR], backend="runtime"
    ).weight

    change = 0.1 * exp(-0.5)
    anchor = change * (1 - exp(-2 / 10))
    importance = 10 * change**2 * exp(-2 / 3600)
    depression = 0.1 * exp(-2000 / 20)
    expected = change - depression - importance * (change - depression - anchor)
    assert weight - 0.5 == pytest.approx([expected], rel=1e-6)


def overwritten(gain):
    """How far ten pairs in the one order are undone by ten in the other, 10 s later."""
    first, second = [100 + 50 * k for k in range(10)], [10_100 + 50 * k for k in range(10)]
    pre, post = [*first, *(t + 10 for t in second)], [*(t + 10 for t in first), *second]
    settings = {**HELD, "gain": gain, "tau_anchor": "2 s", "pull": 0.5}
    pair = {**PAIR, "a_plus": 0.02, "a_minus": 0.02}
    found = outcome(
        "consolidation",
        [pre],
        [post],
        settings=settings,
        before=[pair],
        every=5000,
        backend="cpp",
    )
    learned, final = found.history[1, 0] - 0.5, found.history[-1, 0] - 0.5
    return (learned - final) / learned


def test_what_was_learned_is_overwritten_more_slowly():
    free, held = overwritten(0), overwritten(1000)

    assert free > 0.9
    assert held < 0.6 * free


def test_importance_is_forgotten():
    """Its decay over tasks: hours later a synapse is as free as ever."""
    settings = {**HELD, "tau_importance": "1 s"}
    weight = outcome(
        "consolidation", [[100, 30_110]], [[110]], settings=settings, before=[PAIR], backend="cpp"
    ).weight

    assert weight - 0.5 == pytest.approx([0.1 * exp(-0.5)], rel=1e-6)

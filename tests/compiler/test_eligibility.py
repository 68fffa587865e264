"""What any rule changes can wait for a modulator."""

import numpy as np
import pytest

from thalia.errors import CircuitError
from thalia.simulation.pairing_protocols import outcome

TRAINS = ([[10.0, 40.0, 77.3]], [[12.0, 39.0, 90.1]])
TAIL = 600.0  # ms, in which the pulse has come and gone
PULSE = {"signal": {"kind": "first_order", "tau": "20 ms", "schedule": [{"at": "300 ms"}]}}


def change(rule, **settings):
    done = outcome(
        rule,
        *TRAINS,
        settings={"modulator": "signal", **settings},
        modulators=PULSE,
        tail=TAIL,
        backend="runtime",
    )
    return float(done.weight[0] - 0.5)


def test_a_pair_rule_with_an_eligibility_follows_its_closed_form():
    """One pair at 10 and 12 ms; the weight gains a * rate * the integral of eligibility times dopamine, from 300 ms on."""
    a, delta, tau, tau_signal = 0.005 * np.exp(-2 / 20), 0.300 - 0.012, 0.5, 0.02
    pair = outcome(
        "stdp_pair",
        [[10.0]],
        [[12.0]],
        settings={"modulator": "signal", "eligibility": "500 ms"},
        modulators=PULSE,
        tail=TAIL,
        backend="runtime",
    )

    expected = a * np.exp(-delta / tau) / (1 / tau + 1 / tau_signal)
    assert pair.weight[0] - 0.5 == pytest.approx(expected, rel=0.01)


def test_the_pair_rule_that_waits_is_the_rule_of_three_factors():
    """`three_factor` is pair STDP with an eligibility that rises; both ways of writing it give the same weights."""
    waiting = change("stdp_pair", a_minus=0, eligibility={"decay": "900 ms", "rise": "300 ms"})

    assert waiting == pytest.approx(change("three_factor"), rel=1e-9)
    assert waiting > 1e-5


@pytest.mark.parametrize("rule", ["stdp_triplet", "bcm"])
def test_without_its_modulator_nothing_that_waits_is_learned(rule):
    silent = {
        "signal": {"kind": "first_order", "schedule": [{"at": ["1 ms"], "amount": 0}], "tonic": 0.3}
    }
    done = outcome(
        rule,
        *TRAINS,
        settings={"modulator": "signal", "eligibility": "1 s"},
        modulators=silent,
        tail=TAIL,
        backend="runtime",
    )

    assert done.weight[0] == 0.5
    assert abs(change(rule, eligibility="1 s")) > 0


@pytest.mark.parametrize(
    ("rule", "settings", "message"),
    [
        (
            "d1_stdp",
            {"eligibility": "1 s"},
            "d1_stdp defines its own third factor",
        ),
        ("structural", {"eligibility": "1 s"}, "structural changes no weight at spikes"),
        ("fast_slow", {"eligibility": "1 s"}, "fast_slow changes the weight continuously"),
        (
            "heterosynaptic",
            {"eligibility": "1 s"},
            "heterosynaptic reads its own change of the weight",
        ),
        (
            "stdp_pair",
            {"eligibility": {"decay": "1 s", "rise": "2 s"}},
            "expected a rise shorter than the decay of 1 s, found 2 s",
        ),
        ("stdp_pair", {"eligibility": "1 mV"}, "expected a time, found 1 mV"),
    ],
)
def test_what_cannot_wait_is_told(rule, settings, message):
    with pytest.raises(CircuitError, match=message):
        change(rule, **settings)


def test_a_rule_that_waits_needs_a_modulator():
    with pytest.raises(CircuitError, match="stdp_pair needs 'modulator'"):
        outcome("stdp_pair", *TRAINS, settings={"eligibility": "1 s"}, backend="runtime")

"""The rate of a weight as a sum of traces times signals: equal to what was written, or refused with the reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia.compiler.optimise.deferred_weights import decay_rate, terms_of
from thalia.syntax.equations import EquationError, evaluate, parse_equations

TRACES, CONSTANT, SHARED = (
    ("fast", "slow"),
    ("gain", "importance"),
    ("dopamine", "baseline", "eta", "exp"),
)
RATES = [
    "eta * (fast + 0.3*slow) * (dopamine - baseline)",
    "-gain * fast * dopamine",
    "(fast - slow) / 2 * eta",
    "gain*importance*(fast*dopamine - slow*baseline)/eta",
    "-(1 - eta) * slow",
    "fast*exp(dopamine)*(1 + baseline)",
    "eta*dopamine",
    "fast*(gain*dopamine - importance)",
]
NUMBERS = st.fixed_dictionaries(
    {name: st.floats(0.1, 3) for name in (*TRACES, *CONSTANT, *SHARED[:3])}
)


@pytest.mark.parametrize("rate", RATES)
@given(values=NUMBERS)
def test_the_terms_add_up_to_the_rate(rate, values):
    terms = terms_of(rate, TRACES, CONSTANT, SHARED)

    total = sum(
        evaluate(t.factor or "1", values)
        * evaluate(t.trace or "1", values)
        * evaluate(t.signal, values)
        for t in terms
    )
    assert total == pytest.approx(evaluate(rate, values), rel=1e-12, abs=1e-12)


def test_a_term_keeps_what_is_the_synapses_own_apart_from_what_all_share():
    (term,) = terms_of("gain * fast * (dopamine - baseline)", TRACES, CONSTANT, SHARED)

    assert (term.trace, term.factor, term.signal) == ("fast", "gain", "(dopamine - baseline)")


def test_signals_of_one_trace_become_one_sum():
    assert len(terms_of("fast*dopamine + fast*baseline*eta", TRACES, CONSTANT, SHARED)) == 1


@pytest.mark.parametrize(
    ("rate", "reason"),
    [
        ("fast*slow*dopamine", "it has the product of two variables of the synapse, fast and slow"),
        ("(1 - w)*dopamine", "it reads the weight itself"),
        ("fast*calcium", "'calcium' does not decay at a rate that all synapses share"),
        (
            "fast*exp(gain*dopamine)",
            "'exp(gain * dopamine)' mixes what is the synapse's own with what synapses share",
        ),
        (
            "exp(fast)*dopamine",
            "'exp(fast)' mixes what is the synapse's own with what synapses share",
        ),
        (
            "dopamine/fast",
            "'dopamine / fast' mixes what is the synapse's own with what synapses share",
        ),
    ],
)
def test_what_is_no_such_sum_is_refused_with_the_reason(rate, reason):
    with pytest.raises(EquationError) as caught:
        terms_of(rate, TRACES, CONSTANT, SHARED)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("equation", "rate"),
    [
        ("dx/dt = -x / tau : 1", "-1 / tau"),
        ("dx/dt = -k*x - x/tau : 1", "-k*1 - 1/tau"),
        ("dx/dt = (y - x) / tau : 1", ""),
        ("dx/dt = 1*Hz - x / tau : 1", ""),
        ("dx/dt = -x / other : 1", ""),
        ("x : 1", ""),
    ],
)
def test_only_a_plain_decay_has_a_rate(equation, rate):
    (parsed,) = parse_equations(equation)

    assert decay_rate(parsed, {"tau", "k", "Hz"}) == rate

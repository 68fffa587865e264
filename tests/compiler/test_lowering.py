"""The cheap forms of synaptic variables give the weights of the clock-driven reference, on any spike trains."""

import random

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import thalia
from tests.rules import GATED, SETTINGS, SIGNALS, STACKED, STACKS
from tests.simulation.test_resume import text
from thalia.simulation.pairing_protocols import outcome

# Each example is two runs, whose synapses cost little: so here is one example, of many synapses with spike trains of their
# own. With `--hypothesis-profile many` there are more examples, and one that fails is made smaller, which takes minutes.
MANY = settings.default.max_examples > 5
EXAMPLES = settings(
    suppress_health_check=list(HealthCheck), phases=tuple(Phase) if MANY else (Phase.explicit,)
)
DENSE, SPREAD = (
    (60, 30),
    (200, 20),
)  # until when in ms, and how many; the second outlast the interval of the flushes


def trains(last, count):
    """Spike trains of that many neurons, in ms up to `last`, on the grid of the steps."""
    train = st.lists(st.integers(2, 10 * last), min_size=1, max_size=25, unique=True)
    on_the_grid = train.map(lambda steps: sorted(step / 10 for step in steps))
    return st.lists(on_the_grid, min_size=count, max_size=count)


def some_trains(last, count, seed):
    """One example of those."""
    generator = random.Random(seed)
    numbers = [generator.randint(1, 25) for _ in range(count)]
    return [
        sorted(step / 10 for step in generator.sample(range(2, 10 * last + 1), number))
        for number in numbers
    ]


def any_trains(last, count):
    """Give a test spike trains on both sides of its synapses."""

    def decorate(test):
        pre, post = (some_trains(last, count, seed) for seed in (1, 2))
        drawn = given(pre=trains(last, count), post=trains(last, count))(test)
        return EXAMPLES(example(pre=pre, post=post)(drawn))

    return decorate


@pytest.mark.parametrize("dendritic", [0.0, 1.3])
@pytest.mark.parametrize(("rule", "numbers"), SETTINGS)
@any_trains(*DENSE)
def test_lowered_and_clock_driven_agree(rule, numbers, pre, post, dendritic):
    """Hoisted traces where the dendritic delay allows."""
    lowered, reference = (
        outcome(
            rule,
            pre,
            post,
            settings=numbers,
            dendritic=dendritic,
            tail=40,
            lower=mode,
            backend="runtime",
        ).weight
        for mode in ("on", "off")
    )

    assert lowered == pytest.approx(reference, rel=1e-9, abs=1e-12)


def both(rule, trains, backend, **options):
    """Weights of the lowered and of the clock-driven rule."""
    return (
        outcome(rule, *trains, lower=mode, backend=backend, modulators=SIGNALS, **options).weight
        for mode in ("on", "off")
    )


@pytest.mark.parametrize(
    ("rule", "numbers", "dendritic"),
    [(*each, (0.0, 1.3)[index % 2]) for index, each in enumerate(GATED)],
)
@any_trains(*SPREAD)
def test_weights_that_change_between_spikes_agree(rule, numbers, pre, post, dendritic):
    """Signals of both signs and their products, silences longer than the flush interval, two traces."""
    lowered, reference = both(
        rule, (pre, post), "runtime", settings=numbers, dendritic=dendritic, tail=260
    )

    assert lowered == pytest.approx(reference, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("tau_fast", "form"),
    [("9 us", "clock-driven: a trace that it follows decays within a step"), ("11 us", "accum")],
)
def test_sums_that_would_outgrow_a_step_are_not_kept(tau_fast, form):
    """Weights by traces that decay within a step: one above and one below a tenth of it."""
    rule = f"{{rule: d1_stdp, modulator: m, tau_fast: {tau_fast}}}"
    plan = thalia.plan_of(thalia.loads(text("d1_stdp").replace(STACKS["d1_stdp"], f"[{rule}]")))

    synapses = next(each for each in plan.synapses if each.name == "synapses_p")

    assert synapses.forms["w"].startswith(form)


def single_and_reference(rule, numbers, pre, post):
    """Weights with synapses in single precision, lowered, and those of the clock-driven reference in double precision."""
    before = (
        [{"rule": "stdp_pair", "a_plus": 0.05, "a_minus": 0.06}]
        if (rule, numbers) in STACKED
        else []
    )
    given = {
        "settings": numbers,
        "before": before,
        "tail": 260,
        "backend": "runtime",
        "modulators": SIGNALS,
    }
    return [
        outcome(rule, pre, post, **given, **more).weight
        for more in ({"precision": "single"}, {"lower": "off"})
    ]


@pytest.mark.parametrize(("rule", "numbers"), [SETTINGS[4], STACKED[2]])  # all of them by hand
@any_trains(*SPREAD)
def test_single_precision_agrees_with_double(rule, numbers, pre, post):
    single, reference = single_and_reference(rule, numbers, pre, post)

    assert single == pytest.approx(reference, abs=1e-5)


@pytest.mark.reference
@pytest.mark.parametrize(("rule", "numbers"), [*SETTINGS, *GATED, *STACKED])
@any_trains(*SPREAD)
def test_single_precision_agrees_with_double_for_every_rule(rule, numbers, pre, post):
    single, reference = single_and_reference(rule, numbers, pre, post)

    assert single == pytest.approx(reference, abs=1e-5)


def test_the_bound_is_exact_where_a_weight_goes_one_way():
    """A weight that only grows stays at its bound from when it reaches it, although nothing looks in between."""
    trains = ([[10.0], [10.0], [10.0]], [[12.0], [15.0], [100.0]])
    signal = {"signal": {"kind": "first_order", "tonic": 1, "baseline": 0}}
    lowered, reference = (
        outcome(
            "dopamine_stdp",
            *trains,
            settings={"a_plus": 0.5},
            weight=0.9,
            modulators=signal,
            tail=500,
            lower=mode,
            backend="runtime",
        ).weight
        for mode in ("on", "off")
    )

    assert reference[:2] == pytest.approx(1)
    assert lowered == pytest.approx(reference, rel=1e-9)


def test_a_weight_that_turns_at_a_spike_turns_at_its_bound():
    """Potentiated to its bound and, by sums that do not look, beyond it; then depressed from the bound."""
    trains = ([[10.0, 300.0], [10.0]], [[12.0, 298.0], [12.0]])
    signal = {"signal": {"kind": "first_order", "tonic": 1, "baseline": 0}}
    lowered, reference = (
        outcome(
            "dopamine_stdp",
            *trains,
            settings={"a_plus": 1, "a_minus": 1.3},
            weight=0.95,
            modulators=signal,
            tail=200,
            lower=mode,
            backend="runtime",
        ).weight
        for mode in ("on", "off")
    )

    assert 0.5 < reference[0] < 0.6
    assert reference[1] == pytest.approx(1)
    assert lowered == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize(("rule", "numbers"), STACKED)
@any_trains(*SPREAD)
def test_rules_that_follow_what_others_change_agree(rule, numbers, pre, post):
    """Behind a strong pair rule, through silences longer than the flush interval."""
    pairs = {"rule": "stdp_pair", "a_plus": 0.05, "a_minus": 0.06}

    lowered, reference = both(
        rule, (pre, post), "runtime", settings=numbers, before=[pairs], tail=260
    )

    assert lowered == pytest.approx(reference, rel=1e-9, abs=1e-12)

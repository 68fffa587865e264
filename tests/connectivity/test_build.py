"""Wiring: the statistics of every rule, independence of pathways, and order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

import thalia
from thalia.compiler.options import DEFAULT_OPTIONS
from thalia.compiler.pipeline import after_each_pass
from thalia.compiler.resources import expected_synapses
from thalia.connectivity.build import wire
from thalia.connectivity.laws import draw
from thalia.connectivity.neurons import positions
from thalia.connectivity.streams import stream
from thalia.errors import CircuitError
from thalia.syntax.units import parse_value


def unfused(circuit):
    """The plan with one object per population and pathway."""
    return after_each_pass(circuit, DEFAULT_OPTIONS, "resolve")["resolve"]


TWO = """
thalia: 1
name: two
duration: 10 ms
populations:
  a: {{neuron: lif_current, size: {n_pre}, space: {{extent: [1 mm, 1 mm]}}}}
  b: {{neuron: lif_current, size: {n_post}, space: {{extent: [1 mm, 1 mm]}}}}
pathways:
  p: {{pre: a, post: {post}, connect: {connect}, synapse: current_exp, weight: "uniform(1 pA, 2 pA)", delay: "uniform(1 ms, 5 ms)"}}
"""


def strand(connect: str, n_pre: int = 60, n_post: int = 50, post: str = "b", seed: int = 1):
    circuit = thalia.loads(
        TWO.format(connect=connect, n_pre=n_pre, n_post=n_post, post=post)
    ).with_(seed=seed)
    return wire(unfused(circuit)).synapses["synapses_p"]


def test_bernoulli_connects_each_pair_with_its_probability():
    counts = [len(strand("{probability: 0.1}", seed=seed)) for seed in range(60)]
    expected, sd = 300, np.sqrt(3000 * 0.1 * 0.9)

    assert np.mean(counts) == pytest.approx(expected, abs=4 * sd / np.sqrt(60))
    assert np.std(counts) == pytest.approx(sd, rel=0.35)


@pytest.mark.parametrize("probability", [0.05, 0.6, 1.0])
def test_bernoulli_never_connects_a_pair_twice(probability):
    w = strand(f"{{probability: {probability}}}")

    assert len(np.unique(w.pre * 50 + w.post)) == len(w)


def test_total_number_is_exact_and_spread_evenly():
    w = strand("{rule: fixed_total_number, number: 6000}")

    assert len(w) == 6000
    assert np.bincount(w.pre, minlength=60).std() == pytest.approx(10, rel=0.4)


def test_total_number_from_a_probability_is_that_of_potjans_and_diesmann():
    """K = ln(1-p)/ln(1-1/(N_pre N_post)): for 60 x 50 neurons and p = 0.1, 316.04 to the nearest."""
    assert len(strand("{rule: fixed_total_number, probability: 0.1}")) == 316


def test_what_is_spread_lies_at_equal_distances_whatever_the_seed():
    text = "{thalia: 1, name: even, duration: 1 ms, populations: {a: {neuron: lif_current, size: 5, parameters: {v_th: 'spread(-50 mV, -30 mV)'}}}}"
    values = [
        wire(thalia.plan_of(thalia.loads(text, set={"seed": seed}))).groups["neurons_a"]["v_th"]
        for seed in (1, 2)
    ]

    assert values[0] == pytest.approx([-0.050, -0.045, -0.040, -0.035, -0.030])
    assert (values[0] == values[1]).all()


@given(st.integers(1, 30), st.booleans())
@settings(max_examples=20, deadline=None)
def test_in_degree_is_the_same_for_every_target(degree, multapses):
    w = strand(f"{{rule: fixed_indegree, number: {degree}, multapses: {str(multapses).lower()}}}")

    assert set(np.bincount(w.post, minlength=50)) == {degree}
    assert multapses or len(np.unique(w.pre * 50 + w.post)) == len(w)


@given(st.integers(1, 30), st.booleans())
@settings(max_examples=20, deadline=None)
def test_out_degree_is_the_same_for_every_source(degree, multapses):
    w = strand(f"{{rule: fixed_outdegree, number: {degree}, multapses: {str(multapses).lower()}}}")

    assert set(np.bincount(w.pre, minlength=60)) == {degree}
    assert multapses or len(np.unique(w.pre * 50 + w.post)) == len(w)


@pytest.mark.parametrize(
    "connect",
    ["{probability: 0.5, autapses: false}", "{rule: fixed_indegree, number: 59, autapses: false, multapses: false}",
     "{rule: fixed_total_number, number: 3000, autapses: false}", "{rule: all_to_all, autapses: false}",
     "{rule: fixed_outdegree, number: 20, autapses: false}", "{rule: blocks, blocks: 5, within: 1, autapses: false}"],
)  # fmt: skip
def test_no_neuron_reaches_itself_unless_allowed(connect):
    w = strand(connect, post="a")

    assert (w.pre != w.post).all()
    assert set(w.post) == set(range(60))


def test_one_to_one_and_all_to_all():
    one, every = strand("{rule: one_to_one}", n_pre=50), strand("{rule: all_to_all}")

    assert np.array_equal(one.pre, np.arange(50))
    assert np.array_equal(one.post, np.arange(50))
    assert len(every) == 3000


CHANCE = st.sampled_from([None, 0, 0.4, 1])


@given(
    st.integers(1, 6),
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    st.tuples(CHANCE, CHANCE).filter(lambda both: both != (None, None)),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_blocks_connect_the_pairs_that_they_name(blocks, each, chances, recurrent, autapses):
    """All pairs of a probability 1, none of a probability 0, others at most once."""
    n_pre, n_post = blocks * each[0], blocks * each[not recurrent]
    keys = dict(zip(("within", "between"), chances, strict=True))
    given = ", ".join(f"{key}: {p}" for key, p in keys.items() if p is not None)
    connect = f"{{rule: blocks, blocks: {blocks}, {given}, autapses: {str(autapses).lower()}}}"
    w = strand(connect, n_pre, n_post, "a" if recurrent else "b")
    found = np.zeros((n_pre, n_post), int)
    np.add.at(found, (w.pre, w.post), 1)
    same = np.kron(np.eye(blocks), np.ones((each[0], each[not recurrent])))
    wanted = np.where(same, chances[0] or 0, chances[1] or 0)
    if recurrent and not autapses:
        np.fill_diagonal(wanted, 0)

    assert found.max(initial=0) <= 1
    assert found[wanted == 1].all()
    assert not found[wanted == 0].any()


@pytest.mark.parametrize("post", ["a", "b"])
def test_blocks_connect_with_their_two_probabilities(post):
    rule = "{rule: blocks, blocks: 6, within: 0.5, between: 0.1, autapses: false}"
    w = strand(rule, 600, 600, post)
    same = w.pre // 100 == w.post // 100
    own = 600 if post == "a" else 0
    pairs = {True: 6 * 100 * 100 - own, False: 6 * 100 * 500}

    assert binomtest(int(same.sum()), pairs[True], 0.5).pvalue > 1e-4
    assert binomtest(int((~same).sum()), pairs[False], 0.1).pvalue > 1e-4
    assert chisquare(np.bincount(w.post[~same], minlength=600)).pvalue > 1e-4


def test_what_is_expected_of_blocks_is_what_is_drawn():
    text = TWO.format(
        connect="{rule: blocks, blocks: 6, within: 0.5, between: 0.1}", n_pre=600, n_post=300, post="b"
    )  # fmt: skip
    plan = unfused(thalia.loads(text))
    pathway = plan.synapses[0].members[0]

    assert expected_synapses(pathway, plan) == pytest.approx(
        6 * 100 * 50 * 0.5 + 30 * 100 * 50 * 0.1
    )


def test_a_smaller_circuit_has_as_many_blocks_which_are_smaller():
    text = TWO.format(
        connect="{rule: blocks, blocks: 6, within: 0.2, between: 0.1}", n_pre=600, n_post=300, post="b"
    )  # fmt: skip
    circuit = thalia.loads(text + "scale: {neurons: 0.5, synapses: 0.25}\n")
    w = wire(unfused(circuit)).synapses["synapses_p"]
    same = w.pre // 50 == w.post // 25

    assert binomtest(int(same.sum()), 6 * 50 * 25, 0.1).pvalue > 1e-4
    assert binomtest(int((~same).sum()), 30 * 50 * 25, 0.05).pvalue > 1e-4


PROFILES = {
    "disc": lambda distance, width: (distance <= width).astype(float),
    "gaussian": lambda distance, width: np.exp(-(distance**2) / (2 * width**2)),
    "exponential": lambda distance, width: np.exp(-distance / width),
}


@pytest.mark.parametrize("profile", PROFILES)
def test_distance_falls_off_as_its_profile(profile):
    """As many synapses, and as far apart, as the probabilities of all pairs sum to, within four standard errors."""
    rule = f"{{rule: distance, profile: {profile}, probability: 0.5, width: 100 um}}"
    circuit = thalia.loads(TWO.format(connect=rule, n_pre=400, n_post=400, post="b"))
    space = circuit.populations["a"].space
    pre, post = positions("a", 400, space, 1), positions("b", 400, space, 1)
    distance = np.linalg.norm(pre[:, None] - post[None], axis=-1)
    expected = 0.5 * PROFILES[profile](distance, 0.1e-3)

    w = strand(rule, n_pre=400, n_post=400)

    found = np.histogram(distance[w.pre, w.post], bins=4, range=(0, 0.2e-3))[0]
    wanted = np.histogram(distance, bins=4, range=(0, 0.2e-3), weights=expected)[0]
    assert (np.abs(found - wanted) <= 4 * np.sqrt(wanted)).all()
    assert len(w) == pytest.approx(expected.sum(), abs=4 * np.sqrt(expected.sum()))


def test_synapses_are_sorted_by_source_delay_and_target():
    w = strand("{probability: 0.5}")

    keys = list(zip(w.pre, w.axonal, w.post, strict=True))

    assert keys == sorted(keys)


def test_adding_a_pathway_changes_no_other():
    alone = thalia.loads(TWO.format(connect="{probability: 0.2}", n_pre=60, n_post=50, post="b"))
    more = alone.with_(pathways={**{"first": alone.pathways["p"]}, **alone.pathways})

    w, other = (
        wire(unfused(alone)).synapses["synapses_p"],
        wire(unfused(more)).synapses["synapses_p"],
    )

    assert np.array_equal(w.pre, other.pre)
    assert np.array_equal(w.variables["w"], other.variables["w"])
    assert np.array_equal(w.axonal, other.axonal)


def test_fusing_moves_synapses_and_changes_none():
    circuit = thalia.loads(
        TWO.format(connect="{probability: 0.2}", n_pre=60, n_post=50, post="[a, b]")
    )
    plans = after_each_pass(circuit, DEFAULT_OPTIONS)
    plain, fused = plans["resolve"], plans["fuse"]
    (joined,) = wire(fused).synapses.values()

    for name, own in wire(plain).synapses.items():
        rows = joined.rows(f"p.a_to_{name.rpartition('_')[2]}")
        offset = fused.population(name.rpartition("_")[2])[1].start
        assert np.array_equal(joined.pre[rows], own.pre)
        assert np.array_equal(joined.post[rows] - offset, own.post)
        assert np.array_equal(joined.variables["w"][rows], own.variables["w"])
    assert joined.pre.tolist() == sorted(joined.pre.tolist())


@pytest.mark.parametrize(
    ("text", "mean", "sd"),
    [("normal(10 mV, 2 mV)", 10e-3, 2e-3), ("lognormal(10 mV, 4 mV)", 10e-3, 4e-3), ("uniform(4 mV, 16 mV)", 10e-3, 12e-3 / np.sqrt(12)),
     ("10 mV", 10e-3, 0)],
)  # fmt: skip
def test_values_are_drawn_with_the_mean_and_sd_they_name(text, mean, sd):
    samples = draw(parse_value(text), 40_000, stream(1, "x"))

    assert samples.mean() == pytest.approx(mean, rel=0.01)
    assert samples.std() == pytest.approx(sd, rel=0.03, abs=1e-15)


def test_truncation_draws_again_rather_than_clipping():
    """A normal cut at its mean is half-normal: mean sd sqrt(2/pi) above it, and nothing piles up at the bound."""
    samples = draw(parse_value("normal(0 mV, 1 mV, min=0 mV)"), 40_000, stream(1, "x"))

    assert samples.min() > 0
    assert samples.mean() == pytest.approx(1e-3 * np.sqrt(2 / np.pi), rel=0.02)


@pytest.mark.parametrize(
    ("delay", "steps"),
    [("0.3 ms", 3), ("0.7 ms", 7), ("2.3 ms", 23), ("0.1 ms", 1), ("1.26 ms", 13)],
)
def test_delays_are_the_nearest_number_of_steps(delay, steps):
    """0.3/0.1 is below 3 in floating point, and must not become 2."""
    text = TWO.format(connect="{rule: one_to_one}", n_pre=3, n_post=3, post="b").replace(
        '"uniform(1 ms, 5 ms)"', delay
    )

    w = wire(unfused(thalia.loads(text))).synapses["synapses_p"]

    assert w.axonal.tolist() == [steps]


CONNECTED = """
thalia: 1
name: connected
duration: 1 ms
scale: {scale}
populations: {{a: {{neuron: lif_current, size: {n_pre}}}, b: {{neuron: lif_current, size: {n_post}}}}}
pathways:
  p: {{pre: a, post: {post}, connect: {{rule: {rule}, number: {number}, autapses: {autapses}, multapses: {multapses}}},
    synapse: current_exp, weight: 1 pA, delay: 1 ms}}
"""
COUNTED = {
    "fixed_indegree": lambda w, sizes: np.bincount(w.post, minlength=sizes[1]),
    "fixed_outdegree": lambda w, sizes: np.bincount(w.pre, minlength=sizes[0]),
    "fixed_total_number": lambda w, sizes: np.array([len(w)]),
}


@given(
    st.sampled_from(sorted(COUNTED)),
    st.integers(1, 40),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.booleans(),
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from([1, 0.5, 0.2]),
)
@settings(max_examples=150, deadline=None)
def test_a_number_of_synapses_is_refused_or_built(rule, number, sizes, own, allowed, scale):
    """Never a traceback, never fewer; what is refused is what counting says cannot be."""
    autapses, multapses = (str(each).lower() for each in allowed)
    text = CONNECTED.format(
        rule=rule, number=number, n_pre=sizes[0], n_post=sizes[1], post="a" if own else "b",
        autapses=autapses, multapses=multapses, scale=scale,
    )  # fmt: skip
    scaled = [max(1, round(size * scale)) for size in sizes]
    square = scale * scale if rule == "fixed_total_number" else scale
    wanted = max(1, round(number * square))

    def possible(n_pre, n_post, count):
        n_post = n_pre if own else n_post
        here = own and not allowed[0]
        most = {
            "fixed_indegree": n_pre - here,
            "fixed_outdegree": n_post - here,
            "fixed_total_number": n_pre * (n_post - here),
        }[rule]
        return count <= most or (allowed[1] and most > 0)

    if not (possible(*sizes, number) and possible(*scaled, wanted)):
        with pytest.raises(CircuitError, match=r"pathways.p.connect"):
            thalia.plan_of(thalia.loads(text))
        return
    w = wire(unfused(thalia.loads(text))).synapses["synapses_p"]
    ends = (scaled[0], scaled[0] if own else scaled[1])

    assert set(COUNTED[rule](w, ends)) == {wanted}
    assert allowed[1] or len(np.unique(w.pre * 100 + w.post)) == len(w)
    assert allowed[0] or not own or (w.pre != w.post).all()


PLASTIC = """
thalia: 1
name: plastic
duration: 1 ms
populations:
  a: {{neuron: poisson, size: 40, excites_and_inhibits: a test}}
  b: {{neuron: lif_current, size: 40}}
pathways:
  p: {{pre: a, post: b, connect: {{rule: all_to_all}}, synapse: current_exp, weight: "{weight}", delay: 1 ms{more}}}
phases: [{{name: all, duration: 1 ms, plasticity: {plasticity}}}]
"""


def weights_of(weight, more="", plasticity="on"):
    circuit = thalia.loads(PLASTIC.format(weight=weight, more=more, plasticity=plasticity))
    return wire(unfused(circuit)).synapses["synapses_p"].variables["w"]


@given(
    st.sampled_from(["normal", "lognormal", "uniform"]),
    st.floats(1, 10),
    st.floats(0, 2),
    st.none() | st.floats(1, 40),
    st.none() | st.floats(5, 40),
)
@settings(max_examples=100, deadline=None)
def test_a_rule_is_refused_or_leaves_the_weights_as_they_are_drawn(kind, first, cv, w_max, most):
    """With the rule, with plasticity off, and without the rule: the same weights, to the bit."""
    second = first * (1 + cv if kind == "uniform" else cv)
    limit = "" if most is None else f", max={most:.3f} pA"
    weight = f"{kind}({first:.3f} pA, {second:.3f} pA{limit})"
    rule = ", plasticity: [stdp_pair]" + ("" if w_max is None else f", w_max: {w_max:.3f} pA")
    try:
        drawn = weights_of(weight)
        learning = weights_of(weight, rule)
    except CircuitError as error:
        assert "pathways.p.w" in str(error)
        return

    assert np.array_equal(learning, drawn)
    assert np.array_equal(weights_of(weight, rule, "off"), drawn)


@given(
    st.sampled_from(["normal", "lognormal", "uniform"]),
    st.floats(0.05, 3),
    st.floats(0, 1),
    st.none() | st.floats(0.01, 0.5),
)
@settings(max_examples=100, deadline=None)
def test_a_delay_is_refused_or_is_a_step_at_least(kind, first, cv, least):
    second = first * (1 + cv if kind == "uniform" else cv)
    limit = "" if least is None else f", min={least:.3f} ms"
    delay = f"{kind}({first:.3f} ms, {second:.3f} ms{limit})"
    text = PLASTIC.format(weight="1 pA", more="", plasticity="on").replace(
        "1 ms}\nph", f'"{delay}"}}\nph'
    )
    try:
        plan = unfused(thalia.loads(text))
    except CircuitError as error:
        assert "pathways.p.delay" in str(error)
        return
    drawn = draw(parse_value(delay), 10_000, stream(1, "delays"))

    assert drawn.min() >= 0.1e-3 * (1 - 1e-9)
    assert wire(plan).synapses["synapses_p"].axonal.min() >= 1

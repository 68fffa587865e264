"""Null models of wiring and weights: exactly what each keeps, what it destroys, and that all that is left is equally probable."""

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import chisquare

import thalia
from thalia.compiler.plan import Member
from thalia.connectivity.build import wire
from thalia.connectivity.null_models import rewired, shuffled
from thalia.connectivity.streams import stream
from thalia.errors import CircuitError

CIRCUIT = """
thalia: 1
name: rewired
duration: 10 ms
populations:
  a: {{neuron: lif_current, size: 60}}
  b: {{neuron: lif_current, size: 50, excites_and_inhibits: "a test"}}
pathways:
  p: {{pre: {pre}, post: {post}, connect: {connect}, synapse: current_exp, weight: "{weight}", delay: "uniform(1 ms, 5 ms)"}}
  q: {{pre: a, post: b, connect: {{probability: 0.3}}, synapse: current_exp, weight: "uniform(1 pA, 2 pA)", delay: 1 ms}}
"""


def network(rewire, connect="{probability: 0.1}", pre="a", post="b", weight="uniform(1 pA, 2 pA)", seed=1):  # fmt: skip
    text = CIRCUIT.format(connect=connect, pre=pre, post=post, weight=weight)
    changes = {"seed": seed} | ({"pathways.p.rewire": rewire} if rewire else {})
    return wire(thalia.plan_of(thalia.loads(text, set=changes)))


def pathway(rewire, name="p", **options):
    """Sources, targets, delays and weights of a pathway, one row for each synapse."""
    found = []
    for wired in network(rewire, **options).synapses.values():
        if name in wired.pathways:
            rows = wired.rows(name)
            found += list(zip(wired.pre[rows], wired.post[rows], wired.delays(rows), wired.variables["w"][rows], strict=True))  # fmt: skip
    return np.array(found)


def member(name, size):
    return Member(name, 0, size, {}, {})


WIRINGS = {
    "in another population": {"connect": "{probability: 0.15}"},
    "without self-connections": {"connect": "{probability: 0.15, autapses: false}", "post": "a"},
    "with self-connections": {"connect": "{probability: 0.15}", "post": "a"},
    "with repeated pairs": {"connect": "{rule: fixed_indegree, number: 20}", "post": "a"},
    "with repeated pairs but no self-connections": {
        "connect": "{rule: fixed_outdegree, number: 20, autapses: false}", "post": "a"},
    "of which most pairs are connected": {"connect": "{probability: 0.7}"},
}  # fmt: skip


def ordered(columns):
    return sorted(map(tuple, columns))


def is_simple(synapses):
    return len({*map(tuple, synapses[:, :2])}) == len(synapses)


@pytest.mark.parametrize("kind", WIRINGS)
def test_degrees_are_kept_and_with_them_the_delays_and_weights_of_every_source(kind):
    """Sources keep what leaves them, to the number; only who is reached is drawn anew."""
    before, after = (pathway(rewire, **WIRINGS[kind]) for rewire in (None, "degree_preserving"))

    assert ordered(before[:, [1]]) == ordered(after[:, [1]])
    assert ordered(before[:, [0, 2]]) == ordered(after[:, [0, 2]])
    assert ordered(before[:, [0, 3]]) == ordered(after[:, [0, 3]])
    assert ordered(before[:, :2]) != ordered(after[:, :2])


@pytest.mark.parametrize("rewire", ["degree_preserving", "erdos_renyi"])
@pytest.mark.parametrize("kind", WIRINGS)
def test_no_neuron_reaches_itself_and_no_pair_is_repeated_where_none_did(kind, rewire):
    before, after = (pathway(each, **WIRINGS[kind]) for each in (None, rewire))
    recurrent = WIRINGS[kind].get("post") == "a"

    assert is_simple(before) == is_simple(after) == ("repeated" not in kind)
    loops = [recurrent and bool((each[:, 0] == each[:, 1]).any()) for each in (before, after)]
    assert loops[0] == loops[1] == (recurrent and "without" not in kind and "but no" not in kind)


def test_a_random_network_keeps_the_number_of_synapses_and_no_degree():
    connect = "{rule: fixed_indegree, number: 20, multapses: false}"
    before, after = (pathway(each, connect=connect) for each in (None, "erdos_renyi"))
    in_degrees = np.bincount(after[:, 1].astype(int) - 60, minlength=50)

    assert len(before) == len(after) == 1000
    assert ordered(before[:, [2]]) == ordered(after[:, [2]])
    assert ordered(before[:, [3]]) == ordered(after[:, [3]])
    # hypergeometric: 60 of 3000 pairs end on a neuron, and 1000 are connected
    assert in_degrees.std() == pytest.approx(np.sqrt(20 * (1 - 1 / 3) * (1 - 60 / 3000)), rel=0.3)


def test_shuffled_weights_are_the_same_on_the_same_synapses():
    """Of each sign the same weights; every synapse keeps its pair, its delay and its sign."""
    weight = "normal(0.5 pA, 1 pA)"
    before, after = (pathway(each, weight=weight, pre="b") for each in (None, "weights_shuffled"))

    assert np.array_equal(before[:, :3], after[:, :3])
    assert np.array_equal(before[:, 3] < 0, after[:, 3] < 0)
    assert ordered(before[:, [3]]) == ordered(after[:, [3]])
    assert abs(np.corrcoef(abs(before[:, 3]), abs(after[:, 3]))[0, 1]) < 0.2


def signed():
    """Twenty neurons, a quarter of which inhibit, with six synapses each."""
    sources = np.repeat(np.arange(20, dtype=np.int32), 6)
    weights = stream(1, "weights").uniform(1, 2, 120) * np.where(sources % 4, 1, -1)
    return sources, weights


def test_shuffled_signs_are_those_of_neurons():
    """Dale's law holds, as many neurons inhibit, and no absolute weight has moved."""
    sources, weights = signed()
    made = shuffled("signs_shuffled", sources, weights, stream(1, "rewire"))
    signs = np.sign(made).reshape(20, 6)

    assert np.array_equal(abs(made), abs(weights))
    assert (signs == signs[:, :1]).all()
    assert (signs[:, 0] < 0).sum() == 5
    assert (signs[:, 0] != np.sign(weights[::6])).any()


def test_a_neuron_of_both_signs_changes_all_of_them():
    """It counts as what its weights sum to: of two such neurons either both or none is reversed."""
    sources, weights = np.array([0, 0, 1, 1], np.int32), np.array([3.0, -1.0, -3.0, 1.0])
    made = {
        tuple(shuffled("signs_shuffled", sources, weights, stream(seed, "rewire")))
        for seed in range(10)
    }

    assert made == {(3.0, -1.0, -3.0, 1.0), (-3.0, 1.0, 3.0, -1.0)}


def possible(size, out_degrees, in_degrees, loops):
    """Every simple graph with given degrees, as a set of pairs."""
    targets = [
        [
            set(product([source], chosen))
            for chosen in combinations([n for n in range(size) if loops or n != source], degree)
        ]
        for source, degree in enumerate(out_degrees)
    ]
    graphs = [frozenset().union(*rows) for rows in product(*targets)]
    return [g for g in graphs if Counter(t for _, t in g) == Counter(dict(enumerate(in_degrees)))]


@pytest.mark.parametrize(("out_degrees", "in_degrees", "loops", "count"), [
    ([1, 1, 1], [1, 1, 1], False, 2),  # the two directions of a circle, which no exchange of two reaches
    ([1, 1, 1], [1, 1, 1], True, 6),  # permutations, even and odd ones
    ([2, 1, 1], [1, 2, 1], True, 5),
    ([2, 1, 2, 1], [1, 2, 1, 2], False, 8),
])  # fmt: skip
def test_every_graph_with_these_degrees_is_equally_probable(out_degrees, in_degrees, loops, count):
    graphs = possible(len(out_degrees), out_degrees, in_degrees, loops)
    pairs = tuple(np.array(sorted(graphs[0]), np.int32).T)
    ends = member("a", len(out_degrees)), member("b" if loops else "a", len(in_degrees))
    drawn = Counter(
        frozenset(zip(*(each.tolist() for each in made), strict=True))
        for seed in range(max(200, 10 * count))
        for made in [rewired("degree_preserving", pairs, *ends, stream(seed, "rewire"))[0]]
    )

    assert len(graphs) == count
    assert set(drawn) <= set(graphs)
    assert chisquare([drawn[graph] for graph in graphs]).pvalue > 1e-3


def test_nothing_of_a_ring_is_left():
    """2000 neurons that reach their ten neighbours: afterwards a target is a neighbour as often as chance has it."""
    size, degree = 2000, 10
    sources = np.repeat(np.arange(size, dtype=np.int32), degree)
    targets = ((sources + np.tile(np.arange(1, degree + 1), size)) % size).astype(np.int32)
    ends = member("a", size), member("a", size)
    made, told = rewired("degree_preserving", (sources, targets), *ends, stream(1, "rewire"))
    near = (made[1] - made[0]) % size <= degree
    expected = degree / (size - 1)

    assert near.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / len(sources)))
    assert told.startswith("degree_preserving, and 0.00")


def test_it_is_that_of_the_seed_and_changes_no_other_pathway():
    first, again, other = (pathway("degree_preserving", seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert ordered(first[:, :2]) != ordered(other[:, :2])
    assert np.array_equal(pathway("erdos_renyi", "q"), pathway(None, "q"))


def test_it_is_told_how_much_is_left_of_the_circuit():
    wired = next(w for w in network("degree_preserving").synapses.values() if "p" in w.pathways)

    assert len(wired.notes) == 1
    assert wired.notes[0].startswith("p: degree_preserving, and 0.1")


def test_it_is_told_where_hardly_anything_can_be_exchanged():
    """Each of fifty neurons reaches all but one, so that exchanges are possible for one in hundreds."""
    sources, targets = np.nonzero(~np.eye(50, dtype=bool))
    pairs = sources.astype(np.int32), targets.astype(np.int32)
    _, told = rewired(
        "degree_preserving", pairs, member("a", 50), member("b", 50), stream(1, "rewire")
    )

    assert "few others are possible: each synapse was exchanged" in told


@pytest.mark.parametrize(("changes", "message"), [
    ({"connect": "{rule: all_to_all}", "rewire": "degree_preserving"},
     "pathways.p.rewire: every pair is connected, so that 'degree_preserving' changes nothing\n    hint: remove it, or shuffle weights that differ"),
    ({"connect": "{rule: all_to_all}", "rewire": "erdos_renyi"}, "so that 'erdos_renyi' changes nothing"),
    ({"weight": "2 pA", "rewire": "weights_shuffled"},
     "pathways.p.rewire: all weights are 2 pA, so that shuffling them changes nothing\n    hint: remove it, or rewire with `degree_preserving`"),
    ({"rewire": "signs_shuffled"}, "pathways.p.rewire: all weights have the same sign (uniform(1 pA, 2 pA)), and there is none to shuffle"),
    ({"rewire": "degree-preserving"}, "pathways.p.rewire: "),
])  # fmt: skip
def test_what_would_change_nothing_is_refused(changes, message):
    with pytest.raises(CircuitError) as caught:
        network(**changes)
    assert message in str(caught.value)


def test_weights_that_are_drawn_are_told_to_be_another_draw():
    text = CIRCUIT.format(connect="{probability: 0.1}", pre="a", post="b", weight="uniform(1 pA, 2 pA)")  # fmt: skip
    plan = thalia.plan_of(thalia.loads(text, set={"pathways.p.rewire": "weights_shuffled"}))

    assert "p: its weights are drawn independently of who is connected" in "\n".join(plan.notes)


LISTED = """
thalia: 1
name: listed
duration: 10 ms
populations:
  a: {neuron: lif_current, size: 40}
pathways:
  p: {pre: a, post: a, connect: {file: edges.csv}, synapse: delta, weight: "count * sign * mV", delay: "late * ms"}
"""


@pytest.fixture
def listed(tmp_path):
    """Rows of (source, target, delay in steps, weight) of a pathway from a table, in which a fifth of the neurons inhibit."""
    generator = np.random.default_rng(1)
    pairs = [divmod(k, 40) for k in generator.choice(1600, 300, replace=False)]
    rows = [f"{a},{b},{k + 1},{-1 if a % 5 == 0 else 1},{1 + k % 7}" for k, (a, b) in enumerate(pairs) if a != b]  # fmt: skip
    (tmp_path / "edges.csv").write_text("\n".join(["pre,post,count,sign,late", *rows]) + "\n")

    def found(rewire):
        changes = {"pathways.p.rewire": rewire} if rewire else {}
        wired = wire(thalia.plan_of(thalia.loads(LISTED, set=changes, folder=tmp_path)))
        ((_, each),) = wired.synapses.items()
        return np.array([*zip(each.pre, each.post, each.axonal, each.variables["w"], strict=True)])

    return found


def test_synapses_from_a_table_keep_their_source_with_weight_and_delay(listed):
    """Each weight is there once, so that rows are told apart by it."""
    before, after = listed(None), listed("degree_preserving")

    assert ordered(before[:, [0, 2, 3]]) == ordered(after[:, [0, 2, 3]])
    assert ordered(before[:, [1]]) == ordered(after[:, [1]])
    assert ordered(before[:, :2]) != ordered(after[:, :2])
    assert is_simple(after)


@pytest.mark.parametrize("rewire", ["degree_preserving", "weights_shuffled", "signs_shuffled", "erdos_renyi"])  # fmt: skip
def test_a_neuron_from_a_table_keeps_one_sign(listed, rewire):
    before, after = listed(None), listed(rewire)
    signs = [{(source, weight < 0) for source, weight in each[:, [0, 3]]} for each in (before, after)]  # fmt: skip

    assert len(dict(signs[1])) == len(signs[1])
    assert ordered(abs(before[:, [3]])) == ordered(abs(after[:, [3]]))
    assert rewire == "signs_shuffled" or ordered(before[:, [3]]) == ordered(after[:, [3]])
    assert sum(inhibits for _, inhibits in signs[0]) == sum(inhibits for _, inhibits in signs[1])
    assert (abs(before) != abs(after)).any() or (before != after).any()

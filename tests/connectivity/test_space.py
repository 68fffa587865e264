"""Distances around a ring, and weights, delays and probabilities that depend on where neurons are."""

import numpy as np
import pytest

import thalia
from thalia.compiler.space import places
from thalia.connectivity.build import wire
from thalia.connectivity.neurons import positions
from thalia.errors import CircuitError
from thalia.syntax.formulas import parse_formula
from thalia.syntax.units import ValueSyntaxError, constant

TEXT = """
thalia: 1
name: sheet
duration: 1 ms
populations:
  a: {{neuron: lif_current, size: 300, excites_and_inhibits: "a Mexican hat", space: {space}}}
  b: {{neuron: lif_current, size: 200, space: {space}}}
pathways:
  p: {{pre: a, post: b, connect: {connect}, synapse: current_exp, weight: {weight}, delay: {delay}}}
"""
SHEET = "{extent: [1 mm, 0.5 mm]}"
TORUS = "{extent: [1 mm, 0.5 mm], periodic: true}"
ALL = "{rule: all_to_all}"


def circuit_with(space=SHEET, connect=ALL, weight="1 pA", delay="1 ms"):
    text = TEXT.format(space=space, connect=connect, weight=f'"{weight}"', delay=f'"{delay}"')
    return thalia.loads(text)


def wired(**given):
    """The synapses, and from where to where each goes, in metres."""
    circuit = circuit_with(**given)
    (synapses,) = wire(thalia.plan_of(circuit)).synapses.values()
    a, b = (circuit.populations[name] for name in "ab")
    pre, post = (
        positions("a", 300, a.space, 1)[synapses.pre],
        positions("b", 200, b.space, 1)[synapses.post - 300],
    )
    return synapses, pre, post


def shortest_way(pre, post, sides):
    """By trying all neighbouring copies of a periodic space."""
    copies = np.stack(np.meshgrid(*[(-1, 0, 1)] * len(sides)), -1).reshape(-1, len(sides)) * sides
    return np.linalg.norm(post - pre + copies[:, None], axis=-1).min(axis=0)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_distance_in_a_periodic_space_is_the_shortest_way_round(dimensions):
    random = np.random.default_rng(dimensions)
    sides = random.uniform(0.5e-3, 2e-3, dimensions)
    extent = ", ".join(f"{side!r} m" for side in sides.tolist())
    space = circuit_with(space=f"{{extent: [{extent}], periodic: true}}").populations["a"].space
    pre, post = random.uniform(0, 1, (2, 500, dimensions)) * sides

    found = places(pre, post, space)

    assert found["distance"] == pytest.approx(shortest_way(pre, post, sides), abs=1e-12)
    displacement = np.stack([found[f"d{axis}"] for axis in "xyz"[:dimensions]], axis=-1)
    assert np.linalg.norm(displacement, axis=-1) == pytest.approx(found["distance"])
    copies = (post - pre - displacement) / sides
    assert copies == pytest.approx(np.round(copies), abs=1e-9)


@pytest.mark.parametrize("space", [SHEET, TORUS])
def test_weights_and_delays_follow_their_formulas(space):
    """A Mexican hat, and a conduction velocity of 0.3 m/s, with delays at the nearest multiple of dt."""
    synapses, pre, post = wired(
        space=space,
        weight="2 pA*exp(-distance**2/(2*(80 um)**2)) - 0.5 pA",
        delay="1 ms + distance/(0.3 m/s)",
    )
    sides = (1e-3, 0.5e-3)
    distance = (
        shortest_way(pre, post, sides) if space == TORUS else np.linalg.norm(post - pre, axis=1)
    )

    hat = 2e-12 * np.exp(-(distance**2) / (2 * 80e-6**2)) - 0.5e-12
    assert synapses.variables["w"] == pytest.approx(hat, rel=1e-9)
    assert np.abs(synapses.axonal * 1e-4 - (1e-3 + distance / 0.3)).max() <= 0.5e-4 * (1 + 1e-5)


def test_a_formula_may_read_each_axis_and_end():
    synapses, pre, post = wired(weight="1 pA*(1 + dx/1 mm + y_pre/2 mm - x_post/3 mm)")

    x, y = pre.T
    expected = 1 + (post[:, 0] - x) / 1e-3 + y / 2e-3 - post[:, 0] / 3e-3
    assert synapses.variables["w"] == pytest.approx(expected * 1e-12)


def test_a_dendritic_delay_may_be_a_formula():
    delay = "{axonal: 1 ms, dendritic: 1 ms + distance/(0.5 m/s)}"
    text = TEXT.format(space=SHEET, connect=ALL, weight="1 pA", delay=delay)
    (synapses,) = wire(thalia.plan_of(thalia.loads(text))).synapses.values()
    a, b = (
        positions(n, s, circuit_with().populations[n].space, 1) for n, s in (("a", 300), ("b", 200))
    )
    distance = np.linalg.norm(a[synapses.pre] - b[synapses.post - 300], axis=1)

    assert np.abs(synapses.dendritic * 1e-4 - (1e-3 + distance / 0.5)).max() <= 0.5e-4 * (1 + 1e-5)


@pytest.mark.parametrize("space", [SHEET, TORUS])
def test_a_probability_connects_each_pair_by_its_distance(space):
    """As many synapses in each tenth of a millimetre as the probabilities sum to, within four standard errors."""
    _, pre, post = wired(space=space, connect='{probability: "0.8*exp(-distance/(150 um))"}')
    a, b = (
        positions(n, s, circuit_with(space=space).populations[n].space, 1)
        for n, s in (("a", 300), ("b", 200))
    )
    every = np.repeat(a, 200, axis=0), np.tile(b, (300, 1))
    sides = (1e-3, 0.5e-3)

    def far(x, y):
        return shortest_way(x, y, sides) if space == TORUS else np.linalg.norm(y - x, axis=1)

    all_distances, distances = far(*every), far(pre, post)

    probability = 0.8 * np.exp(-all_distances / 150e-6)
    bins = np.linspace(0, 0.5e-3, 6)
    wanted = np.histogram(all_distances, bins, weights=probability)[0]
    assert (np.abs(np.histogram(distances, bins)[0] - wanted) <= 4 * np.sqrt(wanted)).all()


def test_formulas_are_those_that_brian2_computes():
    """Brian2's own strings over the positions of both ends."""
    import brian2 as b2

    synapses, _, _ = wired(
        weight="1 pA*exp(-((x_pre - x_post)**2 + (y_pre - y_post)**2)/(2*(0.1 mm)**2))"
    )
    b2.set_device("runtime")
    b2.prefs.codegen.target = "numpy"
    a, b = (b2.NeuronGroup(n, "x : metre\ny : metre") for n in (300, 200))
    for group, name, size in ((a, "a", 300), (b, "b", 200)):
        group.x, group.y = (
            positions(name, size, circuit_with().populations[name].space, 1).T * b2.metre
        )
    theirs = b2.Synapses(a, b, "w : amp")
    theirs.connect(i=synapses.pre, j=synapses.post - 300)
    theirs.w = "1*pA*exp(-((x_pre - x_post)**2 + (y_pre - y_post)**2)/(2*(0.1*mmetre)**2))"

    assert synapses.variables["w"] == pytest.approx(np.asarray(theirs.w), rel=1e-9)


def test_a_formula_is_the_same_after_it_is_written_and_read():
    circuit = circuit_with(weight="1 pA*exp(-distance/100 um)", delay="1 ms + distance/(0.3 m/s)")

    assert thalia.loads(thalia.dumps(circuit)) == circuit


def test_the_summary_knows_the_mean_of_a_probability():
    """Over all pairs on a ring of 1 mm, exp(-d/0.1 mm) is on average 0.2 (1 - exp(-5))."""
    ring = "{extent: 1 mm, periodic: true}"
    plan = thalia.plan_of(
        circuit_with(space=ring, connect='{probability: "exp(-distance/0.1 mm)"}')
    )
    connect = plan.synapses[0].members[0].connect

    assert connect.probability[0][0].mean == pytest.approx(0.2 * (1 - np.exp(-5)), rel=0.02)


def test_gains_and_scales_multiply_a_formula():
    weight = circuit_with(weight="2 pA*exp(-distance/100 um)")
    gained = weight.with_(gains={"b": constant(3)})
    (synapses,) = wire(thalia.plan_of(gained)).synapses.values()
    (before,) = wire(thalia.plan_of(weight)).synapses.values()

    assert synapses.variables["w"] == pytest.approx(3 * before.variables["w"])


def test_what_only_the_wiring_sees_is_refused_there():
    """At one of 60,000 distances it divides by almost nothing."""
    at = wired()[1:]
    distance = float(np.linalg.norm(at[1] - at[0], axis=1)[1234])
    circuit = circuit_with(weight=f"1 pA/(int(abs(distance - {distance!r} m) > 1e-6 nm))")
    plan = thalia.plan_of(circuit)

    with pytest.raises(
        CircuitError, match="weight of p: expected a finite number, found inf pA at a distance of"
    ):
        wire(plan)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 ms + distance", "different dimensions"),
        ("distance*t", "'t' is not defined here"),
        ("1 ms*rand()*distance/1 mm", "'rand' is not defined here"),
        ("distance/0.3 furlong", "'furlong' is not a unit"),
        ("__import__('os')*distance", "not a known function"),
        ("distance" + "+distance" * 60, "characters"),
    ],
)
def test_what_is_no_formula_is_refused(text, told):
    with pytest.raises(ValueSyntaxError, match=told):
        parse_formula(text)

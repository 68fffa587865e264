"""Where neurons are, and what depends on it: distances, also around a ring, and formulas of them.

Before the wiring, what a formula can give is estimated on pairs of places that two populations can
have; `connectivity` computes it for every pair that is connected.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.connectivity import Connect
from thalia.circuit.spec import Circuit, Pathway, Space
from thalia.compiler.synaptic_input import local_values
from thalia.errors import Diagnostics, Path, did_you_mean
from thalia.syntax.equations import identifiers
from thalia.syntax.formulas import AXES, PLACES
from thalia.syntax.sampling import sampled
from thalia.syntax.units import METRE, Value, constant

type Floats = NDArray[np.float64]
type Places = Mapping[str, Floats]

PAIRS = 20_000  # of places at which a formula is tried
NEVER = 1e-9  # a probability with which no pair is connected


def extents(space: Space) -> Floats:
    """The sides of a space in metres, (n_dimensions,)."""
    return np.array([side.mean for side in space.extent])


def places(pre: Floats, post: Floats, space: Space) -> dict[str, Floats]:
    """What a formula may read, for pairs of positions in metres, whose last axis is that of space.

    Displacements go from the presynaptic neuron to the postsynaptic one, and in a periodic space
    the shorter way round.
    """
    displacement = post - pre
    if space.periodic:
        sides = extents(space)
        displacement -= sides * np.round(displacement / sides)
    found = {"distance": np.sqrt((displacement**2).sum(axis=-1))}
    for index, axis in enumerate(AXES[: displacement.shape[-1]]):
        found[f"d{axis}"] = displacement[..., index]
        for side, positions in (("pre", pre), ("post", post)):
            along = positions[..., index]
            found[f"{axis}_{side}"] = np.broadcast_to(along, found["distance"].shape)
    return found


def numbers_at(formula: Value, at: Places) -> Floats:
    """The numbers of a formula in SI, for each pair of neurons."""
    found = np.empty(at["distance"].shape)
    found[...] = sampled(formula.expression, at, {})
    return found


def chance(connect: Connect, at: Places) -> Floats:
    """The probability with which each pair of neurons is connected, where that depends on them."""
    distance = at["distance"]
    probability = connect.probability[0][0] if connect.probability else None
    if probability is None or connect.rule not in ("distance", "pairwise_bernoulli"):
        return np.ones(distance.shape)
    if probability.is_formula:
        peak = numbers_at(probability, at)
    else:
        peak = np.full(distance.shape, probability.mean)
    if connect.rule != "distance":
        return peak
    assert connect.width, "the circuit's schema asks for it"
    width = connect.width.mean
    match connect.profile:
        case "gaussian":
            peak *= np.exp(-(distance**2) / (2 * width**2))
        case "exponential":
            peak *= np.exp(-distance / width)
        case "disc":
            peak *= distance <= width
    return peak


def with_extremes(circuit: Circuit, diagnostics: Diagnostics) -> Circuit:
    """The circuit, written out, with the least, the mean and the greatest number of each formula.

    Populations that cannot be compared, and numbers that cannot be, are noted.
    """
    pathways = {
        name: _with_extremes(circuit, ("pathways", name), pathway, diagnostics)
        for name, pathway in circuit.pathways.items()
    }
    return circuit.with_(pathways=pathways)


def _with_extremes(
    circuit: Circuit, path: Path, pathway: Pathway, diagnostics: Diagnostics
) -> Pathway:
    given = local_values(pathway)
    ends = [circuit.populations.get(end[0]) for end in (pathway.pre, pathway.post)]
    if pathway.connect.rule != "distance" and not given:
        return pathway
    if None in ends:  # which a later pass tells
        unknown = {key: replace(each, arguments=(0.0, 0.0, 0.0)) for key, each in given.items()}
        return _with_values(pathway, unknown)
    spaces = [end.space for end in ends if end]
    what = "connect" if pathway.connect.needs_positions else next(iter(given))[0]
    space = _common(spaces[0], spaces[1], (*path, what), diagnostics)
    at = _tried(pathway, [each for each in spaces if each]) if space else {"distance": np.zeros(1)}
    found: dict[tuple[str, ...], Value] = {}
    for key, value in given.items():
        found[key] = replace(value, arguments=(0.0, 0.0, 0.0))
        if space and _is_known(value, space, (*path, *key), diagnostics):
            found[key] = _ranged(value, pathway, at, (*path, *key), diagnostics)
    return _with_values(pathway, found)


def _common(
    pre: Space | None, post: Space | None, path: Path, diagnostics: Diagnostics
) -> Space | None:
    """The space in which both populations are; None, with the problem noted, if there is none."""
    if pre is None or post is None or len(pre.extent) != len(post.extent):
        message = (
            "depends on distance, but its populations are not both in a space of the same "
            "dimensions"
        )
        diagnostics.error(path, message, "give each `space: {extent: [1 mm, 1 mm]}`")
        return None
    if (pre.periodic or post.periodic) and (pre.periodic, pre.extent) != (
        post.periodic,
        post.extent,
    ):
        message = "depends on distance around a periodic space, which its populations do not share"
        diagnostics.error(path, message, "give both the same `extent` and `periodic: true`")
        return None
    return post


def _tried(pathway: Pathway, spaces: list[Space]) -> dict[str, Floats]:
    """Pairs of places that two populations can have, with those that are farthest apart."""
    shares = _shares(len(spaces[0].extent))
    pre, post = (_some_places(*each) for each in zip(spaces, shares, strict=True))
    if any(space.given is not None for space in spaces):
        return places(pre, post, spaces[1])  # they are known: these are some of them
    sides = [extents(space) for space in spaces]
    corners = np.array(np.meshgrid(*[(0.0, 1.0)] * len(sides[0]))).reshape(len(sides[0]), -1).T
    pre = np.concatenate([pre, corners * sides[0], corners * sides[0] / 2])
    post = np.concatenate([post, corners[::-1] * sides[1], corners * sides[1]])
    own = pathway.pre == pathway.post and pathway.connect.autapses
    if own or all(space.layout == "grid" for space in spaces):
        pre, post = (np.concatenate([each, corners * np.minimum(*sides)]) for each in (pre, post))
    return places(pre, post, spaces[1])


def _some_places(space: Space, shares: Floats) -> Floats:
    """Some of the positions that data give, or that neurons can have."""
    if space.given is not None:
        known: Floats = space.given.numbers
        chosen: Floats = known[(shares[:, 0] * len(known)).astype(int)]
        return chosen
    return shares * extents(space)


@cache
def _shares(dimensions: int) -> tuple[Floats, Floats]:
    """How far along each side of a space some pairs of places are, from 0 to below 1."""
    generator = np.random.Generator(np.random.Philox(key=[0, 0]))
    first, second = (generator.uniform(0, 1, (PAIRS, dimensions)) for _ in range(2))
    return first, second


def _is_known(value: Value, space: Space, path: Path, diagnostics: Diagnostics) -> bool:
    """Whether a formula mentions only axes that there are."""
    gone = {name for name in PLACES for axis in AXES[len(space.extent) :] if axis in name[:2]}
    gone = {name for name in gone if name != "distance"}
    for name in sorted(identifiers(value.expression) & gone):
        size = f"{len(space.extent)} dimension{'s' if len(space.extent) > 1 else ''}"
        known = [each for each in PLACES if each not in gone]
        message = f"'{name}' is not defined in a space of {size}"
        diagnostics.error(path, message, did_you_mean(name, known))
        return False
    return True


def _ranged(
    value: Value, pathway: Pathway, at: Places, path: Path, diagnostics: Diagnostics
) -> Value:
    """A formula with its least, mean and greatest number among pairs that can be connected."""
    numbers, distance = numbers_at(value, at), at["distance"]
    is_chance = path[-1] == "probability"
    weights = np.ones(len(distance)) if is_chance else chance(pathway.connect, at)
    reached = np.nan_to_num(weights) > NEVER
    if not reached.any():
        return replace(value, arguments=(0.0, 0.0, 0.0))
    wrong = reached & ~np.isfinite(numbers)
    if wrong.any():
        where = constant(float(distance[wrong][0]), METRE)
        message = f"'{value}' is not a finite number at a distance of {where:.4g}"
        diagnostics.error(path, message, "keep divisors away from 0")
        return replace(value, arguments=(0.0, 0.0, 0.0))
    numbers, weights = numbers[reached], weights[reached]
    least, greatest = float(numbers.min()), float(numbers.max())
    if is_chance and not -1e-12 <= least <= greatest <= 1 + 1e-12:
        found = greatest if least >= 0 else least
        message = f"expected a probability between 0 and 1, and '{value}' reaches {found:.4g}"
        diagnostics.error(path, message, "clip(…, 0, 1) keeps it there")
    # of uniform places; the corners, which are few, are only for the extremes
    mean = float(np.average(numbers[:PAIRS], weights=weights[:PAIRS]))
    return replace(value, arguments=(least, min(max(mean, least), greatest), greatest))


def _with_values(pathway: Pathway, values: Mapping[tuple[str, ...], Value]) -> Pathway:
    """The pathway with other values at some keys."""
    weight: dict[str, Any] = {}
    delay, connect = pathway.delay, pathway.connect
    for key, value in values.items():
        match key:
            case ("weight",):
                weight["weight"] = ((value,),)
            case ("delay", side):
                delay = delay.with_(**{str(side): ((value,),)})
            case _:
                connect = connect.with_(probability=((value,),))
    return pathway.with_(**weight, delay=delay, connect=connect)

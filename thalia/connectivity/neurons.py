"""What each neuron has: its position, the numbers of its parameters, what it reads over time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.spec import Space
from thalia.compiler.drives import Frames
from thalia.compiler.plan import Group, Member
from thalia.connectivity.laws import draw, fractions
from thalia.connectivity.streams import Stream, stream
from thalia.errors import MistakeInText, fail
from thalia.syntax.formulas import AXES
from thalia.syntax.sampling import sampled
from thalia.syntax.selection import IDENTIFIER, read_selection
from thalia.syntax.units import Value

type Floats = NDArray[np.float64]


def positions(name: str, size: int, space: Space | None, seed: int) -> Floats:
    """Positions of the neurons of a population: (size, dimensions) in metres."""
    assert space is not None, "resolve lets only populations with a space connect by distance"
    if space.given is not None:
        return np.asarray(space.given.numbers)
    extent = np.array([side.mean for side in space.extent])
    if space.layout == "random":
        drawn = fractions(Stream.of(seed, name, "positions").words(0, size * len(extent)))
        return np.asarray(drawn.reshape(size, len(extent)) * extent)
    per_side = int(np.ceil(size ** (1 / len(extent))))
    corners = np.stack(np.meshgrid(*[np.arange(per_side)] * len(extent), indexing="ij"), axis=-1)
    return np.asarray((corners.reshape(-1, len(extent))[:size] + 0.5) / per_side * extent)


def columns_of(member: Member, seed: int) -> dict[str, NDArray[Any]]:
    """What neurons are chosen by, besides their number: (n_neurons,) each, in SI, or words."""
    found: dict[str, NDArray[Any]] = dict(member.columns)
    if member.identifiers is not None:
        found[IDENTIFIER] = member.identifiers
    if member.space is not None:
        places = positions(member.name, member.size, member.space, seed)
        found |= dict(zip(AXES, places.T, strict=False))
    return found


def of_neurons(value: Value, member: Member, seed: int, *names: str) -> Floats:
    """The numbers of a value for the neurons of a population, in SI.

    Raises
    ------
    CircuitError
        If it is for chosen neurons, and none are.
    """
    if value.is_formula:
        return np.broadcast_to(sampled(value.expression, columns_of(member, seed), {}), member.size)
    if value.kind != "chosen":
        return draw(value, member.size, stream(seed, *names))
    made = np.zeros(member.size)
    try:
        selection = read_selection(value.expression)
        made[selection.neurons(member.size, columns_of(member, seed))] = 1
    except MistakeInText as error:
        raise fail(f"{names[0]}: {error}", error.hint) from None
    return made


def frames_arrays(frames: Frames, group: Group, seed: int) -> dict[str, Floats]:
    """Numbers over time, and which of their columns each neuron reads.

    Raises
    ------
    CircuitError
        If there are neither one, nor as many as neurons.
    """
    member = next(m for m in group.members if m.name == frames.population)
    numbers, chosen = frames.numbers, np.arange(member.size)
    if frames.chosen:
        selection = read_selection(frames.chosen.expression)
        chosen = selection.neurons(member.size, columns_of(member, seed))
    traces = numbers.shape[1]
    if traces not in (1, len(chosen), member.size):
        raise fail(
            f"{frames.population}: expected one trace, or {len(chosen):,} for the chosen neurons, "
            f"found {traces:,}",
            "rows are times and columns neurons",
        )
    column = np.zeros(group.size)
    if traces == member.size:
        column[member.start : member.stop] = np.arange(traces)
    elif traces > 1:
        column[member.start + chosen] = np.arange(traces)
    held = np.zeros(frames.places)
    held[: numbers.size] = numbers.ravel()
    single = {name: np.array([value]) for name, value in frames.parameters.items()}
    return {frames.name: held, frames.column: column, **single}

"""The neurons that a selection chooses, where their positions and other columns are known."""

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import Member, Plan
from thalia.connectivity.neurons import columns_of
from thalia.errors import MistakeInText, Path, fail
from thalia.syntax.selection import Selection


def chosen(selection: Selection, member: Member, seed: int, path: Path) -> NDArray[np.int64]:
    """Numbers of neurons within a population, (n_chosen,).

    Raises
    ------
    CircuitError
        If there are none; `path` is where the selection is written.
    """
    try:
        return selection.neurons(member.size, columns_of(member, seed))
    except MistakeInText as error:
        raise fail(str(error), error.hint, path) from None


def recorded_neurons(plan: Plan, name: str) -> NDArray[np.int64]:
    """The neurons whose state variables a circuit records under a name, within their population.

    Raises
    ------
    CircuitError
        If there are none.
    """
    traces = plan.record.traces[name]
    _, member = plan.population(traces.population)
    return chosen(traces.neurons, member, plan.seed, ("record", "traces", name, "neurons"))

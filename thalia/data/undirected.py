"""Pairs without sides from data: gap junctions, which tables list once or in both directions."""

from collections.abc import Callable

import numpy as np

from thalia.data.edges import Edges
from thalia.errors import counted, fail


def without_sides(edges: Edges, name: Callable[[int], object]) -> Edges:
    """The pairs of neurons of one population, each once; `name` tells what a neuron is called.

    Raises
    ------
    CircuitError
        If a pair is listed in both directions, and another one is not, or with another weight.
    """
    first, second = np.minimum(edges.pre, edges.post), np.maximum(edges.pre, edges.post)
    order = np.lexsort((edges.pre > edges.post, second, first))
    order = order[first[order] < second[order]]
    first, second, forward = first[order], second[order], edges.pre[order] < edges.post[order]
    notes = edges.notes
    if loops := len(edges) - len(order):
        what = counted(loops, "junction")
        notes = (*notes, f"{what} of a neuron with itself left out, which carry no current")
    again = np.flatnonzero(
        (first[1:] == first[:-1]) & (second[1:] == second[:-1]) & (forward[1:] != forward[:-1])
    )
    rows = order
    if len(again):
        _check_both(edges, order, forward, again, name)
        rows, notes = order[forward], (*notes, "listed in both directions, of which one is taken")
    sources, targets = (
        np.minimum(edges.pre[rows], edges.post[rows]),
        np.maximum(edges.pre[rows], edges.post[rows]),
    )
    numbers = {key: given.part(rows) for key, given in edges.numbers.items()}
    return Edges(sources, targets, numbers, notes)


def _check_both(
    edges: Edges,
    order: "np.ndarray[tuple[int], np.dtype[np.intp]]",
    forward: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    again: "np.ndarray[tuple[int], np.dtype[np.intp]]",
    name: Callable[[int], object],
) -> None:
    """Refuse pairs in both directions that are not all alike."""
    there, back = order[again], order[again + 1]
    for key, given in edges.numbers.items():
        differ = np.flatnonzero(given.numbers[there] != given.numbers[back])
        if len(differ):
            row = there[differ[0]]
            pair = f"{name(int(edges.pre[row]))} and {name(int(edges.post[row]))}"
            raise fail(
                f"{counted(len(differ), 'pair')} of neurons are listed in both directions with "
                f"another {key}, the first of them {pair}",
                "a junction acts in both directions: list each pair once",
            )
    if 2 * len(again) != len(order):
        once = np.ones(len(order), bool)
        once[again], once[again + 1] = False, False
        row = order[np.flatnonzero(once)[0]]
        pair = f"{name(int(edges.pre[row]))} and {name(int(edges.post[row]))}"
        raise fail(
            f"some pairs of neurons are listed in both directions, and {pair} in one",
            "list each pair once, or all of them in both directions",
        )

"""Current weights and traces of synapses, from a network that updates them only when it must."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import IN_SYNAPSES, SHARED, SynapseGroup
from thalia.syntax.equations import evaluate, identifiers

Floats = NDArray[np.float64]
Read = Callable[[str], Floats]


def weights(synapses: SynapseGroup, read: Read) -> Floats:
    """The weight of every synapse of an object, in SI.

    `read` gives a variable by its name, as in `shared.tau`.
    """
    held = read(f"{synapses.name}.w")
    if not synapses.pending:
        return held
    names = identifiers(synapses.pending) | {"w_min", "w_max"}
    values = {name: _variable(name, synapses, read) for name in names} | {"w": held}
    sum_of_all = evaluate(
        f"w + {synapses.pending}", values
    )  # in the order of the synapses' own statement, so bit-identical
    current: Floats = np.clip(sum_of_all, values["w_min"], values["w_max"])
    return current


def trace(name: str, synapses: SynapseGroup, read: Read) -> Floats:
    """A variable of every synapse of an object, in SI."""
    held = read(f"{synapses.name}.{name}")
    return (
        held * _variable(synapses.decay[name], synapses, read) if name in synapses.decay else held
    )


def _variable(name: str, synapses: SynapseGroup, read: Read) -> Floats:
    if name.startswith(IN_SYNAPSES):
        return read(f"{SHARED}.{name.removeprefix(IN_SYNAPSES)}")
    if name.endswith("_post"):
        return read(f"{synapses.post}.{name.removesuffix('_post')}")[
            read(f"{synapses.name}._synaptic_post").astype(np.int64)
        ]
    return read(f"{synapses.name}.{name}")

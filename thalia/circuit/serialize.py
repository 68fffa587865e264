"""A circuit as plain data: what `dumps` writes."""

from collections.abc import Callable
from functools import partial
from typing import Any

from thalia.circuit.data_use import MOST_INLINE, Array
from thalia.circuit.experiment_spec import Experiment
from thalia.circuit.part_use import Modulator, RuleUse, Stimulus, SynapseUse
from thalia.circuit.spec import Pathway
from thalia.errors import fail
from thalia.library.schema import Compartment, Synapse
from thalia.syntax.column_formulas import ColumnFormula
from thalia.syntax.drive_weights import DriveTarget
from thalia.syntax.equations import Equation, Statement, equation_text
from thalia.syntax.fields import Node
from thalia.syntax.selection import Selection
from thalia.syntax.units import DIMENSIONLESS, Value, si_unit


def as_data(node: Any, keep_arrays: bool = False) -> Any:
    """An element as plain data that loads to an equal one, with quantities as text.

    With `keep_arrays`, arrays that were given in Python stay what they are.

    Raises
    ------
    CircuitError
        If an array is too long to be written as text.
    """
    inner = partial(as_data, keep_arrays=keep_arrays)
    if isinstance(node, Value):
        if node.is_random or node.dimension != DIMENSIONLESS:
            return str(node)
        number = node.mean
        return int(number) if number == int(number) else number
    if isinstance(node, Node):
        return _node_data(node, inner)
    if isinstance(node, tuple) and node and isinstance(node[0], Equation | Statement):
        return "".join(f"{equation_text(n) if isinstance(n, Equation) else n}\n" for n in node)
    if isinstance(node, dict):
        return {key: inner(value) for key, value in node.items()}
    if isinstance(node, DriveTarget | ColumnFormula):
        return str(node)
    if hasattr(node, "as_data"):
        return node if keep_arrays else node.as_data()
    if isinstance(node, Selection):
        return inner(node.written)
    if isinstance(node, Array):
        return node if keep_arrays else _array_data(node)
    rows = isinstance(node, tuple) and node and all(isinstance(row, tuple) for row in node)
    if rows and isinstance(node[0][0], Value | DriveTarget | ColumnFormula):
        single = len(node) == 1 and len(node[0]) == 1
        return inner(node[0][0]) if single else [[inner(entry) for entry in row] for row in node]
    if isinstance(node, list | tuple):
        return [inner(value) for value in node]
    return node


def _node_data(node: Node, inner: Callable[[Any], Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if isinstance(node, Stimulus) and node.neurons:
        target = {"population": node.target[0], "neurons": inner(node.neurons)}
        return {**_node_data(node.with_(neurons=None), inner), "target": target}
    for name, field in type(node).model_fields.items():
        value = getattr(node, name)
        is_default = value == field.get_default(call_default_factory=True)
        if value is None or (is_default and name not in _always_written(node)):
            continue
        if name == "parameters" and isinstance(
            node, RuleUse | SynapseUse | Stimulus | Modulator | Experiment
        ):
            data |= {key: inner(entry) for key, entry in value.items()}
        elif isinstance(node, Stimulus) and name == "unit":
            data[name] = value.text
        elif (type(node), name) in ((Synapse, "weight"), (Compartment, "unit")):
            data[name] = si_unit(value)
        elif name == "synapse" and isinstance(node, Pathway) and len(value) == 1:
            data[name] = inner(value[0])
        else:
            data[name] = inner(value)
    return data


def _array_data(array: Array) -> list[Any]:
    """A short array as a list; a long one belongs into a file."""
    if len(array.numbers) > MOST_INLINE or array.dimension != DIMENSIONLESS:
        raise fail(
            f"an {array!r} is not written into the text of a circuit",
            "save the arrays with `numpy.savez`, and use `Connect(file=...)`",
        )
    numbers: list[Any] = array.numbers.tolist()
    return numbers


def _always_written(node: Node) -> tuple[str, ...]:
    """The fields that are written even if they have their default."""
    if isinstance(node, Pathway) and (node.w_min or node.w_max):
        return ("plasticity",)  # bounds without any would be a mistake
    return ("thalia",)

"""Variables of plastic synapses side by side: one record for each synapse.

A presynaptic spike finds its synapses next to each other in memory, a postsynaptic one wherever
they are, and then what takes time is to fetch the lines of memory that they are in: one for each
synapse with a record, and as many as there are variables with an array for each. An object whose
synapses are integrated in every step keeps its arrays, which that loop goes through.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2.core.variables import DynamicArrayVariable
from brian2.devices.device import get_device

MOST = 8  # variables in a record, which then is as long as a line of memory
NUMBERS = {"float64": "double", "float32": "float"}


@dataclass(frozen=True)
class Column:
    """Where a variable is: among how many, at which place of the records of which object."""

    object: str
    kind: str
    place: int
    width: int


def column_of(variable: Any) -> Column | None:
    """Where in records a variable is; None if it has an array of its own."""
    if not isinstance(variable, DynamicArrayVariable):
        return None
    name = variable.owner.name
    owner = next((each for each in get_device().synapses if each.name == name), None)
    together = [] if owner is None else _together(owner)
    if not 2 <= len(together) <= MOST or variable not in together:
        return None
    kind = NUMBERS[np.dtype(variable.dtype).name]
    return Column(name, kind, together.index(variable), len(together))


def _together(synapses: Any) -> list[Any]:
    """The variables that a postsynaptic spike finds at its synapses, all of one type."""
    post = next((path for path in synapses._pathways if path.prepost == "post"), None)
    objects = list(get_device().code_objects.values())
    found = [
        variable
        for made in objects
        if post is not None and made.name.startswith(f"{post.name}_codeobject")
        for name, variable in made.variables.items()
        if _is_own(variable, synapses) and made.variable_indices[name] == "_idx"
    ]
    found = sorted(set(found), key=lambda variable: variable.name)
    users = [made for made in objects if set(found) & set(made.variables.values())]
    at_events = all(
        made.template_name == "synapses" or f"{synapses.name}_at_flush" in made.name
        for made in users
    )
    is_one_type = len({np.dtype(variable.dtype) for variable in found}) == 1
    return found if at_events and is_one_type else []


def _is_own(variable: Any, synapses: Any) -> bool:
    return (
        isinstance(variable, DynamicArrayVariable)
        and variable.owner.name == synapses.name
        and np.dtype(variable.dtype).name in NUMBERS
    )


def columns() -> dict[Any, Column]:
    """Where the variables of the network that are in records are."""
    found = {variable: column_of(variable) for variable in get_device().arrays}
    return {variable: column for variable, column in found.items() if column}


def in_records(code: str, found: Mapping[Any, Column]) -> str:
    """The code of objects, with each variable where it is in its record, as `columns` found."""
    for variable, column in found.items():
        pointer = f"_ptr{get_device().get_array_name(variable)}"
        if column.place not in (0, column.width - 1):
            code = re.sub(rf"__builtin_prefetch\(&{pointer}\[\w+\]\);", "", code)
        code = re.sub(rf"\b{pointer}\[(\w+)\]", rf"{pointer}[\1 * {column.width}]", code)
    return code

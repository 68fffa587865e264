"""Which objects see neurons that may be asleep: what templates and threads must know."""

from typing import Any

from thalia.compiler.sleep import Sleep

SIDES = {"_presynaptic_idx": "source", "_postsynaptic_idx": "target"}


def sleep_of(owner: Any) -> Sleep | None:
    """How the neurons of a group may be asleep, if they may."""
    found: Sleep | None = getattr(owner, "sleep", None)
    return found


def touched(variables: dict[str, Any], indices: dict[str, str]) -> list[tuple[str, str]]:
    """Of a code object of synapses: the groups of which it sees neurons that may be asleep.

    With the names of the indices by which it finds them.
    """
    found = {
        (variable.owner.name, indices[name])
        for name, variable in variables.items()
        if indices.get(name) in SIDES
        if (sleep := sleep_of(variable.owner)) and variable.name in sleep.variables
    }
    return sorted(found)


def brought(made: Any, synapses: Any) -> list[tuple[Any, str]]:
    """What a code object may bring to the present: variables of neurons, and by which index.

    `synapses` are those of an object of synapses.
    """
    if made.template_name == "threshold":
        groups = [(made.owner, "_idx")]
    elif made.template_name == "synapses":
        sides = touched(made.variables, made.variable_indices)
        groups = [(getattr(synapses, SIDES[index]), index) for _, index in sides]
    else:
        return []
    return [
        (group.variables[name], index)
        for group, index in groups
        if (sleep := sleep_of(group))
        for name in sleep.variables
    ]

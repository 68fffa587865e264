"""How the objects of a network are divided among threads: what the program knows of each.

A thread has slices of neurons, and the synapses whose targets are in them. Where two objects touch
an array in another way, the program lets all threads finish the first before any begins the second.
Whatever the number of threads, an element gets the same contributions in the same order.
"""

import re
from typing import Any

from brian2.devices.device import get_device

from thalia.backends.cpp.sleeping import brought

_ACCESS = re.compile(r"_ptr(\w+)\[(\w+)\](\s*(?:=(?!=)|[-+*/]=))?")
_PREFETCH = re.compile(r"__builtin_prefetch\(.*?\);")
_ADDED = re.compile(r"_run_(\w+)\);")

type Divisions = dict[str, str]  # of the elements that an index stands for


def with_objects(lines: list[str]) -> list[str]:
    """The lines that fill a network, with its objects instead of their functions."""
    return [_ADDED.sub(r"object_\1);", line) for line in lines]


def object_of(made: Any) -> str:
    """The initialiser of an `Object` of `model.h`, from the code of an object."""
    how, accesses, more = _division(made)
    listed = ", ".join(
        f'{{"{array}", "{division}", {str(is_written).lower()}}}'
        for (array, division), is_written in sorted(accesses.items())
    )
    name = re.sub(r"_codeobject(_\d+)?$", "", made.name)
    return f'{{"{name}", _run_{made.name}, Run::{how}, {{{listed}}}{more}}}'


def _division(made: Any) -> tuple[str, dict[tuple[str, str], bool], str]:
    kind, owner = made.template_name, made.owner
    if kind == "spikegenerator":
        return "by_one", {(f"spikes of {owner.name}", ""): True}, ", true"
    if kind == "synapses_push_spikes":
        touched = {
            (f"queue of {owner.name}", ""): True,
            (f"spikes of {owner.source.name}", ""): False,
        }
        return "by_one", touched, ""
    accesses = _accesses(made)
    stored = {index for (_, index), is_written in accesses.items() if is_written}
    if kind in ("stateupdate", "threshold", "reset") and stored <= {"_idx"}:
        is_of_neurons = owner.__class__.__name__ == "NeuronGroup"  # of what a proxy stands for
        own = owner.name if is_of_neurons else f"{owner.name} in pieces"
        touched = _divided(accesses, {"_idx": own})
        if kind == "threshold":
            touched[f"spikes of {owner.name}", own] = True
            return "by_each", touched, f", false, &brian::slices_{owner.name}"
        return "by_each", touched, ""
    if kind == "summed_variable" and stored <= {"_target"}:
        return "by_each", _divided(accesses, {"_target": _owner_of_sum(accesses)}), ""
    if kind == "synapses" and stored <= {"_idx", "_postsynaptic_idx"}:
        path = _pathway(made)
        queue = {(f"queue of {path.name}", ""): False}
        if "_postsynaptic_idx" not in stored:
            return "by_each", queue | _divided(accesses, {"_idx": f"{path.name} in pieces"}), ""
        own = {
            "_idx": f"{path.synapses.name} by target",
            "_postsynaptic_idx": path.synapses.target.name,
        }
        return "by_each", queue | _divided(accesses, own), f", false, nullptr, &brian::{path.name}"
    return "after_all", {}, ""


def _accesses(made: Any) -> dict[tuple[str, str], bool]:
    """The arrays that the code of an object touches, by index, and whether it writes them."""
    found: dict[tuple[str, str], bool] = {}
    for array, index, store in _ACCESS.findall(_PREFETCH.sub("", made.code.cpp_file)):
        found[array, index] = found.get((array, index), False) or bool(store)
    synapses = _pathway(made).synapses if made.template_name == "synapses" else None
    for variable, index in brought(made, synapses):
        found[get_device().get_array_name(variable, access_data=False), index] = True
    return found


def _owner_of_sum(accesses: dict[tuple[str, str], bool]) -> str:
    """The group of which a code object sums a variable over synapses."""
    (name,) = (array for array, index in accesses if index == "_target")
    device = get_device()
    owners = (v.owner for v in device.arrays if device.get_array_name(v, access_data=False) == name)
    return str(next(owners).name)


def _divided(
    accesses: dict[tuple[str, str], bool], divisions: Divisions
) -> dict[tuple[str, str], bool]:
    touched: dict[tuple[str, str], bool] = {}
    for (array, index), is_written in accesses.items():
        key = array, divisions.get(index, "")
        touched[key] = touched.get(key, False) or is_written
    return touched


def _pathway(made: Any) -> Any:
    paths = (path for each in get_device().synapses for path in each._pathways)
    return next(path for path in paths if made.name.startswith(f"{path.name}_codeobject"))

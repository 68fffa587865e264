"""Circuits edited in Python: what changes is read as a file is, and the result is compiled."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalia.circuit.load import with_entry, with_values, without_entries
from thalia.circuit.spec import Circuit
from thalia.compiler.options import CompilerOptions
from thalia.compiler.pipeline import compile_circuit
from thalia.errors import fail
from thalia.syntax.fields import Node

ANY_DURATION = CompilerOptions(duration="1 s")  # where a circuit leaves it to those who run it


def replaced(circuit: Circuit, changes: Mapping[str, Any]) -> Circuit:
    """The circuit with other values, by dotted path; see `Circuit.replace`.

    Raises
    ------
    CircuitError
        With every mistake that it then has.
    """
    return _checked(with_values(circuit, changes, "replace"))


def extended(
    circuit: Circuit, kind: str, name: str, element: Node | None, keys: Mapping[str, Any]
) -> Circuit:
    """The circuit with one more entry under a key such as 'populations'.

    Raises
    ------
    CircuitError
        If there is one of this name, or with every mistake that the circuit then has.
    """
    word = {"populations": "population", "pathways": "pathway", "stimuli": "stimulus"}[kind]
    if name in getattr(circuit, kind):
        hint = f"`circuit.replace('{kind}.{name}.…', value)` changes it"
        raise fail(f"with_{word} {name}: there is a {word} '{name}' already", hint)
    if element is not None and keys:
        raise fail(f"with_{word} {name}: expected an element or its keys, found both")
    entry = dict(keys) if element is None else element
    return _checked(with_entry(circuit, (kind, name), entry, f"with_{word} {name}"))


def reduced(circuit: Circuit, paths: Sequence[str]) -> Circuit:
    """The circuit without the entries at some dotted paths.

    Raises
    ------
    CircuitError
        If one is not there, or something that is left needs it.
    """
    return _checked(without_entries(circuit, paths, "without"))


def _checked(circuit: Circuit) -> Circuit:
    """A circuit in which the compiler finds no mistake, or that has no populations yet."""
    if circuit.populations or circuit.regions:
        lasts = circuit.duration or circuit.phases
        compile_circuit(circuit, CompilerOptions() if lasts else ANY_DURATION)
    return circuit

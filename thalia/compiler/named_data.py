"""Pass 2a: Circuit → Circuit. What a circuit names of data is read, and what it names is told.

How files and arrays are read is in `read_data`, which is imported for circuits that name any.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from thalia.circuit.spec import Circuit
from thalia.compiler.options import CompilerOptions
from thalia.errors import Diagnostics
from thalia.syntax.column_formulas import ColumnFormula, read_formula
from thalia.syntax.equations import rename
from thalia.syntax.units import DIMENSIONLESS, si_unit


def read_data(circuit: Circuit, options: CompilerOptions, diagnostics: Diagnostics) -> Circuit:
    """The circuit with its data.

    Raises
    ------
    CircuitError
        With everything in the files that cannot be.
    """
    from_files = any(population.file for population in circuit.populations.values())
    if not from_files and all(each.connect.rule != "data" for each in circuit.pathways.values()):
        return circuit
    from thalia.compiler.read_data import with_data

    return with_data(circuit, diagnostics)


def data_notes(circuit: Circuit) -> tuple[str, ...]:
    """What was left out of files, or joined, in words."""
    read = (pathway.connect.edges for pathway in circuit.pathways.values())
    return tuple(dict.fromkeys(note for edges in read if edges for note in edges.notes))


def arrays_as_files(circuit: Circuit) -> tuple[Circuit, dict[str, str]]:
    """The circuit with files in place of arrays of Python, and the texts that stand for these.

    A column with a unit is multiplied by it where a formula reads it, as files hold bare numbers.
    """
    if not any(each.connect.arrays for each in circuit.pathways.values()):
        return circuit, {}
    import numpy as np

    from thalia.data.files import DataFile

    pathways, texts = dict(circuit.pathways), dict[str, str]()
    for name, pathway in circuit.pathways.items():
        connect, arrays = pathway.connect, pathway.connect.arrays
        if not arrays:
            continue
        content, file = BytesIO(), f"{name}.npz"
        columns: Any = {key: each.numbers for key, each in arrays.items()}
        np.savez_compressed(content, **columns)
        texts[file] = DataFile(file, content=content.getvalue()).reference()
        units = {
            key: f"({key} * {si_unit(each.dimension)})"
            for key, each in arrays.items()
            if each.dimension != DIMENSIONLESS
        }
        weight, delay = pathway.weight[0][0], pathway.delay
        sides = {
            side: ((_with_units(getattr(delay, side)[0][0], units),),)
            for side in ("axonal", "dendritic")
        }
        of_file = connect.with_(**dict.fromkeys(arrays), file=file)
        pathways[name] = pathway.with_(
            connect=of_file,
            weight=((_with_units(weight, units),),),
            delay=delay.with_(**sides),
        )
    return circuit.with_(pathways=pathways), texts


def _with_units(entry: Any, units: Mapping[str, str]) -> Any:
    if not isinstance(entry, ColumnFormula) or not units:
        return entry
    return read_formula(rename(entry.expression, dict(units)))


def data_references(circuit: Circuit) -> dict[str, str]:
    """The files of data that an expanded circuit names, each with the text that stands for it."""
    uses = [*circuit.populations.values(), *(each.connect for each in circuit.pathways.values())]
    names = {name: None for use in uses for name in (use.file, use.types) if name}
    for pathway in circuit.pathways.values():
        names |= dict.fromkeys(pathway.connect.matrices.values())
    if not names:
        return {}
    from thalia.data.files import data_file

    keep = circuit.record.data
    return {n: data_file(circuit.folder, n).reference(keep) for n in sorted(names)}

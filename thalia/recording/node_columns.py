"""What the neurons of a run are chosen by, in its file: identifiers, positions, columns."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import Member
from thalia.connectivity.neurons import columns_of
from thalia.data.hdf5 import texts
from thalia.syntax.formulas import AXES
from thalia.syntax.selection import IDENTIFIER, WORDS
from thalia.syntax.units import DIMENSIONLESS, METRE, Dimension

type Columns = dict[str, NDArray[Any]]
type Dimensions = dict[str, Dimension | None]


def write_nodes(h5: Any, member: Member, seed: int) -> None:
    """What the neurons of a population are called and chosen by, in their order."""
    dimensions = dict(member.dimensions) | dict.fromkeys(AXES if member.space else (), METRE)
    for name, column in columns_of(member, seed).items():
        place = "identifiers" if name == IDENTIFIER else f"columns/{name}"
        kind = column.dtype if column.dtype.kind in "iuf" else h5py.string_dtype()
        data = h5.create_dataset(f"nodes/{member.name}/{place}", data=column, dtype=kind)
        if dimension := dimensions.get(name):
            data.attrs["dimension"] = dimension


def read_nodes(h5: Any, population: str) -> tuple[Columns, Dimensions]:
    """The columns of a population by name, in SI, and their dimensions, None of words."""
    group = h5[f"nodes/{population}"]
    columns = {name: values(each) for name, each in group.get("columns", {}).items()}
    dimensions: Dimensions = {
        name: WORDS if column.dtype.kind == "O" else _dimension(group["columns"][name])
        for name, column in columns.items()
    }
    if "identifiers" in group:
        columns[IDENTIFIER] = values(group["identifiers"])
        dimensions[IDENTIFIER] = WORDS if columns[IDENTIFIER].dtype.kind == "O" else DIMENSIONLESS
    return columns, dimensions


def _dimension(data: Any) -> Dimension:
    length, mass, time, current, amount = map(float, data.attrs.get("dimension", DIMENSIONLESS))
    return length, mass, time, current, amount


def values(data: Any) -> NDArray[Any]:
    """Numbers, or objects that are texts, (n_neurons,).

    Raises
    ------
    CircuitError
        If texts are longer than the file, as in one that was made to fill the memory.
    """
    if data.dtype.kind == "O":
        return texts(data, f"{data.file.filename}: {data.name[1:]}")
    return np.asarray(data[:])

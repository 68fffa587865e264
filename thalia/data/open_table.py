"""A table of a user's file, by the ending of its name."""

from collections.abc import Callable

from thalia.data.array_tables import NpzTable
from thalia.data.arrow_tables import ArrowTable
from thalia.data.csv_tables import CsvTable
from thalia.data.files import DataFile
from thalia.data.sonata_tables import SonataTable
from thalia.data.tables import Table
from thalia.errors import fail

_READERS: dict[str, Callable[[DataFile], Table]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), CsvTable),
    **dict.fromkeys((".parquet", ".feather", ".arrow"), ArrowTable),
    ".npz": NpzTable,
}


def open_table(
    file: DataFile, what: str, population: str | None = None, types: DataFile | None = None
) -> Table:
    """The table in a file; `what` are 'nodes' or 'edges', which a SONATA file holds.

    Parameters
    ----------
    population : str or None
        One of several in a SONATA file.
    types : DataFile or None
        Its table of types.

    Raises
    ------
    CircuitError
        If it cannot be read, or its format is unknown.
    """
    if file.ending in (".h5", ".hdf5"):
        return SonataTable(file, what, population, types)
    for key, given in (("population", population), ("types", types)):
        if given:
            raise fail(f"{file.name}: '{key}' is of a SONATA file (.h5)", "remove it")
    if file.ending not in _READERS:
        raise fail(
            f"{file.name}: is of no known format",
            f"a table ends with {', '.join(_READERS)}, .h5 or .hdf5 (SONATA)",
        )
    return _READERS[file.ending](file)

"""Results as tables of pandas and data sets of xarray, which need not be installed otherwise.

Both keep units in `attrs`, where xarray's plots look for them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thalia.syntax.late_imports import optional

if TYPE_CHECKING:
    import pandas
    import xarray


def frame(columns: Mapping[Any, Any], **about: Any) -> "pandas.DataFrame":
    """A table with a column for each array; `about` becomes its `attrs`."""
    made = optional("pandas", "a table").DataFrame(dict(columns))
    made.attrs.update(about)
    return made


def series(values: Any, index: Any, name: str, **about: Any) -> "pandas.Series[Any]":
    """Numbers over time; `about` becomes its `attrs`."""
    pandas = optional("pandas", "a table")
    made = pandas.Series(values, pandas.Index(index, name="time"), name=name)
    made.attrs.update(about)
    return made


def dataset(
    variables: Mapping[str, tuple[Any, Any, str]],
    coordinates: Mapping[str, tuple[Any, Any, str]],
    **about: Any,
) -> "xarray.Dataset":
    """A data set; each variable and coordinate has its dimensions, its array and its unit."""
    library = optional("xarray", "a data set")

    def described(entries: Mapping[str, tuple[Any, Any, str]]) -> dict[str, Any]:
        return {
            name: (dims, values, {"units": unit} if unit else {})
            for name, (dims, values, unit) in entries.items()
        }

    made: xarray.Dataset = library.Dataset(described(variables), described(coordinates), about)
    return made

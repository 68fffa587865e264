"""How a circuit refers to data: tables of neurons or synapses in files, and arrays of Python."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
)

from thalia.errors import MistakeInText, Path, Problem
from thalia.syntax.column_formulas import ColumnFormula, read_formula
from thalia.syntax.fields import AnyParameter, Node, refuse, refuse_all
from thalia.syntax.selection import Selection, parse_selection
from thalia.syntax.units import (
    DIMENSIONLESS,
    Dimension,
    Quantities,
    ValueSyntaxError,
    dimension_in_brian,
    display_unit,
)

if TYPE_CHECKING:
    from thalia.data.nodes import Nodes

MOST_INLINE = 1000  # entries of an array that are written into a circuit's text


class Array:
    """An array of a circuit made in Python, in SI, with its dimension; it is never changed."""

    def __init__(self, numbers: Any, dimension: Dimension):
        import numpy as np  # a tenth of a second, and few circuits hold arrays

        self.numbers = np.array(numbers)
        self.numbers.setflags(write=False)
        self.dimension = dimension

    def __eq__(self, other: object) -> bool:
        import numpy as np

        return (
            isinstance(other, Array)
            and self.dimension == other.dimension
            and np.array_equal(self.numbers, other.numbers)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        unit = display_unit(self.dimension)[0]
        return f"<array of {len(self.numbers):,} numbers{f' in {unit}' if unit else ''}>"

    @property
    def unit(self) -> tuple[float, Dimension]:
        """Size and dimension of the unit in which the numbers are: that of SI."""
        return (1.0, self.dimension)


def _array(raw: Any) -> Any:
    if raw is None or isinstance(raw, Array):
        return raw
    import numpy as np

    dimension = DIMENSIONLESS
    try:
        if isinstance(raw, Quantities):
            raw, dimension = raw.numbers, raw.dimension
        elif (found := dimension_in_brian(raw)) is not None:
            dimension = found
        numbers = np.asarray(raw)
    except (ValueError, ValueSyntaxError) as error:
        raise refuse(f"expected an array of numbers: {error}") from None
    if numbers.ndim != 1 or numbers.dtype.kind not in "biuf":
        raise refuse(
            f"expected numbers in one dimension, found an array of {numbers.dtype} "
            f"and of shape {numbers.shape}"
        )
    return Array(numbers, dimension)


def _whole(array: Any) -> Any:
    if array is not None and (array.numbers.dtype.kind == "f" or array.dimension != DIMENSIONLESS):
        raise refuse(
            f"expected whole numbers, found {array.numbers.dtype}",
            "neurons are counted from 0: give an array of integers",
        )
    return array


_SCHEMA = WithJsonSchema({"type": "array", "items": {"type": "number"}})
ArrayField = Annotated[Array, BeforeValidator(_array), _SCHEMA]
IndexField = Annotated[Array, BeforeValidator(_array), AfterValidator(_whole), _SCHEMA]


def _condition(raw: Any) -> Any:
    """A condition on columns, as neurons are chosen by."""
    try:
        selection = parse_selection(raw)
        if not selection.condition:
            raise ValueSyntaxError(f"expected a condition on columns, found '{raw}'", _EXAMPLE)
    except MistakeInText as error:
        raise refuse(str(error), error.hint or _EXAMPLE) from None
    return selection


_EXAMPLE = 'as in `where: "neuropil in (MB, CX) and count >= 5"`'
Where = Annotated[Selection, BeforeValidator(_condition), WithJsonSchema({"type": "string"})]


def _position(raw: Any) -> Any:
    try:
        return raw if isinstance(raw, ColumnFormula) else read_formula(str(raw))
    except MistakeInText as error:
        raise refuse(str(error), error.hint or "as in `positions: [x * um, y * um]`") from None


PositionField = Annotated[
    ColumnFormula, BeforeValidator(_position), WithJsonSchema({"type": "string"})
]


class TableUse(Node):
    """A table in a file: which rows are taken, and what its columns are called there.

    `population` selects one of several in a SONATA file, and `types` is its table of types.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: Annotated[str, Field(min_length=1)] | None = None
    population: str | None = None
    types: str | None = None
    columns: dict[str, str] = {}
    where: Where | None = None

    def column(self, name: str) -> str:
        """What the file calls a column."""
        return self.columns.get(name, name)


class NodeUse(TableUse):
    """Neurons from a table: a population of its rows, or one `by` each value of a column.

    The column `id` holds their identifiers. `positions` are formulas of columns, one a dimension.
    """

    by: str | None = None
    parameters: dict[str, AnyParameter] = {}
    initial: dict[str, AnyParameter] = {}
    positions: tuple[PositionField, ...] = ()
    _nodes: Any = PrivateAttr(None)

    @property
    def nodes(self) -> "Nodes | None":
        """The neurons of the table, once it is read; else None."""
        found: Nodes | None = self._nodes
        return found

    @property
    def formulas(self) -> dict[tuple[str, str], ColumnFormula]:
        """What the columns give of each neuron, by the keys at which it stands."""
        given = {"parameters": self.parameters, "initial": self.initial}
        entries: dict[tuple[str, str], Any] = {
            (key, name): each for key, values in given.items() for name, each in values.items()
        }
        entries |= {("positions", str(axis)): each for axis, each in enumerate(self.positions)}
        return {where: each for where, each in entries.items() if isinstance(each, ColumnFormula)}

    def check_data(self) -> None:
        """Refuse what reads columns, or selects rows, where there is no table.

        Raises
        ------
        PydanticCustomError
            With what has no table.
        """
        if self.file:
            return
        for key in ("population", "types", "columns", "where", "by", "positions"):
            if getattr(self, key):
                raise refuse(f"'{key}' is of a table in a 'file', and there is none", "remove it")
        for where, formula in self.formulas.items():
            raise refuse_all([not_of_data(formula, where, "file: neurons.csv")])


def not_of_data(formula: ColumnFormula, path: Path, instead: str) -> Problem:
    """The problem of a formula where there are no data for it to read."""
    if formula.text in formula.columns:
        message = f"expected a number with a unit, such as '20 ms', found '{formula}'"
        return Problem(path, message)
    columns = ", ".join(sorted(formula.columns))
    message = f"'{formula}' reads columns of data ({columns}), and there are none"
    return Problem(path, message, f"write a value, or give the data: `{instead}`")

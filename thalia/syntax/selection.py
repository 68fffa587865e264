"""Some neurons of a population: the first ones, numbers, a slice, identifiers, or a condition.

| written | means |
| --- | --- |
| `10` | the first ten, or all if there are fewer |
| `all` | all of them |
| `[0, 3, 17]` | by number, counted from 0 |
| `"0:50"`, `"::10"`, `"-5:"` | a slice as in Python, within the population |
| `[AVAL, AVAR]`, `AVAL` | by identifier, in the column `id` |
| `"x < 100 um and i % 2 == 0"` | where a condition on columns holds |
| `"type in (PN, KC)"`, `"id == 720575940628857210"` | a column of words, or of identifiers |

The columns of a population are `i`, the number of a neuron; `x`, `y` and `z`, its position, where
the population has `space:`; and `id`, its identifier, if it came from a table. Conditions on rows
of a table (`where:`) read any of its columns.
"""

import ast
import json
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard

from thalia.errors import MistakeInText, counted, did_you_mean, shortened
from thalia.syntax.dimensions import dimension_of
from thalia.syntax.equations import tree
from thalia.syntax.expressions import DEEPEST, FUNCTIONS, LONGEST, RANDOM, depth
from thalia.syntax.sampling import sampled
from thalia.syntax.units import (
    DIMENSIONLESS,
    UNITS,
    Dimension,
    Value,
    ValueSyntaxError,
    a_quantity,
    parse_value,
    si_unit,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMBER, IDENTIFIER = "i", "id"
WORDS = None  # instead of a dimension, of a column that holds words
LARGEST_INTEGER = 2**63

_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+)?)?\s*")
_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_QUANTITY = re.compile(r"(?<![\w.])(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+) *([A-Za-zµμ]+\b)")
_JOINS = ("and", "or", "not", "in")
_COMPARE: dict[type[ast.cmpop], Any] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FORMS = "write 10, [0, 3], '0:50', 'x < 100 um' or all"


class SelectionError(MistakeInText):
    """Neurons that cannot be chosen so; the message says why."""


@dataclass(frozen=True, repr=False)
class Selection:
    """Which neurons of a population, as written; see the table of this module."""

    written: int | str | tuple[int, ...] | tuple[str, ...]

    def __str__(self) -> str:
        words = self.written
        return f"[{', '.join(map(str, words))}]" if isinstance(words, tuple) else str(words)

    def __repr__(self) -> str:
        return f"Selection({self.written!r})"

    @property
    def condition(self) -> str:
        """The condition on columns, as an expression; empty if it is none."""
        if self._are_identifiers or not isinstance(self.written, str):
            return ""
        return "" if self.written == "all" or _SLICE.fullmatch(self.written) else self.written

    @property
    def _are_identifiers(self) -> bool:
        return isinstance(self.written, tuple) and isinstance(self.written[0], str)

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns that it needs, `i` excepted; words that it compares them with too.

        A population need not have them all: `check` says which are missing.
        """
        if self._are_identifiers:
            return frozenset({IDENTIFIER})
        names = (node.id for node in ast.walk(_parsed(self)) if isinstance(node, ast.Name))
        return frozenset(names) - {NUMBER}

    def check(self, size: int, columns: Mapping[str, Dimension | None]) -> None:
        """Check it against a population, as far as that is possible without the values of columns.

        Parameters
        ----------
        columns : mapping from name to dimension, or to None where a column holds words
            Those of the population, `i` excepted.

        Raises
        ------
        MistakeInText
            If it has too few neurons, or no such column, or a column of another dimension.
        """
        if self._are_identifiers:
            if IDENTIFIER not in columns:
                raise SelectionError(
                    f"'{self}' are identifiers, which neurons have that come from a table",
                    f"otherwise they have numbers from 0 to {size - 1:,}",
                )
        elif self.condition:
            known = {NUMBER: DIMENSIONLESS, **columns}
            for comparison in _comparisons(_parsed(self)):
                try:
                    _check_comparison(*comparison, known)
                except MistakeInText as error:
                    raise SelectionError(f"'{self}': {error}", error.hint) from None
                except ArithmeticError:
                    raise SelectionError(f"'{self}' cannot be computed") from None
        else:
            self._numbered(size)

    def neurons(self, size: int, columns: Mapping[str, "NDArray[Any]"]) -> "NDArray[np.int64]":
        """The numbers of the chosen neurons, (n_chosen,), increasing unless listed otherwise.

        Parameters
        ----------
        columns : mapping from name to (size,) numbers in SI, or words
            At least those of `self.columns` that the population has.

        Raises
        ------
        MistakeInText
            If there is no such neuron.
        """
        import numpy as np

        if self._are_identifiers:
            return self._identified(columns[IDENTIFIER])
        if not self.condition:
            return np.array(self._numbered(size), dtype=np.int64)
        chosen = np.flatnonzero(self.holds(size, {NUMBER: np.arange(size), **columns}))
        if not chosen.size:
            raise SelectionError(f"'{self}' holds for none of the {counted(size, 'neuron')}")
        return chosen.astype(np.int64)

    def holds(self, size: int, columns: Mapping[str, Any]) -> "NDArray[np.bool_]":
        """Whether the condition holds, (size,), for each row of some columns."""
        import numpy as np

        return np.broadcast_to(_holds(_parsed(self), columns), size)

    @property
    def compared(self) -> dict[str, bool]:
        """The columns that a condition reads, each with whether it is compared with words."""
        found: dict[str, bool] = {}
        for op, left, right in _comparisons(_parsed(self)):
            equal = isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn)
            word = isinstance(right, ast.Name) or isinstance(getattr(right, "value", 0), str)
            if isinstance(left, ast.Name) and equal and word:
                found[left.id] = True
            else:
                names = (e.id for side in (left, right) for e in ast.walk(side) if _is_column(e))
                found |= {name: False for name in names if name not in found}
        return found

    def _numbered(self, size: int) -> range | tuple[int, ...]:
        match self.written:
            case int(count):
                return range(min(count, size))
            case "all":
                return range(size)
            case str(text):
                return _sliced(text, size)
            case numbers:
                beyond = [n for n in numbers if not 0 <= int(n) < size]
                if beyond:
                    raise SelectionError(
                        f"there is no neuron {beyond[0]:,} among {counted(size, 'neuron')}, "
                        f"which are counted from 0 to {size - 1:,}",
                        f"identifiers are chosen by their column: 'id in ({beyond[0]}, …)'",
                    )
                return tuple(int(n) for n in numbers)

    def _identified(self, identifiers: "NDArray[Any]") -> "NDArray[np.int64]":
        import numpy as np

        assert isinstance(self.written, tuple)
        place = {str(each): number for number, each in enumerate(identifiers.tolist())}
        for each in self.written:
            if each not in place:
                raise SelectionError(
                    f"no neuron is called '{each}'", did_you_mean(str(each), place)
                )
        return np.array([place[str(each)] for each in self.written], dtype=np.int64)


def parse_selection(raw: object) -> Selection:
    """A selection of neurons as a user writes it, or as a list, range, slice or array of Python.

    Raises
    ------
    MistakeInText
        With what was expected and what was found.
    """
    if isinstance(raw, Selection):
        return raw
    if isinstance(raw, slice):
        ends = (raw.start, raw.stop, raw.step)
        raw = ":".join("" if end is None else str(end) for end in ends)
    raw = getattr(raw, "tolist", lambda: raw)()
    if isinstance(raw, int) and not isinstance(raw, bool):
        if raw < 1:
            raise SelectionError(f"expected at least 1 neuron, found {raw}", _FORMS)
        return Selection(raw)
    if isinstance(raw, list | tuple | range):
        return _listed(list(raw))
    if not isinstance(raw, str) or not raw.strip():
        raise SelectionError(f"expected some neurons, found {shortened(repr(raw))}", _FORMS)
    return _of_text(raw.strip())


def as_value(selection: Selection) -> Value:
    """A value that is 1 for the neurons of a selection and 0 for the others."""
    written = json.dumps(selection.written)
    return Value("chosen", (0.0, 1.0), DIMENSIONLESS, text=str(selection), expression=written)


def read_selection(written: str) -> Selection:
    """The selection of such a value, from its expression."""
    return parse_selection(json.loads(written))


def _listed(items: list[Any]) -> Selection:
    kinds = {type(item) for item in items}
    if kinds not in ({int}, {str}):
        found = "an empty list" if not items else shortened(str(items))
        raise SelectionError(f"expected numbers or identifiers of neurons, found {found}", _FORMS)
    if len(set(items)) < len(items):
        twice = next(item for item in items if items.count(item) > 1)
        raise SelectionError(f"neuron {twice} is listed twice", "remove one")
    return Selection(tuple(items))


def _of_text(text: str) -> Selection:
    if len(text) > LONGEST:
        message = f"a condition has {len(text):,} characters, expected at most {LONGEST:,}"
        raise SelectionError(message)
    if text == "all":
        return Selection(text)
    if match := _SLICE.fullmatch(text):
        if match[3] and int(match[3]) < 1:
            raise SelectionError(f"expected a step of at least 1, found '{text}'")
        return Selection(text)
    if _WORD.fullmatch(text):
        return Selection((text,))
    selection = Selection(text)
    for op, left, right in _comparisons(_parsed(selection)):
        if type(op) not in (*_COMPARE, ast.In, ast.NotIn):
            shown = f"{ast.unparse(left)} is {ast.unparse(right)}"
            raise SelectionError(f"'{shown}' is not a comparison", "compare with < <= > >= == !=")
    return selection


def _sliced(text: str, size: int) -> range:
    """The neurons of a slice, all of which there must be.

    Raises
    ------
    SelectionError
        If it goes beyond the population, or is empty.
    """
    match = _SLICE.fullmatch(text)
    assert match, "only slices are written so"
    first, last, step = (int(end) if end else None for end in match.groups())
    for end in (first, last):
        if end is not None and not -size <= end <= size:
            raise SelectionError(
                f"'{text}' goes beyond the {counted(size, 'neuron')} of the population",
                "a single number is the first ones, or all if there are fewer",
            )
    found = range(size)[first:last:step]
    if not found:
        raise SelectionError(f"'{text}' is none of the {counted(size, 'neuron')}")
    return found


def _parsed(selection: Selection) -> ast.expr:
    """The syntax tree of a condition, whose quantities became products that expressions know.

    Raises
    ------
    SelectionError
        If it cannot be read.
    """
    text = selection.condition or "0"
    try:
        found = tree(_QUANTITY.sub(_product, text))
    except ValueSyntaxError as error:
        raise SelectionError(f"'{text}': {error}") from None
    except MistakeInText:
        hint = "compare with ==" if re.search(r"[^=!<>]=[^=]", text) else _FORMS
        raise SelectionError(f"'{text}' is not a condition on columns", hint) from None
    if depth(found) > DEEPEST:
        raise SelectionError(f"'{shortened(text)}' is nested more than {DEEPEST} levels deep")
    for each in ast.walk(found):
        if _is_whole(each) and int(each.value) >= LARGEST_INTEGER:  # type: ignore[attr-defined]
            raise SelectionError(f"'{shortened(text)}': an integer is too large")
    return found


def _product(match: re.Match[str]) -> str:
    if match[2] in _JOINS:
        return match[0]
    value = parse_value(f"{match[1]} {match[2].replace('μ', 'µ')}")
    return f"({value.mean!r}*{si_unit(value.dimension)})"


def _comparisons(node: ast.expr) -> Iterator[tuple[ast.cmpop, ast.expr, ast.expr]]:
    """Every comparison of a condition; a list after `in` is one with each of its entries.

    Raises
    ------
    SelectionError
        If something else stands where a comparison should.
    """
    match node:
        case ast.BoolOp(values=terms):
            for term in terms:
                yield from _comparisons(term)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _comparisons(operand)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for op, (first, second) in zip(ops, pairwise([left, *comparators]), strict=True):
                for each in _entries(op, second):
                    yield op, first, each
        case _:
            message = f"'{ast.unparse(node)}' is not a comparison"
            raise SelectionError(message, "compare a column with a value, as in 'x < 100 um'")


def _entries(op: ast.cmpop, right: ast.expr) -> list[ast.expr]:
    listed = isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List)
    return right.elts if listed else [right]  # type: ignore[attr-defined]


def _check_comparison(
    op: ast.cmpop, left: ast.expr, right: ast.expr, columns: Mapping[str, Dimension | None]
) -> None:
    """Check that a comparison is one of numbers of the same dimension, or of words."""
    if isinstance(left, ast.Name) and left.id in columns:
        if columns[left.id] is WORDS:
            if not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                raise SelectionError(f"'{left.id}' holds words", "compare it with ==, != or in")
            _word_of(right)
            return
        if _is_whole(right) and columns[left.id] == DIMENSIONLESS:
            return
    first, second = (_dimension(side, columns) for side in (left, right))
    if first != second and not (_is_zero(left) or _is_zero(right)):
        message = f"compares {a_quantity(first)} with {a_quantity(second)}"
        raise SelectionError(message, "give the value its unit, as in 'x < 100 um'")


def _dimension(node: ast.expr, columns: Mapping[str, Dimension | None]) -> Dimension:
    numbers = {name: each for name, each in columns.items() if each is not WORDS}
    known = {*numbers, *UNITS, *FUNCTIONS, "pi"} - RANDOM
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id not in known:
            what = "column of numbers" if each.id in columns else "column"
            message = f"the population has no {what} '{each.id}'"
            raise SelectionError(message, did_you_mean(each.id, columns))
    return dimension_of(ast.unparse(node), numbers)


def _holds(node: ast.expr, columns: Mapping[str, "NDArray[Any]"]) -> Any:
    """For which neurons a condition holds, which has been checked."""
    import numpy as np

    match node:
        case ast.BoolOp(op=op, values=terms):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            return join.reduce(np.broadcast_arrays(*(_holds(term, columns) for term in terms)))
        case ast.UnaryOp(operand=operand):
            return np.logical_not(_holds(operand, columns))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            pairs = zip(ops, pairwise([left, *comparators]), strict=True)
            found = [_compared(op, *sides, columns) for op, sides in pairs]
            return np.logical_and.reduce(np.broadcast_arrays(*found))
    raise AssertionError("`_comparisons` refuses everything else")


def _compared(
    op: ast.cmpop, left: ast.expr, right: ast.expr, columns: Mapping[str, "NDArray[Any]"]
) -> Any:
    import numpy as np

    if isinstance(op, ast.In | ast.NotIn):
        entries = [_compared(ast.Eq(), left, each, columns) for each in _entries(op, right)]
        found = np.logical_or.reduce(np.broadcast_arrays(*entries))
        return np.logical_not(found) if isinstance(op, ast.NotIn) else found
    compare = _COMPARE[type(op)]
    if isinstance(left, ast.Name) and (column := columns.get(left.id)) is not None:
        if column.dtype.kind not in "biuf":
            return compare(column.astype(str), _word_of(right))
        if _is_whole(right):
            return compare(column, ast.literal_eval(right))  # exactly, also beyond 2^53
    numbers = {name: column for name, column in columns.items() if column.dtype.kind in "biuf"}
    return compare(*(sampled(ast.unparse(side), numbers, {}) for side in (left, right)))


def _is_column(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and node.id not in {*UNITS, *FUNCTIONS, "pi"}


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _is_whole(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _word_of(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str() | int() | float() as word):
            return str(word)
        case ast.Name(id=word):
            return word
    raise SelectionError(f"expected a word, found '{ast.unparse(node)}'", "put it in quotes")

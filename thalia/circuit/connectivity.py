"""Connectivity as a circuit says it: a rule by which synapses are drawn, or data that list them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr, model_validator

from thalia.circuit.data_use import Array, ArrayField, IndexField, TableUse
from thalia.syntax.fields import CountTable, PositiveLength, Probability, ProbabilityTable, refuse

if TYPE_CHECKING:
    from thalia.data.edges import Edges

ARRAYS = ("pre", "post", "weight", "delay", "sign", "count")
_OF_DATA = (
    *("file", "population", "types", "columns", "where", "matrix", "by", "count_from"),
    *("duplicates", "unknown", *ARRAYS),
)


def with_rule_of_data(raw: Any) -> Any:
    """What is written of connectivity, with the rule `data` where data are given."""
    is_data = isinstance(raw, Mapping) and any(
        raw.get(key) is not None for key in ("file", "matrix", "pre", "post")
    )
    return {"rule": "data", **raw} if is_data else raw


class Connect(TableUse):
    """Connectivity. `probability` alone connects every pair of neurons independently.

    With a `file`, a `matrix` or arrays, synapses are as these say. `by` says whether `pre` and
    `post` are indices, counted from `count_from` within each population, or identifiers of neurons;
    by default they are identifiers where both populations have these. Rows of one pair of neurons
    are `duplicates`; rows that name neurons which are in no population are `unknown`.

    `blocks` is a number of equal groups of consecutive neurons, such as columns, into which both
    populations are divided: pairs of neurons in blocks of the same number are connected
    independently with the probability `within`, all others with `between`; either is 0 by default.

    `KEYS` are those that each rule needs, and those that it uses as well.
    """

    KEYS: ClassVar[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
        "pairwise_bernoulli": (("probability",), ()),
        "fixed_total_number": ((), ("number", "probability", "multapses")),
        "fixed_indegree": (("number",), ("multapses",)),
        "fixed_outdegree": (("number",), ("multapses",)),
        "one_to_one": ((), ()),
        "all_to_all": ((), ()),
        "distance": (("probability", "width"), ("profile",)),
        "blocks": (("blocks",), ("within", "between")),
        "data": ((), _OF_DATA),
    }

    rule: Literal[
        "pairwise_bernoulli",
        "fixed_total_number",
        "fixed_indegree",
        "fixed_outdegree",
        "one_to_one",
        "all_to_all",
        "distance",
        "blocks",
        "data",
    ] = "pairwise_bernoulli"
    probability: ProbabilityTable | None = None
    number: CountTable | None = None
    profile: Literal["gaussian", "exponential", "disc"] = "gaussian"
    width: PositiveLength | None = None
    blocks: int | None = Field(default=None, ge=1)
    within: Probability | None = None
    between: Probability | None = None
    autapses: bool = True
    multapses: bool = True

    matrix: str | dict[str, str] | None = None
    by: Literal["index", "identifier"] | None = None
    count_from: Literal[0, 1] = 0
    duplicates: Literal["refuse", "sum", "keep"] = "refuse"
    unknown: Literal["refuse", "ignore"] = "refuse"
    pre: IndexField | None = None
    post: IndexField | None = None
    weight: ArrayField | None = None
    delay: ArrayField | None = None
    sign: ArrayField | None = None
    count: ArrayField | None = None

    _edges: Any = PrivateAttr(None)

    _of_data = model_validator(mode="before")(with_rule_of_data)

    @property
    def needs_positions(self) -> bool:
        """Whether who connects to whom depends on where the neurons are."""
        chance = self.probability
        return self.rule == "distance" or bool(chance and chance[0][0].is_formula)

    @property
    def edges(self) -> "Edges | None":
        """The synapses from data, once these are read; else None."""
        found: Edges | None = self._edges
        return found

    def with_edges(self, edges: "Edges") -> "Connect":
        """The same connectivity with its synapses, the `edges` of a table."""
        copy = self.model_copy()
        copy._edges = edges
        return copy

    @model_validator(mode="after")
    def _complete(self) -> "Connect":
        needs, uses = self.KEYS[self.rule]
        for key in needs:
            if getattr(self, key) is None:
                raise refuse(f"'{self.rule}' needs '{key}'")
        if self.rule == "fixed_total_number" and (self.number is None) == (
            self.probability is None
        ):
            raise refuse("'fixed_total_number' needs either 'number' or 'probability'")
        if self.rule == "blocks" and self.within is None and self.between is None:
            raise refuse("'blocks' needs 'within' or 'between', a probability")
        for key in sorted(self.model_fields_set - {"rule", "autapses", *needs, *uses}):
            if getattr(self, key) is not None:
                known = ", ".join((*needs, *uses, "autapses"))
                raise refuse(f"'{self.rule}' does not use '{key}'", f"remove it; used: {known}")
        if self.rule == "data":
            self._check_data()
        return self

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays that were given in Python, by the names of columns."""
        return {name: each for name in ARRAYS if (each := getattr(self, name)) is not None}

    @property
    def matrices(self) -> dict[str, str]:
        """The files of matrices, by the names of columns."""
        return {"weight": self.matrix} if isinstance(self.matrix, str) else dict(self.matrix or {})

    def _check_data(self) -> None:
        """Refuse what does not say from where, or says so twice.

        Raises
        ------
        PydanticCustomError
            With what is missing.
        """
        arrays = self.arrays
        given = [k for k, here in (("file", self.file), ("matrix", self.matrix)) if here]
        given += ["pre and post"] if arrays else []
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise refuse(f"'data' needs one of 'file', 'matrix', or arrays, found {found}")
        if arrays and len({len(each.numbers) for each in arrays.values()}) > 1:
            lengths = ", ".join(f"{name} {len(each.numbers):,}" for name, each in arrays.items())
            raise refuse(f"expected arrays of one length, found {lengths}")
        if arrays and not {"pre", "post"} <= arrays.keys():
            raise refuse("expected both 'pre' and 'post'")
        if self.matrix and self.by == "identifier":
            raise refuse(
                "a matrix has no identifiers", "its rows and columns are those of the populations"
            )
        for key in ("population", "types", "where", "columns"):
            if getattr(self, key) and not self.file:
                raise refuse(f"'{key}' is of a table in a 'file', and there is none", "remove it")

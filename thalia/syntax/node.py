"""What all elements of a circuit are: checked where they are made, never changed in place."""

from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from thalia.errors import fail
from thalia.syntax.validation import problems_in
from thalia.syntax.yaml_reader import Source

_INSTEAD = "`circuit.replace(path, value)` and `with_population(...)` return a changed circuit"
_NOT_SHOWN = {*dir(BaseModel), "FORMER_KEYS", "with_"}

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class Entries(dict[Any, Any]):
    """Entries of an element by name, such as the populations of a circuit: read, never changed."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise fail("a circuit is never changed in place", _INSTEAD)

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse

    def __reduce__(self) -> tuple[type["Entries"], tuple[dict[Any, Any]]]:
        return Entries, (dict(self),)


class _InWords(ModelMetaclass):
    """Tells the mistakes of what is made in Python as those of a file are told."""

    def __call__(self, *unnamed: Any, **fields: Any) -> Any:
        model: Any = self
        if unnamed:
            name, first = model.__name__, next(iter(model.model_fields), "name")
            raise fail(f"{name}: expected names with values", f"as in {name}({first}=...)")
        try:
            return super().__call__(**fields)
        except ValidationError as error:
            source = Source(places={(): model.__name__})
            raise source.placed(problems_in(error, model, fields)) from None

    @property
    def __signature__(self) -> Signature:
        """The fields and their defaults, without the checks of each, which nobody could read."""
        model: Any = self
        return Signature(
            [
                Parameter(name, Parameter.KEYWORD_ONLY, default=_default(field))
                for name, field in model.model_fields.items()
            ]
        )

    @__signature__.setter
    def __signature__(self, of_pydantic: Any) -> None:
        """Made by pydantic with every class."""


def _default(field: Any) -> Any:
    if field.is_required():
        return Parameter.empty
    return field.get_default(call_default_factory=True)


class Node(BaseModel, metaclass=_InWords):
    """What all elements of a circuit have in common: they refuse unknown keys and are immutable.

    `FORMER_KEYS` maps the names of keys in earlier versions to the current ones; see
    `former_names`.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True)

    @model_validator(mode="after")
    def _fixed(self) -> Self:
        self.__dict__.update(_fixed(self.__dict__))
        return self

    def with_(self, **changes: Any) -> Self:
        """The same element with fields replaced by values that are checked already."""
        return super().model_copy(update=_fixed(changes))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same element with fields replaced, which are checked.

        Raises
        ------
        CircuitError
            With every mistake in them.
        """
        copy = super().model_copy(deep=deep)
        if not update:
            return copy
        fields = {name: getattr(copy, name) for name in copy.model_fields_set}
        made = type(self)(**{**fields, **update})
        object.__setattr__(made, "__pydantic_private__", copy.__pydantic_private__)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            kind = type(self).__name__
            raise fail(f"the '{name}' of a {kind} is never changed in place", _INSTEAD)
        super().__setattr__(name, value)

    def __repr_args__(self) -> Any:
        """The fields that differ from their defaults."""
        for name, field in type(self).model_fields.items():
            if (value := getattr(self, name)) != field.get_default(call_default_factory=True):
                yield name, value

    def __str__(self) -> str:
        return repr(self)

    def __dir__(self) -> list[str]:
        """Its fields and what it can do, without what it has from pydantic."""
        return sorted(
            name for name in super().__dir__() if name not in _NOT_SHOWN and name[0] != "_"
        )


def _fixed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of which the mappings cannot be changed."""
    return {
        name: Entries(value) if type(value) is dict else value for name, value in fields.items()
    }

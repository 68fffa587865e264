"""Keys and components that had other names in earlier versions: still read, with a notice."""

import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from thalia.errors import FormerNameWarning, Path, located
from thalia.syntax.yaml_reader import Source


@dataclass(frozen=True)
class ComponentName:
    """Marks a field that names a component; `former` maps former names to current ones."""

    kind: str
    noun: str
    former: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class ChangesOf:
    """Marks a mapping that holds some of the keys of a model, to be merged into others."""

    model: type[BaseModel]


def current_names[Data](
    model: type[BaseModel],
    data: Data,
    source: Source,
    own: Mapping[str, Collection[str]] | None = None,
) -> tuple[Data, Source]:
    """Plain data with the current names of keys and components, and a source with their places.

    Each former name is reported as a `FormerNameWarning` with its place. If both the former and the
    current name of a key are given, both are kept, and validation reports them. `own` has the names
    of components that a circuit defines itself, by kind, which are never replaced.
    """
    reader = _Reader(source, own or {})
    renamed = reader.read(model, data, (), ())
    if not reader.moved:
        return renamed, source
    places = {reader.now(path): place for path, place in source.places.items()}
    return renamed, replace(source, places=places)


def current_path(model: type[BaseModel], path: Path) -> Path:
    """A path into the data of a model, with the current names of its keys."""
    annotation: Any = model
    current: list[str | int] = []
    for key in path:
        key = _former_keys(annotation).get(str(key), key)
        annotation = _inside(annotation, key)
        current.append(key)
    return tuple(current)


def former_keys(model: Any) -> Mapping[str, str]:
    """The former names of a model's keys, each with the current one."""
    return getattr(model, "FORMER_KEYS", {})


class _Reader:
    """Walks over the data of a model and remembers which keys it renamed."""

    def __init__(self, source: Source, own: Mapping[str, Collection[str]]):
        self.source = source
        self.own = own
        self.moved: dict[Path, Path] = {}

    def read(self, annotation: Any, data: Any, was: Path, now: Path) -> Any:
        """The data with current names; `was` is its path as written, `now` the current one."""
        if isinstance(data, str):
            return self.component(_metadata(annotation, ComponentName), data, was)
        if not isinstance(data, dict | list) or not _leads_to_names(annotation):
            return data
        if isinstance(data, list):
            return [
                self.read(_inside(annotation, index), each, (*was, index), (*now, index))
                for index, each in enumerate(data)
            ]
        former = _former_keys(annotation)
        renamed: dict[Any, Any] = {}
        for key, value in data.items():
            name = former.get(key, key)
            if name in data:
                name = key  # both are given: validation says so
            if name != key:
                self.moved[(*was, key)] = (*now, name)
                self.report((*was, key), f"the key '{key}' is now called '{name}'")
            renamed[name] = self.read(_inside(annotation, name), value, (*was, key), (*now, name))
        return renamed

    def component(self, marked: ComponentName | None, name: str, path: Path) -> str:
        """The current name of a component that a field names."""
        if marked is None or name not in marked.former or name in self.own.get(marked.kind, ()):
            return name
        current = marked.former[name]
        self.report(path, f"the {marked.noun} '{name}' is now called '{current}'")
        return current

    def report(self, path: Path, message: str) -> None:
        """Report a former name at its place, once."""
        place = self.source.locate(path)
        where = located(place, self.source.written(path))
        file, _, rest = place.partition(":")
        line = rest.partition(":")[0]
        warnings.warn_explicit(
            f"{where}: {message}",
            FormerNameWarning,
            file or "circuit",
            int(line) if line.isdigit() else 0,
            registry=_REPORTED,
        )

    def now(self, path: Path) -> Path:
        """The current path of what was written at a path."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.moved:
                return (*self.moved[path[:length]], *path[length:])
        return path


_REPORTED: dict[Any, Any] = {}  # what Python's filter for warnings has shown


def _metadata[Mark](annotation: Any, kind: type[Mark]) -> Mark | None:
    marks = getattr(annotation, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models for a mapping at this annotation; a single entry may stand for a list of one."""
    if changes := _metadata(annotation, ChangesOf):
        yield changes.model
        return
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif origin in (Annotated, tuple, list):
        yield from _models(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _models(each)


def _former_keys(annotation: Any) -> Mapping[str, str]:
    return {
        former: name for model in _models(annotation) for former, name in former_keys(model).items()
    }


def _inside(annotation: Any, key: str | int) -> Any:
    """The annotation of what stands under a key or an index; None if nothing is known of it."""
    for model in _models(annotation):
        if isinstance(key, str) and (found := model.model_fields.get(key)):
            return _annotation_of(found)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict and isinstance(key, str):
        return arguments[1]
    if origin in (tuple, list) and isinstance(key, int):
        return arguments[0]
    if origin is Annotated:
        return _inside(arguments[0], key)
    if origin in (Union, UnionType):
        return next(filter(None, (_inside(each, key) for each in arguments)), None)
    return None


def _annotation_of(found: FieldInfo) -> Any:
    """The annotation of a field as it was written: pydantic keeps its outermost metadata apart."""
    if not found.metadata:
        return found.annotation
    return Annotated[found.annotation, *found.metadata]


def _leads_to_names(annotation: Any) -> bool:
    """Whether there may be former names in the data at an annotation."""
    if _metadata(annotation, ComponentName) or _metadata(annotation, ChangesOf):
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _has_names(annotation)
    return any(map(_leads_to_names, get_args(annotation)))


@cache
def _has_names(model: type[BaseModel]) -> bool:
    fields = model.model_fields.values()
    return bool(former_keys(model)) or any(_leads_to_names(_annotation_of(each)) for each in fields)

"""Plain data → frozen models, with every mistake at the place where it was written."""

from typing import Any

from pydantic import BaseModel, ValidationError

from thalia.errors import MOST_PROBLEMS, Path, Problem, did_you_mean
from thalia.syntax.former_names import former_keys
from thalia.syntax.yaml_reader import Source


def parse[Model: BaseModel](model: type[Model], data: object, source: Source) -> Model:
    """Plain data as a frozen model.

    Raises
    ------
    CircuitError
        With every mistake, each with its place.
    """
    if not isinstance(data, dict):
        raise source.placed(
            [Problem((), f"expected a mapping of keys, found {type(data).__name__}")]
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise source.placed(problems_in(error, model, data)) from None


def problems_in(error: ValidationError, model: type[BaseModel], data: object) -> list[Problem]:
    """The mistakes that pydantic found in data, in Thalia's words."""
    told = [
        problem
        for details in error.errors()[:MOST_PROBLEMS]
        for problem in _problems(details, model, data)
    ]
    return told + _not_told(error.error_count() - MOST_PROBLEMS)


def _not_told(number: int) -> list[Problem]:
    """That there are more problems, if there are so many."""
    return [Problem((), f"and {number:,} more problems")] if number > 0 else []


def _written_path(location: tuple[str | int, ...], data: Any, last_is_new: bool) -> Path:
    """The path as the user wrote it, without steps that validation added."""
    path: list[str | int] = []
    for index, key in enumerate(location):
        inside = isinstance(data, dict) and key in data
        if inside or (isinstance(data, list) and isinstance(key, int) and key < len(data)):
            path.append(key)
            data = data[key]
        elif last_is_new and index == len(location) - 1:
            path.append(key)
    return tuple(path)


def _problems(details: Any, model: type[BaseModel], data: object) -> list[Problem]:
    """An error of pydantic in Thalia's words; a validator of Thalia may find several problems."""
    path = _written_path(details["loc"], data, last_is_new=details["type"] == "missing")
    if details["type"] == "thalia":
        return [problem.under(*path) for problem in details["ctx"]["problems"]]
    return [_problem(details, path, model)]


def _problem(details: Any, path: Path, model: type[BaseModel]) -> Problem:
    kind, found = details["type"], details.get("input")
    if kind == "extra_forbidden":
        return _unknown_key(path, _model_at(model, path[:-1]))
    if kind == "missing":
        return Problem(path, f"'{path[-1]}' is missing")
    shown = (
        "a mapping"
        if isinstance(found, dict)
        else "a list"
        if isinstance(found, list)
        else repr(found)
    )
    if kind == "literal_error":
        return Problem(path, f"expected {details['ctx']['expected']}, found {shown}")
    if kind == "too_long":
        most, number = details["ctx"]["max_length"], details["ctx"]["actual_length"]
        return Problem(path, f"has {number:,} entries, expected at most {most:,}")
    if kind == "value_error":
        return Problem(path, str(details["ctx"]["error"]))
    wanted = {
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "string_type": "a word",
        "string_too_short": "a text",
        "int_parsing": "an integer",
        "int_type": "an integer",
        "list_type": "a list",
        "tuple_type": "a list",
        "int_from_float": "an integer",
        "float_type": "a number",
        "float_parsing": "a number",
        "bool_type": "true or false",
        "bool_parsing": "true or false",
        "model_attributes_type": "a mapping",
    }.get(kind)
    if wanted:
        return Problem(path, f"expected {wanted}, found {shown}")
    return Problem(
        path, f"{details['msg'].replace('Input should be', 'expected a value')}, found {shown}"
    )


def _unknown_key(path: Path, model: Any) -> Problem:
    """The problem of an unknown key; a former key is one only beside the current one."""
    key = str(path[-1])
    if name := former_keys(model).get(key):
        message = f"'{key}' is the former name of '{name}', and both are given"
        return Problem(path, message, f"keep '{name}'")
    keys = getattr(model, "model_fields", {})
    return Problem(path, f"unknown key '{key}'", did_you_mean(key, keys))


def _model_at(model: Any, path: Path) -> Any:
    """The model for a mapping at this path, found in the annotations of the models."""
    for key in path:
        field = getattr(model, "model_fields", {}).get(key)
        model = _model_in(field.annotation) if field else _model_in(model)
    return model


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_in(argument)) is not None:
            return found
    return None

"""The JSON Schema of circuit files teaches: every key has a meaning, and an example that may be written."""

from typing import Annotated

import pytest
from jsonschema import Draft202012Validator
from pydantic import ConfigDict, TypeAdapter, ValidationError

from thalia.circuit.connectivity import ARRAYS, Connect
from thalia.circuit.json_schema import _texts, elements, json_schema, keys_of
from thalia.circuit.spec import Circuit

SCHEMA = json_schema()
OTHERS = {"Fragment", "Gains"}  # of other files than circuits


def properties(schema, path=()):
    """Every property anywhere in the schema, with the path to it."""
    if isinstance(schema, list):
        for index, each in enumerate(schema):
            yield from properties(each, (*path, index))
    if isinstance(schema, dict):
        for name, each in schema.get("properties", {}).items():
            yield ".".join(map(str, (*path, name))), each
        for key, each in schema.items():
            if key not in ("default", "examples"):
                yield from properties(each, (*path, key))


ALL = dict(properties(SCHEMA))


def test_every_property_has_a_meaning_and_an_example():
    assert len(ALL) > 250
    assert [path for path, each in ALL.items() if not each.get("description")] == []
    assert [path for path, each in ALL.items() if not each.get("examples")] == []


@pytest.mark.parametrize("word", ["examples", "default"])
def test_examples_and_defaults_may_be_written(word):
    values = {
        path: value if word == "examples" else [value]
        for path, each in ALL.items()
        if (value := each.get(word)) is not None
    }

    wrong = {
        path: error.message
        for path, found in values.items()
        for value in found
        for error in Draft202012Validator({**ALL[path], "$defs": SCHEMA["$defs"]}).iter_errors(
            value
        )
    }

    assert wrong == {}


def test_texts_are_those_of_keys_that_exist():
    known = {name: {*element.model_fields} for name, element in elements().items()}

    assert {name: {*keys} - known.get(name, set()) for name, keys in _texts().items()} == {
        name: set() for name in _texts()
    }


def problem(element, key, example) -> str:
    """Why an element does not take an example as the value of its key; nothing if it does."""
    field = element.model_fields[key]
    kind = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    config = ConfigDict(arbitrary_types_allowed=True) if key in ARRAYS else None
    try:
        TypeAdapter(kind, config=config if element is Connect else None).validate_python(example)
    except ValidationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", sorted({*SCHEMA["$defs"]} & {*elements()} | {"Circuit", *OTHERS}))
def test_every_example_is_taken(name):
    element = elements()[name]

    assert {
        key: told
        for key, found in keys_of(element).items()
        if (told := problem(element, key, found.example))
    } == {}


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["required"] == ["thalia", "name"]
    assert {*SCHEMA["properties"]} == {*Circuit.model_fields}

"""The JSON Schema of circuit files, and what each key means: for editors, and for the site."""

from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo

from thalia.circuit.serialize import as_data
from thalia.circuit.spec import Circuit
from thalia.circuit.template_spec import Fragment
from thalia.syntax.fields import Node
from thalia.syntax.yaml_reader import read_yaml


class Key(NamedTuple):
    """What a key means, and an example of its value as plain data."""

    means: str
    example: Any


@cache
def _texts() -> dict[str, dict[str, dict[str, Any]]]:
    """The texts of `keys.yaml`, by the element and its key."""
    name = "keys.yaml"
    texts: Any = read_yaml((files(__package__) / name).read_text("utf-8"), name)[0]
    return dict(texts)


def keys_of(element: type[Node]) -> dict[str, Key]:
    """The keys of an element of a circuit, by name; those in common stand with their element.

    Raises
    ------
    KeyError
        If `keys.yaml` lacks a key.
    """
    found: dict[str, Key] = {}
    for name in element.model_fields:
        texts = (_texts().get(each.__name__, {}).get(name) for each in element.__mro__)
        text = next(filter(None, texts), None)
        if text is None:
            raise KeyError(f"{element.__name__}.{name} is not in keys.yaml")
        found[name] = Key(**text)
    return found


def elements() -> dict[str, type[Node]]:
    """All elements of circuits and components, by the name of their class."""
    todo: list[type[Node]] = [Node, Fragment]  # which nothing else here imports
    for element in todo:  # grows
        todo += element.__subclasses__()
    return {element.__name__: element for element in todo[1:]}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of circuit files, for editors."""
    schema = Circuit.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Thalia circuit"
    schema["required"] = ["thalia", "name"]
    definitions = schema["$defs"]
    for name, element in elements().items():
        if name in definitions:
            _explain(definitions[name], element)
    _explain(schema, Circuit)
    for name, key in (
        ("SynapseUse", "part"),
        ("RuleUse", "rule"),
        ("Stimulus", "kind"),
        ("Modulator", "kind"),
    ):
        definitions[name]["properties"].pop("parameters")
        definitions[name]["additionalProperties"] = {"type": ["number", "string"]}
        definitions[name]["required"] = {"Stimulus": ["kind", "target"], "RuleUse": []}.get(
            name, [key]
        )
    neurons = definitions["Stimulus"]["properties"].pop("neurons")["anyOf"][0]
    some = {
        "type": "object",
        "properties": {
            "population": {
                "type": "string",
                "description": "the population that it reaches",
                "examples": ["e"],
            },
            "neurons": {**neurons, "description": "which of its neurons"},
        },
        "required": ["population", "neurons"],
        "additionalProperties": False,
    }
    definitions["Stimulus"]["properties"]["target"]["anyOf"].append(some)
    definitions["Experiment"]["properties"].pop("parameters")
    definitions["Experiment"]["additionalProperties"] = True
    definitions["RuleUse"]["properties"]["eligibility"]["anyOf"] = [
        {"type": "string"},
        {"$ref": "#/$defs/Eligibility"},
    ]
    for where, key in (
        (definitions["Pathway"], "synapse"),
        (definitions["Pathway"], "plasticity"),
        (definitions["Modulator"], "schedule"),
        (definitions["Release"], "at"),
        (definitions["Space"], "extent"),
        (schema, "phases"),
    ):
        several = where["properties"][key]  # a single entry is a list of one
        told = {word: several.pop(word) for word in ("description", "examples")}
        where["properties"][key] = {"anyOf": [several["items"], several], **told}
    short = {
        "SynapseUse": "string",
        "RuleUse": "string",
        "Modulator": "string",
        "Delay": ["string", "array"],
        "Scale": "number",
    }
    for name, kind in short.items():
        definitions[name] = {"anyOf": [{"type": kind}, definitions[name]]}
    return schema


def _explain(schema: dict[str, Any], element: type[Node]) -> None:
    """Add to each property what it means, an example, and its default as one would write it."""
    for name, key in keys_of(element).items():
        if name not in schema["properties"]:
            continue
        told = schema["properties"][name]
        told.pop("title", None)  # the key again
        told |= {"description": key.means, "examples": [key.example]}
        told.pop("default", None)
        if default := _default(element.model_fields[name]):
            told["default"] = default


def _default(field: FieldInfo) -> Any:
    """The default as plain data; None where there is none, or it is empty."""
    return None if field.is_required() else as_data(field.get_default(call_default_factory=True))

"""The components that circuits are made of: each is a file, found by its name.

Components that users define in a circuit (`neurons:`, `synapses:`, `rules:`, or a file next to it)
have exactly the form of those in the library.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files

from thalia.errors import did_you_mean, fail
from thalia.library.protocol_schema import Protocol, Window
from thalia.library.schema import ModulatorKind, Neuron, Part, Rule, StimulusKind, Synapse
from thalia.syntax.folder import HERE, Folder
from thalia.syntax.former_names import ComponentName, current_names
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source, read_yaml

LIBRARY = files("thalia.library")

KINDS: dict[str, type[Part]] = {
    "neurons": Neuron,
    "synapses": Synapse,
    "plasticity": Rule,
    "windows": Window,
    "stimuli": StimulusKind,
    "protocols": Protocol,
    "modulators": ModulatorKind,
}
_SINGULAR = {
    "neurons": "neuron model",
    "synapses": "synapse model",
    "plasticity": "plasticity rule",
    "windows": "window",
    "protocols": "protocol",
    "modulators": "modulator",
    "stimuli": "kind of stimulus",
    "regions": "region template",
    "experiments": "experiment",
}
# the keys under which a circuit defines its own components of a kind
OWN_KEYS = {
    "neurons": "neurons",
    "synapses": "synapses",
    "plasticity": "rules",
    "windows": "windows",
    "stimuli": "stimulus_kinds",
    "modulators": "modulator_kinds",
}
FORMER_NAMES = {"neurons": {"input": "spike_source"}}
NEURON_MODEL = ComponentName("neurons", _SINGULAR["neurons"], FORMER_NAMES["neurons"])


def neurons_with(variables: Collection[str]) -> list[str]:
    """The neuron models of the library that have all of the given variables."""
    having = []
    for name in names("neurons"):
        part = find("neurons", name)[0]
        if (
            isinstance(part, Neuron)
            and part.threshold
            and {*variables} <= {*part.parameters, *(e.name for e in part.equations)}
        ):
            having.append(name)
    return having


@cache
def names(kind: str) -> tuple[str, ...]:
    """Names of the components of a kind: 'neurons', 'plasticity', 'regions' and so on."""
    folder = LIBRARY / kind
    files = folder.iterdir() if folder.is_dir() else ()
    return tuple(
        sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
    )


@cache
def uses() -> Mapping[str, int]:
    """How often the library itself mentions each word, in the components made of others."""
    files = (
        LIBRARY / kind / f"{name}.yaml"
        for kind in ("regions", "experiments", "windows")
        for name in names(kind)
    )
    return Counter(word for file in files for word in re.findall(r"\w+", file.read_text("utf-8")))


def part_text(kind: str, name: str, folder: Folder = HERE) -> tuple[str, str]:
    """The text and name of a component's file: in the library or, for a path, by the circuit.

    Raises
    ------
    CircuitError
        If there is no such component.
    """
    if name.endswith(".yaml"):
        return folder.text(name), folder.named(name)
    if name not in names(kind):
        current = FORMER_NAMES.get(kind, {}).get(name)
        hint = did_you_mean(name, names(kind), uses())
        hint = f"it is now called '{current}'" if current else hint
        missing = (OWN_KEYS.get(kind, kind), name)
        raise fail(f"no {_SINGULAR[kind]} is called '{name}'", hint, missing=missing)
    return (LIBRARY / kind / f"{name}.yaml").read_text(
        "utf-8"
    ), f"thalia/library/{kind}/{name}.yaml"


def word_of(name: str) -> str:
    """A component's name as a prefix for variables: `./my-rule.yaml` becomes `my_rule`."""
    return re.sub(r"\W", "_", name.removesuffix(".yaml").rpartition("/")[2])


def find(kind: str, name: str, folder: Folder = HERE) -> tuple[Part, Source]:
    """The component called `name` and its file; users' files are read again each time.

    Raises
    ------
    CircuitError
        If there is no such component, or its file has mistakes.
    """
    return _read_part(kind, name, folder) if name.endswith(".yaml") else _library_part(kind, name)


@cache
def _library_part(kind: str, name: str) -> tuple[Part, Source]:
    return _read_part(kind, name, HERE)


def _read_part(
    kind: str, name: str, folder: Folder, for_: tuple[str, ...] = ()
) -> tuple[Part, Source]:
    text, file = part_text(kind, name, folder)
    data, source = read_yaml(text, file)
    data, source = current_names(KINDS[kind], data, source)
    part = parse(KINDS[kind], data, source)
    if isinstance(part, ModulatorKind) and part.like:
        part = completed(part, folder, (*for_, name))
    return part, source


def completed(part: ModulatorKind, folder: Folder, for_: tuple[str, ...] = ()) -> ModulatorKind:
    """A modulator that is like another one, with the equations of that one and its own parameters.

    `for_` are the names of the modulators that are like this one.

    Raises
    ------
    CircuitError
        If the other one does not exist, is in the end like this one, or has no such parameters.
    """
    if part.like in for_:
        raise fail(f"'{part.like}' is like itself", "give one of them equations", ("like",))
    base = _read_part("modulators", part.like, folder, for_)[0]
    assert isinstance(base, ModulatorKind)
    for name in part.values:
        if name not in base.parameters:
            raise fail(
                f"'{part.like}' has no parameter '{name}'",
                did_you_mean(name, base.parameters),
                ("values", name),
            )
    own_values = {
        name: base.parameters[name].with_(default=value, source="")
        for name, value in part.values.items()
    }
    parameters = base.parameters | own_values
    own = ("equations", "on_release", "on_prediction", "initial", "reproduces", "differs")
    return part.with_(parameters=parameters, **{key: getattr(base, key) for key in own})

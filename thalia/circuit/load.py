"""Pass 1: text → Circuit. Every mistake at once, each with file, line and column."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

import yaml

from thalia.circuit.bundled import circuit_file
from thalia.circuit.experiment_spec import BASELINE
from thalia.circuit.limits import MOST_ELEMENTS
from thalia.circuit.serialize import as_data
from thalia.circuit.spec import Circuit, too_many
from thalia.errors import MOST_PROBLEMS, CircuitError, Path, Problem, did_you_mean
from thalia.library.lookup import KINDS
from thalia.syntax.folder import HERE, Folder, folder_of, read_text
from thalia.syntax.former_names import current_names, current_path
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source, plain, read_yaml

VERSION = 1


def load(
    file: str | FilePath,
    set: Mapping[str, Any] | None = None,
    condition: str | None = None,
) -> Circuit:
    """Read a circuit from a YAML file.

    Parameters
    ----------
    file : path of a YAML file, or the name of a circuit that comes with Thalia, as in 'cortex'
    set : mapping, optional
        Values that replace those in the file, by dotted path:
        `{"pathways.a_to_b.weight": "0.3 nS"}`.
    condition : str, optional
        One of the circuit's `conditions`, applied after the changes of `set`; 'baseline' has none.

    Raises
    ------
    CircuitError
        With every mistake found in the file, or if it has no such condition.
    """
    path = circuit_file(file)
    return loads(read_text(path), str(path), path.parent, set, condition)


def loads(
    text: str,
    name: str = "circuit.yaml",
    folder: FilePath | Folder = HERE,
    set: Mapping[str, Any] | None = None,
    condition: str | None = None,
) -> Circuit:
    """Read a circuit from YAML text; files that it refers to are looked up in `folder`.

    `name` is what mistakes call the text. `set` and `condition` are those of `load`.

    Raises
    ------
    CircuitError
        With every mistake found in the text.
    """
    data, source = read_yaml(text, name, folder_of(folder))
    if not isinstance(data, dict):
        found = "nothing" if data is None else f"a {type(data).__name__}"
        raise CircuitError(
            [
                Problem(
                    (), f"expected a circuit, found {found}", "start with `thalia new NAME`", name
                )
            ]
        )
    if "thalia" not in data:
        message = "'thalia' is missing"
        raise CircuitError([Problem((), message, _beginning(data, name), f"{name}:1:1")])
    if data["thalia"] != VERSION:
        raise CircuitError([_other_version(data["thalia"], source)])
    _check_number(data, name)
    data, source = _current(data, source)
    changes = [
        _Change(
            path,
            read_yaml(value, f"--set {path}")[0] if isinstance(value, str) else value,
            f"--set {path}",
        )
        for path, value in (set or {}).items()
    ]
    data, source = _replaced(data, source, changes)
    if condition not in (None, BASELINE):
        data, source = _in_condition(data, source, condition, name)
    try:
        return parse(Circuit, data, source).at(source)
    except CircuitError as error:
        raise CircuitError(error.problems, _rest(data, source, error.problems)) from None


def _beginning(data: dict[str, Any], name: str) -> str:
    """What to do about a file without a version: a component is checked in a circuit."""
    file = FilePath(name).name
    for key, kind in (("neuron", "neurons"), ("rule", "plasticity"), ("synapse", "synapses")):
        if data and data.keys() <= KINDS[kind].model_fields.keys():
            return (
                f"it reads like a component: name it in a circuit, as in `{key}: ./{file}`, and "
                "check that"
            )
    return f"begin the file with `thalia: {VERSION}`, the version of the format"


def _other_version(found: object, source: Source) -> Problem:
    """The one problem of a circuit in another format, whose keys may mean anything."""
    message = f"expected {VERSION}, the version of the format that this Thalia reads, found {found}"
    is_newer = isinstance(found, int) and found > VERSION
    hint = "install a newer Thalia" if is_newer else f"begin the file with `thalia: {VERSION}`"
    return Problem(("thalia",), message, hint, source.locate(("thalia",)))


def _check_number(data: dict[str, Any], name: str) -> None:
    """Refuse a circuit of more elements than are checked in a few seconds, before any is read.

    Raises
    ------
    CircuitError
        If there are more.
    """
    written = (data.get(key) for key in ("populations", "pathways", "stimuli", "modulators"))
    count = sum(len(each) for each in written if isinstance(each, dict))
    if count > MOST_ELEMENTS:
        raise CircuitError([too_many(count, name)])


def _current(data: dict[str, Any], source: Source) -> tuple[dict[str, Any], Source]:
    """The data with current names; neuron models that the circuit defines keep theirs."""
    own = data.get("neurons")
    return current_names(Circuit, data, source, {"neurons": own} if isinstance(own, dict) else {})


def _rest(data: dict[str, Any], source: Source, problems: tuple[Problem, ...]) -> Circuit | None:
    """The circuit without the keys that have problems, or without the entries that contain them."""
    if len(problems) > MOST_PROBLEMS:
        return None
    wrong: set[Path] = set()
    for depth in (None, 2):
        wrong |= {problem.path[:depth] for problem in problems}
        aliases: dict[Path, Path] = {}
        rest = _without(data, wrong, (), (), aliases)
        known = source.aliased(aliases)
        try:
            return parse(Circuit, rest, known).at(known)
        except CircuitError as error:
            problems = error.problems
    return None


def _without(node: Any, wrong: set[Path], was: Path, now: Path, aliases: dict[Path, Path]) -> Any:
    """Data without what stands at some paths; entries of lists that move up get an alias."""
    if isinstance(node, dict):
        return {
            key: _without(each, wrong, (*was, key), (*now, key), aliases)
            for key, each in node.items()
            if (*was, key) not in wrong
        }
    if not isinstance(node, list):
        return node
    left = [(index, each) for index, each in enumerate(node) if (*was, index) not in wrong]
    aliases |= {
        (*now, place): (*was, index) for place, (index, _) in enumerate(left) if place != index
    }
    return [
        _without(each, wrong, (*was, index), (*now, place), aliases)
        for place, (index, each) in enumerate(left)
    ]


def _in_condition(
    data: dict[str, Any], source: Source, condition: str, file: str
) -> tuple[dict[str, Any], Source]:
    """The data with the changes of one of its conditions; the schema checks the form of these."""
    conditions = data.get("conditions")
    known = conditions if isinstance(conditions, dict) else {}
    if condition not in known:
        message = f"there is no condition '{condition}'"
        raise CircuitError([Problem((), message, did_you_mean(condition, known), file)])
    variant = known[condition]
    changes = variant.get("set") if isinstance(variant, dict) else None
    here: Path = ("conditions", condition, "set")
    return _replaced(
        data,
        source,
        [
            _Change(path, deepcopy(value), source.locate((*here, path)), (*here, path))
            for path, value in (changes if isinstance(changes, dict) else {}).items()
        ],
    )


@dataclass(frozen=True)
class _Change:
    """A value by its dotted path, the place where it is written, and its path if in the circuit."""

    dotted_path: str
    value: Any
    place: str
    here: Path = ()


def _replaced(
    data: dict[str, Any], source: Source, changes: Sequence[_Change]
) -> tuple[dict[str, Any], Source]:
    """The data with values replaced; names may hold dots: the longest key is used."""
    if not changes:
        return data, source
    places: dict[Path, str] = {}
    old: set[Path] = set()
    for change in changes:
        try:
            path = _split(data, change.dotted_path, change.place)
        except CircuitError as error:
            here = change.here
            raise CircuitError(replace(p, path=here or p.path) for p in error.problems) from None
        current = current_path(Circuit, path)
        node: Any = data
        for key in path[:-1]:
            node = node[key]
        if isinstance(node, dict):
            node.pop(current[-1], None)
        node[path[-1]] = change.value
        places[path] = change.place
        old |= {path, current}
    kept = {
        known: place
        for known, place in source.places.items()
        if not any(known[:length] in old for length in range(1, len(known) + 1))
    }
    return _current(data, replace(source, places={**kept, **places}))


def with_values(circuit: Circuit, changes: Mapping[str, Any], option: str) -> Circuit:
    """A circuit with values replaced by dotted path; `option` is what asks for it.

    Raises
    ------
    CircuitError
        With every mistake in them, or if the circuit has no such paths.
    """
    data, source = _written_out(circuit)
    data, source = _replaced(
        data,
        source,
        [_Change(path, _as_written(value), f"{option} {path}") for path, value in changes.items()],
    )
    return parse(Circuit, data, source).at(source)


def with_entry(circuit: Circuit, path: tuple[str, str], entry: Any, place: str) -> Circuit:
    """A circuit with one more entry, at a path such as `("populations", "e")`.

    Raises
    ------
    CircuitError
        With every mistake in it.
    """
    data, source = _written_out(circuit)
    kind, name = path
    data.setdefault(kind, {})[name] = _as_written(entry)
    source = replace(source, places={**source.places, path: place})
    return parse(Circuit, data, source).at(source)


def without_entries(circuit: Circuit, paths: Sequence[str], option: str) -> Circuit:
    """A circuit without what is at some dotted paths.

    Raises
    ------
    CircuitError
        If there is nothing at one of them, or it cannot be left out.
    """
    data, source = _written_out(circuit)
    for dotted_path in paths:
        *above, last = _split(data, dotted_path, f"{option} {dotted_path}")
        node: Any = data
        for key in above:
            node = node[key]
        if isinstance(node, dict) and last not in node:
            message = f"the circuit has no '{dotted_path}'"
            hint = did_you_mean(str(last), map(str, node))
            raise CircuitError([Problem((), message, hint, f"{option} {dotted_path}")])
        del node[last]
    return parse(Circuit, data, source).at(source)


def _written_out(circuit: Circuit) -> tuple[dict[str, Any], Source]:
    """A circuit as plain data, with the places where its keys are written."""
    return as_data(circuit, keep_arrays=True), replace(circuit.source, files={})


def _as_written(value: Any) -> Any:
    """A value as a file has it: elements as their keys, scalars of NumPy as numbers."""
    if isinstance(value, Mapping):
        return {key: _as_written(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_written(each) for each in value]
    is_scalar = hasattr(value, "item") and not hasattr(value, "dim") and not value.shape
    return value.item() if is_scalar else as_data(value, keep_arrays=True)


def _split(data: Any, dotted_path: str, place: str) -> tuple[str | int, ...]:
    words = dotted_path.split(".")
    path: list[str | int] = []
    node = data
    while words:
        taken = next(
            (
                n
                for n in range(len(words), 0, -1)
                if isinstance(node, dict) and ".".join(words[:n]) in node
            ),
            0,
        )
        if isinstance(node, list) and words[0].isdigit() and int(words[0]) < len(node):
            key: str | int = int(words.pop(0))
        elif taken:
            key, words = ".".join(words[:taken]), words[taken:]
        elif isinstance(node, dict) and len(words) == 1:
            return (*path, words[0])
        elif isinstance(node, dict) and (words[0] in _fields(path) or _changes_a_region(path)):
            key = words.pop(0)
            node[key] = {}
        else:
            known = list(node) if isinstance(node, dict) else []
            message = f"the circuit has no '{'.'.join([*map(str, path), words[0]])}'"
            of_region = (
                path
                and path[0] in ("populations", "pathways")
                and words[0] in (data.get("regions") or {})
            )
            instead = (
                f"it belongs to a region: set regions.{words[0]}.{path[0]}.{'.'.join(words[1:])}"
                if of_region
                else ""
            )
            hint = instead or did_you_mean(words[0], map(str, known))
            raise CircuitError([Problem((), message, hint, place)])
        path.append(key)
        node = node[key]
    return tuple(path)


def _fields(path: list[str | int]) -> Collection[str]:
    """The keys of a part that every circuit has, written or not, such as `record.weights`."""
    model: Any = Circuit
    for key in path:
        model = getattr(model.model_fields.get(key), "annotation", None)
        if not hasattr(model, "model_fields"):
            return ()
    return dict.keys(model.model_fields)


def _changes_a_region(path: list[str | int]) -> bool:
    """Whether the value belongs to a region, whose populations and pathways are in its template."""
    return path[:1] == ["regions"] and len(path) > 1


def dumps(circuit: Circuit) -> str:
    """The circuit as YAML text, which loads to an equal circuit."""
    return as_yaml(as_data(circuit))


def as_yaml(data: Any) -> str:
    """Plain data as YAML text, in the style of circuits."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


_OTHER_BREAKS = "\r\x85\u2028\u2029"


class _Dumper(yaml.SafeDumper):
    """Short lists on one line, equations in blocks, words such as `off` quoted only if needed."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Text that would be read as something else is quoted; YAML's own rules have no `1e5`."""
    style = "|" if "\n" in text else None if isinstance(plain(text), str) else "'"
    if any(each in text for each in _OTHER_BREAKS):
        style = '"'  # in which they are escaped; elsewhere they are read as "\n"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    flat = all(not isinstance(item, dict | list) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)

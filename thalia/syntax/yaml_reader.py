"""Strict YAML with the place of every key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import yaml

from thalia.errors import CircuitError, Path, Problem, TextPlace
from thalia.syntax.folder import HERE, Folder

MAX_NODES = 100_000  # entries with aliases, which may stand for any number of others
MAX_WRITTEN = 1_000_000  # entries that all are written, such as the spikes of a long protocol
MAX_DEPTH = 200
LONGEST_BY_HAND = 200_000  # characters, which PyYAML reads in a second or two
_READ_MORE_FREELY = re.compile(r"[\t?]")
_HALF = re.compile("[\ud800-\udfff]")  # of a pair that stands for one character in UTF-16
_BRACKETS = re.compile(r"[\[\]{}]")
CONTENT = "|"  # below the path of a text, the place of its first letter
_HINTS = {  # by what the messages of the parser contain
    "'\\t'": "use spaces in place of tabs",
    "expected <block end>": "indent the entries of a mapping or a list alike, with spaces",
    "mapping values are not allowed": "check the indentation; quote a text that contains ': '",
    "could not find expected ':'": "write `key: value`, with a space after the colon",
    "expected ',' or '}'": "separate entries with commas, and close the { with a }",
    "expected ',' or ']'": "separate entries with commas, and close the [ with a ]",
    "<block mapping start>": "indent the keys of a mapping alike, with spaces",
    "found unexpected end of stream": "close the quotation marks",
}
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def _untyped(loader: type[Any]) -> type[Any]:
    """A loader that leaves to `plain` what a word without quotation marks is."""
    tags = {
        yaml.ScalarNode: loader.DEFAULT_SCALAR_TAG,
        yaml.SequenceNode: loader.DEFAULT_SEQUENCE_TAG,
        yaml.MappingNode: loader.DEFAULT_MAPPING_TAG,
    }
    return type(loader.__name__, (loader,), {"resolve": lambda self, kind, *_: tags[kind]})


_PYYAML = _untyped(yaml.SafeLoader)
_LIBYAML = _untyped(getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@dataclass(frozen=True)
class Source:
    """Where each path of a circuit was written, and the text of every file that it includes.

    `aliases` map the path of something that a pass created (a population of a region, an entry of a
    matrix pathway) to the path that the user wrote.
    """

    places: Mapping[Path, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[Path, Path] = field(default_factory=dict)
    folder: Folder = HERE

    def written(self, path: Path) -> Path:
        """The path that the user wrote, for the path of something that a pass created from it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.aliases:
                return (*self.aliases[path[:length]], *path[length:])
        return path

    def locate(self, path: Path, at: TextPlace | None = None) -> str:
        """The place of a path, or of the nearest parent that was written.

        With `at`, the place of that line and column of the text at the path.
        """
        path = self.written(path)
        if at and (start := self.places.get((*path, CONTENT))):
            file, line, column = start.rsplit(":", 2)
            return f"{file}:{int(line) + at[0]}:{int(column) + at[1]}"
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return ""

    def placed(self, problems: list[Problem]) -> CircuitError:
        """The error for these problems, with their places, in file order, without duplicates."""
        located = {
            p if p.place else replace(p, path=self.written(p.path), place=self.locate(p.path, p.at))
            for p in problems
        }
        return CircuitError(sorted(located, key=_reading_order))

    def joined(self, other: "Source", under: Path) -> "Source":
        """This source with the places of another added below a path."""
        places = {**self.places, **{(*under, *path): place for path, place in other.places.items()}}
        return Source(places, {**self.files, **other.files}, self.aliases, self.folder)

    def below(self, path: Path) -> "Source":
        """The places below a path, as those of a separate text."""
        return Source(
            {
                known[len(path) :]: place
                for known, place in self.places.items()
                if known[: len(path)] == path
            },
            {},
        )

    def below_each(self, key: str) -> dict[str, "Source"]:
        """The places below each entry of a mapping, by its name, as those of a separate text."""
        found: dict[str, dict[Path, str]] = {}
        for known, place in self.places.items():
            if known[:1] == (key,) and len(known) > 1:
                found.setdefault(str(known[1]), {})[known[2:]] = place
        return {name: Source(places, {}) for name, places in found.items()}

    def aliased(self, aliases: Mapping[Path, Path]) -> "Source":
        """This source with additional aliases."""
        return Source(self.places, self.files, {**self.aliases, **aliases}, self.folder)


def _reading_order(problem: Problem) -> tuple[str, int, int, str]:
    file, _, rest = problem.place.partition(":")
    line, _, column = rest.partition(":")
    return file, int(line or 0), int(column or 0), str(problem)


def read_yaml(text: str, name: str, folder: Folder = HERE) -> tuple[object, Source]:
    """Plain data and its source from YAML text; `name` is the file's name in messages.

    Booleans are `true` and `false` only (`no` and `off` are words), keys are text, duplicates are
    errors, and tags, which could construct Python objects, are refused.

    Raises
    ------
    CircuitError
        With every duplicate key and refused tag, or the first place where the text is not valid
        YAML.
    """
    if _flow_depth(text) > MAX_DEPTH:
        hint = "write lists and mappings in lines of their own"
        raise CircuitError([Problem((), "is nested too deeply", hint, name)])
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        found = str(error.problem or error.context)
        message = f"is not valid YAML: {found}"
        raise CircuitError([Problem((), message, _hint(found), place)]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is nested too deeply"
        raise CircuitError([Problem((), f"is not valid YAML: {reason}", place=name)]) from None
    reader = _Reader(name, text)
    data = reader.data(root, ()) if root is not None else None
    if reader.problems:
        raise CircuitError(reader.problems)
    return data, Source(reader.places, {name: text}, folder=folder)


def _hint(found: str) -> str:
    """How text is made YAML in which the parser found something else."""
    return next((hint for words, hint in _HINTS.items() if words in found), "")


def _flow_depth(text: str) -> int:
    """Levels of brackets, at most: those in quotes and comments count, too."""
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKETS.findall(text))
    depth = deepest = 0
    for step in steps:
        depth = max(depth + step, 0)
        deepest = max(deepest, depth)
    return deepest


@lru_cache(maxsize=4)  # each condition of a circuit is read from the same text
def _compose(text: str) -> yaml.Node | None:
    """The nodes of YAML text, with their places; cached, so never to be modified.

    libyaml reads ten times as fast as PyYAML's own parser, which is the stricter one about tabs and
    question marks, and whose messages are the ones that users see; both find the same nodes at the
    same places. Long texts, which programs write, are left to libyaml.
    """
    is_long = len(text) > LONGEST_BY_HAND
    if is_long or not _READ_MORE_FREELY.search(text):
        try:
            return yaml.compose(text, Loader=_LIBYAML)
        except (yaml.YAMLError, ValueError):
            if is_long:
                raise
    return yaml.compose(text, Loader=_PYYAML)


class _Reader:
    def __init__(self, name: str, text: str):
        self.name, self.lines = name, text.splitlines()
        self.places: dict[Path, str] = {}
        self.problems: list[Problem] = []
        self.count, self.repeats = 0, False
        self.read: set[int] = set()

    def data(self, node: yaml.Node, path: Path) -> object:
        self.count += 1
        self.repeats |= id(node) in self.read
        self.read.add(id(node))
        most = MAX_NODES if self.repeats else MAX_WRITTEN
        if self.count > most:
            expanded = " once aliases are expanded" if self.repeats else ""
            message = f"has more than {most:,} entries{expanded}"
            raise CircuitError(
                [Problem((), message, "write out what is repeated, or make it a region", self.name)]
            )
        if len(path) > MAX_DEPTH:
            raise CircuitError([Problem((), "is nested too deeply", place=self.name)])
        self.places.setdefault(path, self._place(node))
        if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
            self._problem(
                path,
                node,
                f"the tag '{node.tag}' is not allowed",
                "a circuit is plain data: remove the tag",
            )
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.data(child, (*path, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode), "a node is a mapping, a sequence or a scalar"
        if not self._is_text(node, path):
            return None
        if place := self._content(node):
            self.places[(*path, CONTENT)] = place
        return _scalar(node)

    def _content(self, node: yaml.ScalarNode) -> str:
        """The place of the first letter of a text whose lines the file holds as they are read."""
        line, column = node.start_mark.line, node.start_mark.column
        if (node.style or "'") in "'\"" and node.end_mark.line == line:
            return f"{self.name}:{line + 1}:{column + 1 + bool(node.style)}"
        if node.style != "|":
            return ""
        block = self.lines[line + 1 : node.end_mark.line + 1]
        first = next((each for each in block if each.strip()), "")
        read = node.value.lstrip("\n")
        indent = len(first) - len(first.lstrip(" ")) - (len(read) - len(read.lstrip(" ")))
        return f"{self.name}:{line + 2}:{indent + 1}"

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        result: dict[str, object] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(path, key_node, "a key must be a word", "write `key: value`")
                continue
            if not self._is_text(key_node, path):
                continue
            key = str(key_node.value)
            if key in first:
                self._problem(
                    (*path, key),
                    key_node,
                    f"'{key}' is given twice, first on line {first[key]}",
                    "keep one",
                )
                continue
            first[key] = key_node.start_mark.line + 1
            self.places[(*path, key)] = self._place(key_node)
            result[key] = self.data(value_node, (*path, key))
        return result

    def _is_text(self, node: yaml.ScalarNode, path: Path) -> bool:
        r"""Whether a word can be written; half of a character, as `"\ud83d"`, cannot."""
        halves = _HALF.search(node.value)
        if halves:
            found = f"holds {halves[0]!r}, half of a character"
            self._problem(path, node, found, "write the character itself")
        return not halves

    def _place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"

    def _problem(self, path: Path, node: yaml.Node, message: str, hint: str) -> None:
        self.problems.append(Problem(path, message, hint, self._place(node)))


def _scalar(node: yaml.ScalarNode) -> object:
    text: str = node.value
    return text if node.style in ("'", '"', "|", ">") else plain(text)


def plain(text: str) -> object:
    """What a text without quotation marks is read as."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text

"""The circuits that come with Thalia, by name: those of published results, and the experiments."""

import re
from functools import cache
from importlib.resources import files
from pathlib import Path as FilePath

from thalia.errors import did_you_mean, fail
from thalia.library.lookup import LIBRARY, names
from thalia.syntax.yaml_reader import read_yaml

_PACKAGE = FilePath(str(files("thalia")))
# in a wheel they are within the package, in the repository beside it
CIRCUITS = next(
    (p for p in (_PACKAGE / "circuits", _PACKAGE.parent / "circuits") if p.is_dir()), None
)
_NAME = re.compile(r"[A-Za-z]\w*")
_SUMMARY = re.compile(r"^summary: .*$", re.MULTILINE)


@cache
def bundled_circuits() -> dict[str, FilePath]:
    """The files of the circuits, by name; the experiments of the library have their own list."""
    found = sorted(CIRCUITS.glob("*.yaml")) if CIRCUITS else []
    return {file.stem: file for file in found}


def circuit_file(name: str | FilePath) -> FilePath:
    """The file of a circuit: a path as it is, or the one that comes with Thalia under this name.

    A file of this name in the current folder is preferred.

    Raises
    ------
    CircuitError
        If a name alone is neither.
    """
    path, text = FilePath(name), str(name)
    if path.exists() or not _NAME.fullmatch(text):
        return path
    circuits = bundled_circuits()
    if text in circuits:
        return circuits[text]
    experiments = names("experiments")
    if text in experiments:
        return FilePath(str(LIBRARY / "experiments" / f"{text}.yaml"))
    known = did_you_mean(text, [*circuits, *experiments])
    raise fail(f"{text}: no such file, and no circuit of Thalia has this name", known)


def name_of(file: str | FilePath) -> str:
    """The name by which a file is found if it comes with Thalia; else its path."""
    path = FilePath(file)
    is_bundled = bundled_circuits().get(path.stem) == path
    return path.stem if is_bundled else str(file)


def beside(file: FilePath, name: str) -> FilePath:
    """Where something about a circuit is written: next to it if it is the user's, else here."""
    return file.with_name(name) if name_of(file) == str(file) else FilePath(name)


def summaries() -> dict[str, str]:
    """What each of the circuits is, in a line, by name."""
    found = {}
    for name, file in bundled_circuits().items():
        line = _SUMMARY.search(file.read_text("utf-8"))
        data = read_yaml(line[0], str(file))[0] if line else None
        found[name] = str(data["summary"]) if isinstance(data, dict) else ""
    return found

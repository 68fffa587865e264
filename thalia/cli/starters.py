"""Starting points for users: a circuit, or a part of one with a circuit that uses it."""

import re
from dataclasses import dataclass
from pathlib import Path

from thalia.errors import fail

POINTS = Path(__file__).parent / "starting_points"
_COMMANDS = {
    "circuit": "thalia run NAME.yaml --plot",
    "rule": "thalia window ./NAME.yaml",
    "experiment": "thalia learn NAME.yaml",
    "task": "thalia learn NAME.yaml",
}
_OF_PARTS = "thalia run NAME_circuit.yaml --plot"


@dataclass(frozen=True)
class Start:
    """The files that were written, and a command to try."""

    files: tuple[Path, ...]
    command: str


def start(kind: str, name: str, folder: Path = Path()) -> Start:
    """Write the starting point of a kind under a name into a folder.

    Raises
    ------
    CircuitError
        If the name is not in snake_case, or one of the files exists; then none is written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise fail(f"'{name}' is not a valid name", "names are snake_case: my_circuit")
    made = {
        folder / each.name.removesuffix(".template").replace("NAME", name): each
        for each in sorted((POINTS / kind).iterdir())
    }
    for file in made:
        if file.exists() or file.is_symlink():  # also one that leads nowhere
            raise fail(f"{file}: exists already", "choose another name")
    for file, template in made.items():
        with open(file, "x", encoding="utf-8") as new:
            new.write(template.read_text("utf-8").replace("NAME", name))
    return Start(tuple(made), _COMMANDS.get(kind, _OF_PARTS).replace("NAME", name))

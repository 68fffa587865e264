"""A task beside a circuit as its text shows it, so that `check` runs no code of anybody's.

What can be read without running it is what the checks of an experiment need: the roles of the task,
and the names of its parameters with their types and defaults, where these are written out.
"""

import ast
from collections.abc import Iterator
from importlib import import_module
from typing import Any, ClassVar, Literal

from pydantic import create_model

from thalia.errors import Path, fail
from thalia.syntax import fields
from thalia.syntax.folder import Folder
from thalia.training.tasks import Environment, environment, names, task_text, with_names_of_its_own

TASKS = "thalia.training.tasks"
ROLES = ("STIMULI", "READOUT", "MODULATORS")
TYPES: dict[str, Any] = {each.__name__: each for each in (int, float, str, bool)} | {
    name: getattr(fields, name)
    for name in ("Count", "Fraction", "Number", "PositiveTime", "Probability", "Rate", "Time")
}


class _Computed(tuple[str, ...]):
    """Roles that only running the task would give: any may be there, and none must."""

    def __contains__(self, role: object) -> bool:
        return True


def outline(task: str, folder: Folder) -> type[Environment]:
    """The environment of this name, without running any code that is not Thalia's.

    Raises
    ------
    CircuitError
        If there is none, or its file is no Python.
    """
    if not task.endswith(".py"):
        return environment(task, folder)
    where: Path = ("experiment", "task")
    file, text = folder.named(task), task_text(task, folder)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise fail(f"{file}:{error.lineno}: is not valid Python: {error.msg}", path=where) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise fail(f"{file}: is not valid Python: {error}", path=where) from None
    known = dict(_imported(tree))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = (known.get(ast.unparse(base)) for base in node.bases)
            if base := next(filter(None, bases), None):
                return with_names_of_its_own(task, _outlined(node, base))
    raise fail(f"{task}: defines no Environment", "class MyTask(Environment): …", where)


def _imported(tree: ast.Module) -> Iterator[tuple[str, type[Environment]]]:
    """The environments of Thalia that a file imports, by their names in it."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (
                (f"{each.asname or each.name}.Environment", Environment) for each in node.names
            )
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{TASKS}."):
            module = str(node.module)
            if module != TASKS and module.removeprefix(f"{TASKS}.") not in names():
                continue
            for each in node.names:
                found = getattr(import_module(module), each.name, None)
                if isinstance(found, type) and issubclass(found, Environment):
                    yield each.asname or each.name, found


def _outlined(node: ast.ClassDef, base: type[Environment]) -> type[Environment]:
    """An environment with the roles and the fields of a class."""
    made: dict[str, Any] = {}
    roles: dict[str, tuple[str, ...]] = {}
    for each in node.body:
        if isinstance(each, ast.Assign):
            targets, annotation = each.targets, None
        elif isinstance(each, ast.AnnAssign):
            targets, annotation = [each.target], each.annotation
        else:
            continue
        for target in targets:
            name = target.id if isinstance(target, ast.Name) else "_"
            if name in ROLES:
                roles[name] = _roles(each.value)
            elif annotation and name[0] != "_" and "ClassVar" not in ast.unparse(annotation):
                made[name] = _field(annotation, each.value)
    own = type("Outline", (base,), {"__annotations__": dict.fromkeys(roles, ClassVar), **roles})
    return create_model(node.name, __base__=own, **made)


def _roles(value: ast.expr | None) -> tuple[str, ...]:
    written, found = _literal(value)
    return tuple(map(str, found)) if written and isinstance(found, tuple | list) else _Computed()


def _field(annotation: ast.expr, value: ast.expr | None) -> tuple[Any, Any]:
    """Type and default of a field; anything will do where they would have to be computed."""
    kind = TYPES.get(ast.unparse(annotation), Any)
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Literal":
        written, words = _literal(annotation.slice)
        kind = Literal[words] if written else Any
    if value is None:
        return kind, ...
    written, default = _literal(value)
    return (kind, default) if written else (kind | None, None)


def _literal(value: ast.expr | None) -> tuple[bool, Any]:
    """Whether a value is written out, and the value."""
    try:
        return value is not None, ast.literal_eval(value) if value else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False, None

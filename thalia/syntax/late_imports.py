"""What is imported when it is used: packages above the caller's, and libraries that are optional.

Some methods of values that users have in hand do what only a higher package can: a circuit that is
edited is compiled, a run is exported, a notebook draws. Such a method names its function.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, nullcontext
from importlib import import_module, util
from pathlib import Path as FilePath
from typing import Any

from thalia.errors import fail


def above(function: str) -> Any:
    """A function of a higher package by its place, as in `above("exporters.neo.block")`."""
    module, _, name = function.rpartition(".")
    return getattr(import_module(f"thalia.{module}"), name)


def require(library: str, user: str) -> None:
    """Check that there is a library that is not one of Thalia's own; `user` is what needs it.

    Raises
    ------
    CircuitError
        If it is not installed.
    """
    if util.find_spec(library) is None:
        raise fail(f"{user} needs {library}, which is not installed", f"pip install {library}")


def optional(library: str, user: str) -> Any:
    """A library that is not one of Thalia's own; `user` is what needs it.

    Raises
    ------
    CircuitError
        If it is not installed.
    """
    require(library, user)
    return import_module(library)


@contextmanager
def importing(library: str) -> Iterator[None]:
    """Where a library is imported that evaluates a file of settings in the current folder.

    That file may be a stranger's; in the folder of this module there is none.
    """
    leaves = library not in sys.modules and _there_is_a_way_back()
    with chdir(FilePath(__file__).parent) if leaves else nullcontext():
        yield


def _there_is_a_way_back() -> bool:
    """Whether the current folder has a name; one that was removed is empty, and has none."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True

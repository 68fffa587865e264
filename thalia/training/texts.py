"""English text for experiments: that which comes with Python, or a file."""

import re
from functools import lru_cache
from importlib import import_module

from thalia.syntax.folder import Folder

PYTHON = "topics"  # the text of help() about the language, in the module pydoc_data.topics
LETTERS = " abcdefghijklmnopqrstuvwxyz"


def text_of(data: str, folder: Folder) -> str:
    """Letters from a to z, and a space for whatever stands between words.

    Raises
    ------
    CircuitError
        If there is no such file, or it cannot be read.
    """
    raw = _topics() if data == PYTHON else folder.text(data)
    return re.sub("[^a-z]+", " ", raw.lower())


@lru_cache(maxsize=1)
def _topics() -> str:
    """The descriptions of the language that come with Python."""
    return " ".join(import_module("pydoc_data.topics").topics.values())

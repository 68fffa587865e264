"""The names that a variable of a neuron cannot have, because generated code has them already.

They are the functions, constants and units of Brian2, the keywords of Python, C++ and CUDA, the
macros of the headers that the code includes, and what its templates declare. The list is written by
tests/syntax/test_reserved_names.py, which fails where a compiler knows another macro.
"""

from importlib.resources import files

RESERVED_NAMES = frozenset(
    (files("thalia.library") / "reserved_names.txt").read_text(encoding="utf-8").split()
)

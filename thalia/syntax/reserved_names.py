"""The names that a variable of a neuron cannot have, because generated code has them already.

They are the functions, constants and units of Brian2, the keywords of Python, C++ and CUDA, the
macros of the headers that the code includes, and what its templates declare. The list is written by
tests/syntax/test_reserved_names.py, which fails where a compiler knows another macro.
"""

from importlib.resources import files


def _listed(file: str) -> frozenset[str]:
    return frozenset((files("thalia.syntax") / file).read_text(encoding="utf-8").split())


RESERVED_NAMES = _listed("reserved_names.txt")
# which variables with an equation `dx/dt` cannot have: they meet those of sympy and of integrators
SOLVER_NAMES = _listed("solver_names.txt")

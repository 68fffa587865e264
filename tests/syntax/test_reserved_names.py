"""The names that user variables may not have are all there: those of Brian2, of C++ and of CUDA.

`pytest tests/syntax/test_reserved_names.py --update-golden` adds what this machine knows and the
list lacks.
"""

import keyword
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from thalia.codegen.brian_model import import_brian2
from thalia.syntax.reserved_names import RESERVED_NAMES, SOLVER_NAMES

FOLDER = Path(str(files("thalia.syntax")))
KEYWORDS = """
alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool
break case catch char char8_t char16_t char32_t class compl concept const consteval constexpr
constinit const_cast continue contract_assert co_await co_return co_yield decltype default delete do
double dynamic_cast else enum explicit export extern false float for friend goto if inline int long
mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public reflexpr
register reinterpret_cast requires restrict return short signed sizeof static static_assert
static_cast struct switch synchronized template this thread_local throw true try typedef typeid
typename typeof union unsigned using virtual void volatile wchar_t while xor xor_eq final override
import module
owner self codeobj_name scalar_code vector_code variables variable_indices template_kwds profiled
pointers_lines support_code_lines hashdefine_lines user_headers kernel_lines denormals_code_lines
threadIdx blockIdx blockDim gridDim warpSize
"""
TYPES = """
size_t ssize_t ptrdiff_t time_t clock_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t
uint64_t intptr_t uintptr_t intmax_t uintmax_t std brian randomNumber_t curandState Network Clock
"""
_OF_NEURONS = (
    *("common_group", "common_object", "stateupdate", "threshold", "reset"),
    *("group_variable_set", "group_variable_set_conditional"),
)
_DECLARED = re.compile(
    r"\b(?:int|unsigned|double|float|bool|char|auto|size_t|u?int\d+_t|randomNumber_t|curandState)"
    r"\s*[*&]*\s+[*&]*([A-Za-z]\w*)\s*[=;\[]"
)


def of_brian2() -> set[str]:
    import_brian2()
    from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
    from brian2.core.namespace import DEFAULT_UNITS

    special = {"t", "dt", "t_in_timesteps", "xi", "i", "j", "N", "not_refractory", "refractory"}
    special |= {"refractory_until", "lastspike", "lastupdate"}
    return special | {*DEFAULT_CONSTANTS, *DEFAULT_FUNCTIONS, *DEFAULT_UNITS}


def of_templates(pattern: re.Pattern[str]) -> set[str]:
    """What the templates declare in the scopes in which variables of neurons are declared, too."""
    import brian2
    import brian2cuda

    folders = [Path(each.__file__).parent for each in (brian2, brian2cuda)]
    folders.append(Path(str(files("thalia.backends"))))
    found: set[str] = set()
    for folder in folders:
        for file in folder.rglob("templates/*"):
            if file.stem in _OF_NEURONS and file.suffix in (".cpp", ".cu", ".py_", ".pyx"):
                found |= set(pattern.findall(file.read_text(encoding="utf-8")))
    return found


def of_preprocessor() -> Iterator[str]:
    """The macros of the headers that generated code includes, with every compiler that is here."""
    text = "".join(f"#include <{header}>\n" for header in sorted(_included()))
    command = ["-std=c++17", "-dM", "-E", "-x", "c++"]
    for compiler in filter(shutil.which, ("g++", "clang++")):
        yield from _macros([compiler, *command, "-"], text)
    if nvcc := shutil.which("nvcc"):
        include = Path(nvcc).resolve().parent.parent / "include"
        found = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True)
        release = re.search(r"release (\d+\.\d+)", found.stdout)
        if not (include / "cuda_runtime.h").exists() and release:
            include = Path(f"/usr/local/cuda-{release[1]}/include")
        cuda = "#include <cuda_runtime.h>\n#include <curand.h>\n" + text
        yield from _macros(["g++", f"-I{include}", "-D__CUDACC__", *command, "-"], cuda)


def _included() -> set[str]:
    """The headers of the standard library that the C++ of Brian2 and Thalia includes."""
    import brian2

    folders = [Path(brian2.__file__).parent, Path(str(files("thalia.backends")))]
    sources = (f for folder in folders for e in ("*.cpp", "*.h") for f in folder.rglob(e))
    pattern = re.compile(r"^\s*#include\s*<(c?[a-z]+(?:\.h)?)>", re.MULTILINE)
    found = {name for f in sources for name in pattern.findall(f.read_text(encoding="utf-8"))}
    windows = {"windows.h", "io.h", "immintrin.h"}  # the last has macros with underscores only
    return {*found, "stdint.h"} - windows


def _macros(command: list[str], text: str) -> set[str]:
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return set(re.findall(r"^#define ([A-Za-z]\w*)", ran.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def needed() -> set[str]:
    """Every name with which the code of a neuron model would not compile."""
    found = {
        *KEYWORDS.split(),
        *TYPES.split(),
        *keyword.kwlist,
        *of_brian2(),
        *of_templates(_DECLARED),
    }
    return {name for name in found | set(of_preprocessor()) if re.fullmatch(r"[A-Za-z]\w*", name)}


def of_solver() -> set[str]:
    """The names of sympy, and those that with an underscore are names of the generated code."""
    import builtins

    import sympy

    known = {*sympy.__all__, *dir(builtins)} - {"I", "E"}
    # an integrator puts an underscore before the names of variables
    known |= {"numpy", *of_templates(re.compile(r"\b_([A-Za-z]\w*)"))}
    return {name for name in known if re.fullmatch(r"[A-Za-z]\w*", name)}


def checked(file: str, needed: set[str], listed: frozenset[str], update: bool) -> set[str]:
    """What a list lacks; with `update` it is added first."""
    path = FOLDER / file
    if update:
        path.write_text("".join(f"{name}\n" for name in sorted(needed | listed)), encoding="utf-8")
    return needed - set(path.read_text(encoding="utf-8").split())


def test_the_list_of_reserved_names_is_complete(needed, request):
    update = request.config.getoption("--update-golden")

    assert not checked("reserved_names.txt", needed, RESERVED_NAMES, update)


def test_the_list_of_names_of_the_solver_is_complete(request):
    update = request.config.getoption("--update-golden")

    assert not checked("solver_names.txt", of_solver(), SOLVER_NAMES, update)

"""The C++ compiler: finding it, its flags, and compiling sources with a precompiled header."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from hashlib import sha256
from pathlib import Path as FilePath

from thalia.backends.cache import Description, Hold, hold_folder, is_whole, seal

# No -ffast-math: sums keep their order, so that a resumed run is bit-identical.
FLAGS = (
    "-w",
    "-O2",
    "-ftree-vectorize",
    "-fvect-cost-model=dynamic",
    # or a loop over more than a few arrays would not be vectorised
    "--param=vect-max-version-for-alias-checks=1000",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-std=c++17",
)
_HEADERS = (
    "algorithm",
    "chrono",
    "cmath",
    "csignal",
    "cstdint",
    "cstdlib",
    "cstring",
    "ctime",
    "fstream",
    "functional",
    "iostream",
    "iterator",
    "limits",
    "map",
    "random",
    "set",
    "sstream",
    "string",
    "tuple",
    "utility",
    "vector",
)


@cache
def find_compiler() -> str | None:
    """The C++ compiler: `$CXX`, g++ or clang++, whichever is found first."""
    wanted = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "c++"]
    return next((found for name in wanted if (found := shutil.which(name))), None)


@cache
def identity() -> str:
    """Compiler, version, flags and processor: all a program depends on apart from its source."""
    command = find_compiler()
    if command is None:
        return "none"
    version = subprocess.run(
        [command, "--version"], capture_output=True, text=True, check=False
    ).stdout
    target = subprocess.run(
        [command, "-march=native", "-Q", "--help=target"],
        capture_output=True,
        text=True,
        check=False,
    )
    arch = next(
        (line for line in target.stdout.splitlines() if line.strip().startswith("-march=")), ""
    )
    return "\n".join([command, version, arch, *FLAGS])


class CompileError(RuntimeError):
    """The compiler rejected a source that Thalia wrote: a bug, shown with its message."""


def compile_program(
    folder: FilePath,
    sources: list[str],
    less: Mapping[str, str],
    progress: Callable[[int, int], None],
) -> None:
    """Compile and link `sources`, all in `folder`, to `folder/main`.

    `less` maps some of the sources to a lower level of optimisation.

    Raises
    ------
    CompileError
        With the message of the compiler.
    """
    header, _hold = _precompiled_header()
    total = len(sources) + 1
    objects = [f"{source}.o" for source in sources]
    common = ["-include", str(header), "-I.", "-c"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(
                _compile,
                [*common, *((less[source],) if source in less else ()), source, "-o", target],
                folder,
            )
            for source, target in zip(sources, objects, strict=True)
        ]
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            progress(done, total)
    _compile([*objects, "-o", "main"], folder)
    progress(total, total)
    for name in objects:
        (folder / name).unlink()


def _compile(arguments: list[str], folder: FilePath) -> None:
    command = [str(find_compiler()), *FLAGS, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileError(f"{shlex.join(command)}\n{done.stderr[-4000:]}")


def _precompiled_header() -> tuple[FilePath, Hold]:
    """The standard headers that every source includes, parsed once per compiler and flags.

    Built in its final folder, since clang++ stores the path of a header; held while it is in use.
    """
    text = "".join(f"#include <{header}>\n" for header in _HEADERS)
    digest = sha256((identity() + text).encode()).hexdigest()[:16]
    folder, hold = hold_folder(f"header-{digest}")
    if not is_whole(folder):
        (folder / "standard.h").write_text(text)
        partial = f"standard.{os.getpid()}.gch"
        _compile(["-x", "c++-header", "standard.h", "-o", partial], folder)
        (folder / partial).replace(folder / "standard.h.gch")
        seal(folder, Description("precompiled header"), ("standard.h", "standard.h.gch"), {})
    return folder / "standard.h", hold

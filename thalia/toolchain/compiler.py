"""The C++ compiler: finding it, its flags, and compiling what programs share only once."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from hashlib import sha256
from pathlib import Path as FilePath

from thalia.compiler.machine import available_processors
from thalia.toolchain.cache import Description, Hold, alone, hold_folder, is_whole, seal

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
    less: Mapping[str, tuple[str, ...]],
    common: Mapping[str, str],
    progress: Callable[[int, int], None],
) -> None:
    """Compile and link `sources`, all in `folder`, to `folder/main`.

    Parameters
    ----------
    less : flags by source
        Of those that are optimised less than the others.
    common : texts by the name of their file
        Sources that all programs have in common, and their headers, of which `common.h` is
        included before anything else in every one of `sources`.

    Raises
    ------
    CompileError
        With the message of the compiler.
    """
    header, linked, _hold = _common_parts(common)
    steps = {
        f"{source}.o": ["-include", str(header), *less.get(source, ()), "-c", source]
        for source in sources
    }
    total = len(steps) + 1
    _compile_all(steps, folder, lambda done: progress(done, total))
    _compile([*steps, *map(str, linked)], "main", folder)
    progress(total, total)
    for name in steps:
        (folder / name).unlink()


def _compile_all(
    steps: Mapping[str, list[str]],
    folder: FilePath,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Compile several files, given by name with what they are made of, on all cores."""
    with ThreadPoolExecutor(available_processors()) as pool:
        jobs = [pool.submit(_compile, step, target, folder) for target, step in steps.items()]
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            progress(done)


def _compile(arguments: list[str], target: str, folder: FilePath) -> None:
    command = [str(find_compiler()), *FLAGS, *arguments, "-o", target]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileError(f"{shlex.join(command)}\n{done.stderr[-4000:]}")


def _common_parts(common: Mapping[str, str]) -> tuple[FilePath, list[FilePath], Hold]:
    """What all programs have in common, compiled once: a header, and objects to link.

    Built in its final folder, since clang++ stores the path of a header; held while it is in use.
    """
    digest = sha256(json.dumps([identity(), *common.items()]).encode()).hexdigest()[:16]
    folder, hold = hold_folder(f"common-{digest}")
    objects = [f"{name}.o" for name in common if name.endswith(".cpp")]
    if not is_whole(folder):
        with alone(folder):
            if not is_whole(folder):
                _compile_common(common, objects, folder)
    return folder / "common.h", [folder / name for name in objects], hold


def _compile_common(common: Mapping[str, str], objects: list[str], folder: FilePath) -> None:
    for name, text in common.items():
        (folder / name).write_text(text)
    steps = {name: ["-c", name.removesuffix(".o")] for name in objects}
    _compile_all(steps | {"common.h.gch": ["-x", "c++-header", "common.h"]}, folder)
    needed = ("common.h", "common.h.gch", *objects)
    seal(folder, Description("parts of all programs"), needed, {})

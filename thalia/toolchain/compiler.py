"""The C++ compiler: finding it, trying it out, and compiling what programs share only once."""

import itertools
import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from threading import Event

from thalia.compiler.machine import available_processors
from thalia.errors import fail, shortened, system_error
from thalia.toolchain.cache import (
    Description,
    alone,
    cannot_execute,
    hold_folder,
    is_whole,
    seal,
)
from thalia.toolchain.locks import Hold

STOP_SECONDS = 0.1  # in which it is noticed that a compiler is no longer wanted
LONGEST_END = 2.0  # seconds that it may then take
THIS_PROCESSOR = "-march=native"
# gcc prefers half the width on processors of Intel, at which it cannot vectorise a loop with a
# condition on a byte, such as whether a neuron is refractory
WIDEST = "-mprefer-vector-width=512"
# No -ffast-math: sums keep their order, so that a resumed run is bit-identical.
FLAGS = (
    "-w",
    "-O2",
    "-ftree-vectorize",
    "-fvect-cost-model=dynamic",
    # or a loop over more than a few arrays would not be vectorised
    "--param=vect-max-version-for-alias-checks=1000",
    THIS_PROCESSOR,
    *((WIDEST,) if platform.machine() in ("x86_64", "AMD64") else ()),
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-std=c++17",
    "-pthread",
)
LIBRARY_FLAGS = ("-O3", "-shared", "-fPIC")


_SEVERAL = ("g++", "clang++", "c++")
_TRIAL = """#include <random>
int main() { std::mt19937 draw(1); return draw() == 0; }
"""
# what a compiler says when the machine lacks something, and what to do about it
_LACKS = {
    "No space left on device": "make room in {folder}, or in $TMPDIR",
    "Disk quota exceeded": "make room in {folder}, or in $TMPDIR",
    "Read-only file system": "set THALIA_CACHE and TMPDIR to folders that can be written",
    "Cannot allocate memory": "compiling takes up to 1 GB for each core: give this job more memory",
    "virtual memory exhausted": "compiling takes up to 1 GB for each core: raise `ulimit -v`",
    "out of memory": "compiling takes up to 1 GB for each core: give this job more memory",
    "Killed signal": "compiling takes up to 1 GB for each core: give this job more memory",
    "File size limit exceeded": "raise the limit of the size of a file: `ulimit -f`",
}
_MOST_ERRORS = 5


def find_compiler() -> tuple[str, ...]:
    """The words that call the C++ compiler; none where there is no compiler.

    `$CXX`, also with arguments (`ccache g++ -m64`), or else g++ or clang++.

    Raises
    ------
    CircuitError
        If `$CXX` names no program.
    """
    given = os.environ.get("CXX", "").strip()
    if not given:
        found = next(filter(None, map(shutil.which, _SEVERAL)), None)
        return (found,) if found else ()
    try:
        program, *arguments = [given] if shutil.which(given) else shlex.split(given)
    except ValueError as error:
        raise fail(f"CXX: '{given}' cannot be read ({error})", "quote it as in a shell") from None
    if not (found := shutil.which(program)):
        raise fail(
            f"CXX: no program is called '{program}'",
            "set it to the command of a C++ compiler, or unset it",
        )
    return found, *arguments


def flags() -> tuple[str, ...]:
    """The flags of every compilation; what `$CXX` says of a processor replaces that of here."""
    said = tuple(word.partition("=")[0] for word in find_compiler())
    given = {THIS_PROCESSOR: {"-march", "-mcpu"}, WIDEST: {"-mprefer-vector-width"}}
    return tuple(flag for flag in FLAGS if given.get(flag, set()).isdisjoint(said))


def identity() -> str:
    """Compiler, version, flags and processor: all a program depends on apart from its source."""
    command = find_compiler()
    return _identity(command, flags()) if command else "none"


def called() -> str:
    """What the compiler calls itself, with its version; empty where there is none."""
    command = find_compiler()
    return _called(command) if command else ""


@cache
def _called(command: tuple[str, ...]) -> str:
    told = subprocess.run(
        [*command, "--version"], capture_output=True, check=False, env=_in_english()
    ).stdout
    return told.decode("utf-8", "replace").partition("\n")[0].strip()


@cache
def _identity(command: tuple[str, ...], with_flags: tuple[str, ...]) -> str:
    # the macros say which instructions the compiler may use, which `native` does not
    asked = ([*command, "--version"], [*command, *with_flags, "-dM", "-E", "-x", "c++", os.devnull])
    said = (
        subprocess.run(each, capture_output=True, check=False, env=_in_english()).stdout
        for each in asked
    )
    return "\n".join([*command, *with_flags, *(sha256(each).hexdigest() for each in said)])


class CompileError(RuntimeError):
    """The compiler rejected a source that Thalia wrote: a bug, shown with its message."""


class _Stopped(Exception):
    """A compiler was ended because nobody wants its result any more."""


def call_compiler(command: Sequence[str], folder: FilePath, unwanted: Event | None = None) -> None:
    """Run a compiler in a folder; it ends with this process, or when `unwanted` is set.

    Raises
    ------
    CompileError
        With the first errors that it reported, and the command.
    CircuitError
        If it cannot be started, or lacks memory or room.
    """
    try:
        status, said = _outcome_of(command, folder, unwanted)
    except OSError as error:
        raise system_error(error, command[0], "started") from None
    if status == 0:
        return
    lines = said.decode(errors="replace").splitlines()
    for line, (phrase, hint) in itertools.product(lines, _LACKS.items()):
        if phrase in line:
            message = f"{command[0]}: {shortened(line, 300)}"
            raise fail(message, hint.format(folder=folder))
    errors = [line for line in lines if "error" in line or "undefined reference" in line] or lines
    told = errors[:_MOST_ERRORS] or [f"{ended(status)}, saying nothing"]
    raise CompileError("\n".join([*told, f"    command: {shlex.join(command)}"]))


def _outcome_of(
    command: Sequence[str], folder: FilePath, unwanted: Event | None
) -> tuple[int, bytes]:
    """The status of a command and what it said, errors first."""
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_in_english(),
        start_new_session=True,  # Ctrl-C reaches this process, which ends it
    ) as process:
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=STOP_SECONDS)
                    return process.returncode, err + out
                except subprocess.TimeoutExpired:
                    if unwanted is not None and unwanted.is_set():
                        raise _Stopped from None
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a compiler with all that it started; it first removes what it has begun to write."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=LONGEST_END)
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def try_out(folder: FilePath | None = None) -> None:
    """Compile a line of C++, and run it in a folder, by default that of temporary files.

    Raises
    ------
    CircuitError
        If there is no compiler, or it does not work, with what it says.
    """
    if not (command := find_compiler()):
        raise fail("no C++ compiler was found", "install g++ or clang++, or set CXX")
    hint = "mend it, set CXX to another compiler, or use `--backend runtime`"
    try_source([*command, *flags()], "trial.cpp", _TRIAL, hint, folder)


def try_source(
    command: Sequence[str], name: str, text: str, hint: str, folder: FilePath | None = None
) -> None:
    """Compile a source with a command, and run the program.

    Raises
    ------
    CircuitError
        If that does not work, with what the compiler or the program says.
    """
    with TemporaryDirectory(dir=folder) as scratch:
        program = FilePath(scratch) / "trial"
        (FilePath(scratch) / name).write_text(text, "utf-8")
        try:
            call_compiler([*command, name, "-o", program.name], FilePath(scratch))
            if not program.exists():
                raise CompileError("it reported nothing, and made no program")
            done = subprocess.run([program], capture_output=True, check=False)
        except CompileError as error:
            raise fail(f"the compiler does not work: {error}", hint) from None
        except OSError as error:
            raise cannot_execute(program, error) from None
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip() or ended(done.returncode)
            raise fail(f"{command[0]}: a program that it made does not work: {said}", hint)


def ended(status: int) -> str:
    """How a program ended, by its status."""
    if status >= 0:
        return f"it ended with status {status}"
    causes = {
        "SIGILL": ": it was compiled for another processor",
        "SIGKILL": ": another program ended it, such as a limit of memory",
    }
    cause = causes.get(signal.Signals(-status).name, "")
    return f"it was ended ({signal.strsignal(-status)}){cause}"


@contextmanager
def working(trial: Callable[[], None]) -> Iterator[None]:
    """Report a compiler that rejects everything as that, rather than as a mistake of Thalia.

    Raises
    ------
    CircuitError
        If something was rejected, and the trial is, too.
    """
    try:
        yield
    except CompileError:
        trial()
        raise


def _in_english() -> dict[str, str]:
    """The environment of a compiler whose messages can be searched."""
    return {**os.environ, "LC_ALL": "C"}


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
    CircuitError
        If the compiler does not work at all, or lacks memory or room.
    """
    with working(try_out):
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
    unwanted = Event()
    with ThreadPoolExecutor(available_processors()) as pool:
        try:  # from the first job on: leaving the pool waits for all that were not called off
            jobs = [
                pool.submit(_compile, step, target, folder, unwanted)
                for target, step in steps.items()
            ]
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                progress(done)
        except BaseException:  # a mistake, or Ctrl-C
            unwanted.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _compile(
    arguments: list[str], target: str, folder: FilePath, unwanted: Event | None = None
) -> None:
    call_compiler([*find_compiler(), *flags(), *arguments, "-o", target], folder, unwanted)


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
        (folder / name).write_text(text, "utf-8")
    steps = {name: ["-c", name.removesuffix(".o")] for name in objects}
    steps["common.h.gch"] = ["-x", "c++-header", "common.h"]
    try:
        _compile_all(steps, folder)
    except BaseException:
        for name in steps:
            (folder / name).unlink(missing_ok=True)
        raise
    needed = ("common.h", "common.h.gch", *objects)
    seal(folder, Description("parts of all programs"), needed, {})


def library(name: str, texts: Mapping[str, str]) -> tuple[FilePath, Hold]:
    """A shared library, compiled once per machine; held while it is in use.

    Parameters
    ----------
    texts : texts by the name of their file
        Its sources, and their headers.

    Raises
    ------
    CompileError
        With the message of the compiler.
    """
    digest = sha256(json.dumps([identity(), *LIBRARY_FLAGS, *texts.items()]).encode()).hexdigest()
    folder, hold = hold_folder(f"{name}-{digest[:16]}")
    file = f"{name}.so"
    if not is_whole(folder):
        with alone(folder):
            if not is_whole(folder):
                for source, text in texts.items():
                    (folder / source).write_text(text, "utf-8")
                sources = [source for source in texts if source.endswith(".cpp")]
                _compile([*LIBRARY_FLAGS, *sources], file, folder)
                seal(folder, Description(name), (file,), {})
    return folder / file, hold

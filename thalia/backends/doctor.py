"""Which backends this machine can run, and how to install what is missing."""

import platform
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

from thalia.backends.cuda import backend as cuda
from thalia.backends.cuda import compiler as nvcc
from thalia.compiler.machine import Limit, memory_limit, processor_limit
from thalia.errors import CircuitError
from thalia.toolchain import cache_folder, compiler

MISSING = "not installed"


@dataclass(frozen=True)
class Check:
    """The result of one check: what was found, whether that suffices, and if not, what to do."""

    name: str
    found: str
    good: bool
    remedy: str = ""


def examine() -> list[Check]:
    """Check the processor and its compiler, the GPU and its compiler, and packages."""
    processors, memory = processor_limit(), memory_limit()
    built = _tried("build cache", lambda: str(cache_folder.folder()), _write_cache)
    place = cache_folder.ready() if built.good else None  # whose file system may run no programs
    return [
        Check("python", platform.python_version(), True),
        Check("brian2", _version("brian2"), True),
        Check(
            "processor",
            f"{processors.amount:.0f} cores{_by(processors)}, "
            f"{memory.amount / 1e9:.1f} GB of memory free{_by(memory)}",
            True,
        ),
        built,
        _tried(
            "C++ compiler",
            lambda: shlex.join(compiler.find_compiler()),
            lambda: compiler.try_out(place),
        ),
        *_examine_gpu(place),
    ]


def _write_cache() -> None:
    """Write to the build cache, and look at its layers."""
    cache_folder.layers()
    place = cache_folder.ready()
    try:
        with TemporaryDirectory(dir=place):
            return
    except OSError as error:
        raise cache_folder.cannot_be_written(error) from None


def _examine_gpu(place: FilePath | None) -> list[Check]:
    gpu, found_nvcc, package = nvcc.find_gpu(), nvcc.find_nvcc(), _version("brian2cuda")
    has = ""
    if gpu:
        of_gpu = f"{nvcc.free_bytes() / 1e9:.1f} of {gpu.memory / 1e9:.1f} GB free"
        has = f"{gpu.name}, sm_{gpu.architecture}, driver {gpu.driver}, {of_gpu}"
    return [
        Check(
            "GPU",
            has or "none found by nvidia-smi",
            gpu is not None,
            "" if gpu else "only needed for --backend cuda",
        ),
        _tried(
            "CUDA compiler", lambda: f"{found_nvcc}, {nvcc.version()}", lambda: nvcc.try_out(place)
        )
        if gpu and found_nvcc
        else Check(
            "CUDA compiler",
            f"{found_nvcc}, {nvcc.version()}, not tried" if found_nvcc else "not found",
            found_nvcc is not None,
            ""
            if found_nvcc
            else "for --backend cuda, install the CUDA toolkit, or set CUDA_PATH to its folder",
        ),
        Check(
            "brian2cuda",
            package,
            package != MISSING,
            "" if package != MISSING else "for --backend cuda, pip install 'thalia[cuda]'",
        ),
    ]


def _tried(name: str, found: Callable[[], str], trial: Callable[[], None]) -> Check:
    """What a trial says: all is well where nothing is raised."""
    try:
        trial()
        return Check(name, found(), True)
    except CircuitError as error:
        (problem,) = error.problems
        return Check(name, problem.message, False, problem.hint)


def _by(limit: Limit) -> str:
    """What sets a limit, in parentheses; nothing if it is the machine itself."""
    return f" (limit: {limit.source})" if limit.source else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING


def backends_here(findings: list[Check]) -> dict[str, str]:
    """For each backend, why it cannot run here; empty if it can."""
    failed = {each.name: each.found.partition("\n")[0] for each in findings if not each.good}
    missing = [*cuda.what_is_missing()]
    return {
        "cpp": failed.get("build cache") or failed.get("C++ compiler", ""),
        "cuda": "; ".join(missing) or failed.get("CUDA compiler", ""),
        "runtime": "",
    }


def as_data(findings: list[Check]) -> dict[str, Any]:
    """Everything for `--json`."""
    return {
        "findings": [asdict(each) for each in findings],
        "backends": backends_here(findings),
    }

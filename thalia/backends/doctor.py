"""Which backends this machine can run, and how to install what is missing."""

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from thalia.backends.cuda import backend as cuda
from thalia.backends.cuda import compiler as nvcc
from thalia.compiler.machine import Limit, memory_limit, processor_limit
from thalia.toolchain import compiler

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
    found = compiler.find_compiler()
    missing = "not found" if found is None else found
    processors, memory = processor_limit(), memory_limit()
    findings = [
        Check("python", platform.python_version(), True),
        Check("brian2", _version("brian2"), True),
        Check(
            "processor",
            f"{processors.amount:.0f} cores{_by(processors)}, "
            f"{memory.amount / 1e9:.1f} GB of memory free{_by(memory)}",
            True,
        ),
        Check(
            "C++ compiler",
            missing,
            found is not None,
            "" if found else "install g++ or clang++, or set CXX",
        ),
    ]
    gpu, found_nvcc, package = nvcc.find_gpu(), nvcc.find_nvcc(), _version("brian2cuda")
    has = ""
    if gpu:
        of_gpu = f"{nvcc.free_bytes() / 1e9:.1f} of {gpu.memory / 1e9:.1f} GB free"
        has = f"{gpu.name}, sm_{gpu.architecture}, driver {gpu.driver}, {of_gpu}"
    return [
        *findings,
        Check(
            "GPU",
            has or "none found by nvidia-smi",
            gpu is not None,
            "" if gpu else "only needed for --backend cuda",
        ),
        Check(
            "CUDA compiler",
            f"{found_nvcc}, {nvcc.version()}" if found_nvcc else "not found",
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


def _by(limit: Limit) -> str:
    """What sets a limit, in parentheses; nothing if it is the machine itself."""
    return f" (limit: {limit.source})" if limit.source else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING


def backends_here() -> dict[str, str]:
    """For each backend, why it cannot run here; empty if it can."""
    return {
        "cpp": "" if compiler.find_compiler() else "no C++ compiler",
        "cuda": "; ".join(cuda.what_is_missing()),
        "runtime": "",
    }


def as_data(findings: list[Check]) -> dict[str, Any]:
    """Everything for `--json`."""
    return {"findings": [asdict(each) for each in findings], "backends": backends_here()}

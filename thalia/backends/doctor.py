"""What this machine can run circuits on, and what to do about what it lacks."""

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from thalia.backends.cpp import compiler
from thalia.backends.cuda import backend as cuda
from thalia.backends.cuda import compiler as nvcc
from thalia.compiler.resources import available_bytes

MISSING = "not installed"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: what was found, whether that will do, and if not, what to do."""

    name: str
    found: str
    good: bool
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at the processor and its compiler, the GPU and its own, and the packages between them and Thalia."""
    found = compiler.find_compiler()
    missing = "nowhere" if found is None else found
    findings = [
        Finding("python", platform.python_version(), True),
        Finding("brian2", _version("brian2"), True),
        Finding(
            "processor",
            f"{os.cpu_count()} cores, {available_bytes() / 1e9:.1f} GB of memory free",
            True,
        ),
        Finding(
            "C++ compiler",
            missing,
            found is not None,
            "" if found else "install g++ or clang++, or set CXX",
        ),
    ]
    gpu, found_nvcc, package = nvcc.find_gpu(), nvcc.find_nvcc(), _version("brian2cuda")
    has = ""
    if gpu:
        has = f"{gpu.name}, sm_{gpu.architecture}, driver {gpu.driver}, {gpu.free / 1e9:.1f} of {gpu.memory / 1e9:.1f} GB free"
    return [
        *findings,
        Finding(
            "GPU",
            has or "none that nvidia-smi shows",
            gpu is not None,
            "" if gpu else "only needed for --backend cuda",
        ),
        Finding(
            "CUDA compiler",
            f"{found_nvcc}, {nvcc.version()}" if found_nvcc else "nowhere",
            found_nvcc is not None,
            ""
            if found_nvcc
            else "for --backend cuda, install the CUDA toolkit, or set CUDA_PATH to where it is",
        ),
        Finding(
            "brian2cuda",
            package,
            package != MISSING,
            "" if package != MISSING else "for --backend cuda, pip install 'thalia[cuda]'",
        ),
    ]


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


def as_data(findings: list[Finding]) -> dict[str, Any]:
    """Everything for `--json`."""
    return {"findings": [asdict(each) for each in findings], "backends": backends_here()}

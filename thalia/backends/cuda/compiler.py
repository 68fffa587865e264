"""NVIDIA's compiler and GPU: finding them, and compiling a program."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath

from thalia.compiler.machine import available_processors
from thalia.toolchain.compiler import call_compiler, try_source, working

# As in the C++ backend, a product and a sum are rounded separately, so that results are identical.
FLAGS = ("-O3", "-std=c++17", "-fmad=false", "-w")
UNMODIFIED_FLAGS = (
    "-O3",
    "-std=c++17",
    "-w",
    "-use_fast_math",
)  # the last two are brian2cuda's own
ELSEWHERE = "90"  # the architecture to compile for without a GPU
_TRIAL = """#include <cstdio>
__global__ void set(int *number) { *number = 1; }
int main() {
    int *number = nullptr, found = 0;
    cudaMalloc(&number, sizeof found);
    set<<<1, 1>>>(number);
    cudaMemcpy(&found, number, sizeof found, cudaMemcpyDeviceToHost);
    if (found != 1) std::puts(cudaGetErrorString(cudaGetLastError()));
    return found != 1;
}
"""


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name, its architecture as nvcc writes it, the driver, and all its memory."""

    name: str
    architecture: str
    driver: str
    memory: float


@cache
def find_nvcc() -> str | None:
    """NVIDIA's compiler: `$NVCC`, on the path, in `$CUDA_PATH`, or in the default location."""
    for name in (
        os.environ.get("NVCC"),
        "nvcc",
        f"{os.environ.get('CUDA_PATH') or '/usr/local/cuda'}/bin/nvcc",
    ):
        if name and (found := shutil.which(name)):
            return found
    return None


@cache
def version() -> str:
    """The release of the compiler, as in 13.0."""
    nvcc = find_nvcc()
    said = (
        subprocess.run(
            [nvcc, "--version"], capture_output=True, encoding="utf-8", check=False
        ).stdout
        if nvcc
        else ""
    )
    return said.partition("release ")[2].partition(",")[0] or "unknown"


@cache
def find_gpu() -> Gpu | None:
    """The first GPU of the driver, or of `$CUDA_VISIBLE_DEVICES`; None if there is none."""
    parts = _asked_of_gpu("name", "compute_cap", "driver_version", "memory.total")
    if len(parts) != 4 or not parts[1].replace(".", "").isdigit():
        return None
    return Gpu(parts[0], parts[1].replace(".", ""), parts[2], float(parts[3]) * 2**20)


def free_bytes() -> float:
    """The memory of that GPU that is free now; 0 without one."""
    parts = _asked_of_gpu("memory.free")
    return float(parts[0]) * 2**20 if parts and parts[0].isdigit() else 0.0


def _asked_of_gpu(*fields: str) -> list[str]:
    """What the driver says about the GPU; nothing if there is none."""
    if not (smi := shutil.which("nvidia-smi")):
        return []
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or "none"
    query = f"--query-gpu={','.join(fields)}"
    command = [smi, f"--id={wanted}", query, "--format=csv,noheader,nounits"]
    asked = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if asked.returncode:
        return []
    return [part.strip() for part in asked.stdout.partition("\n")[0].split(",")]


def identity() -> str:
    """What a compiled program depends on besides its source: compiler, flags, architecture."""
    gpu = find_gpu()
    return "\n".join(
        [
            str(find_nvcc()),
            version(),
            gpu.architecture if gpu else ELSEWHERE,
            *FLAGS,
            *UNMODIFIED_FLAGS,
        ]
    )


def compile_program(folder: FilePath, sources: list[str]) -> None:
    """Compile and link `sources`, all in `folder`, to `folder/main`; several of them in parallel.

    Raises
    ------
    CompileError
        With the message of the compiler.
    CircuitError
        If the compiler does not work at all, or lacks memory or room.
    """
    gpu = find_gpu()
    flags = FLAGS if len(sources) == 1 else UNMODIFIED_FLAGS
    common = [*flags, f"-arch=sm_{gpu.architecture if gpu else ELSEWHERE}", "-I."]
    with working(try_out):
        if len(sources) == 1:
            return _run([*common, *sources, "-o", "main"], folder)
        steps = [[*common, "-dc", source, "-o", f"{source}.o"] for source in sources]
        with ThreadPoolExecutor(available_processors()) as pool:
            list(pool.map(lambda step: _run(step, folder), steps))
        linked = [f"{source}.o" for source in sources]
        return _run([*common, *linked, "-lcurand", "-o", "main"], folder)


def _run(arguments: list[str], folder: FilePath) -> None:
    call_compiler([str(find_nvcc()), *arguments], folder)


def try_out(folder: FilePath | None = None) -> None:
    """Compile a line for the GPU, and run it.

    Raises
    ------
    CircuitError
        If that does not work, with what the compiler or the GPU says.
    """
    gpu = find_gpu()
    command = [str(find_nvcc()), *FLAGS, f"-arch=sm_{gpu.architecture if gpu else ELSEWHERE}"]
    try_source(command, "trial.cu", _TRIAL, "mend it, or use `--backend cpp`", folder)

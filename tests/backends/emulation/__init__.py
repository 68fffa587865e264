"""The CUDA program of a circuit on one processor core."""

import re
import subprocess
from pathlib import Path

from thalia.toolchain.compiler import find_compiler

HERE = Path(__file__).parent
FLAGS = ("-O1", "-std=c++17", "-w", "-ffp-contract=off", "-x", "c++")


def compile_program(folder, sources):
    """As `nvcc.compile_program`, with the C++ compiler and `cuda_runtime.h` of this folder."""
    (source,) = sources
    text = (folder / source).read_text()
    text = re.sub(r"extern __shared__ (\w+) (\w+)\[\];", r"static \1 \2[1 << 16];", text)
    text = re.sub(r"([\w.]+)<<<(.*?)>>>\(", r"Launcher<>{\2}(\1, ", text)
    text = re.sub(r"(Launcher<>\{.*?\}\([\w.]+), \)", r"\1)", text)
    (folder / source).write_text(text)
    command = [*find_compiler(), *FLAGS, f"-I{HERE}", source, "-o", "main"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]

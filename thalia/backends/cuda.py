"""The GPU: one compiled CUDA program per circuit structure, served over a pipe as that of the C++ backend is."""

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path as FilePath
from typing import Any

from thalia.backends import Progress, Sample, nvcc
from thalia.backends.compiler import cache_folder
from thalia.backends.program import Program, ProgramSession, make_once, serve
from thalia.emit import NetworkModel, import_brian2, model_of, network
from thalia.plan import Plan
from thalia.wire import Arrays

HERE = FilePath(__file__).parent
_TEMPLATES = sorted(f"templates/{file.name}" for file in (HERE / "templates").glob("*.cu"))
_SOURCES = ("program.cu", "connection.h", "kernels.py", "cuda.py", "nvcc.py", "ranges.py", "../emit.py", *_TEMPLATES)


def refuse(plan: Plan) -> list[str]:
    """Why this backend cannot run the plan here; empty if it can."""
    return [*_what_is_missing(), *_what_cannot_run(plan)]


def _what_is_missing() -> Iterator[str]:
    if nvcc.find_gpu() is None:
        yield "no NVIDIA GPU was found (`nvidia-smi` shows none): take `--backend cpp`"
    if nvcc.find_nvcc() is None:
        yield "no CUDA compiler was found: install the CUDA toolkit, or set CUDA_PATH to where it is"
    try:
        version("brian2cuda")
    except PackageNotFoundError:
        yield "brian2cuda is not installed: pip install 'thalia[cuda]'"


def _what_cannot_run(plan: Plan) -> Iterator[str]:
    """Statements that would set one number of a neuron from many synapses at once, which on a GPU have no order."""
    for synapses in plan.synapses:
        for statement in synapses.statements():
            if statement.target.endswith(("_pre", "_post")) and statement.operator not in ("+=", "-="):
                where = synapses.members[0].name
                yield f"{where}: `{statement}` sets a number that many synapses share, and on a GPU they have no order"


def build(plan: Plan, progress: Progress) -> Program:
    """The program of a plan, from the cache or compiled now."""
    model = model_of(plan, native_drives=True)
    own = "".join((HERE / name).read_text() for name in _SOURCES)
    folder = cache_folder() / model.digest(nvcc.identity(), version("brian2"), version("brian2cuda"), own)
    return make_once(folder, lambda partial: _generate(model, partial), lambda partial, _: _compile(partial, progress))


def _compile(folder: FilePath, progress: Progress) -> None:
    progress("compiling", 0.0)
    nvcc.compile_program(folder, "program.cu")
    progress("compiling", 1.0)


def _generate(model: NetworkModel, folder: FilePath) -> tuple[list[str], dict[str, Any]]:
    """Have brian2cuda write the code of the model's objects, and put it into a program."""
    b2 = import_brian2()
    from thalia.backends import kernels  # its classes are made from brian2cuda's

    b2.prefs.devices.cuda_standalone.cuda_backend.cuda_runtime_version = float(nvcc.version())
    b2.set_device(kernels.register(), build_on_run=False)
    device = b2.device
    device.reinit()
    device.activate(build_on_run=False)
    try:
        net, objects = network(model)
        for made in objects.values():
            if isinstance(made, b2.Synapses):
                made._connect_called = True  # its synapses are loaded at run time
        net.run(0 * b2.second, namespace={})
        source = kernels.Source(device, model)
        (folder / "program.cu").write_text(source.text())
        shutil.copy(HERE / "connection.h", folder)
        return ["program.cu"], source.manifest()
    finally:
        device.reinit()
        b2.set_device("runtime")


def start(plan: Plan, built: Program, arrays: Arrays, samples: tuple[Sample, ...], seed: int) -> ProgramSession:
    """A session at time zero, with every array in place."""
    return serve(plan, built, arrays, samples, seed)

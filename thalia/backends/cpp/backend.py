"""The default backend: one compiled C++ program per circuit structure, served over a pipe.

Brian2 generates the code of the model; Thalia compiles it, caches it by the hash of the model, and
communicates with it: arrays in, spikes and state out. Nothing that a run may change (seed, weights,
connectivity, rates, duration, recording) is compiled in, and a cached program does not need Brian2.
"""

import re
import shutil
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from thalia.backends import Progress, Sample
from thalia.backends.cache import Description
from thalia.backends.cpp.compiler import compile_program, find_compiler, identity
from thalia.backends.cpp.translation_units import joined
from thalia.backends.process import Program, ProgramSession, program_of, serve
from thalia.codegen.brian_model import NetworkModel, import_brian2, model_of, network
from thalia.compiler.plan import Plan
from thalia.connectivity.build import Arrays

HERE = FilePath(__file__).parent
# optimisation of what runs only once: none for the long list of all arrays
LESS = {
    "main.cpp": "-O1",
    "objects.cpp": "-O0",
    "run.cpp": "-O1",
    "network.cpp": "-O1",
    "synapses_classes.cpp": "-O1",
}
_TEMPLATES = sorted(f"templates/{file.name}" for file in (HERE / "templates").glob("*.cpp"))
_SOURCES = (
    "serve.cpp",
    "serve.h",
    "../connection.h",
    "backend.py",
    "device.py",
    "translation_units.py",
    "../../codegen/brian_model.py",
    "../../codegen/exact.py",
    "../../codegen/rosenbrock.py",
    *_TEMPLATES,
)
# They set arrays from a command line and write them to files, and are half of the compiler's work
# for a large model.
_NEVER_CALLED = re.compile(
    r"(void (?:set_variable_by_name|_write_arrays)\([^)]*\)\s*\{).*?^\}", re.DOTALL | re.MULTILINE
)


def refuse(plan: Plan) -> list[str]:
    """Why this backend cannot run the plan here; empty if it can."""
    if find_compiler() is None:
        return ["no C++ compiler was found: install g++ or clang++, or use `--backend runtime`"]
    return []


def build(plan: Plan, progress: Progress) -> Program:
    """The program of a plan, from the cache or compiled now."""
    model = model_of(plan, native_drives=True)
    name = model.digest(identity(), version("brian2"), _own_source())

    def compile(partial: FilePath, sources: list[str]) -> None:
        compile_program(
            partial, sources, LESS, lambda done, total: progress("compiling", done / total)
        )

    progress("writing C++", 0.0)
    described = Description("C++ program", plan.name)
    return program_of(name, described, lambda partial: _generate(model, partial), compile)


def _own_source() -> str:
    return "".join((HERE / name).read_text() for name in _SOURCES)


def _generate(model: NetworkModel, folder: FilePath) -> tuple[list[str], dict[str, Any]]:
    """Have Brian2 write the model's C++, and add the part that serves it."""
    b2 = import_brian2()
    # late: its classes derive from Brian2's, which a cached program does not need
    from thalia.backends.cpp.device import register

    b2.set_device(register(), build_on_run=False)
    device = b2.device
    device.reinit()
    device.activate(build_on_run=False)
    try:
        net, objects = network(model)
        for made in objects.values():
            if isinstance(made, b2.Synapses):
                made._connect_called = True  # its synapses are loaded at run time
        device.insert_code("main", "thalia_serve(nullptr);")
        device.insert_code("before_network_run", f"thalia_serve(&{net.name});")
        device.headers.append('"serve.h"')
        net.run(0 * b2.second, namespace={})
        device.build(directory=str(folder), compile=False, run=False, with_output=False)
        arrays = folder / "objects.cpp"
        arrays.write_text(_NEVER_CALLED.sub(r"\1}", arrays.read_text()))
        manifest = _write_server(device, model, folder)
        sources = sorted(device.writer.source_files - {"brianlib/spikequeue.cpp"})
    finally:
        device.reinit()
        b2.set_device("runtime")
    longest = ["serve.cpp", "objects.cpp"]
    return [
        *longest,
        *(source for source in joined(folder, sources) if source not in longest),
    ], manifest


def _write_server(device: Any, model: NetworkModel, folder: FilePath) -> dict[str, Any]:
    lines, dtypes = [], {}
    delays = [path.variables["delay"] for s in device.synapses for path in s._pathways]
    for variable, c_name in device.arrays.items():
        if variable in delays:
            continue  # the queue has them
        name = f"{variable.owner.name}.{variable.name}"
        dtypes[name] = np.dtype(variable.dtype).str
        vector = device.dynamic_arrays.get(variable)
        lines.append(f'    named("{name}", brian::{vector or f"{c_name}, {variable.size}"}),')
    pathways = [path.name for s in device.synapses for path in s._pathways]
    queues = "\n".join(f'    {{"{name}", &brian::{name}}},' for name in pathways)
    sources = ", ".join(f"{{_array_{g.name}__spikespace, {g.size}}}" for g in model.groups)
    text = (
        (HERE / "serve.cpp")
        .read_text()
        .replace("@ARRAYS@", "\n".join(lines))
        .replace("@SOURCES@", sources)
    )
    text = text.replace("@QUEUES@", queues)
    (folder / "serve.cpp").write_text(text)
    for header in ("serve.h", "../connection.h"):
        shutil.copy(HERE / header, folder)
    used = {
        variable for each in device.code_objects.values() for variable in each.variables.values()
    }
    axons = [s.name for s in device.synapses if s.variables["_synaptic_pre"] in used]
    _, (_, calls) = next(each for each in device.main_queue if each[0] == "run_network")
    ran = re.findall(r"_run_(\w+?)(?:_codeobject)?\);", "\n".join(calls))
    return {
        "arrays": dtypes,
        "queues": pathways,
        "axons": axons,
        "sources": {g.name: g.size for g in model.groups},
        "objects": ["poisson input", "recording", *ran],
        "code_objects": len(device.code_objects),
    }


def start(
    plan: Plan, built: Program, arrays: Arrays, samples: tuple[Sample, ...], seed: int
) -> ProgramSession:
    """A session at time zero, with every array in place."""
    return serve(plan, built, arrays, samples, seed)

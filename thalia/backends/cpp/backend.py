"""The default backend: one compiled C++ program per circuit structure, served over a pipe.

Brian2 generates the code of the model; Thalia compiles it, caches it by the hash of the model, and
communicates with it: arrays in, spikes and state out. Nothing that a run may change (seed, weights,
connectivity, rates, duration, recording) is compiled in, and a cached program does not need Brian2.
"""

from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

from thalia.backends import Progress, Sample
from thalia.backends.loading import serve
from thalia.backends.process import Program, ProgramSession, program_of
from thalia.backends.threads import threads_available
from thalia.codegen.brian_model import NetworkModel, import_brian2, model_of, network
from thalia.compiler.plan import Plan
from thalia.connectivity.build import Arrays
from thalia.toolchain.cache import Description
from thalia.toolchain.compiler import compile_program, find_compiler, identity

HERE = FilePath(__file__).parent
LESS = {"circuit.cpp": ("-O1",)}  # what runs only once
_COMMON = (  # of all programs
    "model.h",
    "sleep.h",
    "../connection.h",
    "compaction.h",
    "../random_numbers.h",
    "random_lanes.h",
    "poisson_lanes.h",
    "threads.h",
    "schedule.h",
    "server.cpp",
)
_TEMPLATES = sorted(f"templates/{file.name}" for file in (HERE / "templates").glob("*.cpp"))
_SOURCES = (
    *_COMMON,
    "backend.py",
    "device.py",
    "division.py",
    "records.py",
    "sleeping.py",
    "source.py",
    "../random_numbers.py",
    "../../codegen/brian_model.py",
    "../../codegen/exact.py",
    "../../codegen/splitting.py",
    "../../codegen/step.py",
    "../../compiler/integration.py",
    *_TEMPLATES,
)


def refuse(plan: Plan) -> list[str]:
    """Why this backend cannot run the plan here; empty if it can."""
    if not find_compiler():
        return ["no C++ compiler was found: install g++ or clang++, or use `--backend runtime`"]
    return []


def build(plan: Plan, progress: Progress) -> Program:
    """The program of a plan, from the cache or compiled now."""
    model = model_of(plan, native_drives=True, sleeping=True)
    name = model.digest(identity(), version("brian2"), _own_source())

    def compile(partial: FilePath, sources: list[str]) -> None:
        compile_program(
            partial,
            sources,
            LESS,
            _common(),
            lambda done, total: progress("compiling", done / total),
        )

    progress("writing C++", 0.0)
    described = Description("C++ program", plan.name)
    return program_of(name, described, lambda partial: _generate(model, partial), compile, progress)


def _own_source() -> str:
    return "".join((HERE / name).read_text("utf-8") for name in _SOURCES)


def _generate(model: NetworkModel, folder: FilePath) -> tuple[list[str], dict[str, Any]]:
    """Have Brian2 write the code of the model's objects, and assemble a program from it."""
    b2 = import_brian2()
    # late: its classes derive from Brian2's, which a cached program does not need
    from thalia.backends.cpp.device import register
    from thalia.backends.cpp.source import manifest, write_sources

    b2.set_device(register(), build_on_run=False)
    device = b2.device
    device.reinit()
    device.activate(build_on_run=False)
    try:
        net, objects = network(model)
        for made in objects.values():
            if isinstance(made, b2.Synapses):
                made._connect_called = True  # its synapses are loaded at run time
        device.insert_code("main", "thalia_serve(circuit, nullptr);")
        device.insert_code("before_network_run", f"thalia_serve(circuit, &{net.name});")
        net.run(0 * b2.second, namespace={})
        return write_sources(device, folder), manifest(device)
    finally:
        device.reinit()
        b2.set_device("runtime")


def _common() -> dict[str, str]:
    """What is compiled once for all programs, by the name of its file."""
    from thalia.backends.cpp.source import functions

    texts = {FilePath(name).name: (HERE / name).read_text("utf-8") for name in _COMMON}
    return {**texts, "common.h": f'#include "model.h"\n{functions()}'}


def start(
    plan: Plan,
    built: Program,
    arrays: Arrays,
    samples: tuple[Sample, ...],
    seed: int,
    threads: int | None = None,
) -> ProgramSession:
    """A session at time zero, with every array in place.

    It computes on so many threads, by default on as many of those available as are fastest.
    """
    number = str(threads) if threads else f"up_to {threads_available()}"
    return serve(plan, built, arrays, samples, seed, ("threads " + number,), is_host=True)

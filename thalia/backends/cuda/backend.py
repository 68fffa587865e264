"""The GPU backend: one compiled CUDA program per circuit structure, served over a pipe."""

import logging
import shutil
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path as FilePath
from typing import Any

from thalia.backends import Progress, Sample
from thalia.backends.cuda import compiler
from thalia.backends.loading import serve
from thalia.backends.process import Program, ProgramSession, program_of
from thalia.codegen.brian_model import NetworkModel, import_brian2, model_of, network
from thalia.compiler.plan import Plan
from thalia.compiler.resources import program_bytes
from thalia.connectivity.build import Arrays
from thalia.syntax.equations import calls
from thalia.toolchain.cache import Description

HERE = FilePath(__file__).parent
MOST_GROUPS = 256  # a spike has 8 bits for its group
_TEMPLATES = sorted(f"templates/{file.name}" for file in (HERE / "templates").glob("*.cu"))
_SOURCES = (
    "program.cu",
    "../connection.h",
    "../random_numbers.h",
    "../random_numbers.py",
    "serve_unmodified.cu",
    "serve_unmodified.h",
    "unmodified.py",
    "device.py",
    "kernel_fusion.py",
    "loop_invariants.py",
    "backend.py",
    "compiler.py",
    "../cpp/device.py",
    "../../codegen/brian_model.py",
    "../../codegen/exact.py",
    "../../codegen/splitting.py",
    "../../codegen/step.py",
    "../../compiler/integration.py",
    *_TEMPLATES,
)


def refuse(plan: Plan) -> list[str]:
    """Why this backend cannot run the plan here; empty if it can."""
    return [
        *what_is_missing(),
        *_what_cannot_run(plan),
        *_what_would_repeat(plan),
        *_what_does_not_fit(plan),
    ]


def what_is_missing() -> Iterator[str]:
    """What a machine lacks to run anything on its GPU, each with what to do."""
    if compiler.find_gpu() is None:
        yield "no NVIDIA GPU was found (`nvidia-smi` shows none): use `--backend cpp`"
    if compiler.find_nvcc() is None:
        yield "no CUDA compiler was found: install the CUDA toolkit, or set CUDA_PATH to its folder"
    try:
        version("brian2cuda")
    except PackageNotFoundError:
        yield "brian2cuda is not installed: pip install 'thalia[cuda]'"


def _what_cannot_run(plan: Plan) -> Iterator[str]:
    """Statements by which many synapses set one variable, an order that a GPU does not define."""
    for synapses in plan.synapses:
        if any("summed" in equation.flags for equation in synapses.equations):
            where = synapses.members[0].name
            yield f"{where}: graded transmission runs on the backends cpp and runtime only"
        for statement in synapses.statements():
            if statement.target.endswith(("_pre", "_post")) and statement.operator not in (
                "+=",
                "-=",
            ):
                where = synapses.members[0].name
                yield (
                    f"{where}: `{statement}` sets a variable that many synapses share, "
                    "and on a GPU they have no order"
                )


def _what_would_repeat(plan: Plan) -> Iterator[str]:
    """Spikes of one neuron in one step that would change a synapse, or draw, at the same time."""
    repeating = plan.repeating()
    for synapses in plan.synapses:
        at_pre = [*synapses.on_pre, *(s for each in synapses.later for s in each.statements)]
        changed = [s for s in at_pre if not s.target.endswith("_post")]
        draws = any({"rand", "randn", "poisson"} & calls(s.right) for s in at_pre)
        several = f"{synapses.members[0].name}: a prescribed neuron has several spikes in one step"
        if (synapses.pre in repeating and (changed or plan.unmodified)) or (
            synapses.post in repeating and synapses.on_post
        ):
            yield f"{several}, and on a GPU what they do to the state of a synapse has no order"
        elif synapses.pre in repeating and draws:
            yield f"{several}, and on a GPU the synapse would draw the same number for all of them"


def _what_does_not_fit(plan: Plan) -> Iterator[str]:
    if len(plan.groups) > MOST_GROUPS:
        yield (
            f"makes {len(plan.groups)} groups of neurons, and a GPU runs at most {MOST_GROUPS}: "
            "use fewer neuron models, or `--backend cpp`"
        )
    if compiler.find_gpu() is None:
        return
    need, free = program_bytes(plan), compiler.free_bytes()
    if need > free:
        yield (
            f"needs about {need / 1e9:.1f} GB of the GPU's memory, "
            f"of which {free / 1e9:.1f} GB are free: run a smaller one with --scale"
        )


def build(plan: Plan, progress: Progress) -> Program:
    """The program of a plan, from the cache or compiled now."""
    model = model_of(plan, native_drives=not plan.unmodified)
    own = "".join((HERE / name).read_text("utf-8") for name in _SOURCES)
    name = model.digest(
        compiler.identity(), version("brian2"), version("brian2cuda"), own, str(plan.unmodified)
    )

    def generate(partial: FilePath) -> tuple[list[str], dict[str, Any]]:
        return (_generate_unmodified if plan.unmodified else _generate)(model, partial)

    def compile(partial: FilePath, sources: list[str]) -> None:
        progress("compiling", 0.0)
        compiler.compile_program(partial, sources)
        progress("compiling", 1.0)

    described = Description("CUDA program", plan.name)
    return program_of(name, described, generate, compile, progress)


def _prepare() -> Any:
    """Brian2, with the settings of brian2cuda that it would otherwise try to detect."""
    b2 = import_brian2()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", SyntaxWarning
        )  # of its regular expressions, when Python first compiles them
        import brian2cuda  # which registers its preferences and its device
    logging.getLogger("brian2cuda").setLevel(logging.WARNING)  # it lists its preferences
    gpu = compiler.find_gpu()
    settings = b2.prefs.devices.cuda_standalone.cuda_backend
    settings.cuda_runtime_version = float(compiler.version())
    settings.detect_gpus = False
    settings.gpu_id = 0
    settings.compute_capability = int(gpu.architecture if gpu else compiler.ELSEWHERE) / 10
    return b2, brian2cuda


def _generate_unmodified(model: NetworkModel, folder: FilePath) -> tuple[list[str], dict[str, Any]]:
    _prepare()
    from thalia.backends.cuda import unmodified

    return unmodified.generate(model, folder)


def _generate(model: NetworkModel, folder: FilePath) -> tuple[list[str], dict[str, Any]]:
    """Have brian2cuda write the code of the model's objects, and assemble a program from it."""
    b2, _ = _prepare()
    # late: its classes derive from brian2cuda's
    from thalia.backends.cuda.device import Source, register

    b2.set_device(register(), build_on_run=False)
    device = b2.device
    device.reinit()
    device.activate(build_on_run=False)
    try:
        net, objects = network(model)
        for made in objects.values():
            if isinstance(made, b2.Synapses):
                made._connect_called = True  # its synapses are loaded at run time
        net.run(0 * b2.second, namespace={})
        source = Source(device, model)
        (folder / "program.cu").write_text(source.text(), "utf-8")
        for header in ("connection.h", "random_numbers.h"):
            shutil.copy(HERE.parent / header, folder)
        return ["program.cu"], source.manifest()
    finally:
        device.reinit()
        b2.set_device("runtime")


def start(
    plan: Plan,
    built: Program,
    arrays: Arrays,
    samples: tuple[Sample, ...],
    seed: int,
    threads: None = None,
) -> ProgramSession:
    """A session at time zero, with every array in place."""
    return serve(plan, built, arrays, samples, seed, native_drives=not plan.unmodified)

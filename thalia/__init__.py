"""Thalia: a declarative simulator of brain regions.

YAML text → Circuit → Plan → Brian2 network → run file → analysis and figures: each arrow is one
package, lowest first.

| package | does |
| --- | --- |
| `syntax` | text → values: units, equations, dimensions, YAML with positions |
| `data` | the users' own files that a circuit names: neurons, synapses, spikes |
| `library` | the components, one YAML file each; their schema; how one is found |
| `circuit` | what a user writes: YAML ↔ `Circuit` |
| `compiler` | `Circuit` → `Plan`: `pipeline` is the list of passes |
| `codegen` | `Plan` → Brian2 model text, and the printed plan |
| `toolchain` | the C++ compiler, and the cache of what it compiled |
| `connectivity` | `Plan` → arrays: who connects to whom |
| `backends` | a plan and its arrays → a session that runs, as C++, CUDA or NumPy |
| `recording` | the run file: journal, writer, reader |
| `analysis` | arrays → numbers |
| `simulation` | session → run file: run, resume, checkpoints, closed loops |
| `parallel` | many runs from one build |
| `training` | a circuit and a task → learning curves with controls |
| `memory` | vectors and texts → a circuit that stores and recalls them |
| `publication` | what a paper says of a circuit and a run: methods, whom it cites |
| `exporters` | run file → NWB, Neo, SONATA, GraphML |
| `figures` | numbers → figures |
| `reports` | a run, or results of many → one page of HTML |
| `cli` | one command, one call of the functions below |

    import thalia

    run = thalia.run("circuits/cortex.yaml", seed=1)
    run.spikes["l4e"].times
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thalia import analysis as analysis
    from thalia import figures as figures
    from thalia import library as library
    from thalia.analysis.health import Health as Health
    from thalia.analysis.health import health as health
    from thalia.circuit.connectivity import Connect as Connect
    from thalia.circuit.load import dumps as dumps
    from thalia.circuit.load import load as load
    from thalia.circuit.load import loads as loads
    from thalia.circuit.part_use import Modulator as Modulator
    from thalia.circuit.part_use import RuleUse as RuleUse
    from thalia.circuit.part_use import Stimulus as Stimulus
    from thalia.circuit.record_spec import Record as Record
    from thalia.circuit.spec import Circuit as Circuit
    from thalia.circuit.spec import Delay as Delay
    from thalia.circuit.spec import Pathway as Pathway
    from thalia.circuit.spec import Phase as Phase
    from thalia.circuit.spec import Population as Population
    from thalia.circuit.spec import Scale as Scale
    from thalia.compiler.expand import expand as expand
    from thalia.compiler.pipeline import plan_of as plan_of
    from thalia.errors import CircuitError as CircuitError
    from thalia.errors import Problem as Problem
    from thalia.exporters import export as export
    from thalia.memory.memory import Memory as Memory
    from thalia.parallel.axes import Axis as Axis
    from thalia.parallel.calibrate import calibrate as calibrate
    from thalia.parallel.fit import Fit as Fit
    from thalia.parallel.fit import fit as fit
    from thalia.parallel.gpu_batch import run_together as run_together
    from thalia.parallel.study import Study as Study
    from thalia.parallel.study import study as study
    from thalia.parallel.sweep import sweep as sweep
    from thalia.recording.results import Level as Level
    from thalia.recording.results import Spikes as Spikes
    from thalia.recording.results import Traces as Traces
    from thalia.recording.results import Weights as Weights
    from thalia.recording.run_file import Run as Run
    from thalia.reports import report as report
    from thalia.simulation.closed_loop import Task as Task
    from thalia.simulation.closed_loop import TaskContext as TaskContext
    from thalia.simulation.pairing_protocols import protocol as protocol
    from thalia.simulation.pairing_protocols import window as window
    from thalia.simulation.resume import resume as resume
    from thalia.simulation.run import run as run
    from thalia.training.experiment import learn as learn

_HOMES = {
    "analysis.health": ("Health", "health"),
    "circuit.connectivity": ("Connect",),
    "circuit.load": ("dumps", "load", "loads"),
    "circuit.part_use": ("Modulator", "RuleUse", "Stimulus"),
    "circuit.record_spec": ("Record",),
    "circuit.spec": (
        "Circuit",
        "Delay",
        "Pathway",
        "Phase",
        "Population",
        "Scale",
    ),
    "compiler.expand": ("expand",),
    "compiler.pipeline": ("plan_of",),
    "errors": ("CircuitError", "Problem"),
    "exporters": ("export",),
    "memory.memory": ("Memory",),
    "parallel.axes": ("Axis",),
    "parallel.calibrate": ("calibrate",),
    "parallel.fit": ("Fit", "fit"),
    "parallel.gpu_batch": ("run_together",),
    "parallel.study": ("Study", "study"),
    "parallel.sweep": ("sweep",),
    "recording.results": ("Level", "Spikes", "Traces", "Weights"),
    "recording.run_file": ("Run",),
    "reports": ("report",),
    "simulation.closed_loop": ("Task", "TaskContext"),
    "simulation.pairing_protocols": ("protocol", "window"),
    "simulation.resume": ("resume",),
    "simulation.run": ("run",),
    "training.experiment": ("learn",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_PACKAGES = ("analysis", "figures", "library")
__all__ = sorted([*_HOME, *_PACKAGES])


def __getattr__(name: str) -> object:
    """Import on first use, so that `thalia --help` does not wait for the numerical libraries."""
    if name in _PACKAGES:
        return import_module(f"thalia.{name}")
    if name == "__version__":
        return import_module("importlib.metadata").version("thalia")
    if name in _HOME:
        return getattr(import_module(f"thalia.{_HOME[name]}"), name)
    raise AttributeError(f"module 'thalia' has no attribute '{name}'")


def __dir__() -> list[str]:
    """Exactly the public names, for tab completion."""
    return __all__

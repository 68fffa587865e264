"""Thalia: a declarative simulator of brain regions.

YAML text → Circuit → Plan → Brian2 network → run file → analysis and figures: each arrow is one module.

| module | from → to |
| --- | --- |
| `load` | text → Circuit (`spec`, read through `source`, made of `parts`) |
| `expand`, `scale` | Circuit → Circuit: regions and matrices written out, made smaller |
| `resolve` (`inputs`, `compose`, `phases`) | Circuit → Plan (`plan`) |
| `fuse`, `lower` | Plan → Plan: few objects, the cheapest exact form of each variable |
| `wire` (`connect`) | Plan → arrays |
| `emit`, `backends/` | Plan → Brian2's model texts → a session that runs |
| `run` (`passes`, `memory`, `describe`, `watch`, `store`, `journal`) | session → run file |
| `between` (`rewiring`, `apparatus`) | what is done between two chunks: pruning and growing, changes of weights, a task |
| `resume`, `verify` (`checkpoint`) | run file → the same run, further; in pieces against whole |
| `protocols`, `figures_protocols` | rule → pairing protocols in the real pipeline, and their figures |
| `vary`, `sweep` (`workers`), `figures_sweep` | circuit → many runs → one table and its figure |
| `trial`, `subject`, `experiments/`, `learn` (`ledger`, `logs`), `figures_learn` | circuit and task → learning curves, controls |
| `exports/` | run file → NWB, Neo, SONATA, GraphML |
| `result`, `analysis`, `network`, `figures` | run file → numbers and figures |

    import thalia

    run = thalia.run("circuits/cortex.yaml", seed=1)
    run.spikes["l4e"].times
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thalia.between import Moment as Moment
    from thalia.between import Task as Task
    from thalia.calibrate import calibrate as calibrate
    from thalia.errors import CircuitError as CircuitError
    from thalia.errors import Problem as Problem
    from thalia.exports import export as export
    from thalia.learn import learn as learn
    from thalia.load import dumps as dumps
    from thalia.load import load as load
    from thalia.load import loads as loads
    from thalia.passes import plan_of as plan_of
    from thalia.result import Run as Run
    from thalia.resume import resume as resume
    from thalia.run import run as run
    from thalia.spec import Circuit as Circuit
    from thalia.spec import Connect as Connect
    from thalia.spec import Delay as Delay
    from thalia.spec import Pathway as Pathway
    from thalia.spec import Phase as Phase
    from thalia.spec import Population as Population
    from thalia.spec import Record as Record
    from thalia.uses import Modulator as Modulator
    from thalia.uses import Stimulus as Stimulus

_HOME = {
    "CircuitError": "errors", "Problem": "errors", "load": "load", "loads": "load", "dumps": "load", "plan_of": "passes",
    "run": "run", "resume": "resume", "Run": "result", "Circuit": "spec", "Connect": "spec", "Delay": "spec", "Pathway": "spec",
    "Phase": "spec", "Population": "spec", "Record": "spec", "Stimulus": "uses", "Modulator": "uses",
    "export": "exports", "learn": "learn", "calibrate": "calibrate", "Task": "between", "Moment": "between",
}  # fmt: skip
__all__ = sorted([*_HOME, "analysis", "figures"])


def __getattr__(name: str) -> Any:
    """Import on first use, so that `thalia --help` does not wait for the numerical libraries."""
    if name in ("analysis", "figures"):
        return import_module(f"thalia.{name}")
    if name in _HOME:
        return getattr(import_module(f"thalia.{_HOME[name]}"), name)
    raise AttributeError(f"module 'thalia' has no attribute '{name}'")


class _Package(ModuleType):
    """Keeps `thalia.load` and `thalia.run` the functions, although passes of these names are modules."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

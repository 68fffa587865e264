"""The import order and the doors to heavy libraries, held over the syntax trees."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "thalia"
ORDER = [
    "errors", "units", "targets", "equations", "dimensions", "source", "validate", "texts", "models", "windows", "parts", "fields", "uses", "trial", "spec", "plain", "load", "expand", "scale", "working_point", "drives", "plan",
    "phases", "inputs", "playback", "modulators", "compose", "eligibility", "dale", "layers", "populations", "resolve", "fuse", "accumulate", "hoist", "lower", "rosenbrock", "emit", "memory", "describe", "passes", "network", "connect", "order", "wire", "present",
    "backends", "backends.compiler", "backends.nvcc", "backends.program", "backends.runtime", "backends.ranges", "backends.units", "backends.cpp", "backends.schedule", "backends.steady", "backends.kernels", "backends.stock", "backends.cuda", "journal", "appending", "store", "result", "analysis",
    "watch", "rewiring", "apparatus", "between", "checkpoint", "warm", "run", "subject", "experiments", "experiments.bandit", "experiments.classification", "experiments.copying", "experiments.cue_reward", "experiments.discrimination", "experiments.pattern_completion", "experiments.pattern_generation", "experiments.regression", "experiments.task_sequence", "resume", "compare", "verify", "health", "exports", "exports.graphml", "exports.neo", "exports.nwb", "exports.sonata", "protocols", "vary", "batch", "workers", "nursery", "ledger", "sweep", "calibrate", "logs", "learn", "figures", "figures_protocols", "figures_sweep", "figures_health", "figures_learn",
    "doctor", "catalogue", "summary", "cli_common", "cli_runs", "cli_protocols", "cli_learn", "cli_calibrate", "cli",
]  # fmt: skip
DOORS = {
    "brian2": {
        "emit",
        "rosenbrock",
        "backends.cpp",
        "backends.cuda",
        "backends.kernels",
        "backends.ranges",
        "backends.stock",
        "backends.runtime",
    },
    "h5py": {
        "playback",
        "appending",
        "store",
        "result",
        "checkpoint",
        "warm",
        "resume",
        "compare",
        "verify",
        "exports.sonata",
        "sweep",
    },
    "matplotlib": {"figures", "figures_health", "figures_protocols", "figures_sweep", "figures_learn"},
    "networkx": {"figures", "network", "exports.graphml"},
    "neo": {"exports.neo"},
    "pynwb": {"exports.nwb"},
    "libsonata": {"exports.sonata"},
    "yaml": {"source", "load"},
    "typer": {"cli", "cli_common", "cli_runs", "cli_protocols", "cli_learn", "cli_calibrate"},
    "rich": {"cli_common", "summary"},
}
# `choose` asks whether there is a compiler
LATE = {("backends", "backends.compiler")}


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if file != PACKAGE / "__init__.py"]


def imports(file: Path) -> set[str]:
    """Modules that a file imports, wherever in it; `from thalia import x` counts as `thalia.x`."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(names: set[str]) -> set[str]:
    return {name.removeprefix("thalia.") for name in names if name.startswith("thalia.")} & set(ORDER)


def test_every_module_has_its_place():
    assert sorted(module_of(file) for file in FILES) == sorted(ORDER)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_module_imports_only_what_comes_before_it(file):
    module = module_of(file)

    later = own(imports(file)) - set(ORDER[: ORDER.index(module)]) - {module}

    assert {name for name in later if (module, name) not in LATE} == set()


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_heavy_libraries_have_one_door(file):
    module = module_of(file)

    used = {name.partition(".")[0] for name in imports(file)}

    assert {library for library in used & DOORS.keys() if module not in DOORS[library]} == set()


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_nothing_is_imported_by_wildcard_or_evaluated(file):
    tree = ast.parse(file.read_text())

    wild = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and any(a.name == "*" for a in n.names)]
    calls = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}

    assert wild == []
    assert calls & {"eval", "exec"} == set()


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_files_stay_short(file):
    assert len(file.read_text().splitlines()) <= 350

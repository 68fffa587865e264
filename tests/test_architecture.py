"""The order of packages, and the one door to each heavy library, held over the syntax trees."""

import ast
from collections.abc import Iterator
from importlib.machinery import PathFinder
from inspect import getdoc, isfunction, signature
from pathlib import Path

import pytest

import thalia
from tests.helpers import ROOT
from thalia.syntax import late_imports

PACKAGE = ROOT / "thalia"
# lowest first: a package imports only packages before it, and the modules of a package form no circle
ORDER = (
    "errors", "syntax", "data", "library", "circuit", "compiler", "codegen", "toolchain", "connectivity", "backends", "recording",
    "analysis", "simulation", "parallel", "training", "memory", "publication", "exporters", "figures", "reports", "cli",
)  # fmt: skip
DOORS = {
    "brian2": ("codegen", "backends"),
    "h5py": ("recording", "simulation", "parallel", "exporters", "data"),
    "matplotlib": ("figures",),
    "bokeh": ("reports",),
    "networkx": ("figures", "compiler.graph", "exporters.graphml"),
    "neo": ("data", "exporters.neo", "recording.run_file"),
    "pandas": ("recording.results", "recording.tables"),
    "xarray": ("recording.results", "recording.tables"),
    "pynwb": ("exporters.nwb",),
    "libsonata": ("exporters.sonata",),
    "pyarrow": ("data",),
    "PIL": ("data",),
    "yaml": ("syntax.yaml_reader", "circuit.load"),
    "typer": ("cli",),
    "rich": ("cli", "syntax.terminal", "simulation.progress_bar"),
}
# methods of values that users have in hand, whose work a package above theirs does when they are called
ABOVE = {
    "circuit.spec": {
        "compiler.editing.replaced",
        "compiler.editing.extended",
        "compiler.editing.reduced",
        "figures.notebook.html_of",
    },
    "recording.results": {"figures.notebook.html_of"},
    "recording.run_file": {
        "exporters.neo.block",
        "exporters.nest.results.collected",
        "reports.report",
    },
}
LONGEST_FILE = 500


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


TREES = {
    module_of(file): ast.parse(file.read_text())
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.parent != PACKAGE
}
TREES["errors"] = ast.parse((PACKAGE / "errors.py").read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    """Modules that a file imports, wherever in it; `from thalia import x` counts as `thalia.x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> set[str]:
    """The modules of Thalia that a module imports, without packages that are only on the way to one of them."""
    found = {
        name.removeprefix("thalia.")
        for name in imported(TREES[module])
        if name.startswith("thalia.")
    } & TREES.keys()
    return {
        name
        for name in found - {module}
        if not any(other.startswith(f"{name}.") for other in found)
    }


def package_of(module: str) -> str:
    return module.partition(".")[0]


def is_below(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def circle_through(module: str, edges: dict[str, set[str]]) -> list[str]:
    """A way from a module along its imports back to itself; empty if there is none."""
    trails, seen = [[module]], {module}
    while trails:
        trail = trails.pop()
        for target in sorted(edges[trail[-1]]):
            if target == module:
                return [*trail, target]
            if target not in seen:
                seen.add(target)
                trails.append([*trail, target])
    return []


def test_every_package_has_its_place_in_the_order():
    assert {package_of(module) for module in TREES} == {*ORDER}


def test_packages_import_only_packages_before_them():
    offenders = [
        f"{module} imports {name}"
        for module in TREES
        for name in sorted(own_imports(module))
        if ORDER.index(package_of(name)) > ORDER.index(package_of(module))
    ]

    assert offenders == []


def test_no_modules_import_each_other_in_a_circle():
    edges = {module: own_imports(module) for module in TREES}

    circles = {" -> ".join(found) for module in TREES if (found := circle_through(module, edges))}

    assert circles == set()


def test_heavy_libraries_have_one_door():
    offenders = [
        f"{module} imports {library}"
        for module, tree in TREES.items()
        for library in sorted({name.partition(".")[0] for name in imported(tree)} & DOORS.keys())
        if not is_below(module, DOORS[library])
    ]

    assert offenders == []


def test_nothing_is_imported_by_wildcard_or_evaluated():
    offenders = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names))
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("eval", "exec")
        )
    ]

    assert offenders == []


def test_commands_print_by_one_function():
    """It escapes what would control the terminal."""
    offenders = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "Console")
        and module != "cli.output"
    ]

    assert offenders == []


def texts_without_encoding(tree: ast.Module) -> Iterator[int]:
    """Lines that read or write text in whatever encoding the machine has, such as that of `LC_ALL=C` or of Windows."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        given = {each.arg: ast.unparse(each.value) for each in node.keywords}
        is_binary = any("b" in ast.unparse(each) for each in node.args[1:2]) or "b" in given.get(
            "mode", ""
        )
        is_text = (
            (name == "read_text" and not node.args)
            or (name == "write_text" and len(node.args) < 2)
            or (ast.unparse(node.func) in ("open", "os.fdopen") and not is_binary)
            or (
                name in ("NamedTemporaryFile", "TemporaryFile")
                and "mode" in given
                and not is_binary
            )
            or "True" in (given.get("text"), given.get("universal_newlines"))
        )
        if is_text and "encoding" not in given:
            yield node.lineno


def test_every_text_states_its_encoding():
    offenders = [
        f"{name}:{line}"
        for name, tree in {**TREES, **SCRIPTS}.items()
        for line in texts_without_encoding(tree)
    ]

    assert offenders == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open('a')", True),
        ("open('a', 'w')", True),
        ("open('a', mode='x')", True),
        ("path.read_text()", True),
        ("path.write_text(text)", True),
        ("subprocess.run(command, text=True)", True),
        ("open('a', 'rb')", False),
        ("open('a', 'w', encoding='utf-8')", False),
        ("path.read_text('utf-8')", False),
        ("path.write_text(text, 'utf-8')", False),
        ("subprocess.run(command, encoding='utf-8')", False),
        ("os.open('a', os.O_RDWR)", False),
    ],
)
def test_the_rule_about_encodings_finds_what_it_should(code, found):
    assert bool([*texts_without_encoding(ast.parse(code))]) == found


def test_files_stay_short():
    lengths = {file: len(file.read_text().splitlines()) for file in PACKAGE.rglob("*.py")}

    assert [
        f"{module_of(file)}: {lines} lines"
        for file, lines in lengths.items()
        if lines > LONGEST_FILE
    ] == []


def test_every_package_says_what_it_is_for():
    silent = [
        module
        for module, tree in TREES.items()
        if "." not in module and not ast.get_docstring(tree)
    ]

    assert silent == []


PUBLIC = {
    "thalia": thalia,
    **{f"thalia.{name}": getattr(thalia, name) for name in ("analysis", "figures", "library")},
}
SCRIPTS = {
    str(file.relative_to(ROOT)): ast.parse(file.read_text())
    for folder in ("plots", "benchmarks")
    for file in sorted((ROOT / folder).glob("*.py"))
}


def names_of_thalia(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each module of Thalia that a script imports or names, and what it takes from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (
                (alias.name, "") for alias in node.names if alias.name.startswith("thalia.")
            )
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "thalia":
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in PUBLIC:
            yield ast.unparse(node.value), node.attr


def test_only_these_methods_call_packages_above():
    found: dict[str, set[str]] = {}
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "above":
                found.setdefault(module, set()).add(ast.literal_eval(node.args[0]))

    assert found == ABOVE
    assert all(callable(late_imports.above(name)) for names in ABOVE.values() for name in names)


def test_plots_and_benchmarks_use_only_public_names():
    offenders = [
        f"{script}: {module}.{name}"
        for script, tree in SCRIPTS.items()
        for module, name in names_of_thalia(tree)
        if module not in PUBLIC or name not in PUBLIC[module].__all__
    ]

    assert offenders == []


def test_the_public_names_are_those_that_editors_see():
    """The block for type checkers, the lazy table and `dir` say the same."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))

    shown = [alias.asname for node in block.body for alias in node.names]

    assert sorted(shown) == thalia.__all__ == dir(thalia)


def test_no_public_name_is_both_a_function_and_a_module():
    modules = {package_of(module) for module in TREES}

    assert {name for name in thalia.__all__ if name in modules} == {
        "analysis",
        "figures",
        "library",
    }


def test_a_package_of_another_project_does_not_take_the_place_of_the_tests(tmp_path):
    """NESTML installs one that is called `tests`."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").touch()

    found = PathFinder.find_spec("tests", [str(ROOT), str(tmp_path)])

    assert found is not None
    assert found.origin == str(ROOT / "tests" / "__init__.py")


@pytest.mark.parametrize("name", [n for n in dir(thalia) if isfunction(getattr(thalia, n))])
def test_the_docstring_of_a_public_function_names_its_arguments(name):
    function = getattr(thalia, name)
    text = getdoc(function)

    _, *others = signature(function).parameters  # what the first one is, the first line says
    assert [each for each in others if each not in text] == []

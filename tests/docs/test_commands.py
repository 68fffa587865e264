"""Every command in the documentation is one that Thalia takes, and is run by a test, or is marked why not.

Tutorials and guides are run whole (tests/docs/test_pages.py).
"""

import re
import shlex

import pytest
import typer.main

from tests.helpers import ROOT, thalia_here
from thalia.cli import main

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "AGENTS.md", "llms.txt")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    ROOT / "tests" / "README.md",
]
# what the tests of this file do not run, by how it begins, and why
NOT_RUN = {
    "thalia learn NAME": "a name to be replaced; tests/training/test_experiment.py runs experiments",
    "thalia learn one_shot --data-root": "needs Omniglot, which nobody downloads for a test",
    "thalia run circuits/cortex.yaml --backend cuda": "needs a GPU; tests/backends/test_cuda.py",
    "thalia sweep circuits/brunel.yaml": "a thousand runs on a cluster; tests/parallel/test_array_jobs.py",
    "thalia sweep --collect": "what the jobs of the line before it would write",
    "thalia protocol trains ./my_rule.yaml": "a rule of the reader's; tests/simulation/test_pairing_protocols.py",
    "thalia memory": "tests/memory/test_memory.py runs these commands, with small vectors",
    **{
        f"thalia plot {kind} notes.h5": "of a memory with a past; tests/figures/test_memory.py"
        for kind in ("retention", "calibration", "cues")
    },
    "thalia plot raster .": "in the folder that a program for NEST has written; tests/exporters/test_nest.py",
    "thalia run circuits/balanced.yaml": "is interrupted; tests/test_kills.py and tests/simulation/test_resume.py",
    "thalia resume run.h5": "the same",
    "thalia verify-resume circuits/cortex.yaml": "a minute; tests/simulation/test_resume.py, for every rule",
    "thalia fit circuits/brunel.yaml": "a hundred trials; tests/parallel/test_fit.py",
}


def commands_of(page) -> list[str]:
    """The commands in the blocks of a page, as one types them after `thalia`."""
    blocks = re.findall(
        r"^```\w*(?: title=.*)?\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE
    )
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    found = (re.match(r"(?:\$ |.*\buv run )?(thalia [a-z][^#|&;>]*)", line) for line in lines)
    return [" ".join(each[1].split()) for each in found if each]


COMMANDS = [
    pytest.param(command, id=f"{page.stem.lower()}-{place}")
    for page in PAGES
    for place, command in enumerate(commands_of(page))
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_is_taken(command, tmp_path, monkeypatch):
    """Its options are known, and their values are of the right kind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brunel_jobs").mkdir()  # a folder, where a circuit's name could stand as well
    _, name, *words = shlex.split(command)
    parser = typer.main.get_command(main.app).commands[name]
    while hasattr(parser, "commands"):
        name, *words = words
        parser = parser.commands[name]

    assert parser.make_context(name, words).params


def reason(command) -> str:
    return next((why for begin, why in NOT_RUN.items() if command.startswith(begin)), "")


@pytest.mark.slow
@pytest.mark.parametrize("command", [each for each in COMMANDS if not reason(each.values[0])])
def test_a_documented_command_does_what_it_should(command, tmp_path):
    (tmp_path / "circuits").symlink_to(ROOT / "circuits")

    done = thalia_here(*shlex.split(command)[1:], folder=tmp_path)

    assert done.returncode == 0, done.stderr


def test_reasons_are_of_commands_that_are_documented():
    begun = [each.values[0] for each in COMMANDS]

    assert [
        begin for begin in NOT_RUN if not any(map(str.startswith, begun, [begin] * len(begun)))
    ] == []


def test_files_that_reasons_name_exist():
    named = re.findall(r"tests/[\w/.]*\w", " ".join(NOT_RUN.values()))

    assert [file for file in named if not (ROOT / file).exists()] == []

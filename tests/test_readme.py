"""What the README says is so."""

import re

import pytest
import typer.main

import thalia
from tests.helpers import ROOT
from thalia.cli import main
from thalia.cli.catalog import rules_table
from thalia.library import lookup

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(typer.main.get_command(main.app).commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help_with_an_example(command):
    assert f"`thalia {command}" in README
    assert f"Example: thalia {command}" in typer.main.get_command(main.app).commands[command].help


@pytest.mark.parametrize("kind", [*lookup.KINDS, "regions"])
def test_the_table_of_parts_is_that_of_the_library(kind):
    (row,) = re.findall(rf"^\| {kind} \| (.*) \|$", README, re.MULTILINE)

    assert tuple(re.findall(r"`(\w+)`", row)) == lookup.names(kind)


def test_the_table_of_rules_is_made_from_the_parts(request):
    mark = r"(<!-- rules:.*?-->\n).*?(<!-- end of rules -->)"
    made = re.sub(mark, lambda found: found[1] + rules_table() + found[2], README, flags=re.DOTALL)
    if request.config.option.update_golden:
        (ROOT / "README.md").write_text(made)

    assert made == (ROOT / "README.md").read_text()


def test_the_circuit_in_the_readme_loads():
    (text,) = re.findall(r"```yaml\n(thalia: 1.*?)```", README, re.DOTALL)

    assert thalia.plan_of(thalia.loads(text)).name == "pair"


def test_every_file_that_is_linked_exists():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_two_commands_are_those_of_ci():
    assert "uv run pytest" in README
    assert "uv run pytest" in (ROOT / ".ci" / "run").read_text()

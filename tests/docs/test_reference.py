"""The reference pages have every key, every option and every public name."""

import re

import typer.main

import thalia
from docs.generate import reference
from thalia.circuit.json_schema import elements, json_schema
from thalia.cli import main

KEYS, OPTIONS, NAMES = (
    reference.keys_page(),
    reference.commands_page(),
    reference.python_page(),
)


def test_every_element_of_the_schema_has_a_place_on_the_page():
    here = {*json_schema()["$defs"]} & {*elements()}

    assert sorted(here - {*reference.PLACES}) == []


def test_every_key_has_a_row():
    rows = re.findall(r"^\| `(\w+)` \|", KEYS, re.MULTILINE)

    assert len(rows) == sum(len(elements()[name].model_fields) for name in reference.PLACES)


def test_every_row_of_the_keys_has_four_cells():
    rows = [line for line in KEYS.splitlines() if line.startswith("| `")]

    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_every_command_and_option_is_there():
    commands = typer.main.get_command(main.app).commands
    options = {
        option
        for command in commands.values()
        for each in command.params
        for option in each.opts
        if option.startswith("--")
    }

    assert [name for name in commands if f"## thalia {name}\n" not in OPTIONS] == []
    assert [option for option in options if f"`{option}`" not in OPTIONS] == []


def test_every_public_name_is_there():
    assert [
        name for name in dir(thalia) if not re.search(rf"::: .*\.{name}\n|`thalia\.{name}`", NAMES)
    ] == []


def test_a_key_leads_to_the_element_that_stands_there():
    (row,) = re.findall(r"^\| `space` \|.*$", KEYS, re.MULTILINE)

    assert "[Space](#space)" in row

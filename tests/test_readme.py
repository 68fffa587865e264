"""What the README and the pages of docs/ say is so."""

import json
import re
from importlib.util import find_spec

import pytest
import typer.main

import thalia
from benchmarks import learning
from docs.generate.pages import made_pages
from tests.helpers import ROOT
from thalia.cli import main
from thalia.cli.catalog import experiments_table, rules_table
from thalia.compiler.pipeline import PASS_NAMES
from thalia.library import lookup

README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CODE_OF_CONDUCT.md",
    ROOT / "AGENTS.md",
    ROOT / "llms.txt",
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMANDS = sorted(typer.main.get_command(main.app).commands)
LIBRARY = ROOT / "docs" / "library.md"
ANY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem.lower())


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_broken(page, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    if str(target.resolve().relative_to(ROOT)).removeprefix("docs/") in made_pages():
        return False  # the strict build of the site knows its anchors
    return not target.exists() or bool(anchor and anchor not in anchors(target.read_text()))


def test_the_readme_is_short():
    assert len(README.read_bytes()) <= 5120


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented_and_has_help_with_an_example(command):
    assert f"`thalia {command}" in (ROOT / "docs" / "commands.md").read_text()
    assert f"Example: thalia {command}" in typer.main.get_command(main.app).commands[command].help


def test_every_variable_of_the_environment_is_documented():
    sources = "".join(file.read_text() for file in sorted((ROOT / "thalia").rglob("*.py")))
    page = (ROOT / "docs" / "portability.md").read_text()

    assert set(re.findall(r"THALIA_[A-Z_]+", sources)) == set(re.findall(r"THALIA_[A-Z_]+", page))


@ANY_PAGE
def test_every_command_that_is_named_exists(page):
    after = r"(?:`|^|\$ |run )thalia ([a-z][a-z-]*)"
    named = set(re.findall(after, page.read_text(), re.MULTILINE))

    assert sorted(named - {*COMMANDS}) == []


def options_named(text: str) -> set[tuple[str, str]]:
    """Commands with each option that a page gives them, in blocks and within lines."""
    blocks = re.findall(r"^```\w*(?: title=.*)?\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    calls = [
        call
        for line in lines
        for call in re.findall(r"(?:^|\$ |run |&& )thalia ([a-z][a-z-]*(?: [^|&;>#]*)?)", line)
    ]
    return {
        (call.split()[0], option)
        for call in calls
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", call)
    }


@ANY_PAGE
def test_every_option_that_is_named_exists(page):
    commands = typer.main.get_command(main.app).commands
    known = {
        (name, option)
        for name, command in commands.items()
        for each in [command, *getattr(command, "commands", {}).values()]
        for parameter in each.params
        for option in (*parameter.opts, *parameter.secondary_opts, "--help")
    }

    assert sorted(options_named(page.read_text()) - known) == []


@ANY_PAGE
def test_every_picture_has_words_for_those_who_do_not_see_it(page):
    assert re.findall(r"!\[\s*\]\([^)]*\)", page.read_text()) == []


@pytest.mark.parametrize("kind", [*lookup.KINDS, "regions"])
def test_the_table_of_components_is_that_of_the_library(kind):
    (row,) = re.findall(rf"^\| {kind} \| (.*) \|$", LIBRARY.read_text(), re.MULTILINE)

    assert tuple(re.findall(r"`(\w+)`", row)) == lookup.names(kind)


@pytest.mark.parametrize(
    ("page", "name", "table"),
    [("library", "rules", rules_table), ("learning", "experiments", experiments_table)],
)
def test_a_table_is_made_from_the_components(page, name, table, request):
    mark = rf"(<!-- {name}:.*?-->\n).*?(<!-- end of {name} -->)"
    file = ROOT / "docs" / f"{page}.md"
    made, marks = re.subn(
        mark, lambda found: found[1] + table() + found[2], file.read_text(), flags=re.DOTALL
    )
    if request.config.option.update_golden:
        file.write_text(made)

    assert marks == 1
    assert made == file.read_text()


def test_the_results_of_experiments_are_those_that_are_kept():
    page = (ROOT / "docs" / "learning.md").read_text()
    table = page.partition(learning.BEGIN)[2].partition(learning.END)[0]
    names = re.findall(r"^\*\*`(\w+)`\*\*: ", table, re.MULTILINE)
    kept = [json.loads(file.read_text()) for file in sorted(learning.RESULTS.glob("*.json"))]
    rules = [each for each in kept if "learning" not in each["conditions"]]
    told = {name for name in names if f"**`{name} --rule RULE --control none`**" in table}

    assert learning.rendered(page) == page
    assert names == [each["experiment"] for each in kept if each not in rules]
    assert told == {each["experiment"] for each in rules}
    assert all(f"\n| {name} |" in table for each in kept for name in each["conditions"])


def test_every_circuit_in_circuits_is_listed():
    listed = re.findall(
        r"^\| `(\w+)\.yaml` \|", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE
    )

    assert sorted(listed) == sorted(file.stem for file in (ROOT / "circuits").glob("*.yaml"))


def test_the_table_of_packages_is_that_of_the_code():
    text = (ROOT / "docs" / "design.md").read_text()
    table = text.partition("## Packages")[2].partition("##")[0]
    packages = {file.parent.name for file in (ROOT / "thalia").glob("*/__init__.py")}

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {*packages, "errors"}


def test_the_table_of_public_names_is_that_of_the_code():
    text = (ROOT / "docs" / "python.md").read_text()
    table = text.partition("## The public interface")[2].partition("##")[0]
    rows = re.findall(r"^\| .* \| (.*) \|$", table, re.MULTILINE)

    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(dir(thalia))


def test_the_table_of_passes_is_that_of_the_compiler():
    text = (ROOT / "docs" / "design.md").read_text()

    assert tuple(re.findall(r"^   \| `(\w+)` \|", text, re.MULTILINE)) == PASS_NAMES


def test_the_changelog_says_where_modules_are_now():
    rows = re.findall(
        r"^\| `(thalia[\w.]*)` \| `(thalia[\w.]*)` \|$",
        (ROOT / "CHANGELOG.md").read_text(),
        re.MULTILINE,
    )

    assert rows
    assert [now for _, now in rows if find_spec(now) is None] == []


def test_the_glossary_defines_each_term_once():
    text = (ROOT / "docs" / "glossary.md").read_text()
    terms = re.findall(r"\*\*(.*?)\*\*", text)

    assert sorted(terms) == sorted(set(terms))


@pytest.mark.parametrize("page", ["README.md", "docs/circuits.md"])
def test_the_circuit_on_a_page_loads(page):
    (text,) = re.findall(r"```yaml\n(thalia: 1.*?)```", (ROOT / page).read_text(), re.DOTALL)

    (pathway,) = (pathway for _, pathway in thalia.plan_of(thalia.loads(text)).pathways())

    assert pathway.plastic


@ANY_PAGE
def test_every_file_that_is_linked_exists(page):
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())

    assert [link for link in links if not link.startswith("http") and is_broken(page, link)] == []


@ANY_PAGE
def test_every_file_of_the_repository_that_is_named_exists(page):
    named = re.findall(
        r"(?<![\w/.])(?:tests|plots|circuits|benchmarks|thalia)/[\w/.]*\w", page.read_text()
    )
    made_up = {
        "tests/plasticity/test_my_rule.py",
        "thalia/library/plasticity/my_rule.yaml",
        "circuits/mine.yaml",
    }

    real = [file for file in named if file not in made_up and "NAME" not in file]
    assert [file for file in real if not (ROOT / file).exists()] == []


def test_the_two_commands_are_those_of_ci():
    assert "uv run pytest" in README.read_text()
    assert "uv run pytest" in (ROOT / ".ci" / "run").read_text()


def test_the_version_is_the_same_everywhere():
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[
        1
    ]

    assert json.loads((ROOT / "codemeta.json").read_text())["version"] == version
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()

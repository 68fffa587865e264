"""The pages of the repository as pages of the site: their links, and their formulas."""

import pytest
import yaml

from docs.generate.repository import linked, with_links_of_the_site
from tests.helpers import ROOT


@pytest.mark.parametrize(
    ("page", "link", "on_the_site"),
    [
        ("README.md", "docs/design.md#add-a-rule", "design.md#add-a-rule"),
        ("README.md", "plots/rules.png", "plots/rules.png"),
        ("docs/library.md", "../plots/rules.png", "plots/rules.png"),
        ("docs/library.md", "design.md", "design.md"),
        ("docs/circuits.md", "../README.md", "index.md"),
        ("docs/gpu.md", "../benchmarks/README.md#on-a-gpu", "benchmarks/README.md#on-a-gpu"),
        ("benchmarks/README.md", "../docs/results.md", "../results.md"),
        ("tests/README.md", "../CONTRIBUTING.md#tests", "../CONTRIBUTING.md#tests"),
    ],
)
def test_links_lead_to_the_same_page_on_the_site(page, link, on_the_site):
    assert with_links_of_the_site(f"a [b]({link}) c", page) == f"a [b]({on_the_site}) c"


@pytest.mark.parametrize(
    "text",
    [
        "[away](https://brian2.readthedocs.io/x.md)",
        "[here](#an-anchor)",
        "`[code](../README.md)`",
        "```\n[code](../README.md)\n```",
        "[nowhere](not_there.md)",
    ],
)
def test_other_links_stay_as_they_are(text):
    assert with_links_of_the_site(text, "docs/circuits.md") == text


def test_a_file_that_is_linked_is_put_on_the_site():
    text = "![a](../plots/rules.png) [b](design.md#x) `[c](../LICENSE)` [d](nowhere.md)"

    assert linked(text, "docs/library.md") == {"plots/rules.png", "docs/design.md"}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("so $x_1$ is", ["<msub><mi>x</mi><mn>1</mn></msub>", 'display="inline"']),
        (
            "$$\n\\frac{a}{b}\n$$",
            ["<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>", 'display="block"'],
        ),
    ],
)
def test_formulas_are_typeset(text, pieces):
    pytest.importorskip("latex2mathml", reason="uv run --group docs pytest")
    from docs.generate.mathematics import typeset

    assert [piece for piece in pieces if piece not in typeset(text)] == []


def test_a_line_may_begin_with_a_formula():
    markdown = pytest.importorskip("markdown", reason="uv run --group docs pytest")
    from docs.generate.mathematics import typeset

    html = markdown.markdown(typeset("a sum\n$A_k$ is one"), extensions=["md_in_html"])

    assert html.count("<p>") == 1
    assert "is one</p>" in html


@pytest.mark.parametrize("text", ["`$x$`", "```\n$HOME $x$\n```", "costs $5 and $6"])
def test_what_is_no_formula_is_left_alone(text):
    from docs.generate.mathematics import typeset

    assert typeset(text) == text


def pages(entry) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    values = entry.values() if isinstance(entry, dict) else entry
    return [page for value in values for page in pages(value)]


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml without what only mkdocs knows."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)


def test_every_page_is_in_the_navigation():
    site = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)
    written = [str(file.relative_to(ROOT / "docs")) for file in (ROOT / "docs").rglob("*.md")]

    assert sorted({*written} - {*pages(site["nav"]), "paper/paper.md"}) == []


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("guides/recording.md", "a membrane potential"),
        ("guides/stimuli.md", "a constant current"),
        ("guides/connectivity.md", "{file: edges.csv}"),
        ("guides/components.md", "rule: ./pre_only.yaml"),
    ],
)
def test_what_everyone_asks_first_is_two_clicks_away(page, what):
    """One on a tab, one on a page beside it."""
    site = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)
    (section,) = [each for tab in site["nav"] for each in tab.values() if page in pages(each)]

    assert page in [each for entry in section for each in entry.values()]
    assert what in (ROOT / "docs" / page).read_text()


FORMS = sorted((ROOT / ".github").rglob("*.yml"))


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_workflows_and_forms_are_complete(file):
    found = yaml.safe_load(file.read_text())

    assert {
        "workflows": {"name", "jobs"},
        "ISSUE_TEMPLATE": {"name", "description", "body"} if file.stem != "config" else set(),
    }[file.parent.name] <= {*found}


def test_the_workflow_runs_the_checks_and_builds_the_site():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()

    assert "bash .ci/run" in workflow
    assert "mkdocs build --strict" in workflow

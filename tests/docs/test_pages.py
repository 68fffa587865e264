"""What the guides and tutorials show does what they say."""

import re

import pytest

import thalia
from tests.helpers import ROOT

PAGES = sorted(
    page for folder in ("guides", "tutorials") for page in (ROOT / "docs" / folder).rglob("*.md")
)
CIRCUITS = [
    pytest.param(text, id=f"{page.stem}-{index}")
    for page in PAGES
    for index, text in enumerate(
        re.findall(r"^```yaml\n(thalia: 1.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    )
]


@pytest.mark.parametrize("text", CIRCUITS)
def test_every_circuit_on_a_page_is_planned(text, tmp_path):
    (tmp_path / "circuit.yaml").write_text(text)

    assert thalia.plan_of(thalia.load(tmp_path / "circuit.yaml")).groups

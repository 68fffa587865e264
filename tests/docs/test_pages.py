"""What the guides and tutorials show does what they say."""

import json
import re
import subprocess
import sys

import pytest

import thalia
from docs.generate.running import BLOCK, PageError, run_page
from tests.helpers import ROOT

PAGES = sorted(
    page for folder in ("guides", "tutorials") for page in (ROOT / "docs" / folder).rglob("*.md")
)
CIRCUITS = [
    pytest.param(text, id=f"{page.stem}-{index}")
    for page in [*PAGES, ROOT / "docs" / "lowering.md"]
    for index, text in enumerate(
        re.findall(r"^```yaml\n(thalia: 1.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    )
]


@pytest.mark.parametrize("text", CIRCUITS)
def test_every_circuit_on_a_page_is_planned(text, tmp_path):
    (tmp_path / "circuit.yaml").write_text(text)

    assert thalia.plan_of(thalia.load(tmp_path / "circuit.yaml")).groups


RUN = [
    pytest.param(page, id=page.stem)
    for page in PAGES
    if page.stem != "coming_from"
    and ("```sh" in page.read_text() or "```python" in page.read_text())
]


@pytest.mark.slow  # the site, which continuous integration builds, runs them too
@pytest.mark.parametrize("page", RUN)
def test_every_block_of_a_page_does_what_it_should(page):
    run_page(page.read_text(), page.stem)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\n1/0\n```", "ZeroDivisionError"),
        ("```sh\nthalia check nothing.yaml\n```", "ended with 2"),
        ("<!-- figure a.png: nothing -->", "no block has written a.png"),
    ],
)
def test_a_block_that_fails_is_told(text, message):
    with pytest.raises(PageError, match=message):
        run_page(text, "page")


def test_what_a_page_prints_follows_its_blocks():
    text = """```yaml title="a.yaml"
x: 1
```

```python
text = open("a.yaml").read()
```

```python
print(text, end="")
open("a.png", "w").write("picture")
```

<!-- figure a.png: what
it shows -->

```sh title="not run: needs a GPU"
thalia nothing
```
"""

    page = run_page(text, "mine")

    assert "```{ .text .printed }\nx: 1\n```" in page.text
    assert "![what it shows](mine-a.png)" in page.text
    assert page.pictures == {"a.png": b"picture"}


def test_commands_that_are_not_run_say_why():
    titles = [
        title
        for page in PAGES
        for kind, title, _ in BLOCK.findall(page.read_text())
        if kind == "sh" and title
    ]

    assert titles
    assert [title for title in titles if not title.startswith("not run: needs ")] == []


@pytest.mark.slow
def test_guides_in_which_simulators_agree_print_the_same_spikes():
    page = run_page((ROOT / "docs" / "guides" / "coming_from.md").read_text(), "coming_from")

    thalia_spikes, brian2_spikes = re.findall(r"printed }\n(\[.*\])\n", page.text)
    assert thalia_spikes == brian2_spikes
    assert len(thalia_spikes.split(",")) > 3


COMING_FROM = (ROOT / "docs" / "guides" / "coming_from.md").read_text()


def printed_by(needs, package, folder):
    """The last line that a block of the guide prints, in a process of its own."""
    pytest.importorskip(package, reason=f"uv pip install {package}")
    (code,) = (
        c for kind, title, c in BLOCK.findall(COMING_FROM) if title == f"not run: needs {needs}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.peer
def test_the_cell_of_the_guide_spikes_at_the_same_times_in_nest(tmp_path):
    (model,) = (text for kind, _, text in BLOCK.findall(COMING_FROM) if kind == "yaml")
    (tmp_path / "model.yaml").write_text(model)
    run = thalia.run(tmp_path / "model.yaml", backend="runtime", output=tmp_path / "model.h5")
    ours = [round(float(time) * 1e3, 1) for time in run.spikes["cell"].times]

    assert printed_by("NEST", "nest", tmp_path) == ours


@pytest.mark.peer
def test_the_network_of_the_guide_runs_in_netpyne(tmp_path):
    """Its cell, NEURON's simplest, fires 1 ms, the delay, after each spike of its input."""
    assert printed_by("NEURON and NetPyNE", "netpyne", tmp_path) == [21, 61, 101, 141]


def test_the_forms_that_a_page_names_are_those_of_the_plan():
    page = (ROOT / "docs" / "lowering.md").read_text()
    (text,) = re.findall(r"^```yaml\n(thalia: 1.*?)^```", page, re.DOTALL | re.MULTILINE)
    plan = thalia.plan_of(thalia.loads(text))
    forms = {
        name.removeprefix("dopamine_stdp_"): form.partition(":")[0]
        for group in plan.synapses
        for name, form in group.forms.items()
    }

    assert forms == {
        "pre_trace": "event-driven",
        "post_trace": "hoisted",
        "eligibility": "rescaled",
        "w": "accumulated",
    }

"""An assistant talks to `thalia mcp` over standard input and output, as assistants do."""

import asyncio
import json
import sys

import pytest

from tests.helpers import ROOT
from thalia.cli import assistant

mcp = pytest.importorskip("mcp")

WRONG = "thalia: 1\nname: x\nduration: 1 ms\npopulations: {a: {neuron: lif_curent, size: 2}}\n"
READING = {"check", "plan", "list_components", "circuits", "schema", "cite", "health"}


def talk(calls, folder, *options):
    """The tools that are offered, and the answers to some calls of one conversation."""
    server = mcp.StdioServerParameters(
        command=sys.executable,
        args=["-m", "thalia", "mcp", *options],
        cwd=str(folder),
        env={"PYTHONPATH": str(ROOT)},
    )

    async def conversation():
        async with mcp.stdio_client(server) as streams, mcp.ClientSession(*streams) as session:
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, [await session.call_tool(name, given) for name, given in calls]

    return asyncio.run(conversation())


@pytest.fixture(scope="module")
def talked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assistant")
    (folder / "numpy.py").write_text("raise SystemExit('this was imported')")
    calls = [
        ("check", {"circuit": "pair"}),
        ("check", {"text": WRONG}),
        ("check", {"circuit": "--help"}),
        ("list_components", {"what": "stdp_pair"}),
        ("run", {"circuit": "pair"}),
        ("check", {}),
        ("list_components", {"what": "stimuli/poisson"}),
    ]
    tools, answers = talk(calls, folder)
    return folder, tools, answers


def said(answer):
    return "".join(each.text for each in answer.content)


def test_by_default_all_tools_only_read(talked):
    _, tools, _ = talked

    assert {tool.name for tool in tools} == READING
    assert all(tool.annotations.read_only_hint for tool in tools)
    assert all(tool.description for tool in tools)


def test_a_circuit_is_checked_by_name(talked):
    _, _, (answer, *_) = talked

    assert not answer.is_error
    assert "OK: pair, 2 neurons, 1 synapse" in said(answer)


def test_a_mistake_has_its_place_and_a_hint(talked):
    _, _, answers = talked

    assert answers[1].is_error
    assert " circuit.yaml:4:19: populations.a.neuron" in said(answers[1])
    assert "did you mean 'lif_current'?" in said(answers[1])


def test_an_argument_is_no_option(talked):
    _, _, answers = talked

    assert answers[2].is_error
    assert "Usage" not in said(answers[2])


def test_a_component_is_shown(talked):
    _, _, answers = talked

    assert "a_plus = 0.005" in said(answers[3])


def test_a_circuit_that_is_neither_named_nor_given_is_told(talked):
    _, _, answers = talked

    assert answers[5].is_error
    assert "check: expected either 'circuit' or 'text'" in said(answers[5])


def test_a_component_is_shown_by_its_kind(talked):
    _, _, answers = talked

    assert said(answers[6]).startswith("poisson: ")
    assert "rate: " in said(answers[6])  # the neuron of this name has a threshold


def test_nothing_is_simulated_or_written_unless_it_is_allowed(talked):
    folder, _, answers = talked

    assert answers[4].is_error
    assert [each.name for each in folder.iterdir()] == ["numpy.py"]


def test_with_leave_there_is_a_tool_that_simulates():
    offered = asyncio.run(assistant.server_of(allow_run=True).list_tools())

    (run,) = (tool for tool in offered if tool.name not in READING)
    assert not run.annotations.read_only_hint


def test_a_run_answers_with_its_summary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "small.yaml").write_text(
        "thalia: 1\nname: small\nduration: 5 ms\npopulations: {a: {neuron: poisson, size: 2}}\n"
    )
    monkeypatch.setenv("PATH", "")  # no compiler, so NumPy

    found = json.loads(assistant.run("small.yaml", seed=5))

    assert (found["circuit"], found["seed"], found["neurons"]) == ("small", 5, 2)

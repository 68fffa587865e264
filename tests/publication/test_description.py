"""The description of a model has everything that the circuit has, with the numbers it has."""

import re

import pytest

import thalia
from tests.helpers import CIRCUITS, DRIVEN, thalia_here
from thalia.compiler.expand import expand
from thalia.library.lookup import find
from thalia.publication.description import Table, describe_model
from thalia.publication.formats import as_latex, as_markdown

HOSTILE = "a_b & 50 % #1 {x} | <b> \\end{x} $y$ ~ ^"


def tables_of(circuit):
    written_out = expand(circuit)
    return written_out, {each.title: each.rows for each in describe_model(written_out, {"e": 1234})}


def test_sizes_and_connectivity_are_those_of_the_circuit():
    _, tables = tables_of(thalia.loads(DRIVEN))

    assert tables["Populations"][0] == ("e", "lif_current", "1,234")
    assert tables["Connectivity"][-1] == (
        "kick", "given", "e", "all to all", "300 pA", "axonal 1 ms",
    )  # fmt: skip
    learn = next(row for row in tables["Connectivity"] if row[0] == "learn")
    assert learn[3:] == (
        "pairwise bernoulli, probability 0.5",
        "uniform(50 pA, 150 pA)",
        "axonal uniform(0.5 ms, 3 ms), dendritic 0.4 ms",
    )


def test_parameters_are_what_was_given_over_the_defaults():
    _, tables = tables_of(thalia.loads(DRIVEN))

    values = {(who, name): value for who, name, value, _ in tables["Parameters"]}
    assert values["lif_current of e", "tau_m"] == "normal(10 ms, 1 ms, min=5 ms)"
    assert values["lif_current of i", "tau_m"] == "10 ms"
    assert values["stdp_pair of learn, kick", "tau_plus"] == "20 ms"


def test_many_pathways_are_told_together():
    _, tables = tables_of(thalia.loads(DRIVEN))

    owners = {who for who, *_ in tables["Parameters"]}
    (plasticity,) = (row[-1] for row in tables["Plasticity"] if row[0] == "stdp_pair")
    assert "current_exp of all of rec, learn" in owners
    assert plasticity == "learn, kick"
    assert max(map(len, owners)) < 60


def test_a_model_of_every_pathway_is_told_of_all():
    _, tables = tables_of(thalia.load("cortex"))

    assert "current_exp of all pathways" in {who for who, *_ in tables["Parameters"]}


def test_a_preset_is_over_the_default_and_under_what_is_given():
    name, given = next(iter(find("plasticity", "stdp_pair")[0].presets.items()))
    text = DRIVEN.replace(
        "plasticity: [stdp_pair]}",
        f"plasticity: [{{rule: stdp_pair, preset: {name}, tau_plus: 11 ms}}]}}",
    )

    _, tables = tables_of(thalia.loads(text))

    values = {n: value for who, n, value, _ in tables["Parameters"] if who == "stdp_pair of learn"}
    expected = {n: str(value) for n, value in given.parameters.items()} | {"tau_plus": "11 ms"}
    assert {n: values[n] for n in expected} == expected


@pytest.mark.parametrize("file", CIRCUITS, ids=lambda file: file.stem)
def test_every_circuit_is_described_whole(file):
    circuit, tables = tables_of(thalia.load(file))

    assert [row[0] for row in tables["Populations"]] == [*circuit.populations]
    assert [row[0] for row in tables.get("Connectivity", ())] == [*circuit.pathways]
    assert [row[0] for row in tables.get("Input", ())] == [*circuit.stimuli]
    assert {row[0] for row in tables.get("Neuromodulators", ())} == {*circuit.modulators}


def test_latex_has_no_character_that_means_something_else():
    text = as_latex([Table("of_a", ("x_y",), ((HOSTILE,),))])

    (row,) = re.findall(r"^a\\_b.*$", text, re.MULTILINE)
    assert row == (
        r"a\_b \& 50 \% \#1 \{x\} | \textless{}b\textgreater{} \textbackslash{}end\{x\} \$y\$ "
        r"\textasciitilde{} \textasciicircum{}\\ \hline"
    )


def test_a_cell_of_markdown_ends_where_it_should():
    lines = as_markdown([Table("t", ("x", "y"), ((HOSTILE, "1\n2"),))]).splitlines()

    assert len(re.findall(r"(?<!\\)\|", lines[-1])) == 3
    assert lines[-1].endswith("| 1<br>2 |")
    assert "<b>" not in lines[-1]


def test_the_command_prints_the_tables_of_what_runs(tmp_path):
    done = thalia_here("cite", "brunel", "--methods", "--scale", "0.02", folder=tmp_path)
    refused = thalia_here("cite", "brunel", "--latex", folder=tmp_path)

    assert "| exc | lif_current | 200 |" in done.stdout
    assert "| Scale | 0.02 of the neurons, 0.02 of the synapses" in done.stdout
    assert (refused.returncode, refused.stdout) == (2, "")

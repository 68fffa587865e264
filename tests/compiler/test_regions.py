"""Every region of the library is a circuit by itself, names its sources, and leaves no population out at a tenth of 1,000 neurons."""

import re
from pathlib import Path

import pytest

import thalia
from thalia.compiler.expand import expand
from thalia.library import lookup

CIRCUIT = "{{thalia: 1, name: one, duration: 100 ms, regions: {{here: {{template: {name}, size: {size}}}}}}}"


def loaded(name, size=1000):
    return thalia.loads(CIRCUIT.format(name=name, size=size))


@pytest.mark.parametrize("name", lookup.names("regions"))
def test_a_region_is_a_circuit_by_itself(name):
    plan = thalia.plan_of(loaded(name))

    assert plan.synapses
    assert all(member.name.startswith("here.") for group in plan.groups for member in group.members)


@pytest.mark.parametrize("name", lookup.names("regions"))
@pytest.mark.parametrize("size", [100, 1000])
def test_sizes_of_populations_sum_to_that_of_the_region(name, size):
    sizes = [population.size for population in expand(loaded(name, size)).populations.values()]

    assert min(sizes) > 0
    assert sum(sizes) == pytest.approx(size, abs=len(sizes))


@pytest.mark.parametrize("name", lookup.names("regions"))
def test_a_region_names_its_sources(name):
    text, _ = lookup.part_text("regions", name, Path("."))

    assert re.search(r"cite: \[10\.\d{4,}/", text)


CHANGED = """
thalia: 1
name: changed
duration: 100 ms
regions:
  here:
    template: thalamus
    size: 1000
    populations: {relay: {parameters: {g_l: 7 nS}}}
    pathways: {relay_to_reticular: {weight: 0.2 nS, connect: {number: 3}}}
"""


def test_a_circuit_changes_what_it_names_of_a_region_and_nothing_else():
    changed, plain = expand(thalia.loads(CHANGED)), expand(loaded("thalamus"))
    pathway = changed.pathways["here.relay_to_reticular"]

    assert str(pathway.weight[0][0]) == "0.2 nS"
    assert (pathway.connect.rule, pathway.connect.number[0][0].mean) == ("fixed_indegree", 3)
    assert {str(value) for value in changed.populations["here.relay"].parameters.values()} == {
        "normal(-63 mV, 1 mV)",
        "7 nS",
    }
    assert changed.populations["here.reticular"] == plain.populations["here.reticular"]
    assert changed.pathways["here.reticular_to_relay"] == plain.pathways["here.reticular_to_relay"]


def test_a_change_may_be_given_by_a_path():
    path = "regions.here.pathways.relay_to_reticular.weight"
    circuit = expand(thalia.loads(CIRCUIT.format(name="thalamus", size=1000), set={path: "0.2 nS"}))

    assert str(circuit.pathways["here.relay_to_reticular"].weight[0][0]) == "0.2 nS"


def test_a_path_into_what_a_region_makes_is_told_where_to_go():
    with pytest.raises(
        thalia.CircuitError,
        match=r"it belongs to a region: set regions\.here\.pathways\.relay_to_reticular\.weight",
    ):
        thalia.loads(
            CIRCUIT.format(name="thalamus", size=1000),
            set={"pathways.here.relay_to_reticular.weight": "0.2 nS"},
        )


def test_changes_survive_writing_and_reading():
    circuit = thalia.loads(CHANGED)

    assert expand(thalia.loads(thalia.dumps(circuit))).pathways == expand(circuit).pathways

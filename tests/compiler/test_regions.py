"""Every region of the library is a circuit by itself, names its sources, and leaves no population out at a tenth of 1,000 neurons."""

import re
from pathlib import Path

import pytest

import thalia
from thalia.compiler.expand import expand
from thalia.connectivity.build import wire
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


def test_pathways_of_the_cortex_share_one_threshold_and_one_scale_for_each_neuron():
    """Four pathways with BCM and scaling onto two kinds of cells, and no threshold for a pathway."""
    circuit = expand(loaded("cortex"))
    plan = thalia.plan_of(circuit)
    made = [equation.name for group in plan.groups for equation in group.equations()]
    reached = [
        pathway.post
        for pathway in circuit.pathways.values()
        if {"bcm", "synaptic_scaling"} <= {use.rule for use in pathway.rules}
    ]

    assert sorted(reached) == [("here.l23",), ("here.l23",), ("here.l5",), ("here.l5",)]
    assert [name for name in made if "theta" in name] == ["bcm_theta", "bcm_2_theta"]
    assert [name for name in made if "factor" in name] == [
        "synaptic_scaling_log_factor",
        "synaptic_scaling_2_log_factor",
    ]


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


TWO = """
thalia: 1
name: two
duration: 100 ms
regions:
  left: {template: ./small.yaml, size: 10, modulators: {level: {tau: 50 ms}}}
  right: {template: ./small.yaml, size: 10}
"""
SMALL = """
summary: a region with modulators of its own
populations:
  cells: {neuron: lif_current, share: 1, modulation: {tau_m: 10*ms*(1 + level)}}
modulators:
  level: {kind: first_order, tau: 20 ms, released_by: cells}
  slow: {kind: follower, input: 2*level}
pathways:
  all: {pre: cells, post: cells, connect: {rule: all_to_all}, synapse: delta, weight: 1 mV, delay: 1 ms, release: 1 - slow,
        plasticity: [{rule: presynaptic_reward, modulator: level - slow}]}
"""


@pytest.fixture
def two(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "two.yaml").write_text(TWO)
    return tmp_path / "two.yaml"


def test_each_region_has_its_own_modulators(two):
    circuit = expand(thalia.load(two))

    assert list(circuit.modulators) == ["left_level", "left_slow", "right_level", "right_slow"]
    taus = [
        str(circuit.modulators[f"{side}_level"].parameters["tau"]) for side in ("left", "right")
    ]
    assert taus == ["50 ms", "20 ms"]
    assert circuit.modulators["right_level"].released_by == ("right.cells",)
    assert circuit.modulators["right_slow"].input == "2*right_level"
    assert circuit.populations["left.cells"].modulation == {"tau_m": "10*ms*(1 + left_level)"}
    assert circuit.pathways["left.all"].release == "1 - left_slow"
    assert circuit.pathways["left.all"].plasticity[0].modulator == "left_level - left_slow"
    assert thalia.plan_of(thalia.load(two)).synapses


def test_a_modulator_with_the_name_of_that_of_a_region_is_told(two):
    own = {"modulators.left_slow": {"kind": "first_order"}}

    with pytest.raises(
        thalia.CircuitError, match="the region 'left' has a modulator of this name, its 'slow'"
    ):
        expand(thalia.load(two, set=own))


def test_a_change_of_a_modulator_that_a_region_has_not_is_told(two):
    with pytest.raises(
        thalia.CircuitError, match=r"has no modulator 'levle'.*\n.*did you mean 'level'"
    ):
        expand(thalia.load(two, set={"regions.left.modulators.levle.tau": "1 ms"}))


def test_edges_of_a_file_and_neurons_of_a_table_replace_what_a_region_draws(tmp_path):
    """A synthetic connectome, with the columns of the public ones, in place of the random claws."""
    ids = {"projection": range(700, 704), "kenyon": range(800, 805)}
    table = ["root_id,cell_class", *(f"{i},{kind}" for kind, each in ids.items() for i in each)]
    (tmp_path / "neurons.csv").write_text("\n".join(table))
    edges = ["pre_root_id,post_root_id,syn_count", "700,800,3", "702,804,5", "703,801,1"]
    (tmp_path / "synapses.csv").write_text("\n".join(edges))
    table = {"file": "neurons.csv", "columns": {"id": "root_id"}}
    changes = {
        f"regions.mb.populations.{kind}": {**table, "where": f"cell_class == '{kind}'"}
        for kind in ids
    }
    changes["regions.mb.pathways.claws"] = {
        "connect": {
            "file": "synapses.csv",
            "columns": {"pre": "pre_root_id", "post": "post_root_id", "count": "syn_count"},
        },
        "weight": "count * 0.4 mV",
    }
    (tmp_path / "fly.yaml").write_text(
        CIRCUIT.format(name="mushroom_body", size=200).replace("here", "mb")
    )

    plan = thalia.plan_of(thalia.load(tmp_path / "fly.yaml", set=changes))
    (wired,) = [each for each in wire(plan).synapses.values() if "mb.claws" in each.pathways]
    rows = wired.rows("mb.claws")

    assert {name: plan.population(f"mb.{name}")[1].size for name in ids} == {
        "projection": 4,
        "kenyon": 5,
    }
    weights = dict(zip(wired.post[rows].tolist(), wired.variables["w"][rows].tolist(), strict=True))
    first = plan.population("mb.kenyon")[1].start
    assert weights == pytest.approx({first: 1.2e-3, first + 4: 2e-3, first + 1: 0.4e-3})

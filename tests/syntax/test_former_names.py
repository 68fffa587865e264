"""Keys and components by the names that they had in earlier versions: read, with a notice that has its place."""

import re

import pytest

import thalia
from tests.helpers import thalia as command
from thalia.compiler.expand import expand
from thalia.errors import CircuitError, FormerNameWarning

OLD = """
thalia: 1
name: old
duration: 10 ms
rules:
  mine:
    summary: A rule with an instructive pathway.
    neuron: "taught : 1"
    on_teacher: taught += 1
    on_pre: w -= taught*w
neurons:
  two:
    summary: A neuron with a dendrite.
    sites: {apical: {unit: amp, potential: u}}
    equations: |
      dv/dt = (u - v + input_current/(10*nS)) / (10*ms) : volt
      du/dt = (-u + input_apical/(10*nS)) / (10*ms) : volt
    threshold: v > 10*mV
populations:
  source: {neuron: input, size: 2}
  cell: {neuron: two, size: 1}
pathways:
  force: {pre: source, post: cell, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms}
  p: {pre: source, post: cell, connect: {rule: all_to_all}, synapse: current_exp, onto: apical, weight: 1 pA, delay: 1 ms,
      plasticity: [{rule: mine, teacher: force}]}
stimuli:
  dendrite: {kind: current, target: cell, onto: apical, amplitude: 5 pA}
record: {states: {v: {population: cell, variables: [v], every: 1 ms}}}
backend: {stock: true}
"""
NEW = (
    OLD.replace("on_teacher", "on_instruction")
    .replace("teacher", "instructed_by")
    .replace("onto", "compartment")
    .replace("sites", "compartments")
    .replace("neuron: input", "neuron: spike_source")
    .replace("stock", "unmodified")
    .replace("states", "traces")
)
NOTICES = """\
old.yaml:9:5: rules.mine.on_teacher: the key 'on_teacher' is now called 'on_instruction'
old.yaml:14:5: neurons.two.sites: the key 'sites' is now called 'compartments'
old.yaml:20:12: populations.source.neuron: the neuron model 'input' is now called 'spike_source'
old.yaml:24:83: pathways.p.onto: the key 'onto' is now called 'compartment'
old.yaml:25:33: pathways.p.plasticity[0].teacher: the key 'teacher' is now called 'instructed_by'
old.yaml:27:43: stimuli.dendrite.onto: the key 'onto' is now called 'compartment'
old.yaml:28:10: record.states: the key 'states' is now called 'traces'
old.yaml:29:11: backend.stock: the key 'stock' is now called 'unmodified'
"""


def _loaded(*arguments, **keywords):
    circuit = thalia.loads(*arguments, **keywords)
    return circuit, expand(circuit)


def read(*arguments, **keywords):
    """A circuit, the same expanded, and the notices that both gave."""
    with pytest.warns(FormerNameWarning) as caught:
        circuit, expanded = _loaded(*arguments, **keywords)
    return circuit, expanded, "".join(f"{each.message}\n" for each in caught)


def test_each_former_name_is_read_and_reported_with_its_place():
    circuit, _, notices = read(OLD, "old.yaml")

    assert circuit == thalia.loads(NEW)
    assert notices == NOTICES


def test_a_circuit_is_written_with_the_current_names():
    circuit, _, _ = read(OLD, "old.yaml")

    written = thalia.dumps(circuit)

    assert thalia.loads(written) == circuit
    assert "unit: amp\n" in written


def test_the_schema_shows_the_current_names_only(tmp_path):
    schema = command("schema", folder=tmp_path).stdout

    assert '"compartment"' in schema
    assert re.findall(r"onto|teacher|stock|sites|FORMER", schema) == []


@pytest.mark.parametrize(("key", "both", "message"), [
    ("onto: apical, weight", "onto: apical, compartment: apical, weight",
     "old.yaml:24:83: pathways.p.onto: 'onto' is the former name of 'compartment', and both are given\n    hint: keep 'compartment'"),
    ("onto: apical, amplitude", "onto: apical, compartment: apical, amplitude",
     "stimuli.dendrite.onto: 'onto' is the former name of 'compartment', and both are given\n    hint: keep 'compartment'"),
    ("teacher: force", "instructed_by: force, teacher: force",
     "pathways.p.plasticity[0].teacher: 'teacher' is the former name of 'instructed_by', and both are given\n    hint: keep 'instructed_by'"),
    ("on_teacher: taught += 1", "on_teacher: taught += 1\n    on_instruction: taught += 2",
     "rules.mine.on_teacher: 'on_teacher' is the former name of 'on_instruction', and both are given\n    hint: keep 'on_instruction'"),
    ("sites: {", "compartments: {}\n    sites: {",
     "neurons.two.sites: 'sites' is the former name of 'compartments', and both are given\n    hint: keep 'compartments'"),
    ("stock: true", "stock: true, unmodified: true",
     "backend.stock: 'stock' is the former name of 'unmodified', and both are given\n    hint: keep 'unmodified'"),
])  # fmt: skip
def test_a_former_key_beside_the_current_one_is_an_error(key, both, message):
    assert key in OLD
    with pytest.warns(FormerNameWarning), pytest.raises(CircuitError) as caught:
        thalia.loads(OLD.replace(key, both), "old.yaml")

    assert str(caught.value).endswith(message)


def test_a_mistake_below_a_former_key_keeps_its_place():
    with pytest.warns(FormerNameWarning), pytest.raises(CircuitError) as caught:
        thalia.loads(OLD.replace("unit: amp", "unit: 3"), "old.yaml")

    assert str(caught.value) == (
        "old.yaml:14:22: neurons.two.compartments.apical.unit: expected a unit such as 'nS', found 3"
    )


def test_a_neuron_model_of_the_circuit_keeps_a_name_that_one_of_the_library_had():
    text = NEW.replace("  two:", "  input:").replace("neuron: two", "neuron: input")

    assert thalia.loads(text).populations["cell"].neuron == "input"


def test_a_file_beside_the_circuit_is_read_with_former_names(tmp_path):
    rule = OLD.partition("  mine:\n")[2].partition("neurons:")[0].replace("\n    ", "\n")
    (tmp_path / "rule.yaml").write_text(rule.removeprefix("    "))
    text = NEW.replace("rule: mine", "rule: ./rule.yaml")

    with pytest.warns(FormerNameWarning, match=r"rule.yaml:3:1: on_teacher: the key 'on_teacher'"):
        part = thalia.loads(text, folder=tmp_path).part("plasticity", "./rule.yaml")

    assert str(part.on_instruction[0]) == "taught += 1"


REGION = """
summary: A template of an earlier version.
populations: {source: {neuron: input, share: 0.5}, cell: {neuron: two_compartment, share: 0.5}}
pathways: {p: {pre: source, post: cell, connect: {probability: 1}, synapse: ampa, onto: apical, weight: 1 nS, delay: 1 ms}}
"""
CHANGED = """
thalia: 1
name: changed
duration: 10 ms
regions:
  v1: {template: ./region.yaml, size: 10, pathways: {p: {onto: apical}}, populations: {source: {neuron: input}}}
"""
REGION_NOTICES = """\
changed.yaml:6:58: regions.v1.pathways.p.onto: the key 'onto' is now called 'compartment'
changed.yaml:6:97: regions.v1.populations.source.neuron: the neuron model 'input' is now called 'spike_source'
region.yaml:3:24: populations.source.neuron: the neuron model 'input' is now called 'spike_source'
region.yaml:4:83: pathways.p.onto: the key 'onto' is now called 'compartment'
"""


def test_a_template_and_what_a_circuit_changes_of_it_are_read_with_former_names(tmp_path):
    (tmp_path / "region.yaml").write_text(REGION)

    _, expanded, notices = read(CHANGED, "changed.yaml", folder=tmp_path)

    assert expanded.pathways["v1.p"].compartment == "apical"
    assert expanded.populations["v1.source"].neuron == "spike_source"
    assert notices.replace(f"{tmp_path}/", "") == REGION_NOTICES


@pytest.mark.parametrize("text", [NEW, NEW.replace("compartment: apical, ", "")])
def test_a_value_is_set_by_the_former_name_of_its_key(text):
    circuit, _, notices = read(text, set={"pathways.p.onto": "apical"})

    assert circuit.pathways["p"].compartment == "apical"
    assert notices == ("--set pathways.p.onto: the key 'onto' is now called 'compartment'\n")


def test_the_command_reports_each_former_name_once_on_standard_error(tmp_path):
    (tmp_path / "old.yaml").write_text(OLD.replace("backend: {stock: true}\n", ""))

    done = command("plan", "old.yaml", folder=tmp_path)

    assert done.returncode == 0
    assert done.stderr == NOTICES.replace(NOTICES.splitlines(keepends=True)[-1], "")
    assert "is now called" not in done.stdout

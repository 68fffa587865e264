"""The list of passes: what stands between two of them, what they report together, and that each runs once."""

import pytest

import thalia
from tests.helpers import CIRCUITS, ROOT
from tests.helpers import thalia as command
from thalia.codegen.listing import after_pass, describe
from thalia.compiler import expand as expansion
from thalia.compiler import expand_regions
from thalia.compiler.options import DEFAULT_OPTIONS, CompilerOptions
from thalia.compiler.pipeline import PASS_NAMES, after_each_pass, compile_circuit
from thalia.errors import CircuitError
from thalia.simulation.origin import origin_of

REGIONS = """
thalia: 1
name: two_regions
duration: 5 ms
regions:
  left: {template: thalamus, size: 60}
  right: {template: thalamus, size: 80, populations: {relay: {parameters: {c_m: 210 pF}}}}
modulators: {dopamine: {kind: d1, schedule: [{at: 2 ms, amount: 0.5}]}}
"""
MISTAKES = """
thalia: 1
name: mistakes
duration: 5 ms
populations: {a: {neuron: lif_conductance, size: 4}, b: {neuron: lif_conductanc, size: 4}}
pathways: {p: {pre: a, post: a, connect: {probability: 0.5}, synapse: ampa, weight: "drive(-0.1, 5 Hz)", delay: 1 ms}}
gains: {c: 2}
"""


@pytest.fixture
def template_reads(monkeypatch):
    """The names of the region templates whose files are read, and of those that are parsed."""
    read, parsed = [], []

    def part_text(kind, name, folder):
        read.append(name)
        return text_of(kind, name, folder)

    def parse(model, data, source):
        if model is expand_regions.Fragment:
            parsed.append(data["summary"])
        return parsed_as(model, data, source)

    text_of, parsed_as = expand_regions.part_text, expand_regions.parse
    monkeypatch.setattr(expand_regions, "part_text", part_text)
    monkeypatch.setattr(expand_regions, "parse", parse)
    expand_regions._read_template.cache_clear()
    return read, parsed


def test_a_run_expands_its_circuit_once_and_parses_a_template_once(template_reads, tmp_path):
    read, parsed = template_reads

    run = thalia.run(thalia.loads(REGIONS), backend="runtime", output=tmp_path / "run.h5")

    assert read == ["thalamus", "thalamus"]  # each region of the circuit, once
    assert len(parsed) == 1
    assert run.results["neurons"] == 141


def test_cite_parses_a_template_once(template_reads):
    from thalia.publication.citations import citations

    assert citations(thalia.loads(REGIONS))
    assert len(template_reads[1]) == 1


@pytest.mark.parametrize("name", ["expand", "drive_to_weight", "downscale"])
@pytest.mark.parametrize("stem", ["thalamus", "prediction"])
def test_a_circuit_after_a_pass_is_a_circuit_with_the_same_weights(stem, name):
    circuit = thalia.load(ROOT / "circuits" / f"{stem}.yaml")

    printed = thalia.loads(after_pass(circuit, DEFAULT_OPTIONS, name), folder=circuit.folder)

    weights = {
        pathway.name: (pathway.weight.arguments, pathway.parameters)
        for _, pathway in thalia.plan_of(circuit).pathways()
    }
    assert weights == {
        pathway.name: (pathway.weight.arguments, pathway.parameters)
        for _, pathway in thalia.plan_of(printed).pathways()
    }


def test_what_stands_after_the_last_pass_is_the_plan():
    circuit = thalia.load(ROOT / "circuits" / "pair.yaml")

    assert after_pass(circuit, DEFAULT_OPTIONS, "lower") == describe(thalia.plan_of(circuit))


def test_passes_after_the_last_one_report_nothing():
    circuit = thalia.loads(MISTAKES)

    assert list(after_each_pass(circuit, DEFAULT_OPTIONS, "expand")) == ["expand"]


def test_mistakes_of_several_passes_are_reported_together():
    with pytest.raises(CircuitError) as caught:
        compile_circuit(thalia.loads(MISTAKES))

    assert [problem.path for problem in caught.value.problems] == [
        ("populations", "b", "neuron"),
        ("pathways", "p", "weight"),
        ("gains", "c"),
    ]


def test_a_pass_that_only_notes_its_mistakes_still_fails_as_the_last_one():
    with pytest.raises(CircuitError, match="no population is called 'c'"):
        after_each_pass(thalia.loads(MISTAKES), DEFAULT_OPTIONS, "drive_to_weight")


def test_a_pass_that_is_not_there_is_an_error():
    with pytest.raises(CircuitError, match="did you mean 'fuse'"):
        after_each_pass(thalia.loads(MISTAKES), DEFAULT_OPTIONS, "fusee")


def test_expanding_twice_is_expanding_once():
    """So that the circuit that a run file, a sweep or an experiment passes on is the circuit that was run."""
    once = expansion.expand(thalia.loads(REGIONS))

    assert expansion.expand(once) == once


def test_a_scheduled_release_is_the_same_in_the_circuit_that_a_run_file_keeps():
    circuit = thalia.loads(REGIONS)
    text, _ = origin_of(expansion.expand(circuit))

    assert describe(thalia.plan_of(thalia.loads(text))) == describe(thalia.plan_of(circuit))


def test_a_duration_replaces_that_of_the_circuit_in_the_plan_alone():
    circuit = thalia.load(ROOT / "circuits" / "pair.yaml")

    compiled = compile_circuit(circuit, CompilerOptions(duration="3 ms"))

    assert compiled.plan.duration == pytest.approx(3e-3)
    assert compiled.expanded.duration == circuit.duration


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lower": "of"}, "--lower: expected 'on' or 'off', found 'of'"),
        ({"precision": "half"}, "--precision: expected 'double' or 'single', found 'half'"),
        ({"duration": "3 mV"}, "--duration: expected a time, found 3 mV"),
        ({"duration": "long"}, "--duration: expected a number with a unit, such as '20 ms'"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(CircuitError, match=message):
        CompilerOptions(**options)


def test_the_command_prints_what_stands_after_a_pass(tmp_path):
    done = command(
        "plan", ROOT / "circuits" / "thalamus.yaml", "--after", "expand", folder=tmp_path
    )

    assert done.returncode == 0
    assert thalia.loads(done.stdout).regions == {}


def test_the_command_refuses_a_pass_that_is_not_there(tmp_path):
    done = command("plan", CIRCUITS[0], "--after", "parse", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr == (
        "no pass is called 'parse'\n"
        "    hint: known: downscale, drive_to_weight, expand, fuse, lower, read_data, resolve\n"
    )


def test_help_names_every_pass(tmp_path):
    text = command("plan", "--help", folder=tmp_path, COLUMNS="200").stdout

    assert [name for name in PASS_NAMES if name not in text] == []


MATRIX = """
thalia: 1
name: a_matrix
populations:
  a: {neuron: poisson, size: 10}
  b: {neuron: hodgkin_huxley, size: 10}
pathways:
  p: {pre: [a, b], post: b, connect: {probability: 0.5}, synapse: ampa, weight: "drive(0.3, 8 Hz)"}
"""


def test_mistakes_of_an_intermediate_pass_have_the_place_of_what_was_written():
    with pytest.raises(CircuitError) as caught:
        after_each_pass(thalia.loads(MATRIX), DEFAULT_OPTIONS, "drive_to_weight")

    assert [(problem.place, problem.path) for problem in caught.value.problems] == [
        ("circuit.yaml:8:73", ("pathways", "p", "weight"))
    ]

"""Circuits are read from YAML with the place of everything, and written back to equal circuits."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import thalia
from tests.circuit import mutations
from tests.helpers import CIRCUITS
from thalia.circuit.part_use import Modulator, RuleUse, Stimulus, SynapseUse
from thalia.errors import CircuitError
from thalia.library.schema import ModulatorKind, Rule, StimulusKind, Synapse
from thalia.syntax import yaml_reader
from thalia.syntax.yaml_reader import read_yaml

SMALL = """
thalia: 1
name: small
duration: 100 ms
populations:
  a: {neuron: lif_current, size: 10, parameters: {tau_m: 20 ms}}
  v1.b: {neuron: poisson, size: 5}
pathways:
  b_to_a: {pre: v1.b, post: a, connect: {probability: 0.5}, synapse: {part: current_exp, tau: 2 ms},
           weight: "normal(80 pA, 8 pA, min=0 pA)", delay: {axonal: 1 ms, dendritic: 0.2 ms}, plasticity: [{rule: stdp_pair, tau_plus: 15 ms}]}
"""


@pytest.mark.parametrize("file", CIRCUITS, ids=lambda f: f.stem)
def test_a_circuit_written_and_read_again_is_equal(file):
    circuit = thalia.load(file)

    assert thalia.loads(thalia.dumps(circuit), folder=file.parent) == circuit


def test_own_parts_survive_the_round_trip():
    part = thalia.loads(SMALL).part("neurons", "lif_current")
    circuit = thalia.loads(SMALL).with_(neurons={"mine": part})

    assert thalia.loads(thalia.dumps(circuit)) == circuit


@given(
    size=st.integers(1, 10**6), seed=st.integers(0, 2**63 - 1), tau=st.floats(0.1, 500), p=st.floats(0.001, 1),
    w=st.floats(1e-3, 1e3), delay=st.floats(0.1, 20), names=st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), min_size=2, max_size=2, unique=True),
)  # fmt: skip
def test_circuits_made_in_python_load_to_equal_ones(size, seed, tau, p, w, delay, names):
    pre, post = names
    circuit = thalia.Circuit(
        name="made", duration="1 s", seed=seed,
        populations={pre: thalia.Population(neuron="poisson", size=size), post: {"neuron": "lif_current", "size": size, "parameters": {"tau_m": f"{tau!r} ms"}}},
        pathways={"p": {"pre": pre, "post": post, "connect": {"probability": p}, "synapse": "current_exp", "weight": f"{w!r} pA", "delay": f"{delay!r} ms", "plasticity": ["stdp_pair"]}},
    )  # fmt: skip

    assert thalia.loads(thalia.dumps(circuit)) == circuit


WORDS = st.text(max_size=30) | st.sampled_from([
    "inf", "-inf", "nan", "1e5", "1_000", "0x10", "+5", ".5", "1:30", "2001-01-01", "yes", "null", "~", "", "=", "<<", "- x", "? x", "a: b", "a #b",
    "  lead", "trail  ", "a\nb", "\na", "a\n ", "a\r\nb", "\t", "---", "\x85", "\u2028", "\x1b[31m", "'", '"', "|", "%", "@", "`", "x" * 200 + " y" * 50,
])  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@given(words=st.lists(WORDS, min_size=6, max_size=6), key=WORDS, value=ANYTHING)
def test_texts_and_values_of_any_kind_survive_the_round_trip(words, key, value):
    summary, cite, reason, source, meaning, says = words
    changes = {"says": says or "x", "set": {key: value}}
    data = {
        "thalia": 1, "name": "odd", "summary": summary, "cite": [cite],
        "populations": {"e": {"neuron": "own", "size": 1, "excites_and_inhibits": reason}},
        "neurons": {"own": {"summary": "x", "source": source, "equations": "dv/dt = -v/tau : volt", "threshold": "v > 1*mV",
                            "parameters": {"tau": {"default": "1 ms", "meaning": meaning}}}},
        "conditions": {"one": changes},
        "experiment": {"task": source, "result": summary, "curve": cite, "extra": value, "controls": {"two": {**changes, "task": {key: value}}}},
    }  # fmt: skip
    try:
        circuit = thalia.loads(json.dumps(data))
    except CircuitError:  # a lone surrogate, which is no text of YAML
        return

    assert thalia.loads(thalia.dumps(circuit)) == circuit


MUTATED = [(file, seed) for file in CIRCUITS for seed in range(4)]


@pytest.mark.parametrize(("file", "seed"), MUTATED, ids=lambda each: getattr(each, "stem", each))
def test_a_mutated_circuit_that_loads_survives_the_round_trip(file, seed):
    """`tests.circuit.mutations` does more by hand: of 3,400 mutations the 592 that load do."""
    data = mutations.mutated(read_yaml(file.read_text("utf-8"), "x.yaml")[0], seed)
    try:
        circuit = thalia.loads(json.dumps(data), folder=file.parent)
    except CircuitError:
        return

    assert thalia.loads(thalia.dumps(circuit), folder=file.parent) == circuit


def test_words_that_yaml_takes_for_booleans_are_words():
    data, _ = read_yaml("a: no\nb: off\nc: true\nd: yes\ne: on", "x.yaml")

    assert data == {"a": "no", "b": "off", "c": True, "d": "yes", "e": "on"}


@given(st.recursive(
    st.one_of(st.booleans(), st.integers(-10**9, 10**9), st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda w: w not in ("true", "false", "null", "nan", "inf", "infinity"))),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner, max_size=4)),
    max_leaves=20,
))  # fmt: skip
def test_plain_data_is_read_as_written(data):
    assert read_yaml(yaml.safe_dump(data), "x.yaml")[0] == data


def test_every_key_has_its_place():
    _, source = read_yaml("a: 1\nb:\n  - c: 2\n", "x.yaml")

    assert source.locate(("b", 0, "c")) == "x.yaml:3:5"
    assert source.locate(("b", 0, "missing")) == "x.yaml:3:5"[:-1] + "5"


@pytest.mark.parametrize("file", CIRCUITS, ids=lambda f: f.stem)
def test_both_parsers_find_the_same_at_the_same_places(file, monkeypatch):
    text = file.read_text()
    found = read_yaml(text, file.name)

    monkeypatch.setattr(yaml_reader, "_LIBYAML", yaml.SafeLoader)

    assert read_yaml(text, file.name) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a:\tb",
            "x.yaml:1:3: is not valid YAML: found character '\\t' that cannot start any token\n    hint: use spaces in place of tabs",
        ),
        (
            "a: [b?c]",
            "x.yaml:1:6: is not valid YAML: expected ',' or ']', but got '?'\n    hint: separate entries with commas, and close the [ with a ]",
        ),
        (
            "a: [b",
            "x.yaml:1:6: is not valid YAML: expected ',' or ']', but got '<stream end>'\n    hint: separate entries with commas, and close the [ with a ]",
        ),
        (
            "a:\n  b: 1\n   c: 2",
            "x.yaml:3:5: is not valid YAML: mapping values are not allowed here\n"
            "    hint: check the indentation; quote a text that contains ': '",
        ),
        (
            "a:\n  b: 1\n c: 2",
            "x.yaml:3:2: is not valid YAML: expected <block end>, but found '<block mapping start>'\n"
            "    hint: indent the entries of a mapping or a list alike, with spaces",
        ),
        (
            "a: 1\nb 2\nc: 3",
            "x.yaml:3:1: is not valid YAML: could not find expected ':'\n"
            "    hint: write `key: value`, with a space after the colon",
        ),
        (
            "[" * 201 + "a" + "]" * 201,
            "x.yaml: is nested too deeply\n    hint: write lists and mappings in lines of their own",
        ),
        ("- " * 201 + "a", "x.yaml: is nested too deeply"),
    ],
    ids=[
        "tab",
        "question mark",
        "open list",
        "deeper key",
        "shallower key",
        "no colon",
        "deep lists",
        "deep items",
    ],
)
def test_what_is_not_strictly_yaml_is_refused(text, message):
    with pytest.raises(CircuitError) as error:
        read_yaml(text, "x.yaml")

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("component", "use"),
    [(Rule, RuleUse), (Synapse, SynapseUse), (StimulusKind, Stimulus), (ModulatorKind, Modulator)],
)
def test_no_parameter_can_have_the_name_of_a_key_beside_it(component, use):
    """In `{rule: mine, window: 3 ms}` a parameter called `window` could not be given."""
    assert {*component.USED_WITH} == {*use.model_fields, *use.FORMER_KEYS}


def test_values_are_replaced_by_path():
    circuit = thalia.loads(
        SMALL, set={"pathways.b_to_a.weight": "90 pA", "populations.v1.b.size": "7", "seed": 3}
    )

    assert circuit.pathways["b_to_a"].weight[0][0].mean == pytest.approx(90e-12)
    assert circuit.populations["v1.b"].size == 7
    assert circuit.seed == 3


def test_a_path_that_is_not_there_is_an_error():
    with pytest.raises(
        CircuitError, match=r"--set pathways.b_to_b.weight: the circuit has no 'pathways.b_to_b'"
    ):
        thalia.loads(SMALL, set={"pathways.b_to_b.weight": "90 pA"})


def test_a_replaced_value_is_checked_like_any_other():
    with pytest.raises(CircuitError, match=r"^--set dt: expected a time, found 3 mV \(a voltage\)"):
        thalia.loads(SMALL, set={"dt": "3 mV"})


def test_bounds_of_a_pathway_without_rules_survive_the_round_trip():
    circuit = thalia.loads(
        SMALL.replace(
            "plasticity: [{rule: stdp_pair, tau_plus: 15 ms}]", "w_max: 1 nA, plasticity: []"
        )
    )

    assert thalia.loads(thalia.dumps(circuit)) == circuit

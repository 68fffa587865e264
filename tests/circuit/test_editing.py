"""Circuits that are made and changed in Python: checked at once, and told as the mistakes of a file are."""

import copy
import pickle

import numpy as np
import pytest
from brian2 import pA

import thalia
from thalia.errors import CircuitError

TEXT = """thalia: 1
name: edited
duration: 1 s
populations:
  e: {neuron: lif_current, size: 8}
  i: {neuron: lif_current, size: 2}
pathways:
  e_to_i: {pre: e, post: i, connect: {probability: 0.5}, synapse: current_exp, weight: 50 pA, delay: 1 ms}
stimuli: {drive: {kind: current, target: e, amplitude: 500 pA}}
"""


@pytest.fixture
def circuit():
    return thalia.loads(TEXT, "edited.yaml")


def as_text(change):
    return thalia.loads(TEXT.replace(*change))


@pytest.mark.parametrize(
    ("path", "value", "change"),
    [
        ("pathways.e_to_i.weight", "20 pA", ("50 pA", "20 pA")),
        ("pathways.e_to_i.weight", 20 * pA, ("50 pA", "20 pA")),
        ("populations.e.size", np.int64(9), ("size: 8", "size: 9")),
        ("pathways.e_to_i.connect", thalia.Connect(rule="all_to_all"), ("probability: 0.5", "rule: all_to_all")),
        ("stimuli.drive.amplitude", "normal(1 nA, 0.1 nA)", ("500 pA", "'normal(1 nA, 0.1 nA)'")),
        ("record.weights.every", "10 ms", ("stimuli:", "record: {weights: {every: 10 ms}}\nstimuli:")),
        ({"populations.e.size": 9, "duration": "2 s"}, None, ("size: 8}", "size: 9}")),
    ],
    ids=lambda each: str(each)[:24],
)  # fmt: skip
def test_a_changed_circuit_is_that_of_a_changed_file(circuit, path, value, change):
    expected = as_text(change)
    if isinstance(path, dict):
        expected = thalia.loads(thalia.dumps(expected).replace("duration: 1 s", "duration: 2 s"))

    assert circuit.replace(path, value) == expected
    assert circuit == thalia.loads(TEXT)


def test_entries_are_added_and_taken_away(circuit):
    more = (
        circuit.with_population("pv", neuron="lif_current", size=3)
        .with_pathway("back", pre="pv", post="e", connect={"probability": 1}, synapse="current_exp", weight="-1 pA", delay="1 ms")
        .with_stimulus("more", kind="current", target="pv", amplitude="1 pA")
    )  # fmt: skip

    assert more.populations["pv"] == thalia.Population(neuron="lif_current", size=3)
    assert (
        more.without("pathways.back", "stimuli.more").without("populations.pv").replace("seed", 1)
        == circuit
    )


def test_a_circuit_grows_from_nothing():
    made = (
        thalia.Circuit(name="edited", duration="1 s")
        .with_population("e", neuron="lif_current", size=8)
        .with_population("i", thalia.Population(neuron="lif_current", size=2))
        .with_pathway("e_to_i", pre="e", post="i", connect={"probability": 0.5}, synapse="current_exp", weight="50 pA", delay="1 ms")
        .with_stimulus("drive", kind="current", target="e", amplitude="500 pA")
    )  # fmt: skip

    assert made == thalia.loads(TEXT)


NEURON = {"neuron": "lif_current", "size": 3}
MISTAKES = {
    "another dimension": (
        lambda c: c.replace("pathways.e_to_i.weight", "2 mV"),
        "replace pathways.e_to_i.weight: expected a current, found 2 mV (a voltage)",
    ),
    "no such path": (
        lambda c: c.replace("pathways.e_to_j.weight", "2 pA"),
        "replace pathways.e_to_j.weight: the circuit has no 'pathways.e_to_j'",
    ),
    "no such key": (
        lambda c: c.replace("pathway.e_to_i.weight", "2 pA"),
        "replace pathway.e_to_i.weight: the circuit has no 'pathway'",
    ),
    "no such component": (
        lambda c: c.with_population("pv", neuron="lif_curent", size=3),
        "with_population pv: populations.pv.neuron: no neuron model is called 'lif_curent'",
    ),
    "a name twice": (
        lambda c: c.with_population("e", **NEURON),
        "with_population e: there is a population 'e' already",
    ),
    "an element and keys": (
        lambda c: c.with_population("pv", thalia.Population(**NEURON), size=3),
        "with_population pv: expected an element or its keys, found both",
    ),
    "needed by others": (
        lambda c: c.without("populations.e"),
        "edited.yaml:8:12: pathways.e_to_i.pre: no population is called 'e'",
    ),
    "not there": (
        lambda c: c.without("pathways.nothing"),
        "without pathways.nothing: the circuit has no 'pathways.nothing'",
    ),
    "a copy": (
        lambda c: c.model_copy(update={"dt": "3 mV"}),
        "Circuit: dt: expected a time, found 3 mV (a voltage)",
    ),
    "a copy with an unknown key": (
        lambda c: c.pathways["e_to_i"].model_copy(update={"weigth": "3 pA"}),
        "Pathway: weigth: unknown key 'weigth'",
    ),
    "a new circuit": (
        lambda c: thalia.Circuit(name="x", populations={"e": {"neuron": "lif_current", "sise": 3}}),
        "Circuit: populations.e.sise: unknown key 'sise'",
    ),
    "values without names": (
        lambda c: thalia.Circuit("x"),
        "Circuit: expected names with values",
    ),
    "in place": (
        lambda c: setattr(c.populations["e"], "size", 4),
        "the 'size' of a Population is never changed in place",
    ),
    "an entry in place": (
        lambda c: c.populations.update(pv=thalia.Population(**NEURON)),
        "a circuit is never changed in place",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_at_once(circuit, mistake):
    make, message = MISTAKES[mistake]

    with pytest.raises(CircuitError) as caught:
        make(circuit)

    assert str(caught.value).startswith(message)


def test_copies_are_equal_and_keep_their_places(circuit):
    copies = [copy.deepcopy(circuit), pickle.loads(pickle.dumps(circuit)), circuit.model_copy()]

    assert all(each == circuit for each in copies)
    assert (
        circuit.model_copy(update={"seed": 2}).source.locate(("populations",)) == "edited.yaml:4:1"
    )


def test_an_element_shows_what_it_says(circuit):
    assert repr(circuit) == "Circuit(edited: 2 populations, 1 pathway, 1 s)"
    assert repr(circuit.populations["e"]) == "Population(neuron='lif_current', size=8)"
    assert repr(circuit.pathways["e_to_i"].weight) == "((Value('50 pA'),),)"


@pytest.mark.parametrize("name", ["model_copy", "with_", "_source", "copy", "FORMER_KEYS"])
def test_editors_complete_what_a_circuit_has(circuit, name):
    assert {"replace", "populations", "with_pathway", "without"} <= {*dir(circuit)}
    assert name not in dir(circuit)


@pytest.mark.parametrize("package", [thalia, thalia.analysis, thalia.figures, thalia.library])
def test_editors_complete_public_names_only(package):
    assert dir(package) == sorted(package.__all__)

"""Stimuli: a key or a rate that cannot act is refused, whatever kind of stimulus it is given to."""

import pytest

import thalia
from thalia.circuit.part_use import Stimulus
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError
from thalia.library.lookup import find, names

KINDS = {name: find("stimuli", name)[0] for name in names("stimuli")}
TEXTS = {
    "compartment": "apical", "synapse": "ampa", "weight": "1 nS", "number": 3, "file": "x.csv", "population": "x",
    "times": {0: ["1 ms"]},
}  # fmt: skip


def circuit_with(stimulus: dict, neuron: str = "two_compartment") -> thalia.Circuit:
    return thalia.Circuit(
        name="x", duration="10 ms", populations={"p": {"neuron": neuron, "size": 2}},
        stimuli={"s": {"target": "p", **stimulus}},
    )  # fmt: skip


def problems_of(circuit: thalia.Circuit) -> str:
    try:
        plan_of(circuit)
    except CircuitError as error:
        return str(error)
    return ""


def test_every_key_of_a_stimulus_is_used_by_some_kind():
    keys = {*Stimulus.model_fields} - {"kind", "target", "parameters"}

    assert keys == set().union(*(kind.keys for kind in KINDS.values())) == {*TEXTS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", TEXTS)
def test_a_key_is_refused_where_the_kind_does_not_use_it(kind, key):
    told = problems_of(circuit_with({"kind": kind, key: TEXTS[key]}))

    refused = f"stimuli.s.{key}: a stimulus of kind '{kind}' does not use '{key}'"
    assert (refused in told) == (key not in KINDS[kind].keys)


@pytest.mark.parametrize("key", ["weight", "number", "synapse"])
def test_a_source_that_reads_rates_uses_nothing_but_the_rate(key):
    told = problems_of(circuit_with({"kind": "poisson", key: TEXTS[key]}, "regular"))

    assert f"p reads the rate itself, and does not use '{key}'" in told


def test_own_kinds_may_prescribe_spikes():
    own = {"played": {"summary": "Spikes.", "spikes": True}}
    spikes = {"target": "p", "kind": "played", "times": {1: ["2 ms"]}}
    plan = plan_of(circuit_with(spikes, "spike_source").with_(stimulus_kinds=_kinds(own)))

    assert plan.playbacks[0].times == (0.002,)


def _kinds(own: dict) -> dict:
    return thalia.Circuit(name="x", stimulus_kinds=own).stimulus_kinds

"""`plasticity: template`: a pathway learns by the rules that the template of a region has for its synapses."""

import numpy as np
import pytest

import thalia
from thalia.compiler.expand import expand
from thalia.errors import CircuitError

LEVEL = 0.5  # of dopamine, all the time
W_MAX = 0.02  # nS

# one synapse on a D1 and one on a D2 neuron; another input makes both fire 10 ms after the first arrives
CIRCUIT = """
thalia: 1
name: afferents
duration: 4 s
dt: 0.1 ms
regions:
  striatum: {template: striatum, size: 100, populations: {d1: {size: 1}, d2: {size: 1}}}
  thalamus: {template: thalamus, size: 13}
populations:
  cortex: {neuron: spike_source, size: 1}
  lesson: {neuron: spike_source, size: 1}
  cortex_cell: {neuron: lif_conductance, size: 1}
modulators:
  dopamine: {kind: first_order, tonic: 0.5, baseline: 0}
  immaturity: {kind: first_order, tonic: 1, baseline: 0}
pathways:
  corticostriatal:
    pre: cortex
    post: [striatum.d1, striatum.d2]
    connect: {rule: all_to_all}
    synapse: ampa
    weight: 0.01 nS
    w_max: 0.02 nS
    delay: 1 ms
    plasticity: [template, weight_decay]
  teach: {pre: lesson, post: [striatum.d1, striatum.d2], connect: {rule: all_to_all}, synapse: ampa, weight: 60 nS, delay: 1 ms}
  thalamocortical: {pre: thalamus.relay, post: cortex_cell, connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms, plasticity: template}
stimuli:
  shown: {kind: spikes, target: cortex, times: {0: [100 ms]}}
  taught: {kind: spikes, target: lesson, times: {0: [110 ms]}}
disconnect: [striatum.collaterals, striatum.feedforward]
record: {spikes: all, weights: {pathways: [corticostriatal], every: 1 s}}
"""


def with_rules(text, written="[template, weight_decay]"):
    return CIRCUIT.replace(written, text)


def refused(text):
    with pytest.raises(CircuitError) as caught:
        expand(thalia.loads(text))
    return str(caught.value)


def rules(circuit, name):
    return [use.rule or use.window for use in expand(circuit).pathways[name].rules]


def test_each_target_has_the_rules_of_its_own_with_others_beside_them():
    circuit = thalia.loads(CIRCUIT)

    assert rules(circuit, "corticostriatal.cortex_to_striatum_d1") == ["d1_stdp", "weight_decay"]
    assert rules(circuit, "corticostriatal.cortex_to_striatum_d2") == ["d2_stdp", "weight_decay"]


def test_rules_of_the_source_hold_where_the_target_has_none():
    pathway = expand(thalia.loads(CIRCUIT)).pathways["thalamocortical"]

    assert [(use.window, use.modulator) for use in pathway.rules] == [
        ("thalamocortical", "immaturity")
    ]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The change of both weights in nS, and when the neurons fired, in ms after the spike that arrives."""
    circuit = thalia.loads(with_rules("template"))
    run = thalia.run(circuit, output=tmp_path_factory.mktemp("template") / "run.h5", progress=False)
    found = {}
    for cell in ("d1", "d2"):
        weights = run.weights[f"corticostriatal.cortex_to_striatum_{cell}"].w
        times = 1e3 * run.spikes[f"striatum.{cell}"].times - 101
        found[cell] = float((weights[-1] - weights[0]).item()), times[np.abs(times) < 200]
    return found


@pytest.mark.parametrize(("cell", "sign"), [("d1", 1), ("d2", -1)])
def test_two_eligibilities_and_opposite_signs_of_d1_and_d2(learned, cell, sign):
    """A constant level collects tau_fast + 0.3 tau_slow of each pair, 0.2 s + 0.45 s, after Shen et al. (2008)."""
    change, intervals = learned[cell]

    pairs = np.sign(intervals) * np.exp(-np.abs(intervals) / 20)
    collected = 0.2 * (1 - np.exp(-3.9 / 0.2)) + 0.45 * (1 - np.exp(-3.9 / 1.5))
    assert len(intervals) >= 1
    assert change == pytest.approx(sign * 0.005 * pairs.sum() * collected * LEVEL * W_MAX, rel=2e-3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            CIRCUIT.replace("post: cortex_cell", "post: striatum.d1"),
            "from 'thalamus.relay' to 'striatum.d1': both ends have rules in the template of its region",
        ),
        (
            CIRCUIT.replace("pre: thalamus.relay", "pre: cortex"),
            "from 'cortex' to 'cortex_cell': neither end has rules in the template of its region",
        ),
        (
            with_rules("{rule: template, rate: 2 Hz}"),
            "pathways.corticostriatal.plasticity[0]: the rules of a template are taken as they are",
        ),
    ],
    ids=["both", "neither", "with numbers"],
)
def test_what_a_template_cannot_say_is_refused(text, expected):
    assert expected in refused(text)


def test_rules_of_a_template_are_of_its_populations_and_read_its_modulators(tmp_path):
    template = """
summary: a cell
source: none
populations: {e: {neuron: lif_conductance, share: 1}}
modulators: {reward: {kind: first_order, from_task: true}}
afferents: {e: [{rule: dopamine_stdp, modulator: reward}]}
"""
    (tmp_path / "cell.yaml").write_text(template)
    (tmp_path / "wrong.yaml").write_text(template.replace("afferents: {e:", "afferents: {i:"))
    circuit = """
thalia: 1
name: one
duration: 1 s
regions: {here: {template: ./cell.yaml, size: 1}}
populations: {input: {neuron: poisson, size: 1}}
pathways: {p: {pre: input, post: here.e, connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms, plasticity: template}}
"""
    (tmp_path / "right_circuit.yaml").write_text(circuit)
    (tmp_path / "wrong_circuit.yaml").write_text(circuit.replace("./cell", "./wrong"))

    (use,) = expand(thalia.load(tmp_path / "right_circuit.yaml")).pathways["p"].rules
    assert use.modulator == "here_reward"
    with pytest.raises(CircuitError, match="'afferents' has rules of 'i'"):
        expand(thalia.load(tmp_path / "wrong_circuit.yaml"))

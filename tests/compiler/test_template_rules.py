"""`plasticity: template`: a pathway learns by the rules that the template of a region has for its synapses."""

import numpy as np
import pytest

import thalia
from thalia.compiler.expand import expand
from thalia.errors import CircuitError

ARRIVED = np.array([101.0, 141.0])  # spikes from cortex, in ms
LEVEL = 0.5  # of dopamine, all the time
W_MAX = 0.02  # nS

# single synapses on neurons that another input makes fire between the two spikes that arrive there
CIRCUIT = """
thalia: 1
name: afferents
duration: 4 s
dt: 0.1 ms
regions:
  striatum: {template: striatum, size: 100, populations: {d1: {size: 1}, d2: {size: 1}, fsi: {size: 1}}}
  pfc: {template: prefrontal, size: 25, populations: {first: {size: 1}}}
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
  inhibition: {pre: striatum.fsi, post: striatum.d1, connect: {rule: all_to_all}, synapse: gaba_a, weight: 0.01 nS, w_max: 0.02 nS, delay: 1 ms, plasticity: template}
  to_prefrontal: {pre: cortex, post: pfc.first, connect: {rule: all_to_all}, synapse: ampa, weight: 0.01 nS, w_max: 0.02 nS, delay: 1 ms, plasticity: template}
  teach: {pre: lesson, post: [striatum.d1, striatum.d2, striatum.fsi, pfc.first], connect: {rule: all_to_all}, synapse: ampa, weight: 60 nS, delay: 1 ms}
  thalamocortical: {pre: thalamus.relay, post: cortex_cell, connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms, plasticity: template}
stimuli:
  shown: {kind: spikes, target: cortex, times: {0: [100 ms, 140 ms]}}
  taught: {kind: spikes, target: lesson, times: {0: [110 ms]}}
disconnect: [striatum.collaterals, striatum.feedforward, pfc.slow, pfc.fast, pfc.inhibition]
record: {spikes: all, weights: {pathways: [corticostriatal, inhibition, to_prefrontal], every: 1 s}}
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


def test_within_a_region_the_rules_of_the_source_hold():
    """Those of its target are for synapses from elsewhere."""
    assert rules(thalia.loads(CIRCUIT), "inhibition") == ["gaba_auditory"]
    with pytest.raises(CircuitError, match="neither end has rules"):
        expand(thalia.loads(CIRCUIT.replace("pre: striatum.fsi", "pre: striatum.d2")))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The change of each weight in nS by its pathway, and when each neuron fired, in ms, by its population."""
    circuit = thalia.loads(with_rules("template"))
    run = thalia.run(circuit, output=tmp_path_factory.mktemp("template") / "run.h5", progress=False)
    changes = {name: float((each.w[-1] - each.w[0]).item()) for name, each in run.weights.items()}
    return changes, {name: 1e3 * spikes.times for name, spikes in run.spikes.items()}


@pytest.mark.parametrize(("cell", "sign"), [("d1", 1), ("d2", -1)])
def test_two_eligibilities_and_opposite_signs_of_d1_and_d2(learned, cell, sign):
    """A constant level collects tau_fast + 0.3 tau_slow of each pair, 0.2 s + 0.45 s, after Shen et al. (2008)."""
    changes, spikes = learned
    fired = spikes[f"striatum.{cell}"]

    interval, later = np.subtract.outer(fired, ARRIVED), np.maximum.outer(fired, ARRIVED)
    left = 4 - later / 1e3  # seconds in which a pair collects
    collected = 0.2 * (1 - np.exp(-left / 0.2)) + 0.45 * (1 - np.exp(-left / 1.5))
    pairs = np.sign(interval) * np.exp(-np.abs(interval) / 20) * collected
    assert {-1, 1} <= {*np.sign(interval).flat}
    assert changes[f"corticostriatal.cortex_to_striatum_{cell}"] == pytest.approx(
        sign * 0.005 * pairs.sum() * LEVEL * W_MAX, rel=1e-3
    )


def test_inhibition_of_projection_neurons_steers_them_to_one_hertz(learned):
    """Vogels et al. (2011): each pair of spikes, in either order, adds; each that arrives alone takes away alpha."""
    changes, spikes = learned
    arrived, fired = spikes["striatum.fsi"] + 1, spikes["striatum.d1"]

    pairs = np.exp(-np.abs(np.subtract.outer(arrived, fired)) / 20)
    alpha = 2 * 0.02 * 1.0  # 2 tau and the target of 1 Hz
    assert pairs.size >= 1
    assert changes["inhibition"] == pytest.approx(
        0.01 * W_MAX * (pairs.sum() - alpha * len(arrived)), rel=1e-4
    )


def test_dopamine_enables_prefrontal_potentiation_in_either_order(learned):
    changes, spikes = learned
    intervals = np.subtract.outer(spikes["pfc.first"], ARRIVED)

    assert {-1, 1} <= {*np.sign(intervals).flat}
    assert changes["to_prefrontal"] == pytest.approx(
        0.005 * W_MAX * LEVEL * np.exp(-np.abs(intervals) / 30).sum(), rel=1e-4
    )


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

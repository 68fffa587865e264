"""Odours: the measured table, which presentation is punished in each protocol, and what is counted."""

import numpy as np
import pytest

import thalia
from thalia.errors import CircuitError
from thalia.library.lookup import part_text
from thalia.training import odours
from thalia.training.experiment import conditions_of
from thalia.training.odours import projection_rates, receptor_rates, smelled
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks.odours import Odours, _generalised

A, B = "ethyl acetate", "isopentyl acetate"
SMALL = """
thalia: 1
name: small
dt: 0.5 ms
populations:
  glomeruli: {neuron: regular, size: 24, from_task: [rate]}
  shock: {neuron: regular, size: 2, from_task: [rate]}
  sugar: {neuron: regular, size: 2, from_task: [rate]}
  code: {neuron: lif_current, size: 24}
  approach: {neuron: lif_current, size: 2}
  avoidance: {neuron: lif_current, size: 2}
modulators:
  bad: {kind: first_order, tau: 20 ms, released_by: shock}
  good: {kind: first_order, tau: 20 ms, released_by: sugar}
pathways:
  copy: {pre: glomeruli, post: code, connect: {rule: one_to_one}, synapse: delta, weight: 20 mV, delay: 0.5 ms}
  for: {pre: code, post: approach, connect: {rule: all_to_all}, synapse: delta, weight: 3 mV, w_max: 3 mV, delay: 0.5 ms,
        plasticity: [{rule: presynaptic_reward, modulator: -bad, tau: 20 ms, rate: 10 Hz}]}
  gate: {pre: approach, post: avoidance, connect: {rule: all_to_all}, synapse: {part: current_exp, tau: 20 ms}, weight: -50 pA, delay: 0.5 ms}
  against: {pre: code, post: avoidance, connect: {rule: all_to_all}, synapse: delta, weight: 3 mV, w_max: 3 mV, delay: 0.5 ms,
        plasticity: [{rule: presynaptic_reward, modulator: -good, tau: 20 ms, rate: 10 Hz}]}
experiment:
  task: odours
  result: accuracy
  curve: right
  trials: 3
  pairs: [[ethyl acetate, isopentyl acetate]]
  stimuli: {odour: glomeruli, punishment: shock, reward: sugar}
  readout: {code: code, avoidance: avoidance}
  choices: 10
  extinction: 0
  reversal: 0
  probes: 0
  outcome_rate: 50 Hz
  smell: 100 ms
  pause: 200 ms
  gap: 60 ms
  between: 50 ms
"""


def learned(gate="-200 pA", **numbers):
    """What is found in the small circuit, and the least weight for approach, as a share of the first."""
    circuit = thalia.loads(SMALL, set={"pathways.gate.weight": gate})
    task = Odours.model_validate({**circuit.experiment.parameters, **numbers})
    noted = []
    with subject_of(circuit, "runtime") as subject:
        found = task.learn(subject, np.random.default_rng(1), lambda **each: noted.append(each))
        least = float(subject.weights("for").min() / 3e-3)
    assert len(noted) == task.noted_trials()
    return found, least


def test_the_table_has_the_published_responses():
    """Four numbers of table S1 of Hallem & Carlson (2006), by receptor, and its size."""
    rates = receptor_rates()

    assert len(rates) == 110
    assert {each.shape for each in rates.values()} == {(24,)}
    assert rates["ethyl lactate"][[0, 17]].tolist() == [39 + 8, 288 + 6]  # Or2a, Or67c
    assert rates["putrescine"][1] == 0  # Or7a: -36 from 17
    assert min(each.min() for each in rates.values()) == 0


def test_projection_neurons_saturate_and_inhibit_each_other():
    """By hand: 100 Hz of one of two receptors, R = 165 * 1000 / (1000 + 12^1.5 + (10.63*100/190)^1.5)."""
    lateral = (10.63 * 100 / 190) ** 1.5

    alone = projection_rates(np.array([100.0, 0]))
    assert alone == pytest.approx([165e3 / (1e3 + 12**1.5 + lateral), 0])
    assert projection_rates(np.array([100.0, 300]))[0] < alone[0]
    assert projection_rates(np.array([[100.0, 0]] * 2)).shape == (2, 2)


@pytest.mark.parametrize(
    ("protocol", "first", "second"),
    [
        (
            "paired",
            [("A", True), "pause", ("B", False), "pause"],
            [("B", False), "pause", ("A", True), "pause"],
        ),
        (
            "unpaired",
            [("A", False), "pause", ("B", False), "pause", (None, True), "pause"],
            [("B", False), "pause", ("A", False), "pause", (None, True), "pause"],
        ),
        (
            "backward",
            [(None, True), "gap", ("A", False), "pause", ("B", False), "pause"],
            [("B", False), "pause", (None, True), "gap", ("A", False), "pause"],
        ),
    ],
)
def test_each_odour_is_punished_in_turn_when_the_protocol_says(
    protocol, first, second, monkeypatch
):
    """Either odour comes first in half of the trials, so that no place in them teaches."""
    shown = []
    plain = Subject.present

    def present(subject, duration, rates=None):
        rates = rates or {}
        seen = np.asarray(rates["glomeruli"].numbers) if "glomeruli" in rates else None
        odour = seen if seen is None else ("A" if np.allclose(seen, smelled(A)) else "B")
        lasting = {"0.2 s": "pause", "0.06 s": "gap"}.get(f"{duration.mean:g} s")
        shown.append(lasting or (odour, "shock" in rates))
        return plain(subject, duration, rates)

    monkeypatch.setattr(Subject, "present", present)
    learned(protocol=protocol, trials=2)

    trials = [*first, *second]
    swapped = [
        ({"A": "B", "B": "A"}.get(each[0]), each[1]) if each[0] in ("A", "B") else each
        for each in trials
    ]
    assert shown == ["pause", *trials, "pause", *swapped]


def test_shuffled_outcomes_are_as_many_and_come_with_either_odour():
    circuit = thalia.loads(SMALL)
    task = Odours.model_validate({**circuit.experiment.parameters, "trials": 200, "probes": 5})
    with subject_of(circuit, "runtime") as subject:
        design = task.draw(subject.plan, np.random.default_rng(2))

    assert design.punished.shape == (1, 2, 200, 2)
    assert design.punished.sum(axis=(2, 3)).tolist() == [[200, 200]]
    assert design.punished.mean(axis=(1, 2)) == pytest.approx(np.full((1, 2), 0.5), abs=0.08)
    assert [len({*each} - {A, B}) for each in design.probes] == [5]


def test_what_is_punished_is_avoided():
    """Nothing recovers in this circuit, so that both odours are avoided after a reversal."""
    found, least = learned(trials=4, reversal=8)

    assert (found["accuracy"], found["accuracy_1"]) == (1, 1)
    assert found["after_reversal"] <= 0.5
    assert least < 0.2
    more = {
        each: found[f"avoidance_{each}trained"] - found[f"avoidance_{each}naive"]
        for each in ("", "other_")
    }
    assert more[""] > more["other_"] + 1 > 1


def test_what_is_rewarded_is_avoided_less():
    found, _ = learned("-50 pA", trials=4, outcome="reward")

    assert found["accuracy"] > 0.9
    assert found["avoidance_trained"] < found["avoidance_naive"] - 1


@pytest.mark.parametrize("protocol", ["unpaired", "backward"])
def test_an_outcome_away_from_both_odours_teaches_nothing(protocol):
    found, least = learned(protocol=protocol, gap="200 ms")

    assert least > 0.99
    assert found["avoidance_trained"] < found["avoidance_naive"] + 1


def test_generalisation_is_the_correlation_of_overlap_and_change():
    overlaps, changes = np.array([0.1, 0.4, 0.2, 0.3]), np.array([1.0, 4.0, 2.0, 3.0])

    found = _generalised([(overlaps[:2], changes[:2]), (overlaps[2:], changes[2:])], [6.0, 8.0])

    assert found == pytest.approx(
        {
            "generalisation": 1,
            "change_trained": 7,
            "less_similar": 1,
            **{f"overlap_{1 + k}": 0.1 + 0.1 * k for k in range(4)},
            **{f"change_{1 + k}": 1 + k for k in range(4)},
        }
    )
    unchanged = _generalised([(overlaps, 0 * changes)], [0.0])
    assert (unchanged["generalisation"], unchanged["less_similar"]) == (0, 0.5)


def test_pairs_of_novel_odours_are_those_of_an_animal():
    """By hand: of its three pairs the first animal has two in order; between animals none counts."""
    effects = [
        (np.array([0.1, 0.2, 0.3]), np.array([1.0, 3.0, 2.0])),
        (np.array([0.9]), np.zeros(1)),
    ]

    found = _generalised(effects, [5.0, 5.0])

    assert found["less_similar"] == pytest.approx(2 / 3)
    assert "less_similar" not in _generalised(effects[1:], [5.0])


def test_novel_odours_are_smelled_before_and_after():
    found, _ = learned(probes=4, sniffs=1, trials=3)

    assert found["change_trained"] >= found["change_4"] > 0
    assert -1 <= found["generalisation"] <= 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"experiment.pairs": [["ethyl acetat", "furfural"]]},
            r"'ethyl acetat' is not among the 110 odours",
        ),
        (
            {"populations.glomeruli.size": 30, "populations.code.size": 30},
            "'glomeruli' has 30 cells for 24 receptors, expected a multiple",
        ),
        ({"experiment.probes": 109}, "there are 108 other odours, found 109"),
    ],
)
def test_odours_that_were_not_measured_and_cells_of_no_receptor_are_told(change, told, tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)

    with pytest.raises(CircuitError, match=told):
        conditions_of(tmp_path / "small.yaml", None, None, change, {})


@pytest.fixture
def own(tmp_path):
    """A copy of the experiment in which two lines put a connectome in place of the random claws."""
    random = np.random.default_rng(1)
    pairs = [(pre, cell) for cell in range(2000) for pre in random.choice(144, 7, replace=False)]
    claws = "\n".join(f"{pre},{post}" for pre, post in pairs)
    (tmp_path / "claws.csv").write_text(f"pre,post\n{claws}\n")
    text, _ = part_text("experiments", "odours")
    written = text.replace(
        "{template: mushroom_body, size: 2277}",
        "{template: mushroom_body, size: 2277, pathways: {claws: {connect: {file: claws.csv}}}}",
    )
    assert written != text
    (tmp_path / "own.yaml").write_text(written)
    return tmp_path / "own.yaml"


def test_a_connectome_takes_the_place_of_the_claws_and_every_control_still_can_be(own):
    kinds = {
        each.name: each.circuit.regions["mb"].pathways["claws"]["connect"]
        for each in conditions_of(own, None, None, {}, {})
    }

    assert kinds["learning"] == {"file": "claws.csv"}
    assert (kinds["one_claw"]["number"], kinds["dense"]["number"]) == (1, 72)


def test_a_control_that_cannot_be_is_named(own):
    own.write_text(
        own.read_text().replace(
            "connect: {rule: fixed_indegree, number: 1, multapses: false}", "connect.number: 1"
        )
    )

    with pytest.raises(
        CircuitError, match="in the control 'one_claw': 'data' does not use 'number'"
    ):
        conditions_of(own, None, None, {}, {})


def test_the_table_is_read_once():
    receptor_rates()
    before = odours.receptor_rates.cache_info().misses
    smelled(A)

    assert odours.receptor_rates.cache_info().misses == before

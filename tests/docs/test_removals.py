"""Every part of the library changes what a circuit or an experiment does, or nothing runs without it."""

import pytest

import thalia
from benchmarks.removals import change, without, written_out
from docs.generate import removals, uses
from docs.generate.removals import COMPARED, ESSENTIAL, Compared, compared, told


@pytest.mark.parametrize("part", uses.parts())
def test_a_part_was_taken_away_or_there_is_a_reason(part):
    """Exactly one of two: a measurement, or that nothing runs without it."""
    assert (part in removals.removals()) != (part in ESSENTIAL)


# feedback weights that learn are no better than random ones, where they were compared
WITHOUT_EFFECT = {("plasticity", "feedback_alignment")}


def test_what_is_taken_away_makes_a_difference():
    """The 95 % intervals of all but these exclude zero, and none is of two seeds alone."""
    rows = removals.removals()

    assert {part for part, row in rows.items() if not row["excludes_zero"]} == WITHOUT_EFFECT
    assert {part for part, row in rows.items() if row["difference"]["n"] < 3} == set()


def test_only_parts_of_the_library_are_compared():
    assert {*COMPARED, *ESSENTIAL} <= {*uses.parts()}
    assert not COMPARED.keys() & ESSENTIAL.keys()


def test_the_most_reliable_change_is_kept_with_an_interval_for_all_measures():
    """Differences of -1, -2, -3 have the mean -2 and, of two measures, a t of 97.5 %: 6.205 x 1/sqrt(3)."""
    whole = {seed: {"rate": 5.0, "weight": 1.0 + seed} for seed in (0, 1, 2)}
    cut = {seed: {"rate": 4.0 - seed, "weight": 1.0 + 5 * (seed == 1)} for seed in (0, 1, 2)}
    found = change(whole, cut)

    assert (found["measure"], found["measures"], found["with"]) == ("rate", 2, 5.0)
    assert found["difference"]["mean"] == pytest.approx(-2)
    assert found["difference"]["high"] == pytest.approx(-2 + 6.2053 / 3**0.5, rel=1e-4)
    assert not found["excludes_zero"]


def test_a_rate_that_changes_tells_more_than_a_weight_that_changes_more():
    """The weight is as good as constant without its rule; the rate differs by 1 ± 0.62 (t of 97.5 % for two measures)."""
    whole = {seed: {"rate of a (Hz)": 5.0, "weight of p (nS)": 2.0} for seed in (0, 1, 2)}
    cut = {
        seed: {"rate of a (Hz)": 3.9 + 0.1 * seed, "weight of p (nS)": 1.0} for seed in (0, 1, 2)
    }

    assert change(whole, cut)["measure"] == "rate of a (Hz)"
    far = {seed: {**each, "rate of a (Hz)": 4.0 + seed} for seed, each in cut.items()}
    assert change(whole, far)["measure"] == "weight of p (nS)"


def test_conditions_are_paired_by_the_seeds_that_both_have(tmp_path, monkeypatch):
    """The rule has seeds 1 to 3, the control 2 to 4: differences of 0.4 and 0.6."""
    (tmp_path / "toy.json").write_text(
        '{"experiment": "toy", "result": "accuracy", "conditions": {"off": {"seeds": {"accuracy":'
        ' {"2": 0.5, "3": 0.4, "4": 0.1}}}}}'
    )
    (tmp_path / "toy_own.json").write_text(
        '{"experiment": "toy", "result": "accuracy", "conditions": {"own": {"seeds": {"accuracy":'
        ' {"1": 0.2, "2": 0.9, "3": 1.0}}}}}'
    )
    monkeypatch.setattr(removals, "LEARNING", tmp_path)
    found = compared(Compared("experiments", "toy", "off", "own"))

    assert (found["seeds"], found["with"]) == ([2, 3], pytest.approx(0.95))
    assert found["difference"]["mean"] == pytest.approx(-0.5)
    assert compared(Compared("experiments", "toy", "off", "none")) is None


def test_without_pairs_the_sides_count_as_independent(tmp_path, monkeypatch):
    """3 ± 0.3 and 1 ± 0.4 differ by -2 ± 0.5; of the five seeds one condition has three."""
    (tmp_path / "toy.json").write_text(
        '{"seeds": [1, 2, 3, 4, 5], "conditions": {"baseline": {"measures": {"rate": {"mean": 3, "low": 2.7, "high": 3.3, "n": 5}}},'
        ' "cut": {"measures": {"rate": {"mean": 1, "low": 0.6, "high": 1.4, "n": 3}}}}}'
    )
    monkeypatch.setattr(removals, "CIRCUITS", tmp_path)
    found = compared(Compared("gallery", "toy", "cut", "baseline", "rate"))

    assert found["difference"] == pytest.approx({"mean": -2, "low": -2.5, "high": -1.5, "n": 3})
    assert found["excludes_zero"]


def test_the_seeds_of_a_difference_are_those_of_its_pairs(tmp_path, monkeypatch):
    """The circuit ran with five seeds, the condition without the part ended in three."""
    (tmp_path / "toy.json").write_text(
        '{"seeds": [1, 2, 3, 4, 5], "conditions": {"baseline": {"measures": {"rate": {"mean": 3, "low": 2.7, "high": 3.3, "n": 5}}},'
        ' "cut": {"measures": {"rate": {"mean": 1, "low": 0.6, "high": 1.4, "n": 3, "difference": {"mean": -2, "low": -2.2, "high": -1.8, "n": 3}}}}}}'
    )
    monkeypatch.setattr(removals, "CIRCUITS", tmp_path)
    row = compared(Compared("gallery", "toy", "cut", "baseline", "rate"))
    monkeypatch.setattr(removals, "removals", lambda: {("plasticity", "bcm"): row})

    assert told(("plasticity", "bcm")).endswith("(with it 3; 3 seeds).\n")
    assert removals.table().splitlines()[-1].endswith("| 3 |")


def test_the_page_of_a_part_tells_what_changes_without_it():
    assert told(("plasticity", "delta_rule")).startswith(
        "In [`tokens`](../../experiments/tokens.md) (plasticity_off), taking it away changes the cross_entropy by 0.9"
    )
    assert told(("neurons", "softmax")) == (
        "It is not taken away: it is the output of its experiments: without it nothing is predicted.\n"
    )


def test_rules_synapses_stimuli_neurons_and_releases_are_taken_away():
    """By the names of what is left in a circuit with one of each."""
    circuit = thalia.loads("""
thalia: 1
name: whole
duration: 10 ms
populations:
  a: {neuron: poisson, size: 2, parameters: {rate: 5 Hz}}
  b: {neuron: izhikevich, size: 2}
modulators:
  m: {kind: first_order, tonic: 2, baseline: 1, schedule: [{at: 1 ms, amount: 1}]}
  receptor: {kind: d1, released_by: a}
pathways:
  one: {pre: a, post: b, connect: {probability: 1}, synapse: current_exp, weight: 1 pA, w_max: 2 pA, delay: 1 ms, plasticity: [stdp_pair, bcm]}
stimuli:
  drive: {kind: current, target: b, amplitude: 1 pA}
  input: {kind: poisson, target: b, rate: 1 Hz, synapse: current_alpha, weight: 1 pA}
""")

    assert [
        rule.rule for rule in without(circuit, ("plasticity", "bcm")).pathways["one"].plasticity
    ] == ["stdp_pair"]
    assert not without(circuit, ("synapses", "current_exp")).pathways
    assert {*without(circuit, ("stimuli", "current")).stimuli} == {"input"}
    assert {*without(circuit, ("synapses", "current_alpha")).stimuli} == {"drive"}
    assert without(circuit, ("neurons", "izhikevich")).populations["b"].neuron == "lif_conductance"
    assert not without(circuit, ("neurons", "poisson")).pathways
    assert without(circuit, ("modulators", "first_order")).modulators["m"].schedule == ()
    assert without(circuit, ("modulators", "two_stage")).modulators["receptor"].released_by is None
    assert without(circuit, ("neurons", "poisson")).modulators["receptor"].released_by is None


def test_without_a_region_nothing_crosses_its_border_and_its_cells_release_nothing():
    """The locus coeruleus of the brain: what it receives is silenced, noradrenaline has no source, and dopamine has its own."""
    whole = written_out("brain", "")
    cut = without(whole, ("regions", "locus_coeruleus"))

    changed = [name for name in whole.pathways if cut.pathways[name] != whole.pathways[name]]
    assert changed == ["prefrontal_to_nuclei.pfc_others_to_locus_coeruleus_gaba"]
    assert cut.modulators["noradrenaline"].parameters["amplitude"].mean == 0
    assert cut.modulators["dopamine"] == whole.modulators["dopamine"]


def test_what_is_taken_from_a_region_does_not_come_back_from_its_template():
    circuit = written_out("striatum", "")

    left = thalia.expand(without(circuit, ("neurons", "izhikevich")))
    assert left.populations["left.d1"].neuron == "lif_conductance"


def test_the_window_of_a_pathway_is_taken_away_as_one_among_its_rules_is():
    circuit = written_out("hippocampus", "")

    assert "hc.mossy_fibres" in circuit.record.weights.pathways
    assert not without(circuit, ("windows", "mossy_fibre")).pathways["hc.mossy_fibres"].rules
    assert without(circuit, ("windows", "layer_5")).pathways["hc.mossy_fibres"].rules

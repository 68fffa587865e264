"""Permanences: what a spike does to them, from where on they transmit, and what an occupied branch does to the neuron."""

import json

import numpy as np
import pytest

import thalia

RULE = {
    "rule": "permanence",
    "a_plus": 0.3,
    "a_minus": 0.1,
    "active_for": "80 ms",
    "connected": 0.5,
    "capacity": 4,
}
# the weights at the start, and the spikes before the postsynaptic one at 200 ms; w_max is 10 pA
STARTS = [2.0, 4.0, 6.0, 9.0]  # pA
TIMES = {0: ["119 ms"], 1: ["121 ms"], 2: ["20 ms"], 3: ["20 ms", "150 ms"]}
ACTIVE = np.array([False, True, False, True])


def circuit(occupancy="50 pA", phases=None, **more):
    """Four synapses from one neuron each onto one, which is made to fire at 200 ms; and one neuron without the rule."""
    rule = RULE | {"occupancy": occupancy} | more.pop("rule", {})
    inputs = {f"x{k}": {"neuron": "spike_source", "size": 1} for k in range(4)}
    onto = {"post": "cell", "connect": {"rule": "all_to_all"}, "delay": "1 ms"}
    made = {
        "thalia": 1, "name": "permanences", "dt": "0.1 ms",
        **({"phases": phases} if phases else {"duration": "400 ms"}),
        "populations": inputs | {"trigger": {"neuron": "spike_source", "size": 1}, "cell": {"neuron": "lif_current", "size": 1},
                                 "other": {"neuron": "lif_current", "size": 1}},
        "pathways": {f"p{k}": onto | {"pre": f"x{k}", "synapse": "current_exp", "weight": f"{w} pA", "w_max": "10 pA", "plasticity": [rule]}
                     for k, w in enumerate(STARTS)}
        | {"force": onto | {"pre": "trigger", "synapse": "delta", "weight": "100 mV"},
           "elsewhere": onto | {"pre": "x0", "post": "other", "synapse": "current_exp", "weight": "1 pA"}},
        "stimuli": {f"x{k}": {"kind": "spikes", "target": f"x{k}", "times": times} for k, times in
                    ((k, {0: TIMES[k]}) for k in range(4))}
        | {"trigger": {"kind": "spikes", "target": "trigger", "times": {0: ["199 ms"]}}},
        "record": {"spikes": "none", "weights": {"pathways": [f"p{k}" for k in range(4)]},
                   "traces": {name: {"population": name, "variables": ["v", "current_exp_i"], "every": "0.1 ms"} for name in ("cell", "other")}},
    }  # fmt: skip
    return thalia.loads(json.dumps(made | more))


@pytest.fixture
def run(tmp_path):
    def started(**options):
        return thalia.run(circuit(**options), output=tmp_path / "run.h5", overwrite=True, backend="runtime")  # fmt: skip

    return started


def last_weights(found):
    return np.array([found.weights[f"p{k}"].w[-1, 0] for k in range(4)])


def at(found, name, variable, ms):
    return found.traces[name][variable][round(ms * 10), 0]


def test_inputs_within_the_window_grow_and_the_others_shrink(run):
    """By 0.3 and 0.1 of w_max at one postsynaptic spike, within the bounds; 79 ms before counts, 81 ms does not."""
    expected = np.minimum(np.where(ACTIVE, np.array(STARTS) + 3, np.array(STARTS) - 1), 10)

    assert last_weights(run()) == pytest.approx(expected, abs=1e-9)


def test_a_synapse_transmits_all_from_half_of_the_maximum_on_and_nothing_below(run):
    """Those of 6 and 9 pA, whose spikes arrive at 21 ms, transmit 10 pA each; the one of 4 pA nothing at 122 ms."""
    found = run()

    assert at(found, "cell", "current_exp_i", 20.9) == 0
    assert at(found, "cell", "current_exp_i", 21.1) == pytest.approx(20, rel=0.25)
    assert at(found, "cell", "current_exp_i", 122.1) < 1e-3


def test_an_occupied_branch_hyperpolarises_in_proportion_and_only_where_the_rule_is(run):
    """Two of four connected at the start, counted from the weights, then three: 40 megohm times a share of 50 pA."""
    found = run()

    assert at(found, "cell", "v", 100) == pytest.approx(-65 - 2 / 4 * 2, abs=1e-3)
    assert at(found, "cell", "v", 399) == pytest.approx(-65 - 3 / 4 * 2, abs=1e-3)
    assert at(found, "other", "v", 399) == pytest.approx(-65, abs=1e-5)


def test_more_than_its_capacity_occupies_no_branch_further(run):
    found = run(rule={"capacity": 1})

    assert at(found, "cell", "v", 399) == pytest.approx(-67, abs=1e-3)


def test_nothing_changes_while_plasticity_is_off(run):
    phases = [{"name": "off", "duration": "300 ms", "plasticity": "off"}, {"name": "on", "duration": "100 ms"}]  # fmt: skip
    found = run(phases=phases)

    assert last_weights(found).tolist() == pytest.approx(STARTS, rel=1e-12)
    assert at(found, "cell", "v", 399) == pytest.approx(-66, abs=1e-3)

"""What is known of neurons that may sleep, against closed forms and another matrix exponential."""

import numpy as np
import pytest
from scipy.linalg import expm

import thalia
from thalia.compiler.sleep import Sleep, populations_of, sleep_of, why_awake

DT = 1e-4
TAU_M, TAU, C_M = 20e-3, 5e-3, 200e-12


def planned(neuron="lif_current", synapse="{part: current_exp, tau: 5 ms}", more="", **numbers):
    parameters = (
        numbers if neuron == "lif_burst" else {"c_m": "200 pF", "tau_m": "20 ms", **numbers}
    )
    listed = ", ".join(f"{name}: {value}" for name, value in parameters.items())
    plan = thalia.plan_of(
        thalia.loads(
            f"""
thalia: 1
name: one
duration: 100 ms
dt: 0.1 ms
populations:
  source: {{neuron: spike_source, size: 1}}
  cell: {{neuron: {neuron}, size: 3, parameters: {{{listed}}}}}
pathways:
  input: {{pre: source, post: cell, connect: {{rule: all_to_all}}, synapse: {synapse}, weight: 1 pA, delay: 1 ms}}
{more}
"""
        )
    )
    group = plan.population("cell")[0]
    return plan, group, sleep_of(group, plan)


def only(plan, group, sleep):
    (found,) = populations_of(group, sleep, plan)
    return found, {name: place for place, name in enumerate(sleep.variables)}


def test_the_bound_of_a_current_is_the_peak_of_its_potential():
    """Of a current from 1 A that decays: v peaks where its derivative is zero."""
    found, places = only(*planned())
    peak_time = np.log(TAU_M / TAU) * TAU_M * TAU / (TAU_M - TAU)
    peak = (np.exp(-peak_time / TAU_M) - np.exp(-peak_time / TAU)) * TAU / C_M / (1 - TAU / TAU_M)

    up = found.up[places["current_exp_i"]]

    assert peak * (1 - 1e-4) < up <= peak * (1 + 1e-8)
    assert found.down[places["current_exp_i"]] == 0  # inhibition only passes
    assert found.up[places["v"]] == pytest.approx(1, rel=1e-8)


def test_the_bound_of_an_alpha_function_with_the_time_constant_of_the_membrane():
    """Of three equal rates: v(t) = exp(1)/(2 c_m tau) t^2 exp(-t/tau), which peaks at 2 tau."""
    plan, group, sleep = planned(synapse="{part: current_alpha, tau: 20 ms}")
    found, places = only(plan, group, sleep)
    tau = TAU_M

    up = found.up[places["current_alpha_rise"]]

    assert up == pytest.approx((2 * tau) ** 2 * np.exp(-2) / (2 * C_M * tau), rel=1e-6)


def test_a_raised_threshold_keeps_no_neuron_awake_and_a_lowered_one_does():
    plan, group, sleep = planned("lif_adaptive_threshold")
    found, places = only(plan, group, sleep)
    threshold = places["adapted_threshold"]

    assert found.up[threshold] == 0
    assert found.down[threshold] == pytest.approx(-1, rel=1e-8)


@pytest.mark.parametrize("steps", [1, 2, 100, 4096])
def test_the_table_is_the_matrix_exponential(steps):
    plan, group, sleep = planned(synapse="{part: current_alpha, tau: 5 ms}")
    found, _ = only(plan, group, sleep)
    rates = np.zeros((4, 4))  # v, current, rise, and a constant
    rates[0] = [-1 / TAU_M, 1, 0, -65e-3 / TAU_M]  # the current over the capacitance
    rates[1, 1:3] = [-1 / TAU, 1 / TAU]
    rates[2, 2] = -1 / TAU
    exact = expm(rates * DT * steps)
    row = dict(zip(_coefficients(sleep), found.table[steps - 1], strict=True))

    assert row["v", "v"] == pytest.approx(exact[0, 0], rel=1e-12)
    assert row["v", 1] == pytest.approx(exact[0, 3], rel=1e-12)
    assert row["v", "current_alpha_i"] == pytest.approx(exact[0, 1] / C_M, rel=1e-11)
    assert row["v", "current_alpha_rise"] == pytest.approx(exact[0, 2] / C_M, rel=1e-11)
    assert row["current_alpha_i", "current_alpha_rise"] == pytest.approx(exact[1, 2], rel=1e-11)


def _coefficients(sleep):
    count = len(sleep.variables)
    for a, name in enumerate(sleep.variables):
        for b, other in enumerate(sleep.variables):
            if sleep.reads >> (count * a + b) & 1:
                yield name, other
        if sleep.shifted >> a & 1:
            yield name, 1


def test_a_neuron_at_rest_is_as_far_from_its_threshold_as_it_says():
    found, places = only(*planned(e_l="-70 mV", v_th="-50 mV"))

    assert found.need == pytest.approx(20e-3, rel=1e-8)
    assert found.need < 20e-3
    assert found.rest[places["v"]] == pytest.approx(-70e-3, rel=1e-12)
    assert (found.start, found.stop) == (0, 3)


POISSON = "stimuli: {{noise: {{kind: {}, target: {}, rate: {}, weight: 1 pA}}}}"
SWITCHED = "stimuli: {step: {kind: current_pulses, target: cell, amplitude: 1 pA}}"


@pytest.mark.parametrize(
    ("circuit", "reason"),
    [
        (
            {"more": POISSON.format("poisson", "cell", "1 kHz")},
            "Poisson input arrives all the time",
        ),
        (
            {"more": POISSON.format("poisson_sine", "cell", "10 Hz")},
            "it gets Poisson input whose rate changes",
        ),
        ({"more": SWITCHED}, "its input depends on time"),
        ({"neuron": "lif_burst"}, "its equations have no exact solution"),
    ],
)
def test_what_changes_in_every_step_is_advanced_in_every_step(circuit, reason):
    assert planned(**circuit)[2] == reason


@pytest.mark.parametrize(
    ("target", "rate"),
    [
        ("cell", "10 Hz"),
        ("{population: cell, neurons: [1]}", "150 Hz"),
        ("cell", '"uniform(1 Hz, 10 Hz)"'),
    ],
)
def test_rare_poisson_input_lets_neurons_sleep(target, rate):
    found, _ = only(*planned(more=POISSON.format("poisson", target, rate)))

    assert (found.start, found.stop) == (0, 3)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"e_l": "-40 mV", "v_th": "-50 mV"}, "they fire without input"),
        ({"v_th": '"normal(-50 mV, 1 mV)"'}, "neurons differ in v_th"),
    ],
)
def test_populations_that_cannot_sleep_say_why(numbers, reason):
    plan, group, sleep = planned(**numbers)

    assert isinstance(sleep, Sleep)
    assert why_awake(group, group.members[0], sleep, plan) == reason
    assert populations_of(group, sleep, plan) == []

"""Every neuron and receptor against a tight solution, and what may not change how a population is integrated."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import thalia
from benchmarks.integration import (
    NEURONS,
    RECEPTORS,
    SOURCES,
    WITHOUT_POTENTIAL,
    measure,
    order,
    tables,
)
from tests.helpers import PUBLISHED_CELL, ROOT
from tests.tight import resolved, tight
from thalia.errors import CircuitError
from thalia.library.lookup import names
from thalia.toolchain.locks import alone

PUBLISHED = json.loads((ROOT / "docs" / "integration.json").read_text())["cells"]


@pytest.fixture(scope="module")
def measured(compiled_programs):
    """What the first process of a test run that needs it measures for all of them."""
    file = Path(os.environ["THALIA_CACHE"]).with_name("integration.json")
    with alone(file.with_suffix(".lock")):
        if not file.exists():
            file.write_text(json.dumps(measure([0.1])))
    return json.loads(file.read_text())


def test_every_neuron_and_receptor_has_a_row():
    assert sorted([*NEURONS, *SOURCES]) == sorted(names("neurons"))
    assert sorted([*RECEPTORS, *WITHOUT_POTENTIAL]) == sorted(names("synapses"))


def test_the_page_shows_what_was_measured():
    assert tables(PUBLISHED) in (ROOT / "docs" / "integration.md").read_text()


@pytest.mark.parametrize(
    "name", [f"{name}_quiet" for name in NEURONS] + [f"{name}_receptor" for name in RECEPTORS]
)
def test_the_order_is_two_or_the_solution_exact(name, measured):
    """The order is that of the page, from which the error may not differ."""
    published = order(PUBLISHED[name])
    found = measured[name]["0.1"]

    assert published is None or published > 1.9
    assert found["v"] == pytest.approx(PUBLISHED[name]["0.1"]["v"], rel=0.1, abs=2e-12)


@pytest.mark.parametrize("name", [name for name, (_, firing, _) in NEURONS.items() if firing])
def test_spike_times_are_those_of_the_solution(name, measured):
    found = measured[f"{name}_firing"]["0.1"]

    assert found["missed"] == 0
    assert found["spikes"] > 2
    assert found["at_40_ms"] <= 0.1
    assert found["at_200_ms"] <= (0.5 if name in ("hodgkin_huxley", "adex", "adex_spike") else 0.1)


PAIR = """
thalia: 1
name: pair
duration: 60 ms
populations:
  given: {{neuron: spike_source, size: 1, excites_and_inhibits: it drives all receptors}}
  e: {{neuron: {neuron}, size: 2}}
  other: {{neuron: {neuron}, size: 2}}
pathways:
  in: {{pre: given, post: [e, other], connect: {{rule: all_to_all}}, synapse: {synapse}, weight: {weight}, delay: 1 ms}}
{more_pathways}
stimuli:
  given: {{kind: spikes, target: given, times: {{0: [2 ms, 12 ms, 30 ms, 31 ms]}}}}
  bias: {{kind: current, target: [e, other], amplitude: {bias}}}
{more_stimuli}
record: {{spikes: all, traces: {{v: {{population: e, variables: [v], every: 0.1 ms}}}}}}
"""
ELSEWHERE = {
    "a pulse": ("", "  pulse: {kind: current_pulses, target: other, amplitude: 0 pA, start: 5 ms, width: 5 ms}"),
    "nmda": ("  slow: {pre: given, post: other, connect: {rule: all_to_all}, synapse: nmda, weight: 1 nS, delay: 1 ms}", ""),
    "a rule": (
        "  learn: {pre: given, post: other, connect: {rule: all_to_all}, synapse: gaba_a, weight: 1 nS, w_max: 2 nS, "
        "delay: 1 ms, plasticity: [bcm]}",
        "",
    ),
}  # fmt: skip
CELLS = {
    "lif_current": ("current_exp", "300 pA", "400 pA"),
    "lif_conductance": ("ampa", "8 nS", "120 pA"),
    "adex": ("ampa", "8 nS", "900 pA"),
    "izhikevich": ("ampa", "3 nS", "90 pA"),
    "hodgkin_huxley": ("ampa", "8 nS", "200 pA"),
}


@pytest.mark.parametrize(
    ("neuron", "elsewhere"),
    [
        pytest.param(neuron, each, marks=pytest.mark.slow if again else ())
        for neuron in CELLS
        for each in ELSEWHERE
        # its four gates cost most to build, and are integrated like the others' variables
        for again in [neuron == "hodgkin_huxley" and each != "a rule"]
    ],
)
def test_nothing_elsewhere_changes_how_a_population_is_integrated(neuron, elsewhere, simulate):
    synapse, weight, bias = CELLS[neuron]
    alone, beside = (
        simulate(
            PAIR.format(
                neuron=neuron,
                synapse=synapse,
                weight=weight,
                bias=bias,
                more_pathways=p,
                more_stimuli=s,
            )
        )
        for p, s in (("", ""), ELSEWHERE[elsewhere])
    )

    assert len(alone.spikes["e"]) > 2
    np.testing.assert_array_equal(alone.traces["v"]["v"], beside.traces["v"]["v"])


@pytest.mark.parametrize(
    "neuron", [*CELLS, "two_compartment", "lif_burst", "lif_plateau", "liquid", "adex_spike"]
)
def test_a_pulse_acts_in_the_same_steps_on_every_neuron(neuron, simulate):
    found = simulate(f"""
thalia: 1
name: pulse
duration: 20 ms
populations: {{e: {{neuron: {neuron}, size: 1}}, rest: {{neuron: {neuron}, size: 1}}}}
stimuli: {{pulse: {{kind: current_pulses, target: e, amplitude: 50 pA, start: 5 ms, width: 3 ms}}}}
record:
  spikes: all
  traces: {{e: {{population: e, variables: [v], every: 0.1 ms}}, rest: {{population: rest, variables: [v], every: 0.1 ms}}}}
""")
    difference = found.traces["e"]["v"][:, 0] - found.traces["rest"]["v"][:, 0]
    rising = np.flatnonzero(np.diff(difference) > 1e-4)

    assert rising[0] == 50  # from 5.0 to 5.1 ms
    if neuron.startswith("lif_c"):
        assert difference.argmax() == 80  # at 8 ms it has ended


def test_equal_time_constants_are_no_special_case(simulate):
    tau = 10e-3
    found = simulate("""
thalia: 1
name: equal
duration: 30 ms
populations:
  given: {neuron: spike_source, size: 1}
  jump: {neuron: lif_current, size: 1, parameters: {tau_m: 10 ms}}
  rise: {neuron: lif_current, size: 1, parameters: {tau_m: 10 ms}}
pathways:
  a: {pre: given, post: jump, connect: {rule: all_to_all}, synapse: {part: current_exp, tau: 10 ms}, weight: 100 pA, delay: 1 ms}
  b: {pre: given, post: rise, connect: {rule: all_to_all}, synapse: {part: current_alpha, tau: 10 ms}, weight: 100 pA, delay: 1 ms}
stimuli: {given: {kind: spikes, target: given, times: {0: [3.9 ms]}}}
record: {spikes: all, traces: {a: {population: jump, variables: [v], every: 1 ms}, b: {population: rise, variables: [v], every: 1 ms}}}
""")
    after = np.arange(0, 25) * 1e-3
    jump = 100e-12 / 250e-12 * after * np.exp(-after / tau)
    rise = 100e-12 / 250e-12 * np.e * after**2 / (2 * tau) * np.exp(-after / tau)

    np.testing.assert_allclose(found.traces["a"]["v"][5:30, 0], -65 + jump * 1e3, atol=1e-5)
    np.testing.assert_allclose(found.traces["b"]["v"][5:30, 0], -65 + rise * 1e3, atol=1e-5)


CHOICE = """
thalia: 1
name: choice
duration: 100 ms
dt: {dt} ms
populations:
  e: {{neuron: izhikevich, size: 1, method: {method}}}
stimuli: {{bias: {{kind: current, target: e, amplitude: 40 pA}}}}
record: {{spikes: all, traces: {{v: {{population: e, variables: [v], every: 10 ms}}}}}}
"""


@pytest.mark.parametrize(
    ("method", "expected"), [("euler", 1), ("rk2", 2), ("rk4", 4), ("splitting", 2)]
)
def test_a_population_has_the_method_that_it_asks_for(method, expected, simulate):
    errors = []
    for dt in (5, 2.5):
        found = simulate(CHOICE.format(method=method, dt=dt))
        solution = tight(resolved(thalia.loads(CHOICE.format(method=method, dt=dt))), "e")
        errors.append(abs(found.traces["v"]["v"][-1, 0] * 1e-3 - solution.v[-1 - int(10 / dt)]))

    assert -0.35 < np.log2(errors[0] / errors[1]) - expected < 1.1


def test_a_method_of_first_order_is_told():
    first, second = (
        thalia.plan_of(thalia.loads(CHOICE.format(method=m, dt=0.1))) for m in ("euler", "rk2")
    )

    assert first.notes == (
        "e is integrated by euler, of first order: halving dt only halves the error",
    )
    assert second.notes == ()
    assert str(first.groups[0].integration) == "v, u by euler, of order 1"


@pytest.mark.parametrize(
    ("population", "message"),
    [
        (
            "method: exponential_euler",
            "populations.e.method: exponential_euler needs an equation linear in v itself",
        ),
        (
            "method: rk3",
            "populations.e.method: expected 'splitting', 'euler', 'exponential_euler', 'rk2' or 'rk4'",
        ),
        (
            "method: euler, substeps: 2",
            "populations.e.substeps: nothing of izhikevich is integrated in parts of a step",
        ),
    ],
)
def test_a_method_that_cannot_be_is_refused(population, message):
    text = CHOICE.format(method="X", dt=0.1).replace("method: X", population)

    with pytest.raises(CircuitError) as refused:
        thalia.plan_of(thalia.loads(text))

    assert message in str(refused.value)


def test_the_statements_of_an_update_are_the_step(simulate):
    found = simulate(f"""
thalia: 1
name: update
duration: 200 ms
dt: 1 ms
{PUBLISHED_CELL}
populations: {{e: {{neuron: published, size: 1}}}}
stimuli: {{on: {{kind: current_pulses, target: e, amplitude: 10 pA, start: 20 ms, width: 150 ms}}}}
record: {{spikes: all, traces: {{v: {{population: e, variables: [v], every: 1 ms}}}}}}
""")
    v, u, potentials, spikes = -65.0, -13.0, [], []
    for t in range(200):
        potentials.append(v)
        for _ in range(2):
            v += 0.5 * (0.04 * v**2 + 5 * v + 140 - u + (10 if 20 <= t < 170 else 0))
        u += 0.02 * (0.2 * v - u)
        if v >= 30:
            spikes.append(t * 1e-3)
            v, u = -65.0, u + 8

    np.testing.assert_allclose(found.traces["v"]["v"][:, 0], potentials, atol=1e-4)
    np.testing.assert_allclose(found.spikes["e"].times, spikes, atol=1e-9)
    assert len(spikes) > 3
    assert found.results["integration"] == {"e": "v, u by its update"}


@pytest.mark.slow
def test_the_compiled_program_does_the_same(measured):
    """Every neuron and receptor in one program: as far from the solution as the NumPy backend."""
    compiled = measure([0.1], "cpp")

    assert {name: each["0.1"]["spikes"] for name, each in compiled.items()} == {
        name: each["0.1"]["spikes"] for name, each in measured.items()
    }
    for key, tolerance in (("v", 1e-10), ("at_200_ms", 1e-9)):
        np.testing.assert_allclose(
            [
                compiled[name]["0.1"][key]
                for name in measured
                if name.endswith(("_quiet", "_receptor"))
            ],
            [
                each["0.1"][key]
                for name, each in measured.items()
                if name.endswith(("_quiet", "_receptor"))
            ],
            rtol=0.02,
            atol=tolerance,
        )

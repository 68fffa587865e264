"""Every time of a circuit follows one rule of rounding, and where that changes it, the plan tells."""

import pytest

import thalia
from tests.helpers import thalia as command_line
from thalia.compiler.options import CompilerOptions
from thalia.compiler.pipeline import compile_circuit, plan_of
from thalia.errors import CircuitError

TEXT = """
thalia: 1
name: grid
duration: 9.96 ms
dt: 0.1 ms
populations:
  given: {neuron: spike_source, size: 2}
  cell: {neuron: lif_current, size: 2, parameters: {t_ref: 0.25 ms}}
  other: {neuron: lif_current, size: 2, parameters: {t_ref: 0.25 ms}}
  exact: {neuron: lif_current, size: 2, parameters: {t_ref: 0.7 ms}}
  drawn: {neuron: lif_current, size: 2, parameters: {t_ref: "uniform(0.5 ms, 0.7 ms)"}}
pathways:
  a: {pre: given, post: cell, connect: {rule: all_to_all}, synapse: current_exp, weight: 10 pA, delay: {axonal: 0.35 ms, dendritic: 0.14 ms}, plasticity: [stdp_pair]}
  b: {pre: given, post: cell, connect: {rule: all_to_all}, synapse: current_exp, weight: 10 pA, delay: "uniform(0.5 ms, 0.77 ms)"}
stimuli:
  train: {kind: spikes, target: given, times: {0: [0.04 ms, 0.05 ms, 0.06 ms], 1: [5 ms, 9.96 ms]}}
  pulses: {kind: current_pulses, target: cell, amplitude: 1 pA, start: 1.03 ms, width: 2 ms, period: 5 ms}
  later: {kind: current_pulses, target: cell, amplitude: 1 pA, start: "uniform(1 ms, 3 ms)", width: 2 ms, period: 5 ms}
modulators: {dopamine: {kind: d1, weight_change_of: [a], every: 1.25 ms}}
record:
  traces: {v: {population: cell, variables: [v], every: 0.25 ms}}
  weights: {pathways: all, every: 0.01 ms}
  modulators: 0.12 ms
"""
TOLD = """
duration: 9.96 ms becomes 10 ms, a multiple of dt
refractory period of cell, other: 0.25 ms becomes 0.3 ms, a multiple of dt
refractory period of drawn: each becomes a multiple of dt, moved by at most 0.05 ms
axonal delay of a: 0.35 ms becomes 0.4 ms, a multiple of dt
dendritic delay of a: 0.14 ms becomes 0.1 ms, a multiple of dt
axonal delay of b: each becomes a multiple of dt, moved by at most 0.05 ms
interval of record.traces.v: 0.25 ms becomes 0.3 ms, a multiple of dt
interval of record.weights: 0.01 ms becomes 0.1 ms, a multiple of dt
interval of record.modulators: 0.12 ms becomes 0.1 ms, a multiple of dt
interval of modulators.dopamine: 1.25 ms becomes 1.3 ms, a multiple of dt
pulses: begins and ends at the nearest multiples of dt, not after start 1.03 ms
later: begins and ends at the nearest multiples of dt, not after start uniform(1 ms, 3 ms)
train: 4 of 5 times become multiples of dt, which moves them by at most 0.05 ms
train: 1 of 5 spikes come after the end, and do not take place
"""
FROM_A_TABLE = """
thalia: 1
name: grid
duration: 10 ms
dt: 0.1 ms
populations:
  cells: {file: cells.csv, neuron: lif_current, parameters: {t_ref: rests * ms}}
pathways:
  p:
    pre: cells
    post: cells
    connect: {file: edges.csv}
    synapse: current_exp
    weight: 10 pA
    delay: after * ms
"""
PHASES = "{{thalia: 1, name: p, dt: 0.1 ms, populations: {{a: {{neuron: poisson, size: 1}}}}, phases: [{}]}}"


def in_phases(*durations):
    phases = (f"{{name: p{k}, duration: {each}}}" for k, each in enumerate(durations))
    return thalia.loads(PHASES.format(", ".join(phases)))


def test_each_time_that_is_rounded_is_told():
    assert [*plan_of(thalia.loads(TEXT)).notes] == TOLD.split("\n")[1:-1]


def test_check_plan_and_the_summary_tell_it(tmp_path):
    (tmp_path / "grid.yaml").write_text(TEXT)
    checked = command_line("check", "grid.yaml", folder=tmp_path).stdout
    planned = command_line("plan", "grid.yaml", folder=tmp_path).stdout
    run = thalia.run(
        thalia.loads(TEXT),
        backend="runtime",
        output=tmp_path / "run.h5",
        checkpoint_every="3.33 ms",
        task=thalia.Task("2.25 ms", lambda context: None),
    )

    told = TOLD.strip().split("\n")
    assert [line.strip() for line in checked.split("\n")[1:-1]] == told
    assert {line.strip() for line in planned.split("\n")} >= set(told)
    assert run.results["notes"] == [
        *told,
        "--checkpoint-every: 3.33 ms becomes 3.3 ms, a multiple of dt\n"
        "the task's interval: 2.25 ms becomes 2.3 ms, a multiple of dt",
    ]


def test_phases_end_at_the_nearest_step_so_that_rounding_does_not_add_up():
    """They end at 0.25, 0.5, 0.85, 0.95 and 1.11 ms."""
    plan = plan_of(in_phases("0.25 ms", "0.25 ms", "0.35 ms", "0.1 ms", "0.16 ms"))

    assert [phase.steps for phase in plan.phases] == [3, 2, 4, 1, 1]
    assert [*plan.notes] == [
        "duration of phase p0: 0.25 ms becomes 0.3 ms, a multiple of dt",
        "duration of phase p1: 0.25 ms becomes 0.2 ms, a multiple of dt",
        "duration of phase p2: 0.35 ms becomes 0.4 ms, a multiple of dt",
        "duration of phase p4: 0.16 ms becomes 0.1 ms, a multiple of dt",
    ]


@pytest.mark.parametrize(
    ("length", "steps"),
    [("0.5 ms", [3, 2, 0]), ("0.7 ms", [3, 4, 0]), ("0.84 ms", [3, 5, 0]), ("2 ms", [3, 6, 11])],
)
def test_another_duration_cuts_phases_or_extends_the_last(length, steps):
    """They would end at 0.3, 0.9 and 1 ms."""
    circuit = in_phases("0.3 ms", "0.6 ms", "0.1 ms")
    plan = compile_circuit(circuit, CompilerOptions(duration=length)).plan

    assert [phase.steps for phase in plan.phases] == steps


@pytest.mark.parametrize(
    ("durations", "where"), [(("0.04 ms",), "phases[0].duration"), (("1 ms", "0.04 ms", "1 ms"), "phases[1].duration")]
)  # fmt: skip
def test_a_phase_without_a_step_is_refused(durations, where):
    with pytest.raises(CircuitError) as error:
        plan_of(in_phases(*durations))

    (problem,) = error.value.problems
    told = f"{where}: expected at least a step of 0.1 ms, found 0.04 ms"
    assert str(problem).endswith(told)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pathways.a.delay": "60 hour"}, r"delay: the axonal delay: expected at most 2\^31 - 1 steps"),
        ({"stimuli.train.times.0": ["60 hour"]}, r"train: a spike: expected at most 2\^31 - 1 steps"),
        ({"duration": "1e9 hour", "dt": "1 us"}, r"duration: .* has more steps of 0.001 ms than"),
    ],
)  # fmt: skip
def test_numbers_of_steps_that_would_wrap_are_refused(change, told):
    """2^31 steps of 0.1 ms are 59.65 hours."""
    with pytest.raises(CircuitError, match=told):
        plan_of(thalia.loads(TEXT, set=change))


def test_a_refractory_period_may_last_for_ever():
    circuit = thalia.loads(TEXT, set={"populations.cell.parameters.t_ref": "1e12 hour"})

    assert not any("cell" in note and "refractory" in note for note in plan_of(circuit).notes)


def test_a_duration_without_a_step_is_refused():
    with pytest.raises(CircuitError, match="expected at least half a step"):
        compile_circuit(in_phases("1 ms"), CompilerOptions(duration="0.04 ms"))


@pytest.mark.parametrize(
    ("rests", "after", "told"),
    [
        ("2.1", "0.3", []),
        (
            "0.23",
            "0.34",
            [
                "refractory period of cells: 1 of 3 times become multiples of dt, which moves them by at most 0.03 ms",
                "axonal delay of p: 1 of 2 times become multiples of dt, which moves them by at most 0.04 ms",
            ],
        ),
    ],
)
def test_times_from_a_table_are_looked_at_one_by_one(tmp_path, rests, after, told):
    (tmp_path / "cells.csv").write_text(f"rests\n0\n2.1\n{rests}\n")
    (tmp_path / "edges.csv").write_text(f"pre,post,after\n0,1,1.8\n1,2,{after}\n")
    (tmp_path / "grid.yaml").write_text(FROM_A_TABLE)

    assert [*plan_of(thalia.load(tmp_path / "grid.yaml")).notes] == told

"""Runs from Python: phases, recording, spike files, a circuit without YAML, and runs that fail."""

import re

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT
from thalia.cli.tables import print_summary
from thalia.errors import CircuitError

PHASES = """
thalia: 1
name: phases
populations: {a: {neuron: poisson, size: 100}}
stimuli: {late: {kind: poisson_pulses, target: a, rate: 100 Hz, start: 200 ms, width: 200 ms, period: 10 s}}
phases: [{name: silent, duration: 200 ms}, {name: busy, duration: 200 ms}]
"""


def test_rates_and_irregularity_are_those_of_the_phase(simulate):
    run = simulate(PHASES)

    assert run.results["rates_by_phase_hz"]["silent"]["a"] == 0
    assert run.rates["a"] == pytest.approx(100, rel=0.1)
    assert run.results["cv_isi"]["a"] == pytest.approx(1, abs=0.1)
    assert run.phases == [
        ("silent", 0.0, pytest.approx(0.2)),
        ("busy", pytest.approx(0.2), pytest.approx(0.4)),
    ]


def test_a_longer_duration_lengthens_the_last_phase(simulate):
    assert simulate(PHASES, duration="600 ms").phases[-1] == (
        "busy",
        pytest.approx(0.2),
        pytest.approx(0.6),
    )


def test_irregularity_leaves_out_what_came_before_the_last_phase(simulate):
    """A clock at 250 Hz after a silence: its CV is 0 in the last phase, and would not be with the silence before."""
    times = ", ".join(f"{t} ms" for t in (1, *range(110, 200, 4)))
    text = f"""
thalia: 1
name: clock
populations: {{a: {{neuron: spike_source, size: 1}}}}
stimuli: {{given: {{kind: spikes, target: a, times: {{0: [{times}]}}}}}}
phases: [{{name: before, duration: 100 ms}}, {{name: after, duration: 100 ms}}]
"""
    results = simulate(text).results

    assert results["cv_isi"]["a"] == pytest.approx(0, abs=1e-6)
    assert results["cv_isi_error"]["a"] == pytest.approx(0, abs=1e-6)


def test_irregularity_that_too_few_spikes_cannot_tell_is_a_dash_with_the_reason(simulate, capsys):
    text = """
thalia: 1
name: few
duration: 100 ms
populations: {a: {neuron: spike_source, size: 1}}
stimuli: {given: {kind: spikes, target: a, times: {0: [1 ms, 20 ms, 30 ms, 70 ms, 80 ms]}}}
"""
    run = simulate(text)
    print_summary(run, [])
    printed = capsys.readouterr().out

    assert (run.results["cv_isi"]["a"], run.results["cv_isi_missing"]) == (
        None,
        {"a": "fewer than 20 independent intervals"},
    )
    assert re.search("50.00 Hz +–", printed)
    assert "–: fewer than 20 independent intervals in the last phase" in printed


def test_spikes_from_a_file_beside_the_circuit(simulate, tmp_path):
    (tmp_path / "spikes.csv").write_text("# neuron, ms\n0, 5\n1, 7.5\n0, 9\n")
    text = """
thalia: 1
name: replay
duration: 20 ms
populations: {a: {neuron: spike_source, size: 2}}
stimuli: {given: {kind: spikes, target: a, file: spikes.csv}}
"""

    spikes = simulate(text).spikes["a"]

    assert spikes.times == pytest.approx([0.005, 0.0075, 0.009])
    assert spikes.neurons.tolist() == [0, 1, 0]


def test_a_circuit_made_in_python_runs_as_the_same_in_yaml(tmp_path):
    made = thalia.Circuit(
        name="made",
        duration="50 ms",
        populations={
            "a": thalia.Population(neuron="poisson", size=20, parameters={"rate": "100 Hz"}),
            "b": thalia.Population(neuron="lif_current", size=10),
        },
        pathways={
            "ab": thalia.Pathway(
                pre="a",
                post="b",
                connect={"probability": 0.5},
                synapse="current_exp",
                weight="2 nA",
                delay="1 ms",
                plasticity=["stdp_pair"],
            )
        },
    )

    direct = thalia.run(made, backend="runtime", output=tmp_path / "direct.h5")
    through_yaml = thalia.run(
        thalia.loads(thalia.dumps(made)), backend="runtime", output=tmp_path / "yaml.h5"
    )

    assert len(direct.spikes["b"]) > 0
    assert direct.spikes["b"].times.tobytes() == through_yaml.spikes["b"].times.tobytes()
    assert direct.weights["ab"].w.tobytes() == through_yaml.weights["ab"].w.tobytes()


def test_a_pathway_without_synapses_runs_on_both_backends(tmp_path):
    text = """
thalia: 1
name: empty
duration: 10 ms
populations: {a: {neuron: poisson, size: 2, parameters: {rate: 100 Hz}}, b: {neuron: lif_current, size: 2}}
pathways: {ab: {pre: a, post: b, connect: {rule: fixed_total_number, number: 0}, synapse: current_exp, weight: 1 pA, delay: 1 ms},
           rare: {pre: a, post: b, connect: {probability: 1.0e-9}, synapse: current_exp, weight: 1 pA, delay: "uniform(1 ms, 2 ms)", plasticity: [stdp_pair]}}
"""

    runs = [
        thalia.run(thalia.loads(text), backend=name, output=tmp_path / f"{name}.h5")
        for name in ("cpp", "runtime")
    ]

    assert [run.results["synapses"] for run in runs] == [0, 0]


def test_a_run_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    from thalia.simulation.recorder import Recorder

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Recorder, "on_stop", broken)

    with pytest.raises(ZeroDivisionError):
        thalia.run(ROOT / "circuits" / "pair.yaml", backend="runtime", output=tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


def test_figures_are_drawn_for_every_run(simulate, tmp_path):
    from thalia.figures.kinds import figures_of

    run = simulate(PHASES)

    drawn = figures_of(run)
    files = [
        thalia.figures.save(draw(run), tmp_path / f"{name}.png") for name, draw in drawn.items()
    ]

    assert drawn.keys() == {"raster", "rates"}
    assert all(file.stat().st_size > 10_000 for file in files)
    with pytest.raises(CircuitError, match="has no weights"):
        thalia.figures.weights(run)


def test_what_scales_each_spike_differently_is_named_with_the_weight(simulate):
    """Short-term plasticity, release, and a rule that tosses a coin: no one number arrives."""
    text = """
thalia: 1
name: scaled
duration: 1 ms
rules:
  coin:
    summary: Transmits half of the spikes.
    parameters: {p: {default: 0.5, meaning: that a spike is transmitted}}
    on_pre: efficacy = int(rand() < p)
  half:
    summary: Multiplies by an expression of the neuron.
    parameters: {level: {default: 0.4, meaning: of the half that is lower}}
    neuron: "raised = 1 + level : 1"
    on_pre: efficacy = raised * level
populations: {a: {neuron: poisson, size: 2}, b: {neuron: lif_current, size: 2}}
modulators: {dopamine: {kind: first_order, tonic: 1, baseline: 1}}
pathways:
  p: {pre: a, post: b, connect: {rule: all_to_all}, synapse: [tsodyks_markram, current_exp], weight: 1 pA, delay: 1 ms,
      release: 1 + dopamine, plasticity: [stdp_pair, {rule: half}, {rule: coin}]}
  q: {pre: a, post: b, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, plasticity: [stdp_pair]}
"""
    run = simulate(text)
    p, q = run.weights["p"], run.weights["q"]

    assert p.scaled_by == ("tsodyks_markram", "half", "coin", "release")
    assert p.meaning == "weight × half, before tsodyks_markram, coin, release"
    assert p.arriving == pytest.approx(p.w * 1.4 * 0.4)
    assert (q.meaning, q.efficacy) == ("weight", None)
    assert run.results["weights"]["p"]["scaled_by"] == list(p.scaled_by)
    assert "scaled_by" not in run.results["weights"]["q"]


def test_the_network_is_a_graph(simulate):
    from thalia.compiler.graph import graph_of, network_of

    network = network_of(thalia.plan_of(thalia.load(ROOT / "circuits" / "balanced.yaml")))
    graph = graph_of(network)

    assert graph.nodes["exc"]["size"] == 8000
    assert graph.edges["inh", "exc", "inh_to_exc"]["in_degree"] == pytest.approx(40)
    assert graph.edges["inh", "exc", "inh_to_exc"]["inhibitory"]
    assert graph.edges["inh", "exc", "inh_to_exc"]["plastic"]
    assert not graph.edges["exc", "inh", "excitation.exc_to_inh"]["inhibitory"]


def test_memory_is_estimated_from_the_synapses():
    """At full scale 4.6 GB are measured, as drawn or in the program, which takes the synapses over piece by piece."""
    from thalia.compiler.options import with_options
    from thalia.compiler.resources import needed_bytes

    circuit = thalia.load(ROOT / "circuits" / "cortex.yaml")
    full, tenth = (thalia.plan_of(with_options(circuit, scale=scale)) for scale in (1.0, 0.1))

    assert 4.6e9 < needed_bytes(full) < 6.5e9
    assert 8.0e9 < needed_bytes(full, holds_all=True) < 11e9
    assert needed_bytes(tenth) < 0.6e9


def test_weights_are_sampled_at_the_interval_across_phases(simulate):
    text = (ROOT / "circuits" / "pair.yaml").read_text().replace("every: 10 ms", "every: 100 ms")

    assert np.diff(simulate(text).weights["synapse"].time) == pytest.approx([0.1] * 10 + [0.05])


def test_names_that_c_plus_plus_or_brian2_know_are_free_for_users(tmp_path):
    """Populations and pathways of any name, even the same, and rules whose parameters are called as a neuron's."""
    text = """
thalia: 1
name: network
duration: 20 ms
rules:
  double:
    summary: Names that the neurons have too.
    parameters: {rate: {default: 0.1, meaning: learning rate}, tau_m: {default: 10 ms, meaning: decay}}
    equations: "dv/dt = -v/tau_m : 1"
    on_pre: |
      v += 1
      w += rate*w_max*v
populations: {int: {neuron: poisson, size: 3, parameters: {rate: 200 Hz}}, defaultclock: {neuron: lif_current, size: 3}, template_pre: {neuron: adex, size: 2}}
pathways:
  int: {pre: int, post: defaultclock, connect: {rule: all_to_all}, synapse: current_exp, weight: 4 nA, delay: 1 ms, plasticity: [double]}
  template: {pre: defaultclock, post: template_pre, connect: {rule: all_to_all}, synapse: ampa, weight: 4 nS, delay: 1 ms, plasticity: [double]}
stimuli: {int: {kind: poisson, target: defaultclock, rate: 1 kHz, weight: 1 nA}}
"""

    runs = [
        thalia.run(thalia.loads(text), backend=name, output=tmp_path / f"{name}.h5")
        for name in ("cpp", "runtime")
    ]

    assert all((run.weights["int"].w[0] != run.weights["int"].w[-1]).any() for run in runs)


def test_two_drives_of_several_populations_through_one_synapse_both_arrive(simulate):
    """Shot noise of two stimuli adds up: mean = (rate_1 w_1 + rate_2 w_2) tau, in every population (Campbell)."""
    text = """
thalia: 1
name: two
duration: 400 ms
dt: 0.5 ms
populations: {e: {neuron: lif_current, size: 150, parameters: {v_th: 1 V}}, i: {neuron: lif_current, size: 150, parameters: {v_th: 1 V}}}
stimuli:
  first: {kind: poisson, target: [e, i], rate: 4 kHz, weight: 1 pA, synapse: {part: current_exp, tau: 5 ms}}
  second: {kind: poisson, target: [e, i], rate: 1 kHz, weight: 4 pA, synapse: {part: current_exp, tau: 5 ms}}
record: {traces: {e: {population: e, variables: [current_exp_i], every: 20 ms, neurons: 150},
                  i: {population: i, variables: [current_exp_i], every: 20 ms, neurons: 150}}}
"""
    expected = (
        (4000 * 1 + 1000 * 4) * 5e-3 * 0.1 / np.expm1(0.1)
    )  # spikes act at the start of a step, which then decays

    run = simulate(text, backend="cpp")

    means = [run.traces[name]["current_exp_i"][4:].mean() for name in ("e", "i")]
    assert means == pytest.approx([expected, expected], rel=0.03)


def test_a_users_source_of_spikes_takes_a_rate_like_the_librarys(simulate):
    text = """
thalia: 1
name: own
duration: 2 s
dt: 1 ms
neurons:
  half: {summary: A source at half the rate that it receives., equations: "r = input_rate/2 : Hz", threshold: rand() < r*dt}
populations: {a: {neuron: half, size: 100}}
stimuli: {drive: {kind: poisson, target: a, rate: 40 Hz}}
"""

    assert simulate(text).rates["a"] == pytest.approx(20, rel=0.08)


RUNAWAY = """
thalia: 1
name: runaway
dt: 1 ms
duration: 300 ms
neurons:
  runaway:
    summary: A potential that grows with its exponential.
    source: a test
    equations: "dv/dt = mV*(exp(v/mV) - 1)/ms : volt"
    threshold: v < -1*volt
    reset: v = 0*mV
populations:
  calm: {neuron: runaway, size: 3, initial: {v: -0.1 mV}}
  lost: {neuron: runaway, size: 4, initial: {v: 20 mV}}
"""


@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value")
def test_neurons_whose_equations_overflowed_are_told(tmp_path):
    """exp(20) in a step, and then its exponential, which no number holds."""
    run = thalia.run(thalia.loads(RUNAWAY), output=tmp_path / "run.h5", backend="runtime")

    (note,) = run.results["notes"]
    assert note.startswith(
        "lost: the equations of 4 of 4 neurons overflowed, and v are no numbers since"
    )
    assert run.results["overflowed"] == {"lost": 4}
    found = thalia.health(run)
    assert [each.text() for each in found.findings] == [
        "lost: neurons that overflowed 4, expected none"
    ]
    assert found.verdict == "critical"

"""Modulators: kinetics against closed forms, and what they do to neurons, synapses and rules.

A release at t arrives a step later, and is in the level from the step after that: `LAG` in all.
"""

import json

import numpy as np
import pytest

import thalia

HEAD = "thalia: 1\nname: modulated\ndt: 1 ms\n"
SILENT = "populations: {other: {neuron: spike_source, size: 1}}\n"
LAG = 2e-3


@pytest.fixture
def run(tmp_path):
    def simulate(text, **options):
        circuit = thalia.loads(HEAD + text)
        return thalia.run(
            circuit, output=tmp_path / "run.h5", overwrite=True, **{"backend": "runtime", **options}
        )

    return simulate


def level(run, kind, more="", **options):
    """The level of one modulator every millisecond, for two seconds."""
    text = f"duration: 2 s\n{SILENT}modulators: {{m: {{kind: {kind}, {more}}}}}\nrecord: {{modulators: 1 ms}}\n"
    found = run(text, **options).modulators["m"]
    return found.time, found.value


def decays(time, at, tau):
    """A unit step at a time and its decay."""
    since = time - at - LAG
    return np.where(since > -1e-9, np.exp(-since / tau), 0.0)


# kinetics


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_a_first_order_level_jumps_and_decays(run, backend):
    more = "tau: 100 ms, tonic: 0.2, schedule: [{at: [0.5 s, 0.6 s], amount: 2}, {at: 1 s, amount: -1}]"

    time, value = level(run, "first_order", more, backend=backend)

    expected = 0.2 + 2 * decays(time, 0.5, 0.1) + 2 * decays(time, 0.6, 0.1) - decays(time, 1, 0.1)
    assert value == pytest.approx(expected, rel=1e-9)


def test_a_level_that_stays_where_its_signal_counts_from_is_refused():
    """Its signal would be zero, without a word; from a baseline of its own it counts."""
    text = (
        "thalia: 1\nname: still\nduration: 1 ms\nmodulators: {m: {kind: first_order, tonic: 1}}\n"
    )
    text += "populations: {a: {neuron: lif_current, size: 1}}\n"

    with pytest.raises(thalia.CircuitError, match="m stays at its tonic level"):
        thalia.plan_of(thalia.loads(text))
    thalia.plan_of(thalia.loads(text, set={"modulators.m.baseline": 0}))


def test_each_spike_releases_its_neurons_share(run):
    """Ten neurons that all fire once release one amount, which stays with this time constant."""
    text = """
duration: 1 s
populations: {vta: {neuron: spike_source, size: 10}}
stimuli: {all: {kind: spikes, target: vta, times: {TIMES}}}
modulators: {m: {kind: first_order, released_by: vta, tau: 1 hour, amplitude: 3}}
"""
    times = ", ".join(f"{neuron}: [{2 * neuron + 1} ms]" for neuron in range(10))

    assert run(text.replace("TIMES", times)).modulators["m"].value[-1] == pytest.approx(3, rel=1e-3)


def test_two_stages_follow_their_closed_form_far_from_saturation(run):
    time, value = level(
        run,
        "two_stage",
        "tau_rise: 50 ms, tau_decay: 200 ms, amplitude: 0.000001, schedule: [{at: 0.5 s}]",
    )

    expected = 1e-6 * 200 / 150 * (decays(time, 0.5, 0.2) - decays(time, 0.5, 0.05))
    assert value == pytest.approx(expected, abs=1e-8)


def test_two_stages_saturate(run):
    _, value = level(run, "d2", "schedule: [{at: 0.5 s, amount: 1000}]")

    assert 0.9 < value.max() < 1


RECEPTORS = {
    "d1": (0.5, 8), "d2": (0.08, 0.5), "alpha1": (0.01, 0.15), "beta": (0.08, 1), "nicotinic": (0.033, 0.139), "m1": (0.1, 1.5),
    "m2": (0.05, 0.6), "ht1a": (0.01, 0.5), "ht2a": (0.008, 0.1), "ht2c": (0.008, 0.1),
}  # fmt: skip


@pytest.mark.parametrize("kind", RECEPTORS)
def test_a_receptor_peaks_when_its_two_time_constants_say(run, kind):
    rise, decay = RECEPTORS[kind]
    time, value = level(run, kind, "schedule: [{at: 0.1 s, amount: 0.001}]")

    peak = 0.1 + LAG + np.log(decay / rise) * rise * decay / (decay - rise)
    assert time[value.argmax()] == pytest.approx(peak, abs=2e-3)


def test_the_cycle_of_process_s(run):
    """16 h awake and 8 h asleep, an hour in 10 ms: the limit cycle of the two-process model is 0.6234 and 0.0928."""
    phases = [
        {"name": f"{name}_{day}", "duration": f"{hours}0 ms", "modulators": {"m": numbers}}
        for day in range(6)
        for name, hours, numbers in (("wake", 16, {}), ("sleep", 8, {"tau": "42 ms", "ceiling": 0}))
    ]
    text = f"{SILENT}modulators: {{m: {{kind: sleep_pressure, tau: 182 ms}}}}\nrecord: {{modulators: 1 ms}}\n"

    value = run(f"{text}phases: {json.dumps(phases)}\n").modulators["m"].value

    assert value[5 * 240 + 160] == pytest.approx(0.6234, abs=1e-4)
    assert value[5 * 240] == pytest.approx(0.0928, abs=1e-4)


def test_adenosine_settles_where_release_and_clearing_balance(run):
    """At r spikes a second and a per spike, at a*r/(a*r + 1/tau)."""
    text = """
duration: 4 s
populations: {active: {neuron: poisson, size: 1000, parameters: {rate: 20 Hz}}}
modulators: {m: {kind: adenosine, released_by: active, amplitude: 0.1, tau_clear: 0.5 s}}
"""
    value = run(text).modulators["m"].value

    assert value[-100:].mean() == pytest.approx(2 / (2 + 2), rel=0.02)


def test_a_follower_is_a_low_pass_filter_of_its_input(run):
    text = (
        f"duration: 1 s\n{SILENT}modulators:\n  m: {{kind: first_order, tonic: 0.5, baseline: 0}}\n"
    )
    value = run(f"{text}  n: {{kind: follower, tau: 200 ms, input: 1 - m}}\n").modulators["n"]

    assert value.value == pytest.approx(0.5 * (1 - np.exp(-value.time / 0.2)), rel=5e-3, abs=1e-12)


def prediction_error(run, reward, cue):
    """The error signal when a cue's neurons predict for half a second, up to the time of the reward at 1 s."""
    times = [f"{t} ms" for t in range(500, 1000, 5)] if cue else []
    text = f"""
duration: 2 s
populations: {{critic: {{neuron: spike_source, size: 1}}}}
stimuli: {{value: {{kind: spikes, target: critic, times: {{0: {json.dumps(times)}}}}}}}
modulators:
  m: {{kind: prediction_error, predicted_by: critic, schedule: [{{at: 1 s, amount: {reward}}}], tonic: 1}}
record: {{modulators: 1 ms}}
"""
    signal = run(text).modulators["m"].value - 1
    return signal[500:900].max(), signal[1000:1400].max(), signal[1000:1400].min()


def test_an_unpredicted_reward_is_a_burst(run):
    cue, burst, dip = prediction_error(run, reward=1, cue=False)

    assert cue == pytest.approx(0, abs=1e-9)
    assert burst == pytest.approx(1, rel=0.02)
    assert dip >= 0


def test_a_predicted_reward_moves_the_burst_to_the_cue(run):
    cue, burst, _ = prediction_error(run, reward=1, cue=True)

    assert cue > 0.3
    assert burst < 1


def test_an_omitted_reward_is_a_dip(run):
    cue, burst, dip = prediction_error(run, reward=0, cue=True)

    assert cue > 0.3
    assert dip < -0.3
    assert burst < 0.03


# what they act on


def rate_with(run, modulation, tonic):
    text = f"""
duration: 500 ms
populations: {{cell: {{neuron: lif_current, size: 1, modulation: {modulation}}}}}
modulators: {{m: {{kind: first_order, tonic: {tonic}, baseline: 0}}}}
stimuli: {{drive: {{kind: current, target: cell, amplitude: 500 pA}}}}
"""
    return run(text, set={"dt": "0.1 ms"}).rates["cell"]


def lif_rate(current, threshold=-50e-3):
    """Rate of the leaky integrator `lif_current` at its defaults, with steps of 1 ms."""
    tau, capacitance, rest, refractory = 10e-3, 250e-12, -65e-3, 2e-3
    steady = current * tau / capacitance
    return 1 / (refractory + tau * np.log(steady / (steady - (threshold - rest))))


@pytest.mark.parametrize("tonic", [0, 0.5, 1])
def test_gain_scales_what_a_neuron_receives(run, tonic):
    assert rate_with(run, "{gain: 1 + m}", tonic) == pytest.approx(
        lif_rate(500e-12 * (1 + tonic)), rel=0.06
    )


@pytest.mark.parametrize("tonic", [0, 1])
def test_a_threshold_moves(run, tonic):
    assert rate_with(run, "{v_th: v_th - 5*mV*m}", tonic) == pytest.approx(
        lif_rate(500e-12, -50e-3 - tonic * 5e-3), rel=0.06
    )


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_release_scales_what_arrives(run, backend):
    text = """
duration: 30 ms
populations: {pre: {neuron: spike_source, size: 1}, cell: {neuron: lif_current, size: 1}}
pathways: {p: {pre: pre, post: cell, connect: {rule: one_to_one}, synapse: delta, weight: 4 mV, delay: 1 ms, release: 1 - 0.7*m}}
stimuli: {spike: {kind: spikes, target: pre, times: {0: [10 ms]}}}
modulators: {m: {kind: first_order, tonic: 0.5, baseline: 0}}
record: {traces: {v: {population: cell, variables: [v], every: 1 ms}}}
"""
    values = run(text, backend=backend).traces["v"]["v"][:, 0]

    assert values.max() == pytest.approx(-65 + 4 * (1 - 0.35), abs=1e-4)


GATED = """
populations: {{pre: {{neuron: spike_source, size: 1}}, trigger: {{neuron: spike_source, size: 1}}, cell: {{neuron: lif_current, size: 1}}}}
pathways:
  p: {{pre: pre, post: cell, connect: {{rule: one_to_one}}, synapse: current_exp, weight: 1 pA, w_max: 2 pA, delay: 1 ms,
      plasticity: [{rule}]}}
  force: {{pre: trigger, post: cell, connect: {{rule: one_to_one}}, synapse: delta, weight: 100 mV, delay: 1 ms}}
stimuli:
  pre: {{kind: spikes, target: pre, times: {{0: [100 ms]}}}}
  post: {{kind: spikes, target: trigger, times: {{0: [110 ms]}}}}
modulators: {{m: {{kind: first_order, {modulator}}}}}
"""


def test_a_modulator_scales_every_change_of_a_rule_that_does_not_say_where(run):
    changes = []
    for tonic in (0, 0.5, 1):
        modulator = f"tonic: {tonic}, baseline: 0"
        text = (
            GATED.format(rule="{rule: stdp_pair, modulator: m}", modulator=modulator)
            + "duration: 300 ms\n"
        )
        changes.append(run(text).weights["p"].w[-1, 0] - 1)

    assert changes[0] == 0
    assert changes[2] > 0.001
    assert changes[1] == pytest.approx(changes[2] / 2, rel=1e-9)


def test_an_omitted_reward_undoes_what_the_reward_did(run):
    """Extinction: the same pairing with the level below its baseline takes back what it gave above it."""
    weights = []
    for amount in (1, -1):
        modulator = f"tonic: 1, schedule: [{{at: 300 ms, amount: {amount}}}]"
        text = (
            GATED.format(rule="{rule: dopamine_stdp, modulator: m}", modulator=modulator)
            + "duration: 2 s\n"
        )
        weights.append(run(text).weights["p"].w[-1, 0] - 1)

    assert weights[0] > 0.001
    assert weights[1] == pytest.approx(-weights[0], rel=1e-9)


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_nothing_changes_while_plasticity_is_off(run, backend):
    """To the bit, although eligibility is there, the modulator is not at its baseline, and spikes go on."""
    text = GATED.format(
        rule="{rule: d1_stdp, modulator: m}", modulator="tonic: 1, baseline: 0"
    ).replace("0: [100 ms]", "0: [100 ms, 210 ms, 250 ms, 280 ms]")
    text += (
        "phases: [{name: on, duration: 150 ms}, {name: off, duration: 150 ms, plasticity: off}]\n"
    )
    text += "record: {weights: {pathways: [p], every: 10 ms}}\n"

    found = run(text, backend=backend).weights["p"]

    late = found.w[found.time > 0.149, 0]
    assert late[0] > 1
    assert (late == late[0]).all()


def test_a_weight_that_follows_a_signal_alone_stands_still_while_plasticity_is_off(run):
    """No trace at all: the sum is only started anew when a phase begins."""
    rule = "{summary: drift, parameters: {speed: {default: 0.7 Hz, meaning: speed}}, equations: 'dw/dt = speed*w_max*modulator : weight'}"
    text = f"rules: {{drift: {rule}}}\n" + GATED.format(
        rule="{rule: drift, modulator: m}", modulator="tonic: 0.1, baseline: 0"
    )
    text += (
        "phases: [{name: on, duration: 150 ms}, {name: off, duration: 150 ms, plasticity: off}]\n"
    )
    text += "record: {weights: {pathways: [p], every: 10 ms}}\n"

    found = run(text.replace("0: [100 ms]", "0: [100 ms, 210 ms, 250 ms]")).weights["p"]

    early, late = found.w[found.time < 0.151, 0], found.w[found.time > 0.149, 0]
    assert early[-1] - 1 == pytest.approx(0.7 * 2 * 0.1 * 0.15, rel=1e-9)
    assert (late == late[0]).all()

"""The integrate-and-fire-or-burst neuron of Smith et al. (2000): a rebound burst, tonic spikes, and how the current recovers."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

CIRCUIT = """
thalia: 1
name: one
duration: 1 s
populations: {{cell: {{neuron: lif_burst, size: 1}}}}
stimuli:
  hold: {{kind: current, target: cell, amplitude: {hold} pA}}
  pulse: {{kind: current_pulses, target: cell, amplitude: {pulse} pA, start: 400 ms, width: {width} ms, period: 10 s}}
record: {{traces: {{all: {{population: cell, variables: [h], every: 1 ms}}}}}}
"""
LEAK = 3.5  # nS; a current of 3.5 pA moves the resting potential of -65 mV by 1 mV


def spikes_after(simulate, hold, pulse, width=200):
    text = CIRCUIT.format(hold=hold, pulse=pulse, width=width)
    times = simulate(text, backend="cpp").spikes["cell"].times  # one program for all numbers
    return times[times >= 0.4]


def test_release_from_200_ms_at_minus_85_mV_makes_a_burst(simulate):
    """Held at -55 mV, pulled down to -85 mV, let go: 2 to 5 spikes at 200 to 400 Hz, then silence."""
    times = spikes_after(simulate, hold=LEAK * 10, pulse=-LEAK * 30)

    assert 2 <= len(times) <= 5
    assert 0.6 < times[0] < 0.75
    assert 200 <= 1 / np.diff(times)[0] <= 400


def test_release_from_a_smaller_pull_makes_none(simulate):
    """At -58 mV the current does not recover."""
    assert len(spikes_after(simulate, hold=LEAK * 10, pulse=-LEAK * 3)) == 0


def test_a_push_from_minus_55_mV_makes_single_spikes(simulate):
    """No calcium current is left there: regular spikes at the closed form of a leaky neuron."""
    times = spikes_after(simulate, hold=LEAK * 10, pulse=LEAK * 30, width=500)
    rest, tau = -65 + 40, 200 / LEAK * 1e-3  # mV, s
    interval = tau * np.log((rest + 50) / (rest + 35))

    assert np.diff(times)[-4:] == pytest.approx(interval, abs=2e-4)


@pytest.mark.parametrize(
    ("pulse", "expected"), [(-LEAK * 30, 1 - np.exp(-0.1 / 0.1)), (LEAK * 3, 0.0)]
)
def test_the_current_recovers_below_minus_60_mV_and_is_gone_above(simulate, pulse, expected):
    """From zero, 1 - exp(-t/tau) in the 100 ms after the potential has passed -60 mV."""
    run = simulate(CIRCUIT.format(hold=LEAK * 10, pulse=pulse, width=400), backend="cpp")
    h = run.traces["all"]["h"][:, 0]
    below = (
        0.4 + 200 / LEAK * 1e-3 * np.log(30 / 25) if pulse < 0 else 0.4
    )  # from -55 towards -85 mV

    assert h[round((below + 0.1) * 1e3)] == pytest.approx(expected, abs=0.01)


# released from hyperpolarisation: the resting potential that the current makes, and the state, in mV
RELEASES = [(-55, -85, 0.865), (-55, -75, 0.98), (-53, -90, 0.45), (-45, -85, 0.95), (-55, -78, 0.6), (-50, -70, 1.0)]  # fmt: skip
DT, END = 0.1, 200.0  # ms


def tight_solution(rest, v, h):
    """Spike times in ms of the published equations, from event to event to ten digits, if rest is above -60 mV.

    As in a simulation, a spike belongs to the step in which the potential passes the threshold, and
    the reset is at the end of that step.
    """
    at, spikes = 0.0, []
    while at < END:
        below = v < -60  # where the calcium current recovers and does not flow

        def slopes(_, y, below=below):
            calcium = 0 if below else 7 * y[1] * (120 - y[0])
            return [
                (3.5 * (rest - y[0]) + calcium) / 200,
                (1 - y[1]) / 100 if below else -y[1] / 20,
            ]

        events = [lambda _, y: y[0] + 60, lambda _, y: y[0] + 35]
        events[0].direction, events[1].direction = (1 if below else -1), 1
        events[0].terminal = events[1].terminal = True
        found = solve_ivp(
            slopes, (at, END), [v, h], "DOP853", events=events, rtol=1e-10, atol=1e-12
        )
        at, v, h = found.t[-1], *found.y[:, -1]
        if len(found.t_events[0]):
            v = -60.0
        elif len(found.t_events[1]):
            end = np.ceil(at / DT - 1e-9) * DT
            spikes.append(end - DT)
            at, v, h = end, -50.0, h * np.exp(-(end - at) / 20)
    return np.array(spikes)


def test_bursts_are_those_of_a_tight_solution(simulate):
    """As many spikes, within a step; the later ones of a burst are more sensitive, by the interval before."""
    cells = "".join(
        f"  cell{k}: {{neuron: lif_burst, size: 1, initial: {{v: {v} mV, h: {h}}}}}\n"
        for k, (_, v, h) in enumerate(RELEASES)
    )
    currents = "".join(
        f"  hold{k}: {{kind: current, target: cell{k}, amplitude: {LEAK * (rest + 65)} pA}}\n"
        for k, (rest, _, _) in enumerate(RELEASES)
    )
    head = f"thalia: 1\nname: bursts\nduration: {END} ms\ndt: {DT} ms\n"
    run = simulate(f"{head}populations:\n{cells}stimuli:\n{currents}")
    expected = [tight_solution(*release) for release in RELEASES]
    spikes = [run.spikes[f"cell{k}"].times * 1e3 for k in range(len(RELEASES))]

    assert (
        [len(times) for times in spikes] == [len(times) for times in expected] == [5, 5, 4, 6, 4, 5]
    )
    allowed = [DT * 1.01 + 0.05 * np.diff(times, prepend=times[0]) for times in expected]
    errors = np.abs(np.concatenate(spikes) - np.concatenate(expected))
    assert (errors <= np.concatenate(allowed)).all()

"""Synaptic tagging and capture: what a weak input changed lasts if a strong one came within about an hour.

Time is scaled: a minute of the experiment takes 20 ms, and so do the rule's time constants, whose ratios are the library's.
"""

import json

import numpy as np
import pytest

import thalia

MINUTE = 20.0  # ms
RATES = {"tau_early": 6884, "tau_tag": 2400, "tau_protein": 3600}  # s, as in the library
NUMBERS = {key: f"{value / 60 * MINUTE} ms" for key, value in RATES.items()} | {
    "capture": f"{0.0005 * 60 * 1000 / MINUTE} Hz"
}
STRONG = 13  # synapses of the strong input: twice the threshold, so that proteins are made for 1.3 h; the weak one has one


def experiment(delay, *, rule=None, strong=True):
    """A weak and a strong input to one neuron, `delay` minutes apart, and 10 hours."""
    start = 200 + max(0, -delay) * MINUTE
    weak_times, strong_times = (start, start + delay * MINUTE)
    end = start + max(0, delay) * MINUTE + 600 * MINUTE
    circuit = {
        "thalia": 1, "name": "capture", "duration": f"{end} ms", "dt": "1 ms",
        "populations": {"weak": {"neuron": "spike_source", "size": 1}, "strong": {"neuron": "spike_source", "size": STRONG},
                        "trigger": {"neuron": "spike_source", "size": 1}, "post": {"neuron": "lif_current", "size": 1}},
        "pathways": {
            name: {"pre": name, "post": "post", "connect": {"rule": "all_to_all"}, "synapse": "current_exp", "weight": "1 pA",
                   "w_max": "2 pA", "delay": "1 ms",
                   "plasticity": [{"rule": "stdp_pair", "a_plus": 0.1, "a_minus": 0.0}, {"rule": "tag_and_capture", **NUMBERS, **(rule or {})}]}
            for name in ("weak", "strong")
        } | {"force": {"pre": "trigger", "post": "post", "connect": {"rule": "all_to_all"}, "synapse": "delta", "weight": "100 mV",
                       "delay": "1 ms"}},
        "stimuli": {
            "weak": {"kind": "spikes", "target": "weak", "times": {0: [f"{weak_times:.0f} ms"]}},
            "strong": {"kind": "spikes", "target": "strong",
                       "times": {k: [f"{strong_times:.0f} ms"] if strong else [] for k in range(STRONG)}},
            "fire": {"kind": "spikes", "target": "trigger", "times": {0: [f"{t + 5:.0f} ms" for t in {weak_times, strong_times}]}},
        },
        "record": {"spikes": "none", "weights": {"pathways": ["weak"]}},
    }  # fmt: skip
    return thalia.loads(json.dumps(circuit))


@pytest.fixture
def captured(tmp_path):
    def measure(delay, **options):
        weights = (
            thalia.run(
                experiment(delay, **options),
                output=tmp_path / "run.h5",
                overwrite=True,
                backend="cpp",
            )
            .weights["weak"]
            .w
        )
        return (weights[-1, 0] - weights[0, 0]) / (2 * 0.1 * np.exp(-5 / 20))

    return measure


def test_a_weak_change_alone_fades(captured):
    """The control: no protein, so that only what is left of the early change is there."""
    assert captured(0, strong=False) == pytest.approx(np.exp(-36000 / 6884), abs=1e-3)


def test_without_capture_nothing_lasts(captured):
    """The control: proteins are made, and blocked."""
    assert captured(5, rule={"capture": "0 Hz"}) == pytest.approx(np.exp(-36000 / 6884), abs=1e-3)


@pytest.mark.parametrize("delay", [5, 30, 60])
def test_weak_before_strong_lasts_within_an_hour(captured, delay):
    """By the closed form while proteins are made: the tag left at the strong input, times what that collects."""
    assert captured(delay) - np.exp(-36000 / 6884) == pytest.approx(
        np.exp(-60 * delay / 2400) * captured(0), rel=0.06
    )
    assert captured(delay) > 0.09


@pytest.mark.parametrize("delay", [-5, -30, -60])
def test_strong_before_weak_lasts_within_an_hour(captured, delay):
    assert captured(delay) > 0.3


@pytest.mark.parametrize(("delay", "most"), [(120, 0.03), (240, 0.01), (-240, 0.06), (-480, 0.02)])
def test_next_to_nothing_lasts_outside(captured, delay, most):
    assert captured(delay) < most

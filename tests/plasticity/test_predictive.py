"""predictive cancels the input that it predicts, and leaves unpredicted input alone."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import window

# one predictor for each cell; the input comes 10 ms after the prediction has arrived, or at random times
TEXT = """
thalia: 1
name: prediction
duration: {duration} s
dt: 0.2 ms
seed: {seed}
populations:
  predictor: {{neuron: poisson, size: 40, parameters: {{rate: 4 Hz}}, excites_and_inhibits: "stands for two kinds of cells"}}
  independent: {{neuron: poisson, size: 40, parameters: {{rate: 4 Hz}}}}
  relay: {{neuron: lif_conductance, size: 40, parameters: {{t_ref: 2 ms}}}}
  cell: {{neuron: lif_conductance, size: 40, parameters: {{t_ref: 2 ms}}}}
pathways:
  to_relay: {{pre: {source}, post: relay, connect: {{rule: one_to_one}}, synapse: delta, weight: 30 mV, delay: 1 ms}}
  input: {{pre: relay, post: cell, connect: {{rule: one_to_one}}, synapse: {{part: ampa, tau: 2 ms}}, weight: 100 nS, delay: 10 ms}}
  predict: {{pre: predictor, post: cell, connect: {{rule: one_to_one}}, synapse: {{part: gaba_a, tau: 20 ms}}, weight: {weight} nS,
             delay: 1 ms, w_max: {w_max} nS, plasticity: [{{rule: predictive, prediction_delay: 10 ms{settings}}}]}}
"""


def run_of(simulate, source, duration=150, settings="", seed=1, weight=1, w_max=600):
    filled = {"settings": settings, "seed": seed, "weight": weight, "w_max": w_max}
    return simulate(TEXT.format(source=source, duration=duration, **filled), backend="cpp")


def spikes_per_input(run, start):
    return np.sum(run.spikes["cell"].times > start) / np.sum(run.spikes["relay"].times > start)


def test_a_predicted_input_is_cancelled_to_below_a_twentieth(simulate):
    run = run_of(simulate, "predictor")

    first = np.sum(run.spikes["cell"].times < 2) / np.sum(run.spikes["relay"].times < 2)
    assert first > 0.9
    assert spikes_per_input(run, 100) < 0.05 * first


def test_an_unpredicted_input_stays_and_the_weight_does_not_drift(simulate):
    run = run_of(simulate, "independent")

    w = run.weights["predict"].w[-1]
    assert spikes_per_input(run, 100) > 0.8
    assert w.mean() < 0.1 * 600


def test_independent_spikes_change_the_mean_by_the_decay_alone(simulate):
    """Coincidences by chance are taken off: exp(-decay n) is left after n predictions, of cells that feel nothing of it."""
    run = run_of(simulate, "independent", weight=0.3, w_max=0.6)

    left = np.exp(-0.0005 * run.spikes["predictor"].counts).mean()
    assert left < 0.8
    assert run.weights["predict"].w[-1].mean() == pytest.approx(0.3 * left, rel=0.1)


def test_without_plasticity_nothing_is_cancelled(simulate):
    run = run_of(simulate, "predictor", duration=20, settings=", eta: 0, decay: 0")

    assert spikes_per_input(run, 2) > 0.9


@pytest.mark.parametrize("delay", [5, 20])
def test_the_prediction_delay_is_as_long_as_it_says(delay):
    """The window of one pair peaks where the input follows the prediction by exactly this time."""
    intervals, change = window(
        "predictive", range(41), settings={"prediction_delay": f"{delay} ms"}, backend="runtime"
    )

    assert intervals[np.argmax(change)] == delay
    assert change[delay + 5] - change[0] > 0

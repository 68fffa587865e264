"""The neuron with one dendritic branch: how many inputs start a plateau, how long it lasts, and what it does to spikes."""

import numpy as np
import pytest

# five inputs of 13 pA are 65 pA, above 59 pA for 5 ms ln(65/59); four are 52 pA
ARRIVAL, LASTING = 12.0, 60 + 5 * np.log(65 / 59)  # ms
# 600 pA through 40 megohm for 24 mV, on the way to thresholds of 12 and 20 mV
EARLY, LATE = 10 * np.log(24 / 12), 10 * np.log(24 / 4)

CIRCUIT = """
thalia: 1
name: branches
duration: 150 ms
populations:
  together: {neuron: spike_source, size: 5}
  apart: {neuron: spike_source, size: 5}
  five: {neuron: lif_plateau, size: 1}
  four: {neuron: lif_plateau, size: 1}
  spread: {neuron: lif_plateau, size: 1}
  driven: {neuron: lif_plateau, size: 1}
  alone: {neuron: lif_plateau, size: 1}
pathways:
  a: {pre: together, post: five, connect: {rule: all_to_all}, compartment: branch, synapse: SYNAPSE, weight: 13 pA, delay: 2 ms}
  b: {pre: together, post: four, connect: {rule: all_to_all}, compartment: branch, synapse: SYNAPSE, weight: 10.4 pA, delay: 2 ms}
  c: {pre: apart, post: spread, connect: {rule: all_to_all}, compartment: branch, synapse: SYNAPSE, weight: 13 pA, delay: 2 ms}
  d: {pre: together, post: driven, connect: {rule: all_to_all}, compartment: branch, synapse: SYNAPSE, weight: 13 pA, delay: 2 ms}
stimuli:
  together: {kind: spikes, target: together, times: {0: [10 ms], 1: [10 ms], 2: [10 ms], 3: [10 ms], 4: [10 ms]}}
  apart: {kind: spikes, target: apart, times: {0: [10 ms], 1: [13 ms], 2: [16 ms], 3: [19 ms], 4: [22 ms]}}
  push: {kind: current_pulses, target: [driven, alone], amplitude: 600 pA, start: 20 ms, width: 100 ms, period: 1 s}
record: {spikes: all, traces: {five: T, four: T, spread: T}}
""".replace("SYNAPSE", "{part: current_exp, tau: 5 ms}")


@pytest.fixture(scope="module")
def branches(tmp_path_factory):
    import thalia

    text = CIRCUIT
    for name in ("five", "four", "spread"):
        text = text.replace("T", f"{{population: {name}, variables: [calcium], every: 0.1 ms}}", 1)
    file = tmp_path_factory.mktemp("branches") / "run.h5"
    return thalia.run(thalia.loads(text), backend="runtime", output=file)


def plateau(run, name):
    """The times in ms at which a plateau goes on."""
    return np.flatnonzero(run.traces[name]["calcium"][:, 0] > np.exp(-1)) * 0.1


def test_five_coincident_inputs_start_a_plateau_of_the_published_length(branches):
    during = plateau(branches, "five")

    assert during[0] == pytest.approx(ARRIVAL, abs=0.21)
    assert during[-1] - ARRIVAL == pytest.approx(LASTING, abs=0.21)
    assert len(during) == round((during[-1] - during[0]) / 0.1) + 1


@pytest.mark.parametrize("name", ["four", "spread"])
def test_fewer_inputs_or_inputs_apart_start_none(branches, name):
    """Five 3 ms apart are at most 13 pA/(1 - exp(-3/5)) = 28.8 pA."""
    assert len(plateau(branches, name)) == 0


def test_a_plateau_lowers_the_threshold_for_one_spike(branches):
    """The first is early, the later ones are late: the plateau ends with the spike, after 10 ms of refractoriness."""
    early, late = (branches.spikes[name].times * 1e3 for name in ("driven", "alone"))

    assert late - 20 == pytest.approx(LATE + (LATE + 10) * np.arange(len(late)), abs=0.35)
    assert (len(late), len(early)) == (3, 4)
    assert early[0] - 20 == pytest.approx(EARLY, abs=0.11)
    assert np.diff(early) == pytest.approx(LATE + 10, abs=0.21)

"""The subject of an experiment: it has all that a run has, may stop learning, can be saved, and is recorded."""

import h5py
import numpy as np
import pytest

import thalia
from thalia.training.subject import subject_of

SLOW = """
thalia: 1
name: slow
dt: 1 ms
duration: 1 s
seed: 3
populations:
  source: {neuron: poisson, size: 60, parameters: {rate: 20 Hz}, from_task: [rate]}
  cells: {neuron: lif_current, size: 10}
modulators:
  turmoil: {kind: first_order, tau: 500 ms, weight_change_of: p, every: 130 ms}
  dopamine: {kind: first_order, tau: 200 ms, tonic: 0.3, from_task: true}
pathways:
  p: {pre: source, post: cells, connect: {rule: all_to_all}, synapse: delta, weight: "uniform(0 mV, 1 mV)", w_max: 1 mV,
      delay: 1 ms, plasticity: [{rule: d1_stdp, modulator: dopamine, a_plus: 0.05, a_minus: 0.06},
                                {rule: structural, weakest: 0.3, newborn: 0.31, interval: 170 ms}]}
stimuli: {drive: {kind: poisson, target: cells, rate: 300 Hz, synapse: delta, weight: 3 mV}}
record: {weights: {pathways: p, every: 110 ms}, modulators: 1 ms, states: {v: {population: cells, variables: [v], neurons: 3, every: 5 ms}}}
"""


@pytest.fixture
def subject():
    made = subject_of(thalia.loads(SLOW), "runtime")
    yield made
    made.close()


def level(subject):
    return float(subject.session.read("shared.turmoil_level")[0])


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_an_experiment_rewires_and_releases_by_weight_changes_as_a_run_does(backend, tmp_path):
    """A task that only presents, in pieces of another length than any interval: the same bits as in a run."""
    run = thalia.run(thalia.loads(SLOW), backend=backend, output=tmp_path / "run.h5")
    subject = subject_of(thalia.loads(SLOW), backend)
    try:
        spikes = [subject.present(seconds).total("cells") for seconds in (0.4, 0.17, 0.43)]
        found, released = subject.weights("p"), level(subject)
    finally:
        subject.close()

    with h5py.File(run.file) as h5:
        state = h5["state/shared/turmoil_level"][...]
    assert (found / 1e-3).tobytes() == run.weights["p"].w[-1].tobytes()
    assert released == state.item() > 0
    assert sum(spikes) == len(run.spikes["cells"].times)
    assert 0.1 < np.mean(found == 0) < 0.9

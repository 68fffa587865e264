"""Pattern separation: the pairs that are drawn, and what is measured of codes that are known."""

import numpy as np
import pytest

import thalia
from thalia.errors import CircuitError
from thalia.training.experiment import conditions_of
from thalia.training.subject import subject_of
from thalia.training.tasks.separation import Separation, overlap_of

COPIES = """
thalia: 1
name: copies
dt: 0.5 ms
populations:
  input: {neuron: poisson, size: 40, from_task: [rate]}
  cue: {neuron: poisson, size: 40, from_task: [rate]}
  code: {neuron: lif_current, size: 40, parameters: {t_ref: 20 ms}}
  store: {neuron: lif_current, size: 40, parameters: {t_ref: 20 ms}}
pathways:
  copy: {pre: input, post: [code, store], connect: {rule: one_to_one}, synapse: delta, weight: 60 mV, delay: 0.5 ms}
  fire: {pre: cue, post: store, connect: {rule: one_to_one}, synapse: delta, weight: 60 mV, delay: 0.5 ms}
experiment:
  task: separation
  result: jaccard
  curve: jaccard
  trials: 8
  active: 10
  pairs: 4
  samples: 2
  stimuli: {input: input, cue: cue}
  readout: {code: code, recall: store}
  phases: {recall: {}}
  rate: 2000 Hz
  present: 0.5 ms
  respond: 5 ms
  pause: 30 ms
  settle: 1 ms
"""


def task(**numbers) -> Separation:
    times = {"present": "1 ms", "respond": "1 ms", "pause": "1 ms", "settle": "1 ms"}
    return Separation.model_validate({"rate": "2000 Hz", **times, **numbers})


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.6, 0.9])
def test_pairs_share_what_is_asked_for(overlap):
    pairs = [task()._pair(100, overlap, np.random.default_rng(seed)) for seed in range(20)]

    assert {tuple(np.sum(pair, axis=1)) for pair in pairs} == {(10, 10)}
    assert {np.count_nonzero(a & b) for a, b in pairs} == {round(10 * overlap)}
    assert [overlap_of(a, b) for a, b in pairs] == pytest.approx([overlap] * 20)


def test_the_overlap_of_sets_of_different_sizes_is_relative_to_their_mean():
    first, second = np.zeros((2, 10), bool)
    first[:4], second[2:4] = True, True

    assert overlap_of(first, second) == pytest.approx(2 / 3)
    assert overlap_of(first, ~first) == 0
    assert overlap_of(first & ~first, first & ~first) == 0


def test_codes_that_copy_the_input_overlap_as_much_and_nothing_is_recalled_without_synapses():
    circuit = thalia.loads(COPIES)
    plan_task = Separation.model_validate(circuit.experiment.parameters)
    notes = []
    with subject_of(circuit, "runtime") as subject:
        found = plan_task.learn(
            subject, np.random.default_rng(1), lambda **noted: notes.append(noted)
        )

    overlaps = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    for_code = [found[f"code_overlap_{round(100 * each)}"] for each in overlaps]
    assert for_code == pytest.approx(overlaps)
    assert [found[f"stored_overlap_{round(100 * each)}"] for each in overlaps] == for_code
    assert (found["code_cells"], found["stored_cells"]) == (10, 10)
    assert (found["jaccard"], found["recalled"], found["confused"]) == (0, 0, 0)
    assert notes == [{"jaccard": 0.0}] * plan_task.noted_trials()


def test_pairs_of_more_cells_than_the_input_has_are_told(tmp_path):
    (tmp_path / "copies.yaml").write_text(COPIES)

    with pytest.raises(CircuitError, match="up to 57 active cells, the input has 40"):
        conditions_of(tmp_path / "copies.yaml", None, None, {"experiment.active": 30}, {})

"""Spikes from a file: text, or SONATA, such as the file of another run."""

import h5py
import numpy as np
import pytest

import thalia
from thalia.errors import CircuitError

SOURCE = """
thalia: 1
name: source
duration: 100 ms
populations: {a: {neuron: poisson, size: 20, parameters: {rate: 50 Hz}}, b: {neuron: poisson, size: 5, parameters: {rate: 80 Hz}}}
"""
REPLAY = """
thalia: 1
name: replay
duration: 100 ms
populations: {a: {neuron: spike_source, size: 20}, again: {neuron: spike_source, size: 5}, cell: {neuron: lif_current, size: 20}}
pathways: {p: {pre: a, post: cell, connect: {rule: one_to_one}, synapse: current_exp, weight: 50 pA, delay: 1 ms, plasticity: [stdp_pair]}}
stimuli:
  first: {kind: spikes, target: a, file: source.h5}
  second: {kind: spikes, target: again, file: source.h5, population: b}
"""


@pytest.fixture
def source(tmp_path, simulate):
    return simulate(SOURCE, output=tmp_path / "source.h5")


def test_a_run_plays_the_spikes_of_another_one_to_the_bit(source, simulate):
    replayed = simulate(REPLAY)

    for played, population in (("a", "a"), ("again", "b")):
        assert len(source.spikes[population]) > 10
        assert np.array_equal(replayed.spikes[played].times, source.spikes[population].times)
        assert np.array_equal(replayed.spikes[played].neurons, source.spikes[population].neurons)


def test_a_replay_resumes_without_the_file_it_came_from(source, simulate, tmp_path):
    whole = simulate(REPLAY)
    part = simulate(REPLAY, duration="40 ms", output=tmp_path / "part.h5")
    source.file.unlink()

    resumed = thalia.resume(part.file, for_="60 ms")

    assert np.array_equal(resumed.spikes["again"].times, whole.spikes["again"].times)
    assert np.array_equal(resumed.weights["p"].w, whole.weights["p"].w)


@pytest.mark.parametrize(("name", "message"), [
    ("file: source.h5, population: c", "source.h5: has no spikes of 'c'\n    hint: say `population:`; known: a, b"),
    ("file: nowhere.h5", "nowhere.h5"),
    ("file: empty.h5", "empty.h5: is HDF5 without spikes in SONATA's layout"),
    ("file: seconds.h5", "seconds.h5: its times are in s, expected ms"),
    ("file: broken.h5", "broken.h5: cannot be read as HDF5"),
    ("file: odd.h5", "odd.h5: has 2 timestamps and 1 node_ids of 'a'"),
    ("file: data.h5", "data.h5: is HDF5 without spikes in SONATA's layout"),
    ("file: nan.csv", "a spike of neuron 0 is at nan s"),
])  # fmt: skip
def test_a_file_that_cannot_be_played_is_told(source, tmp_path, name, message):
    with h5py.File(tmp_path / "empty.h5", "w") as h5:
        h5["x"] = 1
    with h5py.File(tmp_path / "seconds.h5", "w") as h5:
        h5["spikes/a/node_ids"] = [1]
        h5["spikes/a/timestamps"] = [0.5]
        h5["spikes/a/timestamps"].attrs["units"] = "s"
    with h5py.File(tmp_path / "odd.h5", "w") as h5:
        h5["spikes/a/node_ids"], h5["spikes/a/timestamps"] = [1], [0.5, 0.6]
    with h5py.File(tmp_path / "data.h5", "w") as h5:
        h5["spikes"] = 1
    (tmp_path / "nan.csv").write_text("0,nan\n")
    (tmp_path / "broken.h5").write_bytes(source.file.read_bytes()[:3000])

    with pytest.raises(CircuitError) as told:
        thalia.plan_of(
            thalia.loads(REPLAY.replace("file: source.h5, population: b", name), folder=tmp_path)
        )

    assert message in str(told.value)
    assert "stimuli.second" in str(told.value)

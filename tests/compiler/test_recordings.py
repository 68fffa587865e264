"""Spike sources from recordings: NWB, as Thalia and as pynwb write it, and what Neo reads."""

from datetime import UTC, datetime

import h5py
import neo
import numpy as np
import pytest
import quantities
from pynwb import NWBHDF5IO, NWBFile
from scipy.io import savemat

import thalia
from thalia.data import neo_reader, recordings
from thalia.errors import CircuitError

TRAINS = [[0.01, 0.0305], [], [0.0123, 0.02, 0.035]]
PLAYED = "{{name: played, thalia: 1, duration: 40 ms, dt: 0.1 ms, populations: {{p: {{neuron: spike_source, size: 3}}}}, stimuli: {{s: {{kind: spikes, target: p, file: {file}{more}}}}}}}"


def played(folder, file, more=""):
    """The trains that a circuit plays from a file, in seconds."""
    plan = thalia.plan_of(thalia.loads(PLAYED.format(file=file, more=more), folder=folder))
    (playback,) = plan.playbacks
    return [
        sorted(t for i, t in zip(playback.indices, playback.times, strict=True) if i == k)
        for k in range(3)
    ]


def write_nwb(file, populations=None):
    made = NWBFile("a session", "x", datetime(2026, 1, 1, tzinfo=UTC))
    if populations:
        made.add_unit_column("population", "the group that it belongs to")
    for k, train in enumerate(TRAINS):
        made.add_unit(spike_times=train, **({"population": populations[k]} if populations else {}))
    with NWBHDF5IO(str(file), "w") as out:
        out.write(made)


def test_units_that_pynwb_wrote_are_played_in_their_order(tmp_path):
    write_nwb(tmp_path / "units.nwb")

    assert played(tmp_path, "units.nwb") == [pytest.approx(train) for train in TRAINS]


def test_one_of_the_populations_of_a_file_is_played(tmp_path):
    write_nwb(tmp_path / "units.nwb", ["a", "p", "a"])

    assert played(tmp_path, "units.nwb", ", population: a") == [
        pytest.approx(TRAINS[0]), pytest.approx(TRAINS[2]), [],
    ]  # fmt: skip
    assert played(tmp_path, "units.nwb") == [[], [], []]


def test_a_run_that_was_exported_is_played_as_it_was(tmp_path, simulate):
    text = """
    thalia: 1
    name: two
    duration: 300 ms
    populations: {a: {neuron: poisson, size: 2, parameters: {rate: 50 Hz}}, p: {neuron: poisson, size: 3, parameters: {rate: 50 Hz}}}
    """
    run = simulate(text)
    thalia.export(run, "nwb", tmp_path / "run.nwb")
    spikes = run.spikes["p"]

    found = played(tmp_path, "run.nwb")

    assert found == [pytest.approx(sorted(spikes.times[spikes.neurons == k])) for k in range(3)]


def neo_trains():
    return [neo.SpikeTrain(np.array(train) * 1e3, t_stop=40, units="ms") for train in TRAINS]


def test_what_neo_reads_is_played(tmp_path):
    block, segment = neo.Block(), neo.Segment()
    segment.spiketrains.extend(neo_trains())
    block.segments.append(segment)
    neo.io.NeoMatlabIO(str(tmp_path / "trains.mat")).write_block(block)

    assert played(tmp_path, "trains.mat") == [pytest.approx(train) for train in TRAINS]


def test_spike_trains_of_neo_in_python():
    circuit = thalia.Circuit(
        name="x", duration="40 ms", populations={"p": {"neuron": "spike_source", "size": 3}},
        stimuli={"s": {"kind": "spikes", "target": "p", "times": neo_trains()}},
    )  # fmt: skip
    (playback,) = thalia.plan_of(circuit).playbacks

    assert sorted(playback.times) == pytest.approx([0.01, 0.0123, 0.02, 0.0305, 0.035])
    assert thalia.loads(thalia.dumps(circuit)) == circuit


def test_a_file_that_neo_reads_needs_neo(tmp_path, monkeypatch):
    (tmp_path / "trains.nix").write_bytes(b"x")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(
        CircuitError, match=r"trains\.nix is a recording, and reading it needs neo"
    ) as error:
        played(tmp_path, "trains.nix")
    assert "pip install neo" in str(error.value)


def no_units(folder):
    with h5py.File(folder / "x.nwb", "w") as h5:
        h5["other"] = 1


def wrong_index(folder):
    write_nwb(folder / "x.nwb")
    with h5py.File(folder / "x.nwb", "r+") as h5:
        h5["units/spike_times_index"][:] = [2, 1, 5]


def linked(folder):
    write_nwb(folder / "y.nwb")
    with h5py.File(folder / "x.nwb", "w") as h5:
        h5["units"] = h5py.ExternalLink("y.nwb", "/units")


def changed(folder, change):
    write_nwb(folder / "x.nwb", "abp")
    with h5py.File(folder / "x.nwb", "r+") as h5:
        change(h5["units"])


def units_are_numbers(folder):
    with h5py.File(folder / "x.nwb", "w") as h5:
        h5["units"] = [1, 2]


def few_neurons(folder):
    changed(folder, lambda units: units.create_dataset("neuron", data=[0]))


def texts_that_say_they_are_long(folder):
    def change(units):
        del units["population"]
        units.create_dataset("population", (3,), "S99000000", chunks=(1,), compression="gzip")

    changed(folder, change)


def one_long_text_for_all(folder):
    """The references to texts are made one, as no library would write them."""

    def change(units):
        del units["population"]
        texts = np.array(["x" * 100_000, "a", "p"], object)
        units.create_dataset("population", data=texts, dtype=h5py.string_dtype())
        place.append(units["population"].id.get_offset())

    place: list[int] = []
    changed(folder, change)
    raw = bytearray((folder / "x.nwb").read_bytes())
    raw[place[0] + 16 : place[0] + 48] = 2 * raw[place[0] : place[0] + 16]
    (folder / "x.nwb").write_bytes(raw)


@pytest.mark.parametrize(
    ("make", "file", "told"),
    [
        (units_are_numbers, "x.nwb", "is HDF5 without spikes in NWB's layout"),
        (few_neurons, "x.nwb", "units/neuron: has 1 entries, expected 3 units"),
        (texts_that_say_they_are_long, "x.nwb", "units/population: has texts of 99,000,000 bytes"),
        (one_long_text_for_all, "x.nwb", "units/population: has texts that are longer than the file"),
        (no_units, "x.nwb", "is HDF5 without spikes in NWB's layout"),
        (wrong_index, "x.nwb", "its spike_times_index is no index into its spike_times"),
        (linked, "x.nwb", "is HDF5 without spikes in NWB's layout"),
        (lambda folder: write_nwb(folder / "x.nwb", "abc"), "x.nwb", "has no units of 'p'"),
        (lambda folder: (folder / "x.pkl").write_bytes(b""), "x.pkl", "is a pickle, which can run code and is not read"),
        (lambda folder: (folder / "x.mat").write_bytes(b"nothing"), "x.mat", "Neo cannot read it"),
    ],
)  # fmt: skip
def test_recordings_that_cannot_be_played_are_refused(tmp_path, make, file, told):
    make(tmp_path)

    with pytest.raises(CircuitError) as error:
        played(tmp_path, file)
    assert told in str(error.value)


def test_a_recording_takes_no_more_memory_than_is_allowed(tmp_path, monkeypatch):
    """Neo's readers allocate what a file says that it holds; this one holds no segments."""
    savemat(tmp_path / "x.mat", {"x": 1})
    with pytest.raises(CircuitError, match=r"x\.mat: has 0 segments"):
        played(tmp_path, "x.mat")

    monkeypatch.setattr(recordings, "MEMORY", 1_000_000)
    with pytest.raises(CircuitError, match=r"x\.mat: Neo cannot read it \("):
        played(tmp_path, "x.mat")


def test_more_spikes_than_are_read_are_refused(tmp_path, monkeypatch):
    write_nwb(tmp_path / "x.nwb")
    monkeypatch.setattr(recordings, "MAX_SPIKES", 4)
    monkeypatch.setattr(neo_reader, "MAX_SPIKES", 4)

    with pytest.raises(CircuitError, match="has 5 entries, and at most 4 are read"):
        played(tmp_path, "x.nwb")
    with pytest.raises(CircuitError, match="has more than 4 spikes"):
        neo_reader.train_times([neo.SpikeTrain(np.arange(5) * quantities.s, t_stop=9)], "x")

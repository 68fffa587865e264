"""The run file: SONATA's spike layout as libsonata reads it, and everything that happened."""

import h5py
import libsonata
import numpy as np
import pytest

import thalia
from tests.helpers import ROOT
from thalia.errors import CircuitError
from thalia.recording.node_columns import read_nodes
from thalia.recording.run_file import Run

TEXT = """
thalia: 1
name: kept
duration: 200 ms
regions: {v1: {template: ./region.yaml, size: 40}}
populations: {noise: {neuron: poisson, size: 30, parameters: {rate: 40 Hz}}}
pathways:
  drive: {pre: noise, post: v1.l4.e, connect: {probability: 0.5}, synapse: current_exp, weight: 3 nA, delay: 1.5 ms, w_max: 6 nA, plasticity: [stdp_pair]}
record:
  spikes: all
  weights: {pathways: drive, every: 50 ms}
  traces: {potential: {population: v1.l4.e, variables: [v], every: 1 ms, neurons: 4}}
"""
REGION = """
summary: A patch for tests.
populations: {l4.e: {neuron: lif_current, share: 0.8}, l4.i: {neuron: lif_current, share: 0.2}}
pathways: {local: {pre: l4.e, post: l4.i, connect: {probability: 0.2}, synapse: current_exp, weight: 100 pA, delay: 1 ms}}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "region.yaml").write_text(REGION)
    (folder / "kept.yaml").write_text(TEXT)
    return thalia.run(folder / "kept.yaml", backend="runtime", output=folder / "run.h5")


def test_libsonata_reads_the_spikes(kept):
    reader = libsonata.SpikeReader(str(kept.file))
    population = reader["v1.l4.e"]

    spikes = population.get()

    assert sorted(reader.get_population_names()) == ["noise", "v1.l4.e", "v1.l4.i"]
    assert population.sorting == "by_time"
    assert [node for node, _ in spikes] == kept.spikes["v1.l4.e"].neurons.tolist()
    assert [time for _, time in spikes] == pytest.approx(
        kept.spikes["v1.l4.e"].times * 1e3, abs=1e-9
    )


def test_the_spike_layout_is_that_of_the_specification(kept):
    """SONATA developer guide: timestamps double with units, node_ids uint64, sorting an enumeration."""
    with h5py.File(kept.file) as h5:
        group = h5["spikes/noise"]

        assert group["timestamps"].dtype == "f8"
        assert group["timestamps"].attrs["units"] == "ms"
        assert group["node_ids"].dtype == "u8"
        assert h5py.check_enum_dtype(group.attrs.get_id("sorting").dtype) == {
            "none": 0,
            "by_id": 1,
            "by_time": 2,
        }
        assert (np.diff(group["timestamps"][:]) >= 0).all()


def test_a_region_is_populations_with_shares(kept):
    assert kept.sizes == {"noise": 30, "v1.l4.e": 32, "v1.l4.i": 8}


def test_the_file_says_what_ran(kept):
    with h5py.File(kept.file) as h5:
        attributes = dict(h5.attrs)
        files = {data.attrs["file"]: bytes(data[:]).decode() for data in h5["circuit"].values()}

    assert attributes["format"] == "thalia-run"
    assert attributes["complete"]
    assert {
        "version",
        "thalia",
        "brian2",
        "numpy",
        "backend",
        "seed",
        "dt",
        "duration",
        "created",
        "determinism",
    } <= attributes.keys()
    assert TEXT in files.values()
    assert REGION in files.values()


def test_a_run_shows_itself_in_one_line(kept):
    neurons = sum(kept.sizes.values())

    assert repr(kept) == f"Run(kept: {neurons} neurons, {kept.duration:g} s; {kept.file})"


def test_weights_have_their_history_connectivity_and_units(kept):
    w = kept.weights["drive"]

    assert w.time == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert w.w.shape == (5, len(w.pre))
    assert w.unit == "pA"
    assert w.w[0] == pytest.approx(3000)
    assert (w.w[0] != w.w[-1]).any()
    assert w.pre.max() < 30
    assert w.post.max() < 32
    assert w.delay == pytest.approx(1.5e-3)


def test_samples_are_in_the_report_layout_with_their_times(kept):
    potential = kept.traces["potential"]

    assert potential["v"].shape == (200, 4)
    assert potential.units == {"v": "mV"}
    assert potential.time[:3] == pytest.approx([0, 1e-3, 2e-3])
    assert potential["v"][0] == pytest.approx(-65)


def test_every_array_has_a_unit(kept):
    missing = []
    with h5py.File(kept.file) as h5:
        h5["weights"].visititems(
            lambda name, node: (
                missing.append(name)
                if isinstance(node, h5py.Dataset) and "units" not in node.attrs
                else None
            )
        )

    assert missing == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"not hdf5", "cannot be read as HDF5"),
        ("hdf5", "is HDF5 but no run of Thalia"),
    ],
)
def test_what_is_no_run_file_is_told(tmp_path, content, message):
    file = tmp_path / "x.h5"
    if content == "hdf5":
        h5py.File(file, "w").close()
    elif content:
        file.write_bytes(content)

    with pytest.raises(CircuitError, match=message):
        Run(file)


def test_an_unknown_name_is_told_with_those_there_are(kept):
    with pytest.raises(KeyError, match=r"no recorded population is called 'v1.l4'; did you mean"):
        kept.spikes["v1.l4"]


def test_only_what_is_asked_for_is_recorded(simulate):
    text = (ROOT / "circuits" / "pair.yaml").read_text().replace("spikes: all", "spikes: [second]")

    assert list(simulate(text).spikes) == ["second"]


def test_texts_that_are_one_long_text_are_not_read(tmp_path):
    """References to texts that are made one, as no library would write them, could fill the memory."""
    file = tmp_path / "run.h5"
    with h5py.File(file, "w") as h5:
        texts = np.array(["x" * 100_000, "a", "p"], object)
        data = h5.create_dataset("nodes/p/identifiers", data=texts, dtype=h5py.string_dtype())
        place = data.id.get_offset()
    raw = bytearray(file.read_bytes())
    raw[place + 16 : place + 48] = 2 * raw[place : place + 16]
    file.write_bytes(raw)

    with (
        h5py.File(file) as h5,
        pytest.raises(CircuitError, match="nodes/p/identifiers: has texts that are longer than"),
    ):
        read_nodes(h5, "p")

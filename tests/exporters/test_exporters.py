"""A run in the formats of other tools, read back by those tools."""

import csv
import json

import networkx
import numpy as np
import pytest

import thalia
from thalia.analysis import interval_cv, local_variation, spike_trains
from thalia.errors import CircuitError
from thalia.exporters import sonata as sonata_format

libsonata = pytest.importorskip("libsonata")

TEXT = """
thalia: 1
name: exported
duration: 1 s
populations:
  e: {neuron: lif_current, size: 30, space: {extent: [1 mm, 0.5 mm]}}
  v1.i: {neuron: poisson, size: 10, parameters: {rate: 20 Hz}}
modulators: {m: {kind: first_order, released_by: v1.i}}
pathways:
  p: {pre: v1.i, post: e, connect: {probability: 0.5}, synapse: current_exp, weight: 2 nA, delay: 1.5 ms, plasticity: [stdp_pair]}
  q: {pre: e, post: e, connect: {probability: 0.1}, synapse: current_exp, weight: -100 pA, delay: "uniform(1 ms, 3 ms)"}
stimuli: {n: {kind: poisson, target: e, rate: 300 Hz, weight: 3 nA}}
record: {traces: {v: {population: e, variables: [v], every: 1 ms, neurons: 3}}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return thalia.run(
        thalia.loads(TEXT), backend="runtime", output=tmp_path_factory.mktemp("exports") / "run.h5"
    )


@pytest.fixture(scope="module")
def sonata(run):
    return thalia.export(run, "sonata")


def test_libsonata_finds_nodes_and_edges(run, sonata):
    config = libsonata.CircuitConfig.from_file(str(sonata / "circuit_config.json"))

    assert config.node_populations == {"e", "v1.i"}
    assert config.edge_populations == {"p", "q"}
    assert [config.node_population(name).size for name in ("e", "v1.i")] == [30, 10]
    x = config.node_population("e").get_attribute("x", libsonata.Selection(range(30)))
    assert 500 < max(x) <= 1000


def test_libsonata_reads_the_connectivity_and_the_weights_at_the_end(run, sonata):
    weights = run.weights["p"]
    edges = libsonata.EdgeStorage(str(sonata / "edges.h5")).open_population("p")
    everything = edges.select_all()

    assert (edges.source, edges.target) == ("v1.i", "e")
    assert np.array_equal(edges.source_nodes(everything), weights.pre)
    assert np.array_equal(edges.target_nodes(everything), weights.post)
    assert edges.get_attribute("syn_weight", everything) == pytest.approx(weights.w[-1], rel=1e-12)
    assert set(edges.get_attribute("delay", everything)) == {1.5}
    afferent = edges.afferent_edges([3]).flatten()
    assert afferent.tolist() == np.flatnonzero(weights.post == 3).tolist()


def test_libsonata_reads_the_spikes_beside_the_circuit(run, sonata):
    spikes = libsonata.SpikeReader(str(sonata / "spikes.h5"))["e"].get()

    assert [node for node, _ in spikes] == run.spikes["e"].neurons.tolist()


def test_a_sonata_circuit_plays_into_another_one(run, sonata, simulate, monkeypatch):
    """What is exported can be a stimulus, also from another folder, if the user allows that one."""
    monkeypatch.setenv("THALIA_ALLOW", str(sonata))
    text = f"""
thalia: 1
name: back
duration: 1 s
populations: {{again: {{neuron: spike_source, size: 30}}}}
stimuli: {{s: {{kind: spikes, target: again, file: {sonata}/spikes.h5, population: e}}}}
"""
    assert np.array_equal(simulate(text).spikes["again"].times, run.spikes["e"].times)


def test_elephant_finds_the_rates_and_irregularity_that_thalia_finds(run):
    neo, elephant = pytest.importorskip("neo"), pytest.importorskip("elephant.statistics")
    block = neo.get_io(str(thalia.export(run, "neo"))).read_block()
    trains = next(group for group in block.groups if group.name == "e").spiketrains

    rates = [float(elephant.mean_firing_rate(train).rescale("Hz")) for train in trains]
    intervals = [elephant.isi(train) for train in trains if len(train) > 10]
    number, cv = np.array([[len(each), elephant.cv(each)] for each in intervals]).T
    shares = (1 + cv**2) / number
    corrected = cv**2 / (1 - shares)

    spikes = run.spikes["e"]
    assert np.mean(rates) == pytest.approx(spike_trains.mean_rate(spikes.times, 30, 0, 1))
    assert len(cv) > 20
    assert interval_cv(spikes.times, spikes.neurons) == pytest.approx(
        np.sqrt(corrected) * (1 + (1 + corrected) / (4 * number)), rel=1e-6
    )
    pairs = [(len(train) - 2, elephant.cv2(elephant.isi(train))) for train in trains]
    weights, values = np.array(pairs).T
    assert local_variation(spikes.times, spikes.neurons).value == pytest.approx(
        np.average(values, weights=weights), rel=1e-6
    )
    assert [signal.shape for signal in block.segments[0].analogsignals] == [(1000, 3), (100, 1)]
    assert str(block.segments[0].analogsignals[0].units.dimensionality) == "mV"


def test_pynwb_reads_units_states_and_synapses(run):
    pynwb = pytest.importorskip("pynwb")
    with pynwb.NWBHDF5IO(str(thalia.export(run, "nwb")), "r") as io:
        file = io.read()
        units, module = file.units, file.processing["simulation"]

        mine = [k for k in range(len(units)) if units["population"][k] == "e"]
        times = np.sort(np.concatenate([units["spike_times"][k] for k in mine]))
        assert times == pytest.approx(run.spikes["e"].times, abs=1e-12)
        assert module["v_v"].data.shape == (1000, 3)
        assert module["v_v"].unit == "mV"
        assert module["v_v"].rate == pytest.approx(1000)
        assert np.array_equal(module["synapses_p"]["weight"][:], run.weights["p"].w[-1])
        assert file.source_script.lstrip().startswith("thalia: 1")


@pytest.mark.reference
def test_nwbinspector_finds_nothing_critical(run, tmp_path):
    inspector = pytest.importorskip("nwbinspector")
    file = thalia.export(run, "nwb", tmp_path / "run.nwb")

    found = list(inspector.inspect_nwbfile(nwbfile_path=str(file)))

    assert [
        message
        for message in found
        if message.importance.name in ("CRITICAL", "ERROR", "PYNWB_VALIDATION")
    ] == []


def test_networkx_reads_the_circuit(run):
    graph = networkx.read_graphml(thalia.export(run, "graphml"))

    assert set(graph.nodes) == {"e", "v1.i"}
    edge = graph.get_edge_data("v1.i", "e")
    assert json.dumps(edge).count('"plastic": true') == 1


@pytest.mark.parametrize(("to", "message"), [
    ("matlab", "no format is called 'matlab'\n    hint: known: graphml, neo, nwb, rocrate, sonata"),
    ("graphml", "here.graphml: exists already\n    hint: choose another name, or say --overwrite"),
])  # fmt: skip
def test_what_cannot_be_exported_is_told(run, tmp_path, to, message):
    (tmp_path / "here.graphml").write_text("precious")

    with pytest.raises(CircuitError) as told:
        thalia.export(run, to, tmp_path / f"here.{to}")

    assert message in str(told.value)


def test_a_folder_is_replaced_only_if_an_export_wrote_it(run, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious").write_text("precious")

    with pytest.raises(CircuitError, match="mine: is a folder, but not an export to sonata"):
        thalia.export(run, "sonata", mine, overwrite=True)
    first = thalia.export(run, "sonata", tmp_path / "sonata")
    assert thalia.export(run, "sonata", first, overwrite=True) == first
    assert (mine / "precious").read_text() == "precious"


def test_the_run_itself_is_never_replaced(run):
    with pytest.raises(CircuitError, match="is the run itself"):
        thalia.export(run, "nwb", run.file, overwrite=True)


def test_a_place_that_cannot_be_written_is_told(run):
    with pytest.raises(CircuitError, match=r"run\.h5: .*exists"):
        thalia.export(run, "graphml", run.file / "below.graphml")


@pytest.mark.parametrize("to", ["sonata", "neo", "nwb", "graphml"])
def test_a_run_without_spikes_is_exported_too(tmp_path, to):
    text = TEXT.replace("record: {", "record: {spikes: none, ").replace(
        "duration: 1 s", "duration: 10 ms"
    )
    quiet = thalia.run(thalia.loads(text), backend="runtime", output=tmp_path / "quiet.h5")

    assert thalia.export(quiet, to).exists()


def test_a_format_whose_library_is_missing_names_it(run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(
        CircuitError,
        match="--to nwb needs pynwb, which is not installed\n    hint: pip install pynwb",
    ):
        thalia.export(run, "nwb")


def test_a_folder_with_anything_else_in_it_is_not_replaced(run, tmp_path):
    made = thalia.export(run, "sonata", tmp_path / "model")
    (made / "notes.txt").write_text("mine")

    with pytest.raises(CircuitError, match=r"model: holds notes\.txt, which is no part of an"):
        thalia.export(run, "sonata", made, overwrite=True)

    assert (made / "notes.txt").read_text() == "mine"


def test_tables_of_types_hold_any_name_of_a_component(tmp_path):
    names = ["./my cell.yaml", "a\n1 b", 'say "so"']

    sonata_format._table(tmp_path / "t.csv", "id name", list(enumerate(names)))

    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as made:
        assert [row[1] for row in csv.reader(made, delimiter=" ")] == ["name", *names]

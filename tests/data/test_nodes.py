"""Neurons from tables: populations by a column, identifiers, positions, numbers of each neuron."""

import h5py
import numpy as np
import pytest

import thalia
from thalia.connectivity.build import wire
from thalia.connectivity.neurons import positions
from thalia.errors import CircuitError
from thalia.figures.view import View

NEURONS = """root_id,cell_type,threshold,x,y,side
720575940600000001,KC-a,-50,1,2,left
720575940600000009,DAN,-48,0,2,left
720575940600000002,KC-a,-51,1,3,right
720575940600000003,MBON,-52,4,2,left
"""
EDGES = """pre_id,post_id,n,nt
720575940600000001,720575940600000003,5,ACH
720575940600000002,720575940600000003,7,ACH
720575940600000009,720575940600000001,2,DA
720575940600000003,720575940600000009,4,GLUT
"""
CIRCUIT = """
thalia: 1
name: fly
duration: 20 ms
populations:
  brain: {file: neurons.csv, by: cell_type, columns: {id: root_id}, neuron: lif_current,
          parameters: {v_th: threshold * mV}, positions: [x * um, y * um]WHERE}
  other: {neuron: lif_current, size: 4}
pathways:
  synapses: {pre: brain, post: brain, connect: {file: edges.csv, columns: {pre: pre_id, post: post_id}CONNECT},
             synapse: delta, weight: n * 0.275 mV, delay: 1 ms}
stimuli:
  drive: {kind: current, target: brain, amplitude: 450 pA}
record: {weights: {pathways: all}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "neurons.csv").write_text(NEURONS)
    (tmp_path / "edges.csv").write_text(EDGES)
    return tmp_path


def circuit(folder, where="", connect=""):
    return thalia.loads(CIRCUIT.replace("WHERE", where).replace("CONNECT", connect), folder=folder)


def wired(plan):
    """Names of populations, indices within them and weights in mV, of each synapse."""
    found = []
    arrays = wire(plan)
    for synapses in plan.synapses:
        made = arrays.synapses[synapses.name]
        for member in synapses.members:
            rows = made.rows(member.name)
            pre, post = (plan.population(end)[1].start for end in (member.pre, member.post))
            columns = (
                made.pre[rows] - pre,
                made.post[rows] - post,
                np.round(made.variables["w"][rows] * 1e3, 9),
            )
            found += [
                (member.pre, int(i), member.post, int(j), w)
                for i, j, w in zip(*columns, strict=True)
            ]
    return sorted(found)


def test_a_column_makes_populations_and_identifiers_find_the_ends_of_synapses(folder):
    plan = thalia.plan_of(circuit(folder))

    assert [(m.name, m.size) for _, m in plan.populations()] == [
        ("brain.kc_a", 2), ("brain.dan", 1), ("brain.mbon", 1), ("other", 4),
    ]  # fmt: skip
    assert wired(plan) == [
        ("brain.dan", 0, "brain.kc_a", 0, 0.55),
        ("brain.kc_a", 0, "brain.mbon", 0, 1.375),
        ("brain.kc_a", 1, "brain.mbon", 0, 1.925),
        ("brain.mbon", 0, "brain.dan", 0, 1.1),
    ]


def test_columns_give_parameters_and_positions_of_each_neuron(folder):
    plan = thalia.plan_of(circuit(folder))
    group, member = plan.population("brain.kc_a")

    found = wire(plan).groups[group.name]["v_th"][member.start : member.stop]

    assert found == pytest.approx([-0.050, -0.051])
    assert positions(member.name, member.size, member.space, 1) == pytest.approx(
        np.array([[1e-6, 2e-6], [1e-6, 3e-6]])
    )


def test_rows_are_chosen_by_a_condition_of_words_and_numbers(folder):
    plan = thalia.plan_of(
        circuit(folder, ", where: \"side == 'left' and x < 3\"", ", unknown: ignore, where: n > 1")
    )

    assert wired(plan) == [("brain.dan", 0, "brain.kc_a", 0, 0.55)]
    (note,) = plan.notes
    assert note.startswith("3 rows of ")
    assert note.endswith("edges.csv name neurons that are not here, and left out")


def test_neurons_that_are_not_there_are_named_unless_they_are_ignored(folder):
    with pytest.raises(
        CircuitError, match=r"edges\.csv:3: 'pre_id' is 720575940600000002, and no neuron has this"
    ):
        thalia.plan_of(circuit(folder, ', where: side == "left"'.replace('"', "'")))


def test_rows_between_other_populations_are_left_out_and_counted(folder):
    text = (
        CIRCUIT.replace("WHERE", "")
        .replace("CONNECT", "")
        .replace("pre: brain, post: brain", "pre: brain.kc_a, post: brain.mbon")
    )

    plan = thalia.plan_of(thalia.loads(text, folder=folder))

    assert [row[-1] for row in wired(plan)] == [1.375, 1.925]
    (note,) = plan.notes
    assert note.startswith("2 rows of ")
    assert note.endswith("edges.csv are of other populations, and left out")


def test_words_are_identifiers_too(tmp_path):
    (tmp_path / "n.csv").write_text("id\nAVAL\nAVAR\nDD1\n")
    (tmp_path / "e.csv").write_text("pre,post,w\nDD1,AVAL,2\nAVAR,DD1,3\n")
    text = """
thalia: 1
name: worm
duration: 1 ms
populations: {n: {file: n.csv, neuron: lif_current}}
pathways: {nn: {pre: n, post: n, connect: {file: e.csv}, synapse: delta, weight: w * mV, delay: 1 ms}}
"""
    assert wired(thalia.plan_of(thalia.loads(text, folder=tmp_path))) == [
        ("n", 1, "n", 2, 3.0),
        ("n", 2, "n", 0, 2.0),
    ]


def test_a_run_finds_its_data_again_by_their_digest(folder):
    thalia.run(circuit(folder), output=folder / "r.h5", backend="runtime")

    run = thalia.resume(folder / "r.h5", for_="10 ms")

    assert run.duration == pytest.approx(0.03)
    assert any(
        text.startswith("file of data\nsha256: ")
        for name, text in run.circuit_files
        if name == "edges.csv"
    )


def test_a_run_says_that_its_data_changed(folder):
    thalia.run(circuit(folder), output=folder / "r.h5", backend="runtime")
    (folder / "edges.csv").write_text(EDGES.replace(",5,", ",6,"))

    with pytest.raises(CircuitError, match=r"edges\.csv: is not the file that the run used"):
        thalia.resume(folder / "r.h5", for_="10 ms")


def test_a_run_says_that_its_data_are_gone_and_finds_them_beside_it(folder, tmp_path_factory):
    thalia.run(circuit(folder), output=folder / "r.h5", backend="runtime")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("r.h5", "neurons.csv", "edges.csv"):
        (folder / name).rename(elsewhere / name)
    edges = (elsewhere / "edges.csv").read_text()
    (elsewhere / "edges.csv").unlink()

    with pytest.raises(CircuitError, match=r"edges\.csv: is not at (.|\n)* holds only its digest"):
        thalia.resume(elsewhere / "r.h5", for_="10 ms")

    (elsewhere / "edges.csv").write_text(edges)
    assert thalia.resume(elsewhere / "r.h5", for_="10 ms").duration == pytest.approx(0.03)


def test_a_run_that_keeps_its_data_needs_no_files(folder):
    text = (
        CIRCUIT.replace("WHERE", "")
        .replace("CONNECT", "")
        .replace("pathways: all}", "pathways: all}, data: true")
    )
    thalia.run(thalia.loads(text, folder=folder), output=folder / "r.h5", backend="runtime")
    for name in ("neurons.csv", "edges.csv"):
        (folder / name).unlink()

    assert thalia.resume(folder / "r.h5", for_="10 ms").duration == pytest.approx(0.03)


def test_results_show_identifiers(folder):
    """In the run, in tables, where traces are chosen by them, and in an export."""
    text = CIRCUIT.replace("WHERE", "").replace("CONNECT", "")
    text = text.replace(
        "pathways: all}",
        "pathways: all}, traces: {v: {population: brain.kc_a, variables: [v], every: 1 ms, neurons: id == 720575940600000002}}",
    )

    run = thalia.run(thalia.loads(text, folder=folder), output=folder / "r.h5", backend="runtime")

    assert run.identifiers["brain.kc_a"].tolist() == [720575940600000001, 720575940600000002]
    assert sorted(run.identifiers) == ["brain.dan", "brain.kc_a", "brain.mbon"]
    spikes = run.spikes["brain.mbon"].to_pandas()
    assert {*spikes["id"]} == {720575940600000003}
    table = run.weights["synapses.brain_kc_a_to_brain_mbon"].to_pandas()
    assert table["pre_id"].tolist() == [720575940600000001, 720575940600000002]
    assert table["post_id"].tolist() == [720575940600000003] * 2
    assert run.traces["v"].neurons.tolist() == [1]
    with h5py.File(thalia.export(run, "sonata") / "nodes.h5") as h5:
        assert (
            h5["nodes/brain.kc_a/0/identifier"][:].tolist()
            == run.identifiers["brain.kc_a"].tolist()
        )


def test_identifiers_that_are_words_are_shown(tmp_path):
    (tmp_path / "n.csv").write_text("id\nAVAL\nAVAR\n")
    text = """
thalia: 1
name: worm
duration: 1 ms
populations: {n: {file: n.csv, neuron: lif_current}}
record: {traces: {v: {population: n, variables: [v], every: 0.5 ms, neurons: [AVAR]}}}
"""
    run = thalia.run(
        thalia.loads(text, folder=tmp_path), output=tmp_path / "r.h5", backend="runtime"
    )

    assert run.identifiers["n"].tolist() == ["AVAL", "AVAR"]
    assert run.traces["v"].neurons.tolist() == [1]


@pytest.mark.parametrize(
    ("neurons", "shown"),
    [("id == 720575940600000009", [0]), ("id in (720575940600000009, 1)", [0])],
)
def test_figures_choose_neurons_by_identifier(folder, neurons, shown):
    """Also beyond 2^53, where numbers of double precision would not tell neighbours apart."""
    run = thalia.run(circuit(folder), backend="runtime", output=folder / "run.h5")

    view = View.of(run, neurons=neurons, populations="brain.dan")

    assert view.neurons("brain.dan").tolist() == shown


def test_figures_choose_neurons_by_words_and_refuse_those_that_are_not_there(tmp_path):
    (tmp_path / "n.csv").write_text("id\nAVAL\nAVAR\n")
    text = (
        "{thalia: 1, name: n, duration: 2 ms, populations: {n: {file: n.csv, neuron: lif_current}}}"
    )
    made = thalia.loads(text, folder=tmp_path)
    run = thalia.run(made, backend="runtime", output=tmp_path / "run.h5")

    assert View.of(run, neurons="AVAR").neurons("n").tolist() == [1]
    with pytest.raises(CircuitError, match="--neurons: n: no neuron is called 'AVBL'"):
        View.of(run, neurons="AVBL")


CHOSEN = """
thalia: 1
name: chosen
duration: 5 ms
populations:
  brain: {file: neurons.csv, columns: {id: root_id, kind: cell_type}, neuron: lif_current, positions: [x * um, y * um]}
  sheet: {neuron: lif_current, size: 4, space: {layout: grid, extent: [100 um, 100 um]}}
stimuli:
  left: {kind: current, target: {population: brain, neurons: "side == left and threshold < -49"}, amplitude: 100 nA}
record: {traces: {v: {population: brain, variables: [v], every: 1 ms, neurons: "kind in (DAN, MBON)"}}}
"""


@pytest.fixture
def chosen(folder):
    made = thalia.loads(CHOSEN, folder=folder)
    return thalia.run(made, backend="runtime", output=folder / "run.h5")


def test_columns_of_a_table_choose_neurons_in_stimuli_and_records(chosen):
    assert np.unique(chosen.spikes["brain"].neurons).tolist() == [0, 3]
    assert chosen.traces["v"].neurons.tolist() == [1, 3]


def test_a_run_keeps_the_columns_that_its_circuit_names_and_positions(chosen):
    brain, sheet = chosen.columns["brain"], chosen.columns["sheet"]

    assert sorted(brain) == ["id", "kind", "side", "threshold", "x", "y"]
    assert brain["kind"].tolist() == ["KC-a", "DAN", "KC-a", "MBON"]
    assert brain["threshold"].tolist() == [-50, -48, -51, -52]
    assert brain["x"] == pytest.approx([1e-6, 0, 1e-6, 4e-6])
    assert sheet["y"] == pytest.approx([25e-6, 75e-6, 25e-6, 75e-6])
    assert [*chosen.identifiers] == ["brain"]


@pytest.mark.parametrize(
    ("population", "neurons", "shown"),
    [
        ("brain", "kind == MBON or side == right", [2, 3]),
        ("brain", "threshold <= -51", [2, 3]),
        ("brain", "x > 2 um", [3]),
        ("sheet", "x < 50 um and y > 50 um", [1]),
    ],
)
def test_figures_choose_neurons_by_columns_and_positions(chosen, population, neurons, shown):
    view = View.of(chosen, neurons=neurons, populations=population)

    assert view.neurons(population).tolist() == shown


@pytest.mark.parametrize(
    ("neurons", "message"),
    [
        ("sid == left", "the population has no column 'sid'"),
        ("x < 5", "compares a length with a bare number"),
        ("kind > 5", "'kind' holds words"),
        ("kind == KC", "'kind == KC' holds for none of the 4 neurons"),
    ],
)
def test_figures_refuse_what_does_not_fit_the_columns(chosen, neurons, message):
    with pytest.raises(CircuitError, match=f"--neurons: brain: .*{message}"):
        View.of(chosen, neurons=neurons, populations="brain")


def test_a_circuit_says_which_column_its_table_does_not_have(folder):
    with pytest.raises(CircuitError, match="the population has no column 'sid'"):
        thalia.plan_of(thalia.loads(CHOSEN.replace("side ==", "sid =="), folder=folder))


def test_figures_of_all_populations_leave_out_those_without_such_neurons(chosen):
    assert View.of(chosen, neurons="kind == DAN").populations == ("brain",)
    assert View.of(chosen, neurons="y > 50 um").populations == ("sheet",)
    with pytest.raises(CircuitError, match=r"--neurons: brain: .*no column 'sid'"):
        View.of(chosen, neurons="sid == left")

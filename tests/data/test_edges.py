"""Synapses from data: every format gives the same network, that of the rows, and the same spikes as in Brian2."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalia
from thalia.connectivity.build import wire
from thalia.data import csv_tables
from thalia.errors import CircuitError
from thalia.syntax.units import UNITS, Quantities

SOURCES, TARGETS = 6, 5
ROWS = [
    (0, 4, 2, 1, 1.5),
    (0, 1, 7, 1, 0.5),
    (2, 3, 1, -1, 0.7),
    (5, 0, 4, -1, 2.0),
    (2, 0, 3, -1, 0.5),
]
NAMES = ("pre", "post", "count", "sign", "delay")
COLUMNS = {
    name: np.array(column) for name, column in zip(NAMES, zip(*ROWS, strict=True), strict=True)
}
CIRCUIT = """
thalia: 1
name: data
duration: 10 ms
populations:
  a: {{neuron: lif_current, size: 6, excites_and_inhibits: made up}}
  b: {{neuron: lif_current, size: 5}}
pathways:
  ab: {{pre: a, post: b, connect: {connect}, synapse: delta, weight: {weight}, delay: {delay}}}
"""
FORMULAS = {"weight": "count * 0.275 mV * sign", "delay": "delay * ms"}


def circuit(connect, folder, **changes):
    return thalia.loads(
        CIRCUIT.format(**{**FORMULAS, "connect": connect, **changes}), folder=folder
    )


def synapses(circuit):
    """Source, target, delay in steps and weight in mV of each synapse, as it is wired."""
    plan = thalia.plan_of(circuit)
    (wired,) = wire(plan).synapses.values()
    start = plan.population("b")[1].start
    delays = np.broadcast_to(wired.axonal, len(wired))
    weights = np.broadcast_to(wired.variables["w"] * 1e3, len(wired))
    return sorted(zip(wired.pre, wired.post - start, delays, np.round(weights, 9), strict=True))


EXPECTED = sorted(
    (pre, post, round(d * 10), round(c * 0.275 * s, 9)) for pre, post, c, s, d in ROWS
)


def write_csv(file, separator=",", heading=NAMES, rows=ROWS):
    lines = [separator.join(map(str, row)) for row in (heading, *rows)]
    file.write_text("\n".join(lines) + "\n")


def write(file):
    """The rows in the format that the ending of a file names."""
    match "".join(file.suffixes):
        case ".csv":
            write_csv(file)
        case ".tsv":
            write_csv(file, "\t")
        case ".csv.gz":
            write_csv(file.with_suffix(""))
            file.write_bytes(gzip.compress(file.with_suffix("").read_bytes()))
        case ".npz":
            np.savez(file, **COLUMNS)
        case ending:
            pa = pytest.importorskip("pyarrow")
            from pyarrow import feather, parquet

            table = pa.table(COLUMNS)
            (parquet.write_table if ending == ".parquet" else feather.write_feather)(table, file)


@pytest.mark.parametrize("name", ["e.csv", "e.tsv", "e.csv.gz", "e.npz", "e.parquet", "e.feather"])
def test_every_format_gives_the_synapses_of_its_rows(name, tmp_path):
    write(tmp_path / name)

    assert synapses(circuit(f"{{file: {name}}}", tmp_path)) == EXPECTED


@pytest.mark.parametrize("where", ["", ", where: 'count < 100 and kind == x'"])
def test_csv_is_read_without_pyarrow(where, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "has_pyarrow", lambda: False)
    write_csv(tmp_path / "e.csv", heading=(*NAMES, "kind"), rows=[(*row, "x") for row in ROWS])

    assert synapses(circuit(f"{{file: e.csv{where}}}", tmp_path)) == EXPECTED


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("thalia.data.arrow_tables.has_pyarrow", lambda: False)
    (tmp_path / "e.parquet").write_bytes(b"PAR1")

    with pytest.raises(CircuitError, match=r"needs pyarrow(.|\n)*pip install 'thalia\[data\]'"):
        thalia.plan_of(circuit("{file: e.parquet}", tmp_path))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_a_matrix_has_a_synapse_for_each_entry(nothing, order, tmp_path):
    weights, delays = np.full((SOURCES, TARGETS), nothing), np.zeros((SOURCES, TARGETS))
    weights[COLUMNS["pre"], COLUMNS["post"]] = COLUMNS["count"] * COLUMNS["sign"]
    delays[COLUMNS["pre"], COLUMNS["post"]] = COLUMNS["delay"]
    np.save(tmp_path / "w.npy", np.asarray(weights, order=order))
    np.save(tmp_path / "d.npy", delays)

    read = circuit("{matrix: {weight: w.npy, delay: d.npy}}", tmp_path, weight="weight * 0.275 mV")

    assert synapses(read) == EXPECTED


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_a_sparse_matrix_of_scipy_is_read(form, tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    ends = COLUMNS["pre"], COLUMNS["post"]
    matrix = sparse.coo_array((COLUMNS["count"] * COLUMNS["sign"], ends), (SOURCES, TARGETS))
    sparse.save_npz(tmp_path / "w.npz", matrix.asformat(form))

    read = circuit("{matrix: w.npz}", tmp_path, weight="weight * 0.275 mV", delay="1 ms")

    assert [row[:2] + row[3:] for row in synapses(read)] == [row[:2] + row[3:] for row in EXPECTED]


def of_arrays(weight="count * 0.275 mV * sign", **connect):
    return thalia.Circuit(
        name="arrays",
        duration="10 ms",
        populations={
            "a": thalia.Population(neuron="lif_current", size=SOURCES, excites_and_inhibits="made up"),
            "b": thalia.Population(neuron="lif_current", size=TARGETS),
        },
        pathways={
            "ab": thalia.Pathway(
                pre="a", post="b", connect=thalia.Connect(**connect), synapse="delta",
                weight=weight, delay="delay * ms",
            )
        },
        stimuli={"drive": thalia.Stimulus(kind="current", target=("a", "b"), parameters={"amplitude": "500 pA"})},
    )  # fmt: skip


def test_arrays_of_python_are_read():
    assert synapses(of_arrays(**COLUMNS)) == EXPECTED


def test_arrays_with_a_unit_need_none_in_the_formula():
    count = Quantities(COLUMNS["count"] * 0.275e-3, UNITS["V"][1])

    assert synapses(of_arrays("count * sign", **{**COLUMNS, "count": count})) == EXPECTED


def test_a_run_of_arrays_is_resumed(tmp_path):
    file = tmp_path / "r.h5"
    count = Quantities(COLUMNS["count"] * 1e-3, UNITS["V"][1])
    made = of_arrays("count * sign", **{**COLUMNS, "count": count})
    whole = thalia.run(made, output=tmp_path / "whole.h5", backend="runtime", duration="50 ms")
    thalia.run(made, output=file, backend="runtime")

    resumed = thalia.resume(file, for_="40 ms")

    assert len(whole.spikes["b"]) > 5
    assert np.array_equal(resumed.spikes["b"].times, whole.spikes["b"].times)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=40, unique=True),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter_and_numbers_stay_with_their_synapse(pairs, random):
    """Delays that fall on the grid in another order than the rows, weights that name their pair."""
    rows = [
        (pre, post, 10 * pre + post + 1, 1, random.choice([0.5, 0.52, 1.0, 3.0]))
        for pre, post in pairs
    ]
    shuffled = random.sample(rows, len(rows))

    def read(rows):
        return of_arrays(**dict(zip(NAMES, map(np.array, zip(*rows, strict=True)), strict=True)))

    found = synapses(read(rows))

    assert found == synapses(read(shuffled))
    assert [w for *_, w in found] == [
        round((10 * pre + post + 1) * 0.275, 9) for pre, post, *_ in found
    ]
    assert [d for _, _, d, _ in found] == [
        {0.5: 5, 0.52: 5, 1.0: 10, 3.0: 30}[next(r[4] for r in rows if r[:2] == (pre, post))]
        for pre, post, *_ in found
    ]


@pytest.mark.parametrize(
    ("duplicates", "expected"), [("sum", [(0, 1, 5.0)]), ("keep", [(0, 1, 2.0), (0, 1, 3.0)])]
)
def test_rows_of_one_pair_are_added_or_kept(duplicates, expected, tmp_path):
    write_csv(tmp_path / "e.csv", heading=("pre", "post", "w"), rows=[(0, 1, 2), (0, 1, 3)])

    read = circuit(
        f"{{file: e.csv, duplicates: {duplicates}}}", tmp_path, weight="w * mV", delay="1 ms"
    )

    assert [(pre, post, w) for pre, post, _, w in synapses(read)] == expected


def test_synapses_from_data_spike_as_in_brian2(tmp_path):
    """The same rows by `connect(i=, j=)`: leaky neurons, each with its threshold, exact integration.

    Brian2 ends refractoriness at the beginning of the last step, and so is a step shorter.
    """
    import brian2 as b2

    generator = np.random.default_rng(3)
    pairs = generator.permutation(40 * 40)[:300]
    pre, post = np.divmod(pairs, 40)
    weight, delay = generator.uniform(0.2, 2, 300), generator.integers(5, 40, 300) * 0.1
    threshold = np.linspace(-60, -48, 40)
    np.savez(tmp_path / "e.npz", pre=pre, post=post, w=weight, d=delay)
    np.savetxt(tmp_path / "n.csv", threshold, header="threshold", comments="")
    text = """
thalia: 1
name: same
duration: 200 ms
populations: {e: {file: n.csv, neuron: lif_current, parameters: {v_th: threshold * mV}}}
pathways: {ee: {pre: e, post: e, connect: {file: e.npz}, synapse: delta, weight: w * mV, delay: d * ms}}
stimuli: {drive: {kind: current, target: e, amplitude: 450 pA}}
"""
    run = thalia.run(
        thalia.loads(text, folder=tmp_path), output=tmp_path / "r.h5", backend="runtime"
    )

    b2.prefs.codegen.target = "numpy"
    b2.start_scope()
    b2.defaultclock.dt = 0.1 * b2.ms
    equations = "dv/dt = (-65*mV - v + 18*mV)/(10*ms) : volt (unless refractory)\nthreshold : volt"
    group = b2.NeuronGroup(
        40,
        equations,
        threshold="v >= threshold",
        reset="v = -65*mV",
        refractory=2.1 * b2.ms,
        method="exact",
    )
    group.v, group.threshold = -65 * b2.mV, threshold * b2.mV
    edges = b2.Synapses(group, group, "w : volt", on_pre="v_post += w")
    edges.connect(i=pre, j=post)
    edges.w, edges.delay = weight * b2.mV, delay * b2.ms
    monitor = b2.SpikeMonitor(group)
    b2.Network(group, edges, monitor).run(200 * b2.ms)

    spikes = run.spikes["e"]
    ours = sorted(zip(np.round(spikes.times * 1e4).astype(int), spikes.neurons, strict=True))
    theirs = sorted(zip(np.round(monitor.t / b2.ms * 10).astype(int), monitor.i[:], strict=True))
    assert len(ours) > 300
    assert ours == theirs


def test_gap_junctions_from_data_keep_their_conductances(tmp_path):
    """A symmetric table: each pair is one junction, with the conductance of its rows."""
    rows = [(2, 1, 3), (0, 2, 1), (1, 2, 3), (2, 0, 1), (0, 1, 2), (1, 0, 2)]
    write_csv(tmp_path / "e.csv", heading=("pre", "post", "c"), rows=rows)
    text = """
thalia: 1
name: coupled
duration: 1 ms
populations: {e: {neuron: lif_current, size: 3}}
pathways: {gap: {pre: e, post: e, connect: {file: e.csv}, synapse: gap_junction, weight: c * nS}}
"""
    (wired,) = wire(thalia.plan_of(thalia.loads(text, folder=tmp_path))).synapses.values()

    found = {
        (int(i), int(j)): round(w * 1e9, 6)
        for i, j, w in zip(wired.pre, wired.post, wired.variables["w"], strict=True)
    }
    assert found == {(pre, post): c for pre, post, c in rows if pre < post}


@pytest.mark.parametrize("model", ["degree_preserving", "erdos_renyi"])
def test_null_models_keep_the_weights_of_data_as_a_whole(model, tmp_path):
    write(tmp_path / "e.csv")

    text = CIRCUIT.format(**FORMULAS, connect="{file: e.csv}").replace(
        "synapse: delta", f"synapse: delta, rewire: {model}"
    )
    found = synapses(thalia.loads(text, folder=tmp_path))

    assert sorted(w for *_, w in found) == sorted(w for *_, w in EXPECTED)

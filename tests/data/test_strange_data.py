"""Files of data by a stranger: nothing outside the folder, nothing that runs, nothing that waits, no content quoted."""

import gzip
import io
import os
import zipfile

import h5py
import numpy as np
import pytest

import thalia
from thalia.errors import CircuitError

CIRCUIT = """
thalia: 1
name: strange
duration: 1 ms
populations: {a: {neuron: lif_current, size: 4}}
pathways: {aa: {pre: a, post: a, connect: {CONNECT}, synapse: delta, weight: w * mV, delay: 1 ms}}
"""


def told(connect, folder):
    with pytest.raises(CircuitError) as caught:
        thalia.plan_of(thalia.loads(CIRCUIT.replace("CONNECT", connect), folder=folder))
    return str(caught.value)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "circuit").mkdir()
    (tmp_path / "secret.csv").write_text("pre,post,w\n0,1,1\n")
    return tmp_path / "circuit"


@pytest.mark.parametrize("name", ["../secret.csv", "link.csv"])
def test_nothing_outside_the_folder_is_read_unless_it_is_allowed(name, folder, monkeypatch):
    (folder / "link.csv").symlink_to(folder.parent / "secret.csv")

    assert f"{name}: is outside the folder of the circuit" in told(f"file: {name}", folder)

    monkeypatch.setenv("THALIA_ALLOW", str(folder.parent))
    text = CIRCUIT.replace("CONNECT", f"file: {name}")
    assert len(list(thalia.plan_of(thalia.loads(text, folder=folder)).pathways())) == 1


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "edges.csv")

    assert "edges.csv: is not a regular file" in told("file: edges.csv", folder)


def test_objects_which_could_run_code_are_not_unpickled(folder):
    np.savez(
        folder / "edges.npz", pre=np.array([print, None]), post=np.zeros(2, int), w=np.zeros(2)
    )
    np.save(folder / "w.npy", np.array([[None]]))

    assert "'pre' holds objects, which are not read" in told("file: edges.npz", folder)
    assert "holds objects, which are not read" in told("matrix: w.npy", folder)


def test_an_array_that_says_it_is_larger_than_its_file_is_refused(folder):
    np.save(folder / "w.npy", np.ones((4, 4)))
    content = (folder / "w.npy").read_bytes()
    (folder / "w.npy").write_bytes(content[:-8])

    assert "w.npy: ends before its" in told("matrix: {w: w.npy}", folder)


def test_what_a_file_holds_is_not_quoted(folder):
    (folder / "edges.csv").write_text("pre,post,w\n0,1,hunter2\n")

    message = told("file: edges.csv", folder)

    assert "edges.csv:2: 'w' is not a number" in message
    assert "hunter2" not in message


def sonata(folder):
    with h5py.File(folder / "edges.h5", "w") as h5:
        edges = h5.create_group("edges/aa")
        for name in ("source_node_id", "target_node_id", "edge_type_id"):
            edges[name] = np.arange(2)
        edges["0/w"] = np.ones(2)


@pytest.mark.parametrize("kind", ["external link", "external storage", "virtual", "soft link"])
def test_hdf5_reads_nothing_from_elsewhere(kind, folder):
    sonata(folder)
    other = folder.parent / "other.h5"
    with h5py.File(other, "w") as h5:
        h5["w"] = np.ones(2)
    with h5py.File(folder / "edges.h5", "a") as h5:
        del h5["edges/aa/0/w"]
        group = h5["edges/aa/0"]
        if kind == "external link":
            group["w"] = h5py.ExternalLink(str(other), "w")
        elif kind == "soft link":
            group["w"] = h5py.SoftLink("/edges/aa/source_node_id")
        elif kind == "virtual":
            layout = h5py.VirtualLayout((2,), "f8")
            layout[:] = h5py.VirtualSource(str(other), "w", (2,))
            group.create_virtual_dataset("w", layout)
        else:
            group.create_dataset(
                "w", (2,), "f8", external=[(str(folder.parent / "secret.csv"), 0, 16)]
            )

    message = told("file: edges.h5", folder)

    assert "is stored in another file" in message or "has no column 'w'" in message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.npz", b"PK\x03\x04 nothing"),
        ("e.npz", b""),
        ("e.h5", b"\x89HDF\r\n\x1a\n nothing"),
        ("e.parquet", b"PAR1 nothing PAR1"),
        ("e.feather", b"ARROW1 nothing"),
        ("e.csv", b""),
        ("e.csv", b"\xff\xfe\x00\x00"),
        ("e.csv", b"pre,post,w\n0,1,\xff\n"),
        ("e.csv.gz", b"not compressed"),
        ("e.csv", b'pre,post,w\n0,1,"unterminated\n'),
        ("e.csv", b"pre,post,w\n" + b"1" * 2_000_000 + b",1,1\n"),
        ("e.csv", b"pre,post,w\n0,1,99999999999999999999e999\n"),
        ("e.csv", b"pre,post,w\n99999999999999999999,1,1\n"),
        ("e.csv", b"pre,pre,w\n0,1,1\n"),
    ],
)
def test_a_damaged_file_is_told_in_words(name, content, folder):
    (folder / name).write_bytes(content)

    assert f"{name}" in told(f"file: {name}", folder)


def flipped(content, place):
    return content[:place] + bytes(255 - each for each in content[place : place + 2]) + content[place + 2 :]  # fmt: skip


def packed(compression=zipfile.ZIP_DEFLATED, **members):
    """An npz file, some members of which are given as they are stored."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return held.getvalue()


def stored(values):
    held = io.BytesIO()
    np.save(held, values)
    return held.getvalue()


NUMBERS = np.random.default_rng(0).integers(0, 4, 9000)
COLUMNS = {"post": stored(NUMBERS), "w": stored(NUMBERS)}
NEGATIVE = stored(NUMBERS).replace(b"(9000,)", b"(-900,)")
NESTED = b"\x93NUMPY\x01\x00" + (9000).to_bytes(2, "little") + b"(" * 9000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.npz", flipped(packed(pre=stored(NUMBERS), **COLUMNS), 60), "'pre' is not an array"),
        ("e.npz", packed(pre=NEGATIVE, **COLUMNS), "'pre' is not an array"),
        ("e.npz", packed(pre=NESTED, **COLUMNS), "'pre' is not an array"),
        (
            "e.npz",
            packed(zipfile.ZIP_LZMA, pre=stored(NUMBERS), **COLUMNS),
            "'pre' is compressed otherwise than by NumPy",
        ),
        ("e.csv.gz", flipped(gzip.compress(b"pre,post,w\n" + b"0,1,1\n" * 5000), 11), "cannot be decompressed"),
    ],
    ids=["deflate", "negative side", "nested header", "lzma", "gzip"],
)  # fmt: skip
def test_what_decompression_and_headers_raise_is_told_in_words(name, content, message, folder):
    (folder / name).write_bytes(content)

    assert message in told(f"file: {name}", folder)


def test_no_memory_is_taken_for_what_a_file_only_promises(folder):
    """A billion rows in a member of some bytes, in an array, and in a dataset without any chunk."""
    promised = stored(np.zeros(9, int)).replace(b"(9,)", b"(999999999,)")
    (folder / "e.npz").write_bytes(packed(pre=promised, post=promised, w=promised))
    (folder / "w.npy").write_bytes(stored(np.zeros((2, 2))).replace(b"(2, 2)", b"(9999, 9999)"))
    with h5py.File(folder / "e.h5", "w") as h5:
        for name in ("source_node_id", "target_node_id", "edge_type_id", "0/w"):
            h5.create_dataset(f"edges/aa/{name}", (1_000_000_000,), "i4", chunks=(1000,))

    assert "'pre' says that it has 999,999,999 entries, and ends before" in told(
        "file: e.npz", folder
    )
    assert "w.npy: expected 4 × 4, for the neurons of a and a, found 9,999 × 9,999" in told(
        "matrix: w.npy", folder
    )
    assert "says that it is larger than what is stored of it can be" in told("file: e.h5", folder)


def test_a_member_cannot_be_larger_than_its_compression_allows(folder):
    content = packed(pre=stored(NUMBERS), **COLUMNS)
    size = len(stored(NUMBERS)).to_bytes(4, "little")
    (folder / "e.npz").write_bytes(content.replace(size, (2_000_000_000).to_bytes(4, "little")))

    assert "'pre' says that it is larger than what is stored" in told("file: e.npz", folder)


def test_synapses_that_do_not_fit_into_memory_are_refused_while_they_are_read(folder, monkeypatch):
    monkeypatch.setattr("thalia.compiler.read_data.available_bytes", lambda: 32 * 8999.0)
    (folder / "e.npz").write_bytes(packed(pre=stored(NUMBERS), **COLUMNS))

    message = told("file: e.npz", folder)

    assert "has more synapses than fit into memory: more than 8,999" in message


SPARSE = {
    "format": np.array(b"csr"),
    "shape": np.array([4, 4]),
    "data": np.ones(3),
    "indices": np.array([0, 1, 2]),
    "indptr": np.array([0, 1, 2, 3, 3]),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": np.array(b"bsr")}, "is no sparse matrix of the kinds csr, csc and coo"),
        ({"format": np.array([b"csr"])}, "is no sparse matrix of the kinds csr, csc and coo"),
        ({"format": np.array(7)}, "is no sparse matrix of the kinds csr, csc and coo"),
        ({"shape": np.array(4)}, "'shape' has the shape () and the dtype int64"),
        ({"shape": np.array([4, 4, 4])}, "has 3 sides, expected a matrix"),
        ({"shape": np.array([4.0, 4.0])}, "'shape' has the shape (2,) and the dtype float64"),
        ({"shape": np.array([2**40, 1])}, "a population has at most 20,000,000 neurons"),
        ({"shape": np.array([-4, 4])}, "is -4 × 4"),
        ({"shape": np.array([20_000_000, 20_000_000])}, "its 'indptr' is no index"),
        ({"data": np.ones((3, 1))}, "'data' has the shape (3, 1) and the dtype float64"),
        ({"data": np.array(1.0)}, "'data' has the shape () and the dtype float64"),
        ({"data": np.array([1j, 1j, 1j])}, "'data' has the shape (3,) and the dtype complex128"),
        ({"data": np.ones(2)}, "has entries outside of its shape"),
        ({"data": np.array(["1", "1", "1"])}, "expected numbers in one dimension"),
        ({"indices": np.array([0, 1, 4])}, "has entries outside of its shape"),
        ({"indices": np.array([0, 1, -1])}, "has entries outside of its shape"),
        ({"indices": np.ones((3, 3), int)}, "'indices' has the shape (3, 3)"),
        ({"indices": None}, "holds no array 'indices'"),
        ({"indptr": np.array([0, 3])}, "its 'indptr' is no index into its 'indices'"),
        ({"indptr": np.array([0, 2, 1, 3, 3])}, "its 'indptr' is no index"),
        ({"indptr": np.array([0, 2**62 + 1, -(2**62), 3, 3])}, "its 'indptr' is no index"),
        ({"indptr": np.array(3)}, "'indptr' has the shape ()"),
    ],
)
def test_a_sparse_matrix_that_cannot_be_is_told_in_words(changes, message, folder):
    given = {name: each for name, each in {**SPARSE, **changes}.items() if each is not None}
    np.savez(folder / "w.npz", **given)

    assert message in told("matrix: {w: w.npz}", folder)


def test_a_sparse_matrix_of_millions_by_millions_is_not_made_dense(folder):
    size = 20_000_000
    np.savez(
        folder / "w.npz",
        **{**SPARSE, "format": np.array("coo"), "shape": np.array([size, size])},
        row=np.array([0, size - 1, 5]),
        col=np.array([0, 7, size - 1]),
    )
    text = CIRCUIT.replace("size: 4", f"size: {size}")
    text = text.replace("CONNECT", "matrix: {w: w.npz}")

    (pathway,) = thalia.plan_of(thalia.loads(text, folder=folder)).pathways()

    edges = pathway[1].connect.edges
    assert list(zip(edges.pre.tolist(), edges.post.tolist(), strict=True)) == [
        (0, 0),
        (5, size - 1),
        (size - 1, 7),
    ]


def test_entries_of_one_place_of_a_sparse_matrix_are_added_as_by_scipy(folder):
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.coo_array(([1.0, 2.0, 4.0, -4.0], ([3, 3, 1, 1], [2, 2, 0, 0])), (4, 4))
    sparse.save_npz(folder / "w.npz", matrix)
    np.save(folder / "d.npy", np.full((4, 4), 3.0))
    text = CIRCUIT.replace("CONNECT", "matrix: {w: w.npz, d: d.npy}").replace("1 ms}", "d * ms}")

    (pathway,) = thalia.plan_of(thalia.loads(text, folder=folder)).pathways()

    edges = pathway[1].connect.edges
    assert (edges.pre.tolist(), edges.post.tolist()) == ([3], [2])
    assert edges.numbers["weight"].numbers.tolist() == [3e-3]
    assert edges.numbers["axonal delay"].numbers.tolist() == [3e-3]


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_two_columns_of_one_name_are_refused(ending, folder):
    """Either could be meant; by its position in the schema, pyarrow gives the last one of all."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    write = {"parquet": parquet.write_table, "feather": feather.write_feather}[ending]
    one = pa.array([0, 1])
    write(pa.table([one, one, one, one], names=["pre", "pre", "post", "w"]), folder / f"e.{ending}")

    assert f"e.{ending}: two columns are called 'pre'" in told(f"file: e.{ending}", folder)


def test_a_batch_of_feather_that_would_not_fit_is_refused_before_it_is_read(folder, monkeypatch):
    """A compressed batch of many rows is a small file."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather

    table = pa.table({"pre": [0] * 3000, "post": [1] * 3000, "w": [1.0] * 3000})
    feather.write_feather(table, folder / "e.feather", compression="zstd", chunksize=1500)
    monkeypatch.setattr("thalia.data.arrow_tables.MOST_IN_A_BATCH", 1499)

    assert "a batch has 1,500 rows, and at most 1,499 are read" in told("file: e.feather", folder)


def test_a_batch_of_feather_that_only_the_contents_list_is_not_read(folder):
    """The stream of batches is read to its end, and what comes after it is not."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import ipc

    table = pa.table({"pre": [0], "post": [1], "w": [1.0]})
    with ipc.new_file(folder / "e.feather", table.schema) as file:
        file.write_table(table)
    content = (folder / "e.feather").read_bytes()
    end = content.index(b"\xff\xff\xff\xff\0\0\0\0")
    with ipc.new_stream(folder / "two", table.schema) as stream:
        stream.write_table(table)
        stream.write_table(pa.table({"pre": [1], "post": [0], "w": [2.0]}))
    two = (folder / "two").read_bytes()
    (folder / "e.feather").write_bytes(content[:8] + two + content[end + 8 :])

    text = CIRCUIT.replace("CONNECT", "file: e.feather")
    (pathway,) = thalia.plan_of(thalia.loads(text, folder=folder)).pathways()

    edges = pathway[1].connect.edges
    assert (edges.pre.tolist(), edges.post.tolist()) == ([0, 1], [1, 0])

"""A run file names its damage: words or the same result, never a traceback, never another result.

`tests.recording.damage` does the same by hand: of 500 flipped bits 495 were told and 5 changed nothing that is read; of 100
cuts 93 and 7, those within the checksums.
"""

import json
import random

import h5py
import numpy as np
import pytest

import thalia
from tests.helpers import thalia as command
from tests.recording import damage
from thalia.errors import CircuitError, NoChecksums
from thalia.recording import journal
from thalia.recording.page_checksums import table_of
from thalia.recording.run_file import Run
from thalia.simulation.diff import compare


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return damage.small_run(tmp_path_factory.mktemp("damage"))


@pytest.fixture(scope="module")
def expected(original):
    return damage.everything(original)


@pytest.mark.parametrize("seed", range(48))
@pytest.mark.parametrize("change", [damage.flipped, damage.cut])
def test_damage_is_told_or_changes_nothing(original, expected, tmp_path, change, seed):
    raw = change(original.read_bytes(), random.Random(seed))

    assert damage.outcome(tmp_path / "damaged.h5", raw, expected, original) in ("told", "same")


class Killed(BaseException):
    """As by a signal: nothing handles it."""


def test_a_run_that_was_killed_in_a_commit_is_read_as_it_was_committed(
    original, tmp_path, monkeypatch
):
    """What only reads a file does not complete its commit, and must not see half of it."""
    file, apply, commits = tmp_path / "run.h5", journal._apply, iter(range(100))

    def torn(opened, length, pages):
        if next(commits) < 3:
            return apply(opened, length, pages)
        apply(opened, length, dict([*pages.items()][1:]))
        opened.truncate(length - 1000)
        raise Killed

    monkeypatch.setattr(journal, "_apply", torn)
    with pytest.raises(Killed):
        thalia.run(
            original.with_name("small.yaml"),
            backend="runtime",
            output=file,
            checkpoint_every="4 ms",
        )
    monkeypatch.undo()

    seen = damage.everything(file)
    journal.recover(file)

    assert damage.everything(file) == seen
    assert seen[0] != damage.everything(original)[0]


def test_what_is_damaged_is_named(original, tmp_path):
    raw = bytearray(original.read_bytes())
    with h5py.File(original) as h5:
        raw[h5["spikes/noise/timestamps"].id.get_chunk_info(0).byte_offset + 300_000] ^= 1
    (tmp_path / "damaged.h5").write_bytes(raw)

    with pytest.raises(
        CircuitError,
        match=r"damaged\.h5: is damaged: spikes/noise: bytes [\d,]+ to [\d,]+ are not what",
    ):
        Run(tmp_path / "damaged.h5").spikes["noise"]


def test_a_file_without_checksums_is_read_and_told(original, tmp_path):
    """As earlier versions wrote them; when such a run is resumed, it gets them."""
    with open(original, "rb") as raw:
        length, _ = table_of(raw)
    older = tmp_path / "older.h5"
    older.write_bytes(original.read_bytes()[:length])

    with pytest.warns(NoChecksums, match="damage to it would not be noticed"):
        assert compare(original, older) == []
    told = command("diff", original, older, folder=tmp_path)
    thalia.resume(older, for_="1 ms")

    assert (told.returncode, told.stderr.count("has no checksums")) == (0, 1)
    with open(older, "rb") as raw:
        assert table_of(raw)[1] is not None


@pytest.mark.parametrize("where", ["origin/circuit", "origin/files/0", "origin"])
def test_runs_of_another_origin_are_different(original, tmp_path, where):
    other = tmp_path / "other.h5"
    other.write_bytes(original.read_bytes())
    with h5py.File(other, "r+") as h5:
        if where == "origin":
            h5[where].attrs["lower"] = "off"
        else:
            attributes, text = dict(h5[where].attrs), h5[where].asstr()[()]
            del h5[where]
            h5.create_dataset(where, data=text.replace("1", "2")).attrs.update(attributes)

    assert compare(original, other) != []


def hostile(h5, kind, outside):
    """A recording whose times are anything but an array in this file."""
    group = h5["spikes/cells"]
    del group["timestamps"]
    if kind == "external link":
        group["timestamps"] = h5py.ExternalLink(str(outside), "secret")
    elif kind == "soft link":
        group["timestamps"] = h5py.SoftLink("/plan")
    elif kind == "virtual":
        layout = h5py.VirtualLayout((2,), "f8")
        layout[:] = h5py.VirtualSource(str(outside), "secret", (2,))
        group.create_virtual_dataset("timestamps", layout)
    elif kind == "external storage":
        group.create_dataset("timestamps", (2,), "f8", external=[(str(outside), 0, 16)])
    else:
        group.create_dataset("timestamps", (2**40,), "f8", chunks=(1024,))


@pytest.mark.parametrize(
    "kind", ["external link", "soft link", "virtual", "external storage", "enormous"]
)
def test_a_run_file_shows_nothing_of_other_files(original, tmp_path, kind):
    with h5py.File(tmp_path / "secret.h5", "w") as h5:
        h5["secret"] = np.ones(2)
    other = tmp_path / "other.h5"
    other.write_bytes(original.read_bytes())
    with h5py.File(other, "r+") as h5:
        hostile(h5, kind, tmp_path / "secret.h5")

    with pytest.raises(CircuitError, match="spikes/cells/timestamps is not in the file itself"):
        Run(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda described: described.pop("pathways"),
        lambda described: described["pathways"]["p"].update(synapses={}),
        lambda described: described["pathways"]["p"].update(post="nobody"),
        lambda described: described.update(populations=[1]),
    ],
)
def test_a_run_file_that_describes_no_network_is_refused(original, tmp_path, change):
    other = tmp_path / "other.h5"
    other.write_bytes(original.read_bytes())
    with h5py.File(other, "r+") as h5:
        described = json.loads(h5.attrs["structure"])
        change(described)
        h5.attrs["structure"] = json.dumps(described)

    with pytest.raises(CircuitError, match=r"other\.h5: is damaged, or no run"):
        Run(other)


def renamed_circuit(h5):
    h5.move("circuit", "elsewhere")


def backwards(h5):
    time = h5["reports/v/v/cells/mapping/time"]
    time[...] = [1, 20, 0]


@pytest.mark.parametrize(
    ("change", "use"),
    [
        (renamed_circuit, lambda file: thalia.export(thalia.Run(file), "nwb", file.with_suffix(".nwb"))),
        (backwards, lambda file: thalia.export(thalia.Run(file), "nwb", file.with_suffix(".nwb"))),
    ],
)  # fmt: skip
def test_what_another_program_made_of_a_run_is_told_in_words(original, tmp_path, change, use):
    file = tmp_path / "edited.h5"
    file.write_bytes(original.read_bytes())
    with h5py.File(file, "r+") as h5:
        change(h5)

    with pytest.raises(CircuitError, match=r"edited\.h5: "):
        use(file)

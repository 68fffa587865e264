"""A journalled file is as it was before a commit or as it is after it, wherever the process died."""

import os
import subprocess
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalia.recording import journal, pending_commit
from thalia.recording.journal import JournalledFile, recover
from thalia.recording.page_checksums import DamagedPage, table_of
from thalia.recording.pending_commit import PAGE, journal_of

OLD = bytes(range(256)) * 1200  # five pages
WRITES = st.lists(
    st.tuples(st.integers(0, 400_000), st.binary(min_size=1, max_size=5000)), min_size=1, max_size=6
)


def changed(writes):
    """What the bytes are after some writes, at (position, data)."""
    data = bytearray(OLD)
    for position, piece in writes:
        data.extend(b"\0" * (position + len(piece) - len(data)))
        data[position : position + len(piece)] = piece
    return bytes(data)


def contents(path):
    """A file without the checksums that follow what was written."""
    with open(path, "rb") as file:
        length, _ = table_of(file)
    return path.read_bytes()[:length]


def opened(path, writes):
    path.write_bytes(OLD)
    file = JournalledFile(path)
    for position, piece in writes:
        file.seek(position)
        file.write(piece)
    return file


@given(writes=WRITES)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back_at_once_and_in_the_file_after_the_commit(
    tmp_path_factory, writes
):
    path = tmp_path_factory.mktemp("journal") / "file"
    file = opened(path, writes)

    file.seek(0)
    before = path.read_bytes()
    seen = file.read(len(changed(writes)) + 10)
    file.commit()

    assert before == OLD
    assert seen == changed(writes)
    assert contents(path) == changed(writes)
    assert not journal_of(path).exists()


@given(writes=WRITES, share=st.floats(0, 0.999))
@settings(max_examples=40, deadline=None)
def test_an_incomplete_journal_changes_nothing(tmp_path_factory, writes, share):
    path = tmp_path_factory.mktemp("journal") / "file"
    file = opened(path, writes)
    length, _, pages = file._after()
    pending_commit.write_journal(journal_of(path), length, pages)
    raw = journal_of(path).read_bytes()
    journal_of(path).write_bytes(raw[: int(len(raw) * share)])

    file.close()
    recover(path)

    assert path.read_bytes() == OLD
    assert not journal_of(path).exists()


@given(writes=WRITES, torn=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_a_complete_journal_mends_a_file_that_was_half_changed(tmp_path_factory, writes, torn):
    path = tmp_path_factory.mktemp("journal") / "file"
    file = opened(path, writes)
    length, _, pages = file._after()
    pending_commit.write_journal(journal_of(path), length, pages)
    journal._apply(file.file, max(length, len(OLD)), dict(list(pages.items())[:torn]))

    file.close()
    recover(path)

    assert contents(path) == changed(writes)


def test_a_damaged_journal_is_not_believed(tmp_path):
    file = opened(tmp_path / "file", [(10, b"new")])
    length, _, pages = file._after()
    pending_commit.write_journal(file.journal, length, pages)
    raw = bytearray(file.journal.read_bytes())
    raw[-5] ^= 1
    file.journal.write_bytes(raw)

    file.close()
    recover(tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == OLD


def test_a_disk_without_room_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    file = opened(tmp_path / "file", [(10, b"new")])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.commit()

    assert (tmp_path / "file").read_bytes() == OLD
    assert not file.journal.exists()


def test_nobody_touches_the_journal_of_a_commit_under_way(tmp_path):
    """Another process that opens the file finds it locked, and leaves file and journal alone."""
    file = opened(tmp_path / "file", [(10, b"new")])
    length, _, pages = file._after()
    pending_commit.write_journal(file.journal, length, pages)
    file.journal.write_bytes(file.journal.read_bytes()[:-1])  # half written
    code = "import sys, pathlib; from thalia.recording.journal import recover; recover(pathlib.Path(sys.argv[1]))"

    other = subprocess.run(
        [sys.executable, "-c", code, file.path], capture_output=True, text=True, check=False
    )

    assert "BlockingIOError" in other.stderr
    assert file.journal.exists()


def test_a_file_that_is_replaced_leaves_no_journal_behind(tmp_path):
    """Else the changes of the old file would be made to the new one when it is next opened."""
    old = opened(tmp_path / "file", [(10, b"old")])
    length, _, pages = old._after()
    pending_commit.write_journal(old.journal, length, pages)
    old.close()

    new = JournalledFile(tmp_path / "partial", create=True)
    new.write(b"new")
    new.commit()
    new.rename(tmp_path / "file", overwrite=True)
    new.close()
    recover(tmp_path / "file")

    assert contents(tmp_path / "file") == b"new"


@given(first=WRITES, second=WRITES, cut=st.integers(0, 400_000))
@settings(max_examples=40, deadline=None)
def test_every_page_has_its_checksum_after_every_commit(tmp_path_factory, first, second, cut):
    path = tmp_path_factory.mktemp("journal") / "file"
    file = opened(path, first)
    file.commit()
    file.truncate(min(cut, file.length))
    for position, piece in second:
        file.seek(position)
        file.write(piece)
    file.commit()

    with open(path, "rb") as raw:
        length, table = table_of(raw)
    pages = [contents(path)[start : start + PAGE] for start in range(0, length, PAGE)]
    assert table.tolist() == [zlib.crc32(page) for page in pages]
    assert length == file.length


def test_a_commit_does_not_give_a_damaged_page_a_new_checksum(tmp_path):
    file = opened(tmp_path / "file", [(10, b"new")])
    file.commit()
    file.close()
    raw = bytearray((tmp_path / "file").read_bytes())
    raw[PAGE + 5] ^= 4
    (tmp_path / "file").write_bytes(raw)

    again = JournalledFile(tmp_path / "file")
    again.seek(0)
    again.write(b"more")
    again.commit()
    again.seek(PAGE)

    with pytest.raises(DamagedPage, match="bytes 65,536 to 131,071 are not what was written"):
        again.read(10)


def stamped(path):
    """A file with a stamp, of two commits."""
    file = JournalledFile(path, create=True)
    for text in (b"first" * PAGE, b"second"):
        file.seek(pending_commit.STAMP_BLOCK)
        file.write(text)
        if not pending_commit.Stamp.of_file(file):
            file.stamp()
        file.commit()
    return file


def pending(file, text=b"third"):
    """Leave a file with the journal of a commit that did not happen."""
    file.seek(pending_commit.STAMP_BLOCK)
    file.write(text)
    length, _, pages = file._after()
    pending_commit.write_journal(file.journal, length, pages)
    file.close()
    return pages


@pytest.mark.parametrize("torn", range(4))
def test_the_journal_of_a_stamped_file_is_applied_wherever_the_process_died(torn, tmp_path):
    file = stamped(tmp_path / "file")
    pages = pending(file)
    with open(tmp_path / "file", "r+b") as half:
        journal._apply(half, os.fstat(half.fileno()).st_size, dict(list(pages.items())[:torn]))

    recover(tmp_path / "file")

    assert contents(tmp_path / "file")[pending_commit.STAMP_BLOCK :].startswith(b"third")
    assert not journal_of(tmp_path / "file").exists()


@pytest.mark.parametrize("other", ["another file", "an older copy", "without a stamp"])
def test_a_journal_is_not_applied_to_another_file_that_took_the_name(other, tmp_path):
    file = stamped(tmp_path / "file")
    older = (tmp_path / "file").read_bytes()
    file.seek(pending_commit.STAMP_BLOCK)
    file.write(b"after it")
    file.commit()
    pending(file)
    if other == "another file":
        stamped(tmp_path / "new").close()
        (tmp_path / "new").replace(tmp_path / "file")
    else:
        (tmp_path / "file").write_bytes(older if other == "an older copy" else OLD)
    before = (tmp_path / "file").read_bytes()

    with open(tmp_path / "file", "rb") as raw:
        assert pending_commit.read_journal(journal_of(tmp_path / "file"), raw) is None
    recover(tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == before


def test_a_file_that_was_made_longer_for_a_commit_that_did_not_begin_keeps_its_checksums(tmp_path):
    file = stamped(tmp_path / "file")
    length = file.length
    file.close()
    with open(tmp_path / "file", "r+b") as longer:
        journal._reserve(longer, os.fstat(longer.fileno()).st_size, 10 * PAGE)

    with open(tmp_path / "file", "rb") as raw:
        found, table = table_of(raw)
    again = JournalledFile(tmp_path / "file")
    again.seek(pending_commit.STAMP_BLOCK)
    again.write(b"more")
    again.commit()

    assert (found, table is None) == (length, False)
    assert contents(tmp_path / "file")[pending_commit.STAMP_BLOCK :].startswith(b"more")


@pytest.mark.parametrize(
    ("length", "number"), [(2**62, 0), (6 * PAGE, 2**40)], ids=["length", "page"]
)
def test_a_journal_of_pages_that_cannot_be_is_not_believed(length, number, tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    pending_commit.write_journal(journal_of(tmp_path / "file"), length, {number: bytearray(PAGE)})

    recover(tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == OLD

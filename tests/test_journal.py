"""A journalled file is as it was before a commit or as it is after it, wherever the process died."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalia import journal
from thalia.journal import JournalledFile, journal_of, recover

OLD = bytes(range(256)) * 1200  # five pages
WRITES = st.lists(st.tuples(st.integers(0, 400_000), st.binary(min_size=1, max_size=5000)), min_size=1, max_size=6)


def changed(writes):
    """What the bytes are after some writes, at (position, data)."""
    data = bytearray(OLD)
    for position, piece in writes:
        data.extend(b"\0" * (position + len(piece) - len(data)))
        data[position : position + len(piece)] = piece
    return bytes(data)


def opened(path, writes):
    path.write_bytes(OLD)
    file = JournalledFile(path)
    for position, piece in writes:
        file.seek(position)
        file.write(piece)
    return file


@given(writes=WRITES)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back_at_once_and_in_the_file_after_the_commit(tmp_path_factory, writes):
    path = tmp_path_factory.mktemp("journal") / "file"
    file = opened(path, writes)

    file.seek(0)
    before = path.read_bytes()
    seen = file.read(len(changed(writes)) + 10)
    file.commit()

    assert before == OLD
    assert seen == changed(writes)
    assert path.read_bytes() == changed(writes)
    assert not journal_of(path).exists()


@given(writes=WRITES, share=st.floats(0, 0.999))
@settings(max_examples=40, deadline=None)
def test_an_incomplete_journal_changes_nothing(tmp_path_factory, writes, share):
    path = tmp_path_factory.mktemp("journal") / "file"
    file = opened(path, writes)
    journal._write_journal(journal_of(path), file.length, file.pages)
    raw = journal_of(path).read_bytes()
    journal_of(path).write_bytes(raw[: int(len(raw) * share)])

    assert not recover(path)
    assert path.read_bytes() == OLD
    assert not journal_of(path).exists()


@given(writes=WRITES, torn=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_a_complete_journal_mends_a_file_that_was_half_changed(tmp_path_factory, writes, torn):
    path = tmp_path_factory.mktemp("journal") / "file"
    file = opened(path, writes)
    journal._write_journal(journal_of(path), file.length, file.pages)
    some = dict(list(file.pages.items())[:torn])
    journal._apply(file.file, max(file.length, len(OLD)), some)

    assert recover(path)
    assert path.read_bytes() == changed(writes)


def test_a_damaged_journal_is_not_believed(tmp_path):
    file = opened(tmp_path / "file", [(10, b"new")])
    journal._write_journal(file.journal, file.length, file.pages)
    raw = bytearray(file.journal.read_bytes())
    raw[-5] ^= 1
    file.journal.write_bytes(raw)

    assert not recover(tmp_path / "file")
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

"""The build cache: its limit, what is in use, what is damaged, and other processes."""

import errno
import json
import os
import subprocess
import sys
import threading

import pytest

from tests.helpers import ROOT, thalia
from thalia.errors import CircuitError, NoLocks
from thalia.toolchain import cache

PROGRAM = b"#!/bin/sh\n" + b"x" * 990
HOLDER = """
import sys
from thalia.toolchain import cache
opened = cache.open_or_build("first", cache.Description("C++ program"), ("main",), lambda folder: {})
print(opened.cached, flush=True)
sys.stdin.read()
"""
BUILDER = """
import os, sys
from thalia.toolchain import cache
def build(folder):
    print("building", flush=True)
    sys.stdin.read()
    (folder / "main").write_bytes(b"#!")
    return {}
cache.open_or_build("first", cache.Description("C++ program"), ("main",), build)
"""
KILLED = """
import os
from thalia.toolchain import cache
def build(folder):
    (folder / "main").write_bytes(b"half")
    os._exit(9)
cache.open_or_build("killed", cache.Description("C++ program"), ("main",), build)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("THALIA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("THALIA_CACHE_LIMIT", raising=False)
    return tmp_path / "cache"


def make(folder):
    (folder / "main").write_bytes(PROGRAM)
    (folder / "main").chmod(0o755)
    return {"arrays": 3}


def built(name, make=make, waits=lambda: None):
    described = cache.Description("C++ program", "pair")
    return cache.open_or_build(name, described, ("main",), make, waits)


def release(process):
    process.stdin.write("go on")
    process.stdin.close()


def used_at(folder, name, second):
    os.utime(folder / name / "lock", (second, second))


def names():
    return [entry.folder.name for entry in cache.entries()]


def child(script):
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def changed(entry, **values):
    """Change what the manifest of an entry says."""
    file = entry / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_an_entry_is_built_once_and_then_opened(folder):
    first, second = built("first"), built("first", make=None)

    assert (first.cached, second.cached) == (False, True)
    assert second.folder == first.folder == folder / "first"
    assert second.contents == {"arrays": 3}
    assert names() == ["first"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "main").unlink(),
        lambda entry: (entry / "main").write_bytes(PROGRAM[:-1]),
        lambda entry: (entry / "main").write_bytes(PROGRAM[:-1] + b"y"),
        lambda entry: (entry / "main").chmod(0o644),
        lambda entry: (entry / "manifest.json").unlink(),
        lambda entry: (entry / "manifest.json").write_text('{"files": {'),
        lambda entry: (entry / "manifest.json").write_bytes(b"\xff\xfe"),
        lambda entry: (entry / "manifest.json").write_text("[]"),
        lambda entry: (entry / "manifest.json").write_text('{"arrays": {}, "queues": []}'),
        lambda entry: changed(entry, contents={"arrays": "3"}),
        lambda entry: changed(entry, contents=3),
        lambda entry: changed(entry, files=["main"]),
        lambda entry: changed(entry, files={"main": None, "/etc/passwd": 3}),
        lambda entry: changed(entry, bytes="1"),
        lambda entry: changed(entry, description={"kind": [], "circuit": 3}),
        lambda entry: (entry / "manifest.json").write_text("[" * 100_000),
        lambda entry: (entry / "manifest.json").write_text(
            '{"description": {"species": "C++"}, "bytes": 1, "files": {}, "contents": {}}'
        ),
    ],
    ids=[
        "no program",
        "truncated",
        "other bytes",
        "not executable",
        "no manifest",
        "half a manifest",
        "no text",
        "another manifest",
        "manifest of an older version",
        "other contents",
        "contents of another type",
        "files without checksums",
        "files elsewhere",
        "a size in words",
        "a description in numbers",
        "nested manifest",
        "manifest of a newer version",
    ],
)
def test_a_damaged_entry_is_built_again(folder, damage):
    built("first")
    damage(folder / "first")

    assert not built("first").cached
    assert (folder / "first" / "main").read_bytes() == PROGRAM
    assert names() == ["first"]


def test_the_least_recently_used_entries_are_removed_after_a_build(folder, monkeypatch):
    monkeypatch.setenv("THALIA_CACHE_LIMIT", "3.5 kB")
    built("first"), built("second"), built("third")
    used_at(folder, "third", 1), used_at(folder, "first", 2), used_at(folder, "second", 3)

    built("fourth")

    assert names() == ["first", "second", "fourth"]


def test_opening_an_entry_counts_as_use(folder):
    built("first"), built("second")
    used_at(folder, "first", 1), used_at(folder, "second", 2)

    built("first")

    assert names() == ["second", "first"]


def test_an_entry_in_use_is_kept_whatever_the_limit(folder):
    opened = built("first")

    assert cache.trim(0) == []
    assert [entry.in_use for entry in cache.entries()] == [True]
    del opened
    assert [entry.folder.name for entry in cache.trim(0)] == ["first"]
    assert list(folder.iterdir()) == []


def test_an_entry_that_another_process_uses_is_kept_until_it_ends(folder):
    built("first")
    with child(HOLDER) as other:
        assert other.stdout.readline() == "True\n"
        while_used = cache.trim(0)
        other.communicate("")
    afterwards = cache.trim(0)

    assert while_used == []
    assert [entry.folder for entry in afterwards] == [folder / "first"]


def test_a_build_under_way_is_kept(folder):
    removed = []

    def make_and_trim(partial):
        os.utime(partial / "lock", (1, 1))
        removed.extend(cache.trim(0))
        return make(partial)

    built("first", make_and_trim)

    assert removed == []
    assert (folder / "first" / "main").exists()


def test_what_a_killed_build_left_is_removed_and_does_not_keep_others_from_building(folder):
    with child(KILLED) as killed:
        killed.communicate()
    assert killed.returncode == 9
    (left,) = cache.entries()
    assert not left.complete

    just_now = cache.trim(10**9)
    os.utime(left.folder / "lock", (1, 1))
    later = cache.trim(10**9)

    assert just_now == []
    assert [entry.folder for entry in later] == [left.folder]
    assert list(folder.iterdir()) == []
    assert not built("killed").cached


def test_who_wants_what_another_process_builds_waits_for_it(folder):
    """Each built it for itself, and one of them threw its own away."""
    with child(BUILDER) as other:
        assert other.stdout.readline() == "building\n"
        opened = built("first", make=None, waits=lambda: release(other))

    assert opened.cached
    assert names() == ["first"]
    assert [each.name for each in folder.iterdir()] == ["first"]


def test_who_waits_for_a_process_that_is_killed_builds_it(folder):
    with child(BUILDER) as other:
        assert other.stdout.readline() == "building\n"
        opened = built("first", waits=lambda: other.kill())

    assert not opened.cached
    assert (folder / "first" / "main").read_bytes() == PROGRAM


def test_threads_that_want_the_same_build_it_once(folder):
    begun, found = threading.Event(), []

    def make_slowly(partial):
        waiting = threading.Thread(
            target=lambda: found.append(built("first", make=None, waits=begun.set))
        )
        waiting.start()
        found.append(waiting)
        assert begun.wait(timeout=30)
        return make(partial)

    built("first", make_slowly)
    waiting, *_ = found
    waiting.join()

    assert found[1].cached


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_and_works(folder, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)

    def make_twice(partial):
        with pytest.warns(NoLocks):
            built("first")
        return make(partial)

    with pytest.warns(NoLocks) as told:
        opened = built("first", make_twice)
    with pytest.warns(NoLocks):
        removed = cache.trim(0)

    assert opened.contents == {"arrays": 3}
    assert [each.name for each in folder.iterdir()] == ["first"]
    assert removed == []
    assert str(told[0].message) == (
        f"{folder}: files cannot be locked there ({os.strerror(number).lower()}), so processes may build the same program "
        "at once, and none is ever removed\n    hint: set THALIA_CACHE to a folder on a local disk"
    )


def test_a_build_that_fails_leaves_nothing(folder):
    def fail(partial):
        raise RuntimeError("no such instruction")

    with pytest.raises(RuntimeError, match="no such instruction"):
        built("first", fail)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2 GB", 2 * 10**9),
        ("500MB", 5 * 10**8),
        ("1.5 TB", 15 * 10**11),
        ("10 B", 10),
        ("0 B", 0),
        ("", 2 * 10**9),
    ],
)
def test_a_limit_is_a_size(monkeypatch, text, size):
    monkeypatch.setenv("THALIA_CACHE_LIMIT", text)

    assert cache.limit() == size


def test_a_limit_that_is_no_size_is_reported_before_anything_is_built(folder, monkeypatch):
    monkeypatch.setenv("THALIA_CACHE_LIMIT", "two apples")

    with pytest.raises(CircuitError) as caught:
        built("first")

    assert str(caught.value) == (
        "THALIA_CACHE_LIMIT: 'two apples' is not a size\n    hint: write it as in `2 GB`"
    )
    assert not folder.exists()


def test_a_cache_that_cannot_be_written_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("THALIA_CACHE", str(tmp_path / "file"))

    with pytest.raises(CircuitError) as caught:
        built("first")

    assert str(caught.value) == (
        f"{tmp_path}/file: the build cache is not a folder\n"
        "    hint: set THALIA_CACHE to a folder that can be written"
    )


def test_a_user_without_a_home_folder_has_to_choose_a_folder(monkeypatch):
    """As in a container that runs under a number without a name."""
    for name in ("THALIA_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)

    with pytest.raises(
        CircuitError, match="the build cache has no folder: this user has no home folder"
    ):
        built("first")


def test_a_cache_that_cannot_be_read_is_reported(folder, monkeypatch):
    def denied(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", denied)

    with pytest.raises(CircuitError, match=r"the build cache cannot be read \(Permission denied"):
        cache.entries()


def test_the_command_lists_what_is_there_and_clears_it(folder):
    built("first")
    used_at(folder, "first", 1)

    listed = thalia("cache", folder=ROOT)
    cleared = thalia("cache", "clear", folder=ROOT)

    kind, program, circuit, size, unit, *_, name = listed.stdout.splitlines()[0].split()
    assert (kind, program, circuit, size, unit, name) == (
        "C++", "program", "pair", "0.0", "MB", "first"
    )  # fmt: skip
    assert listed.stdout.splitlines()[1] == f"{folder}: 1 entry, 0.0 MB of 2.0 GB"
    assert cleared.stdout == "1 entry removed, 0.0 MB\n"
    assert names() == []


def test_the_command_clears_only_what_is_not_in_use(folder):
    opened = built("first")

    cleared = thalia("cache", "clear", folder=ROOT)

    assert cleared.stdout == "0 entries removed, 0.0 MB; 1 in use\n"
    assert opened.folder.exists()


def test_the_list_as_json(folder):
    built("first")

    listed = json.loads(thalia("cache", "--json", folder=ROOT).stdout)

    assert listed.keys() == {"folder", "limit", "layers", "bytes", "entries"}
    assert listed["entries"][0] | {"last_used": 0} == {
        "folder": str(folder / "first"),
        "description": {"kind": "C++ program", "circuit": "pair"},
        "bytes": 1000,
        "last_used": 0,
        "complete": True,
        "in_use": False,
    }


def test_an_empty_cache_is_listed(folder):
    assert thalia("cache", folder=ROOT).stdout == f"{folder}: 0 entries, 0.0 MB of 2.0 GB\n"

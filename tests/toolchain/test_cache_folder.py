"""Who may write to the build cache, whose programs are run; layers of it that are only read; what the system refuses."""

import errno
import os
import stat

import pytest

from tests.helpers import ROOT, thalia
from thalia.backends import doctor
from thalia.errors import CircuitError
from thalia.toolchain import cache, cache_folder

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions are of another kind")
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs the right to give files away")
SOMEBODY = 54321


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("THALIA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("THALIA_CACHE_LAYERS", raising=False)
    return tmp_path / "cache"


def make(folder):
    (folder / "main").write_bytes(b"#!/bin/sh")
    (folder / "main").chmod(0o755)
    return {}


def built(name="first", make=make):
    return cache.open_or_build(name, cache.Description("C++ program"), ("main",), make)


def mode(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


def refused(function=built):
    with pytest.raises(CircuitError) as caught:
        function()
    return str(caught.value)


def made(place, permissions):
    place.mkdir(parents=True)
    place.chmod(permissions)
    return place


def listing(place):
    return {
        each: (each.stat().st_mtime_ns, each.stat().st_mode) for each in [place, *place.rglob("*")]
    }


def test_the_cache_of_a_user_is_for_that_user_alone(folder):
    built()

    assert [mode(each) for each in (folder, folder / "first", folder / "first/main", folder / "first/manifest.json")] == [
        "0o700", "0o700", "0o700", "0o600",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("permissions", "entry", "main", "manifest"),
    [
        (0o755, "0o755", "0o755", "0o644"),
        (0o750, "0o750", "0o750", "0o640"),
        (0o2770, "0o2770", "0o770", "0o660"),
        (0o2775, "0o2775", "0o775", "0o664"),
        (0o3770, "0o2750", "0o750", "0o640"),
    ],
)
def test_an_entry_is_for_those_for_whom_the_cache_is(folder, permissions, entry, main, manifest):
    """With the sticky bit, each removes only what is its own."""
    made(folder, permissions)

    built()

    assert [mode(folder / name) for name in ("first", "first/main", "first/manifest.json")] == [
        entry,
        main,
        manifest,
    ]
    assert built(make=None).cached


@pytest.mark.parametrize("permissions", [0o777, 0o1777, 0o2777, 0o702])
def test_a_cache_that_every_user_may_write_is_refused(folder, permissions):
    made(folder, permissions)

    assert refused() == (
        f"{folder}: the build cache is not safe: every user can write to it, and what is in it is run\n"
        f"    hint: `chmod o-w {folder}`, or set THALIA_CACHE to a folder of your own"
    )


@pytest.mark.parametrize("permissions", [0o770, 0o775, 0o1770])
def test_a_cache_that_a_group_may_write_is_refused_unless_it_is_set_up_for_that(
    folder, permissions
):
    made(folder, permissions)
    group = cache_folder._name(
        folder.stat().st_gid, lambda number: cache_folder.grp.getgrgid(number).gr_name
    )

    assert refused() == (
        f"{folder}: the build cache is not safe: the group {group} can write to it, and what is in it is run\n"
        f"    hint: `chmod g-w {folder}`; to share it with that group, `chmod g+s {folder}` and THALIA_CACHE={folder}"
    )


def test_the_folder_of_a_group_has_to_be_named(tmp_path, monkeypatch):
    monkeypatch.delenv("THALIA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made(tmp_path / "thalia", 0o2770)

    assert "can write to it, and what is in it is run" in refused()


@needs_root
@pytest.mark.parametrize("permissions", [0o2770, 0o770])
def test_the_folder_of_a_foreign_group_is_refused(folder, permissions):
    made(folder, permissions)
    os.chown(folder, -1, SOMEBODY)
    folder.chmod(permissions)

    assert f"the group {SOMEBODY} can write to it" in refused()


@needs_root
def test_the_folder_of_another_user_is_refused(folder):
    os.chown(made(folder, 0o755), SOMEBODY, -1)

    assert refused() == (
        f"{folder}: the build cache is not safe: it belongs to the user {SOMEBODY}, and what is in it is run\n"
        "    hint: set THALIA_CACHE to a folder of your own"
    )


@needs_root
def test_the_folder_of_a_group_may_belong_to_another_of_its_users(folder):
    os.chown(made(folder, 0o2770), SOMEBODY, -1)
    folder.chmod(0o2770)

    assert not built().cached


@needs_root
def test_the_owner_of_the_installation_is_trusted_with_programs_too(folder, monkeypatch, tmp_path):
    """As on a cluster whose software belongs to a user of its own."""
    (tmp_path / "installed.py").touch()
    os.chown(tmp_path / "installed.py", SOMEBODY, -1)
    os.chown(made(folder, 0o755), SOMEBODY, -1)
    monkeypatch.setattr(cache_folder, "__file__", str(tmp_path / "installed.py"))

    assert not built().cached


@pytest.mark.parametrize("name", ["first", "first/main", "first/manifest.json"])
def test_an_entry_that_every_user_may_write_is_refused(folder, name):
    made(folder, 0o755)
    built()
    (folder / name).chmod(0o777)

    assert refused() == (
        f"{folder}/{name}: the build cache is not safe: every user can write to it, and what is in it is run\n"
        f"    hint: `chmod -R o-w {folder}/first`"
    )


@pytest.fixture
def layer(tmp_path, folder, monkeypatch):
    """A folder with one entry, as in a container image; it has no locks."""
    place = made(tmp_path / "image", 0o755)
    monkeypatch.setenv("THALIA_CACHE", str(place))
    built()
    (place / "first/lock").unlink()
    monkeypatch.setenv("THALIA_CACHE", str(folder))
    monkeypatch.setenv("THALIA_CACHE_LAYERS", str(place))
    return place


def test_a_layer_is_looked_in_first_and_never_written(layer, folder):
    before = listing(layer)

    opened = built(make=None)

    assert opened.cached
    assert opened.folder == layer / "first"
    assert listing(layer) == before
    assert not folder.exists()


def test_what_no_layer_has_is_built_in_the_cache(layer, folder):
    before = listing(layer)

    built("second")

    assert built("second", make=None).folder == folder / "second"
    assert listing(layer) == before


def test_a_damaged_entry_of_a_layer_is_built_in_the_cache(layer, folder):
    (layer / "first/main").write_bytes(b"#!/bin/ksh")
    before = listing(layer)

    assert built().folder == folder / "first"
    assert listing(layer) == before


def test_a_folder_to_build_in_is_that_of_a_layer_if_it_is_whole_there(layer, folder):
    assert cache.hold_folder("first")[0] == layer / "first"
    assert cache.hold_folder("second")[0] == folder / "second"


def test_several_layers(layer, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("THALIA_CACHE_LAYERS", f"{made(tmp_path / 'empty', 0o755)}:{layer}:")

    assert built(make=None).folder == layer / "first"


def test_a_layer_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("THALIA_CACHE_LAYERS", "/nowhere")

    assert (
        refused()
        == "THALIA_CACHE_LAYERS: there is no folder /nowhere\n    hint: mend the list, or unset it"
    )


def test_a_layer_that_others_may_write_is_refused(layer):
    layer.chmod(0o757)

    assert refused().startswith(f"{layer}: the build cache is not safe: every user can write to it")


def test_layers_are_listed_and_not_cleared(layer, folder):
    before = listing(layer)
    size = sum(each.stat().st_size for each in layer.rglob("*") if each.is_file()) / 1e6

    cleared = thalia("cache", "clear", folder=ROOT)
    listed = thalia("cache", folder=ROOT)

    assert cleared.stdout == "0 entries removed, 0.0 MB\n"
    assert (
        listed.stdout
        == f"{layer}: {size:.1f} MB, only read\n{folder}: 0 entries, 0.0 MB of 2.0 GB\n"
    )
    assert listing(layer) == before


@pytest.mark.parametrize(
    ("number", "reason", "hint"),
    [
        (errno.ENOSPC, "No space left on device", "`thalia cache clear` makes room; or "),
        (errno.EDQUOT, "Disk quota exceeded", "`thalia cache clear` makes room; or "),
        (
            errno.EROFS,
            "Read-only file system",
            "its file system is mounted read-only: choose another folder; or ",
        ),
        (errno.EACCES, "Permission denied", ""),
    ],
)
def test_what_the_system_refuses_names_the_cache(folder, number, reason, hint):
    def refuse(partial):
        raise OSError(number, os.strerror(number))

    assert refused(lambda: built(make=refuse)) == (
        f"{folder}: the build cache cannot be written ({reason})\n    hint: {hint}set THALIA_CACHE to a folder that can be written"
    )
    assert list(folder.iterdir()) == []


def test_what_the_system_refuses_elsewhere_names_that(folder):
    def refuse(partial):
        raise OSError(errno.EROFS, "Read-only file system", "/tmp/other")

    assert refused(lambda: built(make=refuse)).startswith("/tmp/other: read-only file system\n")


def test_a_cache_whose_folder_cannot_be_made_names_it(monkeypatch):
    monkeypatch.setenv("THALIA_CACHE", "/proc/nothing/cache")

    assert refused().startswith(
        "/proc/nothing: the build cache cannot be written (No such file or directory)\n"
    )


def test_doctor_writes_to_the_cache_before_it_says_ok(folder):
    made(folder, 0o777)

    findings = doctor.examine()
    (check,) = (each for each in findings if each.name == "build cache")

    assert check.found.startswith(
        f"{folder}: the build cache is not safe: every user can write to it"
    )
    assert doctor.backends_here(findings)["cpp"] == check.found


def test_doctor_names_the_cache_that_works(folder):
    assert doctor.Check("build cache", str(folder), True) in doctor.examine()
    assert list(folder.iterdir()) == []

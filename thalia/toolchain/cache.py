"""The build cache: compiled programs by the hash of what was compiled, in a limited space.

An entry is a folder whose manifest is written last, with a checksum of every file that is needed
later, so that a damaged entry is noticed and built again. Whoever builds or uses an entry holds a
shared lock on its file `lock`; only what can be locked exclusively is ever removed. Whoever builds
one also holds `.building-<name>` alone, so that others wait for it rather than build the same.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path as FilePath
from typing import Any
from uuid import uuid4

from thalia.errors import CircuitError, fail, is_of_the_machine, system_error
from thalia.toolchain import locks
from thalia.toolchain.cache_folder import (
    CACHE,
    cannot_be_written,
    folder,
    layers,
    ready,
    refuse_unsafe_entry,
    share,
)
from thalia.toolchain.locks import Hold

LIMIT = "THALIA_CACHE_LIMIT"
DEFAULT_LIMIT = "2 GB"
GRACE_SECONDS = 60.0  # in which a folder without a manifest may be that of a build that begins
_MANIFEST = "manifest.json"
_LOCK = "lock"
_KEYS = {"description", "bytes", "files", "contents"}
_REMOVED = ".removed-"
_BUILDING = ".building-"
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]?)B")


@dataclass(frozen=True)
class Opened:
    """An entry in use: its folder, what its builder stored, and whether it was there already."""

    folder: FilePath
    contents: dict[str, Any]
    cached: bool
    hold: Hold = field(repr=False, compare=False)


@dataclass(frozen=True)
class Description:
    """What an entry is, for people: its kind, and the circuit that it was first built for."""

    kind: str
    circuit: str = ""


@dataclass(frozen=True)
class Entry:
    """An entry as `thalia cache` lists it.

    `last_used` is in seconds since 1970; `complete` is false while it is built, and for ever if
    that was interrupted.
    """

    folder: FilePath
    description: Description
    bytes: int
    last_used: float
    complete: bool
    in_use: bool


def limit() -> int:
    """The bytes to which the cache is cut back after a build: `$THALIA_CACHE_LIMIT`, or 2 GB.

    Raises
    ------
    CircuitError
        If the variable is not a size.
    """
    text = os.environ.get(LIMIT) or DEFAULT_LIMIT
    if not (found := _SIZE.fullmatch(text.strip())):
        raise fail(f"{LIMIT}: '{text}' is not a size", f"write it as in `{DEFAULT_LIMIT}`")
    return int(float(found[1]) * _BYTES[found[2]])


def open_or_build(
    name: str,
    description: Description,
    needed: Iterable[str],
    build: Callable[[FilePath], dict[str, Any]],
    waits: Callable[[], None] = lambda: None,
) -> Opened:
    """The entry of this name, built if it is not there or is damaged.

    Other processes see it complete or not at all, and those that want the same wait for it.

    Parameters
    ----------
    needed : names of files
        The files of the entry that must be whole when it is next opened.
    build : function of a folder
        Makes the entry in the folder, and returns what its manifest is to store.
    waits : function
        Called if another process is building the same.

    Raises
    ------
    CircuitError
        If the cache cannot be written, is not safe, or its limit is not a size.
    """
    most = limit()  # a mistake in it is reported before anything is compiled
    if (opened := _in_layers(name)) is not None:
        return opened
    place = ready() / name
    with _written():
        if (opened := _open(place)) is None:
            with locks.alone(_building(place), waits):
                if (opened := _open(place)) is None:  # else another process built it meanwhile
                    opened = _built(place, description, needed, build)
            trim(most)
    return opened


def hold_folder(name: str) -> tuple[FilePath, Hold]:
    """A folder of the cache to build in place, held from now on; if it is whole, also in a layer.

    Raises
    ------
    CircuitError
        If the cache cannot be written, or is not safe.
    """
    if (opened := _in_layers(name)) is not None:
        return opened.folder, opened.hold
    place = ready() / name
    with _written():
        while True:
            place.mkdir(exist_ok=True)
            if (hold := locks.shared(place / _LOCK)) is not None:
                return place, hold


@contextmanager
def alone(place: FilePath) -> Iterator[None]:
    """Wait until no other process builds in a folder; where files cannot be locked, go on."""
    with _written(), locks.alone(_building(place)):
        yield


def seal(
    place: FilePath, description: Description, needed: Iterable[str], contents: dict[str, Any]
) -> None:
    """Declare an entry complete: write its manifest, in one piece."""
    manifest = {
        "description": asdict(description),
        "bytes": size_of(place),
        "files": {name: _fingerprint(place / name) for name in needed},
        "contents": contents,
    }
    partial = place / f"{_MANIFEST}.{os.getpid()}"
    partial.write_text(json.dumps({**manifest, "digest": _digest(manifest)}), "utf-8")
    share(place)
    partial.replace(place / _MANIFEST)


def is_whole(place: FilePath) -> bool:
    """Whether an entry is complete and its files are as they were built."""
    manifest = _manifest(place)
    return manifest is not None and _is_whole(place, manifest)


def entries() -> list[Entry]:
    """Everything in the cache, least recently used first.

    Raises
    ------
    CircuitError
        If the cache cannot be read.
    """
    try:
        places = [each for each in folder().iterdir() if each.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise fail(
            f"{folder()}: the build cache cannot be read ({error.strerror})",
            f"set {CACHE} to a folder that can be written",
        ) from None
    found = [_entry(each) for each in places if not each.name.startswith(_REMOVED)]
    return sorted((each for each in found if each), key=lambda each: each.last_used)


def trim(most: int) -> list[Entry]:
    """Remove the least recently used entries until the others fit into so many bytes.

    What interrupted builds left is removed in any case; what a process is building or using stays.
    Returns what was removed.
    """
    for leftover in folder().glob(f"{_REMOVED}*"):  # of a removal that was interrupted
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in folder().glob(f"{_BUILDING}*"):
        if (hold := locks.exclusive(leftover)) is not None:
            with suppress(OSError):  # of another user, in a shared folder
                leftover.unlink()
            del hold
    found = entries()
    total = sum(each.bytes for each in found)
    removed = []
    for each in found:
        if (total > most or not each.complete) and _remove_unused(each):
            removed.append(each)
            total -= each.bytes
    return removed


def _building(place: FilePath) -> FilePath:
    """The file that is locked while an entry is built; it is no part of the entry."""
    return place.with_name(f"{_BUILDING}{place.name}")


@contextmanager
def _written() -> Iterator[None]:
    """Report what the system refuses as an error of the user that names the cache."""
    try:
        yield
    except OSError as error:
        if is_of_the_machine(error) or error.errno == errno.ENOENT:
            raise cannot_be_written(error) from None
        raise


def _built(
    place: FilePath,
    description: Description,
    needed: Iterable[str],
    build: Callable[[FilePath], dict[str, Any]],
) -> Opened:
    """A new entry, made elsewhere in the cache and given its name when it is complete."""
    partial = FilePath(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    hold = locks.shared(partial / _LOCK)
    try:
        contents = build(partial)
        seal(partial, description, needed, contents)
        if not _renamed(partial, place):
            if (opened := _open(place)) is not None:  # built meanwhile, where nothing is locked
                shutil.rmtree(partial)
                return opened
            _remove(place)  # it is damaged
            partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Opened(place, contents, False, hold or Hold())


def _in_layers(name: str) -> Opened | None:
    """The entry of this name in a layer, which is only read; None if none of them has it whole."""
    found = (_open(layer / name, is_own=False) for layer in layers())
    return next(filter(None, found), None)


def _open(place: FilePath, is_own: bool = True) -> Opened | None:
    """An entry, held; None if it is not there or is damaged."""
    if not place.is_dir() or (hold := locks.shared(place / _LOCK, is_own)) is None:
        return None
    if (manifest := _manifest(place)) is None or not _is_whole(place, manifest):
        return None
    refuse_unsafe_entry(place, [_MANIFEST, *manifest["files"]])
    return Opened(place, manifest["contents"], True, hold)


def _manifest(place: FilePath) -> dict[str, Any] | None:
    """The manifest of an entry; None if there is none, or it is damaged."""
    try:
        manifest: dict[str, Any] = json.loads((place / _MANIFEST).read_text("utf-8"))
        is_whole = manifest.pop("digest") == _digest(manifest)
        Description(**manifest["description"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # it is of another form
    return manifest if is_whole and manifest.keys() >= _KEYS else None


def _digest(manifest: dict[str, Any]) -> str:
    """A checksum of all that a manifest says."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _is_whole(place: FilePath, manifest: dict[str, Any]) -> bool:
    """Whether the files of an entry are as they were built."""
    try:
        return all(_fingerprint(place / name) == kept for name, kept in manifest["files"].items())
    except OSError:
        return False


def _fingerprint(file: FilePath) -> list[Any]:
    """A checksum of a file, and whether it can be executed."""
    with open(file, "rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return [digest, os.access(file, os.X_OK)]


def _entry(place: FilePath) -> Entry | None:
    """What is known about a folder of the cache; None if it is gone meanwhile."""
    manifest = _manifest(place)
    try:
        used = (place / _LOCK if (place / _LOCK).exists() else place).stat().st_mtime
        size = manifest["bytes"] if manifest else size_of(place)
    except FileNotFoundError:
        return None
    description = Description(**manifest["description"]) if manifest else Description("unknown")
    in_use = locks.exclusive(place / _LOCK) is None
    return Entry(place, description, size, used, manifest is not None, in_use)


def size_of(place: FilePath) -> int:
    """The bytes of all files in a folder."""
    return sum(each.lstat().st_size for each in place.rglob("*") if not each.is_dir())


def cannot_execute(program: FilePath, error: OSError) -> CircuitError:
    """The error for a program of the cache that the system does not start."""
    with suppress(OSError, AttributeError):  # where the system does not say
        if os.statvfs(program.parent).f_flag & os.ST_NOEXEC:
            return fail(
                f"{program}: cannot be started: its file system runs no programs (noexec)",
                "set THALIA_CACHE to a folder on another one",
            )
    return system_error(error, program, "started")


def _renamed(partial: FilePath, place: FilePath) -> bool:
    """Rename a folder; False if there is one of that name."""
    try:
        partial.rename(place)
    except OSError:
        if place.exists():
            return False
        raise
    return True


def _remove_unused(entry: Entry) -> bool:
    """Remove an entry that nobody holds; a new one without a manifest may be held in a moment."""
    if not entry.complete and time.time() - entry.last_used < GRACE_SECONDS:
        return False
    hold = locks.exclusive(entry.folder / _LOCK)
    with suppress(PermissionError):  # of another user, in a shared folder
        return hold is not None and _remove(entry.folder)
    return False


def _remove(place: FilePath) -> bool:
    """Remove an entry: whoever looks for it meanwhile finds it whole or not at all."""
    gone = place.with_name(f"{_REMOVED}{uuid4().hex}")
    try:
        place.rename(gone)
    except FileNotFoundError:  # another process was faster
        return False
    shutil.rmtree(gone, ignore_errors=True)
    return True

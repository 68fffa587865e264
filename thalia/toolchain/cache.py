"""The build cache: compiled programs by the hash of what was compiled, in a limited space.

An entry is a folder whose manifest is written last, with a checksum of every file that is needed
later, so that a damaged entry is noticed and built again. Whoever builds or uses an entry holds a
shared lock on its file `lock`; only what can be locked exclusively is ever removed.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path as FilePath
from typing import Any
from uuid import uuid4

from thalia.errors import CircuitError, fail, system_error

try:
    import fcntl
except ImportError:  # Windows: nothing can be locked, so nothing is removed
    fcntl = None  # type: ignore[assignment]

LIMIT = "THALIA_CACHE_LIMIT"
DEFAULT_LIMIT = "2 GB"
GRACE_SECONDS = 60.0  # in which a folder without a manifest may be that of a build that begins
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CHOOSE_FOLDER = "set THALIA_CACHE to a folder that can be written"
_MANIFEST = "manifest.json"
_LOCK = "lock"
_KEYS = {"description", "bytes", "files", "contents"}
_REMOVED = ".removed-"
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]?)B")


class Hold:
    """Keeps an entry from being removed for as long as this object lives."""

    def __init__(self, descriptor: int | None):
        if descriptor is not None:
            weakref.finalize(self, os.close, descriptor)


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


def folder() -> FilePath:
    """Where compiled programs are kept: `$THALIA_CACHE`, or `thalia` in the user's cache folder.

    Raises
    ------
    CircuitError
        If the user has no home folder, and none was chosen.
    """
    if chosen := os.environ.get("THALIA_CACHE"):
        return FilePath(chosen)
    try:
        return FilePath(os.environ.get("XDG_CACHE_HOME") or FilePath.home() / ".cache") / "thalia"
    except RuntimeError:  # as in a container whose user is a number without a name
        raise fail(
            "the build cache has no folder: this user has no home folder", _CHOOSE_FOLDER
        ) from None


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
) -> Opened:
    """The entry of this name, built if it is not there or is damaged.

    Other processes see it complete or not at all.

    Parameters
    ----------
    needed : names of files
        The files of the entry that must be whole when it is next opened.
    build : function of a folder
        Makes the entry in the folder, and returns what its manifest is to store.

    Raises
    ------
    CircuitError
        If the cache cannot be written, or its limit is not a size.
    """
    most = limit()  # a mistake in it is reported before anything is compiled
    place = folder() / name
    if (opened := _open(place)) is not None:
        return opened
    partial = _new_folder(name)
    hold = _lock(partial)
    try:
        contents = build(partial)
        seal(partial, description, needed, contents)
        if not _renamed(partial, place):
            if (opened := _open(place)) is not None:  # another process built the same meanwhile
                shutil.rmtree(partial)
                return opened
            _remove(place)  # it is damaged
            partial.rename(place)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise _cannot_be_written(error) from None
        raise
    trim(most)
    return Opened(place, contents, False, hold or Hold(None))


def hold_folder(name: str) -> tuple[FilePath, Hold]:
    """A folder of the cache to build in place, held from now on."""
    place = folder() / name
    while True:
        place.mkdir(parents=True, exist_ok=True)
        if (hold := _lock(place)) is not None:
            return place, hold


@contextmanager
def alone(place: FilePath) -> Iterator[None]:
    """Wait until no other process builds in a folder; where files cannot be locked, go on."""
    with open(place / "building", "a") as file:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def seal(
    place: FilePath, description: Description, needed: Iterable[str], contents: dict[str, Any]
) -> None:
    """Declare an entry complete: write its manifest, in one piece."""
    manifest = {
        "description": asdict(description),
        "bytes": _size_of(place),
        "files": {name: _fingerprint(place / name) for name in needed},
        "contents": contents,
    }
    partial = place / f"{_MANIFEST}.{os.getpid()}"
    partial.write_text(json.dumps(manifest))
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
            f"{folder()}: the build cache cannot be read ({error.strerror})", _CHOOSE_FOLDER
        ) from None
    found = [_entry(each) for each in places if not each.name.startswith(_REMOVED)]
    return sorted((each for each in found if each), key=lambda each: each.last_used)


def trim(most: int) -> list[Entry]:
    """Remove the least recently used entries until the others fit into so many bytes.

    What a process is building or using stays. Returns what was removed.
    """
    for leftover in folder().glob(f"{_REMOVED}*"):  # of a removal that was interrupted
        shutil.rmtree(leftover, ignore_errors=True)
    found = entries()
    total = sum(each.bytes for each in found)
    removed = []
    for each in found:
        if total > most and _remove_unused(each):
            removed.append(each)
            total -= each.bytes
    return removed


def _open(place: FilePath) -> Opened | None:
    """An entry, held; None if it is not there or is damaged."""
    if (hold := _lock(place)) is None:
        return None
    if (manifest := _manifest(place)) is None or not _is_whole(place, manifest):
        return None
    return Opened(place, manifest["contents"], True, hold)


def _lock(place: FilePath, exclusive: bool = False) -> Hold | None:
    """Lock an entry; None if it is gone, or if it cannot be had exclusively.

    A shared lock notes that the entry was used now. Where files cannot be locked or written, an
    entry counts as held, and is never had exclusively.
    """
    try:
        descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError:
        return None
    except OSError:
        return None if exclusive else Hold(None)
    hold = Hold(descriptor)
    try:
        if fcntl is None:
            return None if exclusive else hold
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if exclusive else fcntl.LOCK_SH)
        if not exclusive:
            os.utime(descriptor)
        is_there = os.path.samestat(os.stat(place / _LOCK), os.fstat(descriptor))
    except FileNotFoundError:  # it was removed while this process waited for the lock
        return None
    except OSError:
        return None if exclusive else hold
    return hold if is_there else None


def _manifest(place: FilePath) -> dict[str, Any] | None:
    """The manifest of an entry; None if there is none, or it is damaged."""
    try:
        manifest = json.loads((place / _MANIFEST).read_text())
        Description(**manifest["description"])
    except (OSError, ValueError, KeyError, TypeError):  # TypeError: of another form
        return None
    return manifest if manifest.keys() >= _KEYS else None


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
        size = manifest["bytes"] if manifest else _size_of(place)
    except FileNotFoundError:
        return None
    description = Description(**manifest["description"]) if manifest else Description("unknown")
    in_use = _lock(place, exclusive=True) is None
    return Entry(place, description, size, used, manifest is not None, in_use)


def _size_of(place: FilePath) -> int:
    return sum(each.lstat().st_size for each in place.rglob("*") if not each.is_dir())


def _new_folder(name: str) -> FilePath:
    try:
        folder().mkdir(parents=True, exist_ok=True)
        return FilePath(tempfile.mkdtemp(prefix=f"{name}-", dir=folder()))
    except OSError as error:
        raise _cannot_be_written(error) from None


def _cannot_be_written(error: OSError) -> CircuitError:
    hint = "`thalia cache clear` makes room; or " if error.errno in _FULL else ""
    message = f"{folder()}: the build cache cannot be written ({error.strerror})"
    return fail(message, f"{hint}{_CHOOSE_FOLDER}")


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
    hold = _lock(entry.folder, exclusive=True)
    return hold is not None and _remove(entry.folder)


def _remove(place: FilePath) -> bool:
    """Remove an entry: whoever looks for it meanwhile finds it whole or not at all."""
    gone = place.with_name(f"{_REMOVED}{uuid4().hex}")
    try:
        place.rename(gone)
    except FileNotFoundError:  # another process was faster
        return False
    shutil.rmtree(gone, ignore_errors=True)
    return True

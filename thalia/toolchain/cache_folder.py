"""Where compiled programs are kept, and who else may write there: they are run as this user.

The folder of the user is made for the user alone. A folder of a group is taken if the environment
names it and it is set up for that, and folders that are only read (`THALIA_CACHE_LAYERS`) come
before it: those of a container image, or what an administrator built.
"""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path as FilePath

from thalia.errors import CircuitError, fail, system_error

try:
    import grp
    import pwd
except ImportError:  # Windows: permissions are of another kind
    grp = pwd = None  # type: ignore[assignment]

CACHE = "THALIA_CACHE"
LAYERS = "THALIA_CACHE_LAYERS"
_OWN = f"set {CACHE} to a folder of your own"
_WRITABLE = f"set {CACHE} to a folder that can be written"
_ROOT = 0


def folder() -> FilePath:
    """Where programs are kept: `$THALIA_CACHE`, or `thalia` in the user's cache folder.

    Raises
    ------
    CircuitError
        If the user has no home folder, and none was chosen.
    """
    if chosen := os.environ.get(CACHE):
        return FilePath(chosen)
    try:
        return FilePath(os.environ.get("XDG_CACHE_HOME") or FilePath.home() / ".cache") / "thalia"
    except RuntimeError:  # as in a container whose user is a number without a name
        raise fail(
            "the build cache has no folder: this user has no home folder", _WRITABLE
        ) from None


def ready() -> FilePath:
    """That folder, made for this user alone if it is not there.

    Raises
    ------
    CircuitError
        If it cannot be made, or others may write there.
    """
    place = folder()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
        _refuse_unsafe(place, CACHE if os.environ.get(CACHE) else "")
    except OSError as error:
        raise cannot_be_written(error) from None
    return place


def layers() -> list[FilePath]:
    """The folders that are looked in first, and only read: those in `$THALIA_CACHE_LAYERS`.

    Raises
    ------
    CircuitError
        If one of them is not there, or others may write there.
    """
    places = [
        FilePath(each) for each in os.environ.get(LAYERS, "").split(os.pathsep) if each.strip()
    ]
    for place in places:
        if not place.is_dir():
            raise fail(f"{LAYERS}: there is no folder {place}", "mend the list, or unset it")
        _refuse_unsafe(place, LAYERS)
    return places


def cannot_be_written(error: OSError) -> CircuitError:
    """The error for a folder that the system does not let this user write."""
    path = os.fsdecode(error.filename or folder())
    if not FilePath(path).is_relative_to(folder()) and not folder().is_relative_to(path):
        return system_error(error)
    (problem,) = system_error(error, path).problems
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "`thalia cache clear` makes room" if is_full else problem.hint
    return fail(
        f"{path}: the build cache cannot be written ({error.strerror})",
        "; or ".join(filter(None, (hint, _WRITABLE))),
    )


def _refuse_unsafe(place: FilePath, variable: str) -> None:
    """Refuse a folder in which others could replace the programs that this user runs.

    Root, the user and the owner of this installation are trusted. So is a group, if the user is in
    it, the environment names the folder, and what is made in the folder belongs to the group
    (`chmod g+s`), as a sign of that intention.
    """
    if pwd is None:
        return
    found = place.stat()
    mode, owner, group = found.st_mode, found.st_uid, found.st_gid
    is_shared = variable and mode & stat.S_ISGID and group in {os.getegid(), *os.getgroups()}
    if not stat.S_ISDIR(mode):
        raise fail(f"{place}: the build cache is not a folder", _WRITABLE)
    if mode & stat.S_IWOTH:
        raise _unsafe(place, "every user can write to it", f"`chmod o-w {place}`, or {_OWN}")
    if mode & stat.S_IWGRP and not is_shared:
        name = _name(group, lambda number: grp.getgrgid(number).gr_name)
        hint = f"`chmod g-w {place}`; to share it with that group, `chmod g+s {place}`"
        raise _unsafe(place, f"the group {name} can write to it", f"{hint} and {CACHE}={place}")
    if not is_shared and owner not in {_ROOT, os.getuid(), FilePath(__file__).stat().st_uid}:
        name = _name(owner, lambda number: pwd.getpwuid(number).pw_name)
        raise _unsafe(place, f"it belongs to the user {name}", _OWN)


def refuse_unsafe_entry(place: FilePath, names: list[str]) -> None:
    """Refuse an entry of a safe folder whose maker lets every user write to it.

    Raises
    ------
    CircuitError
        If that is so.
    """
    for each in (place, *(place / name for name in names)):
        if pwd is not None and each.stat().st_mode & stat.S_IWOTH:
            raise _unsafe(each, "every user can write to it", f"`chmod -R o-w {place}`")


def share(place: FilePath) -> None:
    """Give what is in a new folder of the cache to those who may read or write the cache itself.

    Where only its owner may remove a file (the sticky bit), the group reads, and does not write.
    """
    around = stat.S_IMODE(place.parent.stat().st_mode)
    allowed = around & (0o755 if around & stat.S_ISVTX else 0o775)
    for each in (place, *place.rglob("*")):
        owner = each.stat().st_mode & stat.S_IRWXU
        mode = (owner | owner >> 3 | owner >> 6) & allowed
        with suppress(PermissionError):  # of another user, who saw to it
            each.chmod(mode | (around & stat.S_ISGID if each.is_dir() else 0))


def _unsafe(place: FilePath, why: str, hint: str) -> CircuitError:
    return fail(f"{place}: the build cache is not safe: {why}, and what is in it is run", hint)


def _name(number: int, find: Callable[[int], str]) -> str:
    """The name of a user or a group; the number where there is none, as in a container."""
    try:
        return find(number)
    except KeyError:
        return str(number)

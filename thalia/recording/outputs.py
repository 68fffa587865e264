"""Names of results: taken when they are chosen, so that of all who choose one only one gets it.

Nothing depends on the clock: a time is the first part of a name, and whoever finds it taken counts
on.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath

from thalia.errors import CircuitError, fail, system_error
from thalia.recording.journal import JournalledFile, MovedError, is_being_written
from thalia.recording.pending_commit import Stamp, journal_of

MOST_NAMES = 10_000  # of one second
GRACE_SECONDS = 60.0  # in which a file that nobody has locked may be one that is just being made
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Claim:
    """A run file to be, which nobody else can write; nothing has its name before it has contents.

    `overwrite` says that it may replace another file.
    """

    file: FilePath
    disk: JournalledFile
    overwrite: bool

    def drop(self) -> None:
        """Leave the name to others, unless something was written under it."""
        if not self.disk.closed:
            self.disk.remove()

    def commit(self, hint: str = "") -> None:
        """Apply all changes so far to the file, which gets its name with the first of them.

        `hint` says what can be done with the file where it is now, `{place}`, if it was moved.

        Raises
        ------
        CircuitError
            If the file was moved or deleted, or another was made where it should be.
        """
        try:
            self.disk.commit()
            if self.disk.path != self.file:
                self.disk.rename(self.file, self.overwrite)
        except MovedError as error:
            told = hint.format(place=error.place) if error.place else ""
            raise fail(f"{self.file}: {error} while it was being written", told) from None
        except FileExistsError:
            raise fail(
                f"{self.file}: was made by another program meanwhile", "choose another name"
            ) from None
        except BlockingIOError:
            raise busy(self.file) from None


def claim(file: FilePath, overwrite: bool = False) -> Claim:
    """Take the name of a run file.

    Raises
    ------
    CircuitError
        If it exists and is not to be overwritten, if another process is writing it or has taken the
        name, or if it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise system_error(error, file) from None
    try:
        return _claimed(file, overwrite)
    except FileExistsError:
        raise fail(f"{file}: exists already", "choose another name, or say --overwrite") from None
    except BlockingIOError:
        raise busy(file) from None
    except OSError as error:
        raise system_error(error, file) from None


def claim_new(folder: FilePath, ending: str) -> Claim:
    """Take the first free name of a run file in a folder: the time, and a number if it is taken.

    Raises
    ------
    CircuitError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _names():
            with suppress(FileExistsError, BlockingIOError):
                return _claimed(folder / f"{name}{ending}", overwrite=False)
    except OSError as error:
        raise system_error(error, folder) from None
    raise fail(f"{folder}: has no free name", "name the run file with -o")


def new_folder(parent: FilePath) -> FilePath:
    """Make the first folder in another whose name is free: the time, and a number if it is taken.

    Raises
    ------
    CircuitError
        If it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for name in _names():
            with suppress(FileExistsError):
                (parent / name).mkdir()
                return parent / name
    except OSError as error:
        raise system_error(error, parent) from None
    raise fail(f"{parent}: has no free name", "name the folder with -o")


@contextmanager
def replacing(file: FilePath) -> Iterator[FilePath]:
    """A path beside a file to write to, which takes its place at the end, whole or not at all.

    A link is replaced, too, not followed.
    """
    partial = file.with_name(f".{os.urandom(4).hex()}_{file.name}")
    try:
        yield partial
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def held(file: FilePath) -> Iterator[None]:
    """Keep all others from writing a file that is replaced again and again, as long as it lasts.

    Raises
    ------
    CircuitError
        If another process does, or its folder cannot be written.
    """
    guard = file.with_name(f".{file.name}.lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk = JournalledFile(guard, create=True)
    except BlockingIOError:
        raise busy(file) from None
    except OSError as error:
        raise system_error(error, file) from None
    try:
        yield
    finally:
        disk.remove()


@contextmanager
def reserved(file: FilePath) -> Iterator[None]:
    """Take the name of a file that is written at the end: it is empty until then.

    Raises
    ------
    CircuitError
        If it exists.
    """
    try:
        open(file, "xb").close()
    except FileExistsError:
        raise fail(f"{file}: exists already", "choose another name, or say --overwrite") from None
    except OSError as error:
        raise system_error(error, file) from None
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def replace_file(file: FilePath, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(file) as partial, open(partial, "x", encoding="utf-8") as made:
        made.write(text)


def busy(file: FilePath) -> CircuitError:
    """The error for a run file that another process is writing."""
    return fail(
        f"{file}: another process is writing it", "wait until it is done, or choose another file"
    )


def stamp() -> str:
    """The present time, as names have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")


def _names() -> Iterator[str]:
    now = stamp()
    yield now
    yield from (f"{now}_{number}" for number in range(2, MOST_NAMES))


def _claimed(file: FilePath, overwrite: bool) -> Claim:
    """Take a name, in this order: who has it last looks whether the file was made meanwhile.

    Raises
    ------
    FileExistsError, BlockingIOError, OSError
        If it exists, if another process has it, or if it cannot be written.
    """
    _remove_leftovers(file.parent)
    disk = JournalledFile(file.with_name(f".{file.name}{_PARTIAL}"), create=True)
    try:
        if os.path.lexists(file):
            if not overwrite:
                raise FileExistsError
            if is_being_written(file):
                raise BlockingIOError
    except BaseException:
        disk.remove()
        raise
    return Claim(file, disk, overwrite)


def _remove_leftovers(folder: FilePath) -> None:
    """Remove what processes left that were killed before there was anything to keep.

    It is empty, or begins as a run file does, and nobody has it.
    """
    for left in folder.glob(f".*.h5{_PARTIAL}"):
        with suppress(OSError):  # it is gone meanwhile, or of another user
            is_old = time.time() - left.lstat().st_mtime > GRACE_SECONDS
            if is_old and left.is_file() and not left.is_symlink() and not is_being_written(left):
                with open(left, "rb") as file:
                    is_ours = not left.stat().st_size or Stamp.of_file(file) is not None
                if is_ours:
                    left.unlink()
                    journal_of(left).unlink(missing_ok=True)

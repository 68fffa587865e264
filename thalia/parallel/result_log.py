"""A folder with the results of many runs, one line each, that can be completed at any time."""

import json
import multiprocessing
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.metadata import version
from io import BufferedRandom
from pathlib import Path as FilePath
from typing import Any

from thalia.errors import fail
from thalia.recording.journal import lock, unfollowed
from thalia.recording.outputs import new_folder, replace_file
from thalia.simulation.interruption import terminable
from thalia.simulation.run import explained
from thalia.syntax.folder import MAX_TEXT, read_bytes

RESULTS = "results.jsonl"
FOLDERS = {"sweep": "sweeps", "fit": "fits", "study": "studies", "experiment": "experiments"}


@contextmanager
def results_of(
    kind: str, name: str, output: str | FilePath | None, work: Mapping[str, Any]
) -> Iterator["ResultLog"]:
    """The results of some work, in the folder that was asked for, or a new one with a time as name.

    A new folder in which nothing was written is removed at the end.

    Parameters
    ----------
    kind : 'sweep', 'fit', 'study' or 'experiment'
    name : str
        The circuit.
    work : mapping
        All that the results depend on, as plain data.

    Raises
    ------
    CircuitError
        If the folder cannot be written, or holds something else, or a script without a guard does
        this again in the processes of its runs, which import it.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise fail(
            "each process of its runs imports this script, which starts them again",
            'put what it does under `if __name__ == "__main__":`',
        )
    folder = FilePath(output) if output else new_folder(FilePath(FOLDERS[kind]) / name)
    results = None
    try:
        with terminable(), explained(folder):
            results = ResultLog(folder, kind, work)
            yield results
    except (KeyboardInterrupt, SystemExit) as end:
        if (folder / RESULTS).exists():
            end.add_note(f"the same command with `-o {folder}` continues")
        raise
    finally:
        if results is not None:
            results.close()
        if not output:
            with suppress(OSError):  # something is in it
                folder.rmdir()


class ResultLog:
    """The results of one piece of work, by the number of the run.

    Parameters
    ----------
    folder : path
        A new folder, which `create` makes, or that of the same work, which is continued.
    kind : str
        What the work is called, as in 'sweep'; the folder says so.
    work : mapping
        All that the results depend on, as plain data.

    Raises
    ------
    CircuitError
        If the folder holds something else, or another process is writing it.
    """

    def __init__(self, folder: FilePath, kind: str, work: Mapping[str, Any]):
        self.folder, self.kind, self.found = folder, kind, dict[int, Any]()
        self.work = self.description(work)
        self.place = folder / f"{kind}.json"
        self.file: BufferedRandom | None = None
        if self.place.exists():
            self._check_work()
            self._open()
        elif folder.is_file() or (folder.exists() and any(map(_counts, folder.iterdir()))):
            raise fail(f"{folder}: is there already, and holds no {kind}", "choose another folder")

    @staticmethod
    def description(work: Mapping[str, Any]) -> dict[str, str]:
        """What the folder says of its work."""
        digest = sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
        return {"thalia": version("thalia"), "digest": digest}

    def create(self) -> None:
        """Make the folder, if it is new; until then nothing is written that would block it.

        Raises
        ------
        CircuitError
            If another process has made it meanwhile.
        """
        if self.file is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._open()
        if self.place.exists():
            self._check_work()
        else:
            replace_file(self.place, json.dumps(self.work))

    def write(self, index: int, numbers: Any) -> None:
        """Keep the result of a run, now."""
        assert self.file is not None, "it was created"
        self.found[index] = numbers
        self.file.write(json.dumps({"index": index, "numbers": numbers}).encode() + b"\n")
        self.file.flush()

    def close(self) -> None:
        """Leave the folder to others."""
        if self.file is not None:
            self.file.close()

    def _check_work(self) -> None:
        if _read(read_bytes(self.place, str(self.place), MAX_TEXT)) != self.work:
            raise fail(
                f"{self.folder}: holds another {self.kind}",
                "choose another folder, or give the same circuit, values and seeds",
            )

    def _open(self) -> None:
        """Take the results that there are; nobody else can write them as long as this is open."""
        place = self.folder / RESULTS
        if os.path.lexists(place) and not stat.S_ISREG(place.lstat().st_mode):
            raise fail(f"{place}: is not a regular file", "choose another folder")
        # for as long as this lives
        self.file = open(place, "a+b", opener=unfollowed)  # noqa: SIM115
        try:
            lock(self.file)
        except BlockingIOError:
            self.close()
            raise fail(
                f"{self.folder}: another process is writing it",
                "wait until it is done, or choose another folder",
            ) from None
        self.file.seek(0)
        lines = self.file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):  # of work that was killed
            self.file.truncate(sum(map(len, lines[:-1])))
        for each in map(_read, lines):
            match each:  # else it is damaged, and is computed again
                case {"index": int(index), "numbers": dict(numbers)}:
                    self.found[index] = numbers


def _counts(entry: FilePath) -> bool:
    """Whether an entry of a folder is more than what work that was killed left there."""
    hidden = entry.name.startswith(".")
    return not hidden and not (entry.name == RESULTS and not entry.stat().st_size)


def _read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None

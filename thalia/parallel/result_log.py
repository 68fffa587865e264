"""A folder with the results of many runs, one line each, that can be completed at any time."""

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

from thalia.errors import fail

RESULTS = "results.jsonl"


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
        If the folder holds something else.
    """

    def __init__(self, folder: FilePath, kind: str, work: Mapping[str, Any]):
        self.folder, self.found = folder, dict[int, Any]()
        digest = sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
        self.work = {"thalia": version("thalia"), "digest": digest}
        self.place = folder / f"{kind}.json"
        if self.place.exists():
            if _read(self.place.read_text("utf-8")) != self.work:
                raise fail(
                    f"{folder}: holds another {kind}",
                    "choose another folder, or give the same circuit, values and seeds",
                )
            kept = [
                each
                for each in map(_read, (folder / RESULTS).read_text("utf-8").splitlines())
                if each
            ]
            replace_file(folder / RESULTS, "".join(f"{json.dumps(each)}\n" for each in kept))
            self.found = {each["index"]: each["numbers"] for each in kept}
            return
        if folder.is_file() or (folder.exists() and any(folder.iterdir())):
            raise fail(f"{folder}: is there already, and holds no {kind}", "choose another folder")

    def create(self) -> None:
        """Make the folder, if it is new; until then nothing is written that would block it."""
        if self.place.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / RESULTS).touch()
        replace_file(self.place, json.dumps(self.work))

    def write(self, index: int, numbers: Any) -> None:
        """Keep the result of a run, now."""
        self.found[index] = numbers
        with open(self.folder / RESULTS, "a", encoding="utf-8") as file:
            file.write(json.dumps({"index": index, "numbers": numbers}) + "\n")


def replace_file(file: FilePath, text: str) -> None:
    """Write a file whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)  # a link would be followed
    partial.write_text(text, "utf-8")
    partial.replace(file)


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None  # the last line of work that was killed

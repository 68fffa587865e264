"""A run in the formats of other tools: each is one module with `write(run, target)`."""

import os
import shutil
from importlib import import_module
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Protocol

from thalia.errors import did_you_mean, fail, shortened, system_error
from thalia.recording.page_checksums import edited
from thalia.recording.run_file import Run
from thalia.syntax.late_imports import optional

FORMATS = ("graphml", "neo", "nwb", "rocrate", "sonata")


class Format(Protocol):
    """What the module of a format has."""

    ENDING: str  # of the file that it writes; empty for a folder
    FILES: tuple[str, ...]  # in that folder; none for a file
    NEEDS: str  # the library that it needs in addition to Thalia's own

    def write(self, run: Run, target: FilePath) -> None:
        """Write a run."""


def export(
    run: Run, to: str, target: str | FilePath | None = None, overwrite: bool = False
) -> FilePath:
    """Write a run in the format of another tool.

    Parameters
    ----------
    to : 'graphml', 'neo', 'nwb', 'rocrate' or 'sonata'
    target : path, optional
        The file, or for SONATA and RO-Crate the folder, to write; by default next to the run file.
    overwrite : bool
        Whether it may replace what is there.

    Returns
    -------
    path of what was written

    Raises
    ------
    CircuitError
        If the format is unknown, its library is not installed, or the target exists.
    """
    if to not in FORMATS:
        raise fail(f"no format is called '{to}'", did_you_mean(to, FORMATS))
    form: Format = import_module(f"thalia.exporters.{to}")
    if form.NEEDS:
        optional(form.NEEDS, f"--to {to}")
    file = (
        FilePath(target)
        if target is not None
        else run.file.with_name(f"{run.file.stem}{form.ENDING or f'_{to}'}")
    )
    if file.exists():
        _check_target(file, run, form, to, overwrite)
    if not run.attributes["complete"]:
        raise fail(f"{run.file}: is not complete", f"`thalia resume {run.file}` continues it")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as scratch:
            made = FilePath(scratch) / file.name
            with edited(run.file):
                form.write(run, made)
            if not overwrite and os.path.lexists(file):
                raise fail(f"{file}: was made by another program meanwhile", "choose another name")
            if file.is_dir():
                shutil.rmtree(file)
            made.replace(file)  # only when it is complete
    except OSError as error:
        raise system_error(error, file) from None
    return file


def _check_target(file: FilePath, run: Run, form: Format, to: str, overwrite: bool) -> None:
    """Refuse to replace what is not an export."""
    if file.samefile(run.file):
        raise fail(f"{file}: is the run itself", "choose another name")
    if not overwrite:
        raise fail(f"{file}: exists already", "choose another name, or say --overwrite")
    held = {each.name for each in file.iterdir()} if file.is_dir() else set()
    if file.is_dir() and not held & {*form.FILES[:1]}:
        raise fail(f"{file}: is a folder, but not an export to {to}", "choose another name")
    if others := sorted(held - {*form.FILES}):
        raise fail(
            f"{file}: holds {shortened(others[0])}, which is no part of an export to {to}",
            "choose another name, or move it elsewhere",
        )
    if file.is_file() and form.FILES:
        raise fail(f"{file}: is a file, and an export to {to} is a folder", "choose another name")

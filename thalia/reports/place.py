"""Where a page is written."""

from pathlib import Path as FilePath

from thalia.errors import fail

ENDINGS = (".html", ".htm")


def place_of(source: FilePath, output: FilePath | None) -> FilePath:
    """The file of the page: next to the run file, or in the folder, unless it is named.

    Raises
    ------
    CircuitError
        If its name is not that of a page.
    """
    file = output or (source / "report.html" if source.is_dir() else source.with_suffix(".html"))
    check_name(file)
    return file


def check_name(file: FilePath) -> None:
    """Refuse to write a page over what is none, such as a run file.

    Raises
    ------
    CircuitError
        If the name of the file does not end in `.html`.
    """
    if file.suffix.lower() not in ENDINGS:
        raise fail(f"{file}: a report is HTML", f"give {file.with_suffix('.html')}")

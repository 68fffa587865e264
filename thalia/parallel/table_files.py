"""The tables in folders of results, read again: text, of which nothing but numbers is used."""

import csv
from pathlib import Path as FilePath

from thalia.errors import fail, in_a_line
from thalia.syntax.folder import read_text

MOST_BYTES = 100_000_000


def read_rows(file: FilePath) -> tuple[list[str], list[list[str]]]:
    """The headings and the rows of a table.

    Raises
    ------
    CircuitError
        If there is none, or its rows are not as long as its headings.
    """
    try:
        head, *rows = csv.reader(read_text(file, most=MOST_BYTES).splitlines())
    except (ValueError, csv.Error) as error:
        raise fail(f"{file}: is damaged, or no table: {in_a_line(error)}") from None
    if any(len(row) != len(head) for row in rows):
        raise fail(f"{file}: is damaged: its rows are not as long as its headings")
    return head, rows

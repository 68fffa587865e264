"""What commands write to the terminal, where texts from files must not control it."""

from typing import TextIO

from thalia.errors import printable


def say(text: object, file: TextIO | None = None, end: str = "\n") -> None:
    """Print a text, by default to standard output."""
    print(printable(str(text)), file=file, end=end)

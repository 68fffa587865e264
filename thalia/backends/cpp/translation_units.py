"""Fewer translation units: Brian2 writes a file per code object, most of which are mostly headers.

Code objects with the same support code are joined, as many as take about as long to compile as
their headers take to read.
"""

import re
from collections.abc import Sequence
from pathlib import Path as FilePath

# what comes before the support code, the support code, the definitions, and the function
_PIECE = re.compile(
    r"(.*?)(////// SUPPORT CODE ///////\n.*?////// HASH DEFINES ///////\n)(.*?)(\nvoid .*)",
    re.DOTALL,
)
MOST = 70_000  # characters of functions in one file; longer ones are kept separate


def joined(folder: FilePath, sources: Sequence[str]) -> list[str]:
    """The sources to compile instead: those with the same support code joined, the others as is."""
    kept: list[str] = []
    alike: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for source in sources:
        piece = (
            _PIECE.fullmatch((folder / source).read_text())
            if source.startswith("code_objects/")
            else None
        )
        if piece is None or len(piece[4]) > MOST:
            kept.append(source)
        else:
            alike.setdefault((piece[2], piece[3]), []).append((piece[1], piece[4]))
    for (support, defined), pieces in alike.items():
        for batch in _batches(pieces):
            includes = dict.fromkeys(line for head, _ in batch for line in head.splitlines())
            name = f"code_objects/unit_{len(kept)}.cpp"
            (folder / name).write_text(
                "\n".join([*includes, support, defined, *(function for _, function in batch)])
            )
            kept.append(name)
    return kept


def _batches(pieces: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The pieces in their order, in batches of no more than so many characters."""
    found: list[list[tuple[str, str]]] = []
    size = MOST
    for piece in pieces:
        if size + len(piece[1]) > MOST:
            found.append([])
            size = 0
        found[-1].append(piece)
        size += len(piece[1])
    return found

"""Which rows of a table are taken: those for which a condition on its columns holds."""

from collections.abc import Mapping

from thalia.data.tables import Chunk, Kind
from thalia.errors import MistakeInText, fail
from thalia.syntax.selection import Selection

Aliases = Mapping[str, str]


def kinds(where: Selection | None, aliases: Aliases) -> dict[str, Kind]:
    """The columns that a condition reads, by what the file calls them, each with its kind."""
    compared = where.compared if where else {}
    return {
        aliases.get(name, name): Kind.TEXT if words else Kind.NUMBER
        for name, words in compared.items()
    }


def chosen(chunk: Chunk, where: Selection | None, aliases: Aliases) -> Chunk:
    """The rows for which a condition holds.

    Raises
    ------
    CircuitError
        If it compares numbers with words.
    """
    if where is None:
        return chunk
    columns = {name: chunk.columns[aliases.get(name, name)] for name in where.compared}
    try:
        return chunk.where(where.holds(len(chunk), columns))
    except MistakeInText as error:
        raise fail(f"`where: {where}`: {error}", error.hint) from None

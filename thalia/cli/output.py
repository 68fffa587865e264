"""What commands write to the terminal, where texts from files must not control it."""

from typing import Any, TextIO

from thalia.errors import printable


def say(text: object, file: TextIO | None = None, end: str = "\n") -> None:
    """Print a text, by default to standard output."""
    print(printable(str(text)), file=file, end=end)


def terminal(stderr: bool = False) -> Any:
    """A console of Rich for tables, without the markup that texts may contain by chance."""
    from rich.console import Console
    from rich.text import Text

    class Terminal(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable(text), **options)

    return Terminal(stderr=stderr, highlight=False, markup=False, emoji=False)

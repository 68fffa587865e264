"""The terminal as Rich writes to it, where texts from files must not control it."""

from typing import Any

from thalia.errors import printable


def terminal(stderr: bool = False) -> Any:
    """A console of Rich, without the markup that texts may contain by chance."""
    from rich.console import Console
    from rich.text import Text

    class Terminal(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable(text), **options)

    return Terminal(stderr=stderr, highlight=False, markup=False, emoji=False)

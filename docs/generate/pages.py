"""The pages that are made when the site is built, by their paths on it."""

from collections.abc import Callable
from functools import cache

from docs.generate import reference

REFERENCE: dict[str, Callable[[], str]] = {
    "reference/keys.md": reference.keys_page,
    "reference/options.md": reference.commands_page,
    "reference/api.md": reference.python_page,
}


@cache
def made_pages() -> dict[str, Callable[[], str]]:
    """What writes each page, by its path on the site."""
    return {**REFERENCE}

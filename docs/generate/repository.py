"""Files of the repository as files of the site, and links between them.

A page is written for readers of the repository: its links are paths of files there. On the site
`docs/` is the root, README.md is the home page, and every other file stands at its own path.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = "README.md"
# the target of a link or an image, up to its anchor
LINK = re.compile(r"(\]\()((?!\w+:|#)[^)\s#]+)(#[^)\s]*)?(\))")
CODE = re.compile(r"^(```|~~~).*?^\1\s*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def site_path(path: str) -> str:
    """Where a file of the repository stands on the site."""
    if path == HOME:
        return "index.md"
    return path.removeprefix("docs/")


def repository_path(source: str) -> str:
    """The file of the repository that stands at a path of the site."""
    if source == "index.md":
        return HOME
    return source if (ROOT / source).exists() else f"docs/{source}"


def outside_code(text: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a page, and whether each is text rather than code."""
    end = 0
    for code in CODE.finditer(text):
        yield text[end : code.start()], True
        yield code[0], False
        end = code.end()
    yield text[end:], True


def linked(text: str, page: str) -> set[str]:
    """The files of the repository to which a page (its path there) links."""
    folder = posixpath.dirname(page)
    found = (
        posixpath.normpath(posixpath.join(folder, link[2]))
        for piece, is_text in outside_code(text)
        if is_text
        for link in LINK.finditer(piece)
    )
    return {path for path in found if (ROOT / path).is_file()}


def with_links_of_the_site(text: str, page: str) -> str:
    """A page of the repository with the links that it has on the site."""
    folder, here = posixpath.dirname(page), posixpath.dirname(site_path(page))

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        if not (ROOT / target).exists():
            return link[0]
        path = posixpath.relpath(site_path(target), here or ".")
        return f"{link[1]}{path}{link[3] or ''}{link[4]}"

    return "".join(
        LINK.sub(moved, piece) if is_text else piece for piece, is_text in outside_code(text)
    )

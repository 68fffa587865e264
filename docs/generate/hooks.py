"""What mkdocs calls while it builds the site (see mkdocs.yml)."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.generate.mathematics import typeset
from docs.generate.pages import made_pages
from docs.generate.repository import (
    HOME,
    ROOT,
    linked,
    repository_path,
    site_path,
    with_links_of_the_site,
)

FIRST = (HOME, "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def on_files(files: Files, config: Any) -> Files:
    """Add the files of the repository to which a page links, and the pages that are made."""
    todo = [*FIRST, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    for uri, write in made_pages().items():
        files.append(File.generated(config, uri, content=write()))
    for path in todo:  # grows: a page that is added links to others
        uri = site_path(path)
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
        if path.endswith(".md"):
            todo += sorted(linked((ROOT / path).read_text("utf-8"), path) - {*todo})
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of the repository become those of the site, and formulas are typeset."""
    if page.file.src_uri in made_pages():
        return typeset(markdown)
    path = repository_path(page.file.src_uri)
    return typeset(with_links_of_the_site(markdown, path))

"""What mkdocs calls while it builds the site (see mkdocs.yml)."""

import os
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
from docs.generate.running import Page, is_run, picture_name, run_page

RUN: dict[str, Page] = {}  # the pages that were run, by their path on the site
FIRST = (HOME, "CHANGELOG.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md", "llms.txt")


def on_config(config: Any) -> Any:
    """Write out the entries of the navigation that stand for a folder of made pages."""
    config.nav = _written_out(config.nav)
    return config


def _written_out(entry: Any) -> Any:
    """`{Rules: library/plasticity/}` becomes the index of the folder and its pages."""
    if isinstance(entry, list):
        return [_written_out(each) for each in entry]
    if isinstance(entry, dict):
        return {title: _written_out(each) for title, each in entry.items()}
    if not entry.endswith("/"):
        return entry
    pages = [uri for uri in made_pages() if uri.startswith(entry) and uri.endswith(".md")]
    return sorted(pages, key=lambda uri: (not uri.endswith("index.md"), uri))


def on_files(files: Files, config: Any) -> Files:
    """Add the files of the repository to which a page links, and the pages that are made."""
    todo = [*FIRST, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    for uri, write in made_pages().items():
        text = write()
        files.append(File.generated(config, uri, content=text))
        if uri.endswith(".md"):
            todo += sorted(linked(text, uri) - {*todo})
    for path in todo:  # grows: a page that is added links to others
        uri = site_path(path)
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
        if path.endswith(".md"):
            todo += sorted(linked((ROOT / path).read_text("utf-8"), path) - {*todo})
    for file in files.documentation_pages():
        if is_run(file.src_uri) and os.environ.get("DOCS_RUN") != "no":
            _run(file, files, config)
    return files


def _run(file: File, files: Files, config: Any) -> None:
    """Run a tutorial or guide, and put the pictures that it made on the site."""
    path = Path(file.src_uri)
    page = RUN[file.src_uri] = run_page(file.content_string, path.stem)
    for name, picture in page.pictures.items():
        uri = f"{path.parent}/{picture_name(path.stem, name)}"
        files.append(File.generated(config, uri, content=picture))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of the repository become those of the site, and formulas are typeset."""
    markdown = RUN[page.file.src_uri].text if page.file.src_uri in RUN else markdown
    if page.file.src_uri in made_pages():
        return typeset(markdown)
    path = repository_path(page.file.src_uri)
    return typeset(with_links_of_the_site(markdown, path))

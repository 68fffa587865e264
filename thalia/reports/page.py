"""One page of HTML with all that it needs, in which nothing of a file is run.

Texts are escaped, charts are data, and a policy in the page's head allows exactly the scripts that
are written here, by their digests: whatever a text of a file contains, no browser runs it, and
nothing is loaded from elsewhere.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

from bokeh.embed import json_item
from bokeh.resources import Resources

from thalia.errors import system_error
from thalia.recording.outputs import replacing, stamp
from thalia.reports.place import check_name

HEIGHT = 720  # pixels of the frame in a notebook
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; margin: 0 auto; max-width: 72rem;
  padding: 0 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 1.2rem 0 .2rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; } a { color: #00598f; }
nav { position: sticky; top: 0; background: #fff; border-bottom: 1px solid #ccc; z-index: 5;
  padding: .4rem 0; display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-size: .9rem; }
section { scroll-margin-top: 4rem; } .wide { overflow-x: auto; }
.picture img { min-width: 44rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; vertical-align: top; }
.wide td { white-space: pre; }
th { border-bottom: 2px solid #888; } figure { margin: .8rem 0; }
figcaption, .remark { color: #555; font-size: .88rem; margin: .3rem 0; }
img { max-width: 100%; height: auto; } pre { overflow-x: auto; background: #f5f5f5; padding: .6rem;
  font-size: .82rem; } code { overflow-wrap: anywhere; } li { overflow-wrap: anywhere; }
.ok { color: #006b4f; } .warn { color: #8a5200; } .critical { color: #a8201a; font-weight: 600; }
@media print { nav { display: none; } }
"""
_EMBED = """
for (const item of JSON.parse(document.getElementById("charts").textContent))
  Bokeh.embed.embed_item(item, item.target_id);
"""


@dataclass(frozen=True)
class Chart:
    """A chart of Bokeh, with what it shows in words: for the caption, and for who cannot see it."""

    layout: Any
    caption: str


@dataclass(frozen=True)
class Section:
    """A part of a page: HTML in which every text was escaped, and charts."""

    title: str
    body: str = ""
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Report:
    """A page of HTML; a notebook shows it in place."""

    title: str
    html: str

    def save(self, file: str | FilePath) -> FilePath:
        """Write the page; an existing one is replaced.

        Raises
        ------
        CircuitError
            If the name does not end in `.html`, or the file cannot be written.
        """
        path = FilePath(file)
        check_name(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial, open(partial, "x", encoding="utf-8") as made:
                made.write(self.html)
        except OSError as error:
            raise system_error(error, path) from None
        return path

    def __repr__(self) -> str:
        return f"Report({self.title}: {len(self.html) / 1e6:.1f} MB)"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, which can reach nothing of the notebook."""
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" title="{escape(self.title)}" '
            f'style="width: 100%; height: {HEIGHT}px; border: 1px solid #ccc" '
            f'srcdoc="{escape(self.html)}"></iframe>'
        )


def page(title: str, lead: str, sections: Sequence[Section]) -> Report:
    """A page of sections; `lead` is HTML that stands above them."""
    items: list[Any] = []
    shown = [_section(number, each, items) for number, each in enumerate(sections)]
    links = "".join(
        f'<a href="#s{number}">{escape(each.title)}</a>' for number, each in enumerate(sections)
    )
    # nothing in a script ends it early or begins a comment
    data = json.dumps(items).replace("<", "\\u003c")
    scripts = [_library(), _EMBED] if items else []
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
        f"style-src 'unsafe-inline'; script-src {_digests(scripts)}"
    )
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>\n<body>\n"
        f"<header><h1>{escape(title)}</h1>{lead}</header>\n<nav>{links}</nav>\n"
        f"<main>\n{''.join(shown)}</main>\n"
        f'<footer class="remark">Made by Thalia {escape(version("thalia"))}, '
        f"{stamp()[:10]}.</footer>\n"
        f'<script type="application/json" id="charts">{data}</script>\n'
        f"{''.join(f'<script>{each}</script>' for each in scripts)}\n</body></html>\n"
    )
    return Report(title, html)


def _section(number: int, section: Section, items: list[Any]) -> str:
    """A section as HTML; its charts become items to be embedded."""
    drawn = []
    for chart in section.charts:
        target = f"chart{len(items)}"
        items.append(json_item(chart.layout, target))
        caption = escape(chart.caption)
        drawn.append(
            f'<figure><div id="{target}" role="img" aria-label="{caption}"></div>'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return (
        f'<section id="s{number}"><h2>{escape(section.title)}</h2>\n'
        f"{''.join(drawn)}{section.body}</section>\n"
    )


def _library() -> str:
    """BokehJS without its widgets and tables."""
    files = Resources(mode="inline", components=["bokeh"]).js_raw
    return "\n".join(files).replace("\r\n", "\n")


def _digests(scripts: Sequence[str]) -> str:
    """What a policy allows of scripts: these, or none."""
    sums = (b64encode(sha256(each.encode()).digest()).decode() for each in scripts)
    return " ".join(f"'sha256-{each}'" for each in sums) or "'none'"


def remarks(texts: Iterable[str]) -> str:
    """Lines below a table."""
    return "".join(f'<p class="remark">{escape(each)}</p>' for each in texts)


def wide(table: str) -> str:
    """A table that scrolls by itself where the page is too narrow for it."""
    return f'<div class="wide">{table}</div>' if table else ""


def scrolled(picture: str) -> str:
    """A picture that stays large enough to be read, and scrolls by itself on a narrow page."""
    return f'<div class="wide picture" tabindex="0">{picture}</div>'


def folded(title: str, body: str) -> str:
    """HTML that is shown when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>" if body else ""


def quoted(text: str) -> str:
    """A text as it is, such as a file or a command."""
    return f"<pre>{escape(text)}</pre>"

"""Tutorials and guides: their blocks are run, in order, in an empty folder, and show what came out.

A block with a file as its title is written (`yaml title="first.yaml"`), commands (`sh`) and Python
are run, and what they print follows them. A block whose title begins with "not run" says why. A
comment `<!-- figure FILE: what it shows -->` becomes that picture, which a block has written.
"""

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
FIGURE = re.compile(r"<!-- figure ([\w./-]+): (.*?) -->", re.DOTALL)
LONGEST = 600  # seconds, of a command
SHOWN = 60  # lines of what a block prints
ENVIRONMENT = {**os.environ, "COLUMNS": "96", "MPLBACKEND": "agg", "NO_COLOR": "1"}
# takes code as JSON, a line each, and answers with what it prints, or its error
INTERPRETER = """
import contextlib, io, json, sys
answers, names = sys.stdout, {"__name__": "page"}
for line in sys.stdin:
    printed, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(json.loads(line), "page", "exec"), names)
    except BaseException as raised:
        error = f"{type(raised).__name__}: {raised}"
    print(json.dumps([printed.getvalue(), error]), file=answers, flush=True)
"""


class PageError(Exception):
    """A block of a page does not do what it should."""


@dataclass
class Page:
    """A page that was run: its text with what came out, and its pictures by name."""

    text: str
    pictures: dict[str, bytes] = field(default_factory=dict)


def run_page(text: str, name: str) -> Page:
    """Run the blocks of a page.

    Raises
    ------
    PageError
        If a command ends with an unexpected status, Python raises, or a picture is not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.closing(_Blocks(Path(folder), name)) as blocks:
            shown = BLOCK.sub(blocks.shown, text)
        pictures: dict[str, bytes] = {}

        def figure(found: re.Match[str]) -> str:
            file, what = found[1], " ".join(found[2].split())
            if not (Path(folder) / file).exists():
                raise PageError(f"{name}: no block has written {file}")
            pictures[file] = (Path(folder) / file).read_bytes()
            return f"![{what}]({picture_name(name, file)})"

        return Page(FIGURE.sub(figure, shown), pictures)


def is_run(uri: str) -> bool:
    """Whether a page of the site is one whose blocks are run."""
    return uri.endswith(".md") and uri.startswith(("tutorials/", "guides/"))


def picture_name(page: str, file: str) -> str:
    """What a picture that a page has made is called beside it."""
    return f"{page}-{file.replace('/', '-')}"


class _Blocks:
    """The folder in which the blocks of a page are run, and the names of its Python."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.interpreter: subprocess.Popen[str] | None = None

    def shown(self, block: re.Match[str]) -> str:
        """A block, followed by what it prints."""
        kind, title, text = block[1], block[2] or "", block[3]
        if title.startswith("not run"):
            return block[0]
        if title:
            (self.folder / title).write_text(text, "utf-8")
            return block[0]
        if kind == "sh":
            return block[0] + _quoted("".join(map(self._command, _commands(text))))
        return block[0] + _quoted(self._python(text)) if kind == "python" else block[0]

    def _command(self, line: str) -> str:
        words = shlex.split(line, comments=True)
        fails = line.rstrip().endswith("# status 2")
        program = [sys.executable, "-m", "thalia"] if words[0] == "thalia" else [words[0]]
        done = subprocess.run(
            [*program, *words[1:]],
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=LONGEST,
            check=False,
        )
        if done.returncode != (2 if fails else 0):
            raise PageError(f"{self.name}: `{line}` ended with {done.returncode}: {done.stderr}")
        printed = done.stdout + (done.stderr if fails else "")
        return printed.replace(f"{self.folder}{os.sep}", "")

    def _python(self, text: str) -> str:
        """What Python prints, in the process that ran the earlier blocks of the page."""
        if self.interpreter is None:
            self.interpreter = subprocess.Popen(
                [sys.executable, "-u", "-c", INTERPRETER],
                cwd=self.folder,
                env=ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        assert self.interpreter.stdin
        assert self.interpreter.stdout
        print(json.dumps(text), file=self.interpreter.stdin, flush=True)
        printed, error = json.loads(self.interpreter.stdout.readline() or '["", "it ended"]')
        if error:
            raise PageError(f"{self.name}: {error} in\n{text}")
        return str(printed)

    def close(self) -> None:
        """End its Python."""
        if self.interpreter is not None:
            self.interpreter.kill()
            self.interpreter.communicate()


def _commands(text: str) -> Iterator[str]:
    """The commands of a block; a backslash continues one on the next line."""
    yield from filter(str.strip, text.replace("\\\n", " ").splitlines())


def _quoted(printed: str) -> str:
    """What was printed, as a block of its own."""
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    if not lines:
        return ""
    left_out = len(lines) - SHOWN
    lines = [*lines[:SHOWN], f"… {left_out} more lines"] if left_out > 0 else lines
    return "\n\n```{ .text .printed }\n" + "\n".join(lines) + "\n```"

"""The progress of what takes long, as a live bar in a terminal or a notebook."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

from thalia.backends import Progress, silent
from thalia.syntax.terminal import terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

BETWEEN = 0.2  # seconds between two pictures of a bar in a notebook

type Shown = Progress | bool
"""How progress is shown: `True` as a bar, where there is a terminal or notebook; a function."""


def shown(progress: Shown) -> AbstractContextManager[Progress]:
    """What progress is reported to, as a user asks for it."""
    if isinstance(progress, bool):
        return progress_bar(quiet=not progress)
    return nullcontext(progress)


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Progress]:
    """A live bar, on standard error or in the output of a notebook's cell; it disappears at last.

    Nothing is shown where output goes to a file or a pipe.
    """
    console = terminal(stderr=True)
    if quiet or not (console.is_terminal or console.is_jupyter):
        yield silent
        return
    bar = _bar(console)
    with _in_a_notebook(bar) if console.is_jupyter else bar:
        tasks: dict[str, Any] = {}

        def report(what: str, fraction: float, detail: str = "") -> None:
            if what not in tasks:
                for earlier in tasks.values():
                    bar.update(earlier, visible=False)
                tasks[what] = bar.add_task(what, total=1.0, detail="")
            bar.update(tasks[what], completed=fraction, detail=detail)
            if console.is_jupyter:
                bar.refresh()

        yield report


def _bar(console: Any) -> "Bar":
    from rich.progress import (
        BarColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )

    class Pictured(Bar):
        """A bar that a notebook shows as one picture after another; Rich's own needs a widget."""

        handle: Any = None
        last = 0.0

        def refresh(self) -> None:
            if self.handle is None:
                super().refresh()
            elif monotonic() - self.last > BETWEEN:
                self.last = monotonic()
                self.handle.update(self.make_tasks_table(self.tasks))

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    return Pictured(*columns, console=console, transient=True)


@contextmanager
def _in_a_notebook(bar: Any) -> Iterator[None]:
    """Show a bar in the output of a cell, and clear it at the end."""
    page = import_module("IPython.display")  # which is there, where there is a notebook
    bar.handle = page.display(page.HTML(""), display_id=True)
    try:
        yield
    finally:
        bar.handle.update(page.HTML(""))

"""Reports: a run, or the results of many, as one page of HTML that needs nothing else."""

from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from thalia.errors import fail
from thalia.recording.run_file import Run
from thalia.syntax.late_imports import require

if TYPE_CHECKING:
    from thalia.reports.page import Report


def report(source: Run | str | FilePath) -> "Report":
    """A page about a run, a memory, or the results in a folder: `.save(FILE)` writes it.

    The page is one file that needs no server and no network. It shows activity that can be zoomed,
    weights, graph, health, methods with references, and how to repeat the run; of experiments the
    curves of all conditions, and differences paired by seed; of sweeps, studies and fits their
    tables. A notebook shows it in place.

    Parameters
    ----------
    source : Run or path
        A run, its file, the file of a memory, or the folder of `thalia learn`, `thalia sweep`,
        `thalia study` or `thalia fit`.

    Raises
    ------
    CircuitError
        If there is nothing there to report, the run is not complete, or Bokeh is not installed.
    """
    require("bokeh", "a report")
    from thalia.reports import fit_page, learning, memory_page, run_page, study_page, sweep_page

    if isinstance(source, Run):
        return run_page.of_run(source)
    folder = FilePath(source)
    if folder.is_file() and memory_page.is_memory(folder):
        return memory_page.of_memory(folder)
    if not folder.is_dir() or (folder / "run.py").is_file():  # a program for NEST is a run
        return run_page.of_run(Run(folder))
    pages = {
        "experiment.json": learning.of_experiment,
        "sweep.json": sweep_page.of_sweep,
        "study.json": study_page.of_study,
        "fit.json": fit_page.of_fit,
    }
    for name, page in pages.items():
        if (folder / name).is_file():
            return page(folder)
    raise fail(
        f"{folder}: holds no results",
        "expected a run file, or the folder of `thalia learn`, `thalia sweep`, `thalia study` or "
        "`thalia fit`",
    )

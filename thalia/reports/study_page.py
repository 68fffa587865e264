"""The page about a study: rates in every condition, and differences paired by seed."""

from html import escape
from pathlib import Path as FilePath

from thalia.circuit.experiment_spec import BASELINE
from thalia.errors import counted
from thalia.figures.notebook import table
from thalia.parallel.study import Rate, read_rates
from thalia.reports.page import Report, Section, page, remarks, wide

MOST_ROWS = 2000


def of_study(folder: FilePath) -> Report:
    """The page about the table in a folder.

    Raises
    ------
    CircuitError
        If it holds none, or it is damaged.
    """
    rates = read_rates(folder)
    seeds = max((each.seeds for each in rates), default=0)
    conditions = list(dict.fromkeys(each.condition for each in rates))
    rows = [
        [each.population, each.condition, str(each.seeds), _cell(each.rate), _cell(each.difference)]
        for each in sorted(rates, key=lambda each: _order(rates, each))
    ]
    heads = ("population", "condition", "seeds", "rate (Hz)", f"difference to the {BASELINE} (Hz)")
    told = "mean [95 % interval of the mean over seeds]; differences are paired by seed"
    runs = [str(each.relative_to(folder)) for each in sorted(folder.glob("*/*.h5"))]
    files = "Run files, each of which `thalia report` shows: " + ", ".join(runs[:MOST_ROWS])
    sections = [
        Section("Rates", wide(table(heads, rows, MOST_ROWS)) + remarks([told])),
        Section("Files", remarks([files] if runs else ["the run files are elsewhere"])),
    ]
    lead = f"{counted(len(conditions), 'condition')}, {counted(seeds, 'seed')}"
    return page(folder.resolve().name, f"<p>{escape(lead)}</p>", sections)


def _order(rates: list[Rate], each: Rate) -> tuple[int, int]:
    """By population, then by condition, each in the order of the table."""
    populations = list(dict.fromkeys(other.population for other in rates))
    conditions = list(dict.fromkeys(other.condition for other in rates))
    return populations.index(each.population), conditions.index(each.condition)


def _cell(found: tuple[float, float, float] | None) -> str:
    return f"{found[0]:.4g} [{found[1]:.4g}, {found[2]:.4g}]" if found else ""

"""Numbers and tables on pages, from the results that scripts have kept: none is typed by hand.

    uv run python -m benchmarks.rendering

writes all of them anew. Between a mark, which is a comment, and the next `<!-- end -->` stands

- `<!-- result EXPERIMENT CONDITION [MEASURE] -->`: a result of an experiment (`benchmarks/learning.py`),
- `<!-- difference EXPERIMENT CONDITION OTHER [MEASURE] -->`: that of a condition less that of another,
  paired by seed; `ratio` likewise; `<!-- half difference … -->` half of its interval,
- `<!-- grid EXPERIMENT CONDITION,… MEASURE,… -->`: a table of results,
- `<!-- processor EXPERIMENT … -->`: the processor time of all their conditions and seeds,
- `<!-- measured CIRCUIT CONDITION: MEASURE -->`: a measure of a circuit, or the rate of a population
  (`benchmarks/circuits.py`),
- `<!-- change CIRCUIT CONDITION: MEASURE -->`: what it is more than in the circuit as written, paired by seed,
- `<!-- table CIRCUIT -->`: all measures of a circuit in all its conditions, `origin` how they came about,
- `<!-- models -->`: published models next to the same in Brian2 (`benchmarks/published.py`),
- `<!-- number FILE / KEY / … -->`: a number in a file of `results/`, by its keys,
- `<!-- microcircuit -->`: rates of the cortical microcircuit, here, in NEST, and published
  (`benchmarks/rates.py`),
- `<!-- removals -->`: what changes without each part of the library (`benchmarks/removals.py`),
- `<!-- health -->`: what `thalia health` says of every plastic circuit (`benchmarks/health.py`), `health EXPERIMENT`
  what is out of range in an experiment,
- `<!-- memories -->`: a memory next to indices of vectors (`benchmarks/memory.py`); `memories alike` of
  vectors like prototypes, `memories slept` after a sleep and surprises,
- `<!-- reviews -->`: items of a memory, reviewed in several orders (`benchmarks/memory_reviews.py`),
- `<!-- speed NAME -->`: all sides of a comparison in `results/speed/`,
- `<!-- nest CIRCUIT -->`: a circuit here and on NEST (`benchmarks/nest_statistics.py`),
- `<!-- nest_scaling -->`: the microcircuit on threads and processes (`benchmarks/nest_scaling.py`),
- `<!-- output FILE [LINES] -->`: what a command has printed, or its first lines.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from math import floor, log10
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import health, learning, nest_scaling, nest_statistics
from benchmarks.microcircuit import FULL_RATES, NAMES
from docs.generate import removals
from thalia.analysis import mean_interval

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PUBLISHED_MODELS = RESULTS / "published_models.json"
PAGES = (
    "README.md",
    "docs/results.md",
    "docs/learning.md",
    "docs/gpu.md",
    "docs/memory.md",
    "docs/nest.md",
    "docs/scaling.md",
    "docs/statistics.md",
    "docs/paper/paper.md",
    "benchmarks/README.md",
)
MARK = re.compile(
    r"(<!-- (result|measured|change|table|origin|models|number|microcircuit|memories|reviews|speed|nest|nest_scaling|output|difference|ratio|half|grid|processor|removals|health)(?= )(.*?) -->)"
    r".*?(<!-- end -->)",
    re.DOTALL,
)
MOST_DECIMALS = 3
MOST_PHASES = 8  # whose verdicts are given one by one


@cache
def kept(name: str) -> dict[str, Any]:
    """What a file of results holds, by its path without `.json`."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text("utf-8")))


def told(found: dict[str, Any]) -> str:
    """Mean and half of the 95 % interval, with as many digits as the interval leaves sure."""
    mean, half = found["mean"], (found["high"] - found["low"]) / 2
    if half == 0:
        return f"{mean:.3g}"
    place = floor(log10(half))
    sure = -place + (half / 10**place < 2)  # one digit of the interval, or two that begin with 1
    decimals = min(max(sure, 0), MOST_DECIMALS)
    mean = round(mean, decimals) + 0.0  # no negative zero
    return f"{mean:.{decimals}f} ± {half:.{decimals}f}"


def measured(place: str) -> dict[str, Any]:
    """A measure of a circuit in one of its conditions, or the rate of a population."""
    where, _, measure = place.partition(": ")
    circuit, condition = where.split()
    found = kept(f"circuits/{circuit}")["conditions"][condition]
    return dict((found["rates_hz"] | found["measures"])[measure])


def measures_table(circuit: str) -> str:
    """All measures of a circuit, as written and in each condition, next to published ones.

    A row for each measure, or for each condition where these are more.
    """
    found = kept(f"circuits/{circuit}")
    conditions, published = found["conditions"], found["published"]
    head = ["measure", "as written", *(["published"] if published else [])]
    head += [name.replace("_", " ") for name in conditions if name != "baseline"]
    lines = [head]
    for name in dict.fromkeys(name for each in conditions.values() for name in each["measures"]):
        cells = [_cell(each["measures"].get(name), found) for each in conditions.values()]
        known = [published.get(name, "")] if published else []
        lines.append([name, cells[0], *known, *cells[1:]])
    if len(lines) <= len(conditions):
        lines = [["condition", *(line[0] for line in lines[1:])]] + [
            list(column) for column in list(zip(*lines, strict=True))[1:]
        ]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(found: dict[str, Any] | None, record: dict[str, Any]) -> str:
    if found is None:
        return "–"
    fewer = "" if found["n"] == len(record["seeds"]) else f" (n = {found['n']})"
    return told(found) + fewer


def origin(circuit: str) -> str:
    """How the numbers of a circuit came about."""
    found = kept(f"circuits/{circuit}")
    seeds = found["seeds"]
    over = (
        f"Mean ± 95 % interval over {len(seeds)} seeds ({seeds[0]} to {seeds[-1]})"
        if len(seeds) > 1
        else f"One run, seed {seeds[0]}"
    )
    note = f"; {found['note']}" if "note" in found else ""
    return (
        f"{over}; `{found['command']}`, version {found['thalia']}, {found['backend']}, "
        f"{found['date']}, {found['machine']}{note}."
    )


def _all_models() -> dict[str, Any]:
    return dict(json.loads(PUBLISHED_MODELS.read_text("utf-8")))


def models(circuit: str = "") -> str:
    """Published models, all or those of a circuit: what papers have, and measures here and in Brian2."""
    chosen = {k: v for k, v in _all_models().items() if circuit in ("", v["circuit"])}
    if not chosen:
        return ""
    lines = [["circuit", "measure", "here", "Brian2", "seeds"], ["---"] * 5]
    made = dict[str, list[str]]()
    for name, found in chosen.items():
        lines.append([f"`{found['circuit']}`", f"*{found['published']}*", "", "", ""])
        for measure, each in found["here"].items():
            other = found["brian2"].get(measure)
            cells = [told(each), told(other) if other else "–", str(len(found["seeds"]))]
            lines.append(["", measure, *cells])
        if found["brian2"]:
            lines.append(["", "lines", *(str(found["lines"][s]) for s in ("here", "brian2")), ""])
        note = f"; {found['note']}" if "note" in found else ""
        about = f"version {found['thalia']}, {found['date']}, {found['machine']}{note}"
        made.setdefault(about, []).append(name)
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    about = ". ".join(f"{', '.join(names)}: {each}" for each, names in made.items())
    return f"\n\n{table}\nMean ± 95 % interval; `python -m benchmarks.published`. {about}.\n"


def number(name: str, *keys: str) -> str:
    """A number of a file of results, as it is written there."""
    found: Any = kept(name)
    for key in keys:
        found = found[int(key)] if isinstance(found, list) else found[key]
    return f"{found:,.3g}" if isinstance(found, float) else f"{found}"


def microcircuit() -> str:
    """Rates of the cortical microcircuit, by what simulated it."""
    lines = [["Hz", *NAMES], ["---"] * (1 + len(NAMES))]
    for row in kept("microcircuit").values():
        seeds = row["seeds"]
        over = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
        size = "full scale" if row["scale"] == 1 else f"scale {row['scale']:g}"
        rates = [told(row["rates_hz"][name]) for name in NAMES]
        lines.append([f"{row['says']}, {size}, {row['seconds']:g} s, {over}", *rates])
    lines.append(["published, full scale", *(f"{rate:.2f}" for rate in FULL_RATES)])
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    made = sorted({f"{row['date']}, {row['machine']}" for row in kept("microcircuit").values()})
    return f"\n\n{table}\nMean ± 95 % interval; `python -m benchmarks.rates`, {'; '.join(made)}.\n"


def health_table() -> str:
    """What is out of range in each phase of each plastic circuit, and in each seed of experiments."""
    lines = [["circuit or experiment", "model time", "verdicts", "out of range"], ["---"] * 4]
    for name, found in sorted(kept("health").items()):
        kind = "phases" if "phases" in found else "seeds"
        judged = found[kind]
        time = (
            found["duration_s"] if kind == "phases" else next(iter(judged.values()))["duration_s"]
        )
        if kind == "phases" and len(judged) <= MOST_PHASES:
            verdicts = ", ".join(f"{phase}: {each['verdict']}" for phase, each in judged.items())
        else:
            counts = Counter(each["verdict"] for each in judged.values())
            of = f"of {len(judged)} {kind}"
            verdicts = ", ".join(f"{verdict} in {n} {of}" for verdict, n in counts.items())
        beyond = "; ".join(health.told(judged, kind)) or "–"
        lines.append([f"`{name}`", f"{time:g} s", verdicts, beyond])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def out_of_range(experiment: str) -> str:
    """What is out of range in an experiment, as a part of a sentence."""
    return "; ".join(health.told(kept("health")[experiment]["seeds"], "seeds")) or "nothing"


def memories(alike: bool = False) -> str:
    """What is right first of noisy and partial cues, by method and number of vectors.

    Vectors are independent, or like one of some prototypes.
    """
    cues = ["noise_0", "noise_0.5", "noise_1", "half", "oldest_third"]
    more = ["store ms", "recall ms", "kB a vector"]
    lines = [["vectors", "method", *(name.replace("_", " ") for name in cues), *more]]
    lines.append(["---"] * len(lines[0]))
    rows = [row for row in kept("memory")["rows"] if bool(row["prototypes"]) == alike]
    for load in sorted({load for row in rows for load in row["recall"]}, key=int):
        for method in dict.fromkeys(row["method"] for row in rows):
            of = [row for row in rows if row["method"] == method]
            right = [_share(row["recall"][load][cue] for row in of) for cue in cues]
            times = [
                f"{_mean(row[key][load] for row in of):.3g}" for key in ("store_ms", "recall_ms")
            ]
            size = f"{_mean(row['bytes_per_item'][load] for row in of) / 1000:.3g}"
            lines.append([load, method, *right, *times, size])
    return _memory_table(lines, "memory")


def memories_slept() -> str:
    """What is right first after a sleep and after surprises, at the largest number of vectors."""
    groups = (("slept", ("noise_1", "half")), ("moved", ("new_cue", "old_cue", "others")))
    lines = [["vectors", "method", "noise 1", "half", "new cue", "old cue", "others"]]
    lines.append(["---"] * len(lines[0]))
    rows = kept("memory")["rows"]
    for kinds, method in dict.fromkeys((row["prototypes"], row["method"]) for row in rows):
        of = [row for row in rows if (row["prototypes"], row["method"]) == (kinds, method)]
        load = max(of[0]["recall"], key=int) + (f", like {kinds} prototypes" if kinds else "")
        right = [_share(row[when][cue] for row in of) for when, cues in groups for cue in cues]
        lines.append([load, method, *right])
    return _memory_table(lines, "memory")


def reviews() -> str:
    """What is recalled if items are reviewed in several orders, and how these differ by seed."""
    found = kept("memory_reviews")
    lines = [["reviewed first", "recalled", "of the older half", "ranked first", "confidence"]]
    lines[0] += ["rank correlation"]
    names = {"fsrs": "due by FSRS", "circuit": "least sure", "random": "any", "none": "no reviews"}
    lines.append(["---"] * len(lines[0]))
    for order, measures in found["orders"].items():
        lines.append([names[order], *(told(each) for each in measures.values())])
    return _memory_table(lines, "memory_reviews")


def _memory_table(lines: list[list[str]], file: str) -> str:
    """A table, and how its numbers came about."""
    found = kept(file)
    seeds = len({row["seed"] for row in found["rows"]})
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    about = f"version {found['thalia']}, {found['date']}, {found['machine']}"
    return f"\n\n{table}\nMean ± 95 % interval over {seeds} seeds; `{found['command']}`, {about}.\n"


def _share(values: Iterable[float]) -> str:
    return told(vars(mean_interval(np.array([*values]), within=(0, 1))))


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def speed_table(name: str) -> str:
    """The sides of a comparison of speed, or of one in a file of several, and how it was made."""
    file, _, of = name.partition(" / ")
    found = kept(f"speed/{file}")
    found = found[of] if of else found
    columns = found["columns"]
    lines = [[found.get("side", "side"), *columns.values()], ["---"] * (1 + len(columns))]
    lines += [
        [side, *(_shown(each.get(key)) for key in columns)] for side, each in found["sides"].items()
    ]
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    note = f"; {found['note']}" if "note" in found else ""
    device = f", {found['device']}" if "device" in found else ""
    about = f"version {found['thalia']}, {found['date']}, {found['machine']}{device}{note}"
    return f"\n\n{rows}\n`{found['command']}`, {about}.\n"


def _shown(found: float | str | None) -> str:
    """A count in full, another number with three digits, and a text as it is."""
    if found is None:
        return ""
    if isinstance(found, str):
        return found
    if isinstance(found, int):
        return f"{found:,}"
    told = f"{found:.3g}"
    return f"{float(told):,.0f}" if "e+" in told else told  # as people write it


def output(name: str, lines: str = "") -> str:
    """What a command has printed, as a block; its first lines end with an ellipsis."""
    printed = kept(name)["lines"]
    shown = [*printed[: int(lines)], "  …"] if lines else printed
    return "\n\n```\n" + "\n".join(shown) + "\n```\n"


def _table(circuit: str) -> str:
    return f"\n\n{measures_table(circuit)}\n{origin(circuit)}\n"


KINDS: dict[str, Callable[[str], str]] = {
    "result": lambda told: learning.number(*told.split()),
    "difference": lambda told: learning.difference(*told.split()),
    "ratio": lambda told: learning.ratio(*told.split()),
    "half": lambda told: learning.half(*told.split()),
    "grid": lambda told: learning.grid(*told.split()),
    "processor": lambda told: learning.processor(*told.split()),
    "measured": lambda place: told(measured(place)),
    "change": lambda place: told(measured(place)["difference"]),
    "table": _table,
    "origin": origin,
    "models": lambda _: models(),
    "number": lambda told: number(*told.split(" / ")),
    "microcircuit": lambda _: microcircuit(),
    "removals": lambda _: f"\n\n{removals.table()}\n",
    "health": lambda told: out_of_range(told) if told else f"\n\n{health_table()}\n",
    "memories": lambda told: memories_slept() if told == "slept" else memories(told == "alike"),
    "reviews": lambda _: reviews(),
    "speed": lambda told: speed_table(told),
    "nest": lambda told: nest_statistics.table(told),
    "nest_scaling": lambda _: nest_scaling.table(),
    "output": lambda told: output(*told.split()),
}


def rendered(text: str) -> str:
    """The text with what is kept between its marks."""
    return MARK.sub(lambda m: f"{m[1]}{KINDS[m[2]](m[3].strip())}{m[4]}", text)


def render() -> None:
    """Write the numbers on all pages anew."""
    kept.cache_clear()
    for page in PAGES:
        file = ROOT / page
        file.write_text(rendered(file.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    render()

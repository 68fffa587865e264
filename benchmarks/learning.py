"""The results of experiments, kept as JSON and rendered as tables in docs/learning.md.

    uv run thalia learn iris --base-seed 700 -o logs/iris
    uv run python benchmarks/learning.py logs         # keeps what is below these folders
    uv run python benchmarks/learning.py              # only renders

keeps the `summary.json` of each experiment in `results/learning/`, and renders all of these; numbers
within texts are rendered by `python -m benchmarks.rendering`. Report seeds that were not used for tuning.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from thalia.analysis import mean_interval

LEARNING = "learning"  # the condition without a rule of its own
MOST_OTHERS = 4  # numbers beside the result in a table
CORES = 16  # on which the time of a whole grid is told
ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "learning"
PAGE = ROOT / "docs" / "learning.md"
BEGIN, END = "<!-- results: written by benchmarks/learning.py -->\n", "<!-- end of results -->"


def keep(folder: Path, kept: Path = RESULTS) -> list[Path]:
    """Keep the results of the experiments below a folder, one file each."""
    kept.mkdir(parents=True, exist_ok=True)
    files = []
    for file in sorted(folder.rglob("summary.json")):
        if not file.with_name("experiment.json").exists():
            continue  # a summary of several experiments, which have their own
        (summary,) = json.loads(file.read_text("utf-8"))
        del summary["folder"]
        first = next(iter(summary["conditions"]))
        rule = "" if first == LEARNING else f"_{first}"
        files.append(kept / f"{summary['experiment']}{rule}.json")
        files[-1].write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
    return files


def summaries(kept: Path = RESULTS, experiment: str = "") -> list[dict[str, Any]]:
    """What is kept of all experiments, or of one with its own rule and with others."""
    found = [json.loads(file.read_text("utf-8")) for file in sorted(kept.glob("*.json"))]
    return [each for each in found if experiment in ("", each["experiment"])]


def tables(kept: Path = RESULTS, experiment: str = "") -> str:
    """The results of each experiment, or of one, as Markdown, below the command that gives them."""
    together: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for each in summaries(kept, experiment):
        together.setdefault((each["experiment"], _rule(each) == LEARNING), []).append(each)
    return "\n".join(map(_table, together.values()))


def _rule(summary: dict[str, Any]) -> str:
    """The rule with which an experiment was run."""
    return next(iter(summary["conditions"]))


def _table(summaries: list[dict[str, Any]]) -> str:
    """One row for each condition of an experiment, or for each of its rules."""
    first, *_ = summaries
    result = first["result"]
    head = ["condition", result, "difference", "other numbers", "seeds", "processor s a seed"]
    lines = [head, ["---"] * len(head)]
    for summary in summaries:
        for name, condition in summary["conditions"].items():
            if result in condition["aggregate"]:
                lines.append(_row(name, condition, result))
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{_told(first)}\n\n{rows}"


def _told(summary: dict[str, Any]) -> str:
    """What is measured and wanted, the command, and what it was run with."""
    name, condition = next(iter(summary["conditions"].items()))
    seeds = sorted(map(int, condition["seeds"][summary["result"]]))
    sign = "≤" if summary["lower_is_better"] else "≥"
    words = summary["experiment"] + ("" if name == LEARNING else " --rule RULE --control none")
    told = [f"**`{words}`**: {summary['result']}"]
    told += [f"goal {sign} {summary['goal']:g}"] if summary["goal"] is not None else []
    told += [f"chance {summary['chance']:g}"] if summary["chance"] is not None else []
    command = f"`thalia learn {words} --base-seed {seeds[0]} --seeds {len(seeds)}`"
    run = f"{command}, version {summary['thalia']}, {summary['date']}, {summary['backend']}"
    circuit = f", circuit {summary['circuit_digest'][:8]}" if name == LEARNING else ""
    return f"{', '.join(told)}. {run}{circuit}."


def _row(name: str, condition: dict[str, Any], result: str) -> list[str]:
    found = condition["aggregate"]
    difference = condition.get("differences", {}).get(result)
    others = [f"{key} {found[key]['mean']:.3g}" for key in found if key != result][:MOST_OTHERS]
    seconds = condition["costs"].get("processor_seconds")
    return [
        name,
        _interval(found[result]),
        _interval(difference) if difference else "",
        ", ".join(others),
        str(len(condition["seeds"][result])),
        f"{seconds:.0f}" if seconds else "",
    ]


def _interval(found: dict[str, Any]) -> str:
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def rendered(page: str, kept: Path = RESULTS) -> str:
    """The page with the tables of all results that are kept."""
    pattern = f"({re.escape(BEGIN)}).*?({re.escape(END)})"
    return re.sub(pattern, lambda m: m[1] + tables(kept) + m[2], page, flags=re.DOTALL)


def number(experiment: str, condition: str, measure: str | None = None) -> str:
    """Mean and interval of a condition of an experiment, and the number of seeds."""
    summary = json.loads((RESULTS / f"{experiment}.json").read_text("utf-8"))
    found, name = summary["conditions"][condition], measure or summary["result"]
    return f"{_interval(found['aggregate'][name])}, n = {len(found['seeds'][name])}"


def difference(experiment: str, condition: str, other: str, measure: str | None = None) -> str:
    """Mean and interval of a condition less another, paired by seed, and the number of seeds."""
    found, count = _difference(experiment, condition, other, measure)
    return f"{_interval(found)}, n = {count}"


def ratio(experiment: str, condition: str, other: str, measure: str | None = None) -> str:
    """The geometric mean of the ratios of a condition to another, and the interval, likewise."""
    found, count = _ratio(experiment, condition, other, measure)
    return f"{_interval(found)}, n = {count}"


def half(kind: str, *of: str) -> str:
    """Half of the interval of a `difference` or a `ratio`: what could have been told from nothing."""
    found, _ = {"difference": _difference, "ratio": _ratio}[kind](*of)
    return f"{(found['high'] - found['low']) / 2:.2g}"


def grid(experiment: str, conditions: str, measures: str) -> str:
    """A table of conditions, with commas between them, by measures."""
    lines = [["condition", *measures.split(",")]]
    lines.append(["---"] * len(lines[0]))
    for name in conditions.split(","):
        lines.append([name, *(number(experiment, name, each) for each in measures.split(","))])
    return "\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def processor(*experiments: str) -> str:
    """What all conditions and seeds of experiments took, and that on 16 cores at once."""
    hours = 0.0
    for experiment in experiments:
        summary = json.loads((RESULTS / f"{experiment}.json").read_text("utf-8"))
        for each in summary["conditions"].values():
            seconds = each["costs"].get("processor_seconds", 0)
            hours += seconds * len(each["seeds"][summary["result"]]) / 3600
    return f"{hours:.1f} processor hours, or {60 * hours / CORES:.0f} minutes on {CORES} cores"


def _difference(
    experiment: str, condition: str, other: str, measure: str | None = None
) -> tuple[dict[str, Any], int]:
    mine, theirs = _paired(experiment, condition, other, measure)
    return vars(mean_interval(mine - theirs)), len(mine)


def _ratio(
    experiment: str, condition: str, other: str, measure: str | None = None
) -> tuple[dict[str, Any], int]:
    mine, theirs = _paired(experiment, condition, other, measure)
    found = mean_interval(np.log(mine / theirs))
    return {name: np.exp(getattr(found, name)) for name in ("mean", "low", "high")}, len(mine)


def _paired(
    experiment: str, condition: str, other: str, measure: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of two conditions for the seeds that both have."""
    summary = json.loads((RESULTS / f"{experiment}.json").read_text("utf-8"))
    name = measure or summary["result"]
    mine, theirs = (summary["conditions"][each]["seeds"][name] for each in (condition, other))
    both = [seed for seed in mine if seed in theirs]
    return np.array([mine[seed] for seed in both]), np.array([theirs[seed] for seed in both])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    for folder in parser.parse_args().folders:
        for file in keep(folder):
            print(file)
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

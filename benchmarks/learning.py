"""The results of experiments, kept as JSON and rendered as tables in docs/learning.md.

    uv run thalia learn iris --base-seed 700 -o logs/iris
    uv run python benchmarks/learning.py logs         # keeps what is below these folders
    uv run python benchmarks/learning.py              # only renders

keeps the `summary.json` of each experiment in `results/learning/`, and renders all of these. Report
seeds that were not used for tuning.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

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
        files.append(kept / f"{summary['experiment']}.json")
        files[-1].write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
    return files


def table(kept: Path = RESULTS) -> str:
    """All results as Markdown, experiment by experiment."""
    head = ["experiment", "condition", "result", "difference", "seeds", "processor s a seed"]
    lines = [head, ["---"] * len(head)]
    for file in sorted(kept.glob("*.json")):
        lines += _rows(json.loads(file.read_text("utf-8")))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _rows(summary: dict[str, Any]) -> list[list[str]]:
    """One row for each condition; the first one says what is measured, and the goal."""
    result, rows = summary["result"], []
    for name, condition in summary["conditions"].items():
        if result not in condition["aggregate"]:
            continue
        found = condition["aggregate"][result]
        difference = condition.get("differences", {}).get(result)
        row = ["", name, _interval(found), _interval(difference) if difference else ""]
        seconds = condition["costs"].get("processor_seconds")
        rows.append(
            [*row, str(len(condition["seeds"][result])), f"{seconds:.0f}" if seconds else ""]
        )
    sign = "≤" if summary["lower_is_better"] else "≥"
    told = [f"`{summary['experiment']}`: {result}"]
    told += [f"goal {sign} {summary['goal']:g}"] if summary["goal"] is not None else []
    told += [f"chance {summary['chance']:g}"] if summary["chance"] is not None else []
    rows[0][0] = ", ".join(told)
    return rows


def _interval(found: dict[str, Any]) -> str:
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def rendered(page: str, kept: Path = RESULTS) -> str:
    """The page with the tables of all results that are kept."""
    pattern = f"({re.escape(BEGIN)}).*?({re.escape(END)})"
    return re.sub(pattern, lambda m: m[1] + table(kept) + m[2], page, flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    for folder in parser.parse_args().folders:
        for file in keep(folder):
            print(file)
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

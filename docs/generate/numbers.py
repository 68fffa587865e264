"""Numbers of results within a text: written by this script, never by hand.

    uv run python -m docs.generate.numbers

puts what results/learning has between the marks `<!-- result EXPERIMENT CONDITION -->` and
`<!-- end -->` of the paper; a test compares.
"""

import json
import re
from pathlib import Path

from docs.generate.repository import ROOT

PAPER = ROOT / "docs" / "paper" / "paper.md"
MARK = re.compile(r"(<!-- result (\w+) (\w+)(?: (\w+))? -->).*?(<!-- end -->)", re.DOTALL)


def number(experiment: str, condition: str, measure: str | None) -> str:
    """Mean and interval of a condition of an experiment, by default of its outcome."""
    file = ROOT / "results" / "learning" / f"{experiment}.json"
    summary = json.loads(file.read_text("utf-8"))
    found = summary["conditions"][condition]
    name = measure or summary["result"]
    seeds, interval = len(found["seeds"][name]), found["aggregate"][name]
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}], n = {seeds}"


def rendered(text: str) -> str:
    """The text with the numbers that are kept."""
    return MARK.sub(lambda m: f"{m[1]}{number(m[2], m[3], m[4])}{m[5]}", text)


def main(file: Path = PAPER) -> None:
    file.write_text(rendered(file.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

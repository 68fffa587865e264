"""What a script about the conditions of a circuit does: run them, print and keep numbers, draw."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import thalia


def report(
    circuit: Path,
    script: Path,
    numbers: Callable[[thalia.Run], Any],
    figure: Callable[[Any], Any],
) -> None:
    """Measure all conditions of a circuit with several seeds, as the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=script.with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the numbers of every condition")
    options = parser.parse_args()
    studied = thalia.study(circuit, seeds=range(11, 11 + options.seeds))
    told = {
        condition: {name: f"{measure:.3g}" for name, measure in found.items()}
        for condition, found in studied.measure(numbers).items()
    }
    print(json.dumps(told, indent=1))
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    thalia.figures.save(figure(studied), options.output)

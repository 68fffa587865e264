"""What the script of a circuit does: run its conditions, keep their numbers, draw its figure."""

import argparse
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import thalia

FIRST_SEED = 11  # gains were calibrated with those before it

type Numbers = Callable[[thalia.Run], Mapping[str, float]]
type Studied = Callable[..., thalia.Study]  # takes a seed, and options of `thalia.study`


def report(
    circuit: Path,
    script: Path,
    numbers: Numbers,
    figure: Callable[[thalia.Study], Any],
    published: Mapping[str, str] | None = None,
    studied: Studied | None = None,
) -> None:
    """Measure all conditions of a circuit with several seeds, as the command line asks for.

    Parameters
    ----------
    numbers : function of a run
        Its measures by name.
    figure : function of a study
        Draws it.
    published : mapping from a measure to text, optional
        What a publication has, and which.
    studied : function of a seed, optional
        Runs the conditions in place of `thalia.study`.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", type=Path, default=script.with_suffix(".png"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--backend")
    parser.add_argument("--runs", type=Path, help="folder of the run files, to continue a study")
    parser.add_argument("--json", type=Path, help="write the numbers of every condition")
    options = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    if studied is None:
        made = thalia.study(circuit, seeds=seeds, output=options.runs, backend=options.backend)
    else:
        folders = {seed: options.runs and options.runs / f"seed_{seed}" for seed in seeds}
        made = joined(
            [studied(seed, output=folders[seed], backend=options.backend) for seed in seeds]
        )
    kept = record(made, circuit, numbers, published or {})
    for condition, found in kept["conditions"].items():
        print(condition)
        for name, each in found["measures"].items():
            print(f"  {name}: {each['mean']:.4g} [{each['low']:.4g}, {each['high']:.4g}]")
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    thalia.figures.save(figure(made), options.output)


def joined(studies: Sequence[thalia.Study]) -> thalia.Study:
    """Studies of other seeds each, with the same conditions, as one."""
    runs = {
        name: {seed: run for each in studies for seed, run in each.runs[name].items()}
        for name in studies[0].runs
    }
    return replace(studies[0], runs=runs, failed=tuple(f for each in studies for f in each.failed))


def record(
    made: thalia.Study,
    circuit: Path,
    numbers: Numbers | None = None,
    published: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Rates and measures of all conditions with their intervals, and how they came about.

    Raises
    ------
    RuntimeError
        If a run of the study failed.
    """
    if made.failed:
        raise RuntimeError(f"{made.name}: {made.failed[0]}")
    written = thalia.load(circuit)
    seeds = sorted(made.runs["baseline"])
    first = made.runs["baseline"][seeds[0]]
    measured = made.measure(numbers) if numbers else {}
    rates = made.measure() if first.rates else {}
    reference = written.reference
    return {
        "circuit": circuit.stem,
        **provenance(f"python -m benchmarks.circuits {circuit.stem}"),
        "backend": first.attributes["backend"],
        "seeds": seeds,
        "neurons": int(first.results["neurons"]),
        "synapses": int(first.results["synapses"]),
        "phase": first.phases[-1][0] if first.phases else "",
        "published_hz": {k: v.mean for k, v in reference.rates.items()} if reference else {},
        "published_source": reference.source if reference else "",
        "published": dict(published or {}),
        "conditions": {
            condition: {
                "says": says,
                "rates_hz": _intervals(rates.get(condition, {})),
                "measures": _intervals(measured.get(condition, {})),
            }
            for condition, says in made.says.items()
        },
    }


def provenance(command: str) -> dict[str, str]:
    """The command, version, day and kind of machine of a measurement."""
    return {
        "command": command,
        "thalia": version("thalia"),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {platform.system()}",
    }


def _intervals(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Mean and interval of each measure, and of its paired difference to the baseline.

    A measure may be undefined in some runs (not a number), which do not count.
    """
    kept = {}
    for name, measure in found.items():
        if (each := _interval(measure.values)) is None:
            continue
        other = _interval(measure.difference.values) if measure.difference else None
        kept[name] = each | ({"difference": other} if other else {})
    return kept


def _interval(values: Iterable[float]) -> dict[str, Any] | None:
    defined = np.array([value for value in values if np.isfinite(value)])
    if not len(defined):
        return None
    return {**asdict(thalia.analysis.mean_interval(defined)), "n": len(defined)}

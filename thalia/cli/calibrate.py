"""The command that calibrates the rates of a circuit: `thalia calibrate`."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thalia.cli.options import (
    Backend,
    CircuitFile,
    Duration,
    Scale,
    Set,
    progress_bar,
    settings_of,
)
from thalia.cli.output import say

if TYPE_CHECKING:
    from thalia.parallel.calibrate import Round


def calibrate(
    circuit: CircuitFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file; by default the one it includes."),
    ] = None,
    rounds: Annotated[int, typer.Option(help="Maximum number of rounds.")] = 20,
    damping: Annotated[
        float, typer.Option(help="Fraction of the logarithmic correction to apply in each run.")
    ] = 0.15,
    backend: Backend = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Random seeds: 1:4, or 1,5; rates are means; by default the circuit's."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of parallel processes; by default one for each core."),
    ] = None,
    set_: Set = None,
    duration: Duration = None,
    scale: Scale = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that the circuit does not include.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Find gains that bring rates into their published ranges.

    The ranges are those of `reference:`. Status 2 if some rates stay outside.

    Example: thalia calibrate circuits/cortical_column.yaml
    """
    from thalia.circuit.bundled import beside, name_of
    from thalia.circuit.load import load
    from thalia.parallel.axes import seeds_of
    from thalia.parallel.calibrate import calibrate as find_gains
    from thalia.recording.outputs import replace_file, reserved

    named = load(circuit, settings_of(set_))
    is_own = name_of(circuit) == str(circuit)
    gains = named.gains if is_own and isinstance(named.gains, str) else None
    included = named.folder.file(gains) if gains else None
    file = output or included or beside(circuit, f"{circuit.stem}_gains.yaml")
    is_new = file != included and not overwrite
    with (
        reserved(file) if is_new else nullcontext(),
        progress_bar(quiet=as_json) as progress,
    ):

        def told(count: int, each: "Round") -> None:
            progress("calibrating", (count + 1) / rounds, f"round {count + 1} of at most {rounds}")

        found = find_gains(
            circuit,
            rounds=rounds,
            damping=damping,
            set=settings_of(set_),
            told=told,
            backend=backend,
            seeds=seeds_of(seeds) if seeds else None,
            workers=workers,
            duration=duration,
            scale=scale,
        )
        replace_file(file, found.text())
    if as_json:
        best = found.best
        told_of = {
            "file": str(file),
            "gains": best.gains,
            "rates_hz": best.rates,
            "ranges_hz": found.ranges,
        }
        say(json.dumps({**told_of, "outside": found.outside, "rounds": len(found.rounds)}))
    else:
        from thalia.cli.tables import print_calibration

        print_calibration(found)
        say(
            file
            if file == included
            else f"{file}: include it with `gains: {_beside(file, circuit)}`"
        )
    if found.outside:
        say(
            f"outside their range: {', '.join(found.outside)}; "
            "more --rounds, or other weights, may help",
            file=sys.stderr,
        )
        raise typer.Exit(2)


def _beside(file: Path, circuit: Path) -> str:
    """The file as the circuit would name it."""
    return (
        f"./{file.name}"
        if file.resolve().parent == circuit.resolve().parent
        else str(file.resolve())
    )

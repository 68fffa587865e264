"""From a circuit file to the plan that will run, with what the command line adds to it."""

from collections.abc import Container, Mapping
from pathlib import Path as FilePath
from typing import Any

from thalia.circuit.load import dumps, load
from thalia.circuit.spec import Circuit, Scale
from thalia.compiler.expand import expand
from thalia.compiler.optimise.fuse import fuse
from thalia.compiler.optimise.lower import PRECISIONS
from thalia.compiler.optimise.lower import lower as lower_pass
from thalia.compiler.plan import Plan
from thalia.compiler.resolve.phases import lasting
from thalia.compiler.resolve.resolver import resolve
from thalia.compiler.resolve.spike_sources import spikes_text
from thalia.errors import CircuitError, Path, Problem, fail
from thalia.library.lookup import part_text
from thalia.syntax.units import Value, constant, parse_value


def plan_of(circuit: Circuit, lower: str = "on", precision: str = "double") -> Plan:
    """The plan that would run: passes 2 to 5.

    Raises
    ------
    CircuitError
        With every mistake in the circuit.
    """
    for option, found, known in (
        ("--lower", lower, ("on", "off")),
        ("--precision", precision, PRECISIONS),
    ):
        if found not in known:
            raise fail(f"{option}: expected {' or '.join(map(repr, known))}, found '{found}'")
    return lower_pass(fuse(resolve(circuit)), lower, precision).with_(
        unmodified=circuit.backend.unmodified
    )


def load_whole(file: str | FilePath, set: Mapping[str, Any] | None = None) -> Circuit:
    """Load a circuit; if it has mistakes, report those of the later passes in the same go.

    Raises
    ------
    CircuitError
        With every mistake of every pass.
    """
    try:
        return load(file, set)
    except CircuitError as error:
        if not isinstance(error.rest, Circuit):
            raise
        try:
            plan_of(error.rest)
        except CircuitError as later:
            told = [problem.path for problem in error.problems]
            words = {str(part) for path in told for part in path[1:2]}
            new = [p for p in later.problems if not _follows(p, told, words)]
            raise error.rest.source.placed([*error.problems, *new]) from None
        raise


def _follows(problem: Problem, told: list[Path], words: Container[str]) -> bool:
    """Whether a problem may only be there because something else is missing."""
    near = any(
        problem.path[: len(path)] == path or path[: len(problem.path)] == problem.path
        for path in told
    )
    named = problem.message.partition("'")[2].partition("'")[0]
    return near or named in words


def files_of(circuit: Circuit) -> dict[str, str]:
    """The text of the circuit and of every file beside it that it draws in, by name."""
    files = dict(circuit.source.files) or {f"{circuit.name}.yaml": dumps(circuit)}
    files |= expand(circuit).source.files
    for stimulus in circuit.stimuli.values():
        if stimulus.file:
            whose = f":{stimulus.population}" if stimulus.population else ""
            files[f"{circuit.folder / stimulus.file}{whose}"] = spikes_text(
                stimulus, circuit.folder
            )
    for kind, name in sorted(circuit.parts_used()):
        if name.endswith(".yaml"):
            text, file = part_text(kind, name, circuit.folder)
            files[file] = text
    return files


def with_options(
    circuit: Circuit,
    seed: int | None = None,
    duration: str | Value | None = None,
    scale: float | None = None,
) -> Circuit:
    """The circuit with another seed, duration or scale.

    Raises
    ------
    CircuitError
        If one of them cannot be read.
    """
    if seed is not None:
        if not 0 <= seed < 2**63:
            raise fail(f"--seed: expected a whole number from 0 to 2^63 - 1, found {seed}")
        circuit = circuit.with_(seed=seed)
    if scale is not None:
        if not 0 < scale <= 1:
            raise fail(f"--scale: expected a fraction above 0 and up to 1, found {scale}")
        circuit = circuit.with_(scale=Scale(neurons=constant(scale), synapses=constant(scale)))
    if duration is not None:
        try:
            length = parse_value(duration)
        except ValueError as error:
            raise fail(f"--duration: {error}") from None
        if length.dimension != circuit.dt.dimension or length.is_random or length.mean <= 0:
            raise fail(f"--duration: expected a time such as '2 s', found {duration}")
        circuit = lasting(circuit, length)
    return circuit

"""The compiler: the passes that make a plan of a circuit, in their order.

Each pass is a function of a value, the options and the diagnostics; its result is the value of the
next one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from thalia.circuit.load import dumps, load
from thalia.circuit.spec import Circuit
from thalia.compiler.downscale import Scaled, ScaleReport, downscale
from thalia.compiler.drive_to_weight import drive_to_weight
from thalia.compiler.expand import expand
from thalia.compiler.named_data import arrays_as_files, data_references, read_data
from thalia.compiler.optimise.fuse import fuse
from thalia.compiler.optimise.lower import lower
from thalia.compiler.options import DEFAULT_OPTIONS, CompilerOptions
from thalia.compiler.plan import Plan, includes
from thalia.compiler.resolve.resolver import resolve
from thalia.compiler.resolve.stored_inputs import stored_input, stored_values
from thalia.errors import CircuitError, Diagnostics, Path, Problem, did_you_mean, fail
from thalia.library.lookup import part_text

PASSES: tuple[Callable[[Any, CompilerOptions, Diagnostics], Any], ...] = (
    expand,  # Circuit -> Circuit: regions and matrix pathways become populations and pathways
    read_data,  # Circuit -> Circuit: tables of neurons and synapses are read, formulas are numbers
    drive_to_weight,  # Circuit -> Circuit: weights said as drives become numbers, gains act
    downscale,  # Circuit -> Scaled: fewer neurons and synapses, and what that preserves
    resolve,  # Scaled -> Plan: names found, defaults filled in, dimensions checked
    fuse,  # Plan -> Plan: as few objects as possible
    lower,  # Plan -> Plan: the cheapest exact form of every synaptic variable
)
PASS_NAMES = tuple(each.__name__ for each in PASSES)


def after_each_pass(
    circuit: Circuit, options: CompilerOptions, last: str = PASS_NAMES[-1]
) -> dict[str, Any]:
    """What stands after each pass up to the last one, by the name of the pass.

    Raises
    ------
    CircuitError
        With every mistake that these passes find, or if no pass has the name of the last one.
    """
    if last not in PASS_NAMES:
        raise fail(f"no pass is called '{last}'", did_you_mean(last, PASS_NAMES))
    diagnostics, made, value = Diagnostics(), {}, circuit
    for run_pass in PASSES[: PASS_NAMES.index(last) + 1]:
        value = made[run_pass.__name__] = run_pass(value, options, diagnostics)
    if diagnostics.problems:
        raise made["expand"].source.placed(diagnostics.problems)  # which knows where regions are
    return made


@dataclass(frozen=True)
class Compiled:
    """A circuit as given, as expanded, with its data, as it is resolved, and as the plan that runs.

    `report` says what its scale preserves.
    """

    circuit: Circuit
    options: CompilerOptions
    expanded: Circuit
    read: Circuit
    report: ScaleReport
    resolved: Plan
    plan: Plan

    @cached_property
    def files(self) -> dict[str, str]:
        """The text of the circuit and of every file that it uses, by name."""
        folder = self.circuit.folder
        files = dict(self.circuit.source.files)
        if not files:
            written, files = arrays_as_files(self.circuit)
            written, series = stored_values(written)
            files = {**files, **series}
            files = {f"{self.circuit.name}.yaml": dumps(written), **files}
        files |= self.expanded.source.files
        for name, stimulus in self.expanded.stimuli.items():
            if stimulus.file:
                whose = stimulus.population or stimulus.array
                file = f"{folder.named(stimulus.file)}{f':{whose}' if whose else ''}"
                files[file] = stored_input(name, stimulus, self.expanded)[1]
        for kind, name in sorted(self.expanded.parts_used()):
            if name.endswith(".yaml"):
                text, file = part_text(kind, name, folder)
                files[file] = text
        return files | data_references(self.expanded)


def compile_circuit(circuit: Circuit, options: CompilerOptions = DEFAULT_OPTIONS) -> Compiled:
    """Compile a circuit: every pass, once.

    Raises
    ------
    CircuitError
        With every mistake in the circuit.
    """
    made = after_each_pass(circuit, options)
    scaled: Scaled = made["downscale"]
    read = made["read_data"]
    plans = made["resolve"], made["lower"]
    return Compiled(circuit, options, made["expand"], read, scaled.report, *plans)


def plan_of(circuit: Circuit, lower: str = "on", precision: str = "double") -> Plan:
    """The plan that would run.

    Parameters
    ----------
    lower : 'on' or 'off'
        Whether synaptic variables get their cheapest exact form, or are all clock-driven.
    precision : 'double' or 'single'
        Of the numbers of a simulation.

    Raises
    ------
    CircuitError
        With every mistake in the circuit.
    """
    return compile_circuit(circuit, CompilerOptions(lower, precision)).plan


def load_whole(
    file: str | FilePath, set: Mapping[str, Any] | None = None, condition: str | None = None
) -> Circuit:
    """Load a circuit; if it has mistakes, report also those that the passes find in the rest.

    Raises
    ------
    CircuitError
        With every mistake of every pass.
    """
    try:
        return load(file, set, condition)
    except CircuitError as error:
        if not isinstance(error.rest, Circuit):
            raise
        try:
            plan_of(error.rest)
        except CircuitError as later:
            new = [p for p in later.problems if not _follows(p, error.problems)]
            raise error.rest.source.placed([*error.problems, *new]) from None
        raise


def _follows(problem: Problem, reported: Sequence[Problem]) -> bool:
    """Whether a problem may only be there because something reported is left out of the circuit."""
    return any(_is_near(problem, each) or _lacks(problem, each.path) for each in reported)


def _is_near(problem: Problem, reported: Problem) -> bool:
    """Whether one stands within the other; paths of another file are of a component."""
    depth = min(len(problem.path), len(reported.path))
    same_file = problem.place.partition(":")[0] == reported.place.partition(":")[0]
    return same_file and problem.path[:depth] == reported.path[:depth]


def _lacks(problem: Problem, reported: Path) -> bool:
    """Whether a problem is that something is missing which is left out with a reported path."""
    if not problem.missing or not reported:
        return False
    kind, name = problem.missing
    left_out = str(reported[1]) if len(reported) > 1 else str(name)
    return reported[0] in (kind, "regions") and includes(left_out, str(name))

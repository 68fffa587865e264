"""Stimuli whose current or rate is given over time, by an array or a file.

Each number holds for one interval of the array's `dt`, a whole number of time steps; nothing is
interpolated. After the last one it is held, or zero, or they begin again.
"""

import numpy as np

from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import Circuit
from thalia.compiler.drives import Frames
from thalia.data.series_files import MOST_NUMBERS, read_series
from thalia.errors import CircuitError, Diagnostics, Path, fail
from thalia.library.schema import IN_TIME, StimulusKind
from thalia.syntax.selection import as_value
from thalia.syntax.series import Series, table
from thalia.syntax.time_grid import as_text, is_multiple, steps_of
from thalia.syntax.units import Dimension, ValueSyntaxError, a_dimension, display_unit


def frames_of(
    circuit: Circuit, stimulus: Stimulus, parameter: str, path: Path, diagnostics: Diagnostics
) -> Frames | None:
    """The numbers that a stimulus is given over time for a parameter; None if they are wrong."""
    given = [key for key in ("values", "file") if getattr(stimulus, key) is not None]
    if not given:
        for key in sorted(IN_TIME & stimulus.model_fields_set):
            message = f"'{key}' is of numbers over time, and there are none"
            hint, missing = "give 'file' or 'values'", ("stimuli", str(path[1]))
            diagnostics.error((*path, key), message, hint, missing)
        return None
    before = len(diagnostics.problems)
    _check_keys(stimulus, parameter, given, path, diagnostics)
    if len(diagnostics.problems) > before:
        return None
    try:
        series = series_of(circuit, stimulus)
        every = _interval(circuit, stimulus)
        _check_series(circuit, stimulus, series, parameter)
    except CircuitError as error:
        first = error.problems[0]
        where = first.path or (given[0],)
        diagnostics.error((*path, *where), first.message, first.hint)
        return None
    chosen = as_value(stimulus.neurons) if stimulus.neurons else None
    return Frames("", stimulus.target[0], chosen, series, every, stimulus.after)


def _check_keys(
    stimulus: Stimulus, parameter: str, given: list[str], path: Path, diagnostics: Diagnostics
) -> None:
    if len(given) > 1:
        diagnostics.error(path, "expected either 'values' or 'file'", "remove one")
    if parameter in stimulus.parameters:
        message = f"'{parameter}' is given over time by '{given[0]}'"
        diagnostics.error((*path, parameter), message, "remove one of the two")
    if stimulus.dt is None:
        message = f"'{given[0]}' needs 'dt', the interval for which each of its numbers holds"
        diagnostics.error(path, message, "dt: 1 ms")
    if given[0] == "file" and stimulus.unit is None:
        diagnostics.error(path, "'file' needs 'unit', that of its numbers", "unit: pA, or Hz")
    for key in ("unit", "array") if given[0] == "values" else ():
        if key in stimulus.model_fields_set:
            message = f"'{key}' is of a 'file'; 'values' have their unit"
            diagnostics.error((*path, key), message, "remove it")


def series_of(circuit: Circuit, stimulus: Stimulus) -> Series:
    """The numbers over time of a stimulus that is given some.

    Raises
    ------
    CircuitError
        If its file cannot be read.
    """
    if stimulus.values is not None:
        assert isinstance(stimulus.values, Series)
        return stimulus.values
    assert stimulus.file is not None, "there are either values or a file"
    assert stimulus.unit is not None, "a file without one is refused"
    numbers = read_series(circuit.folder, stimulus.file, stimulus.array)
    try:
        in_two = table(numbers, stimulus.file)
    except ValueSyntaxError as error:
        raise fail(str(error)) from None
    return Series(in_two * stimulus.unit.mean, stimulus.unit.dimension)


def _interval(circuit: Circuit, stimulus: Stimulus) -> int:
    """How many time steps each number holds."""
    assert stimulus.dt is not None
    dt, asked = circuit.dt.mean, stimulus.dt.mean
    steps = steps_of(asked, dt)
    if steps < 1 or not is_multiple(asked, dt, steps):
        raise fail(
            f"expected a multiple of the circuit's dt of {as_text(dt)}, found {stimulus.dt}",
            "each number holds for whole time steps: resample it, or change a dt",
            ("dt",),
        )
    return steps


def _check_series(circuit: Circuit, stimulus: Stimulus, series: Series, parameter: str) -> None:
    part = circuit.part("stimuli", stimulus.kind)
    assert isinstance(part, StimulusKind), "a stimulus of another kind has no parameter over time"
    wanted: Dimension = part.parameters[parameter].default.dimension
    if series.dimension != wanted:
        found = a_dimension(series.dimension)
        where = ("unit",) if stimulus.file else ()
        raise fail(f"expected {a_dimension(wanted)}, found {found}", "", where)
    if series.numbers.size > MOST_NUMBERS:
        most = f"expected at most {MOST_NUMBERS:,} numbers, found {series.numbers.size:,}"
        raise fail(most, "use a longer dt, or fewer neurons")
    size, traces = circuit.populations[stimulus.target[0]].size or 1, series.numbers.shape[1]
    if traces > 1 and traces != size and not stimulus.neurons:
        raise fail(
            f"expected one trace, or {size:,} for the neurons of {stimulus.target[0]}, "
            f"found {traces:,}",
            "rows are times and columns neurons",
        )
    if part.rate and series.numbers.min() < 0:
        row, column = np.unravel_index(series.numbers.argmin(), series.numbers.shape)
        unit, unit_size = display_unit(wanted)
        found = f"{series.numbers[row, column] / unit_size:g} {unit}"
        raise fail(f"a rate cannot be below 0, found {found} at [{row}, {column}]")

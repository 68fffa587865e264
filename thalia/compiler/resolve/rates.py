"""Rates that cannot be: below 0, or of more spikes than a source can fire.

A source whose threshold is a chance, or a phase that goes round, fires at most once in a step. More
than one spike in a step is therefore refused; from a tenth of that on a Poisson source is told to
be more regular than a Poisson process, because its intervals are at least one step long.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from math import exp, log1p, sqrt
from typing import TYPE_CHECKING, Any

from thalia.compiler.drives import Frames
from thalia.compiler.plan import Group, Member
from thalia.compiler.resolve.stimuli import ResolvedStimulus
from thalia.errors import Diagnostics
from thalia.syntax.equations import calls, identifiers, tree
from thalia.syntax.expressions import EquationError
from thalia.syntax.sampling import sampled
from thalia.syntax.units import UNITS, Value, format_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_SPIKES = 1 + 1e-9  # in a step; rates such as 1/dt are rounded
TOLD_FROM = 0.1
MOST_EVENTS = 1e9  # of a stimulus at one neuron in a step, which fit every integer they are kept in
_MOST_SAMPLES = 1_000_000  # of one rate over time
_MOST_WORK = 200_000_000  # characters of rates times their samples, all together
_MOST_DRAWN = 65  # combinations of numbers that are drawn for parameters
_BOUNDED = ("constant", "uniform", "spread", "formula", "chosen")
_REACH = 5  # standard deviations of a distribution that are expected to be drawn

HERTZ, SECOND = UNITS["Hz"][1], UNITS["s"][1]


@dataclass(frozen=True)
class Rate:
    """A rate, or the spikes in one step, as an expression.

    `named` are the expressions that names stand for, and `names` everything that is mentioned.
    """

    expression: str
    named: dict[str, str]

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name in the expression, and in what these stand for."""
        return _mentioned(self.expression, self.named)


@dataclass(frozen=True)
class Time:
    """The steps of a simulation, and how much work may be done to look at one rate over time."""

    dt: float
    steps: int
    work: int

    def samples(self, rate: Rate, repeats: int) -> "NDArray[np.float64]":
        """Times at which a rate is looked at so often, in seconds: all if they are not too many."""
        import numpy as np

        read = (text for name, text in rate.named.items() if name in rate.names)
        size = len(rate.expression) + sum(map(len, read))
        most = min(_MOST_SAMPLES, self.work // size) // repeats
        count = max(1, min(self.steps, most))
        return np.linspace(0, max(0, self.steps - 1), count).round() * self.dt


def spikes_per_step(group: Group) -> Rate | None:
    """What decides how often the neurons of a group fire; None unless they are such sources.

    It is the chance in a threshold such as `rand() < rate*dt`, or the step of a phase that starts
    again from what is left over.
    """
    threshold = tree(group.threshold) if group.threshold else None
    expression = ""
    match threshold:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="rand")),
            ops=[ast.Lt() | ast.LtE()],
            comparators=[chance],
        ):
            expression = ast.unparse(chance)
        case ast.Compare(left=ast.Name(id=phase), ops=[ast.Gt() | ast.GtE()], comparators=[whole]):
            expression = _step_of(phase, ast.unparse(whole), group)
    named = {e.name: e.right for e in group.equations() if e.kind == "expression"}
    return Rate(expression, named) if expression else None


def _step_of(phase: str, whole: str, group: Group) -> str:
    """How far a phase goes round in one step; empty if it is none."""
    starts_again = any(
        s.target == phase and s.operator == "-=" and ast.unparse(tree(s.right)) == whole
        for s in group.reset
    )
    for equation in group.model if starts_again else ():
        is_ode = equation.kind == "ode" and equation.name == phase
        if is_ode and phase not in identifiers(equation.right):
            return f"({equation.right})*dt/({whole})"
    return ""


def check_rates(
    stimuli: Iterable[ResolvedStimulus],
    groups: Iterable[Group],
    dt: float,
    steps: int,
    diagnostics: Diagnostics,
) -> tuple[str, ...]:
    """Note the rates that cannot be, and tell of the sources that fire in many of all steps."""
    rated = [each for each in stimuli if each.part.rate]
    sources = [(g, rate, m) for g in groups if (rate := spikes_per_step(g)) for m in g.members]
    time = Time(dt, steps, _MOST_WORK // max(1, len(rated) + len(sources)))
    for each in rated:
        _check_stimulus(each, time, diagnostics)
    notes = (_check_source(*source, time, diagnostics) for source in sources)
    return tuple(filter(None, notes))


def _check_stimulus(each: ResolvedStimulus, time: Time, diagnostics: Diagnostics) -> None:
    given = {name: (value,) for name, value in (each.values | each.places).items()}
    if each.frames:
        given[each.part.over_time] = (_range_of(each.frames),)
    found = _extremes(Rate(each.part.rate, {}), given, time)
    if found is None:
        return
    (low, when), (high, _) = found
    path = (*each.path, "rate") if "rate" in each.values else each.path
    if not low >= 0:
        at = f" at {format_number(when, SECOND)}" if when else ""
        message = f"a rate cannot be below 0, found {low:.6g} Hz{at}"
        diagnostics.error(path, message, _hint(each.values))
    if high * time.dt * each.stimulus.number[0][0].mean > MOST_EVENTS:
        most = f"{MOST_EVENTS:,.0f}"
        message = f"expected at most {most} spikes in a step, found a rate of {high:g} Hz"
        diagnostics.error(path, message)


def _check_source(
    group: Group, rate: Rate, member: Member, time: Time, diagnostics: Diagnostics
) -> str:
    """Note a rate that a source cannot have; what to tell of one that it hardly can."""
    dt = time.dt
    over_time = {each.name: (_range_of(each),) for each in group.frames}
    found = _extremes(rate, member.parameters | over_time, time)
    if not found:
        return ""
    (low, _), (high, _) = found
    path, step = ("populations", member.name), format_number(dt, SECOND)
    if not low >= 0:
        message = f"a rate cannot be below 0, and that of {member.name} reaches {low / dt:.6g} Hz"
        own = {name: values[0] for name, values in member.parameters.items()}
        diagnostics.error(path, message, _hint(own))
    if high > MOST_SPIKES:
        message = (
            f"{member.name} would fire at {high / dt:.6g} Hz, and fires at most once in a step "
            f"of {step}"
        )
        hint = f"use a `dt` below {dt / high * 1e3:.3g} ms, or a lower rate"
        diagnostics.error(path, message, hint)
    elif high > TOLD_FROM and "rand" in calls(group.threshold):
        return (
            f"{member.name} fires at {high / dt:.6g} Hz, at most once in a step of {step}: its "
            f"intervals have a CV of {sqrt(1 - min(high, 1)):.2f} instead of 1"
        )
    return ""


def _range_of(frames: Frames) -> Value:
    """A value between the least and the greatest of some numbers over time."""
    numbers = frames.series.numbers
    return Value("spread", (float(numbers.min()), float(numbers.max())), frames.series.dimension)


def _hint(values: Mapping[str, Value]) -> str:
    """How a distribution of rates is kept from values below 0."""
    for value in values.values():
        if value.dimension == HERTZ and value.kind == "normal" and value.low is None:
            return f"write {str(value)[:-1]}, min=0 Hz)"
    return ""


def _extremes(
    rate: Rate, given: Mapping[str, tuple[Value, ...]], time: Time
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The lowest and the highest value over the simulation, each with its time in seconds.

    None if it depends on what is only known when it runs.
    """
    import numpy as np

    drawn = _drawn({name: given[name] for name in rate.names & given.keys()})
    times = time.samples(rate, len(drawn)) if "t" in rate.names else np.zeros(1)
    # a column for each combination of numbers, and a row for each time
    columns = {name: np.array([each[name] for each in drawn]) for name in drawn[0]}
    values = {"dt": time.dt, "t": times[:, np.newaxis]} | columns
    try:
        at = np.asarray(sampled(rate.expression, values, rate.named), dtype=float)
    except (EquationError, ArithmeticError, TypeError):
        return None
    at = np.broadcast_to(at, (len(times), len(drawn)))
    low, high = (divmod(int(found), len(drawn)) for found in (np.argmin(at), np.argmax(at)))
    return (float(at[low]), float(times[low[0]])), (float(at[high]), float(times[high[0]]))


def _mentioned(expression: str, named: Mapping[str, str]) -> frozenset[str]:
    """The names in an expression, and in what these stand for."""
    names, new = set[str](), {*identifiers(expression)}
    while new:
        names |= new
        new = set().union(*(identifiers(named[name]) for name in new & named.keys())) - names
    return frozenset(names)


def _drawn(given: Mapping[str, tuple[Value, ...]]) -> list[dict[str, Any]]:
    """Combinations of numbers over the reach of each value; a parameter is the sum of its values.

    They are a grid, because a rate may be highest in between, as that of a tuned source is.
    """
    ends = [(sum(map(_least, values)), sum(map(_greatest, values))) for values in given.values()]
    varied = sum(low < high for low, high in ends)
    count = max(2, int(_MOST_DRAWN ** (1 / varied))) if varied else 1
    lines = [
        [low + (high - low) * k / (count - 1) for k in range(count)] if low < high else [low]
        for low, high in ends
    ]
    return [dict(zip(given, each, strict=True)) for each in islice(product(*lines), _MOST_DRAWN)]


def _least(value: Value) -> float:
    """The lowest number that a value is expected to give."""
    if value.kind == "given":
        return float(value.numbers.min())  # type: ignore[attr-defined]  # of data
    if value.low is not None or value.kind in _BOUNDED:
        return min(value.arguments) if value.low is None else value.low
    mean, sd = value.arguments
    return 0.0 if value.kind == "lognormal" else mean - _REACH * sd


def _greatest(value: Value) -> float:
    """The highest number that a value is expected to give."""
    if value.kind == "given":
        return float(value.numbers.max())  # type: ignore[attr-defined]  # of data
    if value.high is not None or value.kind in _BOUNDED:
        return max(value.arguments) if value.high is None else value.high
    mean, sd = value.arguments
    if value.kind == "normal":
        return mean + _REACH * sd
    variance = log1p((sd / mean) ** 2)  # of the logarithm
    return mean * exp(_REACH * sqrt(variance) - variance / 2)

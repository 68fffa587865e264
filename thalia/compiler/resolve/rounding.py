"""What a circuit's times become on the grid of dt, where that is not what was asked for."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.spec import Circuit
from thalia.compiler.drives import Frames
from thalia.compiler.plan import SECOND, Plan, Playback
from thalia.compiler.resolve.stimuli import ResolvedStimulus
from thalia.errors import counted
from thalia.syntax.equations import identifiers, tree
from thalia.syntax.expressions import EquationError
from thalia.syntax.given import Given
from thalia.syntax.sampling import sampled
from thalia.syntax.time_grid import as_text, interval_rounding, moved, rounding, steps_of
from thalia.syntax.units import Value

NAMED = 3  # of those for which the same is told, the most that are named


def rounded_times(
    circuit: Circuit, length: Value | None, stimuli: Iterable[ResolvedStimulus], plan: Plan
) -> tuple[str, ...]:
    """Every time of a circuit that is rounded, in words; those with the same value together."""
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for what, name, asked in (*_refractory_periods(plan), *_delays(plan)):
        if becomes := _becomes(asked, plan.dt):
            names[what, becomes].append(name)
    for name, seconds in _intervals(circuit, plan).items():
        if becomes := interval_rounding(seconds, plan.dt):
            names["interval", becomes].append(name)
    return (
        *_durations(circuit, length, plan),
        *(f"{what} of {_listed(whose)}: {text}" for (what, text), whose in names.items()),
        *_pulses(stimuli, plan.dt),
        *_ends(plan, {each.name: each.frames for each in stimuli if each.frames}),
        *(told for each in plan.playbacks for told in _spikes(each, plan)),
    )


type Times = float | NDArray[np.float64] | None
"""In seconds: one, those of all neurons or synapses, or None where they are drawn."""

type Asked = Iterator[tuple[str, str, Times]]
"""What it is, whose, and which times it has."""


def _becomes(asked: Times, dt: float) -> str:
    """What times become on the grid, in words; nothing if that is what was asked for."""
    if isinstance(asked, float):
        return rounding(asked, dt)
    if asked is None:
        return f"each becomes a multiple of dt, moved by at most {as_text(dt / 2)}"
    return _moved(asked, dt)


def _moved(seconds: NDArray[np.float64], dt: float) -> str:
    """How many of some times are moved to the grid, and how far; nothing if none is."""
    count, most = moved(seconds, dt)
    if not count:
        return ""
    far = as_text(float(f"{most:.6g}"))
    of = f"{count:,} of {counted(len(seconds), 'time')}"
    return f"{of} become multiples of dt, which moves them by at most {far}"


def _times(value: Value) -> Times:
    """The times that a value stands for, as far as they are known before anything is drawn."""
    if isinstance(value, Given):
        return value.numbers
    return None if value.is_random else value.mean


def _durations(circuit: Circuit, length: Value | None, plan: Plan) -> Iterator[str]:
    """The duration, or phases, which end at the nearest step."""
    whole = length or (None if circuit.phases else circuit.duration)
    if whole and (becomes := rounding(whole.mean, plan.dt)):
        yield f"duration: {becomes}"
    ends = [0.0, *accumulate(phase.duration.mean for phase in circuit.phases)]
    for phase, (begin, end) in zip(circuit.phases, pairwise(ends), strict=True):
        steps = steps_of(end, plan.dt) - steps_of(begin, plan.dt)
        if becomes := rounding(phase.duration.mean, plan.dt, steps):
            yield f"duration of phase {phase.name}: {becomes}"


def _intervals(circuit: Circuit, plan: Plan) -> dict[str, float]:
    """The intervals of what is recorded, released and rewired."""
    record = circuit.record
    every = {f"record.traces.{name}": each.every for name, each in record.traces.items()}
    if record.weights.every:
        every["record.weights"] = record.weights.every
    if circuit.modulators:
        every["record.modulators"] = record.modulators
    changing = {change.modulator for change in plan.weight_changes}
    every |= {f"modulators.{name}": circuit.modulators[name].every for name in sorted(changing)}
    seconds = {name: value.mean for name, value in every.items()}
    return seconds | {p.name: p.rewiring.every for _, p in plan.pathways() if p.rewiring}


def _refractory_periods(plan: Plan) -> Asked:
    for group, member in plan.populations():
        read = identifiers(group.refractory) if group.refractory else frozenset()
        values = {name: member.parameters[name] for name in read & member.parameters.keys()}
        parts = [_times(value) for each in values.values() for value in each]
        if any(part is None for part in parts):
            yield "refractory period", member.name, None
            continue
        numbers = {name: sum(map(_times, each)) for name, each in values.items()}  # type: ignore[arg-type]
        try:
            period = sampled(group.refractory, numbers, {}) if read else 0.0
        except EquationError:
            continue  # it reads a variable
        yield "refractory period", member.name, period


def _delays(plan: Plan) -> Asked:
    for synapses in plan.synapses:
        for member in synapses.members:
            delays = {"axonal": member.axonal, "dendritic": member.dendritic}
            for side, delay in delays.items():
                yield f"{side} delay", member.name, _times(delay)
            for each in synapses.later:
                yield each.after, member.name, member.parameters[each.after].mean


def _pulses(stimuli: Iterable[ResolvedStimulus], dt: float) -> Iterator[str]:
    """The stimuli that compare the present with times that are not on the grid."""
    for each in stimuli:
        compared = _compared(each.part.current or each.part.rate)
        asked = {
            name: value
            for name, value in each.values.items()
            if name in compared and value.dimension == SECOND
        }
        off = [
            f"{name} {value if value.is_random else as_text(value.mean)}"
            for name, value in asked.items()
            if value.is_random or rounding(value.mean, dt)
        ]
        if off:
            listed = ", ".join(off)
            yield f"{each.name}: begins and ends at the nearest multiples of dt, not after {listed}"


def _compared(expression: str) -> frozenset[str]:
    """The names that stand in comparisons."""
    comparisons = (node for node in ast.walk(tree(expression)) if isinstance(node, ast.Compare))
    return frozenset().union(*(identifiers(ast.unparse(node)) for node in comparisons))


def _spikes(playback: Playback, plan: Plan) -> Iterator[str]:
    """Which of the prescribed spikes are moved, and which come too late."""
    count = len(playback.times)
    if becomes := _moved(np.array(playback.times), plan.dt):
        yield f"{playback.name}: {becomes}"
    late = sum(step >= plan.steps for step in playback.steps)
    if late:
        yield f"{playback.name}: {late} of {count} spikes come after the end, and do not take place"


def _ends(plan: Plan, all_frames: dict[str, Frames]) -> Iterator[str]:
    """What happens where numbers over time are fewer, or more, than the simulation has time for."""
    for name, each in all_frames.items():
        steps = len(each.series.numbers) * each.every
        at = as_text(steps * plan.dt)
        if steps < plan.steps:
            then = {
                "hold": "the last one is held from then on",
                "zero": "it is zero from then on",
                "repeat": "they begin again",
            }[each.after]
            yield f"{name}: its values end at {at}, and {then}"
        elif steps > plan.steps:
            end = as_text(plan.steps * plan.dt)
            yield f"{name}: its values last until {at}, and those after {end} do not take place"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more

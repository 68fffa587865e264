"""When things happen: phases in whole steps, and in which of them each pathway is plastic."""

from itertools import accumulate, pairwise

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import PhasePlan, includes
from thalia.errors import Diagnostics, Path
from thalia.syntax.time_grid import as_text, steps_of
from thalia.syntax.units import Value


def plan_phases(
    circuit: Circuit, length: Value | None, diagnostics: Diagnostics
) -> tuple[PhasePlan, ...]:
    """The phases in steps; a circuit without phases has one, of its duration.

    Phases end at the step nearest to their end, so that rounding does not add up. With a `length`
    of the whole they end earlier, or the last one is extended; those that are not reached keep
    their place with no length, so that the same program runs.
    """
    _check_names(circuit, diagnostics)
    with diagnostics.catch(("duration",)):
        ends = _ends(circuit, length, diagnostics)
        return tuple(
            PhasePlan(name, end - begin)
            for name, begin, end in zip(_names(circuit), (0, *ends), ends, strict=False)
        )
    return ()


def _names(circuit: Circuit) -> tuple[str, ...]:
    return tuple(phase.name for phase in circuit.phases) or ("run",)


def _ends(circuit: Circuit, length: Value | None, diagnostics: Diagnostics) -> tuple[int, ...]:
    """The step at which each phase ends."""
    dt, duration = circuit.dt.mean, length or circuit.duration
    steps = steps_of(duration.mean, dt) if duration else 0
    if duration and not steps:
        message = f"expected at least half a step of {circuit.dt}, found {duration}"
        diagnostics.error(("duration",), message)
    elif not duration and not circuit.phases:
        hint = "set the duration, as in `duration: 1 s`, or add phases"
        diagnostics.error(("duration",), "'duration' is missing", hint)
    if not circuit.phases:
        return (steps,)
    asked = accumulate(phase.duration.mean for phase in circuit.phases)
    ends = tuple(steps_of(seconds, dt) for seconds in asked)
    if length:
        return (*(min(end, steps) for end in ends[:-1]), steps)
    if duration and steps != ends[-1]:
        message = f"expected the sum of the phases, {as_text(ends[-1] * dt)}, found {duration}"
        diagnostics.error(("duration",), message, "remove `duration`")
    for index, (begin, end) in enumerate(pairwise((0, *ends))):
        if begin == end:
            found = circuit.phases[index].duration
            message = f"expected at least a step of {circuit.dt}, found {found}"
            diagnostics.error(("phases", index, "duration"), message)
    return ends


def _check_names(circuit: Circuit, diagnostics: Diagnostics) -> None:
    """Check that the pathways whose plasticity is switched are there."""
    for index, phase in enumerate(circuit.phases):
        for name in phase.plasticity if isinstance(phase.plasticity, dict) else ():
            if not any(includes(name, pathway) for pathway in circuit.pathways):
                here: Path = ("phases", index, "plasticity", name)
                diagnostics.unknown(here, "pathways", name, circuit.pathways)


def plastic_in(circuit: Circuit, pathway: str) -> tuple[bool, ...]:
    """For each phase, whether this pathway's plasticity is on."""
    if not circuit.phases:
        return (True,)
    switches = []
    for phase in circuit.phases:
        switch = phase.plasticity
        if isinstance(switch, dict):
            switch = next((on for name, on in switch.items() if includes(name, pathway)), "on")
        switches.append(switch == "on")
    return tuple(switches)

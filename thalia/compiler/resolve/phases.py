"""When things happen: phases in whole steps, and in which of them each pathway is plastic."""

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import PhasePlan, includes
from thalia.errors import Diagnostics, Path
from thalia.syntax.units import Value, constant, format_number


def plan_phases(circuit: Circuit, diagnostics: Diagnostics) -> tuple[PhasePlan, ...]:
    """The phases in steps; a circuit without phases has one, of its duration."""
    _check_names(circuit, diagnostics)
    dt, duration = circuit.dt.mean, circuit.duration
    if not circuit.phases:
        if duration is None:
            hint = "set the duration, as in `duration: 1 s`, or add phases"
            diagnostics.error(("duration",), "'duration' is missing", hint)
            return ()
        return (PhasePlan("run", _steps(duration.mean, dt)),)
    phases = tuple(
        PhasePlan(phase.name, _steps(phase.duration.mean, dt)) for phase in circuit.phases
    )
    total = sum(phase.steps for phase in phases)
    if duration is not None and _steps(duration.mean, dt) != total:
        found = format_number(round(total * dt, 12), circuit.dt.dimension)
        message = f"expected the sum of the phases, {found}, found {duration}"
        diagnostics.error(("duration",), message, "remove `duration`")
    return phases


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


def lasting(circuit: Circuit, duration: Value) -> Circuit:
    """The circuit with another duration: phases end earlier, or the last one is extended.

    Phases that are not reached keep their place with no length, so that the same program runs.
    """
    left, phases = duration.mean, []
    for index, phase in enumerate(circuit.phases):
        is_last = index == len(circuit.phases) - 1
        length = left if is_last else min(left, phase.duration.mean)
        phases.append(phase.model_copy(update={"duration": constant(length, duration.dimension)}))
        left -= length
    return circuit.with_(duration=duration, phases=tuple(phases))


def _steps(seconds: float, dt: float) -> int:
    return max(1, round(seconds / dt)) if seconds > 0 else 0

"""When things happen: phases in whole steps, and in which of them each pathway is plastic."""

from collections.abc import Callable

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import PhasePlan
from thalia.errors import Path, did_you_mean
from thalia.syntax.units import Value, constant, format_number

Report = Callable[..., None]


def plan_phases(circuit: Circuit, problem: Report) -> tuple[PhasePlan, ...]:
    """The phases in steps; a circuit without phases has one, of its duration."""
    dt = circuit.dt.mean
    for index, phase in enumerate(circuit.phases):
        if isinstance(phase.plasticity, dict):
            for name in phase.plasticity:
                if not _matches(name, circuit):
                    here: Path = ("phases", index, "plasticity", name)
                    problem(
                        here, f"no pathway is called '{name}'", did_you_mean(name, circuit.pathways)
                    )
    if not circuit.phases:
        if circuit.duration is None:
            problem(
                ("duration",),
                "'duration' is missing",
                "say how long to run, as in `duration: 1 s`, or give phases",
            )
            return ()
        return (PhasePlan("run", _steps(circuit.duration.mean, dt)),)
    phases = tuple(
        PhasePlan(phase.name, _steps(phase.duration.mean, dt)) for phase in circuit.phases
    )
    total = sum(phase.steps for phase in phases)
    if circuit.duration is not None and _steps(circuit.duration.mean, dt) != total:
        found = format_number(round(total * dt, 12), circuit.dt.dimension)
        problem(
            ("duration",),
            f"expected the sum of the phases, {found}, found {circuit.duration}",
            "leave `duration` out",
        )
    return phases


def plastic_in(circuit: Circuit, pathway: str) -> tuple[bool, ...]:
    """For each phase, whether this pathway's plasticity is on."""
    if not circuit.phases:
        return (True,)
    switches = []
    for phase in circuit.phases:
        switch = phase.plasticity
        if isinstance(switch, dict):
            switch = next(
                (
                    on
                    for name, on in switch.items()
                    if pathway == name or pathway.startswith(f"{name}.")
                ),
                "on",
            )
        switches.append(switch == "on")
    return tuple(switches)


def lasting(circuit: Circuit, duration: Value) -> Circuit:
    """The circuit with another duration: its phases end earlier, or the last one goes on for longer.

    Phases that are not reached keep their place with no length, so that the same program runs.
    """
    left, phases = duration.mean, []
    for index, phase in enumerate(circuit.phases):
        is_last = index == len(circuit.phases) - 1
        length = left if is_last else min(left, phase.duration.mean)
        phases.append(phase.model_copy(update={"duration": constant(length, duration.dimension)}))
        left -= length
    return circuit.with_(duration=duration, phases=tuple(phases))


def _matches(name: str, circuit: Circuit) -> bool:
    return any(pathway == name or pathway.startswith(f"{name}.") for pathway in circuit.pathways)


def _steps(seconds: float, dt: float) -> int:
    return max(1, round(seconds / dt)) if seconds > 0 else 0

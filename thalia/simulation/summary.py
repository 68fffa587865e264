"""The summary of a simulation, as `thalia run --json` prints it and the run file keeps it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.analysis.variability import Estimate, irregularity
from thalia.backends import Session
from thalia.compiler.efficacy import scaled_by
from thalia.compiler.plan import Plan
from thalia.recording.writer import RunWriter, weight_unit
from thalia.simulation.network import Network
from thalia.simulation.recorder import Recorder, SpikeCounter

type Rates = dict[str, dict[str, float]]


def summary(
    network: Network,
    session: Session,
    counter: SpikeCounter,
    recorder: Recorder,
    remark: str = "",
) -> dict[str, Any]:
    """What was simulated, and what happened: rates, irregularity and weights."""
    plan, writer = network.plan, recorder.writer
    overflows = _overflows(plan, session)
    found = of_spikes(plan, writer, network.engine.name, network.synapses, counter.counts)
    return found | {
        "integration": {
            member.name: str(group.integration)
            for group, member in plan.populations()
            if group.threshold
        },
        "weights": _weights(plan, recorder),
        "overflowed": {name: count for name, (count, _) in overflows.items()},
        "timings_s": {},
        "compiled": {
            "code_objects": session.compiled.code_objects,
            "cached": session.compiled.cached,
        },
        "notes": [
            *plan.notes,
            *_notes(network),
            *(text for _, text in overflows.values()),
            *([remark] if remark else []),
        ],
    }


def of_spikes(
    plan: Plan, writer: RunWriter, backend: str, synapses: int, counts: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """What a summary has of spikes alone: `counts` are those of a population by phase."""
    writer.flush()
    rates, last = _rates(plan, counts), plan.reached[-1].name
    cv = _irregularity(plan, writer)
    return {
        "circuit": plan.name,
        "backend": backend,
        "seed": plan.seed,
        "duration_s": plan.duration,
        "neurons": sum(group.size for group in plan.groups),
        "synapses": synapses,
        "rates_hz": {name: rate[last] for name, rate in rates.items()},
        "rates_by_phase_hz": {
            phase.name: {name: rate[phase.name] for name, rate in rates.items()}
            for phase in plan.reached
        },
        "cv_isi": {member.name: None for _, member in plan.populations()}
        | {name: each.value for name, each in cv.items()},
        "cv_isi_error": {name: each.error for name, each in cv.items() if each.error is not None},
        "cv_isi_missing": {name: each.missing for name, each in cv.items() if each.missing},
        "integration": {},
        "weights": {},
        "overflowed": {},
        "timings_s": {},
        "compiled": {},
        "notes": [*plan.notes],
    }


def _notes(network: Network) -> Iterator[str]:
    """What was found while the network was wired."""
    return (note for wired in network.arrays.synapses.values() for note in wired.notes)


def _overflows(plan: Plan, session: Session) -> dict[str, tuple[int, str]]:
    """The number of cells whose equations overflowed, by population, and a note about them."""
    found: dict[str, tuple[int, str]] = {}
    for group in plan.groups:
        states = [equation.name for equation in group.model if equation.kind == "ode"]
        values = [session.read(f"{group.name}.{name}") for name in states]
        lost = np.zeros(group.size, bool)
        for each in values:
            lost |= ~np.isfinite(each)
        for member in group.members:
            if count := int(lost[member.start : member.stop].sum()):
                note = (
                    f"{member.name}: the equations of {count} of {member.size} neurons overflowed, "
                    f"and {', '.join(states)} are no numbers since: these neurons cannot fire; "
                    "use a smaller `dt`, or weaker input"
                )
                found[member.name] = count, note
    return found


def _weights(plan: Plan, recorder: Recorder) -> dict[str, Any]:
    """Mean weights of the recorded plastic pathways, at the beginning and at the end.

    Those that arrive, too, where rules scale them, and the names of everything that scales them.
    """
    plastic = {p.name: s for s, p in plan.pathways() if s.is_plastic}
    found: dict[str, Any] = {}
    for _, name in recorder.recorded:
        if name not in plastic:
            continue
        group = recorder.writer.h5[f"weights/{name}"]
        ends = {"before": 0, "after": -1}
        told: dict[str, Any] = {"unit": weight_unit(plan, name)[0]}
        told |= {key: _mean(group["w"][row]) for key, row in ends.items()}
        if "efficacy" in group:
            told |= {
                f"arriving_{key}": _mean(group["w"][row] * group["efficacy"][row])
                for key, row in ends.items()
            }
        if names := scaled_by(plastic[name]):
            told["scaled_by"] = list(names)
        found[name] = told
    return found


def _mean(weights: NDArray[np.float64]) -> float:
    return float(weights.mean()) if len(weights) else 0.0


def _rates(plan: Plan, counts: Mapping[str, Sequence[int]]) -> Rates:
    """Mean rate of each population in each phase, in Hz."""
    rates: Rates = {}
    for _, member in plan.populations():
        for phase, count in zip(plan.phases, counts[member.name], strict=True):
            if phase.steps:
                rate = count / (member.size * phase.steps * plan.dt)
                rates.setdefault(member.name, {})[phase.name] = rate
    return rates


def _irregularity(plan: Plan, writer: RunWriter) -> dict[str, Estimate]:
    """Coefficient of variation in the last phase, of the populations whose spikes are recorded."""
    begin = plan.duration - plan.reached[-1].steps * plan.dt - plan.dt / 2
    result = {}
    for _, member in plan.populations():
        if recorded := writer.h5.get(f"spikes/{member.name}"):
            times = recorded["timestamps"][:] * 1e-3
            late = times >= begin
            result[member.name] = irregularity(
                times[late], recorded["node_ids"][:][late].astype(np.int64)
            )
    return result

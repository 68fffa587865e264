"""What a run produces, on its way to the run file and to the summary."""

from typing import Any

import numpy as np

from thalia.analysis.spike_trains import interval_cv
from thalia.backends import Chunk, Session
from thalia.compiler.plan import Plan
from thalia.compiler.resources import is_recorded
from thalia.connectivity.build import Arrays
from thalia.recording.writer import RunWriter, weight_unit
from thalia.simulation.synapse_state import weights
from thalia.syntax.units import display_unit

CHUNK_SECONDS = 0.2  # between two reports of progress, about


class Watch:
    """Takes what a run produces to the run file, and counts for the summary."""

    def __init__(
        self,
        plan: Plan,
        arrays: Arrays,
        writer: RunWriter,
        session: Session,
        chunk: float | None = None,
    ):
        self.plan, self.writer, self.session = plan, writer, session
        self.synapses = sum(len(wired) for wired in arrays.synapses.values())
        every = plan.record.weights.every
        self.weight_steps = max(1, round(every.mean / plan.dt)) if every else plan.steps
        self.shortest = None if chunk else session.chunk_steps
        self.chunk_steps = (
            max(1, round(chunk / plan.dt)) if chunk else session.chunk_steps or plan.steps
        )
        wanted = plan.record.weights.pathways
        self.recorded = [
            (s.name, p.name)
            for s, p in plan.pathways()
            if is_recorded(p.name, s.is_plastic, wanted)
        ]
        self.rows = {
            pathway: arrays.synapses[synapses].rows(pathway) for synapses, pathway in self.recorded
        }
        self.counts: dict[str, list[int]] = {
            member.name: [0] * len(plan.phases) for _, member in plan.populations()
        }

    def totals(self) -> dict[str, int]:
        """Spikes that each population has fired until now."""
        return {name: sum(counts) for name, counts in self.counts.items()}

    def declare(self, arrays: Arrays) -> None:
        """Make room in a new run file for everything that will be recorded."""
        for synapses, pathway in self.recorded:
            self.writer.pathway(pathway, arrays.synapses[synapses], weight_unit(self.plan, pathway))
        for name, state in self.plan.record.states.items():
            self._declare(name, state)
        for name in self.plan.modulators:
            self.writer.declare_modulator(name)

    def _declare(self, name: str, state: Any) -> None:
        group, member = self.plan.population(state.population)
        neurons = np.arange(min(member.size, state.neurons), dtype=np.int32)
        for variable in state.variables:
            dimension = next(e.dimension for e in group.equations() if e.name == variable)
            every = max(1, round(state.every.mean / self.plan.dt)) * self.plan.dt
            self.writer.report(
                name, state.population, variable, display_unit(dimension)[0], neurons, every
            )

    def pace(self, seconds: float) -> None:
        """Make chunks longer or shorter, so that each takes long enough to be worth its keeping, and is soon over.

        What is simulated does not depend on it. Chunks of a length that was asked for stay as they are.
        """
        if self.shortest and seconds < CHUNK_SECONDS / 2:
            self.chunk_steps *= 2
        elif self.shortest and seconds > CHUNK_SECONDS * 2:
            self.chunk_steps = max(self.shortest, self.chunk_steps // 2)

    def next_stop(self, done: int, phase_end: int) -> int:
        """The next step at which something is to be taken."""
        marks = [(done // size + 1) * size for size in (self.weight_steps, self.chunk_steps)]
        return min(phase_end, *marks)

    def take(self, chunk: Chunk, done: int, phase: int) -> None:
        """Keep the spikes and samples of a chunk, which is within one phase, and the weights if they are due."""
        for group, (steps, neurons) in chunk.spikes.items():
            self.writer.spikes(group, steps, neurons)
            for member in self.plan.group(group).members:
                self.counts[member.name][phase] += int(
                    np.count_nonzero((neurons >= member.start) & (neurons < member.stop))
                )
        for name, values in chunk.samples.items():
            report, _, variable = name.rpartition("/")
            if report == "modulators":
                self.writer.modulator(variable, values[:, 0])
                continue
            population = self.plan.record.states[report].population
            equations = self.plan.population(population)[0].equations()
            size = display_unit(next(e.dimension for e in equations if e.name == variable))[1]
            self.writer.samples(report, population, variable, values / size)
        if done % self.weight_steps == 0 or done == self.plan.steps:
            self.take_weights(done)

    def take_weights(self, done: int) -> None:
        """Keep the weights of every recorded pathway."""
        held: dict[str, Any] = {}
        for synapses, pathway in self.recorded:
            if synapses not in held:
                held[synapses] = weights(
                    next(s for s in self.plan.synapses if s.name == synapses), self.session.read
                )
            values = held[synapses][self.rows[pathway]] / weight_unit(self.plan, pathway)[1]
            self.writer.weights(pathway, done * self.plan.dt, values)

    def results(self, session: Session, backend: str, remark: str) -> dict[str, Any]:
        """The summary, as `thalia run --json` prints it."""
        plan = self.plan
        self.writer.flush()
        rates = self._rates()
        last = plan.reached[-1].name
        plastic = {p.name for s, p in plan.pathways() if s.is_plastic}
        weights = {}
        for _, name in self.recorded:
            if name in plastic:
                w = self.writer.h5[f"weights/{name}/w"]
                before, after = (float(row.mean()) if len(row) else 0.0 for row in (w[0], w[-1]))
                weights[name] = {
                    "unit": weight_unit(plan, name)[0],
                    "before": before,
                    "after": after,
                }
        return {
            "circuit": plan.name,
            "backend": backend,
            "seed": plan.seed,
            "duration_s": plan.duration,
            "neurons": sum(group.size for group in plan.groups),
            "synapses": self.synapses,
            "rates_hz": {name: rate[last] for name, rate in rates.items()},
            "rates_by_phase_hz": {
                p.name: {name: rate[p.name] for name, rate in rates.items()} for p in plan.reached
            },
            "cv_isi": self._cv(),
            "weights": weights,
            "timings_s": {},
            "compiled": {
                "code_objects": session.compiled.code_objects,
                "cached": session.compiled.cached,
            },
            "notes": [*plan.notes, *([remark] if remark else [])],
        }

    def _rates(self) -> dict[str, dict[str, float]]:
        rates: dict[str, dict[str, float]] = {}
        for _, member in self.plan.populations():
            for phase, count in zip(self.plan.phases, self.counts[member.name], strict=True):
                if phase.steps:
                    rates.setdefault(member.name, {})[phase.name] = count / (
                        member.size * phase.steps * self.plan.dt
                    )
        return rates

    def _cv(self) -> dict[str, float | None]:
        """Mean irregularity in the last phase, of the populations whose spikes are recorded."""
        last = self.plan.duration - self.plan.reached[-1].steps * self.plan.dt - self.plan.dt / 2
        result: dict[str, float | None] = {}
        for _, member in self.plan.populations():
            kept = self.writer.h5.get(f"spikes/{member.name}")
            if kept is None:
                result[member.name] = None
                continue
            times = kept["timestamps"][:] * 1e-3
            late = times >= last
            values = interval_cv(
                times[late], kept["node_ids"][:][late].astype(np.int64), member.size
            )
            result[member.name] = float(values.mean()) if len(values) else None
        return result

"""What a simulation produces goes to the run file: spikes, samples of variables, and weights."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from thalia.backends import Chunk, Sample
from thalia.circuit.record_spec import RecordTraces
from thalia.compiler.efficacy import scaled_by, scaling_rules
from thalia.compiler.optimise.hoist import hoisted_name
from thalia.compiler.plan import SHARED, Plan, SynapseGroup, identifier
from thalia.compiler.resources import is_recorded
from thalia.connectivity.build import Arrays
from thalia.connectivity.selection import recorded_neurons
from thalia.recording.writer import RunWriter, weight_unit
from thalia.simulation.loop import Stop, next_multiple
from thalia.simulation.synapse_state import Read, efficacy, has, present, weights
from thalia.syntax.time_grid import interval_steps
from thalia.syntax.units import display_unit


def samples_of(plan: Plan) -> Iterator[Sample]:
    """The variables that a session samples: levels of modulators, and recorded traces."""
    for name in plan.modulators:
        every = interval_steps(plan.record.modulators.mean, plan.dt)
        yield Sample(
            f"modulators/{name}", SHARED, f"{identifier(name)}_level", every, np.zeros(1, np.int32)
        )
    for name, traces in plan.record.traces.items():
        group, member = plan.population(traces.population)
        neurons = (recorded_neurons(plan, name) + member.start).astype(np.int32)
        every = interval_steps(traces.every.mean, plan.dt)
        for variable in traces.variables:
            yield Sample(f"{name}/{variable}", group.name, variable, every, neurons)


class SpikeCounter:
    """Counts the spikes of every population in every phase."""

    def __init__(self, plan: Plan, counts: Mapping[str, list[int]] | None = None):
        self.plan = plan
        self.counts = (
            {name: list(phases) for name, phases in counts.items()}
            if counts is not None
            else {member.name: [0] * len(plan.phases) for _, member in plan.populations()}
        )

    def totals(self) -> dict[str, int]:
        """Spikes that each population has fired until now."""
        return {name: sum(counts) for name, counts in self.counts.items()}

    def next_stop(self, done: int) -> None:
        """It takes whatever chunk there is."""

    def on_stop(self, stop: Stop) -> None:
        """Count the spikes of the chunk."""
        for group, (_, neurons) in stop.chunk.spikes.items():
            for member in self.plan.group(group).members:
                self.counts[member.name][stop.phase] += int(
                    np.count_nonzero((neurons >= member.start) & (neurons < member.stop))
                )


class Recorder:
    """Takes spikes, samples and weights to the run file.

    Parameters
    ----------
    end : int, optional
        The step at which the weights are recorded for the last time; None if it is not known
        beforehand.
    """

    def __init__(
        self, plan: Plan, arrays: Arrays, writer: RunWriter, read: Read, end: int | None = None
    ):
        self.plan, self.writer, self.read, self.end = plan, writer, read, end
        every = plan.record.weights.every
        self.taken = -1  # the step at which the weights were recorded last
        self.weight_steps = interval_steps(every.mean, plan.dt) if every else None
        wanted = plan.record.weights.pathways
        self.recorded = [
            (s.name, p.name)
            for s, p in plan.pathways()
            if is_recorded(p.name, s.is_plastic, wanted)
        ]
        self.rows = {
            pathway: arrays.synapses[synapses].rows(pathway) for synapses, pathway in self.recorded
        }

    def declare(self, arrays: Arrays) -> None:
        """Make room in a new run file for everything that will be recorded."""
        for synapses, pathway in self.recorded:
            self.writer.pathway(pathway, arrays.synapses[synapses], weight_unit(self.plan, pathway))
            group = self._synapses(synapses)
            self.writer.declare_efficacy(pathway, scaled_by(group), scaling_rules(group))
            for name in self._variables(group):
                self.writer.declare_variable(pathway, name, _unit(self.plan, group, name)[0])
        for name, traces in self.plan.record.traces.items():
            self._declare(name, traces)
        for name in self.plan.modulators:
            self.writer.declare_modulator(name)

    def _declare(self, name: str, traces: RecordTraces) -> None:
        group, _ = self.plan.population(traces.population)
        neurons = recorded_neurons(self.plan, name)
        for variable in traces.variables:
            dimension = next(e.dimension for e in group.equations() if e.name == variable)
            every = interval_steps(traces.every.mean, self.plan.dt) * self.plan.dt
            self.writer.report(
                name, traces.population, variable, display_unit(dimension)[0], neurons, every
            )

    def next_stop(self, done: int) -> int | None:
        """The next step at which the weights are recorded."""
        return next_multiple(done, self.weight_steps) if self.weight_steps else None

    def on_stop(self, stop: Stop) -> None:
        """Record the chunk, and the weights if they are due."""
        self._take(stop.chunk)
        if stop.done == self.end or (self.weight_steps and stop.done % self.weight_steps == 0):
            self.take_weights(stop.done)

    def _take(self, chunk: Chunk) -> None:
        for group, (steps, neurons) in chunk.spikes.items():
            self.writer.spikes(group, steps, neurons)
        for name, values in chunk.samples.items():
            report, _, variable = name.rpartition("/")
            if report == "modulators":
                self.writer.modulator(variable, values[:, 0])
                continue
            population = self.plan.record.traces[report].population
            equations = self.plan.population(population)[0].equations()
            size = display_unit(next(e.dimension for e in equations if e.name == variable))[1]
            self.writer.samples(report, population, variable, values / size)

    def take_weights(self, done: int) -> None:
        """Record the weights of every recorded pathway as they are after a step."""
        self.taken, last = done, max(done - 1, 0) * self.plan.dt
        current: dict[str, Any] = {}
        factors: dict[str, Any] = {}
        for synapses, pathway in self.recorded:
            group, rows = self._synapses(synapses), self.rows[pathway]
            if synapses not in current:
                current[synapses] = weights(group, self.read)
                if scaling_rules(group):
                    post = self.plan.group(group.post)
                    factors[synapses] = efficacy(group, post, self.read)
            values = current[synapses][rows] / weight_unit(self.plan, pathway)[1]
            self.writer.weights(pathway, done * self.plan.dt, values)
            if synapses in factors:
                self.writer.efficacy(pathway, factors[synapses][rows])
            for name in self._variables(group):
                found = f"{synapses}.{name}"
                if found not in current:
                    current[found] = present(name, group, self.read, last)
                size = _unit(self.plan, group, name)[1]
                self.writer.variable(pathway, name, current[found][rows] / size)

    def _variables(self, synapses: SynapseGroup) -> list[str]:
        """Those variables of synapses that the circuit records and an object has."""
        return [name for name in self.plan.record.weights.variables if has(name, synapses)]

    def _synapses(self, name: str) -> SynapseGroup:
        return next(s for s in self.plan.synapses if s.name == name)


def _unit(plan: Plan, synapses: SynapseGroup, name: str) -> tuple[str, float]:
    """The unit of a variable of synapses, and its size in SI."""
    hoisted = hoisted_name(synapses, name)
    equations = (*synapses.equations, *plan.group(synapses.post).equations())
    return display_unit(next(e.dimension for e in equations if e.name in (name, hoisted)))

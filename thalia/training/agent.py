"""The network of an experiment, between trials: what it is shown, what it answers, when it may learn.

The plan has two phases, one in which plasticity is on and one in which it is off, and trials may switch between them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from thalia import backends
from thalia.backends import Backend, Chunk, silent
from thalia.circuit.spec import Circuit, Phase
from thalia.compiler.pipeline import plan_of
from thalia.compiler.plan import SECOND, Plan, SynapseGroup
from thalia.connectivity.build import Arrays, wire
from thalia.errors import CircuitError, fail
from thalia.simulation.closed_loop import Apparatus, Numbers
from thalia.simulation.run import switch
from thalia.simulation.synapse_state import weights
from thalia.syntax.units import Value, constant

LEARNING, FROZEN = 0, 1
STIMULI = (
    "rate",
    "value",
)  # the parameters by which a population is shown something, whichever it has from a task


@dataclass(frozen=True)
class Response:
    """Spikes in an answer: for each population the neurons that fired, and when, in seconds since the stimulus began."""

    plan: Plan
    chunk: Chunk
    begin: int

    def spikes(self, population: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Times in seconds, and neurons, each (n_spikes,), in order of time."""
        group, member = self.plan.population(population)
        steps, neurons = self.chunk.spikes[group.name]
        mine = (neurons >= member.start) & (neurons < member.stop)
        times = np.asarray((steps[mine] - self.begin) * self.plan.dt, dtype=np.float64)
        return times, neurons[mine].astype(np.int64) - member.start

    def counts(self, population: str) -> NDArray[np.int64]:
        """Spikes of each neuron, (n_neurons,)."""
        return np.bincount(
            self.spikes(population)[1], minlength=self.plan.population(population)[1].size
        )

    def total(self, population: str) -> int:
        """Spikes of the whole population."""
        return len(self.spikes(population)[1])


class Subject:
    """A network that takes part in an experiment."""

    def __init__(self, plan: Plan, engine: Backend, built: object, arrays: Arrays):
        self.plan = plan
        self.session = engine.start(plan, built, arrays, (), plan.seed)
        self.apparatus = Apparatus(plan, self.session)
        self.arrays = arrays
        self.shown: set[str] = set()  # populations whose rates are not their own
        self.done = 0
        switch(plan, self.session, LEARNING)

    def present(
        self, duration: float | Value, rates: Mapping[str, Numbers] | None = None
    ) -> Response:
        """Show rates (Hz), or values, to some populations, the others having their own, and take the answer.

        Parameters
        ----------
        duration : float, seconds, or a time
        rates : mapping from population to one number, or one for each neuron
            A rate in Hz where the population has its `rate` from the task, else the `value` that its neurons are tuned to.

        Raises
        ------
        CircuitError
            If no task may set the rates of a population, or there are not as many as it has neurons.
        """
        given = rates or {}
        for population in self.shown - given.keys():
            (group, member), parameter = (
                self.plan.population(population),
                self._stimulus(population),
            )
            self.apparatus.set(
                population,
                parameter,
                self.arrays.groups[group.name][parameter][member.start : member.stop],
            )
        for population, values in given.items():
            self.apparatus.set(population, self._stimulus(population), values)
        self.shown = set(given)
        seconds = duration.mean if isinstance(duration, Value) else duration
        begin, steps = self.done, max(1, round(seconds / self.plan.dt))
        chunk = self.session.advance(steps)
        self.done += steps
        return Response(self.plan, chunk, begin)

    def _stimulus(self, population: str) -> str:
        """The parameter by which a population is shown something."""
        known = {member.name: member.from_task for _, member in self.plan.populations()}
        return next((name for name in STIMULI if name in known.get(population, ())), STIMULI[0])

    def set(self, population: str, parameter: str, values: Numbers) -> None:
        """Give neurons a parameter that is `from_task`; see `Apparatus.set`."""
        self.apparatus.set(population, parameter, values)

    def release(self, modulator: str, amount: float) -> None:
        """Release an amount of a modulator that is `from_task`; see `Apparatus.release`."""
        self.apparatus.release(modulator, amount)

    def read(self, population: str, variable: str) -> NDArray[np.float64]:
        """A variable of a population's neurons as it is now, in SI."""
        group, member = self.plan.population(population)
        return self.session.read(f"{group.name}.{variable}")[member.start : member.stop]

    def weights(self, pathway: str) -> NDArray[np.float64]:
        """The weights of a pathway as they are now, in SI, by presynaptic neuron and then postsynaptic one."""
        synapses, rows = self._synapses(pathway)
        return weights(synapses, self.session.read)[rows]

    def ends(self, pathway: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pre- and postsynaptic neuron of each synapse of a pathway, within their populations, in the order of `weights`."""
        synapses, rows = self._synapses(pathway)
        wired, member = (
            self.arrays.synapses[synapses.name],
            next(m for m in synapses.members if m.name == pathway),
        )
        pre, post = (self.plan.population(end)[1].start for end in (member.pre, member.post))
        return wired.pre[rows] - np.int64(pre), wired.post[rows] - np.int64(post)

    def set_weights(self, pathway: str, values: NDArray[np.float64]) -> None:
        """Give the synapses of a pathway other weights, in SI and in the order of `weights`; their traces go on."""
        if self.plan.epoch:
            self.session.settle()
        synapses, rows = self._synapses(pathway)
        now = self.session.read(f"{synapses.name}.w")
        now[rows] = values
        self.session.write(f"{synapses.name}.w", now)

    def _synapses(self, pathway: str) -> tuple[SynapseGroup, NDArray[np.intp]]:
        for synapses in self.plan.synapses:
            if pathway in (member.name for member in synapses.members):
                return synapses, self.arrays.synapses[synapses.name].rows(pathway)
        raise KeyError(pathway)

    def forget(self) -> None:
        """Give every plastic synapse the weight that it began with; its traces go on."""
        if self.plan.epoch:
            self.session.settle()
        for synapses in self.plan.synapses:
            if synapses.is_plastic:
                self.session.write(
                    f"{synapses.name}.w", self.arrays.synapses[synapses.name].variables["w"]
                )

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While it lasts nothing is learned, which is checked: every weight and every threshold is the same after.

        Raises
        ------
        RuntimeError
            If something was learned.
        """
        if self.plan.epoch:
            self.session.settle()
        switch(self.plan, self.session, FROZEN)
        before = self.digest()
        yield
        if self.digest() != before:
            raise RuntimeError("a network whose plasticity is off has learned")
        switch(self.plan, self.session, LEARNING)

    def digest(self) -> str:
        """A fingerprint of every weight that may change, and of every threshold that adapts."""
        found = sha256()
        for synapses in self.plan.synapses:
            if synapses.is_plastic:
                found.update(weights(synapses, self.session.read).tobytes())
        for group in self.plan.groups:
            for equation in group.model:
                if equation.kind == "ode" and equation.name in LEARNED:
                    found.update(self.session.read(f"{group.name}.{equation.name}").tobytes())
        return found.hexdigest()

    def close(self) -> None:
        """End the network."""
        self.session.close()


LEARNED = {"adapted_threshold"}  # variables of neuron models that a trial changes for good


def plan_for_trials(circuit: Circuit) -> Plan:
    """The plan of a circuit whose plasticity can be switched off.

    Raises
    ------
    CircuitError
        With every mistake in the circuit, or if it has phases.
    """
    if circuit.phases:
        raise fail(
            "an experiment has no phases of its own: trials are its time",
            "leave `phases` out",
            ("phases",),
        )
    moment = constant(1.0, SECOND)
    phases = (
        Phase(name="learning", duration=moment),
        Phase(name="frozen", duration=moment, plasticity="off"),
    )
    return plan_of(circuit.with_(phases=phases, duration=None))


def subject_of(circuit: Circuit, backend: str | None = None) -> Subject:
    """A network ready for its first trial.

    Raises
    ------
    CircuitError
        If the circuit has mistakes, or the backend cannot run it.
    """
    plan = plan_for_trials(circuit)
    engine = backends.find(backend or backends.choose()[0])
    if reasons := engine.refuse(plan):
        raise CircuitError(fail(f"backend '{backend}': {reason}").problems[0] for reason in reasons)
    return Subject(plan, engine, engine.build(plan, silent), wire(plan))

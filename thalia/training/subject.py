"""The network of an experiment: its stimuli, its responses, and when it may learn.

The plan has two phases, one in which plasticity is on and one in which it is off, and a task may
switch between them. The subject advances by the same loop as a run, so structural plasticity,
releases by weight changes, recording, checkpoints and progress are those of a run.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path as FilePath
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Progress, silent
from thalia.circuit.spec import Circuit, Phase
from thalia.compiler.pipeline import compile_circuit
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import fail
from thalia.simulation.checkpoint import SavedState, derived
from thalia.simulation.closed_loop import Actuators
from thalia.simulation.loop import Clock, Loop, Stop, enter_phase
from thalia.simulation.network import Engine, Network
from thalia.simulation.observers import Observers
from thalia.simulation.progress import ProgressReporter
from thalia.simulation.recorder import SpikeCounter, samples_of
from thalia.simulation.sensors import Sensors
from thalia.simulation.synapse_state import weights
from thalia.syntax.quantities import Numbers, in_si
from thalia.syntax.time_grid import as_text, interval_rounding, interval_steps
from thalia.syntax.units import Dimension, Quantities, ValueSyntaxError, constant
from thalia.training.recording import Recording

LEARNING, FROZEN = 0, 1
STIMULI = ("rate", "value")  # the parameters by which a stimulus is presented to a population
LEARNED = {"adapted_threshold"}  # variables of neuron models that a trial changes for good


@dataclass(frozen=True)
class Response:
    """The response to a stimulus: the neurons that spiked, and when."""

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


class ResponseCollector:
    """Collects the spikes of one presentation, however many stops it has."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    def next_stop(self, done: int) -> None:
        """It takes whatever chunk there is."""

    def on_stop(self, stop: Stop) -> None:
        """Keep the spikes of the chunk."""
        self.chunks.append(stop.chunk)

    def collected(self) -> Chunk:
        """The spikes since the last call, as one chunk."""
        chunks, self.chunks = self.chunks, []
        spikes = {
            group: (
                np.concatenate([chunk.spikes[group][0] for chunk in chunks]),
                np.concatenate([chunk.spikes[group][1] for chunk in chunks]),
            )
            for group in chunks[0].spikes
        }
        return Chunk(spikes)


class Subject:
    """A network that takes part in an experiment; `with` closes it.

    Parameters
    ----------
    recording : Recording, optional
        Where everything that the circuit's `record:` asks for goes.
    progress : Progress, optional
        Reports the model time; the fraction that is done is what the attribute `fraction` says.
    """

    def __init__(
        self, network: Network, recording: Recording | None = None, progress: Progress = silent
    ):
        self.plan, self.arrays = network.plan, network.arrays
        self.recording, self.progress, self.fraction = recording, progress, 0.0
        self.clock, self.presentations = Clock(), 0
        self.session = network.start(samples_of(self.plan) if recording else ())
        self.sensors = Sensors(self.plan, self.arrays, self.session)
        self.actuators = Actuators(self.plan, self.session)
        self.constant = derived(self.plan) - {f"{each.name}.w" for each in self.plan.synapses}
        self.counter, self.responses = SpikeCounter(self.plan), ResponseCollector()
        self.observers = replace(
            Observers.of_plan(self.plan, self.arrays, self.session),
            recording=(self.counter, self.responses),
            progress=(ProgressReporter(self.plan, self.session, self._report, None),),
        )
        self.shown: frozenset[str] = frozenset()  # populations that have a stimulus
        self.phase = LEARNING
        enter_phase(self.plan, self.session, LEARNING)
        self.observers.connect()
        self.observers.accept_weights()
        if recording:
            self.observers = recording.begin(self.observers, self.session, self.state)
        self.loop, self.begin = Loop(self.session, self.observers, self.clock), 0

    @property
    def done(self) -> int:
        """Steps simulated so far."""
        return self.loop.done

    def present(self, duration: Numbers, rates: Mapping[str, Numbers] | None = None) -> Response:
        """Present rates or values to some populations; the others have their own rates.

        Parameters
        ----------
        duration : time
            With its unit: `"300 ms"`, or a value of the task or of Brian2.
        rates : mapping from population to one quantity, or one for each neuron
            A rate with its unit where the population has its `rate` from the task, else the `value`
            that its neurons are tuned to.

        Raises
        ------
        CircuitError
            If the duration is not a positive time, a multiple of dt, no task may set the rates of a
            population, or they are not rates that it can have, one for all or one for each neuron.
        """
        seconds = _seconds(duration)
        given = rates or {}
        for population in self.shown - given.keys():
            (group, member), parameter = (
                self.plan.population(population),
                self._stimulus(population),
            )
            own = self.arrays.groups[group.name][parameter][member.start : member.stop]
            self.actuators.set(population, parameter, Quantities(own, group.parameters[parameter]))
        for population, values in given.items():
            self.actuators.set(population, self._stimulus(population), values)
        self.shown = frozenset(given)
        if interval_rounding(seconds, self.plan.dt):
            wanted = f"a multiple of dt, {as_text(self.plan.dt)}"
            raise fail(f"the task presents for {as_text(seconds)}, expected {wanted}")
        begin = self.done
        self.presentations += 1
        self.loop.advance(begin + interval_steps(seconds, self.plan.dt), self.phase)
        return Response(self.plan, self.responses.collected(), begin)

    def _stimulus(self, population: str) -> str:
        """The parameter by which a population is shown something."""
        known = {member.name: member.from_task for _, member in self.plan.populations()}
        return next((name for name in STIMULI if name in known.get(population, ())), STIMULI[0])

    def set(self, population: str, parameter: str, values: Numbers) -> None:
        """Give neurons a parameter that is `from_task`; see `Actuators.set`."""
        self.actuators.set(population, parameter, values)

    def release(self, modulator: str, amount: Numbers) -> None:
        """Release an amount of a modulator that is `from_task`; see `Actuators.release`."""
        self.actuators.release(modulator, amount)

    def read(self, population: str, variable: str) -> NDArray[np.float64]:
        """A state variable of a population's neurons now, in SI; see `Sensors.read`."""
        return self.sensors.read(population, variable)

    def weights(self, pathway: str) -> NDArray[np.float64]:
        """The current weights of a pathway in SI, in the order of `ends`; see `Sensors.weights`."""
        return self.sensors.weights(pathway)

    def weight_dimension(self, pathway: str) -> Dimension:
        """The dimension of the weights of a pathway."""
        return self.sensors.synapses(pathway)[0].weight

    def ends(self, pathway: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pre- and postsynaptic neuron of each synapse; see `Sensors.ends`."""
        return self.sensors.ends(pathway)

    def set_weights(self, pathway: str, values: Numbers) -> None:
        """Set the weights of a pathway, in the order of `weights`; traces continue.

        Parameters
        ----------
        values : (n_synapses,) quantities
            With their unit, as in `0.5*mV*numbers` with Brian2's `mV`.

        Raises
        ------
        CircuitError
            If they have another dimension, or are not as many as the synapses.
        """
        if self.plan.flush_interval:
            self.session.flush()
        synapses, rows = self.sensors.synapses(pathway)
        now = self.session.read(f"{synapses.name}.w")
        try:
            given = in_si(values, synapses.weight)
            if given.shape not in ((), rows.shape):
                raise ValueSyntaxError(f"expected {len(rows)} weights, found {given.size}")
        except ValueSyntaxError as error:
            raise fail(f"the task sets the weights of '{pathway}': {error}") from None
        now[rows] = given
        self.session.write(f"{synapses.name}.w", now)
        self.observers.accept_weights()

    def forget(self) -> None:
        """Give every plastic synapse the weight that it began with; traces continue."""
        if self.plan.flush_interval:
            self.session.flush()
        for synapses in self.plan.synapses:
            if synapses.is_plastic:
                self.session.write(
                    f"{synapses.name}.w", self.arrays.synapses[synapses.name].variables["w"]
                )
        self.observers.connect()
        self.observers.accept_weights()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Switch learning off, and check that all weights and thresholds are the same afterwards.

        Raises
        ------
        RuntimeError
            If something was learned.
        """
        if self.plan.flush_interval:
            self.session.flush()
        self._enter(FROZEN)
        try:
            before = self.digest()
            yield
            if self.digest() != before:
                raise RuntimeError("a network whose plasticity is off has learned")
        finally:
            self._enter(LEARNING)

    def _enter(self, phase: int) -> None:
        self.phase = phase
        enter_phase(self.plan, self.session, phase)

    def digest(self) -> str:
        """A fingerprint of weights that may change, of connections, and of adapted thresholds."""
        found = sha256()
        for synapses in self.plan.synapses:
            if synapses.is_plastic:
                found.update(weights(synapses, self.session.read).tobytes())
            for each in sorted({m.rewiring.connected for m in synapses.members if m.rewiring}):
                found.update(self.session.read(f"{synapses.name}.{each}").tobytes())
        for group in self.plan.groups:
            for equation in group.model:
                if equation.kind == "ode" and equation.name in LEARNED:
                    found.update(self.session.read(f"{group.name}.{equation.name}").tobytes())
        return found.hexdigest()

    def state(self) -> SavedState:
        """Everything that the next presentation depends on."""
        variables = self.session.state(without=self.constant)
        counts = {name: list(phases) for name, phases in self.counter.counts.items()}
        return SavedState(
            self.done, variables, counts, phase=self.phase, shown=tuple(sorted(self.shown))
        )

    def restore(self, state: SavedState) -> None:
        """Continue bit-identically from a state of a subject of the same circuit and seed.

        Raises
        ------
        CircuitError
            If the subject is recorded.
        """
        if self.recording:
            raise fail("a subject that is recorded cannot return to an earlier state")
        self.session.restore(state.variables)
        self.counter.counts = {name: list(phases) for name, phases in state.counts.items()}
        self.loop.done = self.begin = state.step
        self.shown = frozenset(state.shown)
        self._enter(state.phase)

    def close(self) -> None:
        """End the network, and complete its recording."""
        try:
            if self.recording:
                self.recording.finish(self.session, self.counter, self.done)
        finally:
            self.session.close()

    def __enter__(self) -> "Subject":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; after an exception, a recording ends with the last saved state, incomplete."""
        if kind is None:
            self.close()
            return
        try:
            if self.recording:
                self.recording.stack.__exit__(kind, error, trace)
        finally:
            self.session.close()

    def _report(self, done: int) -> None:
        """Model time, and how many times as long simulating takes."""
        seconds = done * self.plan.dt
        ratio = self.clock.seconds["simulate"] / (seconds - self.begin * self.plan.dt)
        self.progress("learning", self.fraction, f"{seconds:.4g} s, {ratio:.2g} x model time")


def _seconds(duration: Numbers) -> float:
    """A time that a task gives.

    Raises
    ------
    CircuitError
        If it is not a positive time.
    """
    try:
        found = in_si(duration, SECOND)
    except ValueSyntaxError as error:
        raise fail(f"the task presents for a time: {error}") from None
    if found.ndim or found <= 0:
        shown = f"{1e3 * found:g} ms" if not found.ndim else f"{found.size} times"
        raise fail(f"the task presents for a time: expected one above 0 ms, found {shown}")
    return float(found)


def with_trial_phases(circuit: Circuit) -> Circuit:
    """The circuit with a phase in which it learns and one in which it does not.

    Raises
    ------
    CircuitError
        If it has phases of its own.
    """
    if circuit.phases:
        raise fail(
            "an experiment has no phases of its own: trials are its time",
            "leave `phases` out",
            ("phases",),
        )
    second = constant(1.0, SECOND)  # experiments end when their task does
    phases = (
        Phase(name="learning", duration=second),
        Phase(name="frozen", duration=second, plasticity="off"),
    )
    return circuit.with_(phases=phases, duration=None)


def plan_for_trials(circuit: Circuit) -> Plan:
    """The plan of a circuit whose plasticity can be switched off.

    Raises
    ------
    CircuitError
        With every mistake in the circuit, or if it has phases.
    """
    return compile_circuit(with_trial_phases(circuit)).plan


def subject_of(
    circuit: Circuit,
    backend: str | None = None,
    *,
    record: FilePath | None = None,
    progress: Progress = silent,
) -> Subject:
    """A network ready for its first trial.

    Parameters
    ----------
    record : path, optional
        A run file for everything that the circuit's `record:` asks for; an existing one is
        replaced.
    progress : Progress, optional
        Reports how far the experiment has come.

    Raises
    ------
    CircuitError
        If the circuit has mistakes, or the backend cannot run it.
    """
    compiled = compile_circuit(with_trial_phases(circuit))
    plan = compiled.plan
    engine = Engine.for_plan(plan, backend)
    network = Network.build(plan, engine, Clock(), silent)
    return Subject(network, Recording(record, compiled, network) if record else None, progress)

"""The network of an experiment: its stimuli, its responses, and when it may learn.

A task may switch between phases: one in which it learns, one in which nothing is learned, and those
that its experiment names. The subject advances by the same loop as a run, so structural plasticity,
releases by weight changes, recording, checkpoints and progress are those of a run.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path as FilePath
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Progress, silent
from thalia.circuit.experiment_spec import FROZEN, LEARNING
from thalia.circuit.spec import Circuit
from thalia.compiler.pipeline import Compiled, compile_circuit
from thalia.errors import did_you_mean, fail, many_times
from thalia.recording.page_checksums import edited
from thalia.simulation.checkpoint import SavedState, derived
from thalia.simulation.closed_loop import Actuators
from thalia.simulation.loop import Clock, Jump, Loop, Timetable, enter_phase
from thalia.simulation.network import Engine, Network
from thalia.simulation.observers import Observers
from thalia.simulation.progress import ProgressReporter
from thalia.simulation.recorder import SpikeCounter, samples_of
from thalia.simulation.sensors import Sensors
from thalia.simulation.silence import Silence
from thalia.syntax.quantities import Numbers
from thalia.syntax.units import Dimension
from thalia.training.answers import Answers, Arrays, Checkpoint
from thalia.training.gauges import fingerprint_of, gauged, gauges_of, learned_variables, times
from thalia.training.phases import TWIN, phases_of, with_trial_phases
from thalia.training.recording import Recording, save
from thalia.training.responses import Response, ResponseCollector, Responses, arrays_of, chunk_of
from thalia.training.saved import start_file, start_of
from thalia.training.stimuli import Stimuli, given_weights, one_time


class Subject:
    """A network that takes part in an experiment; `with` closes it.

    Parameters
    ----------
    recording : Recording, optional
        Where everything that the circuit's `record:` asks for goes.
    progress : Progress, optional
        Reports the model time; the fraction that is done is what the attribute `fraction` says.
    answers : Answers, optional
        Keeps what the task was told, so that an experiment that was killed goes on.
    """

    def __init__(
        self,
        network: Network,
        compiled: Compiled,
        recording: Recording | None = None,
        progress: Progress = silent,
        answers: Answers | None = None,
    ):
        self.network, self.compiled = network, compiled
        self.plan, self.arrays = network.plan, network.arrays
        self.recording, self.progress, self.fraction = recording, progress, 0.0
        self.answers, self.clock, self.presentations = answers, Clock(), 0
        self.samples = tuple(samples_of(self.plan)) if recording else ()
        self.session = network.start(self.samples)
        self.sensors = Sensors(self.plan, self.arrays, self.session)
        self.actuators = Actuators(self.plan, self.session)
        self.learned = learned_variables(self.plan)
        self.constant = derived(self.plan) - {f"{each.name}.w" for each in self.plan.synapses}
        self.silence = Silence(self.plan, self.session, self.constant)
        self.counter, self.responses = SpikeCounter(self.plan), ResponseCollector()
        self.observers = replace(
            Observers.of_plan(self.plan, self.arrays, self.session),
            recording=(self.counter, self.responses),
            progress=(ProgressReporter(self.plan, self.session, self._report, None),),
        )
        self.stimuli = Stimuli(self.plan, self.arrays, self.actuators)
        self.phases = phases_of(compiled.circuit)
        self.entered, self.entries = LEARNING, dict.fromkeys(self.phases, 0)  # now, and how often
        enter_phase(self.plan, self.session, 0)
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
        steps = one_time(duration, self.plan.dt)
        self.stimuli.show(rates or {})
        begin = self.done
        self.presentations += 1
        return Response(self.plan, self._advance(begin + steps), begin)

    def play(
        self, duration: Numbers, rates: Mapping[str, Numbers], pause: Numbers | None = None
    ) -> Responses:
        """Present a sequence of stimuli, bit-identical to one `present` for each, but much faster.

        Parameters
        ----------
        duration : time, or a time for each stimulus
        rates : mapping from population to quantities
            In two dimensions (n_stimuli, n_neurons), in one a number for each stimulus; a single
            one holds for all.
        pause : time, optional
            After each stimulus nothing is presented for so long.

        Returns
        -------
        Responses
            Their `counts` are those during the stimuli, (n_stimuli, n_neurons).

        Raises
        ------
        CircuitError
            As of `present`, or if the sequences are not equally long.
        """
        schedule = self.stimuli.sequence(self.done, duration, rates, pause)
        self.presentations += schedule.presentations
        chunk = self._advance(schedule.end, schedule.timetable)
        return Responses(self.plan, chunk, schedule.begins, schedule.ends)

    def wait(self, duration: Numbers) -> None:
        """Let time pass in which nothing is presented, as in `subject.wait("8 hour")`.

        Silent time is jumped over in closed form, within 1e-9 of simulating it. Rewiring, releases
        by weight changes and records of weights keep their intervals; where traces or modulators
        are recorded, the time is simulated.

        Raises
        ------
        CircuitError
            If the network is not silent, and why.
        """
        end = self.done + one_time(duration, self.plan.dt)
        self.stimuli.show({})
        kept = tuple(replace(self.observers, progress=()))
        self._advance(end, jump=None if self.samples else Jump(self.silence.advance, kept))

    def _advance(
        self, end: int, timetable: Timetable | None = None, jump: Jump | None = None
    ) -> Chunk:
        """Simulate up to a step, unless an experiment that was killed had simulated this."""
        question = f"the spikes until step {end}"
        if self.answers:
            if (had := self.answers.had(question)) is not None:
                self.loop.done = end
                return chunk_of(had)
            if self.answers.saved:
                with edited(self.answers.checkpoint.file):
                    self.restore(self.answers.saved)
                self.answers.saved = None
            self.answers.save_if_due(self.state)
        self.loop.advance(end, self._phase, timetable, jump)
        chunk = self.responses.collected()
        if self.answers:
            self.answers.keep(question, arrays_of(chunk))
        return chunk

    def _answer(self, question: str, give: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """What the network says to a question, or said in the experiment that was killed."""
        return self._answers(question, lambda: {"values": give()})["values"]

    def _answers(self, question: str, give: Callable[[], Arrays]) -> Arrays:
        """The same for several arrays, by name."""
        if not self.answers:
            return give()
        if (had := self.answers.had(question)) is not None:
            return had
        given = give()
        self.answers.keep(question, given)
        return given

    def set(self, population: str, parameter: str, values: Numbers) -> None:
        """Give neurons a parameter that is `from_task`; see `Actuators.set`."""
        self.actuators.set(population, parameter, values)

    def release(self, modulator: str, amount: Numbers) -> None:
        """Release an amount of a modulator that is `from_task`; see `Actuators.release`."""
        self.actuators.release(modulator, amount)

    def read(self, population: str, variable: str) -> NDArray[np.float64]:
        """A state variable of a population's neurons now, in SI; see `Sensors.read`."""
        question = f"'{variable}' of '{population}'"
        return self._answer(question, lambda: self.sensors.read(population, variable))

    def level(self, modulator: str) -> float:
        """The level of a modulator now; see `Sensors.level`."""
        question = f"the level of '{modulator}'"
        return float(self._answer(question, lambda: np.array([self.sensors.level(modulator)]))[0])

    def weights(self, pathway: str) -> NDArray[np.float64]:
        """The current weights of a pathway in SI, in the order of `ends`; see `Sensors.weights`."""
        return self._answer(f"weights of '{pathway}'", lambda: self.sensors.weights(pathway))

    def gauges(self) -> dict[str, float]:
        """How far the network is, by name, in SI.

        The Euclidean norm of the weights of each plastic pathway, `weight_norm_…`, the level of
        each modulator, `level_…`, and how often each phase was entered, `entered_…`.
        """
        found = self._answer("the gauges", lambda: gauged(self.sensors))
        return dict(zip(gauges_of(self.plan), found.tolist(), strict=True)) | times(self.entries)

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
        now[rows] = given_weights(pathway, synapses.weight, rows, values)
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
    def phase(self, name: str) -> Iterator[None]:
        """Enter a phase of the experiment, as in `with subject.phase("sleep")`, and leave it again.

        Its plasticity, the parameters of its modulators and its stimuli hold as long as it lasts.

        Raises
        ------
        CircuitError
            If the experiment has no such phase, or the network is in another one, or frozen.
        """
        if name not in self.phases:
            known = did_you_mean(name, self.phases)
            hint = (
                known if self.phases else "name it below `experiment:`, as in `phases: {sleep: …}`"
            )
            raise fail(
                f"the task enters the phase '{name}', which the experiment does not have", hint
            )
        if self.entered != LEARNING:
            here = self.entered.removesuffix(TWIN)
            raise fail(
                f"the task enters the phase '{name}' within '{here}'",
                "leave one phase before the next; `frozen` may stand within a phase",
            )
        self._switch(name)
        self.entries[name] += 1
        try:
            yield
        finally:
            self._switch(LEARNING)

    def _switch(self, name: str) -> None:
        """Go from phase to phase, with nothing pending, as a run does."""
        if self.plan.flush_interval:
            self.session.flush()
        self._enter(name)
        self.stimuli.become(self.phases[name].stimuli if name in self.phases else {})

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Switch learning off, and check that nothing was learned when it goes on again.

        Modulators and stimuli stay those of the phase in which it is. Weights, connections,
        thresholds, and everything else that plasticity changes must be the same afterwards.

        Raises
        ------
        CircuitError
            If it is frozen already.
        RuntimeError
            If something was learned.
        """
        before = self.entered
        if before == FROZEN or before.endswith(TWIN):
            raise fail("the task freezes a network that is frozen", "one `frozen` is enough")
        if self.plan.flush_interval:
            self.session.flush()
        self._enter(FROZEN if before == LEARNING else before + TWIN)
        try:
            learned = self.digest()
            yield
            if self.digest() != learned:
                raise RuntimeError("a network whose plasticity is off has learned")
        finally:
            self._enter(before)

    @property
    def _phase(self) -> int:
        """The place of the present phase among those of the plan."""
        return [each.name for each in self.plan.phases].index(self.entered)

    def _enter(self, name: str) -> None:
        self.entered = name
        enter_phase(self.plan, self.session, self._phase)

    def digest(self) -> str:
        """A fingerprint of weights and connections, and of all else that plasticity changes."""
        found = self._answer(
            "the fingerprint", lambda: fingerprint_of(self.plan, self.session, self.learned)
        )
        return found.tobytes().hex()

    def state(self) -> SavedState:
        """Everything that the next presentation depends on."""
        variables = self.session.state(without=self.constant)
        counts = {name: list(phases) for name, phases in self.counter.counts.items()}
        return SavedState(
            self.done, variables, counts, phase=self._phase, shown=tuple(sorted(self.stimuli.shown))
        )

    def remember(self) -> SavedState:
        """The present state, to which a task can return by `restore`.

        Unlike `state`, it is also right where an experiment goes on that was killed.
        """
        now = self.state()
        spikes = {name: np.array(counts) for name, counts in now.counts.items()}
        variables = self._answers("the state", lambda: now.variables)
        counts = self._answers("the numbers of spikes", lambda: spikes)
        listed = {name: each.tolist() for name, each in counts.items()}
        return replace(now, variables=dict(variables), counts=listed)

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
        self.stimuli.shown = frozenset(state.shown)
        self._enter(self.plan.phases[state.phase].name)
        phase = self.phases.get(self.entered.removesuffix(TWIN))
        self.stimuli.own = phase.stimuli if phase else {}

    def save(self, file: str | FilePath) -> None:
        """Keep the network as it is now in a run file, from which another subject can start.

        Weights, traces, thresholds, modulators and random streams are in it, and so are spikes in
        flight: `subject_of(circuit, start_from=file)` continues bit-identically. An existing file
        is replaced.

        Raises
        ------
        CircuitError
            If nothing was presented yet, it is in a phase or frozen, or the file cannot be written.
        """
        if self.entered != LEARNING:
            raise fail(
                f"{file}: the task saves the network while it is in '{self.entered}'",
                "leave the phase first: another experiment starts in that of learning",
            )
        if self.answers and self.answers.saved:
            return  # the experiment that was killed has done it
        save(FilePath(file), self.compiled, self.network, self.session, self.state())

    def close(self) -> None:
        """End the network, and complete its recording."""
        try:
            if self.recording:
                self.recording.finish(self.session, self.counter, self.done)
            if self.answers:
                self.answers.discard()
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
            if self.answers:
                self.answers.leave(kind, error, trace)
        finally:
            self.session.close()

    def _report(self, done: int) -> None:
        """Model time, and how many times as long simulating takes."""
        seconds = done * self.plan.dt
        ratio = many_times(self.clock.seconds["simulate"] / (seconds - self.begin * self.plan.dt))
        self.progress("learning", self.fraction, f"{seconds:.4g} s, {ratio} x model time")


def subject_of(
    circuit: Circuit,
    backend: str | None = None,
    *,
    record: FilePath | None = None,
    start_from: str | FilePath | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> Subject:
    """A network ready for its first trial.

    Parameters
    ----------
    record : path, optional
        A run file for everything that the circuit's `record:` asks for; an existing one is
        replaced.
    start_from : path of a run file, optional
        What a subject of the same network saved, or recorded, which continues bit-identically;
        by default what the experiment says.
    checkpoint : Checkpoint, optional
        Where to keep how far the experiment is: if it is killed, it goes on from there.
    progress : Progress, optional
        Reports how far the experiment has come.

    Raises
    ------
    CircuitError
        If the circuit has mistakes, the backend cannot run it, or the file does not fit.
    """
    file, saved = start_file(circuit, start_from), None
    if file is None:
        compiled = compile_circuit(with_trial_phases(circuit))
        engine = Engine.for_plan(compiled.plan, backend)
        network = Network.build(compiled.plan, engine, Clock(), silent)
    elif record:
        raise fail(
            f"{record}: an experiment that starts from a saved state is not recorded",
            "leave the recording out, or `start_from`",
        )
    else:
        with edited(file):
            compiled, network, saved = start_of(file, circuit, backend)
    answers = Answers(checkpoint, compiled, network) if checkpoint else None
    recording = Recording(record, compiled, network) if record else None
    subject = Subject(network, compiled, recording, progress, answers)
    if file and saved:
        with edited(file):
            subject.restore(replace(saved, phase=0, counts=subject.counter.counts))
    return subject

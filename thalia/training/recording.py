"""The run file of an experiment: what a run of the circuit would record, of one subject."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path as FilePath

from thalia.backends import Session
from thalia.codegen.listing import describe
from thalia.compiler.pipeline import Compiled
from thalia.compiler.plan import PhasePlan, Plan
from thalia.errors import fail
from thalia.recording.outputs import claim
from thalia.recording.writer import RunWriter
from thalia.simulation.checkpoint import Checkpointer, SavedState, fingerprint
from thalia.simulation.network import Network
from thalia.simulation.observers import Observers
from thalia.simulation.origin import origin_of
from thalia.simulation.recorder import Recorder, SpikeCounter
from thalia.simulation.run import explained
from thalia.simulation.summary import summary


class Recording:
    """Writes the run file of a subject. The experiment is one phase of it, as long as it took.

    Parameters
    ----------
    file : path
        An existing file is replaced.
    compiled : Compiled
        The circuit with the phases between which the experiment switches.
    more : mapping, optional
        Attributes of the file's origin.
    """

    def __init__(
        self,
        file: FilePath,
        compiled: Compiled,
        network: Network,
        more: Mapping[str, str] | None = None,
    ):
        self.network = network
        plan, engine = network.plan, network.engine
        self.stack = ExitStack()
        self.writer = self.stack.enter_context(
            RunWriter.create(
                claim(file, overwrite=True), plan, compiled.files, describe(plan), engine.name
            )
        )
        settings = {
            "backend": engine.name,
            "lower": "on",
            "precision": plan.precision,
            "wiring": fingerprint(network.arrays),
            "experiment": True,
            **(more or {}),
        }
        self.writer.origin(*origin_of(compiled.expanded), settings)

    def begin(
        self, observers: Observers, session: Session, save: Callable[[], SavedState], done: int = 0
    ) -> Observers:
        """The observers of a subject with those that record it from a step on, and save it."""
        plan, arrays = self.network.plan, self.network.arrays
        self.recorder = Recorder(plan, arrays, self.writer, session.read)
        self.recorder.declare(arrays)
        self.recorder.take_weights(done)

        def extend_and_save() -> SavedState:
            state = save()
            self.writer.extend(_lasting(plan, state.step))
            return state

        self.checkpointer = Checkpointer(plan, self.writer, extend_and_save)
        return replace(
            observers,
            recording=(*observers.recording, self.recorder),
            checkpoints=(self.checkpointer,),
        )

    def finish(self, session: Session, counter: SpikeCounter, done: int) -> None:
        """Complete the file; nothing is left of an experiment in which nothing was simulated."""
        with self.stack:
            if not done:
                return
            if self.recorder.taken != done:
                self.recorder.take_weights(done)
            self.checkpointer.keep()
            network = replace(self.network, plan=_lasting(self.network.plan, done))
            totals = {name: [total] for name, total in counter.totals().items()}
            counted = SpikeCounter(network.plan, totals)
            self.writer.finish(summary(network, session, counted, self.recorder))


def save(
    file: FilePath,
    compiled: Compiled,
    network: Network,
    session: Session,
    state: SavedState,
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write the run file of a subject as it is now, in which nothing but its weights is recorded.

    `texts` are stored with it, by name.

    Raises
    ------
    CircuitError
        If nothing was presented yet, or the file cannot be written.
    """
    if not state.step:
        raise fail(f"{file}: nothing was presented yet", "save the subject after it has learned")
    with explained(file):
        kept = Recording(file, compiled, network)
        with kept.stack:
            for name, text in (texts or {}).items():
                kept.writer.text(name, text)
            kept.begin(Observers(), session, lambda: state, state.step)
            kept.finish(session, SpikeCounter(network.plan, state.counts), state.step)


def _lasting(plan: Plan, steps: int) -> Plan:
    """The plan with one phase, the experiment."""
    return plan.with_(phases=(PhasePlan("experiment", steps),))

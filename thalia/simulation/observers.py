"""Which observers a simulation has, and the order in which they act at one stop."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from thalia.backends import Session
from thalia.compiler.plan import Plan
from thalia.connectivity.build import Arrays
from thalia.simulation.loop import Observer
from thalia.simulation.modulator_release import WeightChangeRelease
from thalia.simulation.structural_plasticity import StructuralPlasticity, rewired_pathways


@dataclass(frozen=True)
class Observers:
    """The observers of a session, in the order in which they act at one step.

    What is recorded at a step is the network before it is rewired; a task acts on the network after
    that; and a checkpoint holds everything that was done at its step.
    """

    recording: tuple[Observer, ...] = ()
    rewiring: tuple[StructuralPlasticity, ...] = ()
    releases: tuple[WeightChangeRelease, ...] = ()
    task: tuple[Observer, ...] = ()
    checkpoints: tuple[Observer, ...] = ()
    progress: tuple[Observer, ...] = ()

    @classmethod
    def of_plan(cls, plan: Plan, arrays: Arrays, session: Session) -> "Observers":
        """Those that the circuit asks for: structural plasticity and releases by weight changes."""
        return cls(
            rewiring=tuple(rewired_pathways(plan, arrays, session)),
            releases=tuple(
                WeightChangeRelease(plan, session, each) for each in plan.weight_changes
            ),
        )

    def __iter__(self) -> Iterator[Observer]:
        return (observer for field in fields(self) for observer in getattr(self, field.name))

    def connect(self) -> None:
        """Connect the potential synapses that are connected at the beginning."""
        for each in self.rewiring:
            each.begin()

    def accept_weights(self) -> None:
        """Take the present weights, wherever they came from, as those from which changes count."""
        for each in self.rewiring:
            each.keep_unconnected_at_zero()
        for release in self.releases:
            release.remember()

"""Warm start: a new run starts from the weights and rule state of another."""

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Session
from thalia.compiler.optimise.hoist import hoisted_name
from thalia.compiler.optimise.lower import HOISTED
from thalia.compiler.plan import Member, PathwayPlan, Plan, SynapseGroup
from thalia.connectivity.build import Arrays, wire
from thalia.errors import fail
from thalia.recording.page_checksums import edited, reading
from thalia.recording.run_file import Run
from thalia.recording.writer import mended
from thalia.simulation.checkpoint import SavedState, fingerprint, read_state
from thalia.simulation.origin import Origin, read_origin
from thalia.simulation.synapse_state import trace, weights


@dataclass
class Taken:
    """What a new run took from another, and what has no counterpart there."""

    pathways: list[str] = field(default_factory=list)
    populations: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def text(self, file: FilePath) -> str:
        """One sentence for the summary."""
        taken = [f"weights and traces of {', '.join(self.pathways)}"] if self.pathways else []
        taken += [f"state of rules in {', '.join(self.populations)}"] if self.populations else []
        left = f"; not there or not alike: {', '.join(self.missing)}" if self.missing else ""
        return f"from {file}: {' and '.join(taken)}{left}"


def read_learned(file: FilePath) -> tuple[Origin, SavedState]:
    """What a run file holds to build its network again, and the state that it ended in.

    Raises
    ------
    CircuitError
        If it is no run file, is damaged, or holds no state.
    """
    Run(mended(file))
    with reading(file, "state") as h5:
        saved, origin = read_state(h5, file), read_origin(h5, file)
    if saved is None:
        raise fail(
            f"{file}: holds no state to start from",
            "let it run for a while with `thalia resume`",
        )
    return origin, saved


@dataclass(frozen=True)
class Learned:
    """The network of another run, built again, and the state that it ended in."""

    plan: Plan
    arrays: Arrays
    saved: SavedState

    @classmethod
    def of(cls, file: FilePath) -> "Learned":
        """The network and the state in a run file.

        Raises
        ------
        CircuitError
            If it holds no state, or the network comes out differently here.
        """
        origin, saved = read_learned(file)
        with edited(file):
            plan, wiring = origin.plan(saved), int(origin.settings["wiring"])
        arrays = wire(plan)
        if fingerprint(arrays) != wiring:
            raise fail(
                f"{file}: the network comes out differently here",
                "use the versions of Thalia and NumPy that the file names",
            )
        return cls(plan, arrays, saved.named_as_in(plan))

    def read(self, name: str) -> NDArray[Any]:
        """A variable at the end of that run, saved or computed again."""
        if name in self.saved.variables:
            return self.saved.variables[name]
        owner, _, variable = name.partition(".")
        if owner in self.arrays.synapses:
            wired = self.arrays.synapses[owner]
            return wired.post if variable == "_synaptic_post" else wired.variables[variable]
        return self.arrays.groups[owner][variable]


def take_over(file: FilePath, plan: Plan, arrays: Arrays, session: Session) -> Taken:
    """Set a session at time zero to the weights and the state of rules that another run ended with.

    A pathway is the same if its name and its synapses (who connects to whom) are; a population, if
    its name and size are.

    Raises
    ------
    CircuitError
        If nothing in the file fits.
    """
    old, taken = Learned.of(file), Taken()
    known = {member.name: (synapses, member) for synapses, member in old.plan.pathways()}
    for synapses in (each for each in plan.synapses if each.is_plastic):
        for member in synapses.members:
            rows = _alike(known.get(member.name), old, (synapses, member), plan, arrays)
            if rows is None:
                taken.missing.append(member.name)
                continue
            _copy_synapses(known[member.name], old, (synapses, member), plan, session, rows)
            taken.pathways.append(member.name)
    _copy_states(old, plan, session, taken)
    if not taken.pathways and not taken.populations:
        raise fail(
            f"{file}: nothing in it fits {plan.name}",
            "pathways are matched by name and by their synapses, populations by name and size",
        )
    return taken


Use = tuple[SynapseGroup, PathwayPlan]
Rows = tuple[NDArray[np.intp], NDArray[np.intp]]


def _alike(found: Use | None, old: Learned, own: Use, plan: Plan, arrays: Arrays) -> Rows | None:
    """Positions of the same synapses in the old and the new object; None if they differ."""
    if found is None:
        return None
    ends, rows = [], []
    for (synapses, member), its_plan, its_arrays in (
        (found, old.plan, old.arrays),
        (own, plan, arrays),
    ):
        wired = its_arrays.synapses[synapses.name]
        mine = wired.rows(member.name)
        pre, post = (its_plan.population(end)[1].start for end in (member.pre, member.post))
        pair = np.stack([wired.sources(mine) - pre, wired.post[mine] - post])
        order = np.lexsort(pair[::-1])
        ends.append(pair[:, order])
        rows.append(mine[order])
    return (rows[0], rows[1]) if np.array_equal(ends[0], ends[1]) else None


def _copy_synapses(
    found: Use, old: Learned, own: Use, plan: Plan, session: Session, rows: Rows
) -> None:
    """Weights, traces, and the times of their last update, relative to the new beginning."""
    (source, before), (target, member) = found, own
    names = {"w", *(e.name for e in target.equations if e.kind != "expression"), "lastupdate"}
    end = float(old.saved.variables["defaultclock.t"].reshape(-1)[0])
    for name in sorted(names):
        if f"{source.name}.{name}" in old.saved.variables and (
            name != "lastupdate" or _is_event_driven(target)
        ):
            values = weights(source, old.read) if name == "w" else trace(name, source, old.read)
            held = session.read(f"{target.name}.{name}")
            held[rows[1]] = values[rows[0]] - (end if name == "lastupdate" else 0.0)
            session.write(f"{target.name}.{name}", held)
    for hoisted in (key for key, form in target.forms.items() if form.startswith(HOISTED)):
        there = f"{source.post}.{hoisted_name(source, hoisted)}"
        if there in old.saved.variables:
            here = f"{target.post}.{hoisted_name(target, hoisted)}"
            _copy_slice(
                old.saved.variables[there],
                old.plan.population(before.post)[1],
                here,
                plan.population(member.post)[1],
                session,
            )


def _copy_slice(
    values: NDArray[Any], source: Member, name: str, target: Member, session: Session
) -> None:
    held = session.read(name)
    held[target.start : target.stop] = values[source.start : source.stop]
    session.write(name, held)


def _is_event_driven(synapses: SynapseGroup) -> bool:
    return any("event-driven" in equation.flags for equation in synapses.equations)


def _copy_states(old: Learned, plan: Plan, session: Session, taken: Taken) -> None:
    """The state of rules in the neurons of each population."""
    known = {member.name: (group, member) for group, member in old.plan.populations()}
    for group, member in plan.populations():
        names = [
            e.name
            for each in group.inputs
            if each.is_state
            for e in each.equations
            if e.kind != "expression"
        ]
        source = known.get(member.name)
        for name in names:
            values: Any = old.saved.variables.get(f"{source[0].name}.{name}") if source else None
            if source is None or values is None or source[1].size != member.size:
                continue
            _copy_slice(values, source[1], f"{group.name}.{name}", member, session)
            if member.name not in taken.populations:
                taken.populations.append(member.name)

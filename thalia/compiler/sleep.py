"""Which neurons need not be advanced in every step, and what a backend must know to let them sleep.

Where the variables of a group are linear with constant coefficients, and so is its threshold, the
solution over any number of steps is a matrix that can be prepared, and so is a bound: from the
present state x and the state at rest, the threshold is out of reach without further input if

    threshold at rest + sum over variables of max(up (x - rest), down (x - rest)) < 0

where `up` and `down` are the largest and the smallest effect that a variable has on the distance
from the threshold at any later step. A neuron for which it holds sleeps until it gets input.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.integration import EXACT, depends_on_constant
from thalia.compiler.plan import SHARED, Group, Member, Plan, SynapseGroup
from thalia.syntax.equations import calls, degree, evaluate, identifiers, rename, tree, written_out
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import UNITS

MOST_VARIABLES = 8  # which fit a mask of 64 bits
STEPS = 4096  # in the table; longer times are several of them
MARGIN = 1e-9  # of what is added up, for rounding
LARGE = 2.0**200  # exact, and so far above a constant that nothing of it is left
DOUBLINGS = 64
FUNCTIONS = frozenset({"exp", "log", "sqrt", "abs"})  # of constants
RARE = 0.05  # events a step of Poisson input, up to which it pays to let a neuron sleep
DRIVEN = "Poisson input arrives all the time"

type Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Sleep:
    """The structure of a group whose neurons may sleep: what is compiled.

    Parameters
    ----------
    variables : each after those that it reads
    reads : int
        Bit `len(variables) * a + b` is set if variable `a` depends on `b` after some time.
    shifted : int
        Bit `a` is set if a constant drives variable `a`, directly or through others.
    distance : str
        Expression that is positive above the threshold.
    """

    variables: tuple[str, ...]
    reads: int
    shifted: int
    distance: str


def sleep_of(group: Group, plan: Plan) -> Sleep | str:
    """How the neurons of a group may sleep; or why all of them are advanced in every step."""
    if reason := _active(group, plan):
        return reason
    rights = written_out(group.equations())
    variables = _ordered(rights)
    distance = _distance(group)
    texts = (*rights.values(), distance or group.threshold)
    read = frozenset().union(*map(identifiers, texts))
    if reason := _changing(read, frozenset().union(*map(calls, texts)), variables, group):
        return reason
    if distance is None or degree(distance, variables) != 1:
        return f"its threshold `{group.threshold}` is not a level of what is linear"
    if len(variables) > MOST_VARIABLES:
        return f"it has more than {MOST_VARIABLES} variables"
    if reader := next((s.name for s in plan.synapses if _reads(s, group, variables)), ""):
        return f"{reader} reads its variables in every step"
    return Sleep(variables, *_dependence(variables, rights), distance)


def _active(group: Group, plan: Plan) -> str:
    """What acts on every neuron of a group in every step; empty if nothing does."""
    if not group.threshold or group.name == SHARED:
        return "it computes no spikes"
    method = group.integration
    if method.method != EXACT or method.flows or method.chosen:
        return "its equations have no exact solution"
    if not method.exact:
        return "it has no state"
    if group.before_step() or group.sums or group.at_flush:
        return "its rules or its input act in every step"
    if plan.frames(group):
        return "its input is an array over time"
    if any(drive.varies for drive in plan.drives if drive.group == group.name):
        return "it gets Poisson input whose rate changes"
    if all(_is_driven(member, plan) for member in group.members):
        return DRIVEN
    return ""


def _changing(
    read: frozenset[str], called: frozenset[str], variables: tuple[str, ...], group: Group
) -> str:
    """What of the names in the equations and the threshold of a group is no constant."""
    if "t" in read:
        return "its input depends on time"
    if others := sorted(called - FUNCTIONS):
        return f"its equations or its threshold call {', '.join(others)}"
    known = {*variables, *group.all_parameters(), *UNITS, *FUNCTIONS, "pi"}
    if changing := sorted(read - known):
        return f"{', '.join(changing)} may change in every step"
    if set_by_task := sorted(read & group.from_task):
        return f"a task sets {', '.join(set_by_task)}"
    return ""


def _is_driven(member: Member, plan: Plan) -> bool:
    """Whether all its neurons get so much Poisson input that none would sleep for long."""
    means = [p.mean for d in plan.drives for p in d.members if p.population == member.name]
    return any(mean is not None and mean * plan.dt > RARE for mean in means)


def _distance(group: Group) -> str | None:
    """The left side of a threshold minus its right, with named expressions written out."""
    named = {e.name: f"({e.right})" for e in group.equations() if e.kind == "expression"}
    text = group.threshold
    for _ in named:
        text = rename(text, named)
    match tree(text):
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE()], comparators=[right]):
            return f"({ast.unparse(left)}) - ({ast.unparse(right)})"
    return None


def _reads(synapses: SynapseGroup, group: Group, variables: tuple[str, ...]) -> bool:
    """Whether something else than events at synapses reads variables of the group."""
    sides = [side for side in ("pre", "post") if getattr(synapses, side) == group.name]
    seen = {f"{name}_{side}" for name in variables for side in sides}
    named = {e.name for e in group.equations() if e.kind == "expression"}
    seen |= {f"{name}_{side}" for name in named for side in sides}
    clocked = [e.right for e in synapses.equations if "event-driven" not in e.flags]
    done = [s.right for s in (*synapses.on_step, *synapses.at_flush)]
    targets = {s.target for s in (*synapses.on_step, *synapses.at_flush)}
    return bool(seen & frozenset().union(targets, *map(identifiers, filter(None, clocked + done))))


def _ordered(rights: Mapping[str, str]) -> tuple[str, ...]:
    """Variables, each after those that it reads: of an exact solution, none reads itself."""
    found: list[str] = []
    waiting = list(rights)
    while waiting:
        ahead = set(waiting)
        ready = next(n for n in waiting if not (identifiers(rights[n]) & ahead) - {n})
        waiting.remove(ready)
        found.append(ready)
    return tuple(found)


def _dependence(variables: tuple[str, ...], rights: Mapping[str, str]) -> tuple[int, int]:
    """The masks of a `Sleep`."""
    reached: dict[str, set[str]] = {}
    driven: set[str] = set()
    for name in variables:
        read = identifiers(rights[name]) & set(variables)
        reached[name] = {name}.union(*(reached[other] for other in read - {name}))
        if depends_on_constant(rights[name], variables) or read & driven:
            driven.add(name)
    places = {name: place for place, name in enumerate(variables)}
    bits = [len(variables) * places[a] + places[b] for a in variables for b in reached[a]]
    return sum(1 << bit for bit in bits), sum(1 << places[name] for name in driven)


@dataclass(frozen=True)
class SleepingPopulation:
    """What a backend must know of a population: its neurons in the group, and numbers in SI.

    Parameters
    ----------
    need : float
        The bound below which a neuron may sleep.
    rest, up, down : (n_variables,) float
    table : (n_steps, n_coefficients) float
        For one step, two steps, and so on: for each variable the coefficients of those that it
        depends on, then of the constant, if it is driven by one.
    """

    start: int
    stop: int
    need: float
    rest: Numbers
    up: Numbers
    down: Numbers
    table: Numbers

    def numbers(self) -> Numbers:
        """All of it in one array."""
        head = [self.start, self.stop, len(self.table), self.need]
        return np.concatenate([head, self.rest, self.up, self.down, self.table.ravel()])


@dataclass(frozen=True)
class _System:
    """dx/dt = matrix x + drive, and the distance above the threshold, effect x + offset."""

    matrix: Numbers
    drive: Numbers
    effect: Numbers
    offset: float

    @property
    def rest(self) -> Numbers:
        """The state without input."""
        return -np.linalg.solve(self.matrix, self.drive)

    @property
    def need(self) -> float:
        """How far below the threshold it is, less what rounding may do."""
        size = abs(self.offset) + np.abs(self.effect * self.rest).sum()
        return float(-(self.effect @ self.rest + self.offset) - MARGIN * size)

    def is_like(self, other: "_System") -> bool:
        """Whether both are the same numbers."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("matrix", "drive", "effect", "offset")
        )


def why_awake(group: Group, member: Member, sleep: Sleep, plan: Plan) -> str:
    """Why all neurons of a population are advanced in every step; empty if they may sleep."""
    found = _system(group, member, sleep, plan)
    return found if isinstance(found, str) else ""


def populations_of(group: Group, sleep: Sleep, plan: Plan) -> list[SleepingPopulation]:
    """The populations of a group that may sleep; alike ones next to each other count as one."""
    found: list[tuple[int, int, _System]] = []
    for member in group.members:
        system = _system(group, member, sleep, plan)
        if isinstance(system, str):
            continue
        start = member.start
        if found and found[-1][1] == start and found[-1][2].is_like(system):
            start = found.pop()[0]
        found.append((start, member.stop, system))
    return [_prepared(*each, sleep, plan.dt) for each in found]


def _prepared(
    start: int, stop: int, system: _System, sleep: Sleep, dt: float
) -> SleepingPopulation:
    steps = _powers(system.matrix, system.drive, dt)
    up, down = _extremes(steps[:, :-1, :-1].astype(float), system.effect)
    return SleepingPopulation(start, stop, system.need, system.rest, up, down, _table(steps, sleep))


def _system(group: Group, member: Member, sleep: Sleep, plan: Plan) -> _System | str:
    """The numbers of a population; or why all its neurons are advanced in every step."""
    if _is_driven(member, plan):
        return DRIVEN
    rights = written_out(group.equations())
    read = frozenset().union(*map(identifiers, (*rights.values(), sleep.distance)))
    values = {name: v for name, v in member.parameters.items() if name in read}
    if varied := sorted(name for name, v in values.items() if any(x.is_random for x in v)):
        return f"neurons differ in {', '.join(varied)}"
    constants = {name: sum(x.mean for x in v) for name, v in values.items()}
    try:
        matrix, drive = _linear([rights[name] for name in sleep.variables], sleep, constants)
        (effect,), (offset,) = _linear([sleep.distance], sleep, constants)
    except (EquationError, ArithmeticError) as error:
        return str(error)
    if not np.isfinite(matrix).all() or not (np.diag(matrix) < 0).all():
        return "not all variables decay"
    found = _System(matrix, drive, effect, float(offset))
    return found if found.need > 0 else "they fire without input"


def _linear(
    texts: Iterable[str], sleep: Sleep, constants: Mapping[str, float]
) -> tuple[Numbers, Numbers]:
    """The coefficients of linear expressions, and what they are where all variables are zero."""
    zero = dict.fromkeys(sleep.variables, 0.0)
    rows, offsets = [], []
    for text in texts:
        offset = evaluate(text, {**constants, **zero})
        offsets.append(offset)
        rows.append(
            [
                (evaluate(text, {**constants, **zero, name: LARGE}) - offset) / LARGE
                for name in sleep.variables
            ]
        )
    return np.array(rows), np.array(offsets)


def _powers(matrix: Numbers, drive: Numbers, dt: float) -> NDArray[np.longdouble]:
    """The solutions over 1, 2, ... steps, (STEPS, n + 1, n + 1): a constant 1 is the last variable.

    In extended precision, so that what is rounded to double at last is as good as exact.
    """
    size = len(drive) + 1
    slope = np.zeros((size, size), np.longdouble)
    slope[:-1, :-1], slope[:-1, -1] = matrix, drive
    slope *= np.longdouble(dt)
    # by the rates alone: however strongly variables drive one another, none drives itself
    fastest = float(np.abs(np.diag(matrix)).max()) * dt
    halvings = max(0, ceil(log2(fastest)) + 2)
    one = term = np.eye(size, dtype=np.longdouble)
    for order in range(1, 30):
        term = term @ slope / np.longdouble(2**halvings * order)
        one = one + term
    for _ in range(halvings):
        one = one @ one
    found = one[None]
    while len(found) < STEPS:
        found = np.concatenate([found, found @ found[-1]])
    return found


def _extremes(steps: Numbers, effect: Numbers) -> tuple[Numbers, Numbers]:
    """The largest and the smallest effect of each variable at any later step, or beyond them.

    Behind the table each doubling of the time is bounded by the solution to its beginning, times
    the extremes of the solution over as long a time.
    """
    most, least = (np.maximum(sign * steps, 0).max(0) for sign in (1, -1))
    most = np.maximum(most, np.eye(len(effect)))
    rows = np.concatenate([effect[None], effect @ steps])  # at present: a spike keeps awake
    up, down = (np.maximum(sign * rows, 0).max(0) for sign in (1, -1))
    step = steps[-1]
    for _ in range(DOUBLINGS):
        row = effect @ step
        up = np.maximum(up, _bound(row, most, least))
        down = np.maximum(down, _bound(row, least, most))
        most, least = (
            np.maximum(most, _bound(step, most, least)),
            np.maximum(least, _bound(step, least, most)),
        )
        step = step @ step
    return up * (1 + MARGIN), -down * (1 + MARGIN)


def _bound(factor: Numbers, most: Numbers, least: Numbers) -> Any:
    """The largest product of a matrix and one whose entries lie between `-least` and `most`."""
    return np.maximum(factor, 0) @ most + np.maximum(-factor, 0) @ least


def _table(steps: NDArray[np.longdouble], sleep: Sleep) -> Numbers:
    count = len(sleep.variables)
    columns = []
    for a in range(count):
        kept = [b for b in range(count) if sleep.reads >> (count * a + b) & 1]
        kept += [count] if sleep.shifted >> a & 1 else []
        columns += [steps[:, a, b] for b in kept]
    return np.stack(columns, axis=1).astype(np.float64)

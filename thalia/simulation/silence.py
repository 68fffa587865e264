"""Jumps over time in which a network is silent, as exactly as if it were simulated.

It is simulated until its state has a closed form: no spike is in flight, no neuron is refractory,
and each variable is at rest, or linear in itself with coefficients that stay the same. A jump goes
as far as that holds and no threshold is reached, and one step is simulated after it, which must
give what the closed form says.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Session
from thalia.compiler.plan import Group, Plan, SynapseGroup
from thalia.errors import CircuitError, fail
from thalia.simulation.closed_forms import Floats
from thalia.simulation.silent_state import Moment, SilentModel, SilentState, models_of
from thalia.simulation.synapse_state import Read, weights
from thalia.syntax.equations import identifiers, tree
from thalia.syntax.expressions import EquationError
from thalia.syntax.time_grid import as_text

LEAST = 16  # steps of a jump; fewer are simulated
NUDGE = 1e-6  # by which a variable is changed, to see how its slope depends on it
PIECE = 1000  # steps that are simulated at once until a network is silent
LONGEST = 60.0  # seconds of model time that may pass until it is
FINENESS = 2**0.25  # of one time to the next at which what holds for a jump is looked at
PARTS = 16  # of the time in which the closed form ceases to hold, at a time
TIMES = 25  # at which weights are looked at
MOST = 1 << 21  # numbers of a variable at several times
SETTLED = 1e-12  # relative change, or distance from what coefficients say, that counts as none
NOTHING = 1e-40  # in SI units: what is lost next to any other number
EXACT = {"f8": 1e-9, "f4": 1e-5}  # relative distance of a step from the closed form
FAINTEST = 1e-250  # of a decay, whose inverse is still a number
MARGIN = 0.01  # of its course by which what reaches a threshold stays away from it
# what goes on in silence, or is looked at by itself
APART = ("defaultclock", "random", "queue", "sleep", "_spikespace", "not_refractory")
HINT = (
    "a wait jumps over time in which no neuron fires, no spike is in flight and no noise acts; "
    "`present` simulates time of any kind, step by step"
)

type Found = tuple[tuple[SilentModel, str], NDArray[np.bool_]]  # why a jump ends, where and when
type State = Mapping[str, NDArray[Any]]
type Courses = dict[str, tuple[Floats, Floats]]  # how near to their thresholds groups have been


class Silence:
    """Advances a session over silent time; `constant` are the variables that nothing changes."""

    def __init__(self, plan: Plan, session: Session, constant: set[str]):
        self.plan, self.session, self.constant = plan, session, constant
        self.state: State = {}
        self.known: dict[str, NDArray[Any]] = {}  # of what is constant, what was read
        self.reason = ""  # why there is no jump from this state

    @cached_property
    def models(self) -> tuple[SilentModel, ...]:
        """What changes in every step."""
        return tuple(models_of(self.plan))

    @cached_property
    def flushed(self) -> set[str]:
        """Sums and what belongs to them, which begin again at a flush."""
        return {f"{g.name}.{s.target}" for g in self.plan.all_groups for s in g.at_flush}

    @cached_property
    def decays(self) -> set[str]:
        """Those by which traces are multiplied at a flush."""
        found = ((model, s) for model in self.models for s in model.before if s.operator == "*=")
        return {f"{m.name}.{s.target}" for m, s in found if f"{m.name}.{s.target}" in self.flushed}

    @cached_property
    def moving(self) -> set[str]:
        """Variables that may change in silence."""
        named = {
            f"{model.name}.{name}"
            for model in self.models
            for name in (*model.odes, *model.kept, *(s.target for s in model.statements))
        }
        return named | self.flushed

    def advance(self, steps: int) -> Chunk:
        """Advance by some steps; its spikes are those of the time until it is silent.

        Raises
        ------
        CircuitError
            If the network is not silent, and why; it is then as it was before.
        """
        begin = self.state = self.session.state(without=self.constant)
        try:
            if reason := self._disturbed(steps):
                raise self._refused(reason)
            return Chunk.joined(list(self._pieces(steps)))
        except CircuitError:
            self.session.restore(begin)
            raise

    def _pieces(self, left: int) -> Iterator[Chunk]:
        """Simulate until the network is silent, jump as far as can be, and so on."""
        awake, size = 0, LEAST
        while left:
            piece = min(size, left)
            yield from self._simulated(piece)
            left, awake, size = left - piece, awake + piece, min(4 * size, PIECE)
            while left > LEAST and (reach := self._reach(left - 1)) >= min(size, left - 1):
                self._jump(reach)
                left, awake = left - reach - 1, 0
                if reach >= PIECE:  # what ended the jump may be over at once
                    size = LEAST
            if left and awake * self.plan.dt > LONGEST:
                raise self._refused(f"after {as_text(awake * self.plan.dt)} {self.reason}")

    def _refused(self, reason: str) -> CircuitError:
        return fail(f"the task waits, and the network is not silent: {reason}", HINT)

    @property
    def _step(self) -> int:
        return int(self.state["defaultclock.timestep"].item())

    def _disturbed(self, steps: int) -> str:
        """What acts on the network for as long as it is simulated; empty if nothing does."""
        now, end = self._step, self._step + steps
        for each in self.plan.playbacks:
            if any(now <= step < end for step in each.steps):
                return f"the spikes of '{each.population}' are given for this time"
        try:
            return next(self._inputs(SilentState(self.plan, self.models, self._read)), "")
        except EquationError as error:
            return f"{error}"

    def _inputs(self, state: SilentState) -> Iterator[str]:
        for group in self.plan.groups:
            name, model = group.members[0].name, state.models.get(group.name)
            if self.plan.frames(group):
                yield f"the input of '{name}' is an array over time"
            for drive in (each for each in self.plan.drives if each.group == group.name):
                rate = state.now.evaluated(model, drive.rate) if model and drive.rate else 1.0
                events = np.broadcast_to(rate * state.variable(group.name, drive.scale), group.size)
                if events.any():
                    yield f"{_where(group, events > 0)} gets Poisson input"
            if model:
                fires = np.ravel(_fires(state.now, model, group.threshold))
                if fires.any() and _is_fixed(group):
                    yield f"{_where(group, fires)} fires by itself"
        for model in state.models.values():
            alone: dict[str, Any] = dict.fromkeys(model.odes, 0.0)
            for name, right in model.odes.items():
                if np.any(_noise(state.now, model, right, alone)):
                    yield f"noise acts on '{name}' of {model.label}"

    def _read(self, name: str) -> NDArray[Any]:
        if name in self.state:
            return self.state[name]
        if name not in self.constant:
            raise EquationError(f"an equation reads '{name}', which has no closed form")
        if name not in self.known:
            self.known[name] = self.session.read(name)
        return self.known[name]

    def _reading(self, state: State) -> Read:
        """What gives a variable by its name in another state."""
        return lambda name: state[name] if name in state else self._read(name)

    def _simulated(self, steps: int) -> list[Chunk]:
        """Simulate some steps, and see whether the last one changed what should stand still."""
        chunks = [self.session.advance(steps - 1)] if steps > 1 else []
        if chunks:
            self.state = self.session.state(without=self.constant)
        before = self.state
        chunks.append(self.session.advance(1))
        self.state = self.session.state(without=self.constant)
        self.reason = self._unsettled(chunks[-1], before)
        return chunks

    def _unsettled(self, chunk: Chunk, before: State) -> str:
        for group, (steps, neurons) in chunk.spikes.items():
            if len(steps):
                here = self.plan.group(group)
                return f"{_where(here, np.isin(np.arange(here.size), neurons))} still fires"
        for name, values in self.state.items():
            kind = name.rpartition(".")[2]
            if kind == "queue" and values[2 : 2 + int(values[1])].any():
                return "spikes are still in flight"
            if kind == "not_refractory" and not values.all():
                return f"{self._owner(name)} is still refractory"
        return self._changed(before, self.state, self._standing(), dict.fromkeys(EXACT, SETTLED))

    def _standing(self) -> Iterator[str]:
        """Variables that nothing changes in silence."""
        moving = self.moving
        if self._is_flush(self._step - 1):
            moving = moving | {f"{s.name}.{n}" for s in self.plan.synapses for n in ("w", *s.decay)}
        for name in self.state.keys() - moving:
            owner, _, kind = name.rpartition(".")
            if owner not in APART and kind not in APART:
                yield name

    def _changed(
        self, there: State, here: State, names: Iterator[str], bounds: Mapping[str, float]
    ) -> str:
        """The first variable that differs between two states, in words."""
        for name in names:
            old, new = there[name], here[name]
            if old.dtype.kind != "f":
                differs = old != new
            else:
                size = np.maximum(np.abs(old), np.abs(new))
                differs = np.abs(new - old) > bounds[old.dtype.str[1:]] * size + NOTHING
            if np.any(differs):
                return f"'{name.rpartition('.')[2]}' of {self._owner(name, differs)} still changes"
        return ""

    def _is_flush(self, step: int) -> bool:
        """Whether sums are added to the weights in a step."""
        interval = self.plan.flush_interval
        return bool(interval and step and step % interval == 0)

    def _reach(self, limit: int) -> int:
        """How many steps a jump from the present state may have; if none, `reason` says why."""
        if self.reason:
            return 0
        limit = self._whole(limit)
        if limit < LEAST:
            return 0
        try:
            state = SilentState(self.plan, self.models, self._read)
            limit = self._whole(self._unbounded(state, limit))
            return self._whole(self._followed(state, limit)) if limit >= LEAST else 0
        except EquationError as error:
            self.reason = str(error)
            return 0

    def _followed(self, state: SilentState, limit: int) -> int:
        """How far the closed form holds; `reason` says why no further."""
        courses: Courses = {}
        reach = 0
        for steps in _times(limit, max(values.size for values in self.state.values())):
            before = dict(courses)
            reason, place = self._broken(Moment(state, steps[:, None]), courses, limit)
            if reason:
                self.reason = reason
                if place:
                    self._broken(Moment(state, steps[:place, None]), before, limit)
                    reach = int(steps[place - 1])
                return self._closer(state, (reach, int(steps[place])), before, limit)
            reach = int(steps[-1])
        return reach

    def _closer(
        self, state: SilentState, between: tuple[int, int], courses: Courses, limit: int
    ) -> int:
        """How far the closed form holds, to `LEAST` steps, with one step more to compare.

        It does at the first of two steps and not at the second; `courses` lead to the first one.
        """
        low, high = between
        while high - low > LEAST:
            steps = np.unique(np.rint(np.linspace(low, high, PARTS + 1)[1:-1]))
            reason, place = self._broken(Moment(state, steps[:, None]), dict(courses), limit)
            if not reason:
                low = int(steps[-1])
            else:
                low, high = int(steps[place - 1]) if place else low, int(steps[place])
        return low - 1

    def _whole(self, steps: int) -> int:
        """At most so many steps that do not end between flushes that they would leave out."""
        if steps <= self._to_flush:
            return steps
        interval, now = self.plan.flush_interval, self._step
        return (now + steps) // interval * interval - now

    def _unbounded(self, state: SilentState, limit: int) -> int:
        """How far leaving out flushes, which bound the weights, leaves the weights as they are.

        It does unless a weight would have been bounded, and then have come back.
        """
        if limit <= self._to_flush:
            return limit
        reached = limit
        for synapses in self.plan.synapses:
            if synapses.pending:
                reached = min(reached, _bounded_once(state, synapses, limit))
        return max(reached, self._to_flush)

    def _broken(self, moment: Moment, courses: Courses, limit: int) -> tuple[str, int]:
        """The first time at which the closed form does not hold, as a place, and the reason."""
        found = [*self._slopes(moment, limit), *self._thresholds(moment, courses), *_turns(moment)]
        broken = [(int(np.argmax(wrong.any(1))), what, wrong) for what, wrong in found]
        if not broken:
            return "", 0
        place, (model, text), wrong = min(broken, key=lambda each: each[0])
        return text.format(self._named(model, wrong[place])), place

    def _slopes(self, moment: Moment, limit: int) -> Iterator[Found]:
        """Variables whose slope becomes another than that of the closed form, and when."""
        state, horizon = moment.state, limit * self.plan.dt
        for model in state.models.values():
            for name, right in model.odes.items():
                slope = moment.evaluated(model, right)
                value = moment.value(model, name)
                expected, others, rate = _slope(moment, model, name)
                time = 1 / np.maximum(rate, 1 / horizon)
                most = SETTLED * (np.abs(value) + time * others) + NOTHING
                wrong = ~(np.abs(slope - expected) * time <= most) | _noise(moment, model, right)
                wrong = np.atleast_2d(wrong)
                if wrong.any():
                    yield (model, f"'{name}' of {{}} still changes"), wrong

    def _thresholds(self, moment: Moment, courses: Courses) -> Iterator[Found]:
        """Groups that fire, or come so near that they might in between, and when."""
        for group in self.plan.groups:
            if not group.threshold:
                continue
            model = moment.state.models[group.name]
            fires = np.atleast_2d(_fires(moment, model, group.threshold))
            above = _above(moment, model, group.threshold)
            if above is not None:
                lowest, highest = courses.get(group.name, (above[:1], above[:1]))
                lowest = np.minimum(np.minimum.accumulate(above), lowest)
                highest = np.maximum(np.maximum.accumulate(above), highest)
                courses[group.name] = lowest[-1:], highest[-1:]
                fires = fires | (highest + MARGIN * (highest - lowest) > 0)
            if fires.any():
                yield (model, "{} would fire"), fires

    def _jump(self, steps: int) -> None:
        """Go some steps further in closed form, and simulate one more."""
        state = SilentState(self.plan, self.models, self._read)
        is_flush = self._is_flush(self._step + steps)
        changed = state.after(steps)
        expected = state.after(steps + 1, self.flushed)
        then = self._step + steps
        times = {"defaultclock.timestep": then, "defaultclock.t": then * self.plan.dt}
        clock = {name: np.full_like(self.state[name], value) for name, value in times.items()}
        # a decay is divided by before the flush by which it ends
        changed |= {name: np.maximum(changed[name], FAINTEST) for name in self.decays}
        typed = {n: values.astype(self.state[n].dtype) for n, values in changed.items()}
        # the clock last: neurons that are asleep are woken by what is written before
        self.session.restore({**typed, "random.key": self.state["random.key"], **clock})
        before = {**self.state, **typed}
        chunk = self.session.advance(1)
        self.state = self.session.state(without=self.constant)
        self.reason = self._unsettled(chunk, before)
        wrong = self._changed({**before, **expected}, self.state, iter(expected), EXACT)
        wrong = wrong or ("" if is_flush else self._weights_apart(state.after(steps + 1)))
        if self.reason or wrong:
            raise self._refused(self.reason or wrong)

    def _weights_apart(self, expected: State) -> str:
        """Weights that are not what the sums in the closed form say, in words."""
        for synapses in self.plan.synapses:
            if synapses.pending:
                then, now = (weights(synapses, self._reading(s)) for s in (expected, self.state))
                most = EXACT["f8"] * np.abs(self._read(f"{synapses.name}.w_max"))
                if (np.abs(then - now) > most).any():
                    return f"'w' of the synapses of '{synapses.members[0].name}' still changes"
        return ""

    @property
    def _to_flush(self) -> int:
        """Steps to the next flush."""
        interval = self.plan.flush_interval
        return max(1, -(-self._step // interval)) * interval - self._step if interval else 1 << 62

    def _named(self, model: SilentModel, which: NDArray[np.bool_]) -> str:
        """The population or pathway of the first of some neurons or synapses."""
        return self._owner(f"{model.name}.", which)

    def _owner(self, variable: str, which: NDArray[Any] | None = None) -> str:
        """The population or pathway that a variable belongs to."""
        owner = variable.rpartition(".")[0]
        group = next((each for each in self.plan.groups if each.name == owner), None)
        if group:
            return _where(group, which)
        return next((m.label for m in self.models if m.name == owner), f"'{owner}'")


def _where(group: Group, which: NDArray[Any] | None) -> str:
    """The population of the first of some neurons of a group."""
    first = int(np.argmax(which)) if which is not None and np.size(which) > 1 else 0
    return f"'{next((m.name for m in group.members if first < m.stop), group.name)}'"


def _is_fixed(group: Group) -> bool:
    """Whether parameters alone decide about the spikes of a group."""
    named = {e.name: e.right for e in group.equations() if e.kind == "expression"}
    read = identifiers(group.threshold)
    while inner := read & named.keys():
        read = (read - inner).union(*(identifiers(named[name]) for name in inner))
    return not read & {e.name for e in group.equations()}


def _noise(
    moment: Moment, model: SilentModel, right: str, given: Mapping[str, Any] | None = None
) -> Any:
    """Whether noise acts on a variable with this right side."""
    if "xi" not in identifiers(right):
        return False
    drawn, none = (
        moment.evaluated(model, right, {**(given or {}), "xi": each}) for each in (1.0, 0.0)
    )
    return np.asarray(drawn != none)


def _times(limit: int, size: int) -> Iterator[Floats]:
    """Steps up to a limit, each not much later than the one before, as many at once as fit."""
    count = int(np.ceil(np.log(limit) / np.log(FINENESS))) + 1
    steps = np.unique(np.rint(np.geomspace(1, limit, count)))
    steps = np.concatenate([[0.0], steps])
    at_once = max(2, MOST // max(size, 1))
    yield from (steps[k : k + at_once] for k in range(0, len(steps), at_once))


def _slope(moment: Moment, model: SilentModel, name: str) -> tuple[Floats, Floats, Floats]:
    """The slope of a variable by its closed form, what others add to it, and its own rate."""
    if chain := moment.state.chains.get((model.name, name)):
        values = {each: moment.value(model, each) for each in chain.names}
        expected, others = chain.slope(name, values)
        return expected, others, np.abs(chain.rate(name))
    now, right = moment.state.now, model.odes[name]
    value = np.asarray(now.value(model, name), float)
    nudge = np.where(value == 0, 1, NUDGE * value)
    moved = now.evaluated(model, right, {name: value + nudge})
    rate = np.abs((moved - now.evaluated(model, right)) / nudge)
    return np.zeros(1), np.zeros(1), np.where(value == 0, 0, rate)


def _bounded_once(state: SilentState, synapses: SynapseGroup, limit: int) -> int:
    """How far no weight of some synapses leaves its bounds and comes back."""
    model = state.models[synapses.name]
    low, high = (state.variable(synapses.name, name) for name in ("w_min", "w_max"))
    before = state.now.evaluated(model, f"w + {synapses.pending}")
    rose = fell = left = np.zeros(np.shape(before), bool)
    reached = 0
    for steps in np.unique(np.rint(np.geomspace(1, limit, TIMES))):
        then = Moment(state, np.full((1, 1), steps))
        weight = then.evaluated(model, f"w + {synapses.pending}")
        least = SETTLED * np.abs(high)
        rose, fell = rose | (weight > before + least), fell | (weight < before - least)
        left = left | (weight > high) | (weight < low)
        if (rose & fell & left).any():
            return reached
        reached, before = int(steps), weight
    return limit


def _turns(
    moment: Moment,
) -> Iterator[Found]:
    """What grows first and then shrinks, or the other way, and may have been bounded in between."""
    for model in moment.state.models.values():
        bounded = {each.target for each in model.after}
        for each in model.before:
            if each.target in bounded and each.operator == "+=":
                begin = moment.state.now.evaluated(model, each.right)
                back = np.atleast_2d(moment.evaluated(model, each.right) * begin < 0)
                if back.any():
                    yield (model, f"'{each.target}' of {{}} still changes"), back


def _fires(moment: Moment, model: SilentModel, threshold: str) -> Any:
    """Whether a threshold is reached, for any random number in it."""
    texts = (threshold.replace("rand()", f"{drawn}") for drawn in (0.0, 1.0))
    return np.any([moment.evaluated(model, text) for text in texts], axis=0)


def _above(moment: Moment, model: SilentModel, threshold: str) -> Floats | None:
    """How far something is above its threshold, (n_times, n); None if no number tells."""
    match tree(threshold):
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE()], comparators=[right]):
            sides = ast.unparse(left), ast.unparse(right)
        case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE()], comparators=[right]):
            sides = ast.unparse(right), ast.unparse(left)
        case _:
            return None
    if "rand()" in threshold:
        return None
    one, other = (moment.evaluated(model, side) for side in sides)
    return np.atleast_2d(np.asarray(one - other, float))

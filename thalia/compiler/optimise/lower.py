"""Pass 5: Plan → Plan. Each synaptic variable gets its cheapest exact form.

- *hoisted*: a trace that only postsynaptic spikes change is the same for all synapses of a neuron,
  so it lives in the neuron: one number per neuron instead of one per synapse;
- *accumulated*: a weight that changes between spikes by traces times signals that synapses share
  needs one running sum for each, not a pass over the synapses (see `deferred_weights`);
- *rescaled*: a trace that decays at a rate that all synapses share is kept in units that grow as it
  decays, so that it needs no exponential and no time of its last update;
- *event-driven*: a variable that decays linearly with constants has a closed form, so it is brought
  up to date only when a spike arrives;
- *clock-driven*: everything else, a pass over all synapses in every step, said with its cost.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from thalia.compiler.optimise.deferred_weights import Bookkeeping, Term, decay_rate, terms_of
from thalia.compiler.optimise.hoist import Moved, hoist, hoisted_name, hosting, stem_of, why_hoist
from thalia.compiler.options import CompilerOptions
from thalia.compiler.plan import (
    IN_NEURONS,
    IN_SYNAPSES,
    SECOND,
    SHARED,
    SHARED_CELL,
    Group,
    Member,
    Plan,
    SynapseGroup,
)
from thalia.compiler.resolve.synapse_code import CLAMP
from thalia.errors import Diagnostics
from thalia.syntax.dimensions import CONSTANTS, dimension_of
from thalia.syntax.equations import (
    Equation,
    Statement,
    degree,
    evaluate,
    identifiers,
    is_linear_decay,
    rename,
    rename_equation,
    written_out,
)
from thalia.syntax.expressions import FUNCTIONS, EquationError
from thalia.syntax.units import DIMENSIONLESS, UNITS, Dimension, constant, multiply

HOISTED, ACCUMULATED, RESCALED, EVENT, CLOCK = (
    "hoisted",
    "accumulated",
    "rescaled",
    "event-driven",
    "clock-driven",
)
# time constants of the fastest trace after which its sum is reset; by then it has grown by exp(10),
# and lost as much precision
LONGEST = {"double": 10, "single": 3}
# those that a trace may grow by which is in no sum, and so loses none
RANGE = {"double": 300, "single": 60}
# a flush is a pass over all synapses; if it would come more often, decay at spikes is cheaper
SHORTEST_FLUSH = 0.1  # seconds


def lower(plan: Plan, options: CompilerOptions, diagnostics: Diagnostics) -> Plan:
    """The plan with a form for each variable; with `--lower off` all are clock-driven."""
    mode, precision = options.lower, options.precision
    groups = {group.name: group for group in plan.all_groups}
    synapses, intervals = [], []
    to_post, to_shared = {name: Moved() for name in groups}, Moved()
    for each in plan.synapses:
        ends = _Ends(groups[each.post], groups.get(SHARED), to_post[each.post], to_shared)
        lowering = _Lowering(each, ends, mode, precision, plan.dt)
        synapses.append(lowering.synapses)
        if lowering.flush_seconds:
            intervals.append(lowering.flush_seconds)
    groups = {name: hosting(group, to_post[name]) for name, group in groups.items()}
    if to_shared.equations:
        groups[SHARED] = hosting(groups.get(SHARED, NOTHING_SHARED), to_shared)
    summed = {name: _summed(group) for name, group in groups.items()}
    shared = summed.pop(SHARED, None)
    flush_interval = max(1, int(min(intervals) / plan.dt)) if intervals else 0
    lowered = {
        "groups": tuple(summed.values()),
        "synapses": tuple(synapses),
        "shared": shared,
        "flush_interval": flush_interval,
    }
    return plan.with_(**lowered, precision=precision)


def _summed(group: Group) -> Group:
    """The group with the plain integrals among the states of rules summed up step by step.

    An equation that does not decay has no place in the exact solution of a linear model (its matrix
    cannot be inverted), and would cost all other variables of the neuron their exactness.
    """
    inputs, steps = [], []
    for each in group.inputs:
        integrals = {
            e.name
            for e in each.equations
            if each.is_state and e.kind == "ode" and degree(e.right, {e.name}) == 0
        }
        steps += [
            Statement(e.name, "+=", f"dt*({e.right})")
            for e in each.equations
            if e.name in integrals
        ]
        kept = tuple(
            replace(e, kind="parameter", right="") if e.name in integrals else e
            for e in each.equations
        )
        inputs.append(replace(each, equations=kept))
    return replace(group, inputs=tuple(inputs), on_step=tuple(steps))


NOTHING_SHARED = Group(SHARED, SHARED, (Member(SHARED_CELL, 0, 1, {}, {}),), (), "", (), "", {})


@dataclass(frozen=True)
class _Decay:
    """A trace's rate as an expression, and how fast it decays, in 1/s."""

    rate: str
    speed: float


@dataclass(frozen=True)
class _Ends:
    """The neurons that synapses reach and what all share, and what has moved there so far."""

    post: Group
    shared: Group | None
    to_post: Moved
    to_shared: Moved


class _Lowering:
    """Finds the forms for the variables of one synapse object, and what they need elsewhere."""

    def __init__(self, synapses: SynapseGroup, ends: _Ends, mode: str, precision: str, dt: float):
        self.synapses, self.post, self.shared, self.dt = synapses, ends.post, ends.shared, dt
        self.longest, self.range = LONGEST[precision], RANGE[precision]
        self.to_post, self.to_shared = ends.to_post, ends.to_shared
        self.forms: dict[str, str] = {}
        self.flush_seconds = 0.0
        reason = "asked for"
        if mode != "off":
            self._hoist()
            reason = self._accumulate()
            if not self.synapses.pending:
                self._rescale()
        self._rest(mode, reason)
        self.synapses = replace(self.synapses, forms=self.forms)

    @cached_property
    def outside(self) -> dict[str, Dimension]:
        """What synapses read of the postsynaptic neuron and of what all share, by their names."""
        of_post, shared = self.post.variables(), self.shared.variables() if self.shared else {}
        read = {name for e in self.synapses.equations if e.right for name in identifiers(e.right)}
        found = {}
        for name in read:
            bare, common = name.removesuffix("_post"), name.removeprefix(IN_SYNAPSES)
            if bare != name and bare in of_post:
                found[name] = of_post[bare]
            elif common != name and common in shared:
                found[name] = shared[common]
        return found

    def _hoist(self) -> None:
        for equation in self.synapses.equations:
            if equation.kind == "ode" and (reason := why_hoist(equation, self.synapses, self.post)):
                self.forms[equation.name] = f"{HOISTED}: {reason}"
                name = hoisted_name(self.synapses, equation.name)
                self.outside[f"{name}_post"] = equation.dimension
                self.synapses = hoist(equation, self.synapses, self.to_post)

    def _accumulate(self) -> str:
        """Give the weight its sums, if it changes between spikes; if that cannot be, the reason."""
        odes = {e.name: e for e in self.synapses.equations if e.kind == "ode"}
        if "w" not in odes:
            return ""
        decays = _follows_itself(odes["w"].right, "w")
        if decays and is_linear_decay(odes["w"], self.synapses.parameters):
            return ""
        if any(statement != CLAMP for statement in self.synapses.on_step):
            return "it is read in every step"
        if any("summed" in equation.flags for equation in self.synapses.equations):
            return "its synapses transmit in every step"
        common = {key for key in self.synapses.parameters if self.synapses.shared(key) is not None}
        shared = {*self.outside, *common, *UNITS, *CONSTANTS, *FUNCTIONS, "plastic"} - {"xi"}
        fixed = {
            *self.synapses.parameters,
            *(e.name for e in self.synapses.equations if e.kind == "parameter"),
        }
        decaying = self._decaying()
        rights = written_out(self.synapses.equations)
        if following := next(
            (name for name, text in rights.items() if name != "w" and "w" in identifiers(text)), ""
        ):
            return f"{following} follows it"
        right = rights["w"]
        try:
            terms = terms_of(right, decaying, fixed, shared)
        except EquationError as error:
            return str(error)
        used = {term.trace for term in terms if term.trace}
        span = self.longest / max((decaying[trace].speed for trace in used), default=1.0)
        if span < self.dt:
            return "a trace that it follows decays within a step"
        self.flush_seconds = span
        kept = {
            name: each
            for name, each in decaying.items()
            if name in used or each.speed * self.flush_seconds < self.range
        }
        self._keep_sums(terms, kept)
        return ""

    def _decaying(self) -> dict[str, _Decay]:
        """Traces that decay at a rate shared by all synapses, and that only the weight reads."""
        rights = written_out(self.synapses.equations)
        numbers = {
            key: value.mean
            for key in self.synapses.parameters
            if (value := self.synapses.shared(key)) is not None
        }
        found = {}
        for equation in self.synapses.equations:
            if equation.name == "w":  # a weight that fades is no trace that it follows
                continue
            elsewhere = any(
                equation.name in identifiers(text)
                for key, text in rights.items()
                if key not in ("w", equation.name)
            )
            rate = "" if elsewhere else decay_rate(equation, {*numbers, *UNITS, "plastic"})
            if rate and (speed := -evaluate(rate, {**numbers, "plastic": 1.0})) > 0:
                found[equation.name] = _Decay(rate, speed)
        return found

    def _rescale(self) -> None:
        """Keep traces of a weight that only events change in units that grow as they decay."""
        stepped = _read_in_every_step(self.synapses)
        decaying = {
            name: each
            for name, each in self._decaying().items()
            if name not in stepped and self.range / each.speed >= SHORTEST_FLUSH
        }
        if decaying:
            self.flush_seconds = self.range / max(each.speed for each in decaying.values())
            self._keep_books("", frozenset(), decaying)

    def _keep_sums(self, terms: tuple[Term, ...], decaying: dict[str, _Decay]) -> None:
        stem, pending = stem_of(self.synapses), []
        for index, term in enumerate(terms):
            name = f"{stem}_sum{index + 1}"
            in_neurons = self._sum(
                name, term, f"{stem}_decay_of_{term.trace}" if term.trace else ""
            )
            seen = f"{name}_post" if in_neurons else f"{IN_SYNAPSES}{name}"
            pending.append("*".join(filter(None, (term.factor, term.trace, seen))))
        if self.synapses.switches:
            self.to_shared.equations.append(
                Equation("parameter", f"{stem}_plastic", "", DIMENSIONLESS)
            )
        factors = {name for term in terms if term.factor for name in identifiers(term.factor)}
        touching = frozenset({"w", *(term.trace for term in terms), *factors} - {"w_min", "w_max"})
        self._keep_books(" + ".join(pending), touching, decaying)
        span = f"{self.flush_seconds:.3g} s"
        signals = ", ".join(dict.fromkeys(f"{t.trace or 1} * ({t.signal})" for t in terms))
        self.forms["w"] = (
            f"{ACCUMULATED}: as the sum of {signals}; its bounds hold at events and every {span}, "
            "which is exact unless it would cross one and come back in between"
        )

    def _decay(self, decay: str, growth: str, exponent: str) -> None:
        """A decay from the last flush on, and its inverse, in the shared cell."""
        for name in (decay, growth):
            self.to_shared.equations.append(Equation("parameter", name, "", DIMENSIONLESS))
            self.to_shared.initial[name] = constant(1)
            self.to_shared.at_flush.append(Statement(name, "=", "1"))
        self.to_shared.sums += [
            Statement(decay, "*=", f"exp({exponent})"),
            Statement(growth, "=", f"1/{decay}"),
        ]

    def _keep_books(
        self, pending: str, touching: frozenset[str], decaying: dict[str, _Decay]
    ) -> None:
        """Put the current weight before the statements of events, and the remainder after them."""
        stem = stem_of(self.synapses)
        decays, growths = (
            {trace: f"{stem}_{what}_of_{trace}" for trace in decaying}
            for what in ("decay", "growth")
        )
        for trace, each in decaying.items():
            self._decay(
                decays[trace], growths[trace], self._there(f"dt*({each.rate})", self.to_shared)
            )
            self.forms[trace] = (
                f"{RESCALED}: its unit grows as it decays, and is brought back "
                f"every {self.flush_seconds:.3g} s"
            )
        books = Bookkeeping(
            pending,
            touching,
            {trace: f"{IN_SYNAPSES}{name}" for trace, name in decays.items()},
            {trace: f"{IN_SYNAPSES}{name}" for trace, name in growths.items()},
        )
        equations = tuple(
            replace(e, kind="parameter", right="")
            if e.name in decaying
            else rename_equation(e, books.values)
            for e in self.synapses.equations
            if e.name != "w" or not pending
        )
        changed = replace(
            self.synapses,
            equations=equations,
            at_flush=books.brought_back(),
            on_step=() if pending else self.synapses.on_step,
            on_pre=books.around(self.synapses.on_pre),
            on_post=books.around(self.synapses.on_post),
            later=tuple(
                replace(each, statements=books.around(each.statements))
                for each in self.synapses.later
            ),
            pending=pending,
            decay=books.decay,
            shared_switch=f"{stem}_plastic" if pending and self.synapses.switches else "",
        )
        texts = [
            *(e.right for e in equations),
            *(s.right for s in (*changed.statements(), *changed.at_flush)),
        ]
        read = {name for text in texts if text for name in identifiers(text)} | {
            each.after for each in changed.later
        }
        self.synapses = replace(
            changed, parameters={key: d for key, d in changed.parameters.items() if key in read}
        )

    def _sum(self, name: str, term: Term, decay: str) -> bool:
        """Keep the sum of a term's signal where the signal is; whether that is in the neurons."""
        in_neurons = any(each.endswith("_post") for each in identifiers(term.signal))
        host = self.to_post if in_neurons else self.to_shared
        signal = self._there(term.signal, host)
        numbers = self.synapses.parameters | self.outside | {"plastic": DIMENSIONLESS}
        dimension = multiply(dimension_of(term.signal, numbers), SECOND)
        host.equations.append(Equation("parameter", name, "", dimension))
        host.at_flush.append(Statement(name, "=", f"0*{name}"))
        seen = f"{IN_NEURONS}{decay}" if in_neurons else decay
        host.sums.append(
            Statement(name, "+=", "*".join(filter(None, ("dt", f"({signal})", decay and seen))))
        )
        return in_neurons

    def _there(self, expression: str, host: Moved) -> str:
        """An expression of the synapses in terms of the neurons, or of the global variables."""
        stem, in_neurons, names = stem_of(self.synapses), host is self.to_post, {}
        for name in sorted(identifiers(expression)):
            if name in self.synapses.parameters:
                value = self.synapses.shared(name)
                assert value is not None, (
                    "only parameters that are the same for all synapses are part of a signal"
                )
                names[name] = f"{stem}_{name}"
                host.parameters[names[name]] = (self.synapses.parameters[name], value)
            elif name == "plastic":
                names[name] = f"{IN_NEURONS}{stem}_plastic" if in_neurons else f"{stem}_plastic"
            elif name.startswith(IN_SYNAPSES):
                bare = name.removeprefix(IN_SYNAPSES)
                names[name] = f"{IN_NEURONS}{bare}" if in_neurons else bare
            elif name.endswith("_post"):
                names[name] = name.removesuffix("_post")
        return rename(expression, names)

    def _rest(self, mode: str, reason: str) -> None:
        """What is neither hoisted nor accumulated: updated at events where that is possible."""
        stepped = _read_in_every_step(self.synapses) if mode != "off" else {}
        if reason and "w" in stepped:
            stepped["w"] = reason
        equations = []
        for equation in self.synapses.equations:
            if equation.kind == "ode" and (mode == "off" or equation.name in stepped):
                why = stepped.get(equation.name, reason)
                self.forms[equation.name] = (
                    f"{CLOCK}: {why}; costs a pass over all synapses in every step"
                )
                equation = replace(equation, flags=(*equation.flags, CLOCK))
            elif equation.kind == "ode":
                self.forms[equation.name] = (
                    f"{EVENT}: linear decay, brought up to date when a spike arrives"
                )
                equation = replace(equation, flags=(*equation.flags, EVENT))
            equations.append(equation)
        self.synapses = replace(self.synapses, equations=tuple(equations))


def _read_in_every_step(synapses: SynapseGroup) -> dict[str, str]:
    """Variables that must be current in every step, each with the reason."""
    odes = {e.name: e for e in synapses.equations if e.kind == "ode"}
    rights = written_out(synapses.equations)
    still = {
        *synapses.parameters,
        *(e.name for e in synapses.equations if e.kind == "parameter"),
        "w",
    } - odes.keys()
    found = {
        name: "its equation has no closed form between spikes"
        for name, equation in odes.items()
        if not is_linear_decay(replace(equation, right=rights[name]), still)
    }
    found |= {
        name: "it adds up without decay, for which Brian2 has no closed form"
        for name, right in rights.items()
        if name not in found and not _follows_itself(right, name)
    }
    named = {e.name: f"({e.right})" for e in synapses.equations if e.kind == "expression"}
    needed = [rename(s.right, named) for s in synapses.on_step] + [rights[name] for name in found]
    needed += [e.right for e in synapses.equations if "summed" in e.flags]
    read = {name for right in needed for name in identifiers(right)} & odes.keys()
    return found | dict.fromkeys(sorted(read - found.keys()), "it is read in every step")


def _follows_itself(right: str, name: str) -> bool:
    """Whether a linear rate of change depends on the variable, tried with arbitrary numbers."""
    others = {each: 0.7 + 0.1 * k for k, each in enumerate(sorted(identifiers(right) - {name}))}
    try:
        still, moved = (evaluate(right, {**others, name: value}) for value in (0.0, 1.0))
    except (EquationError, ArithmeticError, ValueError):
        return degree(right, {name}) > 0
    return bool(abs(moved - still) > 1e-12 * abs(still))

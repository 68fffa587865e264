"""A receptor and rules, composed into the equations and statements of one synapse object."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import takewhile

from thalia.compiler.plan import LaterEvent
from thalia.compiler.resolve.applied_rule import AppliedRule, change_of
from thalia.compiler.resolve.components import Parameters
from thalia.compiler.resolve.rule_state import State, initial_value, seen_by_synapses
from thalia.library.schema import Rule
from thalia.syntax.equations import (
    Equation,
    Statement,
    identifiers,
    powers_resolved,
    rename,
    rename_equation,
    rename_statement,
    weighing,
)
from thalia.syntax.units import DIMENSIONLESS, Dimension, Value

CLAMP = Statement("w", "=", "clip(w, w_min, w_max)")


@dataclass(frozen=True)
class SynapseCode:
    """The equations and statements of synapses, their parameters and their initial values."""

    equations: tuple[Equation, ...]
    on_pre: tuple[Statement, ...]
    on_post: tuple[Statement, ...]
    on_step: tuple[Statement, ...]
    later: tuple[LaterEvent, ...]
    values: Parameters = field(default_factory=dict)
    initial: dict[str, Value | str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Scoped:
    """A rule with the names of its variables in the synapse, and the factor of its changes."""

    rule: AppliedRule
    local: dict[str, str]
    scale: str

    @property
    def values(self) -> Parameters:
        """Its parameters that are kept in the synapse."""
        named = ((self.local[key], value) for key, value in self.rule.values.items())
        return {name: value for name, value in named if not name.endswith("_post")}

    @property
    def initial(self) -> dict[str, Value | str]:
        """The initial values of its variables in the synapse."""
        own = {e.name for e in self.rule.part.equations}
        return {
            self.local[key]: initial_value(raw, self.rule.values)
            for key, raw in self.rule.part.initial.items()
            if key in own
        }

    @property
    def rates(self) -> list[str]:
        """How fast it changes the weight between spikes."""
        rights = (e.right for e in self.rule.part.equations if e.name == "w")
        rates = (rename(right, self.local) for right in rights)
        return [f"{self.scale}*({rate})" if self.scale else rate for rate in rates]

    def equations(self, weight: Dimension) -> list[Equation]:
        """The equations of its variables, where those of the weight's dimension have this one."""
        return [
            weighing(rename_equation(equation, self.local), weight)
            for equation in self.rule.part.equations
            if equation.name != "w"
        ]


def synapse_code(
    arrival: tuple[Statement, ...],
    rules: list[tuple[AppliedRule, State | None]],
    weight: Dimension,
    switches: bool,
    release: str = "",
) -> SynapseCode:
    """Compose what happens in a pathway's synapses.

    When a spike arrives: short-term plasticity, the arrival itself, what brings the weight up to
    date, the rules in their order, one clamp, and what follows from the change of the weight. The
    names of each rule begin with its word.

    Parameters
    ----------
    rules : list of rule and state
        The state is what the rule keeps in the postsynaptic neuron.
    weight : Dimension
        Of the weights.
    switches : bool
        Whether plasticity is on in some phases and off in others.
    release : str
        An expression of modulators by which the release of transmitter is multiplied.
    """
    connected = next((f"{rule.word}_connected" for rule, _ in rules if rule.rewiring), "")
    scoped = _scoped(rules, "plastic" if switches else "", connected)
    rates = [rate for each in scoped for rate in each.rates]
    equations = [equation for each in scoped for equation in each.equations(weight)]
    if connected:
        equations.append(Equation("parameter", connected, "", DIMENSIONLESS))
    if rates:
        equations.append(Equation("ode", "w", " + ".join(rates), weight))
    code = SynapseCode(
        equations=tuple(equations),
        on_pre=(*_arriving(arrival, scoped, release), *_event("on_pre", scoped)),
        on_post=_event("on_post", scoped),
        on_step=_event("on_step", scoped, clamps=bool(rates)),
        later=tuple(
            LaterEvent(each.local[each.rule.part.later.after], _event("later", [each]))
            for each in scoped
            if isinstance(each.rule.part, Rule) and each.rule.part.later
        ),
        initial={name: raw for each in scoped for name, raw in each.initial.items()},
    )
    values = {name: value for each in scoped for name, value in each.values.items()}
    read = _read(code)
    return replace(code, values={name: v for name, v in values.items() if name in read})


def _scoped(
    rules: list[tuple[AppliedRule, State | None]], plastic: str, connected: str
) -> list[_Scoped]:
    """The rules under their names; `plastic` and `connected` are the names of switches, if any."""
    words = [rule.word for rule, _ in rules]
    found = []
    for index, (rule, state) in enumerate(rules, start=1):
        word = f"{rule.word}_{index}" if words.count(rule.word) > 1 else rule.word
        own = [*rule.values, *(e.name for e in rule.part.equations if e.name != "w")]
        local = {key: f"{word}_{key}" for key in own}
        local["efficacy"] = f"{word}_efficacy"
        if state:
            local |= seen_by_synapses(state)
        local["modulator"] = f"({rule.modulator})"
        if not plastic:
            local["plastic"] = "1"
        scale = "*".join(filter(None, (plastic, connected, rule.scale)))
        found.append(_Scoped(rule, local, scale))
    return _at_learning_rates(found)


def _at_learning_rates(scoped: list[_Scoped]) -> list[_Scoped]:
    """The rules, where those with a learning rate scale the changes that the others make."""
    rates = [
        f"({rename(each.rule.learning_rate, each.local)})"
        for each in scoped
        if each.rule.learning_rate
    ]
    return [
        each
        if each.rule.part.sets_efficacy
        else replace(each, scale="*".join(filter(None, (each.scale, *rates))))
        for each in scoped
    ]


def _arriving(
    arrival: tuple[Statement, ...], scoped: Iterable[_Scoped], release: str
) -> tuple[Statement, ...]:
    """What scales the efficacy of a spike, and its arrival with that efficacy."""
    before: list[Statement] = []
    factors = ["w"]
    for each in scoped:
        if each.rule.part.sets_efficacy:
            before += [rename_statement(s, each.local) for s in _before_arrival(each.rule)]
            factors.append(each.local["efficacy"])
    if release:
        before.append(Statement("released", "=", f"{'*'.join(factors)}*({release})"))
        factors = ["released"]
    scaled = {"w": "*".join(factors)} if factors != ["w"] else {}
    effect = [Statement(s.target, s.operator, rename(s.right, scaled)) for s in arrival]
    return (*before, *effect)


def _event(event: str, scoped: list[_Scoped], clamps: bool = False) -> tuple[Statement, ...]:
    """What brings the weight up to date, the rules in order, the clamp, what follows the change."""
    updating: list[Statement] = []
    changing: list[Statement] = []
    following: list[Statement] = []
    for each in scoped:
        scales = each.rule.part.sets_efficacy
        acted = _before_arrival(each.rule) if scales and event == "on_pre" else ()
        for statement in each.rule.statements(event):
            if statement in acted:
                continue
            made = rename_statement(statement, each.local)
            exponents = {
                each.local[key]: value.mean
                for key, value in each.rule.values.items()
                if not value.is_random
            }
            made = replace(made, right=powers_resolved(made.right, exponents))
            if _follows(statement):
                change = rename(made.right, {"change": "(w - w_before)"})
                following.append(replace(made, right=change))
            else:
                (updating if scales else changing).append(_scaled(made, each.scale))
    if not clamps and not any(each.target == "w" for each in (*updating, *changing)):
        return (*updating, *changing)
    # the weight is within its bounds already, but NumPy would make `= w` an alias of the array
    # that changes next
    before = [Statement("w_before", "=", "clip(w, w_min, w_max)")] if following else []
    return (*updating, *before, *changing, CLAMP, *following)


def _before_arrival(rule: AppliedRule) -> tuple[Statement, ...]:
    """What a rule that sets the efficacy of a spike does before it arrives with that efficacy."""
    immediate = (s for s in rule.part.on_pre if not _follows(s))
    return tuple(takewhile(lambda statement: statement.target != "w", immediate))


def _read(code: SynapseCode) -> frozenset[str]:
    """Every name that the equations and statements mention."""
    later = (s for each in code.later for s in each.statements)
    statements = (*code.on_pre, *code.on_post, *code.on_step, *later)
    texts = [*(e.right for e in code.equations), *(s.right for s in statements)]
    mentioned = (identifiers(text) for text in texts if text)
    return frozenset(each.after for each in code.later).union(*mentioned)


def _follows(statement: Statement) -> bool:
    """Whether a statement reads what the event did to the weight."""
    return "change" in identifiers(statement.right)


def _scaled(statement: Statement, scale: str) -> Statement:
    """The same change of the weight times some factors, so that zero leaves every bit as it was."""
    if statement.target != "w" or not scale:
        return statement
    return Statement("w", "+=", f"{scale}*{change_of(statement)}")

"""A pathway's synapse and its rules, composed into the equations and statements of one synapse object."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from thalia.compiler.plan import Input, LaterEvent
from thalia.errors import Path
from thalia.library.schema import Layer, Rule
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
from thalia.syntax.units import DIMENSIONLESS, Dimension, Value, parse_value

CLAMP = Statement("w", "=", "clip(w, w_min, w_max)")


@dataclass(frozen=True)
class Used:
    """A rule, or a synapse part that scales efficacy, as a pathway uses it: with its numbers and its pairing."""

    name: str
    word: str
    part: Layer
    values: dict[str, Value]
    path: Path
    pairing: str = ""
    instructed_by: str = ""
    modulator: str = ""

    @property
    def scale(self) -> str:
        """What every change of the weight is multiplied with; empty for a rule that says itself where its modulator acts."""
        return (
            f"({self.modulator})"
            if self.modulator and not (isinstance(self.part, Rule) and self.part.is_gated)
            else ""
        )

    @property
    def rewires(self) -> bool:
        """Whether it prunes and grows synapses."""
        return isinstance(self.part, Rule) and self.part.rewiring is not None

    def statements(self, event: str) -> tuple[Statement, ...]:
        """What happens at an event, under the pairing that the pathway chose."""
        return self.part.statements(event, self.pairing)


def state_of(used: Used, name: str, plastic: tuple[bool, ...]) -> Input:
    """What a part keeps in the postsynaptic neuron, as something that the neuron receives."""
    part = used.part
    taught = part.on_instruction if isinstance(part, Rule) else ()
    texts = [*(e.right for e in part.neuron), *(s.right for s in (*part.on_spike, *taught))]
    mentioned = frozenset().union(*(identifiers(text) for text in texts if text))
    switches = "plastic" in mentioned and not all(plastic)
    values = {f"{name}_{key}": value for key, value in used.values.items() if key in mentioned}
    local = {key: f"{name}_{key}" for key in (*used.values, *(e.name for e in part.neuron))}
    local["plastic"] = f"{name}_plastic" if switches else "1"
    own = {equation.name for equation in part.neuron}
    initial = {
        local[key]: _initial(raw, used.values) for key, raw in part.initial.items() if key in own
    }
    return Input(
        name,
        "",
        tuple(rename_equation(e, local) for e in part.neuron),
        {key: v.dimension for key, v in values.items()},
        values,
        is_state=True,
        on_spike=tuple(rename_statement(s, local) for s in part.on_spike),
        initial=initial,
        plastic=plastic if switches else (),
    )


def _initial(raw: Value | str, values: dict[str, Value]) -> Value | str:
    """An initial value: given, a parameter's, or an expression that is left for wiring."""
    if isinstance(raw, str) and raw not in values:
        try:
            return parse_value(raw)
        except ValueError:
            return raw
    return values[raw] if isinstance(raw, str) else raw


def _names_in(state: Input) -> list[str]:
    """Every variable and parameter that a part keeps in the neuron; its synapses read them there."""
    return [*(equation.name for equation in state.equations), *state.parameters]


def teaching(used: Used, state: Input) -> tuple[Statement, ...]:
    """What spikes of the teaching pathway do to the state of a rule in the neuron."""
    assert isinstance(used.part, Rule)
    local = {name.removeprefix(f"{state.name}_"): f"{name}_post" for name in _names_in(state)}
    return tuple(rename_statement(s, local) for s in used.part.on_instruction)


class SynapseCode:
    """The synaptic equations and statements of a pathway.

    When a spike arrives: the parts that set its efficacy, the arrival itself, the rules in their order, one clamp,
    and whatever follows from the change of the weight. Each part's names begin with its word.
    """

    def __init__(
        self,
        arrival: tuple[Statement, ...],
        layers: list[tuple[Used, Input | None]],
        weight: Dimension,
        switches: bool,
        release: str = "",
    ):
        self.weight, self.switches, self.release = weight, switches, release
        self.values: dict[str, Value] = {}
        self.initial: dict[str, Value | str] = {}
        self.rates: list[str] = []
        equations: list[Equation] = []
        words = [used.word for used, _ in layers]
        self.connected = next((f"{used.word}_connected" for used, _ in layers if used.rewires), "")
        self.local: list[dict[str, str]] = []
        for index, (used, state) in enumerate(layers):
            word = used.word + (f"_{index + 1}" if words.count(used.word) > 1 else "")
            equations += self._layer(used, state, word)
        if self.connected:
            equations.append(Equation("parameter", self.connected, "", DIMENSIONLESS))
        if self.rates:
            equations.append(Equation("ode", "w", " + ".join(self.rates), weight))
        self.equations = tuple(equations)
        self.on_pre = self._arriving(arrival, [used for used, _ in layers])
        self.on_post = self._event("on_post", [used for used, _ in layers])
        self.on_step = self._event("on_step", [used for used, _ in layers], clamps=bool(self.rates))
        self.later = tuple(
            LaterEvent(
                self.local[index][used.part.later.after], self._event("later", [used], first=index)
            )
            for index, (used, _) in enumerate(layers)
            if isinstance(used.part, Rule) and used.part.later
        )
        self._keep_what_is_used()

    def _layer(self, used: Used, state: Input | None, word: str) -> Iterable[Equation]:
        part = used.part
        local = {
            key: f"{word}_{key}"
            for key in [*used.values, *(e.name for e in part.equations if e.name != "w")]
        }
        local["efficacy"] = f"{word}_efficacy"
        if state:
            local |= {
                name.removeprefix(f"{state.name}_"): f"{name}_post" for name in _names_in(state)
            }
        local["modulator"] = f"({used.modulator})"
        if not self.switches:
            local["plastic"] = "1"
        self.local.append(local)
        self.values |= {
            local[key]: value
            for key, value in used.values.items()
            if not local[key].endswith("_post")
        }
        own = {e.name for e in part.equations}
        self.initial |= {
            local[key]: _initial(raw, used.values)
            for key, raw in part.initial.items()
            if key in own
        }
        for equation in part.equations:
            if equation.name == "w":
                rate = rename(equation.right, local)
                scale = self._scale(used)
                self.rates.append(f"{scale}*({rate})" if scale else rate)
            else:
                yield weighing(rename_equation(equation, local), self.weight)

    def _arriving(
        self, arrival: tuple[Statement, ...], layers: list[Used]
    ) -> tuple[Statement, ...]:
        before: list[Statement] = []
        factors = ["w"]
        for used, local in zip(layers, self.local, strict=True):
            if used.part.sets_efficacy:
                before += [rename_statement(s, local) for s in used.part.on_pre if not _follows(s)]
                factors.append(local["efficacy"])
        if self.release:
            before.append(Statement("released", "=", f"{'*'.join(factors)}*({self.release})"))
            factors = ["released"]
        scaled = {"w": "*".join(factors)} if factors != ["w"] else {}
        effect = [Statement(s.target, s.operator, rename(s.right, scaled)) for s in arrival]
        return (*before, *effect, *self._event("on_pre", layers))

    def _event(
        self, event: str, layers: list[Used], first: int = 0, clamps: bool = False
    ) -> tuple[Statement, ...]:
        """The statements of the rules in order, then the clamp, then what follows from the change."""
        changing: list[Statement] = []
        following: list[Statement] = []
        for index, used in enumerate(layers, start=first):
            acted = event == "on_pre" and used.part.sets_efficacy
            for statement in used.statements(event):
                if acted and not _follows(statement):
                    continue
                made = rename_statement(statement, self.local[index])
                exponents = {
                    self.local[index][key]: value.mean
                    for key, value in used.values.items()
                    if not value.is_random
                }
                made = replace(made, right=powers_resolved(made.right, exponents))
                if _follows(statement):
                    following.append(
                        replace(made, right=rename(made.right, {"change": "(w - w_before)"}))
                    )
                else:
                    changing.append(_scaled(made, self._scale(used)))
        if not clamps and not any(statement.target == "w" for statement in changing):
            return tuple(changing)
        # the weight is within its bounds already; but NumPy would make `= w` another name of the array that changes next
        before = [Statement("w_before", "=", "clip(w, w_min, w_max)")] if following else []
        return (*before, *changing, CLAMP, *following)

    def _scale(self, used: Used) -> str:
        return "*".join(
            filter(None, ("plastic" if self.switches else "", self.connected, used.scale))
        )

    def _keep_what_is_used(self) -> None:
        statements = (
            *self.on_pre,
            *self.on_post,
            *self.on_step,
            *(s for each in self.later for s in each.statements),
        )
        texts = [*(e.right for e in self.equations), *(s.right for s in statements)]
        used = frozenset().union(*(identifiers(text) for text in texts if text))
        used |= {each.after for each in self.later}
        self.values = {key: value for key, value in self.values.items() if key in used}


def _follows(statement: Statement) -> bool:
    """Whether a statement reads what the event did to the weight."""
    return "change" in identifiers(statement.right)


def change_of(statement: Statement) -> str:
    """What a statement adds to the weight, as an expression."""
    return {
        "+=": f"({statement.right})",
        "-=": f"(-({statement.right}))",
        "*=": f"w*(({statement.right}) - 1)",
        "/=": f"w*(1/({statement.right}) - 1)",
        "=": f"(({statement.right}) - w)",
    }[statement.operator]


def _scaled(statement: Statement, scale: str) -> Statement:
    """The same change of the weight times some factors, so that zero leaves every bit as it was."""
    if statement.target != "w" or not scale:
        return statement
    return Statement("w", "+=", f"{scale}*{change_of(statement)}")

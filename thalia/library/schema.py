"""The form of the components: neurons, synapses, plasticity rules, modulators and stimuli."""

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from thalia.errors import Path, Problem, did_you_mean
from thalia.library.component_checks import (
    initial_problems,
    layer_problems,
    modulator_problems,
    neuron_problems,
    rule_problems,
    stimulus_problems,
)
from thalia.library.equation_checks import divisors, why_no_divisor
from thalia.library.rule_keys import Later, Pairing, Rewiring
from thalia.syntax.dimensions import CONSTANTS
from thalia.syntax.equations import Statement, identifiers
from thalia.syntax.expressions import FUNCTIONS
from thalia.syntax.fields import (
    AnyValue,
    Condition,
    Equations,
    Expression,
    Node,
    Statements,
    UnitText,
    refuse,
    refuse_all,
)
from thalia.syntax.formulas import AXES
from thalia.syntax.units import UNITS, Value


class Parameter(Node):
    """A parameter that a circuit may set: its default with unit, and its meaning.

    `source` says where the default comes from, if not from where the part's other numbers do.
    """

    default: AnyValue
    meaning: str
    source: str = ""


class Part(Node):
    """What every component states about itself.

    `numbers` says where its numbers come from, if not from `source`, which then cites its form.
    Each of them, also the `source` of a parameter, cites a publication or starts with a mark:
    'chosen here' for a number that no publication has, 'from memory' for one that was not compared
    with the publication. `USED_WITH` are the keys beside which its parameters stand where it is
    used.
    """

    USED_WITH: ClassVar[Collection[str]] = ()

    summary: str = Field(min_length=1)
    source: str = ""
    numbers: str = ""
    reproduces: str = ""
    differs: str = ""
    parameters: dict[str, Parameter] = {}

    @model_validator(mode="after")
    def _divisors_are_not_zero(self) -> "Part":
        _refuse_any(
            Problem(("parameters", name, "default"), message, "equations divide by it")
            for name in sorted(divisors(vars(self)))
            if (message := why_no_divisor(self.parameters[name].default))
        )
        return self

    def overlaid(
        self,
        given: Mapping[str, Value],
        preset: str = "",
        window: Mapping[str, Value] | None = None,
    ) -> dict[str, Value]:
        """Defaults, replaced by those of a window, then of a preset, then by what is given."""
        values = {name: parameter.default for name, parameter in self.parameters.items()}
        return values | dict(window or {}) | self.published(preset).parameters | dict(given)

    def published(self, preset: str) -> "Preset":
        """The preset of a name; an empty one where there is none of that name."""
        return Preset(source="")


# names that already have a meaning in the equations of neurons and modulators
RESERVED = {
    *("t", "dt", "i", "j", "N", "w", "w_min", "w_max", "plastic", "lastspike", "not_refractory"),
    *("lastupdate", "xi", "e", "amp", "pi", "inf", "input_current", "input_rate"),
}
_IN_SYNAPSES = {
    *("t", "dt", "w", "w_min", "w_max", "plastic", "efficacy", "change", "xi", "pi", "inf", "e"),
    *("modulator", "injects"),
}
_IN_RECEPTORS = {"t", "dt", "w", "v", "xi", "pi", "inf", "e"}
_IN_STIMULI = {"t", "dt", "xi", "pi", "inf", *AXES}


def _refuse_any(problems: Iterable[Problem]) -> None:
    """Refuse a component with every problem.

    Raises
    ------
    PydanticCustomError
        If there is one.
    """
    if found := list(problems):
        raise refuse_all(found)


class Rheobase(Node):
    """The rheobase of a neuron and its potential at rheobase, as expressions of its parameters."""

    current: Expression
    at: Expression


class Compartment(Node):
    """A compartment other than the soma: the unit of its input and the potential that synapses see.

    Its `rheobase` is the smallest constant current that evokes an event there, such as a dendritic
    calcium spike.
    """

    unit: UnitText
    potential: str = "v"
    rheobase: Rheobase | None = None


type Method = Literal["splitting", "euler", "exponential_euler", "rk2", "rk4"]


class Neuron(Part):
    """A neuron model. `input_current` (or `input_rate`) is its total somatic input.

    `input_` followed by the name of one of its `compartments` is the input there: `input_apical`.
    Its equations are integrated exactly, or to second order in `substeps` parts of a step; a
    `method` says otherwise, and `update` gives the statements of a step as they were published.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"sites": "compartments"}

    compartments: dict[str, Compartment] = {}
    equations: Equations
    threshold: Condition
    reset: Statements = ()
    refractory: Expression = ""
    method: Method | None = None
    substeps: int = Field(default=1, ge=1, le=100)
    update: Statements = ()
    rheobase: Rheobase | None = None
    initial: dict[str, str | AnyValue] = {}

    @model_validator(mode="after")
    def _names_are_free(self) -> "Neuron":
        taken = RESERVED | {f"input_{name}" for name in self.compartments}
        _refuse_any(neuron_problems(self, taken))
        mentioned = frozenset().union(*(identifiers(e.right) for e in self.equations if e.right))
        for name, compartment in self.compartments.items():
            if f"input_{name}" not in mentioned:
                raise refuse(
                    f"compartments: no equation reads 'input_{name}'",
                    "write how the input to it acts on the neuron",
                )
            if compartment.potential not in (known := {e.name for e in self.equations}):
                hint = did_you_mean(compartment.potential, known)
                raise refuse(
                    f"compartments: {name}: '{compartment.potential}' "
                    "is not a variable of the neuron",
                    hint,
                )
        return self


EVENTS = ("on_pre", "later", "on_post", "on_step")
KNOWN = {*UNITS, *CONSTANTS, *FUNCTIONS, "plastic", "e", "modulator"}


class Preset(Node):
    """A published set of parameters for a rule or a synapse."""

    source: str
    parameters: dict[str, AnyValue] = {}
    pairing: str = ""


class Layer(Part):
    """What synapses and rules share: state per synapse, and of the postsynaptic neuron.

    `equations` apply to every synapse; `neuron` applies to the postsynaptic neuron, once for all
    pathways that use the component with the same parameters, and `on_spike` is the effect of a
    spike of that neuron. `current` is what it injects there. A value assigned to `efficacy` in
    `on_pre` multiplies the weight of the arriving spike. `initial` gives initial values other than
    zero: a value, a parameter, an expression of parameters, `w` and `w_max`, or, in the neuron,
    `sum(...)` of such an expression.
    """

    equations: Equations = ()
    neuron: Equations = ()
    current: Expression = ""
    on_spike: Statements = ()
    initial: dict[str, str | AnyValue] = {}
    on_pre: Statements = ()
    presets: dict[str, Preset] = {}

    def published(self, preset: str) -> Preset:
        """The preset of a name; an empty one where there is none of that name."""
        return self.presets.get(preset, Preset(source=""))

    @property
    def sets_efficacy(self) -> bool:
        """Whether it scales the transmission of an arriving spike."""
        return any(statement.target == "efficacy" for statement in self.on_pre)

    def reads_of_the_neuron(self) -> frozenset[str]:
        """Variables of the postsynaptic neuron that the equations use but do not define."""
        texts = [*(e.right for e in self.neuron), *(s.right for s in self.on_spike), self.current]
        read = frozenset().union(*(identifiers(text) for text in texts if text))
        texts = [
            *(e.right for e in self.equations),
            *(s.right for event in EVENTS for s in self.statements(event)),
        ]
        named = frozenset().union(*(identifiers(text) for text in texts if text))
        read |= {name.removesuffix("_post") for name in named if name.endswith("_post")}
        own = {*self.parameters, *(e.name for e in self.neuron)}
        return read - own - KNOWN

    def placed_statements(self, event: str, pairing: str = "") -> list[tuple[Path, Statement]]:
        """The statements of an event, each with the key at which it is written.

        Rules have more events than `on_pre`.
        """
        return [(("on_pre",), each) for each in self.on_pre] if event == "on_pre" else []

    def statements(self, event: str, pairing: str = "") -> tuple[Statement, ...]:
        """The statements of an event ('on_pre', 'on_post', 'later', 'on_step') for a pairing.

        By default the pairing is the first one.
        """
        return tuple(statement for _, statement in self.placed_statements(event, pairing))

    @model_validator(mode="after")
    def _initial_values_are_of_variables(self) -> "Layer":
        known = {e.name for e in (*self.equations, *self.neuron) if e.kind != "expression"}
        for name in self.initial:
            if name not in known:
                raise refuse(
                    f"initial: '{name}' is not a variable of this component",
                    did_you_mean(name, known),
                )
        _refuse_any(initial_problems(self))
        for name, preset in self.presets.items():
            for key in preset.parameters.keys() - self.parameters.keys():
                raise refuse(
                    f"preset {name}: unknown parameter '{key}'", did_you_mean(key, self.parameters)
                )
        return self


class Synapse(Layer):
    """A synapse model: the effect of an arriving spike on the postsynaptic neuron.

    A receptor has a `weight` with a unit; `neuron` contains its equations in the postsynaptic
    neuron, `on_pre` the effect of one spike of weight `w`, and `charge` the total charge of that
    spike, where `v` and `c_m` are potential and capacitance of the neuron. A synapse without
    `weight` scales the `efficacy` of the one that follows it (short-term plasticity);
    `mean_efficacy` is the remaining fraction of the weight at a steady `rate`. Graded transmission
    needs no spikes: `in_every_step` assigns the sum over all synapses to a variable of the neuron,
    as in `total = w*signal_pre`, after `before_step`. What is `symmetric` acts on both neurons
    alike: the sum is also over the synapses in which the neuron is the presynaptic one, with `_pre`
    and `_post` exchanged. `limits` are those of weights, in SI.
    """

    USED_WITH: ClassVar[Collection[str]] = {"part", "preset", "parameters"}

    weight: UnitText | None = None
    limits: tuple[float, float] | None = None
    in_every_step: Statements = ()
    before_step: Statements = ()
    symmetric: bool = False
    charge: Expression = ""
    mean_efficacy: Expression = ""

    @model_validator(mode="after")
    def _names_are_free(self) -> "Synapse":
        if self.weight is None:
            if self.current or self.charge:
                raise refuse(
                    "a synapse that scales efficacy injects no current: "
                    "'current' and 'charge' belong to a receptor",
                    "give it a 'weight', or remove them",
                )
            if not self.sets_efficacy or self.in_every_step:
                message = "a synapse needs either a 'weight' or an `efficacy = ...` in 'on_pre'"
                raise refuse(
                    message, "weight: nS for a receptor; efficacy for short-term plasticity"
                )
        else:
            if self.equations or self.sets_efficacy or self.on_spike or self.initial:
                raise refuse(
                    "a synapse with a 'weight' has no equations, efficacy, on_spike or initial",
                    "put them in a synapse without weight: `synapse: [tsodyks_markram, ampa]`",
                )
            if bool(self.on_pre) == bool(self.in_every_step):
                raise refuse(
                    "expected either 'on_pre', the effect of an arriving spike, "
                    "or 'in_every_step', graded transmission",
                    "on_pre: g += w",
                )
            summed = {e.name for e in self.neuron if e.kind == "parameter"}
            if any(s.operator != "=" or s.target not in summed for s in self.in_every_step):
                raise refuse(
                    "in_every_step: expected `x = …` for an `x` in 'neuron' without an equation",
                    "neuron: `total : 1`, in_every_step: `total = w*signal_pre`",
                )
        for key in ("symmetric", "before_step"):
            if getattr(self, key) and not self.in_every_step:
                raise refuse(
                    f"'{key}' is for graded transmission, without spikes",
                    "remove it, or write `in_every_step: …`",
                )
        reserved, also = (_IN_RECEPTORS, "v") if self.weight else (_IN_SYNAPSES, "efficacy")
        _refuse_any(layer_problems(self, reserved, {also}))
        return self


class Rule(Layer):
    """A plasticity rule as model equations; `w` is the weight, between `w_min` and `w_max`.

    The weight changes by statements at events, by `dw/dt = ... : weight`, or by `on_step`; `change`
    is its change at this event, after clipping, and `plastic` is 0 while plasticity is off, or 1.
    Spikes of an instructive pathway have `on_instruction` as their effect on the neuron's state,
    and every step `before_step`. What sets `efficacy` changes `w` before the other rules do.
    A rule with a `learning_rate`, an expression, changes no weight itself: the changes by all other
    rules of the pathway are multiplied by it. `modulator_default` stands for the modulator where a
    circuit gives none.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"on_teacher": "on_instruction"}
    USED_WITH: ClassVar[Collection[str]] = {
        *("rule", "window", "preset", "pairing", "instructed_by", "teacher", "modulator"),
        *("eligibility", "parameters"),
    }

    family: str = "other"
    pairing: dict[str, Pairing] = {}
    later: Later | None = None
    rewiring: Rewiring | None = None
    on_post: Statements = ()
    on_step: Statements = ()
    on_instruction: Statements = ()
    before_step: Statements = ()
    learning_rate: Expression = ""
    modulator_default: float | None = None

    @property
    def is_gated(self) -> bool:
        """Whether its equations mention the modulator; else that scales every weight change."""
        texts = [
            *(e.right for e in self.equations),
            *(s.right for event in EVENTS for s in self.statements(event)),
            self.learning_rate,
        ]
        return any("modulator" in identifiers(text) for text in texts if text)

    @model_validator(mode="after")
    def _names_are_free(self) -> "Rule":
        _refuse_any((*layer_problems(self, _IN_SYNAPSES, {"w", "efficacy"}), *rule_problems(self)))
        if self.later and self.later.after not in self.parameters:
            raise refuse(
                f"later: '{self.later.after}' is not a parameter",
                did_you_mean(self.later.after, self.parameters),
            )
        for key in ("every", "share", "start", "growth") if self.rewiring else ():
            if (name := getattr(self.rewiring, key)) not in self.parameters:
                raise refuse(
                    f"rewiring: '{name}' is not a parameter", did_you_mean(name, self.parameters)
                )
        for name, preset in self.presets.items():
            if preset.pairing and preset.pairing not in self.pairing:
                hint = did_you_mean(preset.pairing, self.pairing)
                raise refuse(f"preset {name}: no pairing is called '{preset.pairing}'", hint)
        return self

    def placed_statements(self, event: str, pairing: str = "") -> list[tuple[Path, Statement]]:
        """The statements of an event for a pairing, each with the key at which it is written."""
        if event == "later":
            return [(("later", "on_pre"), each) for each in self.later.on_pre] if self.later else []
        name = pairing or next(iter(self.pairing), "")
        placed: list[tuple[Path, Statement]] = [((event,), each) for each in getattr(self, event)]
        chosen: tuple[Statement, ...] = getattr(self.pairing.get(name), event, ())
        return placed + [(("pairing", name, event), each) for each in chosen]


class ModulatorKind(Part):
    """A neuromodulator, or its effect at a receptor, as equations for its `level`.

    `on_release` is the effect of one released `amount`, `on_prediction` that of a predicted one;
    `input` in the equations is the `input` that the circuit gives. `like` names a modulator whose
    equations it shares, with other parameters: `values`. The effective signal is the level above
    `baseline`.
    """

    USED_WITH: ClassVar[Collection[str]] = {
        *("kind", "released_by", "predicted_by", "schedule", "delay", "input", "weight_change_of"),
        *("every", "from_task", "parameters"),
    }

    family: str = "other"
    like: str = ""
    values: dict[str, AnyValue] = {}
    equations: Equations = ()
    on_release: Statements = ()
    on_prediction: Statements = ()
    initial: dict[str, str | AnyValue] = {}

    @model_validator(mode="after")
    def _complete(self) -> "ModulatorKind":
        if self.like:
            if self.equations or self.parameters or self.on_release:
                raise refuse(
                    "a modulator that is 'like' another can only have 'values'",
                    "remove the other keys",
                )
            return self
        _refuse_any(modulator_problems(self, RESERVED | {"amount", "input"}))
        if not any(
            e.name == "level" and (e.kind == "ode" or "constant over dt" in e.flags)
            for e in self.equations
        ):
            raise refuse(
                "a modulator needs an equation for its 'level'",
                "dlevel/dt = (tonic - level) / tau : 1",
            )
        if "baseline" not in self.parameters:
            raise refuse(
                "a modulator needs the parameter 'baseline'",
                "it is the level at which the signal is zero",
            )
        return self


# the keys of a stimulus whose current or rate is given over time
IN_TIME = frozenset({"values", "file", "unit", "dt", "after", "array"})


class StimulusKind(Part):
    """A stimulus as an expression of its parameters and `t`: a current or a firing rate.

    It is held over each step, and `t` is the middle of the step. `x`, `y` and `z` are the position
    of each neuron that it reaches. Or, with `spikes`, one whose times are prescribed.
    """

    USED_WITH: ClassVar[Collection[str]] = {
        *("kind", "target", "neurons", "synapse", "weight", "compartment", "onto", "number"),
        *("population", "times", "parameters", *IN_TIME),
    }

    current: Expression = ""
    rate: Expression = ""
    spikes: bool = False

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "StimulusKind":
        given = [key for key in ("current", "rate", "spikes") if getattr(self, key)]
        if len(given) > 1:
            raise refuse(
                f"a stimulus has only one of 'current', 'rate' and 'spikes', found "
                f"{' and '.join(map(repr, given))}",
                "make two kinds of stimulus",
            )
        _refuse_any(stimulus_problems(self, _IN_STIMULI))
        return self

    @property
    def keys(self) -> frozenset[str]:
        """The keys of a stimulus that act with it, in addition to 'kind', 'target' and parameters.

        A rate acts as spikes through a synapse, unless the target reads rates itself.
        """
        if self.spikes:
            return frozenset({"times", "file", "population"})
        of_spikes = ("synapse", "weight", "number") if self.rate else ()
        in_time = IN_TIME if self.over_time else ()
        return frozenset({"compartment", "neurons", *of_spikes, *in_time})

    @property
    def over_time(self) -> str:
        """The parameter that can be given over time: the current or rate itself, or nothing."""
        name = (self.current or self.rate).strip()
        return name if name in self.parameters else ""

"""The models that circuits are made of, as they are written: neurons, synapses, rules, modulators, stimuli."""

import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from thalia.errors import did_you_mean
from thalia.syntax.dimensions import CONSTANTS, FUNCTIONS
from thalia.syntax.equations import Equation, Statement, divided_by, identifiers
from thalia.syntax.fields import AnyValue, Equations, Expression, Node, Statements, UnitText
from thalia.syntax.units import UNITS


class Parameter(Node):
    """A number that a circuit may set: its default with unit, what it means, and where the default comes from."""

    default: AnyValue
    meaning: str
    source: str = ""


class Part(Node):
    """What every part says about itself."""

    summary: str = Field(min_length=1)
    source: str = ""
    reproduces: str = ""
    differs: str = ""
    parameters: dict[str, Parameter] = {}


# what equations mean by these names already, and what Brian2 keeps for itself
RESERVED = {
    "t",
    "dt",
    "i",
    "j",
    "N",
    "w",
    "w_min",
    "w_max",
    "plastic",
    "lastspike",
    "not_refractory",
    "lastupdate",
    "xi",
    "e",
    "amp",
    "pi",
    "inf",
    "input_current",
    "input_rate",
}
_IN_SYNAPSES = {
    "t",
    "dt",
    "w",
    "w_min",
    "w_max",
    "plastic",
    "efficacy",
    "change",
    "xi",
    "pi",
    "inf",
    "e",
    "modulator",
}


def _own_names(
    part: "Neuron | Synapse | Rule | ModulatorKind", equations: tuple[Equation, ...], kept: set[str]
) -> None:
    """Refuse names of variables and parameters that mean something else already.

    Raises
    ------
    PydanticCustomError
        Naming the first one.
    """
    for name in [*part.parameters, *(equation.name for equation in equations)]:
        if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", name):
            problem = f"'{name}' is not a name for a variable: expected letters, digits and '_'"
        elif name in kept or (name in UNITS and len(name) > 1):
            why = "it means something else already" if name in kept else "it is a unit"
            problem = f"'{name}' cannot be the name of a variable: {why}"
        elif name.endswith(("_pre", "_post")):
            problem = f"'{name}' cannot be the name of a variable: '_pre' and '_post' mean the neurons of a synapse"
        else:
            continue
        raise PydanticCustomError(
            "thalia", "{message}", {"message": problem, "hint": "choose another name"}
        )


def _refuse(message: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError("thalia", "{message}", {"message": message, "hint": hint})


class Rheobase(Node):
    """The constant current from which on a neuron fires, and the potential it then has, as expressions of its parameters."""

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


class Neuron(Part):
    """A neuron model. `input_current` (or `input_rate`) in its equations is everything that it receives at the soma.

    `input_` followed by the name of one of its `compartments` is the input there: `input_apical`.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"sites": "compartments"}

    compartments: dict[str, Compartment] = {}
    equations: Equations
    threshold: str
    reset: Statements = ()
    refractory: str = ""
    rheobase: Rheobase | None = None
    initial: dict[str, str | AnyValue] = {}

    @model_validator(mode="after")
    def _names_are_free(self) -> "Neuron":
        _own_names(self, self.equations, RESERVED | {f"input_{name}" for name in self.compartments})
        mentioned = frozenset().union(*(identifiers(e.right) for e in self.equations if e.right))
        for name, compartment in self.compartments.items():
            if f"input_{name}" not in mentioned:
                raise _refuse(
                    f"compartments: no equation reads 'input_{name}'",
                    "write how the input there acts on the neuron",
                )
            if compartment.potential not in (known := {e.name for e in self.equations}):
                hint = did_you_mean(compartment.potential, known)
                raise _refuse(
                    f"compartments: {name}: '{compartment.potential}' is not a variable of the neuron",
                    hint,
                )
        return self


EVENTS = ("on_pre", "later", "on_post", "on_step")
KNOWN = {*UNITS, *CONSTANTS, *FUNCTIONS, "plastic", "e", "modulator"}


class Preset(Node):
    """A published set of numbers for a rule, or for a synapse."""

    source: str
    parameters: dict[str, AnyValue] = {}
    pairing: str = ""


class Layer(Part):
    """What synapses and rules have in common: state in each synapse, and state in the postsynaptic neuron.

    `equations` hold for every synapse; `neuron` for the postsynaptic neuron, once for all pathways that use the
    part with the same numbers, and `on_spike` is what a spike of that neuron does to it. A number assigned to
    `efficacy` in `on_pre` multiplies the weight of the arriving spike. `initial` gives what does not start at
    zero: a value, a parameter, an expression of `w` and `w_max`, or, in the neuron, `sum(...)` of one.
    """

    equations: Equations = ()
    neuron: Equations = ()
    on_spike: Statements = ()
    initial: dict[str, str | AnyValue] = {}
    on_pre: Statements = ()
    presets: dict[str, Preset] = {}

    @property
    def sets_efficacy(self) -> bool:
        """Whether it scales what an arriving spike transmits."""
        return any(statement.target == "efficacy" for statement in self.on_pre)

    def reads_of_the_neuron(self) -> frozenset[str]:
        """Variables of the postsynaptic neuron that the rule's equations mention but do not define."""
        texts = [*(e.right for e in self.neuron), *(s.right for s in self.on_spike)]
        read = frozenset().union(*(identifiers(text) for text in texts if text))
        texts = [
            *(e.right for e in self.equations),
            *(s.right for event in EVENTS for s in self.statements(event)),
        ]
        named = frozenset().union(*(identifiers(text) for text in texts if text))
        read |= {name.removesuffix("_post") for name in named if name.endswith("_post")}
        own = {*self.parameters, *(e.name for e in self.neuron)}
        return read - own - KNOWN

    def statements(self, event: str, pairing: str = "") -> tuple[Statement, ...]:
        """What happens at an event; rules know more of them than `on_pre`."""
        return self.on_pre if event == "on_pre" else ()

    @model_validator(mode="after")
    def _initial_values_are_of_variables(self) -> "Layer":
        known = {e.name for e in (*self.equations, *self.neuron) if e.kind != "expression"}
        for name in self.initial:
            if name not in known:
                raise _refuse(
                    f"initial: '{name}' is not a variable of this part", did_you_mean(name, known)
                )
        for name, preset in self.presets.items():
            for key in preset.parameters.keys() - self.parameters.keys():
                raise _refuse(
                    f"preset {name}: unknown parameter '{key}'", did_you_mean(key, self.parameters)
                )
        return self


class Synapse(Layer):
    """A synapse model: what an arriving spike does to the postsynaptic neuron.

    A receptor has a `weight` with unit; `neuron` holds the equations that live in that neuron, `current` is what
    they inject, `on_pre` the effect of one spike of weight `w`, `charge` what it injects in all, where `v` and `c_m` are
    potential and capacitance of the neuron. A synapse part without `weight` scales the `efficacy` of what follows it:
    short-term plasticity; `mean_efficacy` is what remains of the weight at a steady `rate`. Graded transmission needs no
    spikes: `in_every_step` says of what the sum over all synapses is a variable of the neuron, as in `total = w*signal_pre`.
    """

    weight: UnitText | None = None
    current: Expression = ""
    on_pre: Statements = ()
    in_every_step: Statements = ()
    charge: Expression = ""
    mean_efficacy: Expression = ""

    @model_validator(mode="after")
    def _names_are_free(self) -> "Synapse":
        if self.weight is None:
            _own_names(self, (*self.equations, *self.neuron), _IN_SYNAPSES)
            if self.current or self.charge:
                raise _refuse(
                    "a synapse part that scales efficacy injects nothing: 'current' and 'charge' are a receptor's",
                    "give it a 'weight', or leave them out",
                )
            if not self.sets_efficacy or self.in_every_step:
                raise _refuse(
                    "a synapse needs either a 'weight' or an `efficacy = ...` in 'on_pre'",
                    "weight: nS for a receptor; efficacy for short-term plasticity",
                )
        else:
            _own_names(self, self.neuron, {"t", "dt", "w", "v", "pi", "inf", "e"})
            if self.equations or self.sets_efficacy or self.on_spike or self.initial:
                raise _refuse(
                    "a synapse with a 'weight' has no equations, efficacy, on_spike or initial of its own",
                    "write them as a part without weight: `synapse: [tsodyks_markram, ampa]`",
                )
            if bool(self.on_pre) == bool(self.in_every_step):
                raise _refuse(
                    "expected either 'on_pre', what an arriving spike does, or 'in_every_step', graded transmission",
                    "on_pre: g += w",
                )
            summed = {e.name for e in self.neuron if e.kind == "parameter"}
            if any(s.operator != "=" or s.target not in summed for s in self.in_every_step):
                raise _refuse(
                    "in_every_step: expected `x = …` of a variable in 'neuron' that has no equation of its own",
                    "neuron: `total : 1`, in_every_step: `total = w*signal_pre`",
                )
        return self


class Pairing(Node):
    """What pre- and postsynaptic spikes do to the traces, after the weight has changed: which pairs count."""

    on_pre: Statements = ()
    on_post: Statements = ()


class Later(Node):
    """Statements that run a while after the presynaptic spike has arrived; `after` names the parameter with the time."""

    after: str
    on_pre: Statements


class Rewiring(Node):
    """Pruning and growing out of a pool of potential synapses, which are the pathway's connectivity.

    `every`, `share`, `start` and `growth` name parameters; `below` and `weight` are expressions of them and of `w_max`:
    below which weight a synapse is pruned, and with which one it grows.
    """

    every: str
    share: str
    start: str
    growth: str
    below: str
    weight: str


class Rule(Layer):
    """A plasticity rule as model equations; `w` is the weight, between `w_min` and `w_max`.

    The weight changes by statements at events, by `dw/dt = ... : weight`, or by `on_step`. In statements, `change`
    is what this event did to the weight, after the clamp. `plastic` is 1, and 0 while plasticity is off.
    `on_instruction` is what spikes of a third, instructive pathway do to the neuron's state.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"on_teacher": "on_instruction"}

    family: str = "other"
    pairing: dict[str, Pairing] = {}
    later: Later | None = None
    rewiring: Rewiring | None = None
    on_post: Statements = ()
    on_step: Statements = ()
    on_instruction: Statements = ()

    @property
    def is_gated(self) -> bool:
        """Whether its equations say where the modulator acts; else it scales every change of the weight."""
        texts = [
            *(e.right for e in self.equations),
            *(s.right for event in EVENTS for s in self.statements(event)),
        ]
        return any("modulator" in identifiers(text) for text in texts if text)

    @model_validator(mode="after")
    def _names_are_free(self) -> "Rule":
        own = tuple(
            e for e in (*self.equations, *self.neuron) if not (e.name == "w" and e.kind == "ode")
        )
        _own_names(self, own, _IN_SYNAPSES)
        if self.later and self.later.after not in self.parameters:
            raise _refuse(
                f"later: '{self.later.after}' is not a parameter",
                did_you_mean(self.later.after, self.parameters),
            )
        for key in ("every", "share", "start", "growth") if self.rewiring else ():
            if (name := getattr(self.rewiring, key)) not in self.parameters:
                raise _refuse(
                    f"rewiring: '{name}' is not a parameter", did_you_mean(name, self.parameters)
                )
        for name, preset in self.presets.items():
            if preset.pairing and preset.pairing not in self.pairing:
                hint = did_you_mean(preset.pairing, self.pairing)
                raise _refuse(f"preset {name}: no pairing is called '{preset.pairing}'", hint)
        return self

    def statements(self, event: str, pairing: str = "") -> tuple[Statement, ...]:
        """What happens at an event ('on_pre', 'on_post', 'later', 'on_step') under a pairing, the first by default."""
        if event == "later":
            return self.later.on_pre if self.later else ()
        own: tuple[Statement, ...] = getattr(self, event)
        chosen = self.pairing.get(pairing or next(iter(self.pairing), ""))
        return own + getattr(chosen, event, ())


class ModulatorKind(Part):
    """A neuromodulator, or what a receptor makes of one, as equations of its `level`.

    `on_release` is what one `amount` of it does when it is released, `on_prediction` what the prediction of one does;
    `input` in the equations is what the circuit gives as such. `like` names a modulator whose equations it shares,
    with other numbers: `values`. The signal that acts is the level above the parameter `baseline`.
    """

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
                raise _refuse(
                    "a modulator that is 'like' another has only 'values' of its own",
                    "leave the rest out",
                )
            return self
        _own_names(self, self.equations, RESERVED | {"amount", "input"})
        if not any(
            e.name == "level" and (e.kind == "ode" or "constant over dt" in e.flags)
            for e in self.equations
        ):
            raise _refuse(
                "a modulator needs an equation for its 'level'",
                "dlevel/dt = (tonic - level) / tau : 1",
            )
        if "baseline" not in self.parameters:
            raise _refuse(
                "a modulator needs the parameter 'baseline'",
                "the level at which its signal is zero",
            )
        return self


class StimulusKind(Part):
    """A stimulus as an expression of its parameters and of `t`: a current, or a rate of spikes."""

    current: Expression = ""
    rate: Expression = ""
    spikes: bool = False


def divisors(part: Part) -> frozenset[str]:
    """The parameters that a part's model text divides by, which therefore cannot be zero."""
    texts: list[str] = []
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, tuple):
            texts += [
                each.right
                for each in value
                if isinstance(each, Equation | Statement) and each.right
            ]
    texts += [text for key in ("current", "rate", "charge") if (text := getattr(part, key, ""))]
    return frozenset().union(*map(divided_by, texts)) & part.parameters.keys()

"""How a circuit uses parts: by name, with numbers of its own."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from thalia.syntax.fields import (
    AnyValue,
    CountTable,
    Names,
    Node,
    Number,
    PositiveTime,
    Rate,
    Time,
    Weight,
    gather,
    refuse,
)
from thalia.syntax.units import UNITS, constant


class SynapseUse(Node):
    """A synapse model with parameters of its own, over those of a preset."""

    part: str
    preset: str = ""
    parameters: dict[str, AnyValue] = {}


class Eligibility(Node):
    """How what a rule changes waits for its modulator: its decay, its rise if there is one, its speed at a signal of 1."""

    decay: PositiveTime
    rise: PositiveTime | None = None
    rate: Rate = constant(1, UNITS["Hz"][1])

    @model_validator(mode="after")
    def _rises_before_it_decays(self) -> "Eligibility":
        if self.rise and self.rise.mean >= self.decay.mean:
            raise refuse(
                f"expected a rise below the decay of {self.decay}, found {self.rise}",
                "the slower time is the decay",
            )
        return self


EligibilityField = Annotated[
    Eligibility, BeforeValidator(lambda raw: {"decay": raw} if isinstance(raw, str) else raw)
]


class RuleUse(Node):
    """A plasticity rule with parameters of its own, over those of a preset or of a pathway's published window.

    `modulator` is an expression of modulators: the third factor of a rule that has one, else a factor of every change.
    With `eligibility` what a rule changes waits for the modulator.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"teacher": "instructed_by"}

    rule: str = ""
    window: str = ""
    preset: str = ""
    pairing: str = ""
    instructed_by: str = ""
    modulator: str = ""
    eligibility: EligibilityField | None = None
    parameters: dict[str, AnyValue] = {}

    @model_validator(mode="after")
    def _says_which(self) -> "RuleUse":
        if not self.rule and not self.window:
            raise refuse(
                "expected either 'rule' or 'window'",
                "rule: stdp_pair, or a window of `thalia list windows`",
            )
        return self


_gather_synapse = gather(SynapseUse)
_gather_rule = gather(RuleUse)
SynapseField = Annotated[
    SynapseUse,
    BeforeValidator(lambda raw: {"part": raw} if isinstance(raw, str) else _gather_synapse(raw)),
]
SynapseFields = Annotated[
    tuple[SynapseField, ...],
    BeforeValidator(lambda raw: raw if isinstance(raw, list | tuple) else [raw]),
    Field(min_length=1),
]
RuleField = Annotated[
    RuleUse,
    BeforeValidator(lambda raw: {"rule": raw} if isinstance(raw, str) else _gather_rule(raw)),
]


class Stimulus(Node):
    """Input from outside: `kind` names its part, and the keys it does not know are that part's parameters.

    `population` says whose spikes to take from a SONATA file of several, `compartment` at which site of its target it arrives.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"onto": "compartment"}

    kind: str
    target: Names
    synapse: SynapseField | None = None
    weight: Weight | None = None
    compartment: str = ""
    number: CountTable = ((constant(1),),)
    file: str | None = None
    population: str | None = None
    times: dict[int, tuple[Time, ...]] | None = None
    parameters: dict[str, AnyValue] = {}

    @property
    def through(self) -> SynapseUse:
        """The synapse that delivers its spikes; if none is given, the plainest one for the weight's dimension."""
        plainest = {UNITS["S"][1]: "ampa", UNITS["A"][1]: "current_exp", UNITS["V"][1]: "delta"}
        dimension = getattr(self.weight, "dimension", UNITS["S"][1])  # which a drive does not have
        return self.synapse or SynapseUse(part=plainest.get(dimension, "ampa"))


_gather_stimulus = gather(Stimulus)
StimulusField = Annotated[Stimulus, BeforeValidator(_gather_stimulus)]


class Release(Node):
    """Amounts of a modulator that are released at given times; an amount below zero takes some away."""

    at: Annotated[
        tuple[Time, ...],
        BeforeValidator(lambda raw: raw if isinstance(raw, list | tuple) else [raw]),
    ]
    amount: Number = constant(1)


class Modulator(Node):
    """A neuromodulator: `kind` names its part, and the keys it does not know are that part's parameters.

    Each spike of the populations in `released_by` releases one amount divided by the number of their neurons, and each
    of those in `predicted_by` is a prediction of release. `input` is an expression of other modulators. How far the weights
    of the pathways in `weight_change_of` have moved, as a fraction of their range, is released after `every` of model time.
    With `from_task` a task may release it, too.
    """

    kind: str
    released_by: Names | None = None
    predicted_by: Names | None = None
    schedule: tuple[Release, ...] = ()
    delay: Time | None = None
    input: str = ""
    weight_change_of: Names | None = None
    every: PositiveTime = constant(1, UNITS["s"][1])
    from_task: bool = False
    parameters: dict[str, AnyValue] = {}

    def scheduled(self, name: str) -> dict[str, Release]:
        """The releases at given times, by the names of the populations that carry them out."""
        return {
            f"{name}.schedule_{index}": each for index, each in enumerate(self.schedule, start=1)
        }


_gather_modulator = gather(Modulator)
ModulatorField = Annotated[
    Modulator,
    BeforeValidator(lambda raw: {"kind": raw} if isinstance(raw, str) else _gather_modulator(raw)),
]

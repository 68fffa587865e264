"""How a circuit refers to components: by name, with parameters of its own."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from thalia.circuit.limits import MOST_RULES
from thalia.errors import MistakeInText
from thalia.syntax.fields import (
    AnyTime,
    AnyValue,
    CountTable,
    Names,
    Neurons,
    Node,
    Number,
    PositiveTime,
    Rate,
    Time,
    UnitValue,
    Weight,
    gather,
    one_or_many,
    refuse,
)
from thalia.syntax.units import UNITS, constant


class SynapseUse(Node):
    """A synapse model, with parameters that override those of a preset."""

    part: str
    preset: str = ""
    parameters: dict[str, AnyValue] = {}


class Eligibility(Node):
    """An eligibility trace for the changes of a rule: decay, rise, rate at a signal of 1."""

    decay: PositiveTime
    rise: PositiveTime | None = None
    rate: Rate = constant(1, UNITS["Hz"][1])

    @model_validator(mode="after")
    def _rises_before_it_decays(self) -> "Eligibility":
        if self.rise and self.rise.mean >= self.decay.mean:
            raise refuse(
                f"expected a rise shorter than the decay of {self.decay}, found {self.rise}",
                "the decay is the longer of the two",
            )
        return self


EligibilityField = Annotated[
    Eligibility, BeforeValidator(lambda raw: {"decay": raw} if isinstance(raw, str) else raw)
]


class RuleUse(Node):
    """A plasticity rule, with parameters that override those of a preset or of a published window.

    `modulator` is an expression of modulators: the third factor of a rule that has one, otherwise a
    factor of every change. With `eligibility`, changes wait for the modulator in a trace. The
    spikes of the pathway in `instructed_by` are the instructive signal of rules that have one.
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
                "rule: stdp_pair, or a window from `thalia list windows`",
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
    BeforeValidator(one_or_many),
    Field(min_length=1, max_length=MOST_RULES),
]
RuleField = Annotated[
    RuleUse,
    BeforeValidator(lambda raw: {"rule": raw} if isinstance(raw, str) else _gather_rule(raw)),
]
RuleFields = Annotated[
    tuple[RuleField, ...], BeforeValidator(one_or_many), Field(max_length=MOST_RULES)
]


def _series(raw: Any) -> Any:
    from thalia.syntax.series import parse_series  # late: it needs NumPy

    try:
        return parse_series(raw)
    except MistakeInText as error:
        raise refuse(str(error), error.hint) from None


SeriesField = Annotated[
    Any,
    BeforeValidator(_series),
    WithJsonSchema({"type": "array", "description": "quantities over time"}),
]


def _of_trains(raw: Any) -> Any:
    """Neo's spike trains, as those of a segment, as times by their number."""
    is_trains = not isinstance(raw, dict | str) and isinstance(raw, Iterable)
    trains = list(raw) if is_trains else []
    if not trains or not all(hasattr(each, "rescale") for each in trains):
        return raw
    second = UNITS["s"][1]
    return {
        k: tuple(constant(time, second) for time in each.rescale("s").magnitude.tolist())
        for k, each in enumerate(trains)
    }


class Stimulus(Node):
    """External input: `kind` names its component; unknown keys are parameters of that.

    `population` selects one of several in a SONATA file; `compartment` is where the input arrives,
    by default the soma. `neurons` are those of the target that it reaches, by default all; in YAML
    they stand in `target: {population: e, neurons: "0:50"}`. A current or a rate may be given over
    time, by `values` or by a `file` of numbers in a `unit` (its `array`, if it is an npz file with
    several), each of which holds for `dt`; `after` the last one it is held, zero, or they repeat.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"onto": "compartment"}

    kind: str
    target: Names
    neurons: Neurons | None = None
    synapse: SynapseField | None = None
    weight: Weight | None = None
    compartment: str = ""
    number: CountTable = ((constant(1),),)
    file: str | None = None
    population: str | None = None
    times: Annotated[dict[int, tuple[Time, ...]] | None, BeforeValidator(_of_trains)] = None
    values: SeriesField | None = None
    unit: UnitValue | None = None
    dt: PositiveTime | None = None
    after: Literal["hold", "zero", "repeat"] = "hold"
    array: str | None = None
    parameters: dict[str, AnyValue] = {}

    @property
    def through(self) -> SynapseUse:
        """The synapse that delivers its spikes; by default the simplest for the weight's unit."""
        plainest = {UNITS["S"][1]: "ampa", UNITS["A"][1]: "current_exp", UNITS["V"][1]: "delta"}
        dimension = getattr(self.weight, "dimension", UNITS["S"][1])  # a drive has none
        return self.synapse or SynapseUse(part=plainest.get(dimension, "ampa"))


def _gather_stimulus(raw: Any) -> Any:
    """Unknown keys are parameters, and a target of some neurons is one of all with `neurons`."""
    if not isinstance(raw, dict):
        return raw
    if "neurons" in raw:
        hint = "target: {population: e, neurons: '0:50'}"
        raise refuse("'neurons' belongs to the target of a stimulus", hint)
    target = raw.get("target")
    if isinstance(target, dict):
        if target.keys() != {"population", "neurons"} or not isinstance(target["population"], str):
            hint = "target: {population: e, neurons: '0:50'}, or names of populations"
            raise refuse("a target of some neurons has 'population' and 'neurons'", hint)
        raw = {**raw, "target": target["population"], "neurons": target["neurons"]}
    return _gather_parameters(raw)


_gather_parameters = gather(Stimulus)
StimulusField = Annotated[Stimulus, BeforeValidator(_gather_stimulus)]


class Release(Node):
    """Amounts of a modulator released at given times; negative amounts remove some."""

    at: Annotated[tuple[Time, ...], BeforeValidator(one_or_many)]
    amount: Number = constant(1)


class Modulator(Node):
    """A neuromodulator: `kind` names its component; unknown keys are parameters of that.

    Each spike of the populations in `released_by` releases one amount divided by the number of
    their neurons; each spike of those in `predicted_by` predicts a release. `input` is an
    expression of other modulators. At intervals of `every`, the change of the weights of the
    pathways in `weight_change_of`, as a fraction of their range, is released. With `from_task` a
    task may also release it.
    """

    kind: str
    released_by: Names | None = None
    predicted_by: Names | None = None
    schedule: Annotated[tuple[Release, ...], BeforeValidator(one_or_many)] = ()
    delay: AnyTime | None = None
    input: str = ""
    weight_change_of: Names | None = None
    every: PositiveTime = constant(1, UNITS["s"][1])
    from_task: bool = False
    parameters: dict[str, AnyValue] = {}

    def scheduled(self, name: str) -> dict[str, Release]:
        """The scheduled releases of a modulator, `name`, by the populations that carry them out."""
        return {
            f"{name}.schedule_{index}": each for index, each in enumerate(self.schedule, start=1)
        }


gather_modulator = gather(Modulator)
ModulatorField = Annotated[
    Modulator,
    BeforeValidator(lambda raw: {"kind": raw} if isinstance(raw, str) else gather_modulator(raw)),
]

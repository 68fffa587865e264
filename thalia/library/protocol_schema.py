"""Measurements of plasticity: the windows of pathways, and pairing protocols."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from thalia.library.schema import Part
from thalia.syntax.fields import AnyValue, Node, refuse

MOST_SPIKES = 2_000_000  # of all conditions together
MOST_COPIES = 1_000_000
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Window(Part):
    """The plasticity window of a type of pathway: a rule with parameters and their evidence.

    `evidence` is 'measured' if the window of this pathway was measured, 'modelled' if a model was
    fitted to data, and 'proposed' if it does not rest on a measurement. `values` differ from the
    defaults of the rule; `numbers` says where they come from, if not from that measurement.
    """

    rule: str
    preset: str = ""
    pairing: str = ""
    values: dict[str, AnyValue] = {}
    sign: str
    evidence: Literal["measured", "modelled", "proposed"]
    preparation: str


class Condition(Node):
    """A repeated motif of spikes (times in ms), and the weight change that was measured with it.

    `weight` is the initial weight, which leaves room for the change; both are fractions of w_max.
    """

    series: str
    x: Finite
    pre: tuple[Finite, ...]
    post: tuple[Finite, ...]
    repeat: int = Field(default=60, ge=1)
    every: Finite = Field(default=1000, gt=0)
    weight: float = Field(default=0.5, ge=0, le=1)
    change: Finite | None = None
    error: Finite | None = None


class Protocol(Part):
    """A protocol for single synapses: spike motifs, or Poisson trains at several `rates`.

    The trains last for `seconds`, after a `settle` period in which activity settles without
    plasticity.
    """

    x_label: str
    conditions: tuple[Condition, ...] = ()
    rates: tuple[Finite, ...] = ()
    pre_rate: Finite = 10
    settle: Finite = Field(default=3, gt=0)
    seconds: Finite = Field(default=4, gt=0)
    copies: int = Field(default=100, ge=1, le=MOST_COPIES)
    weight: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _spikes_can_be_kept(self) -> "Protocol":
        spikes = sum(each.repeat * (len(each.pre) + len(each.post)) for each in self.conditions)
        if spikes > MOST_SPIKES:
            raise refuse(
                f"conditions: have {spikes:,} spikes together, expected at most {MOST_SPIKES:,}",
                "repeat them less often",
            )
        return self

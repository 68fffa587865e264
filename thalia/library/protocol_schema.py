"""Measurements of plasticity: the windows of pathways, and pairing protocols."""

from typing import Literal

from pydantic import Field

from thalia.library.schema import Part
from thalia.syntax.fields import AnyValue, Node


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
    x: float
    pre: tuple[float, ...]
    post: tuple[float, ...]
    repeat: int = Field(default=60, ge=1)
    every: float = Field(default=1000, gt=0)
    weight: float = Field(default=0.5, ge=0, le=1)
    change: float | None = None
    error: float | None = None


class Protocol(Part):
    """A protocol for single synapses: spike motifs, or Poisson trains at several `rates`.

    The trains last for `seconds`, after a `settle` period in which activity settles without
    plasticity.
    """

    x_label: str
    conditions: tuple[Condition, ...] = ()
    rates: tuple[float, ...] = ()
    pre_rate: float = 10
    settle: float = Field(default=3, gt=0)
    seconds: float = Field(default=4, gt=0)
    copies: int = Field(default=100, ge=1)
    weight: float = Field(default=0.5, ge=0, le=1)

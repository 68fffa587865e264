"""What was measured of plasticity, as it is written: the windows of pathways, and protocols of pairing."""

from typing import Literal

from pydantic import Field

from thalia.library.schema import Part
from thalia.syntax.fields import AnyValue, Node


class Window(Part):
    """The plasticity window of a kind of pathway: a rule with numbers, and how well they are known.

    `evidence` is 'measured' where the pathway's own window was, 'modelled' where a model was fitted to it, and
    'proposed' where no measurement stands behind the value.
    """

    rule: str
    preset: str = ""
    pairing: str = ""
    values: dict[str, AnyValue] = {}
    sign: str
    evidence: Literal["measured", "modelled", "proposed"]
    preparation: str


class Condition(Node):
    """A motif of spikes (times in ms) that is repeated, and the change of the weight that was measured with it.

    `weight`, the one at the start, leaves room for the change: like the change it is a fraction of w_max.
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
    """An experiment on single synapses: motifs of spikes, or Poisson trains of several postsynaptic `rates`.

    The trains last for some seconds after a time in which activity settles and no weight changes.
    """

    x_label: str
    conditions: tuple[Condition, ...] = ()
    rates: tuple[float, ...] = ()
    pre_rate: float = 10
    settle: float = Field(default=3, gt=0)
    seconds: float = Field(default=4, gt=0)
    copies: int = Field(default=100, ge=1)
    weight: float = Field(default=0.5, ge=0, le=1)

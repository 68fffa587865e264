"""Published values that a circuit is compared with."""

from typing import Literal

from pydantic import model_validator

from thalia.syntax.fields import Name, Node, SingleRate, refuse


class Reference(Node):
    """Published values to compare a run with: rates, which downscaling preserves, and ranges.

    `pacemakers` are populations that fire regularly on their own; `bands` give the frequency band
    of the rhythm that paces a population; the neurons of those that are `asynchronous` are not
    correlated.
    """

    source: str
    rates: dict[Name, SingleRate] = {}
    ranges: dict[Name, tuple[SingleRate, SingleRate]] = {}
    pacemakers: tuple[Name, ...] = ()
    bands: dict[Name, Literal["delta", "theta", "alpha", "beta", "gamma"]] = {}
    asynchronous: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _rhythm_or_none(self) -> "Reference":
        for name in self.asynchronous:
            if name in self.bands:
                raise refuse(
                    f"asynchronous: '{name}' has the band {self.bands[name]}, too",
                    "remove it from one of the two",
                )
        return self

    @model_validator(mode="after")
    def _low_before_high(self) -> "Reference":
        for name, (low, high) in self.ranges.items():
            if low.mean > high.mean:
                raise refuse(
                    f"ranges.{name}: expected the lower rate first, "
                    f"found [{low.text}, {high.text}]",
                    "swap them",
                )
        return self

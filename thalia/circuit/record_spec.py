"""What a circuit records: spikes, state variables, weights and levels of modulators."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from thalia.syntax.fields import Name, Neurons, Node, PositiveTime, Words
from thalia.syntax.selection import Selection
from thalia.syntax.units import UNITS, constant


class RecordTraces(Node):
    """State variables of some neurons of a population, sampled at an interval."""

    population: Name
    variables: Annotated[Words, Field(min_length=1)]
    every: PositiveTime
    neurons: Neurons = Selection(10)


class RecordWeights(Node):
    """Weights of pathways at the start and the end, and optionally at an interval.

    At the same times `variables` of their synapses are recorded, such as eligibility traces.
    """

    pathways: Words = ("plastic",)
    every: PositiveTime | None = None
    variables: Words = ()


class Record(Node):
    """What is recorded in the run file, in addition to the connectivity.

    With `data` it also keeps the files of data, which otherwise are found again by their digest.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"states": "traces"}

    spikes: Words = ("all",)
    traces: dict[Name, RecordTraces] = {}
    weights: RecordWeights = RecordWeights()
    data: bool = False
    modulators: PositiveTime = constant(0.01, UNITS["s"][1])

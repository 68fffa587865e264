"""The Plan: a circuit in which every name is found and every equation final, as frozen data.

`resolve` makes one group per population and one synapse object per pathway, `fuse` joins them,
`lower` decides how variables are integrated. A Plan of any stage can be run, with the same result.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from thalia.circuit.connectivity import Connect
from thalia.circuit.record_spec import Record
from thalia.circuit.reference_spec import Reference
from thalia.circuit.spec import Space
from thalia.compiler.drives import Drive, Frames
from thalia.compiler.integration import Integration, integration_of, of_synapses
from thalia.syntax.equations import Equation, Statement
from thalia.syntax.units import DIMENSIONLESS, UNITS, Dimension, Value, constant, si_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Playback:
    """Spikes given from outside: neurons within the population, seconds, and steps of the grid.

    They are ordered by step and neuron; a neuron may have several in a step.
    """

    name: str
    population: str
    indices: tuple[int, ...]
    times: tuple[float, ...]
    steps: tuple[int, ...]


AMPERE, HERTZ, SECOND = UNITS["A"][1], UNITS["Hz"][1], UNITS["s"][1]


# the object that holds what all neurons and synapses see: one cell, in no population
SHARED = "shared"
SHARED_CELL = "(shared)"
# what the names of its variables begin with where neurons and synapses read them
IN_NEURONS, IN_SYNAPSES = "signal_", f"{SHARED}_"


def identifier(name: str) -> str:
    """A dotted name of the circuit as one that equations can hold."""
    return name.replace(".", "_")


def includes(name: str, pathway: str) -> bool:
    """Whether a name means a pathway: its own, or that of its matrix pathway or region."""
    return pathway == name or pathway.startswith(f"{name}.")


def group_name(population: str) -> str:
    """The name of a population's or neuron model's group; the prefix avoids names of C++."""
    return f"neurons_{identifier(population)}"


def synapses_name(pathway: str) -> str:
    """The name of the synapse object of a pathway."""
    return f"synapses_{identifier(pathway)}"


class TakenNames:
    """Names that are taken, and new ones beside them."""

    def __init__(self, names: Iterable[str] = ()):
        self._taken = set(names)
        self._numbers: dict[str, Iterator[int]] = {}  # below which all are taken

    def new(self, stem: str) -> str:
        """The stem, or with the lowest number from 2 that makes it a name that was not taken."""
        numbered = (f"{stem}_{n}" for n in self._numbers.setdefault(stem, count(2)))
        name = next(name for name in chain((stem,), numbered) if name not in self._taken)
        return self.kept(name)

    def kept(self, name: str) -> str:
        """A name as it is, taken from now on."""
        self._taken.add(name)
        return name


@dataclass(frozen=True)
class Input:
    """An input of neurons: its equations, the term that it adds, and its parameters.

    `idle` are the values for a population of the same group that does not receive it. The state
    that rules keep in the neuron adds what they inject; a spike changes it by `on_spike`, and
    `plastic` says in which phases it may learn.
    """

    name: str
    term: str
    equations: tuple[Equation, ...] = ()
    parameters: dict[str, Dimension] = field(default_factory=dict)
    idle: dict[str, Value] = field(default_factory=dict)
    into: str = "input_current"
    is_state: bool = False
    on_spike: tuple[Statement, ...] = ()
    before_step: tuple[Statement, ...] = ()
    initial: dict[str, "Value | str"] = field(default_factory=dict)
    plastic: tuple[bool, ...] = ()
    frames: Frames | None = None  # numbers over time that its term reads

    @property
    def switch(self) -> str:
        """The variable that is 0 while this state may not learn; empty if it always may."""
        return f"{self.name}_plastic" if self.plastic else ""


@dataclass(frozen=True)
class Member:
    """A population as a slice of its group. A parameter is the sum of its values."""

    name: str
    start: int
    size: int
    parameters: dict[str, tuple[Value, ...]]
    initial: dict[str, Value]
    space: Space | None = None
    from_task: tuple[str, ...] = ()  # parameters that a task may set
    # of the neurons in a table: whole numbers, or objects that are texts
    identifiers: "NDArray[Any] | None" = field(default=None, compare=False)
    # of the table, by which neurons are chosen: numbers in SI, or objects that are texts
    columns: "Mapping[str, NDArray[Any]]" = field(default_factory=dict, compare=False)
    dimensions: "Mapping[str, Dimension | None]" = field(default_factory=dict, compare=False)

    @property
    def stop(self) -> int:
        """One past its last neuron in the group."""
        return self.start + self.size


@dataclass(frozen=True)
class Group:
    """Neurons of one model, simulated as one object; its members are populations."""

    name: str
    part: str
    members: tuple[Member, ...]
    model: tuple[Equation, ...]
    threshold: str
    reset: tuple[Statement, ...]
    refractory: str
    parameters: dict[str, Dimension]
    inputs: tuple[Input, ...] = ()
    on_step: tuple[Statement, ...] = ()
    # advanced in every step, for weights that change between spikes; started again at a flush
    sums: tuple[Statement, ...] = ()
    at_flush: tuple[Statement, ...] = ()
    # 'input_current' and whatever else the model reads
    receives: dict[str, Dimension] = field(default_factory=dict)
    # of prescribed spikes, in the fullest step, where a neuron has several in a step
    most_spikes: int = 0
    # traces that were the synapses', moved here by `lower`
    hosted: tuple[Equation, ...] = ()
    # of integration, asked for; the parts of a step; and the statements of a step, if given
    method: str = ""
    substeps: int = 1
    update: tuple[Statement, ...] = ()

    @property
    def size(self) -> int:
        """Number of neurons."""
        return sum(member.size for member in self.members)

    @property
    def places(self) -> int:
        """How many spikes a step has room for."""
        return max(self.size, self.most_spikes)

    @property
    def plays_spikes(self) -> bool:
        """Whether its spikes are given by a stimulus rather than computed."""
        return not self.threshold and self.name != SHARED

    def resets(self) -> tuple[Statement, ...]:
        """Everything that a spike changes in the neuron: its own reset, then the state of rules."""
        return self.reset + tuple(statement for each in self.inputs for statement in each.on_spike)

    def before_step(self) -> tuple[Statement, ...]:
        """Everything that happens in the neuron at the beginning of a step."""
        return self.on_step + tuple(s for each in self.inputs for s in each.before_step)

    def all_parameters(self) -> dict[str, Dimension]:
        """Parameters of the model and of its inputs."""
        return self.parameters | {
            name: d for each in self.inputs for name, d in each.parameters.items()
        }

    @property
    def frames(self) -> tuple[Frames, ...]:
        """The numbers over time that its inputs read."""
        return tuple(each.frames for each in self.inputs if each.frames)

    @property
    def from_task(self) -> set[str]:
        """The parameters that a task may set, of some of its populations."""
        return {name for member in self.members for name in member.from_task}

    def shared(self, parameter: str) -> Value | None:
        """The one number that a parameter has in the whole group; None where neurons may differ."""
        if parameter in self.from_task:
            return None
        return _common(member.parameters[parameter] for member in self.members)

    def equations(self) -> tuple[Equation, ...]:
        """The whole model, with everything that it receives summed up."""
        collected = tuple(equation for each in self.inputs for equation in each.equations)
        sums = []
        for name, dimension in self.receives.items():
            terms = " + ".join(each.term for each in self.inputs if each.term and each.into == name)
            sums.append(Equation("expression", name, terms or f"0*{si_unit(dimension)}", dimension))
        return (*self.model, *self.hosted, *collected, *sums)

    @cached_property
    def integration(self) -> Integration:
        """How its variables are advanced; a method that is asked for leaves out traces of rules."""
        inputs = (each for each in self.inputs if not each.is_state)
        receptors = frozenset(e.name for each in inputs for e in each.equations)
        asked = self.method, self.substeps, self.update
        return integration_of(self.equations(), self.model, receptors, *asked)

    def variables(self) -> dict[str, Dimension]:
        """Every name that an equation of the group may mention."""
        return self._variables

    @cached_property
    def _variables(self) -> dict[str, Dimension]:
        switches = {each.switch: DIMENSIONLESS for each in self.inputs if each.switch}
        switches |= {each.name: each.series.dimension for each in self.frames}
        return (
            {equation.name: equation.dimension for equation in self.equations()}
            | self.all_parameters()
            | switches
        )


@dataclass(frozen=True)
class Rewiring:
    """How the synapses of a pathway are pruned and grown, in SI; `connected` is a variable.

    `share` of the potential synapses of each neuron can be connected, and `start` of those are at
    the beginning; `growth` is the probability with which a place that is free is taken.
    """

    connected: str
    every: float
    below: float
    share: float
    start: float
    growth: float
    weight: float


@dataclass(frozen=True)
class WeightChange:
    """A modulator released by changes of weights since `then`, every so many steps."""

    modulator: str
    pathways: tuple[str, ...]
    steps: int
    then: str


@dataclass(frozen=True)
class PathwayPlan:
    """A pathway, ready to be wired: a member of a synapse object.

    `initial` are variables of its synapses that do not start at zero: values, or expressions of `w`
    and `w_max`; `states` are the names of what its rules keep in the postsynaptic neurons.
    `null_model` is what its wiring or its weights are replaced by; empty if they are as described.
    A `symmetric` one has one synapse for a pair of neurons, whichever is called the presynaptic.
    """

    name: str
    pre: str
    post: str
    connect: Connect
    weight: Value
    axonal: Value
    dendritic: Value
    parameters: dict[str, Value]
    plastic: tuple[bool, ...]
    w_min: Value | None = None
    w_max: Value | None = None
    initial: dict[str, Value | str] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    rewiring: Rewiring | None = None
    sign: int = 1  # -1 if a positive weight inhibits
    null_model: str = ""
    symmetric: bool = False

    @property
    def inhibits(self) -> bool:
        """Whether its synapses lower the potential of a neuron near threshold."""
        return self.sign * (self.weight.mean or 1) < 0


@dataclass(frozen=True)
class LaterEvent:
    """Statements that run some time after a presynaptic spike; `after` is that parameter."""

    after: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class SynapseGroup:
    """Synapses of one model and one stack of rules, between two groups, simulated as one object."""

    name: str
    pre: str
    post: str
    synapse: str
    rules: tuple[str, ...]
    members: tuple[PathwayPlan, ...]
    weight: Dimension
    parameters: dict[str, Dimension]
    equations: tuple[Equation, ...] = ()
    on_pre: tuple[Statement, ...] = ()
    on_post: tuple[Statement, ...] = ()
    later: tuple[LaterEvent, ...] = ()
    on_step: tuple[Statement, ...] = ()
    forms: dict[str, str] = field(default_factory=dict)
    pending: str = ""  # what `w` lacks of the weight, as an expression
    # by which the number of a trace is multiplied to give its value
    decay: dict[str, str] = field(default_factory=dict)
    at_flush: tuple[Statement, ...] = ()
    shared_switch: str = ""  # the shared variable that is 0 while the pending changes are off

    @property
    def is_plastic(self) -> bool:
        """Whether its weights can change."""
        return bool(self.rules)

    @property
    def switches(self) -> bool:
        """Whether its plasticity is on in some phases and off in others."""
        return self.is_plastic and not all(self.members[0].plastic)

    @cached_property
    def integration(self) -> Integration:
        """How the variables are advanced that are not brought up to date at events."""
        return of_synapses(e for e in self.equations if "event-driven" not in e.flags)

    def statements(self) -> tuple[Statement, ...]:
        """Every statement, at whichever event."""
        return (
            *self.on_pre,
            *(s for each in self.later for s in each.statements),
            *self.on_post,
            *self.on_step,
        )

    def shared(self, parameter: str) -> Value | None:
        """The one number that a parameter has in all synapses; None where pathways differ."""
        return _common((member.parameters[parameter],) for member in self.members)

    def has_one(self, variable: str) -> bool:
        """Whether a variable is a parameter with one number for all synapses."""
        return variable in self.parameters and self.shared(variable) is not None

    def later_is_uniform(self, each: LaterEvent) -> bool:
        """Whether all synapses run these statements equally long after the presynaptic spike."""
        return self.delay("axonal") is not None and self.shared(each.after) is not None

    def delay(self, side: str) -> Value | None:
        """The one delay of all synapses ('axonal' or 'dendritic'), or None where they differ."""
        return _common((getattr(member, side),) for member in self.members)


@dataclass(frozen=True)
class PhasePlan:
    """A period in whole steps, and the global variables with a value of their own in it."""

    name: str
    steps: int
    shared: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Everything that will run."""

    name: str
    dt: float
    seed: int
    phases: tuple[PhasePlan, ...]
    groups: tuple[Group, ...]
    synapses: tuple[SynapseGroup, ...]
    drives: tuple[Drive, ...]
    playbacks: tuple[Playback, ...]
    record: Record
    modulators: tuple[str, ...] = ()
    shared: Group | None = None
    # what an `amount` of each modulator does
    releases: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    weight_changes: tuple[WeightChange, ...] = ()
    task_releases: tuple[str, ...] = ()
    flush_interval: int = 0  # steps after which sums are added and start again; 0 if there are none
    # in which synapses keep their variables; computed in double precision in any case
    precision: str = "double"
    unmodified: bool = False  # on a GPU: unmodified brian2cuda
    reference: Reference | None = None
    notes: tuple[str, ...] = ()

    @property
    def reached(self) -> tuple[PhasePlan, ...]:
        """The phases that last for at least a step."""
        return tuple(phase for phase in self.phases if phase.steps)

    @property
    def steps(self) -> int:
        """Number of time steps."""
        return sum(phase.steps for phase in self.phases)

    @property
    def duration(self) -> float:
        """Model time in seconds."""
        return self.steps * self.dt

    @property
    def all_groups(self) -> tuple[Group, ...]:
        """Every group, that of shared variables first."""
        return (*([self.shared] if self.shared else []), *self.groups)

    def group(self, name: str) -> Group:
        """The group of this name."""
        return next(group for group in self.all_groups if group.name == name)

    def populations(self) -> Iterator[tuple[Group, Member]]:
        """Every population with its group."""
        return ((group, member) for group in self.groups for member in group.members)

    def population(self, name: str) -> tuple[Group, Member]:
        """A population, or the shared cell, with its group."""
        return self._populations[name]

    @cached_property
    def _populations(self) -> dict[str, tuple[Group, Member]]:
        return {
            member.name: (group, member) for group in self.all_groups for member in group.members
        }

    def pathways(self) -> Iterator[tuple[SynapseGroup, PathwayPlan]]:
        """Every pathway with its synapse object; the release of modulators is none."""
        return (
            (each, member)
            for each in self.synapses
            for member in each.members
            if each.post != SHARED
        )

    def repeating(self) -> set[str]:
        """The groups of prescribed spikes in which a neuron has several in one step."""
        seen: set[tuple[str, int, int]] = set()
        found = set()
        for playback in self.playbacks:
            population = playback.population
            for spike in zip(playback.steps, playback.indices, strict=True):
                if (population, *spike) in seen:
                    found.add(self.population(population)[0].name)
                seen.add((population, *spike))
        return found

    def frames(self, group: Group) -> tuple[Frames, ...]:
        """The numbers over time that a group reads, for its inputs and for Poisson spikes."""
        drives = (drive for drive in self.drives if drive.group == group.name)
        return (*group.frames, *(drive.frames for drive in drives if drive.frames))

    def with_(self, **changes: object) -> "Plan":
        """The same plan with some of its fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]


def _common(values: Iterable[tuple[Value, ...]]) -> Value | None:
    distinct = list(dict.fromkeys(values))
    if len(distinct) != 1 or any(value.is_random for value in distinct[0]):
        return None
    return constant(sum(value.mean for value in distinct[0]), distinct[0][0].dimension)

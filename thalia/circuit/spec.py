"""The elements of a circuit as frozen models: the same words in YAML, Python and messages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from thalia.circuit.connectivity import Connect
from thalia.circuit.data_use import Array, NodeUse, not_of_data
from thalia.circuit.experiment_spec import Conditions, ExperimentField
from thalia.circuit.limits import MOST_ELEMENTS, MOST_NEURONS
from thalia.circuit.part_use import (
    Modulator,
    ModulatorField,
    RuleFields,
    RuleUse,
    Stimulus,
    StimulusField,
    SynapseFields,
    SynapseUse,
)
from thalia.circuit.record_spec import Record
from thalia.circuit.reference_spec import Reference
from thalia.errors import Problem, counted
from thalia.library.lookup import NEURON_MODEL, OWN_KEYS, completed, find
from thalia.library.protocol_schema import Window
from thalia.library.schema import (
    Method,
    ModulatorKind,
    Neuron,
    Part,
    Rule,
    StimulusKind,
    Synapse,
)
from thalia.syntax.column_formulas import ColumnFormula
from thalia.syntax.fields import (
    AnyValue,
    Fraction,
    Name,
    Names,
    Node,
    PositiveLength,
    PositiveNumber,
    PositiveTime,
    Switch,
    TimeTable,
    WeightTable,
    Words,
    one_or_many,
    refuse,
    refuse_all,
)
from thalia.syntax.folder import ANYWHERE, Folder
from thalia.syntax.former_names import ChangesOf
from thalia.syntax.formulas import AXES
from thalia.syntax.late_imports import above
from thalia.syntax.selection import IDENTIFIER, WORDS
from thalia.syntax.units import DIMENSIONLESS, METRE, UNITS, Dimension, Value, constant
from thalia.syntax.yaml_reader import Source

if TYPE_CHECKING:
    from thalia.data.nodes import Nodes


def too_many(count: int, place: str) -> Problem:
    """The problem of a circuit with more populations, pathways and so on than are checked."""
    message = (
        f"there are {count:,} populations, pathways, stimuli, modulators and releases of these, "
        f"expected at most {MOST_ELEMENTS:,}"
    )
    hint = "a matrix pathway counts each pair of populations: join populations or pathways"
    return Problem((), message, hint, place)


class Space(Node):
    """Positions of the neurons of a population: random or on a grid, in one to three dimensions.

    A `periodic` space has no borders: its opposite sides are one, as on a ring or a torus.
    """

    layout: Literal["random", "grid"] = "random"
    extent: Annotated[
        tuple[PositiveLength, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=3)
    ]
    periodic: bool = False
    _given: Array | None = PrivateAttr(None)

    @property
    def given(self) -> Array | None:
        """The positions that data give, (size, dimensions) in metres; None where they are drawn."""
        return self._given

    def with_given(self, positions: Array) -> "Space":
        """The same space, in which neurons are where data say."""
        copy = self.model_copy()
        copy._given = positions
        return copy


SMALLEST_SIDE = 1e-9  # metres, of a space in which all neurons of a table have one place


class Population(NodeUse):
    """Neurons of one model. Inside a region, `share` replaces `size`; so does a table in a `file`.

    `modulation` gives parameters of the neuron, or the `gain` of all its input, as expressions of
    modulators. A task may set the parameters in `from_task`, separately for each neuron. `method`
    and `substeps` integrate its equations in another way than the neuron model says.
    `excites_and_inhibits` gives the biological reason for an exception from Dale's law.
    """

    neuron: Annotated[str, NEURON_MODEL]
    size: int | None = Field(default=None, ge=1, le=MOST_NEURONS)
    share: Fraction | None = None
    modulation: dict[str, str] = {}
    method: Method | None = None
    substeps: int | None = Field(default=None, ge=1, le=100)
    from_task: Words = ()
    excites_and_inhibits: str | None = None
    space: Space | None = None

    @model_validator(mode="after")
    def _sized_once(self) -> "Population":
        if sum(each is not None for each in (self.size, self.share, self.file)) != 1:
            raise refuse(
                "expected either 'size' or, in a region, 'share'"
                + (", or a table in a 'file'" if self.file else ""),
                "give the number of neurons as `size:`",
            )
        self.check_data()
        return self

    @property
    def chosen_by(self) -> dict[str, Dimension | None]:
        """What neurons are chosen by, besides their number: names and dimensions, None of words."""
        of_space = AXES[: len(self.space.extent)] if self.space else ()
        of_table: dict[str, Dimension | None] = dict(self.nodes.dimensions if self.nodes else {})
        if self.nodes and self.nodes.identifiers is not None:
            is_number = self.nodes.identifiers.dtype.kind == "i"
            of_table[IDENTIFIER] = DIMENSIONLESS if is_number else WORDS
        return {**of_table, **dict.fromkeys(of_space, METRE)}

    def with_nodes(
        self, nodes: "Nodes", given: Mapping[tuple[str, str], Value], positions: Array | None
    ) -> "Population":
        """The population with the neurons of its table, `nodes`.

        `given` are the numbers in place of its formulas, and `positions` those of its neurons.
        """
        changes: dict[str, Any] = {
            key: {**getattr(self, key), **{n: v for (where, n), v in given.items() if where == key}}
            for key in ("parameters", "initial")
        }
        if positions is not None:
            sides = (positions.numbers.max(axis=0) - positions.numbers.min(axis=0)).tolist()
            extent = tuple(constant(side or SMALLEST_SIDE, METRE) for side in sides)
            changes["space"] = (self.space or Space(extent=extent)).with_given(positions)
        copy = self.with_(size=nodes.size, **changes)
        copy._nodes = nodes
        return copy


class Delay(Node):
    """Delay from the spike to the synapse (`axonal`) and from the soma back to it (`dendritic`)."""

    axonal: TimeTable = ((constant(0, UNITS["s"][1]),),)
    dendritic: TimeTable = ((constant(0, UNITS["s"][1]),),)


DelayField = Annotated[
    Delay, BeforeValidator(lambda raw: raw if isinstance(raw, dict | Delay) else {"axonal": raw})
]


class Pathway(Node):
    """Synapses from one population to another; with lists and tables, from several to several.

    `synapse` is a receptor, or a list of components that scale its efficacy, followed by the
    receptor. `window` names the published plasticity window of a pathway and precedes the rules in
    `plasticity`. `release` is an expression of modulators that multiplies the weight of every
    arriving spike. `compartment` is where synapses end on the postsynaptic neuron, by default the
    soma. The rule `template` stands for those that the template of a region at one of its ends has
    for it. `rewire` replaces the wiring or the weights by a null model that keeps what its name
    says.
    """

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"onto": "compartment"}

    pre: Names
    post: Names
    connect: Connect
    rewire: (
        Literal["degree_preserving", "weights_shuffled", "signs_shuffled", "erdos_renyi"] | None
    ) = None
    synapse: SynapseFields
    weight: WeightTable
    compartment: str = ""
    delay: DelayField = Delay()
    release: str = ""
    window: str = ""
    plasticity: RuleFields = ()
    w_min: AnyValue | None = None
    w_max: AnyValue | None = None

    @model_validator(mode="after")
    def _bounds_are_used(self) -> "Pathway":
        for key in ("w_min", "w_max"):
            if getattr(self, key) and not self.rules and "plasticity" not in self.model_fields_set:
                raise refuse(
                    f"'{key}' bounds the changes of weights, and nothing changes these",
                    "remove it, or write `plasticity:`, `[]` where a condition adds rules",
                )
        return self

    @model_validator(mode="after")
    def _formulas_read_data(self) -> "Pathway":
        if self.connect.rule == "data":
            return self
        for key, table in (
            ("weight", self.weight),
            ("delay", self.delay.axonal),
            ("delay", self.delay.dendritic),
        ):
            for entry in (entry for row in table for entry in row):
                if isinstance(entry, ColumnFormula):
                    raise refuse_all([not_of_data(entry, (key,), "connect: {file: edges.csv}")])
        return self

    @property
    def formulas(self) -> dict[str, ColumnFormula]:
        """What the data give of a pathway between two populations, by its name."""
        entries: dict[str, object] = {
            "weight": self.weight[0][0],
            "axonal delay": self.delay.axonal[0][0],
            "dendritic delay": self.delay.dendritic[0][0],
        }
        return {name: each for name, each in entries.items() if isinstance(each, ColumnFormula)}

    @property
    def rules(self) -> tuple[RuleUse, ...]:
        """All rules, that of the window first."""
        return ((RuleUse(window=self.window),) if self.window else ()) + self.plasticity

    @property
    def receptor(self) -> SynapseUse:
        """The synapse model that acts on the postsynaptic neuron."""
        return self.synapse[-1]


class Phase(Node):
    """A period of the simulation; `plasticity` is on, off, or given by pathway.

    `modulators` gives parameters of modulators that change for the duration of the phase.
    """

    name: Name
    duration: PositiveTime
    plasticity: Switch = "on"
    modulators: dict[Name, dict[str, AnyValue]] = {}


class Scale(Node):
    """The fractions of the neurons, and of the synapses of each neuron, that are built."""

    neurons: Fraction = constant(1)
    synapses: Fraction = constant(1)


class RegionUse(Node):
    """A region template with its size in neurons, and this circuit's changes to it, by name.

    Changes replace the values of the template; mappings such as `parameters` are merged.
    """

    template: str
    size: int = Field(ge=1, le=MOST_NEURONS)
    populations: dict[Name, Annotated[dict[str, Any], ChangesOf(Population)]] = {}
    pathways: dict[Name, Annotated[dict[str, Any], ChangesOf(Pathway)]] = {}
    modulators: dict[Name, Annotated[dict[str, Any], ChangesOf(Modulator)]] = {}


class Gains(Node):
    """A file of gains by population, as written by `thalia calibrate`."""

    gains: dict[Name, PositiveNumber]


class Backend(Node):
    """Options of the backend; `unmodified` runs brian2cuda without Thalia's kernels."""

    FORMER_KEYS: ClassVar[Mapping[str, str]] = {"stock": "unmodified"}

    unmodified: bool = False


class Circuit(Node):
    """A complete circuit: what a scientist writes and what the passes start from.

    `gains` multiply all excitation of a population, by pathways and stimuli; they may be in a
    separate file next to the circuit. `disconnect` names pathways that are not built: as written,
    those of a region with its name in front, or one entry of a matrix pathway by its expanded name.
    `conditions` are sets of changes to compare the circuit with.
    """

    thalia: Literal[1] = 1
    name: Name
    summary: str = ""
    cite: Words = ()
    duration: PositiveTime | None = None
    dt: PositiveTime = constant(1e-4, UNITS["s"][1])
    seed: int = Field(default=1, ge=0, lt=2**63)
    scale: Annotated[Scale, BeforeValidator(lambda raw: _both(raw))] = Scale()
    neurons: dict[Name, Neuron] = {}
    synapses: dict[Name, Synapse] = {}
    rules: dict[Name, Rule] = {}
    windows: dict[Name, Window] = {}
    stimulus_kinds: dict[Name, StimulusKind] = {}
    modulator_kinds: dict[Name, ModulatorKind] = {}
    regions: dict[Name, RegionUse] = {}
    populations: dict[Name, Population] = {}
    pathways: dict[Name, Pathway] = {}
    disconnect: Words = ()
    stimuli: dict[Name, StimulusField] = {}
    modulators: dict[Name, ModulatorField] = {}
    phases: Annotated[tuple[Phase, ...], BeforeValidator(one_or_many)] = ()
    gains: dict[Name, PositiveNumber] | str = {}
    record: Record = Record()
    reference: Reference | None = None
    backend: Backend = Backend()
    conditions: Conditions = {}
    experiment: ExperimentField | None = None
    _source: Source = PrivateAttr(Source(folder=ANYWHERE))

    def __repr__(self) -> str:
        """Its name and how much it has; `dumps` gives the whole of it."""
        found = {
            "region": len(self.regions),
            "population": len(self.populations),
            "pathway": len(self.pathways),
        }
        parts = [counted(number, noun) for noun, number in found.items() if number]
        lasts = [str(self.duration)] if self.duration else []
        return f"Circuit({self.name}: {', '.join([*parts, *lasts])})"

    def _repr_html_(self) -> str:
        """Tables of what it has, and its graph, for notebooks."""
        return str(above("figures.notebook.html_of")(self))

    def __eq__(self, other: object) -> bool:
        """Whether they describe the same circuit, wherever they were written."""
        return isinstance(other, Circuit) and all(
            getattr(self, f) == getattr(other, f) for f in Circuit.model_fields
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def source(self) -> Source:
        """Where each key was written; empty for a circuit created in Python."""
        return self._source

    def replace(self, path: str | Mapping[str, Any], value: Any = None) -> "Circuit":
        """The circuit with other values, checked as a file is.

        Parameters
        ----------
        path : dotted path, or mapping from paths to values
            As in `circuit.replace("pathways.e_to_i.weight", "2 nS")`; with a mapping, several are
            replaced together.
        value : text, number, quantity of Brian2, or element such as `thalia.Connect`
            As in a circuit file.

        Raises
        ------
        CircuitError
            With every mistake that the circuit then has, each with its path.
        """
        changes = {path: value} if isinstance(path, str) else path
        edited: Circuit = above("compiler.editing.replaced")(self, changes)
        return edited

    def with_population(
        self, name: str, population: Population | None = None, **keys: Any
    ) -> "Circuit":
        """The circuit with one more population called `name`, of these `keys` or as an element.

        As in `circuit.with_population("pv", neuron="lif_current", size=20)`.

        Raises
        ------
        CircuitError
            If there is one of this name, or with every mistake that the circuit then has.
        """
        edited: Circuit = above("compiler.editing.extended")(
            self, "populations", name, population, keys
        )
        return edited

    def with_pathway(self, name: str, pathway: Pathway | None = None, **keys: Any) -> "Circuit":
        """The circuit with one more pathway.

        `name`, and `pathway` or its `keys`, are as in `with_population`, and so is what is raised.
        """
        edited: Circuit = above("compiler.editing.extended")(self, "pathways", name, pathway, keys)
        return edited

    def with_stimulus(self, name: str, stimulus: Stimulus | None = None, **keys: Any) -> "Circuit":
        """The circuit with one more stimulus.

        `name`, and `stimulus` or its `keys`, are as in `with_population`, and so is what is raised.
        """
        edited: Circuit = above("compiler.editing.extended")(self, "stimuli", name, stimulus, keys)
        return edited

    def without(self, *paths: str) -> "Circuit":
        """The circuit without the entries at `paths`, as in `without("pathways.e_to_i")`.

        Raises
        ------
        CircuitError
            If one is not there, or something that is left needs it.
        """
        edited: Circuit = above("compiler.editing.reduced")(self, paths)
        return edited

    def at(self, source: Source) -> "Circuit":
        """The same circuit, with the places where its keys were written, in a `source`."""
        copy = self.model_copy()
        copy._source = source
        return copy

    def part(self, kind: str, name: str) -> Part:
        """The component called `name`: the circuit's own, a file next to it, or one of the library.

        `kind` is that of the library: "neurons", "synapses", "plasticity", "modulators", "stimuli".

        Raises
        ------
        CircuitError
            If there is no such component, or its file has mistakes.
        """
        own: Mapping[str, Part] = getattr(self, OWN_KEYS[kind])
        part = own[name] if name in own else find(kind, name, self.folder)[0]
        if name in own and isinstance(part, ModulatorKind) and part.like:
            return completed(part, self.folder)
        return part

    def parts_used(self) -> set[tuple[str, str]]:
        """Kind and name of every component that the circuit refers to, also through others."""
        used = {("neurons", population.neuron) for population in self.populations.values()}
        for stimulus in self.stimuli.values():
            used.add(("stimuli", stimulus.kind))
            if stimulus.synapse or stimulus.weight:  # currents go through none
                used.add(("synapses", stimulus.through.part))
        for modulator in self.modulators.values():
            name = modulator.kind
            while name and ("modulators", name) not in used:
                used.add(("modulators", name))
                part = self.part("modulators", name)
                name = part.like if isinstance(part, ModulatorKind) else ""
        for pathway in self.pathways.values():
            used |= {("synapses", use.part) for use in pathway.synapse}
            for rule in pathway.rules:
                window = self.part("windows", rule.window) if rule.window else None
                name = rule.rule or (window.rule if isinstance(window, Window) else "")
                used |= {("plasticity", name)} | (
                    {("windows", rule.window)} if rule.window else set()
                )
        return used

    @property
    def folder(self) -> Folder:
        """The folder in which files of the circuit are looked up."""
        return self._source.folder


def _both(raw: Any) -> Any:
    return raw if isinstance(raw, dict | Scale) else {"neurons": raw, "synapses": raw}

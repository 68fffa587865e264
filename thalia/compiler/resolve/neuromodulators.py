"""Neuromodulators: global variables, driven by populations, schedules and one another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from thalia.circuit.connectivity import Connect
from thalia.circuit.part_use import Modulator
from thalia.circuit.spec import Circuit
from thalia.compiler.plan import (
    SHARED,
    SHARED_CELL,
    Group,
    Member,
    PathwayPlan,
    PhasePlan,
    SynapseGroup,
    WeightChange,
    group_name,
    identifier,
    includes,
)
from thalia.compiler.resolve.components import (
    Parameters,
    check_parameter,
    component,
    parameters,
    written,
)
from thalia.compiler.resolve.ranges import check_delay
from thalia.errors import Diagnostics, Path, did_you_mean
from thalia.library.schema import ModulatorKind
from thalia.syntax.constant_parts import check_constant_parts
from thalia.syntax.dimensions import check_equation, check_statement, dimension_of
from thalia.syntax.equations import (
    Equation,
    Statement,
    calls,
    identifiers,
    rename,
    rename_equation,
    rename_statement,
)
from thalia.syntax.expression_size import check_sizes
from thalia.syntax.expressions import FUNCTIONS, RANDOM, EquationError, read_expression
from thalia.syntax.time_grid import interval_steps
from thalia.syntax.units import (
    DIMENSIONLESS,
    UNITS,
    Dimension,
    Value,
    a_dimension,
    constant,
    parse_value,
)


@dataclass(frozen=True)
class ResolvedModulator:
    """A modulator with its kind and parameters; `baseline_varies` between phases."""

    name: str
    modulator: Modulator
    part: ModulatorKind
    values: Parameters
    baseline_varies: bool

    @property
    def path(self) -> Path:
        """Where it is written."""
        return ("modulators", self.name)

    @property
    def local(self) -> dict[str, str]:
        """The global variables that its parameters and equations become."""
        names = (*self.part.parameters, *(e.name for e in self.part.equations))
        return {key: f"{identifier(self.name)}_{key}" for key in names}

    @property
    def reads_input(self) -> bool:
        """Whether other modulators can drive it."""
        return any("input" in identifiers(e.right) for e in self.part.equations if e.right)

    def signal(self, prefix: str) -> str:
        """The level above the baseline, as an expression."""
        level, baseline = f"{prefix}{identifier(self.name)}_level", self.values["baseline"]
        if self.baseline_varies or baseline.is_random or baseline.mean:
            return f"({level} - {prefix}{identifier(self.name)}_baseline)"
        return level


Modulators = Mapping[str, ResolvedModulator]


def resolve_modulators(circuit: Circuit, diagnostics: Diagnostics) -> Modulators:
    """The modulators of a circuit, without those that have mistakes."""
    found = (
        _resolved(circuit, name, modulator, diagnostics)
        for name, modulator in circuit.modulators.items()
    )
    modulators = {each.name: each for each in found if each}
    for each in modulators.values():
        _check_sources(circuit, each, diagnostics)
        _check_equations(circuit, each, diagnostics)
    _check_cycles(circuit, diagnostics)
    return modulators


def _resolved(
    circuit: Circuit, name: str, modulator: Modulator, diagnostics: Diagnostics
) -> ResolvedModulator | None:
    path: Path = ("modulators", name)
    part = component(circuit, ModulatorKind, modulator.kind, (*path, "kind"), diagnostics)
    if part is None:
        return None
    values = parameters(part, modulator.parameters, path, diagnostics)
    if values is None:
        return None
    if "tonic" in values and "baseline" not in modulator.parameters:
        # a signal is the difference from the tonic level
        values = {**values, "baseline": values["tonic"]}
    varies = any("baseline" in phase.modulators.get(name, {}) for phase in circuit.phases)
    return ResolvedModulator(name, modulator, part, values, varies)


# global variables


def global_variables(modulators: Modulators, diagnostics: Diagnostics) -> Group | None:
    """The cell that holds the level of every modulator; None if there is no modulator."""
    if not modulators:
        return None
    model: list[Equation] = []
    values: Parameters = {}
    initial: Parameters = {}
    for each in modulators.values():
        local = each.local
        if each.reads_input:
            text, path = each.modulator.input or "0", (*each.path, "input")
            text = expression(text, path, "", modulators, diagnostics) or "0"
            local["input"] = f"({text})"
        model += [rename_equation(equation, local) for equation in each.part.equations]
        values |= {local[key]: value for key, value in each.values.items()}
        initial |= {
            local[key]: each.values[raw] if raw in each.values else parse_value(raw)
            for key, raw in each.part.initial.items()
        }
    own: dict[str, tuple[Value, ...]] = {key: (value,) for key, value in values.items()}
    dimensions = {key: value.dimension for key, value in values.items()}
    cell = Member(SHARED_CELL, 0, 1, own, initial)
    return Group(SHARED, SHARED, (cell,), tuple(model), "", (), "", dimensions)


def releases_by_spikes(circuit: Circuit, modulators: Modulators) -> tuple[SynapseGroup, ...]:
    """The synapses by which spikes release modulators: one object for each pair of them."""
    return tuple(
        _release(circuit, each, population, kind, statements)
        for each in modulators.values()
        for kind, populations, statements in (
            ("release", each.modulator.released_by, each.part.on_release),
            ("prediction", each.modulator.predicted_by, each.part.on_prediction),
        )
        for population in populations or ()
        if statements and population in circuit.populations
    )


def _release(
    circuit: Circuit,
    each: ResolvedModulator,
    population: str,
    kind: str,
    statements: tuple[Statement, ...],
) -> SynapseGroup:
    local = {key: f"{there}_post" for key, there in each.local.items()} | {"amount": "w"}
    on_pre = tuple(
        Statement(local.get(s.target, s.target), s.operator, rename(s.right, local))
        for s in statements
    )
    scheduled = each.modulator.scheduled(each.name).get(population)
    size = circuit.populations[population].size or 1
    pathway = PathwayPlan(
        name=f"{each.name} from {population}",
        pre=population,
        post=SHARED_CELL,
        connect=Connect(rule="all_to_all"),
        weight=constant(scheduled.amount.mean if scheduled else 1 / size),
        axonal=each.modulator.delay or circuit.dt,
        dendritic=constant(0, UNITS["s"][1]),
        parameters={},
        plastic=(True,),
    )
    return SynapseGroup(
        name=f"{kind}_of_{identifier(each.name)}_from_{identifier(population)}",
        pre=group_name(population),
        post=SHARED,
        synapse=kind,
        rules=(),
        members=(pathway,),
        weight=DIMENSIONLESS,
        parameters={},
        on_pre=on_pre,
    )


def release_statements(modulators: Modulators) -> dict[str, tuple[Statement, ...]]:
    """What an amount of each modulator does to its level when it is released."""
    return {
        name: tuple(rename_statement(s, each.local) for s in each.part.on_release)
        for name, each in modulators.items()
    }


def weight_changes(circuit: Circuit) -> tuple[WeightChange, ...]:
    """The modulators that changes of weights release."""
    return tuple(_weight_changes(circuit))


def _weight_changes(circuit: Circuit) -> Iterator[WeightChange]:
    plastic = [name for name, pathway in circuit.pathways.items() if pathway.rules]
    for name, modulator in circuit.modulators.items():
        named = modulator.weight_change_of or ()
        pathways = tuple(p for p in plastic if any(includes(each, p) for each in named))
        if pathways:
            steps = interval_steps(modulator.every.mean, circuit.dt.mean)
            yield WeightChange(name, pathways, steps, f"{identifier(name)}_saw")


def in_phases(
    circuit: Circuit,
    modulators: Modulators,
    phases: tuple[PhasePlan, ...],
    diagnostics: Diagnostics,
) -> tuple[PhasePlan, ...]:
    """The phases with those parameters of modulators that differ between them."""
    given = [phase.modulators for phase in circuit.phases]
    before = len(diagnostics.problems)
    for index, changes in enumerate(given):
        for name, values in changes.items():
            path: Path = ("phases", index, "modulators", name)
            if name not in circuit.modulators:
                diagnostics.unknown(path, "modulators", name, circuit.modulators)
            for key, value in values.items() if name in modulators else ():
                check_parameter(modulators[name].part, key, value, (*path, key), diagnostics)
    if len(diagnostics.problems) > before or not phases:
        return phases
    changing = sorted(
        {
            (name, key)
            for changes in given
            for name, values in changes.items()
            for key in values
            if name in modulators
        }
    )
    if not changing:
        return phases
    return tuple(
        replace(
            phase,
            shared={
                f"{identifier(name)}_{key}": here.get(name, {})
                .get(key, modulators[name].values[key])
                .mean
                for name, key in changing
            },
        )
        for phase, here in zip(phases, given, strict=True)
    )


def expression(
    text: str,
    path: Path,
    prefix: str,
    modulators: Modulators,
    diagnostics: Diagnostics,
    more: Mapping[str, Dimension] | None = None,
    wanted: Dimension = DIMENSIONLESS,
) -> str | None:
    """An expression of modulators in terms of global variables; None, with the problem noted.

    The name of a modulator stands for its signal, the level above its baseline; `<name>_level` for
    the level.
    """
    meanings = {identifier(name): each.signal(prefix) for name, each in modulators.items()}
    meanings |= {
        f"{identifier(name)}_level": f"{prefix}{identifier(name)}_level" for name in modulators
    }
    known = dict(more or {}) | dict.fromkeys(meanings, DIMENSIONLESS)
    units = set() if more is None else UNITS.keys()  # without parameters, nothing has a unit
    try:
        read_expression(text)
        if drawn := sorted(RANDOM & calls(text)):
            raise EquationError(f"'{drawn[0]}' is random, and is not allowed here")
        unknown = identifiers(text) - known.keys() - units - FUNCTIONS.keys()
        for name in sorted(unknown):
            what = "modulator" if more is None else "modulator or parameter"
            message, hint = f"no {what} is called '{name}'", did_you_mean(name, known)
            diagnostics.error(path, message, hint, ("modulators", name))
        if unknown:
            return None
        found = dimension_of(text, known)
    except EquationError as error:
        diagnostics.error(path, str(error), error.hint)
        return None
    if found != wanted:
        message = f"'{text}': expected {a_dimension(wanted)}, but it is {a_dimension(found)}"
        diagnostics.error(path, message)
        return None
    return rename(text, meanings)


# what can be wrong


def _check_sources(circuit: Circuit, each: ResolvedModulator, diagnostics: Diagnostics) -> None:
    modulator, part, path = each.modulator, each.part, each.path
    for key, statements in (
        ("released_by", part.on_release),
        ("predicted_by", part.on_prediction),
    ):
        populations = getattr(modulator, key) or ()
        for population in populations:
            if population not in circuit.populations:
                diagnostics.unknown((*path, key), "populations", population, circuit.populations)
        if populations and not statements:
            message = f"'{modulator.kind}' is not {key.replace('_', ' ')} anything"
            diagnostics.error((*path, key), message, f"remove `{key}`")
    _check_weight_changes(circuit, each, diagnostics)
    spikes = modulator.released_by or modulator.predicted_by or modulator.schedule
    if modulator.delay and not spikes:
        message = "only what spikes or a schedule release takes time"
        diagnostics.error((*path, "delay"), message, "remove `delay`")
    elif modulator.delay and (modulator.delay.is_random or modulator.delay.mean):
        check_delay(modulator.delay, circuit.dt, "delay", (*path, "delay"), diagnostics)
    for key in ("weight_change_of", "from_task"):
        if getattr(modulator, key) and not part.on_release:
            message = f"'{modulator.kind}' is not released by anything"
            diagnostics.error((*path, key), message, f"remove `{key}`")
    if modulator.input and not each.reads_input:
        message = f"'{modulator.kind}' has no input"
        diagnostics.error((*path, "input"), message, "remove `input`")
    _check_that_something_moves_it(circuit, each, diagnostics)


def _check_weight_changes(
    circuit: Circuit, each: ResolvedModulator, diagnostics: Diagnostics
) -> None:
    modulator, path = each.modulator, each.path
    plastic = [name for name, pathway in circuit.pathways.items() if pathway.rules]
    for pathway in modulator.weight_change_of or ():
        if not any(includes(pathway, name) for name in plastic):
            is_there = pathway in circuit.pathways
            message = f"'{pathway}' is {'not plastic' if is_there else 'no pathway'}"
            hint, missing = (
                did_you_mean(pathway, plastic),
                () if is_there else ("pathways", pathway),
            )
            diagnostics.error((*path, "weight_change_of"), message, hint, missing)
    if "every" in modulator.model_fields_set and not modulator.weight_change_of:
        message = "only changes of weights are released at an interval"
        diagnostics.error((*path, "every"), message, "remove `every`")


def _check_that_something_moves_it(
    circuit: Circuit, each: ResolvedModulator, diagnostics: Diagnostics
) -> None:
    modulator, tonic = each.modulator, each.values.get("tonic")
    sources = modulator.released_by or modulator.weight_change_of or modulator.from_task
    if (
        sources
        or modulator.input
        or any(each.name in phase.modulators for phase in circuit.phases)
        or any("xi" in identifiers(equation.right) for equation in each.part.equations)
    ):
        return
    if tonic and (tonic.mean or "tonic" in modulator.parameters):
        if tonic.mean and "baseline" not in modulator.parameters:
            message = f"{each.name} stays at its tonic level, from which its signal counts: it is 0"
            hint = "baseline: 0, from which it counts then, or something that releases it"
            diagnostics.error(each.path, message, hint)
        return
    hint = (
        "input: an expression of other modulators"
        if each.reads_input
        else "released_by: a population, schedule: times, weight_change_of: a pathway, "
        "from_task: true, or tonic: a level above a baseline"
    )
    diagnostics.error(each.path, f"nothing releases {each.name}", hint)


def _check_cycles(circuit: Circuit, diagnostics: Diagnostics) -> None:
    """Refuse modulators that depend on each other in a cycle."""
    drivers = {name: _drivers(circuit, modulator) for name, modulator in circuit.modulators.items()}
    reported: set[str] = set()
    for name in drivers:
        circle = _circle(name, drivers)
        if circle and not reported & {*circle}:
            reported |= {*circle}
            message = f"modulators depend on each other in a cycle: {' <- '.join([*circle, name])}"
            diagnostics.error(("modulators", name, "input"), message, "remove one of them")


def _drivers(circuit: Circuit, modulator: Modulator) -> set[str]:
    try:
        read = identifiers(modulator.input) if modulator.input else frozenset()
    except EquationError:
        return set()
    return {
        name
        for name in circuit.modulators
        if {identifier(name), f"{identifier(name)}_level"} & read
    }


def _circle(first: str, drivers: Mapping[str, set[str]]) -> list[str]:
    """The shortest way from a modulator by what drives it back to itself; empty if none leads."""
    trails, reached = [[first]], {first}
    for trail in trails:  # which grows while it is read
        if first in drivers[trail[-1]]:
            return trail
        new = sorted(drivers[trail[-1]] - reached)
        reached.update(new)
        trails += ([*trail, name] for name in new)
    return []


def _check_equations(circuit: Circuit, each: ResolvedModulator, diagnostics: Diagnostics) -> None:
    """Check the dimensions of a kind's equations and statements."""
    here = written(circuit, ModulatorKind, each.modulator.kind, (*each.path, "kind"))
    names = {e.name: e.dimension for e in each.part.equations} | {
        key: value.dimension for key, value in each.values.items()
    }
    for equation in each.part.equations:
        with here.catch(("equations",), equation.at, diagnostics):
            check_equation(equation, names | {"input": DIMENSIONLESS})
    for key in ("on_release", "on_prediction"):
        for statement in getattr(each.part, key):
            with here.catch((key,), statement.at, diagnostics):
                check_statement(statement, names | {"amount": DIMENSIONLESS})
    with here.catch(("equations",), None, diagnostics):
        check_sizes(each.part.equations)
        check_constant_parts(each.part.equations)

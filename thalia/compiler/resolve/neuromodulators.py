"""Neuromodulators, resolved: their levels live in the shared cell, which populations, schedules and one another drive."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from thalia.circuit.part_use import Modulator
from thalia.circuit.spec import Circuit, Connect
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
)
from thalia.compiler.resolve.receptors import Ports
from thalia.errors import Path, did_you_mean
from thalia.library.schema import ModulatorKind
from thalia.syntax.dimensions import FUNCTIONS, check_equation, check_statement, dimension_of
from thalia.syntax.equations import (
    Equation,
    EquationError,
    Statement,
    identifiers,
    rename,
    rename_equation,
    rename_statement,
)
from thalia.syntax.units import DIMENSIONLESS, UNITS, Dimension, Value, a_dimension, constant

IN_NEURONS, IN_SYNAPSES = (
    "signal_",
    f"{SHARED}_",
)  # what the names of shared variables begin with where they are read


class Modulators:
    """Every modulator of a circuit with its part and its numbers, and what expressions of modulators mean."""

    def __init__(self, circuit: Circuit, ports: Ports):
        self.circuit, self.ports, self.problem = circuit, ports, ports.problem
        self.parts: dict[str, ModulatorKind] = {}
        self.values: dict[str, dict[str, Value]] = {}
        for name, modulator in circuit.modulators.items():
            path: Path = ("modulators", name)
            part = ports.part("modulators", modulator.kind, (*path, "kind"))
            values = (
                ports.parameters(part, modulator.parameters, path)
                if isinstance(part, ModulatorKind)
                else None
            )
            if isinstance(part, ModulatorKind) and values is not None:
                if "tonic" in values and "baseline" not in modulator.parameters:
                    values["baseline"] = values[
                        "tonic"
                    ]  # a signal is what comes above the tonic level, or below it
                self.parts[name], self.values[name] = part, values
                self._check_sources(name, modulator, part)
        self._check_cycles()

    # the shared cell

    def group(self) -> Group | None:
        """The shared cell with every modulator; None if there is none."""
        if not self.parts:
            return None
        model: list[Equation] = []
        parameters: dict[str, Value] = {}
        initial: dict[str, Value] = {}
        for name, part in self.parts.items():
            local = self._local(name)
            if "input" in _read(part):
                text = self.expression(
                    self.circuit.modulators[name].input or "0", ("modulators", name, "input"), ""
                )
                local["input"] = f"({text or 0})"
            self._check_part(name, part)
            model += [rename_equation(equation, local) for equation in part.equations]
            parameters |= {local[key]: value for key, value in self.values[name].items()}
            initial |= {local[key]: self._initial(name, raw) for key, raw in part.initial.items()}
        cell = Member(
            SHARED_CELL, 0, 1, {key: (value,) for key, value in parameters.items()}, initial
        )
        dimensions = {key: value.dimension for key, value in parameters.items()}
        return Group(SHARED, SHARED, (cell,), tuple(model), "", (), "", dimensions)

    def _local(self, name: str) -> dict[str, str]:
        part = self.parts[name]
        return {
            key: f"{word(name)}_{key}"
            for key in (*part.parameters, *(e.name for e in part.equations))
        }

    def _initial(self, name: str, raw: Value | str) -> Value:
        return raw if isinstance(raw, Value) else self.values[name][raw]

    def releases(self) -> tuple[SynapseGroup, ...]:
        """What carries the spikes of populations to the shared cell, one object for each modulator and population."""
        made = []
        for name, part in self.parts.items():
            modulator = self.circuit.modulators[name]
            sources = (
                (modulator.released_by, part.on_release),
                (modulator.predicted_by, part.on_prediction),
            )
            for populations, statements in sources:
                made += [
                    self._release(name, population, statements)
                    for population in populations or ()
                    if statements
                ]
        return tuple(each for each in made if each)

    def amounts(self) -> dict[str, tuple[Statement, ...]]:
        """What an amount of each modulator does to the shared cell when it is released."""
        local = {name: self._local(name) for name in self.parts}
        return {
            name: tuple(rename_statement(s, local[name]) for s in part.on_release)
            for name, part in self.parts.items()
        }

    def weight_changes(self) -> tuple[WeightChange, ...]:
        """The modulators that changes of weights release."""
        dt, made = self.circuit.dt.mean, []
        for name, modulator in self.circuit.modulators.items():
            named = (
                p
                for p, each in self.circuit.pathways.items()
                if each.rules and _is_of(p, modulator.weight_change_of or ())
            )
            if pathways := tuple(named):
                made.append(
                    WeightChange(
                        name,
                        pathways,
                        max(1, round(modulator.every.mean / dt)),
                        f"{word(name)}_saw",
                    )
                )
        return tuple(made)

    def _release(
        self, name: str, population: str, statements: tuple[Statement, ...]
    ) -> SynapseGroup | None:
        if population not in self.circuit.populations:
            return None
        modulator = self.circuit.modulators[name]
        local = {key: f"{there}_post" for key, there in self._local(name).items()} | {"amount": "w"}
        on_pre = tuple(
            Statement(local.get(s.target, s.target), s.operator, rename(s.right, local))
            for s in statements
        )
        scheduled = modulator.scheduled(name).get(population)
        amount = (
            scheduled.amount.mean
            if scheduled
            else 1 / (self.circuit.populations[population].size or 1)
        )
        pathway = PathwayPlan(
            name=f"{name} from {population}",
            pre=population,
            post=SHARED_CELL,
            connect=Connect(rule="all_to_all"),
            weight=constant(amount),
            axonal=modulator.delay or self.circuit.dt,
            dendritic=constant(0, UNITS["s"][1]),
            parameters={},
            plastic=(True,),
        )
        kind = "release" if statements == self.parts[name].on_release else "prediction"
        return SynapseGroup(
            name=f"{kind}_of_{word(name)}_from_{word(population)}",
            pre=group_name(population),
            post=SHARED,
            synapse=kind,
            rules=(),
            members=(pathway,),
            weight=DIMENSIONLESS,
            parameters={},
            on_pre=on_pre,
        )

    def in_phases(self, phases: tuple[PhasePlan, ...]) -> tuple[PhasePlan, ...]:
        """The phases with the numbers of modulators that differ between them."""
        given = [phase.modulators for phase in self.circuit.phases]
        for index, modulators in enumerate(given):
            for name, numbers in modulators.items():
                path: Path = ("phases", index, "modulators", name)
                if name not in self.circuit.modulators:
                    self.problem(
                        path,
                        f"no modulator is called '{name}'",
                        did_you_mean(name, self.circuit.modulators),
                    )
                for key, value in numbers.items() if name in self.parts else ():
                    self.ports.check_parameter(self.parts[name], key, value, (*path, key))
        changing = {
            (name, key)
            for each in given
            for name, numbers in each.items()
            for key in numbers
            if name in self.parts
        }
        if not changing or self.ports.problems:
            return phases
        return tuple(
            replace(
                phase,
                shared={
                    f"{word(name)}_{key}": here.get(name, {}).get(key, self.values[name][key]).mean
                    for name, key in sorted(changing)
                },
            )
            for phase, here in zip(phases, given, strict=True)
        )

    # expressions of modulators

    def expression(
        self,
        text: str,
        path: Path,
        prefix: str,
        more: Mapping[str, Dimension] | None = None,
        wanted: Dimension = DIMENSIONLESS,
    ) -> str | None:
        """An expression of modulators in terms of shared variables; None, with the problem noted, if it is none.

        The name of a modulator stands for its signal, the level above its baseline; `<name>_level` for the level.
        """
        meanings = {word(name): self._signal(name, prefix) for name in self.parts}
        meanings |= {f"{word(name)}_level": f"{prefix}{word(name)}_level" for name in self.parts}
        known = dict(more or {}) | dict.fromkeys(meanings, DIMENSIONLESS)
        try:
            units = (
                set() if more is None else UNITS.keys()
            )  # without parameters there is nothing that has a unit
            for name in sorted(identifiers(text) - known.keys() - units - FUNCTIONS.keys()):
                what = "modulator" if more is None else "modulator or parameter"
                self.problem(path, f"no {what} is called '{name}'", did_you_mean(name, known))
                return None
            found = dimension_of(text, known)
            if found != wanted:
                self.problem(
                    path, f"'{text}': expected {a_dimension(wanted)}, it is {a_dimension(found)}"
                )
                return None
        except EquationError as error:
            self.problem(path, str(error))
            return None
        return rename(text, meanings)

    def _signal(self, name: str, prefix: str) -> str:
        level, baseline = f"{prefix}{word(name)}_level", self.values[name]["baseline"]
        moves = any("baseline" in phase.modulators.get(name, {}) for phase in self.circuit.phases)
        return (
            f"({level} - {prefix}{word(name)}_baseline)"
            if moves or baseline.is_random or baseline.mean
            else level
        )

    # what can be wrong

    def _check_sources(self, name: str, modulator: Modulator, part: ModulatorKind) -> None:
        path: Path = ("modulators", name)
        for key, statements in (
            ("released_by", part.on_release),
            ("predicted_by", part.on_prediction),
        ):
            populations = getattr(modulator, key) or ()
            for population in populations:
                if population not in self.circuit.populations:
                    hint = did_you_mean(population, self.circuit.populations)
                    self.problem((*path, key), f"no population is called '{population}'", hint)
            if populations and not statements:
                self.problem(
                    (*path, key),
                    f"'{modulator.kind}' is not {key.replace('_', ' ')} anything",
                    f"leave `{key}` out",
                )
        for pathway in modulator.weight_change_of or ():
            plastic = [p for p, each in self.circuit.pathways.items() if each.rules]
            if not any(_is_of(p, (pathway,)) for p in plastic):
                what = "is not plastic" if pathway in self.circuit.pathways else "is no pathway"
                self.problem(
                    (*path, "weight_change_of"),
                    f"'{pathway}' {what}",
                    did_you_mean(pathway, plastic),
                )
        if "every" in modulator.model_fields_set and not modulator.weight_change_of:
            self.problem(
                (*path, "every"),
                "only changes of weights are released at an interval",
                "leave `every` out",
            )
        if modulator.delay and not (
            modulator.released_by or modulator.predicted_by or modulator.schedule
        ):
            self.problem(
                (*path, "delay"),
                "only what spikes or a schedule release takes time",
                "leave `delay` out",
            )
        for key in ("weight_change_of", "from_task"):
            if getattr(modulator, key) and not part.on_release:
                self.problem(
                    (*path, key),
                    f"'{modulator.kind}' is not released by anything",
                    f"leave `{key}` out",
                )
        reads = "input" in _read(part)
        if modulator.input and not reads:
            self.problem((*path, "input"), f"'{modulator.kind}' has no input", "leave `input` out")
        moves = any(name in phase.modulators for phase in self.circuit.phases)
        tonic = self.values[name].get("tonic")
        sources = modulator.released_by or modulator.weight_change_of or modulator.from_task
        if not (
            sources
            or modulator.input
            or moves
            or "tonic" in modulator.parameters
            or (tonic and tonic.mean)
        ):
            hint = "released_by: a population, schedule: times, weight_change_of: a pathway, from_task: true, or tonic: a level"
            self.problem(
                path,
                f"{name} is released by nobody",
                "input: an expression of other modulators" if reads else hint,
            )

    def _check_cycles(self) -> None:
        """Refuse modulators that drive one another in a circle."""
        drivers = {
            name: self._drivers(modulator) for name, modulator in self.circuit.modulators.items()
        }
        told: set[str] = set()
        for name in drivers:
            circle = _circle([name], drivers)
            if circle and not told & {*circle}:
                told |= {*circle}
                message = f"modulators drive each other in a circle: {' <- '.join([*circle, name])}"
                self.problem(("modulators", name, "input"), message, "leave one of them out")

    def _drivers(self, modulator: Modulator) -> set[str]:
        try:
            read = identifiers(modulator.input) if modulator.input else frozenset()
        except EquationError:
            return set()
        return {
            name for name in self.circuit.modulators if {word(name), f"{word(name)}_level"} & read
        }

    def _check_part(self, name: str, part: ModulatorKind) -> None:
        """Hold the equations of a part against their dimensions."""
        kind = self.circuit.modulators[name].kind
        path: Path = (
            ("modulator_kinds", kind)
            if kind in self.circuit.modulator_kinds
            else ("modulators", name, "kind")
        )
        names = {e.name: e.dimension for e in part.equations} | {
            key: v.dimension for key, v in self.values[name].items()
        }
        try:
            for equation in part.equations:
                check_equation(equation, names | {"input": DIMENSIONLESS})
            for statement in (*part.on_release, *part.on_prediction):
                check_statement(statement, names | {"amount": DIMENSIONLESS})
        except EquationError as error:
            self.problem(path, str(error))


def word(name: str) -> str:
    """A modulator's name as a word in equations."""
    return name.replace(".", "_")


def _is_of(pathway: str, names: Iterable[str]) -> bool:
    return any(pathway == name or pathway.startswith(f"{name}.") for name in names)


def _circle(trail: list[str], drivers: Mapping[str, set[str]]) -> list[str]:
    """The way from a modulator by what drives it back to itself; empty if there is none."""
    for name in sorted(drivers[trail[-1]]):
        if name == trail[0]:
            return trail
        if name not in trail and (found := _circle([*trail, name], drivers)):
            return found
    return []


def _read(part: ModulatorKind) -> frozenset[str]:
    return frozenset().union(*(identifiers(e.right) for e in part.equations if e.right))

"""Pass 3: Circuit → Plan. Every name found, every default filled, every dimension checked, every equation final."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from thalia.compose import SynapseCode, Used
from thalia.dale import breaches
from thalia.dimensions import FUNCTIONS, check_equation, check_statement, dimension_of
from thalia.equations import Equation, EquationError, Statement, identifiers, rename, rename_equation, rename_statement
from thalia.errors import CircuitError, Path, Problem, did_you_mean
from thalia.expand import expand
from thalia.inputs import Ports, Received
from thalia.layers import Layers
from thalia.models import Neuron, Part
from thalia.modulators import IN_NEURONS, IN_SYNAPSES, Modulators
from thalia.phases import plan_phases, plastic_in
from thalia.plan import SECOND, Group, Member, PathwayPlan, Plan, SynapseGroup, group_name, synapses_name
from thalia.playback import playback
from thalia.scale import ScaleReport, scale
from thalia.spec import Circuit, Pathway, Population
from thalia.texts import expect
from thalia.units import DIMENSIONLESS, UNITS, Dimension, Value, ValueSyntaxError, constant, dimension_name, parse_value
from thalia.working_point import at_working_point

CONDUCTANCE = UNITS["S"][1]
Result = TypeVar("Result")


def resolve(circuit: Circuit) -> Plan:
    """The plan of a circuit, with one group per population and one synapse object per pathway.

    Raises
    ------
    CircuitError
        With every unknown name, wrong dimension, impossible delay and the like.
    """
    weighed, problems = at_working_point(expand(circuit))
    return _Resolver(*scale(weighed), problems).plan()


class _Resolver:
    """Collects problems while it looks everything up, so that all are reported at once."""

    def __init__(self, circuit: Circuit, report: ScaleReport, problems: list[Problem]):
        self.circuit = circuit
        self.report = report
        self.problems = problems
        self.ports = Ports(circuit, self.problems)
        self.modulators = Modulators(circuit, self.ports)
        self.weight_changes = self.modulators.weight_changes()
        self.layers = Layers(circuit, self.ports, self.modulators)
        self.used: dict[str, list[Used]] = {}

    def problem(self, path: Path, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, hint))

    def attempt(self, path: Path, work: Callable[..., Result], *arguments: object) -> Result | None:
        """What `work` gives, or None with its problems noted at this path."""
        try:
            return work(*arguments)
        except CircuitError as error:
            self.problems += [p if p.place else p.under(*path) for p in error.problems]
        except (EquationError, ValueSyntaxError) as error:
            self.problem(path, str(error))
        return None

    def plan(self) -> Plan:
        circuit = self.circuit
        if not circuit.populations:
            self.problem(("populations",), "a circuit needs at least one population", "add `populations:` or `regions:`")
        for kind, names in (("populations", circuit.populations), ("pathways", circuit.pathways)):
            alike = Counter(group_name(name) for name in names)
            for name in names:
                if alike[group_name(name)] > 1:
                    self.problem((kind, name), f"'{name}' and another name differ only in '.' and '_'", "rename one")
        shared = self.modulators.group()
        received = {name: Received() for name in circuit.populations}
        pathways = [self.pathway(name, pathway, received) for name, pathway in circuit.pathways.items()]
        drives = [self.ports.stimulus(name, stimulus, received) for name, stimulus in circuit.stimuli.items()]
        groups = [self.group(name, population, received[name]) for name, population in circuit.populations.items()]
        phases = self.modulators.in_phases(plan_phases(circuit, self.problem))
        self.record_names(groups)
        for synapse_group in filter(None, pathways):
            self.check_synapses(synapse_group, groups, shared)
        pathways = [each and self.taught(each) for each in pathways]
        for problem in breaches(circuit, filter(None, pathways)):
            self.problem(*problem)
        playbacks = [playback(name, stimulus, circuit, self.problem) for name, stimulus in circuit.stimuli.items()]
        if self.problems:
            raise circuit.source.placed(self.problems)
        notes = tuple(f"kept: {text}" for text in self.report.preserved) + tuple(f"not kept: {text}" for text in self.report.lost)
        return Plan(
            name=circuit.name, dt=circuit.dt.mean, seed=circuit.seed, phases=phases,
            groups=tuple(filter(None, groups)), synapses=(*filter(None, pathways), *self.modulators.releases()),
            modulators=tuple(circuit.modulators), shared=shared, releases=self.modulators.amounts(),
            weight_changes=self.weight_changes,
            task_releases=tuple(name for name, modulator in circuit.modulators.items() if modulator.from_task),
            drives=tuple(filter(None, drives)), playbacks=tuple(filter(None, playbacks)),
            record=circuit.record, reference=circuit.reference, notes=notes,
        )  # fmt: skip

    def part(self, kind: str, name: str, path: Path) -> Part | None:
        return self.attempt(path, self.circuit.part, kind, name)

    # populations

    def group(self, name: str, population: Population, received: Received) -> Group | None:
        path: Path = ("populations", name)
        part = self.part("neurons", population.neuron, (*path, "neuron"))
        if not isinstance(part, Neuron):
            return None
        parameters = self.ports.parameters(part, population.parameters, (*path, "parameters"))
        if parameters is None:
            return None
        receives = next((n for e in part.equations for n in ("input_current", "input_rate") if n in e.right), "")
        fits = self.inputs_fit(path, population, received, receives)
        model, threshold, reset = self.modulated(part, population, parameters, path)
        group = Group(
            name=group_name(name), part=population.neuron, members=(), model=model, threshold=threshold,
            reset=reset, refractory=part.refractory,
            parameters={key: value.dimension for key, value in parameters.items()},
            inputs=tuple(received.inputs.values()), receives=receives,
        )  # fmt: skip
        for index, key in enumerate(population.from_task):
            if key not in parameters:
                message = f"'{key}' is not a parameter of {population.neuron}"
                self.problem((*path, "from_task", index), message, did_you_mean(key, parameters))
        values = {key: (value,) for key, value in parameters.items()} | received.parameters
        initial = self.initial(part, population, parameters, path)
        if fits:
            own = population.neuron in self.circuit.neurons
            self.check_group(group, ("neurons", population.neuron) if own else (*path, "neuron"))
        member = Member(name, 0, population.size or 1, values, initial, population.space, population.from_task)
        return replace(group, members=(member,))

    def modulated(
        self, part: Neuron, population: Population, parameters: dict[str, Value], path: Path
    ) -> tuple[tuple[Equation, ...], str, tuple[Statement, ...]]:
        """The neuron's equations, threshold and reset, with parameters that modulators change where the circuit says so."""
        added, names = [], {}
        dimensions = {key: value.dimension for key, value in parameters.items()}
        for name, text in population.modulation.items():
            here = (*path, "modulation", name)
            if name != "gain" and name not in parameters:
                self.problem(
                    here, f"'{name}' is not a parameter of {population.neuron}", did_you_mean(name, ["gain", *parameters])
                )
                continue
            wanted = dimensions.get(name, DIMENSIONLESS)
            right = self.modulators.expression(text, here, IN_NEURONS, dimensions, wanted)
            if right is not None:
                added.append(Equation("expression", f"{name}_modulated", right, wanted, ("constant over dt",)))
                key = name if name != "gain" else "input_current"
                names[key] = f"{name}_modulated" if name != "gain" else f"({name}_modulated*input_current)"
        if not names:
            return part.equations, part.threshold, part.reset
        equations = tuple(rename_equation(equation, names) for equation in part.equations)
        return (*added, *equations), rename(part.threshold, names), tuple(rename_statement(s, names) for s in part.reset)

    def inputs_fit(self, path: Path, population: Population, received: Received, receives: str) -> bool:
        """Whether the neuron model has a place for everything that reaches it."""
        wrong = [
            origin for name, origin in received.origins.items()
            if not received.inputs[name].is_state
            and (not receives or received.inputs[name].is_rate != (receives == "input_rate"))
        ]  # fmt: skip
        what, hint = "a rate", "connect to a population of neurons instead"
        if receives != "input_current":
            what = "spikes through a synapse, or a current"
            hint = "only stimuli of a rate reach it" if receives else hint
        for origin in wrong:
            self.problem(origin, f"{path[1]} is a '{population.neuron}' and cannot receive {what}", hint)
        return not wrong

    def initial(self, part: Neuron, population: Population, parameters: dict[str, Value], path: Path) -> dict[str, Value]:
        states = {equation.name: equation.dimension for equation in part.equations if equation.kind == "ode"}
        initial: dict[str, Value] = {}
        for name, raw in part.initial.items():
            initial[name] = parameters[raw] if isinstance(raw, str) and raw in parameters else parse_value(raw)
        for name, value in population.initial.items():
            here = (*path, "initial", name)
            if name not in states:
                self.problem(here, f"'{name}' is not a state variable of {population.neuron}", did_you_mean(name, states))
            elif self.attempt(here, expect, value, states[name]):
                initial[name] = value
        return initial

    def check_group(self, group: Group, path: Path) -> None:
        names = group.variables() | ({"not_refractory": DIMENSIONLESS} if group.refractory else {})
        of_rules = {equation.name for each in group.inputs if each.is_state for equation in each.equations}
        of_rules |= {equation.name for equation in group.model if equation.name.endswith("_modulated")}
        for equation in group.equations():
            if equation.name not in of_rules:  # those are checked with their rules
                self.attempt(path, check_equation, equation, names)
        for statement in group.reset:
            self.attempt(path, check_statement, statement, names)
        for expression, wanted in ((group.threshold, DIMENSIONLESS), (group.refractory, SECOND)):
            if expression:
                self.attempt(path, _expect_dimension, expression, names, wanted)

    # pathways

    def pathway(self, name: str, pathway: Pathway, received: dict[str, Received]) -> SynapseGroup | None:
        path: Path = ("pathways", name)
        known = self.circuit.populations
        for side, end in (("pre", pathway.pre[0]), ("post", pathway.post[0])):
            if end not in known:
                self.problem((*path, side), f"no population is called '{end}'", did_you_mean(end, known))
        last = (*path, "synapse", len(pathway.synapse) - 1) if len(pathway.synapse) > 1 else (*path, "synapse")
        port = self.ports.synapse(pathway.receptor, last)
        efficacies, rules = self.layers.efficacies(pathway, path), self.layers.rules(pathway, path)
        if port is None or not self.numbers_fit(pathway, path, port.weight):
            return None
        bounds = self.bounds(pathway, path) if pathway.rules else (None, None)
        if pathway.pre[0] not in known or pathway.post[0] not in known:
            return None
        received[pathway.post[0]].add(port.input, port.values, path)
        plastic = plastic_in(self.circuit, name)
        self.used[name] = [*efficacies, *rules]
        if not any(plastic) and not any(used.rewires for used in rules):  # static, and fused with what is
            rules, bounds = [], (None, None)
        layers = [(used, self.layers.state(used, plastic)) for used in (*efficacies, *rules)]
        for used, state in layers:
            self.layers.teach(used, state, pathway.post[0])
            if state:
                received[pathway.post[0]].add(state, state.idle, used.path)
        release = self.modulators.expression(pathway.release, (*path, "release"), IN_SYNAPSES) if pathway.release else None
        code = SynapseCode(port.arrival, layers, port.weight, switches=not all(plastic), release=release or "")
        member = PathwayPlan(
            name=name, pre=pathway.pre[0], post=pathway.post[0], connect=pathway.connect, weight=pathway.weight[0][0],
            axonal=pathway.delay.axonal[0][0], dendritic=pathway.delay.dendritic[0][0],
            parameters=code.values | {k: b for k, b in zip(("w_min", "w_max"), bounds, strict=True) if b},
            plastic=plastic, w_min=bounds[0], w_max=bounds[1], initial=code.initial,
            states=tuple(state.name for _, state in layers if state),
            rewiring=self.layers.rewiring(rules, bounds[0], bounds[1]) if bounds[0] and bounds[1] else None,
        )  # fmt: skip
        return SynapseGroup(
            name=synapses_name(name), pre=group_name(pathway.pre[0]), post=group_name(pathway.post[0]),
            synapse=" + ".join([*(used.word for used in efficacies), port.input.name]),
            rules=tuple(used.name for used in rules), members=(member,), weight=port.weight,
            parameters={key: value.dimension for key, value in member.parameters.items()},
            equations=(*code.equations, *self.measured(name, port.weight)),
            on_pre=code.on_pre, on_post=code.on_post, later=code.later, on_step=code.on_step,
        )  # fmt: skip

    def measured(self, pathway: str, weight: Dimension) -> tuple[Equation, ...]:
        """The variables that hold a weight as it was when its change was last measured."""
        changes = (change for change in self.weight_changes if pathway in change.pathways)
        return tuple(Equation("parameter", change.then, "", weight) for change in changes)

    def taught(self, synapses: SynapseGroup) -> SynapseGroup:
        """The synapses, which also teach the rules that name them as their teacher."""
        statements = self.layers.taught.get(synapses.members[0].name, [])
        return replace(synapses, on_pre=(*synapses.on_pre, *statements))

    def numbers_fit(self, pathway: Pathway, path: Path, dimension: Dimension) -> bool:
        """Whether the weight is of the synapse's dimension; signs, delays and places are reported on the way."""
        weight, dt = pathway.weight[0][0], self.circuit.dt.mean
        self.check_places(pathway, path)
        if dimension == CONDUCTANCE == weight.dimension:
            self.check_conductance(weight, (*path, "weight"))
        for side in ("axonal", "dendritic"):
            delay = getattr(pathway.delay, side)[0][0]
            if (side == "axonal" or delay.least != 0) and delay.least < dt * (1 - 1e-9):
                message = f"the {side} delay is below the time step of {self.circuit.dt}, found {delay}"
                self.problem((*path, "delay"), message, f"give at least {self.circuit.dt}: a spike acts in a later step")
        return self.attempt((*path, "weight"), expect, weight, dimension) is not None

    def check_conductance(self, weight: Value, path: Path) -> None:
        if weight.least < 0:
            hint = "an inhibitory conductance is positive and has a low reversal potential: gaba_a, gaba_b"
            self.problem(path, f"a conductance cannot be negative, found {weight}", hint)
        elif weight.kind == "normal" and weight.low is None and weight.mean < 5 * weight.arguments[1]:
            hint = f"write {str(weight)[:-1]}, min=0 nS), or a lognormal"
            self.problem(path, f"a conductance cannot be negative, and {weight} draws some that are", hint)

    def check_places(self, pathway: Pathway, path: Path) -> None:
        """A rule of distance needs populations that are somewhere, in the same number of dimensions."""
        ends = [self.circuit.populations.get(end[0]) for end in (pathway.pre, pathway.post)]
        if pathway.connect.rule != "distance" or None in ends:
            return
        dimensions = {len(end.space.extent) if end and end.space else 0 for end in ends}
        if 0 in dimensions or len(dimensions) > 1:
            message = "connects by distance, and its populations are not both in a space of the same dimensions"
            self.problem((*path, "connect"), message, "give each `space: {extent: [1 mm, 1 mm]}`")

    def bounds(self, pathway: Pathway, path: Path) -> tuple[Value | None, Value | None]:
        weight = pathway.weight[0][0]
        low = pathway.w_min or constant(0, weight.dimension)
        high = pathway.w_max or constant(2 * weight.mean, weight.dimension)
        for key, bound in (("w_min", low), ("w_max", high)):
            self.attempt((*path, key), expect, bound, weight.dimension)
        if low.dimension == high.dimension == weight.dimension and not 0 <= low.mean <= weight.mean <= high.mean:
            hint = "plastic weights are positive: let an inhibitory synapse such as gaba_a carry the sign"
            message = f"expected 0 <= w_min <= weight <= w_max, found {low}, {weight}, {high}"
            self.problem((*path, "weight"), message, hint)
        return low, high

    def check_synapses(self, synapses: SynapseGroup, groups: list[Group | None], shared: Group | None) -> None:
        post = next((g for g in groups if g and g.name == synapses.post), None)
        path: Path = ("pathways", synapses.members[0].name)
        if post is None:
            return
        outside = {f"{name}_post": dimension for name, dimension in post.variables().items()} | {"w": synapses.weight}
        outside |= {f"{IN_SYNAPSES}{name}": dimension for name, dimension in (shared.variables() if shared else {}).items()}
        outside |= {s.target: DIMENSIONLESS for s in synapses.on_pre if s.target.endswith("_efficacy")}
        for statement in synapses.on_pre:
            if statement.target.endswith("_post") and identifiers(statement.right) <= {*outside, *FUNCTIONS, *UNITS}:
                self.attempt((*path, "synapse"), check_statement, statement, outside)
        for used in self.used[synapses.members[0].name]:
            self.layers.check(used, synapses.weight, post)

    def record_names(self, groups: list[Group | None]) -> None:
        record, known, pathways = self.circuit.record, self.circuit.populations, self.circuit.pathways
        for name in record.spikes:
            if name not in known and name not in ("all", "none"):
                self.problem(
                    ("record", "spikes"), f"no population is called '{name}'", did_you_mean(name, [*known, "all", "none"])
                )
        for name in record.weights.pathways:
            matches = [p for p in pathways if p == name or p.startswith(f"{name}.")]
            if not matches and name not in ("plastic", "all", "none"):
                hint = did_you_mean(name, [*pathways, "plastic", "all", "none"])
                self.problem(("record", "weights", "pathways"), f"no pathway is called '{name}'", hint)
        for name, state in record.states.items():
            group = next((g for g in groups if g and g.members[0].name == state.population), None)
            if group is None:
                if state.population not in known:
                    hint = did_you_mean(state.population, known)
                    self.problem(("record", "states", name, "population"), f"no population is called '{state.population}'", hint)
                continue
            recordable = {e.name for e in group.equations() if e.kind != "expression" or "constant over dt" in e.flags}
            for variable in state.variables:
                if variable not in recordable:
                    message = f"'{variable}' is not a state variable of {state.population}"
                    self.problem(("record", "states", name, "variables"), message, did_you_mean(variable, recordable))
        if self.circuit.reference:
            claims = self.circuit.reference
            named = [(key, name) for key in ("rates", "ranges", "pacemakers") for name in getattr(claims, key)]
            for key, name in named:
                if name not in known:
                    self.problem(("reference", key, name), f"no population is called '{name}'", did_you_mean(name, known))


def _expect_dimension(expression: str, names: Mapping[str, Dimension], wanted: Dimension) -> None:
    found = dimension_of(expression, names)
    if found != wanted:
        raise EquationError(f"'{expression}': expected {dimension_name(wanted)}, it is a {dimension_name(found)}")

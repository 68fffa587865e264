"""Pass 3: Circuit → Plan. Every name found, every default filled, every dimension checked, every equation final."""

from collections import Counter
from dataclasses import replace
from math import inf

from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.downscale import Scaled, ScaleReport
from thalia.compiler.options import CompilerOptions
from thalia.compiler.plan import Group, PathwayPlan, Plan, SynapseGroup, group_name, synapses_name
from thalia.compiler.resolve.dales_law import breaches
from thalia.compiler.resolve.neuromodulators import IN_SYNAPSES, Modulators
from thalia.compiler.resolve.phases import lasting, plan_phases, plastic_in
from thalia.compiler.resolve.plasticity import Layers
from thalia.compiler.resolve.populations import Populations
from thalia.compiler.resolve.receptors import SOMA, Port, Ports, Received
from thalia.compiler.resolve.spike_sources import playback
from thalia.compiler.resolve.synapse_code import SynapseCode, Used
from thalia.errors import Diagnostics, Path, Problem, did_you_mean
from thalia.library.lookup import neurons_with
from thalia.syntax.dimensions import FUNCTIONS, check_equation, check_statement
from thalia.syntax.equations import Equation, identifiers
from thalia.syntax.fields import expect
from thalia.syntax.units import DIMENSIONLESS, UNITS, Dimension, Value, constant

CONDUCTANCE = UNITS["S"][1]


def resolve(scaled: Scaled, options: CompilerOptions, diagnostics: Diagnostics) -> Plan:
    """The plan of a circuit, with one group per population and one synapse object per pathway.

    Raises
    ------
    CircuitError
        With every unknown name, wrong dimension, impossible delay and the like.
    """
    circuit = scaled.circuit
    if options.length:
        circuit = lasting(circuit, options.length)
    return _Resolver(circuit, scaled.report, diagnostics.problems).plan()


class _Resolver:
    """Collects problems while it looks everything up, so that all are reported at once."""

    def __init__(self, circuit: Circuit, report: ScaleReport, problems: list[Problem]):
        self.circuit = circuit
        self.report = report
        self.problems = problems
        self.ports = Ports(circuit, self.problems)
        self.problem, self.attempt = self.ports.problem, self.ports.attempt
        self.modulators = Modulators(circuit, self.ports)
        self.weight_changes = self.modulators.weight_changes()
        self.layers = Layers(circuit, self.ports, self.modulators)
        self.populations = Populations(circuit, self.ports, self.modulators)
        self.used: dict[str, list[Used]] = {}

    def plan(self) -> Plan:
        circuit = self.circuit
        if not circuit.populations:
            self.problem(
                ("populations",),
                "a circuit needs at least one population",
                "add `populations:` or `regions:`",
            )
        for kind, names in (("populations", circuit.populations), ("pathways", circuit.pathways)):
            alike = Counter(group_name(name) for name in names)
            for name in names:
                if alike[group_name(name)] > 1:
                    self.problem(
                        (kind, name),
                        f"'{name}' and another name differ only in '.' and '_'",
                        "rename one",
                    )
        shared = self.modulators.group()
        received = {name: Received() for name in circuit.populations}
        pathways = [
            self.pathway(name, pathway, received) for name, pathway in circuit.pathways.items()
        ]
        drives = [
            self.ports.stimulus(name, stimulus, received)
            for name, stimulus in circuit.stimuli.items()
        ]
        groups = [
            self.populations.group(name, population, received[name])
            for name, population in circuit.populations.items()
        ]
        phases = self.modulators.in_phases(plan_phases(circuit, self.problem))
        self.record_names(groups)
        for synapse_group in filter(None, pathways):
            self.check_synapses(synapse_group, groups, shared)
        pathways = [each and self.taught(each) for each in pathways]
        for problem in breaches(circuit, filter(None, pathways)):
            self.problem(*problem)
        playbacks = [
            playback(name, stimulus, circuit, self.problem)
            for name, stimulus in circuit.stimuli.items()
        ]
        if self.problems:
            raise circuit.source.placed(self.problems)
        notes = tuple(f"kept: {text}" for text in self.report.preserved) + tuple(
            f"not kept: {text}" for text in self.report.lost
        )
        return Plan(
            name=circuit.name,
            dt=circuit.dt.mean,
            seed=circuit.seed,
            phases=phases,
            groups=tuple(filter(None, groups)),
            synapses=(*filter(None, pathways), *self.modulators.releases()),
            modulators=tuple(circuit.modulators),
            shared=shared,
            releases=self.modulators.amounts(),
            weight_changes=self.weight_changes,
            task_releases=tuple(
                name for name, modulator in circuit.modulators.items() if modulator.from_task
            ),
            drives=tuple(filter(None, drives)),
            playbacks=tuple(filter(None, playbacks)),
            record=circuit.record,
            unmodified=circuit.backend.unmodified,
            reference=circuit.reference,
            notes=notes,
        )

    # pathways

    def pathway(
        self, name: str, pathway: Pathway, received: dict[str, Received]
    ) -> SynapseGroup | None:
        path: Path = ("pathways", name)
        known = self.circuit.populations
        for side, end in (("pre", pathway.pre[0]), ("post", pathway.post[0])):
            if end not in known:
                self.problem(
                    (*path, side), f"no population is called '{end}'", did_you_mean(end, known)
                )
        last = (
            (*path, "synapse", len(pathway.synapse) - 1)
            if len(pathway.synapse) > 1
            else (*path, "synapse")
        )
        site = (
            self.ports.site(pathway.post[0], pathway.compartment, path)
            if pathway.post[0] in known
            else SOMA
        )
        port = site and self.ports.synapse(pathway.receptor, last, site, name)
        efficacies, rules = self.layers.efficacies(pathway, path), self.layers.rules(pathway, path)
        if not port or not self.numbers_fit(pathway, path, port):
            return None
        bounds = self.bounds(pathway, path) if pathway.rules else (None, None)
        if pathway.pre[0] not in known or pathway.post[0] not in known:
            return None
        received[pathway.post[0]].add(port.input, port.values, path)
        plastic = plastic_in(self.circuit, name)
        self.used[name] = [*efficacies, *rules]
        if not any(plastic) and not any(
            used.rewires for used in rules
        ):  # static, and fused with what is
            rules, bounds = [], (None, None)
        layers = [(used, self.layers.state(used, plastic)) for used in (*efficacies, *rules)]
        for used, state in layers:
            self.layers.teach(used, state, pathway.post[0])
            if state:
                received[pathway.post[0]].add(state, state.idle, used.path)
        release = (
            self.modulators.expression(pathway.release, (*path, "release"), IN_SYNAPSES)
            if pathway.release
            else None
        )
        code = SynapseCode(
            port.arrival, layers, port.weight, switches=not all(plastic), release=release or ""
        )
        member = PathwayPlan(
            name=name,
            pre=pathway.pre[0],
            post=pathway.post[0],
            connect=pathway.connect,
            weight=pathway.weight[0][0],
            axonal=pathway.delay.axonal[0][0],
            dendritic=pathway.delay.dendritic[0][0],
            parameters=code.values
            | {k: b for k, b in zip(("w_min", "w_max"), bounds, strict=True) if b},
            plastic=plastic,
            w_min=bounds[0],
            w_max=bounds[1],
            initial=code.initial,
            states=tuple(state.name for _, state in layers if state),
            rewiring=self.layers.rewiring(rules, bounds[0], bounds[1])
            if bounds[0] and bounds[1]
            else None,
        )
        return SynapseGroup(
            name=synapses_name(name),
            pre=group_name(pathway.pre[0]),
            post=group_name(pathway.post[0]),
            synapse=" + ".join([*(used.word for used in efficacies), port.input.name]),
            rules=tuple(used.name for used in rules),
            members=(member,),
            weight=port.weight,
            parameters={key: value.dimension for key, value in member.parameters.items()},
            equations=(*code.equations, *port.sums, *self.measured(name, port.weight)),
            on_pre=code.on_pre,
            on_post=code.on_post,
            later=code.later,
            on_step=code.on_step,
        )

    def measured(self, pathway: str, weight: Dimension) -> tuple[Equation, ...]:
        """The variables that hold a weight as it was when its change was last measured."""
        changes = (change for change in self.weight_changes if pathway in change.pathways)
        return tuple(Equation("parameter", change.then, "", weight) for change in changes)

    def taught(self, synapses: SynapseGroup) -> SynapseGroup:
        """The synapses, whose spikes also drive the rules that they instruct."""
        statements = self.layers.taught.get(synapses.members[0].name, [])
        return replace(synapses, on_pre=(*synapses.on_pre, *statements))

    def numbers_fit(self, pathway: Pathway, path: Path, port: Port) -> bool:
        """Whether the weight is of the synapse's dimension; signs, delays and places are reported on the way."""
        weight, dt, dimension = pathway.weight[0][0], self.circuit.dt.mean, port.weight
        self.check_places(pathway, path)
        if dimension == CONDUCTANCE == weight.dimension:
            self.check_conductance(weight, (*path, "weight"))
        for side in ("axonal", "dendritic"):
            delay = getattr(pathway.delay, side)[0][0]
            if port.sums and (delay.mean or delay.is_random):
                message = f"'{pathway.receptor.part}' transmits in every step, and has no delay, found {delay}"
                self.problem((*path, "delay"), message, "leave 'delay' out")
            elif port.sums:
                continue
            elif (side == "axonal" or delay.least != 0) and delay.least < dt * (1 - 1e-9):
                message = (
                    f"the {side} delay is below the time step of {self.circuit.dt}, found {delay}"
                )
                self.problem(
                    (*path, "delay"),
                    message,
                    f"give at least {self.circuit.dt}: a spike acts in a later step",
                )
        for spoken, key in ((pathway.synapse[:-1], "synapse"), (pathway.release, "release")):
            if port.sums and spoken:
                message = f"'{pathway.receptor.part}' transmits without spikes, and this scales what a spike does"
                self.problem((*path, key), message, "leave it out")
        return self.attempt((*path, "weight"), expect, weight, dimension) is not None

    def check_conductance(self, weight: Value, path: Path) -> None:
        if weight.least < 0:
            hint = "an inhibitory conductance is positive and has a low reversal potential: gaba_a, gaba_b"
            self.problem(path, f"a conductance cannot be negative, found {weight}", hint)
        elif (
            weight.kind == "normal" and weight.low is None and weight.mean < 5 * weight.arguments[1]
        ):
            hint = f"write {str(weight)[:-1]}, min=0 nS), or a lognormal"
            self.problem(
                path, f"a conductance cannot be negative, and {weight} draws some that are", hint
            )

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
        least = -inf if low.mean < 0 and weight.dimension != CONDUCTANCE else 0.0
        if (
            low.dimension == high.dimension == weight.dimension
            and not least <= low.mean <= weight.mean <= high.mean
        ):
            hint = "plastic weights are positive: let an inhibitory synapse such as gaba_a carry the sign"
            hint += "" if weight.dimension == CONDUCTANCE else "; or give a w_min below zero"
            message = f"expected {'0 <= ' if least == 0 else ''}w_min <= weight <= w_max, found {low}, {weight}, {high}"
            self.problem((*path, "weight"), message, hint)
        return low, high

    def check_synapses(
        self, synapses: SynapseGroup, groups: list[Group | None], shared: Group | None
    ) -> None:
        pre, post = (
            next((g for g in groups if g and g.name == end), None)
            for end in (synapses.pre, synapses.post)
        )
        path: Path = ("pathways", synapses.members[0].name)
        if pre is None or post is None:
            return
        self.check_graded(synapses, pre, post, path)
        outside = {f"{name}_post": dimension for name, dimension in post.variables().items()} | {
            "w": synapses.weight
        }
        outside |= {
            f"{IN_SYNAPSES}{name}": dimension
            for name, dimension in (shared.variables() if shared else {}).items()
        }
        outside |= {
            s.target: DIMENSIONLESS for s in synapses.on_pre if s.target.endswith("_efficacy")
        }
        for statement in synapses.on_pre:
            if statement.target.endswith("_post") and identifiers(statement.right) <= {
                *outside,
                *FUNCTIONS,
                *UNITS,
            }:
                self.attempt((*path, "synapse"), check_statement, statement, outside)
        for used in self.used[synapses.members[0].name]:
            self.layers.check(used, synapses.weight, pre, post)

    def check_graded(self, synapses: SynapseGroup, pre: Group, post: Group, path: Path) -> None:
        """The presynaptic neurons have what is transmitted in every step, and it has the dimension of what takes it."""
        there = {f"{name}_pre": dimension for name, dimension in pre.variables().items()} | {
            "w": synapses.weight
        }
        there |= {f"{name}_post": dimension for name, dimension in post.variables().items()}
        for equation in synapses.equations:
            if "summed" not in equation.flags:
                continue
            missing = sorted(
                n for n in identifiers(equation.right) if n.endswith("_pre") and n not in there
            )
            for name in missing:
                neurons = neurons_with([name.removesuffix("_pre")])
                hint = (
                    f"neurons that have it: {', '.join(neurons)}"
                    if neurons
                    else "no neuron of the library has it"
                )
                told = f"transmits the presynaptic '{name.removesuffix('_pre')}', which {synapses.members[0].pre} lacks"
                self.problem((*path, "synapse"), told, hint)
            if not missing:
                self.attempt((*path, "synapse"), check_equation, equation, there)

    def record_names(self, groups: list[Group | None]) -> None:
        record, known, pathways = (
            self.circuit.record,
            self.circuit.populations,
            self.circuit.pathways,
        )
        for name in record.spikes:
            if name not in known and name not in ("all", "none"):
                self.problem(
                    ("record", "spikes"),
                    f"no population is called '{name}'",
                    did_you_mean(name, [*known, "all", "none"]),
                )
        for name in record.weights.pathways:
            matches = [p for p in pathways if p == name or p.startswith(f"{name}.")]
            if not matches and name not in ("plastic", "all", "none"):
                hint = did_you_mean(name, [*pathways, "plastic", "all", "none"])
                self.problem(
                    ("record", "weights", "pathways"), f"no pathway is called '{name}'", hint
                )
        for name, state in record.states.items():
            group = next((g for g in groups if g and g.members[0].name == state.population), None)
            if group is None:
                if state.population not in known:
                    hint = did_you_mean(state.population, known)
                    self.problem(
                        ("record", "states", name, "population"),
                        f"no population is called '{state.population}'",
                        hint,
                    )
                continue
            recordable = {
                e.name
                for e in group.equations()
                if e.kind != "expression" or "constant over dt" in e.flags
            }
            for variable in state.variables:
                if variable not in recordable:
                    message = f"'{variable}' is not a state variable of {state.population}"
                    self.problem(
                        ("record", "states", name, "variables"),
                        message,
                        did_you_mean(variable, recordable),
                    )
        if self.circuit.reference:
            claims = self.circuit.reference
            named = [
                (key, name)
                for key in ("rates", "ranges", "pacemakers", "bands")
                for name in getattr(claims, key)
            ]
            for key, name in named:
                if name not in known:
                    self.problem(
                        ("reference", key, name),
                        f"no population is called '{name}'",
                        did_you_mean(name, known),
                    )

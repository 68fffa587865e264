"""The layers of a pathway's synapses, resolved: parts that set the efficacy of a spike, and rules, each with its numbers.

A rule may keep state in the postsynaptic neuron. It is one state for all pathways that use the rule with the same
numbers, so that a threshold belongs to the neuron and not to a pathway.
"""

from collections.abc import Callable, Iterable

from thalia.circuit.part_use import RuleUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.plan import SECOND, Group, Input, Rewiring
from thalia.compiler.resolve.eligibility import waiting, why_not
from thalia.compiler.resolve.neuromodulators import IN_SYNAPSES, Modulators
from thalia.compiler.resolve.receptors import Ports
from thalia.compiler.resolve.synapse_code import Used, state_of, teaching
from thalia.errors import Path, did_you_mean
from thalia.library.lookup import neurons_with, word_of
from thalia.library.protocol_schema import Window
from thalia.library.schema import EVENTS, Rule, Synapse
from thalia.syntax.dimensions import check_equation, check_statement, dimension_of
from thalia.syntax.equations import WEIGHT, EquationError, Statement, evaluate, weighing
from thalia.syntax.units import DIMENSIONLESS, Dimension, Value, a_dimension


class Layers:
    """Finds the layers of pathways, names their states in the neurons, and checks their equations."""

    def __init__(self, circuit: Circuit, ports: Ports, modulators: Modulators):
        self.circuit, self.ports, self.modulators, self.problem = (
            circuit,
            ports,
            modulators,
            ports.problem,
        )
        self.states: dict[object, Input] = {}
        self.taught: dict[str, list[Statement]] = {}

    def efficacies(self, pathway: Pathway, path: Path) -> list[Used]:
        """The parts that stand before the receptor."""
        found = []
        for index, use in enumerate(pathway.synapse[:-1]):
            here = (*path, "synapse", index)
            part = self.ports.part("synapses", use.part, here)
            if isinstance(part, Synapse) and part.weight is not None:
                self.problem(
                    here,
                    f"'{use.part}' is a receptor, and only the last synapse is one",
                    "give each receptor its pathway",
                )
            elif isinstance(part, Synapse):
                values = self.ports.parameters(part, use.parameters, here, use.preset)
                if values is not None:
                    found.append(Used(use.part, word_of(use.part), part, values, here))
        return found

    def rules(self, pathway: Pathway, path: Path) -> list[Used]:
        """The rules of a pathway in their order, that of its window first."""
        found = []
        for index, use in enumerate(pathway.rules, start=-1 if pathway.window else 0):
            here = path if index < 0 else (*path, "plasticity", index)
            used = self.rule(use, here)
            if used:
                found.append(used)
        return found

    def rule(self, use: RuleUse, path: Path) -> Used | None:
        """One rule with its numbers: the part's defaults, then a window's, a preset's, and its own."""
        window = self.ports.part("windows", use.window, (*path, "window")) if use.window else None
        if use.window and not isinstance(window, Window):
            return None
        if isinstance(window, Window) and use.rule not in ("", window.rule):
            self.problem(
                (*path, "rule"),
                f"the window '{use.window}' is one of {window.rule}, found {use.rule}",
                "leave `rule` out",
            )
            return None
        name = use.rule or (window.rule if isinstance(window, Window) else "")
        part = self.ports.part("plasticity", name, (*path, "rule"))
        if not isinstance(part, Rule):
            return None
        numbers: dict[str, Value] = {}
        pairing, place = use.pairing, (*path, "window")
        if isinstance(window, Window):
            place = ("windows", use.window) if use.window in self.circuit.windows else place
            published = self.ports.preset(part, window.preset, (*place, "preset"))
            if published is None:
                return None
            numbers = {**published.parameters, **window.values}
            pairing = pairing or window.pairing or published.pairing
        values = self.ports.parameters(
            part, use.parameters, path, use.preset, ((*place, "values"), numbers)
        )
        if use.preset in part.presets:
            pairing = pairing or part.presets[use.preset].pairing
        if pairing and pairing not in part.pairing:
            hint = did_you_mean(pairing, part.pairing) if part.pairing else f"{name} knows only one"
            self.problem((*path, "pairing"), f"no pairing is called '{pairing}'", hint)
            return None
        if use.eligibility:
            if reason := why_not(part):
                self.problem((*path, "eligibility"), f"{name} {reason}", "leave `eligibility` out")
                return None
            part, numbers = waiting(part, use.eligibility)
            values = None if values is None else values | numbers
        modulator = (
            self.modulators.expression(use.modulator, (*path, "modulator"), IN_SYNAPSES)
            if use.modulator
            else ""
        )
        if part.is_gated and not use.modulator:
            known = (
                ", ".join(self.circuit.modulators) or "this circuit has none; give it `modulators:`"
            )
            self.problem(
                path, f"{name} needs 'modulator', the signal that gates it", f"modulator: {known}"
            )
        if values is None or modulator is None:
            return None
        return Used(name, word_of(name), part, values, path, pairing, use.instructed_by, modulator)

    def rewiring(self, rules: Iterable[Used], low: Value, high: Value) -> Rewiring | None:
        """How the rules of a pathway prune and grow its synapses; None if they do not."""
        found = [used for used in rules if used.rewires]
        for used in found[1:]:
            self.problem(
                used.path, "a pathway is rewired by one rule only", "leave one of them out"
            )
        if not found:
            return None
        used = found[0]
        if low.mean != 0:
            message = f"{used.name} prunes to a weight of zero, found w_min = {low}"
            self.problem((*used.path[:2], "w_min"), message, "leave it out")
        for other in rules:
            if any(isinstance(raw, str) and "sum(" in raw for raw in other.part.initial.values()):
                message = f"{other.name} counts the synapses of a neuron once, and {used.name} changes which there are"
                self.problem(other.path, message, "leave one of them out")
        if used.modulator:
            self.problem(
                (*used.path, "modulator"),
                f"{used.name} is not scaled by a modulator",
                "give it to the rule beside it",
            )
        for name, value in used.values.items():
            if value.is_random:
                self.problem(
                    (*used.path, name), f"expected one number for all synapses, found {value}"
                )
        read = self._rewiring_numbers(used, high)
        return read and self._checked(used, read, high)

    def _rewiring_numbers(self, used: Used, high: Value) -> Rewiring | None:
        """What a rule says about rewiring, in numbers."""
        text = used.part.rewiring if isinstance(used.part, Rule) else None
        numbers = {name: value.mean for name, value in used.values.items()} | {"w_max": high.mean}
        dimensions = {name: value.dimension for name, value in used.values.items()} | {
            "w_max": high.dimension
        }
        wanted = {"every": SECOND, "below": high.dimension, "weight": high.dimension}
        read = {}
        for key in ("every", "below", "share", "start", "growth", "weight"):
            expression, dimension = getattr(text, key), wanted.get(key, DIMENSIONLESS)
            try:
                if (found := dimension_of(expression, dimensions)) != dimension:
                    told = f"'{expression}': expected {a_dimension(dimension)}, it is {a_dimension(found)}"
                    self.problem(used.path, f"rewiring.{key}: {told}")
                    return None
                read[key] = float(evaluate(expression, numbers))
            except (EquationError, ZeroDivisionError) as error:
                self.problem(used.path, f"rewiring.{key}: {error}")
                return None
        return Rewiring(f"{used.word}_connected", **read)

    def _checked(self, used: Used, read: Rewiring, high: Value) -> Rewiring:
        """Note what about the numbers of rewiring cannot be."""
        text = used.part.rewiring if isinstance(used.part, Rule) else None
        for key in ("share", "start", "growth"):
            number, name = getattr(read, key), getattr(text, key)
            if not 0 <= number <= 1:
                self.problem(
                    (*used.path, name),
                    f"expected a fraction from 0 to 1, found {number:g}",
                    f"it is the {key}",
                )
        if not read.below <= read.weight <= high.mean:
            shares = (
                f"{read.weight / high.mean:.4g} of w_max, pruned below {read.below / high.mean:.4g}"
            )
            message = f"a synapse that grows would be pruned at once, or be above w_max: {shares}"
            self.problem(used.path, message, "let it grow with a weight between the two")
        if read.every < self.circuit.dt.mean:
            self.problem(
                (*used.path, text.every if text else "every"),
                f"expected at least {self.circuit.dt}, the time step",
            )
        return read

    def state(self, used: Used, plastic: tuple[bool, ...]) -> Input | None:
        """What the layer keeps in the neuron; the same for every pathway with the same numbers there."""
        if not used.part.neuron:
            return None
        made = state_of(used, used.word, plastic)
        key = (used.name, tuple(sorted(made.idle.items())), made.plastic, used.instructed_by)
        if key not in self.states:
            self.states[key] = state_of(used, self.ports.unique(used.word), plastic)
        return self.states[key]

    def teach(self, used: Used, state: Input | None, post: str) -> None:
        """Note what the teaching pathway of a rule has to do when its spikes arrive."""
        needs = isinstance(used.part, Rule) and bool(used.part.on_instruction)
        if not needs:
            if used.instructed_by:
                self.problem(
                    (*used.path, "instructed_by"),
                    f"{used.name} takes no instructive pathway",
                    "leave `instructed_by` out",
                )
            return
        known = self.circuit.pathways
        if not used.instructed_by:
            hint = "name a pathway that reaches the same neurons, as in `instructed_by: climbing_fibres`"
            self.problem(
                used.path,
                f"{used.name} needs 'instructed_by', the pathway whose spikes instruct it",
                hint,
            )
        elif used.instructed_by not in known:
            self.problem(
                (*used.path, "instructed_by"),
                f"no pathway is called '{used.instructed_by}'",
                did_you_mean(used.instructed_by, known),
            )
        elif known[used.instructed_by].post[0] != post:
            found = known[used.instructed_by].post[0]
            self.problem(
                (*used.path, "instructed_by"),
                f"'{used.instructed_by}' reaches {found}, expected it to reach {post}",
            )
        elif state:
            statements = self.taught.setdefault(used.instructed_by, [])
            statements += [s for s in teaching(used, state) if s not in statements]

    # dimensions

    def check(self, used: Used, weight: Dimension, pre: Group, post: Group) -> None:
        """Hold the equations and statements of a layer against their dimensions, and against what the neuron has."""
        own = used.name in (
            self.circuit.rules if isinstance(used.part, Rule) else self.circuit.synapses
        )
        path: Path = (
            ("rules" if isinstance(used.part, Rule) else "synapses", used.name)
            if own
            else used.path
        )
        part = used.part
        inside = {e.name: e.dimension for e in part.neuron} | {
            name: value.dimension for name, value in used.values.items()
        }
        there = (
            {e.name: e.dimension for e in post.model} | post.parameters | {"plastic": DIMENSIONLESS}
        )
        if not self.neuron_has_what_it_needs(used, inside, there, post):
            return
        for equation in part.neuron:
            self.attempt((*path, "neuron"), check_equation, equation, there | inside)
        for statement in part.on_spike:
            self.attempt((*path, "on_spike"), check_statement, statement, there | inside)
        names = inside | {f"{name}_post": dimension for name, dimension in there.items()}
        names |= {f"{e.name}_pre": e.dimension for e in pre.model}
        names |= {e.name: weight if e.dimension == WEIGHT else e.dimension for e in part.equations}
        names |= dict.fromkeys(("w", "w_min", "w_max", "change"), weight) | dict.fromkeys(
            ("plastic", "efficacy", "modulator"), DIMENSIONLESS
        )
        for equation in part.equations:
            self.attempt((*path, "equations"), check_equation, weighing(equation, weight), names)
        for event in EVENTS:
            for statement in used.statements(event):
                self.attempt((*path, event), check_statement, statement, names)

    def neuron_has_what_it_needs(
        self, used: Used, inside: Iterable[str], there: Iterable[str], post: Group
    ) -> bool:
        """Whether the postsynaptic neuron has the variables that a layer reads; if not, say which neurons have."""
        part = used.part
        missing = part.reads_of_the_neuron() - {*there} - {*inside}
        having = {name: neurons_with([name]) for name in sorted(missing)}
        for name, neurons in having.items():
            hint = (
                f"neurons that have it: {', '.join(neurons)}"
                if neurons
                else "no neuron of the library has it"
            )
            population = post.members[0].name
            message = f"{used.name} needs the neuron variable '{name}', which {population} (a '{post.part}') lacks"
            self.problem(used.path, message, hint)
        if (part.neuron or part.on_spike) and post.plays_spikes:
            message = f"{used.name} keeps state in the neurons, and {post.members[0].name} only plays given spikes"
            self.problem(used.path, message, "make it a population of neurons")
            return False
        return not having

    def attempt(self, path: Path, check: Callable[..., None], *arguments: object) -> None:
        try:
            check(*arguments)
        except EquationError as error:
            self.problem(path, str(error))

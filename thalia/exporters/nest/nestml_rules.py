"""Rules of plasticity as synapses of NESTML: what each spike does, and what happens in between.

A synapse keeps all of its variables, and is brought up to date when a spike reaches it: at once
where its equations have an exact solution, otherwise in the steps of Thalia, statement by
statement. So are those that wait for a modulator: each keeps its level. A volume transmitter tells
it of the spikes that release the modulator, and of the ends of phases.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from thalia.circuit.spec import Circuit
from thalia.codegen.statements import statements_of
from thalia.compiler.integration import integration_of, of_synapses
from thalia.compiler.pipeline import Compiled
from thalia.compiler.plan import PathwayPlan, Plan, SynapseGroup
from thalia.exporters.nest.nestml_modulators import Level, level_of
from thalia.exporters.nest.nestml_text import Block, before_loop, number, size_of, unit_of
from thalia.exporters.nest.synapses import is_native, rule_of
from thalia.library.lookup import word_of
from thalia.library.schema import Rule
from thalia.syntax.equations import Statement, identifiers, rename, rename_equation
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import DIMENSIONLESS, UNITS, Dimension, Value

LEARNS, WEIGHT, DT, PASSED, UNTIL, END = "learns", "w", "dt", "passed", "until", "end"
TOLD, RELEASED = "told_spikes", "released"
_SWITCH = {"plastic": LEARNS}


@dataclass(frozen=True)
class RuleModel:
    """A synapse of NESTML, with its numbers: its name, and its text but for that.

    It keeps its `variables` itself. A volume transmitter tells it of the spikes that release its
    `modulator`, if it waits for one, and of the ends of phases; `steps` says whether it goes
    through each step in between.
    """

    name: str
    body: str
    variables: tuple[str, ...]
    steps: bool
    modulator: str

    @property
    def text(self) -> str:
        """The whole model."""
        return f"model {self.name}:\n{self.body}"


def rule_models(compiled: Compiled) -> dict[str, RuleModel | str]:
    """The synapses of pathways whose rules NEST has not, or why NESTML cannot describe them.

    Pathways with the same rules and the same numbers have the same one.
    """
    circuit, found, made = compiled.expanded, dict[str, RuleModel | str](), dict[str, RuleModel]()
    for synapses, pathway in compiled.resolved.pathways():
        written = circuit.pathways.get(pathway.name)
        if not written or not written.rules or is_native(circuit, written.rules):
            continue
        rules = [rule_of(circuit, use)[0] for use in written.rules]
        against = (f"{each}: {why}" for each in rules if (why := _against(circuit, each)))
        if why := next(against, ""):
            found[pathway.name] = why
            continue
        stem = f"{'_'.join(map(word_of, rules))}{len(made) or ''}_synapse"
        try:
            model = _Described(synapses, pathway, compiled.resolved, circuit).model(stem)
            found[pathway.name] = made.setdefault(model.body, model)
        except EquationError as error:
            found[pathway.name] = f"{', '.join(rules)}: {error}"
    return found


def _against(circuit: Circuit, name: str) -> str:
    """Why a rule needs more than what reaches a synapse of NEST; empty if it does not."""
    rule = circuit.part("plasticity", name)
    assert isinstance(rule, Rule)
    more = {
        "keeps state in the neuron, or reads it": rule.neuron
        or rule.on_spike
        or rule.reads_of_the_neuron(),
        "injects a current": rule.current,
        "acts later than a spike": rule.later,
        "acts in every step": rule.on_step or rule.before_step,
        "rewires": rule.rewiring,
        "scales other rules, or spikes": rule.learning_rate or rule.sets_efficacy,
        "is instructed": rule.on_instruction,
    }
    return next((why for why, found in more.items() if found), "")


@dataclass(frozen=True)
class _Described:
    """The synapses of one pathway, as they are resolved, on the way to a model of NESTML."""

    synapses: SynapseGroup
    pathway: PathwayPlan
    plan: Plan
    circuit: Circuit

    def model(self, name: str) -> RuleModel:
        """The model.

        Raises
        ------
        EquationError
            If it has what NESTML has not.
        """
        body = "\n".join(self._lines()) + "\n"
        return RuleModel(
            name, body, (*self._states, UNTIL), not self._is_exact, self._level.modulator
        )

    @cached_property
    def _level(self) -> Level:
        """The modulator that the synapses read, if they read one."""
        texts = [*(e.right for e in self.synapses.equations if e.right)]
        texts += [each.right for each in self.synapses.statements()]
        return level_of(frozenset().union(*map(identifiers, texts)), self.circuit, self.plan)

    @cached_property
    def _is_exact(self) -> bool:
        """Whether its variables have a solution for any time between two spikes."""
        integration = of_synapses(self.synapses.equations)
        return not (self._level.modulator or integration.chosen or integration.flows)

    @cached_property
    def _states(self) -> dict[str, Dimension]:
        """What changes but the weight, with its dimension."""
        equations = (*self.synapses.equations, *self._level.equations)
        own = (each for each in equations if each.kind != "expression")
        return {each.name: each.dimension for each in own if each.name != WEIGHT}

    @cached_property
    def _constants(self) -> dict[str, Dimension]:
        return {**self.synapses.parameters, **self._level.dimensions}

    def _lines(self) -> Iterator[str]:
        yield from ("    state:", f"        {WEIGHT} real = 1.0")
        initial = {**self.pathway.initial, **self._level.initial}
        for name, dimension in self._states.items():
            yield f"        {name} real = {_begins(name, initial.get(name), dimension)}"
        yield from (f"        {UNTIL} real = 0.0  # ms, until which it is up to date", "")
        yield "    parameters:"
        values = {**self.pathway.parameters, **self._level.values}
        for name, dimension in self._constants.items():
            if values[name].is_random:
                raise EquationError(f"draws {name} for each synapse")
            unit = unit_of(dimension)
            value = number(values[name].mean / size_of(dimension))
            yield f"        {name} real = {value}{f'  # {unit}' if unit else ''}"
        yield f"        {LEARNS} real = 1.0  # 0 where it does not learn"
        yield f"        {DT} real = {number(self.plan.dt / size_of(UNITS['s'][1]))}  # ms"
        yield from ("", "    input:", "        pre_spikes <- spike", "        post_spikes <- spike")
        yield f"        {TOLD} <- spike"
        yield from ("", "    output:", "        spike", "")
        yield from self._on_release()
        yield from ("    onReceive(post_spikes, priority=2):", *self._event(self.synapses.on_post))
        yield from ("", "    onReceive(pre_spikes, priority=1):")
        yield from self._event(self.synapses.on_pre)
        yield from ("", "    update:", *self._update())

    def _block(self) -> Block:
        equations = (*self.synapses.equations, *self._level.equations)
        named = {
            each.name: rename(each.right, _SWITCH)
            for each in equations
            if each.kind == "expression"
        }
        states = {*self._states, WEIGHT, UNTIL}
        return Block({*states, *self._constants, LEARNS, DT, PASSED, END}, named, set(), states)

    def _event(self, statements: tuple[Statement, ...]) -> list[str]:
        """What a spike does; one that arrives carries the weight from before."""
        block, lines = self._block(), list[str]()
        for each in statements:
            if each.target.endswith("_post"):
                lines.append(f"        emit_spike({WEIGHT})")
            else:
                lines += block.lines(rename(str(each), _SWITCH))
        return lines or [f"        {WEIGHT} += 0.0"]  # NESTML has no empty block

    def _on_release(self) -> Iterator[str]:
        """What each of the spikes does that release the modulator in one step."""
        block = self._block()
        yield from (f"    onReceive({TOLD}):", f"        {RELEASED} real = 1.0")
        yield f"        while {RELEASED} > 0.5:"
        for each in self._level.release:
            yield from (f"    {line}" for line in block.lines(str(each)))
        yield from (f"            {RELEASED} -= 1.0", "")

    def _update(self) -> Iterator[str]:
        """The time since it was up to date, at once or in steps.

        It stands still where it is asked again: with a volume transmitter, the code of NESTML 9.0
        asks twice for the time up to a spike.
        """
        block = self._block()
        yield f"        {END} real = (t + timestep()) / (1 ms)"
        if self._is_exact:
            yield f"        {PASSED} real = {END} - {UNTIL}"
            for each in self._steps():
                yield from block.lines(rename(each, {DT: PASSED}))
            yield f"        {UNTIL} = {END}"
            return
        held, steps = before_loop(self._steps(), {*self._constants, DT})
        for each in held:
            yield from block.lines(each)
        yield f"        while {UNTIL} < {END} - 0.5*{DT}:"
        bounds = map(str, self.synapses.on_step)
        for each in (*steps, *bounds, f"{UNTIL} += {DT}"):
            yield from (f"    {line}" for line in block.lines(each))

    def _steps(self) -> Iterator[str]:
        """The statements of a step; synapses go first, from the state at its beginning."""
        own = tuple(rename_equation(each, _SWITCH) for each in self.synapses.equations)
        if any(each.kind == "ode" for each in own):
            known = {**self._constants, LEARNS: DIMENSIONLESS, WEIGHT: self.synapses.weight}
            known |= {each.name: each.dimension for each in self._level.equations}
            mine = {each.name for each in own}
            held = {name: known[name] for name in known if name not in mine}
            yield from statements_of(own, held, of_synapses(own))
        if self._level.equations:
            there = self._level.equations
            yield from statements_of(there, self._level.dimensions, integration_of(there))


def _begins(name: str, value: Value | str | None, dimension: Dimension) -> str:
    """The value of a variable at the beginning, in units of NEST."""
    if value is None:
        return "0.0"
    if isinstance(value, str) or value.is_random:
        raise EquationError(f"begins with a {name} of its own in each synapse")
    return number(value.mean / size_of(dimension))

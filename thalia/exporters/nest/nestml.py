"""Neurons with any equations as models of NESTML, from which cells of NEST are compiled.

The step is that of Thalia, statement by statement, so that without noise spikes are the same: the
variables are advanced, the threshold is looked at, spikes arrive, and then the neuron is reset.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from thalia.codegen.statements import statements_of_a_step
from thalia.compiler.integration import CLAMPED
from thalia.compiler.plan import Group, Plan, SynapseGroup
from thalia.exporters.nest.nestml_rules import RuleModel
from thalia.exporters.nest.nestml_text import (
    FREE,
    KEYWORDS,
    Block,
    number,
    size_of,
    unit_of,
)
from thalia.syntax.equations import Statement, degree, identifiers, parsed, rename
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import Dimension

SINCE, FIRED, DT, WEIGHT = "since_spike", "fired", "dt", "weight"
LONG_AGO = 1e9  # ms
JUMP = "delta"


@dataclass(frozen=True)
class Receiver:
    """An input of a cell, and what a spike that arrives there changes.

    `unit` is that of weights, in SI.
    """

    name: str
    statements: tuple[Statement, ...]
    unit: float


@dataclass(frozen=True)
class CellModel:
    """A model of NESTML, with its inputs in the order of their receptors.

    NESTML generates it together with the synapses of `rules`, under another name.
    """

    alone: str
    text: str
    receivers: tuple[Receiver, ...]
    parameters: tuple[str, ...]
    states: tuple[str, ...]
    rules: tuple[RuleModel, ...] = ()

    @property
    def name(self) -> str:
        """What NEST calls it."""
        synapses = "_and_".join(each.name for each in self.rules)
        return f"{self.alone}__with_{synapses}" if synapses else self.alone

    def synapse(self, rule: RuleModel) -> str:
        """What NEST calls the synapse of one of its rules."""
        return f"{rule.name}__with_{self.name if len(self.rules) > 1 else self.alone}"


def cell_model(group: Group, plan: Plan, rules: tuple[RuleModel, ...]) -> CellModel | str:
    """The model of a group of neurons, with rules of its synapses, or why there is none."""
    bare = _own(group)
    if taken := sorted(bare.variables().keys() & KEYWORDS):
        return f"NESTML has another meaning for '{taken[0]}'"
    try:
        receivers = tuple(_receivers(bare, plan))
        text = _text(bare, receivers)
    except EquationError as error:
        return str(error)
    states = tuple(e.name for e in bare.equations() if e.kind != "expression")
    return CellModel(_name(group), text, receivers, tuple(bare.all_parameters()), states, rules)


def _name(group: Group) -> str:
    return f"{group.name.removeprefix('neurons_')}_thalia"


def receiver_of(group: Group, synapses: SynapseGroup) -> str:
    """The name of the input at which spikes of some synapses arrive."""
    return _changed(_own(group), synapses)[0]


def _own(group: Group) -> Group:
    """The neurons without what rules keep in them, which the synapses of NEST have."""
    inputs = tuple(each for each in group.inputs if not each.is_state)
    return replace(group, inputs=inputs, hosted=(), sums=(), at_flush=())


def arriving_at(population: str, group: Group, plan: Plan) -> set[str]:
    """The names of the inputs of a group at which spikes arrive in one of its populations."""
    of_receptors = {e.name: each.name for each in group.inputs for e in each.equations}
    changed = {
        each.target.removesuffix("_post")
        for synapses in plan.synapses
        if any(member.post == population for member in synapses.members)
        for each in synapses.on_pre
    }
    by_drives = {d.target for d in plan.drives for m in d.members if m.population == population}
    own = {each.name for each in group.model}
    found = {of_receptors[each] for each in (changed | by_drives) & of_receptors.keys()}
    return found | ({JUMP} if (changed | by_drives) & own else set())


def _receivers(group: Group, plan: Plan) -> Iterator[Receiver]:
    """Where spikes arrive: what the synapses onto it change, and its Poisson input."""
    found: dict[str, Receiver] = {}
    for synapses in (each for each in plan.synapses if each.post == group.name):
        name, changed = _changed(group, synapses)
        made = Receiver(name, changed, size_of(synapses.weight))
        if found.setdefault(name, made) != made:
            raise EquationError(f"synapses onto {name} differ in what a spike does")
    of_receptors = {e.name: each.name for each in group.inputs for e in each.equations}
    for drive in (each for each in plan.drives if each.group == group.name):
        name = driven(of_receptors.get(drive.target, JUMP))
        dimension = next(e.dimension for e in group.equations() if e.name == drive.target)
        jump = Statement(drive.target, "+=", "w")
        found[name] = Receiver(name, (jump,), size_of(dimension))
    yield from found.values()


def driven(receptor: str) -> str:
    """The input of a receptor for Poisson spikes, whose weight is what they add to a variable."""
    return f"{receptor}_driven"


def _changed(group: Group, synapses: SynapseGroup) -> tuple[str, tuple[Statement, ...]]:
    """What a spike of some synapses changes in the neuron, and the name of that input."""
    of_receptors = {e.name: each.name for each in group.inputs for e in each.equations}
    own = {e.name for e in group.model}
    changed = tuple(
        replace(each, target=target, right=_weighed(each.right, synapses))
        for each in synapses.on_pre
        if (target := each.target.removesuffix("_post")) != each.target
        and target in {*of_receptors, *own}
    )
    names = dict.fromkeys(of_receptors.get(each.target, JUMP) for each in changed)
    later = (each.target for event in synapses.later for each in event.statements)
    if not names or any(target.endswith("_post") for target in later):
        raise EquationError(f"{synapses.synapse}: a spike changes nothing in the neuron at once")
    return "_".join(names), changed


def _weighed(right: str, synapses: SynapseGroup) -> str:
    """What arrives, where the synapse of NEST has changed and scaled its weight already."""
    ones = {each.name: "1" for each in synapses.equations if each.name != "w"}
    now = {
        each.target: "w" if "w" in identifiers(each.right) else "1"
        for each in reversed(synapses.on_pre)  # what is set first counts
        if not each.target.endswith("_post")
    }
    named = rename(re.sub(r"_post\b", "", right), {**ones, **now, "w": "w"})
    text = ast.unparse(_WithoutOnes().visit(parsed(named)))
    if degree(text, {"w"}) != 1:
        raise EquationError(f"'{right}' is not in proportion to the weight")
    return text


class _WithoutOnes(ast.NodeTransformer):
    """Leaves out factors of 1."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """The other factor of a product with 1."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(one, ast.Constant) and one.value == 1:
                    return other
        return node


def _text(group: Group, receivers: Sequence[Receiver]) -> str:
    named = {e.name: e.right for e in group.equations() if e.kind == "expression"}
    states = {e.name: e.dimension for e in group.equations() if e.kind != "expression"}
    known = {*states, *group.all_parameters(), DT, FREE, SINCE, WEIGHT}
    clamped = {e.name for e in group.equations() if CLAMPED in e.flags}
    step = Block(known, named, clamped, states)
    lines = [f"model {_name(group)}:", "    state:"]
    lines += [f"        {name} real = 0.0{_unit(each)}" for name, each in states.items()]
    if group.refractory:
        lines += [
            f"        {SINCE} real = {number(LONG_AGO)}  # ms since the last spike",
            f"        {FREE} real = 1.0  # 0 while refractory",
        ]
    lines += [f"        {FIRED} real = 0.0  # 1 in a step with a spike", "", "    parameters:"]
    lines += [
        f"        {name} real = 1.0{_unit(each)}" for name, each in group.all_parameters().items()
    ]
    lines += ["", "    internals:", f"        {DT} real = resolution() / (1 ms)", "", "    input:"]
    lines += [f"        {each.name}_spikes <- spike" for each in receivers] or [
        "        spikes <- spike"
    ]
    lines += ["", "    output:", "        spike", ""]
    body = [*_update(group, step), *_arrivals(receivers, step), *_reset(group, step)]
    return "\n".join([*lines, *body]) + "\n"


def _update(group: Group, step: Block) -> Iterator[str]:
    yield "    update:"
    if group.refractory:
        yield f"        {SINCE} += {DT}"
        held = f"{SINCE} < ({group.refractory}) + 0.5*{DT}"
        yield f"        {FREE} = ({step.read(held)} ? 0.0 : 1.0)"
    for statement in (*map(str, group.before_step()), *statements_of_a_step(group)):
        yield from step.lines(statement)
    condition = step.read(group.threshold)
    if group.refractory:
        condition = f"({condition} and {FREE} > 0.5)"
    yield f"        {FIRED} = ({condition} ? 1.0 : 0.0)"
    yield ""


def _arrivals(receivers: Sequence[Receiver], step: Block) -> Iterator[str]:
    for each in receivers:
        yield f"    onReceive({each.name}_spikes):"
        yield f"        {WEIGHT} real = {each.name}_spikes * (1 s)"
        for statement in each.statements:
            right = rename(statement.right, {"w": WEIGHT})
            yield from step.lines(f"{statement.target} {statement.operator} {right}")
        yield ""


def _reset(group: Group, step: Block) -> Iterator[str]:
    yield f"    onCondition({FIRED} > 0.5):"
    if group.refractory:
        yield f"        {SINCE} = 0.0"
    for statement in group.resets():
        yield from step.lines(str(statement), always=True)
    yield f"        {FIRED} = 0.0"
    yield "        emit_spike()"


def _unit(dimension: Dimension) -> str:
    name = unit_of(dimension)
    return f"  # {name}" if name else ""

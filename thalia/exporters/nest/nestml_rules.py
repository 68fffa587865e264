"""Rules of plasticity as synapses of NESTML: traces that decay, and what each spike does.

The postsynaptic neuron keeps the postsynaptic traces, for which NESTML generates both together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from thalia.circuit.part_use import RuleUse
from thalia.circuit.spec import Circuit
from thalia.compiler.pipeline import Compiled
from thalia.compiler.plan import PathwayPlan
from thalia.exporters.nest.nestml_text import Block, number, size_of, unit_of
from thalia.exporters.nest.synapses import is_native, rule_of, values_of
from thalia.library.lookup import word_of
from thalia.library.schema import Rule
from thalia.syntax.equations import identifiers, is_linear_decay
from thalia.syntax.expressions import EquationError
from thalia.syntax.units import Dimension

LEARNS, WEIGHT = "learns", "w"
BOUNDS = ("w_min", "w_max")


@dataclass(frozen=True)
class RuleModel:
    """A synapse of NESTML, with its numbers: its name, and its text but for that."""

    name: str
    body: str

    @property
    def text(self) -> str:
        """The whole model."""
        return f"model {self.name}:\n{self.body}"


def rule_models(compiled: Compiled) -> dict[str, RuleModel | str]:
    """The synapses of pathways whose rule NEST has not, or why NESTML cannot describe them.

    Pathways with the same rule and the same numbers have the same one.
    """
    circuit, found = compiled.expanded, dict[str, RuleModel | str]()
    names = dict[str, RuleModel]()
    for synapses, pathway in compiled.plan.pathways():
        written = circuit.pathways.get(pathway.name)
        if not written or len(written.rules) != 1 or is_native(circuit, written.rules[0]):
            continue
        (use,) = written.rules
        body = _body(circuit, use, pathway, synapses.weight)
        if isinstance(body, str):
            stem = f"{word_of(rule_of(circuit, use)[0])}{len(names) or ''}"
            found[pathway.name] = names.setdefault(body, RuleModel(f"{stem}_synapse", body))
        else:
            found[pathway.name] = body.why
    return found


@dataclass(frozen=True)
class _Refused:
    why: str


def _body(
    circuit: Circuit, use: RuleUse, pathway: PathwayPlan, weight: Dimension
) -> str | _Refused:
    name, pairing = rule_of(circuit, use)
    rule = circuit.part("plasticity", name)
    assert isinstance(rule, Rule)
    gated = "waits for a modulator" if use.modulator or use.eligibility else ""
    if why := gated or _against(rule) or _against_order(rule, pairing):
        return _Refused(why)
    numbers = {
        each: value / size_of(rule.parameters[each].default.dimension)
        for each, value in values_of(circuit, "plasticity", name, use).items()
    }
    bounds = zip(BOUNDS, (pathway.w_min, pathway.w_max), strict=True)
    numbers |= {each: (value.mean if value else 0.0) / size_of(weight) for each, value in bounds}
    try:
        return "\n".join(_lines(rule, pairing, numbers)) + "\n"
    except EquationError as error:
        return _Refused(str(error))


def _against(rule: Rule) -> str:
    """Why a rule needs more than traces and spikes; empty if it does not."""
    more = {
        "keeps state in the neuron": rule.neuron or rule.on_spike or rule.reads_of_the_neuron(),
        "injects a current": rule.current,
        "acts later than a spike": rule.later or rule.on_step or rule.before_step,
        "rewires": rule.rewiring,
        "scales other rules, or spikes": rule.learning_rate or rule.sets_efficacy,
        "is instructed": rule.on_instruction,
        "waits for a modulator": rule.is_gated,
        "begins with other values than 0": rule.initial,
        "has weights or traces that do not only decay": not all(
            each.kind == "ode" and each.name != WEIGHT and is_linear_decay(each, rule.parameters)
            for each in rule.equations
        ),
    }
    return next((why for why, found in more.items() if found), "")


def _against_order(rule: Rule, pairing: str) -> str:
    """Whether a postsynaptic spike reads a trace that the neuron keeps; empty if it does not.

    Of the first spike in its history the code that NESTML 9.0 generates takes such a trace for 0,
    as a comparison with Thalia has shown.
    """
    after, before = (
        {each.target for each in rule.statements(event, pairing)} for event in ("on_post", "on_pre")
    )
    kept = after - before - {WEIGHT}
    read = frozenset[str]().union(
        *(
            identifiers(each.right)
            for each in rule.statements("on_post", pairing)
            if each.target not in kept
        )
    )
    return "reads a postsynaptic trace at a postsynaptic spike" if kept & read else ""


def _lines(rule: Rule, pairing: str, numbers: Mapping[str, float]) -> Iterator[str]:
    traces = {each.name: each.right for each in rule.equations}
    block = Block({*traces, *numbers, WEIGHT, LEARNS}, {}, set(), {*traces, WEIGHT})
    yield from ("    state:", f"        {WEIGHT} real = 1.0")
    yield from (f"        {each} real = 0.0" for each in traces)
    yield from ("", "    parameters:")
    for each, value in numbers.items():
        unit = unit_of(rule.parameters[each].default.dimension) if each in rule.parameters else ""
        yield f"        {each} real = {number(value)}{f'  # {unit}' if unit else ''}"
    yield from (f"        {LEARNS} real = 1.0  # 0 where it does not learn", "", "    equations:")
    for trace, right in traces.items():
        yield f"        {trace}' = {block.read(right)} / (1 ms)"
    yield from ("", "    input:", "        pre_spikes <- spike", "        post_spikes <- spike")
    yield from ("", "    output:", "        spike", "")
    yield "    onReceive(post_spikes):"
    yield from _event(rule, "on_post", pairing, block)
    yield from ("", "    onReceive(pre_spikes):", f"        emit_spike({WEIGHT})")
    yield from _event(rule, "on_pre", pairing, block)
    yield from ("", "    update:", "        integrate_odes()")


def _event(rule: Rule, event: str, pairing: str, block: Block) -> Iterator[str]:
    """What a spike does; the weight changes where it learns, and stays between its bounds."""
    statements = rule.statements(event, pairing)
    if any("plastic" in identifiers(each.right) for each in statements):
        raise EquationError("reads whether it learns")
    for statement in statements:
        lines = [*block.lines(str(statement))]
        if statement.target != WEIGHT:
            yield from lines
            continue
        yield f"        if {LEARNS} > 0.5:"
        yield from (f"    {line}" for line in lines)
        yield f"            {WEIGHT} = min(max({WEIGHT}, w_min), w_max)"
    if not statements:
        raise EquationError(f"does nothing {event.replace('_', ' ')}")

"""The state that rules keep in postsynaptic neurons.

It is one state for all pathways that use a rule with the same parameters, so that a threshold
belongs to the neuron and not to a pathway.
"""

from collections.abc import Iterable, Iterator, Mapping

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import Input, TakenNames
from thalia.compiler.resolve.applied_rule import AppliedRule
from thalia.compiler.resolve.components import Parameters
from thalia.compiler.resolve.pathways import ResolvedPathway
from thalia.compiler.resolve.receptors import Receptor
from thalia.errors import Diagnostics, Path
from thalia.library.schema import Layer, Rule
from thalia.syntax.equations import (
    Statement,
    identifiers,
    remembered,
    rename,
    rename_equation,
    rename_statement,
)
from thalia.syntax.units import Value, constant, parse_value

State = Input
States = Mapping[object, State]


def name_states(pathways: Iterable[ResolvedPathway], receptors: Mapping[Path, Receptor]) -> States:
    """Every state of the rules of some pathways, by its identity, each with a unique name."""
    states: dict[object, State] = {}
    taken = TakenNames(receptor.input.name for receptor in receptors.values())
    for pathway in pathways:
        for rule in pathway.acting:
            if rule.part.neuron and (key := _identity(rule, pathway.plastic)) not in states:
                states[key] = _state(rule, taken.new(rule.word), pathway.plastic)
    return states


def states_of(
    pathway: ResolvedPathway, states: States
) -> Iterator[tuple[AppliedRule, State | None]]:
    """The rules that act in a pathway, each with its state in the postsynaptic neuron, if any."""
    for rule in pathway.acting:
        keeps = bool(rule.part.neuron)
        yield rule, states[_identity(rule, pathway.plastic)] if keeps else None


def _identity(rule: AppliedRule, plastic: tuple[bool, ...]) -> object:
    """What uses of a rule that share their state have in common."""
    mentioned = _mentioned(rule.part)
    values = tuple((key, value) for key, value in rule.values.items() if key in mentioned)
    return rule.name, values, _switched(mentioned, plastic), rule.instructed_by


def _mentioned(part: Layer) -> frozenset[str]:
    """Every name in what a rule keeps and does in the postsynaptic neuron."""
    texts = (*(e.right for e in part.neuron), *(s.right for s in _statements(part)), part.current)
    return _names_in(tuple(filter(None, texts)))


def _statements(part: Layer) -> tuple[Statement, ...]:
    if not isinstance(part, Rule):
        return part.on_spike
    return (*part.on_spike, *part.on_instruction, *part.before_step)


@remembered
def _names_in(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*map(identifiers, texts))


def _switched(mentioned: frozenset[str], plastic: tuple[bool, ...]) -> tuple[bool, ...]:
    """In which phases it is plastic; empty if that does not matter."""
    return plastic if "plastic" in mentioned and not all(plastic) else ()


def _state(rule: AppliedRule, name: str, plastic: tuple[bool, ...]) -> State:
    """What a rule keeps in the postsynaptic neuron, as something that the neuron receives."""
    part = rule.part
    each_step = part.before_step if isinstance(part, Rule) else ()
    mentioned = _mentioned(part)
    switched = _switched(mentioned, plastic)
    values = {f"{name}_{key}": value for key, value in rule.values.items() if key in mentioned}
    local = {key: f"{name}_{key}" for key in (*rule.values, *(e.name for e in part.neuron))}
    local["plastic"] = f"{name}_plastic" if switched else "1"
    own = {equation.name for equation in part.neuron}
    initial = {
        local[key]: initial_value(raw, rule.values)
        for key, raw in part.initial.items()
        if key in own
    }
    term = ""
    if part.current:  # it is injected only where the rule is
        switch = f"{name}_injects"
        term = f"{switch}*({rename(part.current, local)})"
        values |= {switch: constant(0)}
    return Input(
        name,
        term,
        tuple(rename_equation(e, local) for e in part.neuron),
        {key: v.dimension for key, v in values.items()},
        values,
        is_state=True,
        on_spike=tuple(rename_statement(s, local) for s in part.on_spike),
        before_step=tuple(rename_statement(s, local) for s in each_step),
        initial=initial,
        plastic=switched,
    )


def values_with_rule(state: State) -> Parameters:
    """The parameters of a state in neurons that its rule acts on."""
    return state.idle | ({f"{state.name}_injects": constant(1)} if state.term else {})


def initial_value(raw: Value | str, values: Parameters) -> Value | str:
    """An initial value: given, a parameter's, or an expression that is left for wiring.

    Such an expression has the numbers of the parameters, of random ones the mean.
    """
    if isinstance(raw, str) and raw not in values:
        try:
            return parse_value(raw)
        except ValueError:
            return rename(raw, {name: repr(value.mean) for name, value in values.items()})
    return values[raw] if isinstance(raw, str) else raw


def seen_by_synapses(state: State) -> dict[str, str]:
    """The names in a rule of the variables of its state, with those that its synapses use."""
    names = [*(equation.name for equation in state.equations), *state.parameters]
    return {name.removeprefix(f"{state.name}_"): f"{name}_post" for name in names}


# instructive pathways


def instructions(
    circuit: Circuit,
    pathways: Iterable[ResolvedPathway],
    states: States,
    diagnostics: Diagnostics,
) -> dict[str, tuple[Statement, ...]]:
    """What spikes of each instructive pathway do to the states of the rules that it instructs."""
    found: dict[str, tuple[Statement, ...]] = {}
    for pathway in pathways:
        for rule, state in states_of(pathway, states):
            if _is_instructed(circuit, rule, pathway.post, diagnostics) and state:
                before = found.get(rule.instructed_by, ())
                new = (each for each in _instruction(rule, state) if each not in before)
                found[rule.instructed_by] = (*before, *new)
    return found


def _instruction(rule: AppliedRule, state: State) -> tuple[Statement, ...]:
    assert isinstance(rule.part, Rule)
    local = seen_by_synapses(state)
    return tuple(rename_statement(s, local) for s in rule.part.on_instruction)


def _is_instructed(
    circuit: Circuit, rule: AppliedRule, post: str, diagnostics: Diagnostics
) -> bool:
    """Whether a rule has the instructive pathway that it needs."""
    path, known = (*rule.path, "instructed_by"), circuit.pathways
    if not (isinstance(rule.part, Rule) and rule.part.on_instruction):
        if rule.instructed_by:
            message = f"{rule.name} takes no instructive pathway"
            diagnostics.error(path, message, "remove `instructed_by`")
        return False
    if not rule.instructed_by:
        message = f"{rule.name} needs 'instructed_by', the pathway whose spikes instruct it"
        hint = "name a pathway to the same neurons, as in `instructed_by: climbing_fibres`"
        diagnostics.error(rule.path, message, hint)
        return False
    if rule.instructed_by not in known:
        diagnostics.unknown(path, "pathways", rule.instructed_by, known)
        return False
    if (found := known[rule.instructed_by].post[0]) != post:
        message = f"'{rule.instructed_by}' reaches {found}, expected it to reach {post}"
        diagnostics.error(path, message)
        return False
    return True

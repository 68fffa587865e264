"""The plasticity rules of pathways, each with its parameters, in the order in which they act."""

from collections.abc import Mapping
from dataclasses import dataclass

from thalia.circuit.part_use import RuleUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.plan import IN_SYNAPSES
from thalia.compiler.resolve.applied_rule import AppliedRule
from thalia.compiler.resolve.components import Parameters, component, parameters, preset_of
from thalia.compiler.resolve.eligibility import waiting, why_not
from thalia.compiler.resolve.neuromodulators import Modulators, expression
from thalia.errors import Diagnostics, Path, did_you_mean
from thalia.library.lookup import word_of
from thalia.library.protocol_schema import Window
from thalia.library.schema import EVENTS, Layer, Rule, Synapse


@dataclass(frozen=True)
class AppliedRules:
    """The short-term plasticity of a pathway, and the rules that change its weights."""

    efficacies: tuple[AppliedRule, ...]
    rules: tuple[AppliedRule, ...]

    @property
    def all(self) -> tuple[AppliedRule, ...]:
        """Both, in the order in which they act."""
        return (*self.efficacies, *self.rules)


def resolve_rules(
    circuit: Circuit, modulators: Modulators, diagnostics: Diagnostics
) -> Mapping[str, AppliedRules]:
    """The rules of every pathway, without those that have mistakes."""
    return {
        name: AppliedRules(
            _efficacies(circuit, pathway, ("pathways", name), diagnostics),
            _rules(circuit, pathway, ("pathways", name), modulators, diagnostics),
        )
        for name, pathway in circuit.pathways.items()
    }


def _efficacies(
    circuit: Circuit, pathway: Pathway, path: Path, diagnostics: Diagnostics
) -> tuple[AppliedRule, ...]:
    """The synapse models that stand before the receptor."""
    found = []
    for index, use in enumerate(pathway.synapse[:-1]):
        here = (*path, "synapse", index)
        part = component(circuit, Synapse, use.part, here, diagnostics)
        if part is None:
            continue
        if part.weight is not None:
            message = f"'{use.part}' is a receptor, which must come last"
            diagnostics.error(here, message, "give each receptor its own pathway")
            continue
        values = parameters(part, use.parameters, here, diagnostics, use.preset)
        if values is not None:
            found.append(AppliedRule(use.part, word_of(use.part), part, values, here))
    return tuple(found)


def _rules(
    circuit: Circuit, pathway: Pathway, path: Path, modulators: Modulators, diagnostics: Diagnostics
) -> tuple[AppliedRule, ...]:
    """The rules that change weights, that of the pathway's window first."""
    first = -1 if pathway.window else 0
    found = [
        _rule(
            circuit,
            use,
            path if index < 0 else (*path, "plasticity", index),
            modulators,
            diagnostics,
        )
        for index, use in enumerate(pathway.rules, start=first)
    ]
    rules = tuple(filter(None, found))
    idle = [] if None in found or any(_changes_by_itself(each.part) for each in rules) else rules
    for each in idle:
        if each.learning_rate:
            message = f"{each.name} scales the changes that other rules make, and there are none"
            hint = f"put a rule that learns beside it: `plasticity: [stdp_pair, {each.name}]`"
            diagnostics.error((*each.path, "rule"), message, hint)
    return rules


@dataclass(frozen=True)
class _Published:
    """The rule of a window, its pairing, and its parameters, with where they are written."""

    rule: str = ""
    pairing: str = ""
    values: tuple[Path, Parameters] = ((), {})


def _rule(
    circuit: Circuit, use: RuleUse, path: Path, modulators: Modulators, diagnostics: Diagnostics
) -> AppliedRule | None:
    """One rule: its defaults, overridden by a window, then by a preset, then by its own."""
    window = None
    if use.window:
        here = (*path, "window")
        window = component(circuit, Window, use.window, here, diagnostics)
        if window is None:
            return None
        if use.rule not in ("", window.rule):
            message = f"the window '{use.window}' is for {window.rule}, found {use.rule}"
            diagnostics.error((*path, "rule"), message, "remove `rule`")
            return None
    name = use.rule or (window.rule if window else "")
    part = component(circuit, Rule, name, (*path, "rule"), diagnostics)
    if part is None:
        return None
    published = _Published()
    if window:
        found = _published(circuit, use, part, window, path, diagnostics)
        if found is None:
            return None
        published = found
    values = parameters(part, use.parameters, path, diagnostics, use.preset, published.values)
    after = values[part.later.after] if part.later and values else None
    if part.later and after and after.is_random:
        message = f"expected one number for all synapses, found {after}"
        diagnostics.error((*path, part.later.after), message)
    pairing = use.pairing or published.pairing or part.published(use.preset).pairing
    if pairing and pairing not in part.pairing:
        hint = did_you_mean(pairing, part.pairing) if part.pairing else f"{name} knows only one"
        diagnostics.error((*path, "pairing"), f"no pairing is called '{pairing}'", hint)
        return None
    if use.eligibility:
        if reason := why_not(part):
            message = f"{name} {reason}"
            diagnostics.error((*path, "eligibility"), message, "remove `eligibility`")
            return None
        part, numbers = waiting(part, use.eligibility)
        values = None if values is None else values | numbers
    modulator = _modulator(circuit, use, name, part, path, modulators, diagnostics)
    if values is None or modulator is None:
        return None
    return AppliedRule(
        name, word_of(name), part, values, path, pairing, use.instructed_by, modulator
    )


def _published(
    circuit: Circuit,
    use: RuleUse,
    part: Rule,
    window: Window,
    path: Path,
    diagnostics: Diagnostics,
) -> _Published | None:
    place: Path = (*path, "window")
    if use.window in circuit.windows:
        place = ("windows", use.window)
    preset = preset_of(part, window.preset, (*place, "preset"), diagnostics)
    if preset is None:
        return None
    numbers = {**preset.parameters, **window.values}
    pairing = window.pairing or preset.pairing
    return _Published(window.rule, pairing, ((*place, "values"), numbers))


def _modulator(
    circuit: Circuit,
    use: RuleUse,
    name: str,
    part: Rule,
    path: Path,
    modulators: Modulators,
    diagnostics: Diagnostics,
) -> str | None:
    """The expression that gates or scales a rule; empty if there is none, None if it is wrong."""
    if use.modulator:
        here = (*path, "modulator")
        if not (part.is_gated or _changes_by_itself(part)):
            message = f"{name} makes no changes of its own that a modulator could multiply"
            diagnostics.error(here, message, "give it to the rule that learns, or remove it")
            return None
        return expression(use.modulator, here, IN_SYNAPSES, modulators, diagnostics)
    if part.modulator_default is not None:
        return f"{part.modulator_default:g}"
    if part.is_gated:
        known = ", ".join(circuit.modulators) or "this circuit has none; give it `modulators:`"
        message = f"{name} needs 'modulator', the signal that gates it"
        diagnostics.error(path, message, f"modulator: {known}")
    return ""


def _changes_by_itself(part: Layer) -> bool:
    """Whether a rule changes the weight, other than to scale what all rules together make of it."""
    names = part.pairing if isinstance(part, Rule) and part.pairing else ("",)
    statements = (s for event in EVENTS for name in names for s in part.statements(event, name))
    targets = {*(each.target for each in statements), *(e.name for e in part.equations)}
    return "w" in targets and not part.sets_efficacy

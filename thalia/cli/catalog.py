"""The library for readers: its components, what each of them means, and whom to cite."""

import re
from collections.abc import Sequence

from thalia.circuit.load import loads
from thalia.circuit.spec import Circuit
from thalia.circuit.template_spec import Fragment
from thalia.compiler.expand_regions import template_of
from thalia.errors import did_you_mean, fail
from thalia.library.lookup import KINDS, find, names, part_text, uses
from thalia.library.protocol_schema import Condition, Protocol, Window
from thalia.library.rule_keys import Pairing
from thalia.library.schema import Layer, Neuron, Part, Preset, Rule, StimulusKind, Synapse
from thalia.syntax.equations import equation_text
from thalia.syntax.units import si_unit

WHO = ("computed_by_network", "computed_by_task")
ALL_KINDS = (*KINDS, "regions", "experiments")


def listing(what: str | None = None) -> str:
    """The whole library by kind, one kind of it, or one part with its parameters and equations.

    A part is said by its name, or as `KIND/NAME` where parts of several kinds have the name.

    Raises
    ------
    CircuitError
        If nothing has this name.
    """
    if what is None:
        return "\n".join(_kind(kind) for kind in ALL_KINDS if names(kind))
    if what in ALL_KINDS:
        return _kind(what)
    kind, name, others = _parts_called(what, ALL_KINDS)
    if kind in KINDS:
        shown = _part(kind, name)
    else:
        shown = _region(name) if kind == "regions" else _experiment(name)
    return shown + _also(others)


def written(what: str | None) -> tuple[str, str]:
    """The file of one part, exactly as one would write it, and other parts of this name in words.

    Raises
    ------
    CircuitError
        If nothing has this name, or it is that of a kind.
    """
    if what is None or what in ALL_KINDS:
        raise fail("--yaml: is for one component", "as in `thalia list stdp_pair --yaml`")
    kind, name, others = _parts_called(what)
    return part_text(kind, name)[0], _also(others)


def _also(others: Sequence[str]) -> str:
    """Other parts that have the name of a part; nothing where the name is its own."""
    return f"also: {', '.join(others)}\n" if others else ""


def _parts_called(what: str, others: Sequence[str] = ()) -> tuple[str, str, list[str]]:
    """Kind and name of a part, and other parts of the name; `others` could have been meant as well.

    Raises
    ------
    CircuitError
        If nothing has this name.
    """
    kind, has_kind, name = what.rpartition("/")
    if has_kind:
        if kind not in ALL_KINDS:
            raise fail(f"the library has no kind '{kind}'", did_you_mean(kind, ALL_KINDS))
        if name not in names(kind):
            raise fail(f"the library has no '{what}'", did_you_mean(name, names(kind), uses()))
        return kind, name, []
    found = [each for each in ALL_KINDS if name in names(each)]
    if not found:
        known = [*others, *(each for kind in ALL_KINDS for each in names(kind))]
        raise fail(f"the library has no '{name}'", did_you_mean(name, known, uses()))
    return found[0], name, [f"{each}/{name}" for each in found[1:]]


def _kind(kind: str) -> str:
    """The components of a kind, one per line; rules by family, windows by evidence."""
    lines = [f"{kind}:"]
    families: dict[str, list[str]] = {}
    width = max(18, *(len(name) for name in names(kind)))
    for name in names(kind):
        part = _read(kind, name)
        family = _family(part)
        families.setdefault(family, []).append(f"{name:<{width}} {part.summary}")
    for family, rows in families.items():
        lines += ([f"  {family}:"] if family else []) + [
            f"  {'  ' if family else ''}{row}" for row in rows
        ]
    return "\n".join(lines) + "\n"


def _family(part: Part | Fragment | Circuit) -> str:
    """The heading under which a component is listed; empty where its kind has none."""
    if isinstance(part, Rule):
        return part.family
    return part.evidence if isinstance(part, Window) else ""


def rules_table() -> str:
    """The plasticity rules as a Markdown table, by family, for docs/library.md."""
    rules = {
        name: part
        for name in names("plasticity")
        if isinstance(part := find("plasticity", name)[0], Rule)
    }
    lines = ["| family | rule | what it is | source |", "| --- | --- | --- | --- |"]
    for name, rule in sorted(rules.items(), key=lambda item: (item[1].family, item[0])):
        paper = re.match(r".*?\(\d{4}\)", rule.source)
        lines.append(
            f"| {rule.family} | `{name}` | {rule.summary} | {paper[0] if paper else rule.source} |"
        )
    return "\n".join(lines) + "\n"


def _part(kind: str, name: str) -> str:
    part = find(kind, name)[0]
    lines = [f"{name}: {part.summary}", f"  source: {part.source}"]
    lines += [
        f"  {key}: {text}"
        for key in ("numbers", "reproduces", "differs")
        if (text := getattr(part, key))
    ]
    if part.parameters:
        lines.append("  parameters:")
        lines += [
            f"    {key} = {p.default}  {p.meaning}{f' ({p.source})' if p.source else ''}"
            for key, p in part.parameters.items()
        ]
    if isinstance(part, Layer) and part.presets:
        lines.append("  presets:")
        lines += [f"    {key}: {_preset(preset)}" for key, preset in part.presets.items()]
    if isinstance(part, Rule) and part.pairing:
        lines.append("  pairings, the first by default:")
        lines += [f"    {key}: {_events(pairing)}" for key, pairing in part.pairing.items()]
    lines += [f"  {line}" for line in _model(part)]
    return "\n".join(lines) + "\n"


def _preset(preset: Preset) -> str:
    numbers = [f"{key} = {value}" for key, value in preset.parameters.items()]
    return (
        ", ".join([*numbers, *([preset.pairing] if preset.pairing else [])])
        + f"\n      {preset.source}"
    )


def _events(pairing: Pairing) -> str:
    return "; ".join(
        f"{event}: {s}" for event in ("on_pre", "on_post") for s in getattr(pairing, event)
    )


def _model(part: Part) -> list[str]:
    match part:
        case Neuron():
            lines = [
                "equations:",
                *(f"  {equation_text(e)}" for e in part.equations),
                f"threshold: {part.threshold}",
            ]
            return lines + [f"reset: {statement}" for statement in part.reset]
        case Layer():
            return _layer(part)
        case Window():
            lines = [f"rule: {part.rule}", *([f"preset: {part.preset}"] if part.preset else [])]
            lines += [f"{key} = {value}" for key, value in part.values.items()]
            return [
                *lines,
                f"sign: {part.sign}",
                f"evidence: {part.evidence}",
                f"preparation: {part.preparation}",
            ]
        case Protocol():
            return [_condition(condition) for condition in part.conditions]
        case StimulusKind():
            return [f"{key}: {text}" for key in ("current", "rate") if (text := getattr(part, key))]
    return []


def _condition(condition: Condition) -> str:
    pre, post = (
        " ".join(f"{time:g}" for time in getattr(condition, side)) for side in ("pre", "post")
    )
    return (
        f"{condition.series}, {condition.x:g}: pre {pre}, post {post} ms, {condition.repeat} times"
    )


def _layer(part: Layer) -> list[str]:
    lines = (
        [f"weight in {si_unit(part.weight)}"] if isinstance(part, Synapse) and part.weight else []
    )
    for title, equations in (
        ("equations:", part.equations),
        ("in the postsynaptic neuron:", part.neuron),
    ):
        lines += [title, *(f"  {equation_text(e)}" for e in equations)] if equations else []
    lines += [f"{name} starts at {value}" for name, value in part.initial.items()]
    lines += [f"current: {part.current}"] if isinstance(part, Synapse) and part.current else []
    lines += [f"on_pre: {s}" for s in part.on_pre]
    if isinstance(part, Rule):
        lines += [f"{part.later.after} later: {s}" for s in part.later.on_pre] if part.later else []
        lines += [
            f"{event}: {s}"
            for event in ("on_post", "on_instruction", "on_step")
            for s in getattr(part, event)
        ]
    return lines + [f"on_spike: {s}" for s in part.on_spike]


def _read(kind: str, name: str) -> Part | Fragment | Circuit:
    if kind in KINDS:
        return find(kind, name)[0]
    return _circuit(name) if kind == "experiments" else _template(name)


def _template(name: str) -> Fragment:
    return template_of(name).fragment


def _circuit(name: str) -> Circuit:
    text, file = part_text("experiments", name)
    return loads(text, file)


def _experiment(name: str) -> str:
    circuit = _circuit(name)
    experiment = circuit.experiment
    assert experiment is not None
    lines = [
        f"{name}: {circuit.summary}",
        f"  task: {experiment.task}, {experiment.seeds} seeds",
        f"  result: {experiment.result}",
    ]
    lines += [
        f"  {key}: {value:g}"
        for key in ("chance", "goal")
        if (value := getattr(experiment, key)) is not None
    ]
    for key in WHO:
        lines += [f"  {key.replace('_', ' ')}:"]
        lines += [f"    - {each}" for each in getattr(experiment, key)]
    for kind in ("rules", "controls"):
        variants = getattr(experiment, kind)
        lines += (
            [f"  {kind}:", *(f"    {key}: {each.says}" for key, each in variants.items())]
            if variants
            else []
        )
    return "\n".join(lines) + "\n"


def experiments_table() -> str:
    """Who does what in each experiment, and its rules, as Markdown for docs/learning.md."""
    lines = [
        "| experiment | computed by the network | computed by the task |",
        "| --- | --- | --- |",
    ]
    for name in names("experiments"):
        experiment = _circuit(name).experiment
        assert experiment is not None
        lists = ["; ".join(getattr(experiment, key)) for key in WHO]
        lists += [", ".join(f"`{rule}`" for rule in experiment.rules) or "its own alone"]
        lines.append(f"| `{name}` | {' | '.join(lists)} |")
    return "\n".join(lines) + "\n"


def _region(name: str) -> str:
    fragment = _template(name)
    lines = [f"{name}: {fragment.summary}", f"  source: {fragment.source}", "  populations:"]
    lines += [
        f"    {key}: {p.neuron}, share {p.share or p.size}"
        for key, p in fragment.populations.items()
    ]
    lines += [
        "  pathways:",
        *(
            f"    {key}: {', '.join(p.pre)} to {', '.join(p.post)}"
            for key, p in fragment.pathways.items()
        ),
    ]
    for title, learned in (("on", fragment.afferents), ("of", fragment.efferents)):
        lines += [
            f"  {title} {key}, where a pathway says `plasticity: template`: "
            + ", ".join(use.rule or use.window for use in uses)
            for key, uses in learned.items()
        ]
    return "\n".join(lines) + "\n"

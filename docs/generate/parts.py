"""One page for each part of the library, and one that lists those of a kind."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import thalia
from docs.generate import latex, removals
from docs.generate.bibliography import bibtex, linked
from docs.generate.curves import NO_CURVE, flat, measured
from docs.generate.reference import table
from docs.generate.repository import ROOT
from docs.generate.uses import used_in
from thalia.circuit.load import loads
from thalia.circuit.spec import Circuit
from thalia.errors import CircuitError
from thalia.library.lookup import find, names, part_text
from thalia.library.schema import Layer, ModulatorKind, Part, Rule
from thalia.simulation.pairing_protocols import PairingSetup, circuit_data
from thalia.syntax.equations import Equation
from thalia.syntax.units import Value

TITLES = {
    "neurons": "Neuron models",
    "synapses": "Synapse models",
    "plasticity": "Plasticity rules",
    "windows": "Plasticity windows",
    "protocols": "Pairing protocols",
    "modulators": "Kinds of modulators",
    "stimuli": "Kinds of stimuli",
}
# what a statement happens at, by the key of the component
EVENTS = {
    "on_pre": "At a presynaptic spike",
    "on_post": "At a postsynaptic spike",
    "on_instruction": "At an instructive spike",
    "on_spike": "At a spike of the postsynaptic neuron, in it",
    "on_step": "At every time step",
    "before_step": "Before every time step, in the neuron",
    "in_every_step": "At every time step, summed over all synapses",
    "reset": "After a spike",
    "update": "At every time step, as published",
    "on_release": "At a release",
    "on_prediction": "At a predicting spike",
}
# expressions of a component, by its key
EXPRESSIONS = {
    "threshold": "Spikes when",
    "refractory": "Refractory for",
    "current": "Current",
    "rate": "Rate",
    "charge": "Charge of a spike",
    "mean_efficacy": "Mean efficacy at a steady rate",
    "learning_rate": "Factor of what the other rules change",
}


# what a window that is the same everywhere means, by whether anything changes
_FLAT = {
    False: "the rule acts together with others, or on other signals than pairs",
    True: "what counts is another signal, or that there was a spike",
}


def kind_page(kind: str) -> str:
    """The components of a kind, each with a sentence; rules by family."""
    lines = [f"# {TITLES[kind]}\n", f"`thalia list {kind}` lists them in a terminal.\n"]
    families: dict[str, list[list[str]]] = {}
    for name in names(kind):
        part = find(kind, name)[0]
        family = part.family if isinstance(part, Rule | ModulatorKind) else ""
        families.setdefault(family, []).append([f"[`{name}`]({name}.md)", part.summary])
    for family in sorted(families):
        lines += [f"## {family.capitalize()}\n"] if family else []
        lines.append(table(["name", "what it is"], families[family]))
    return "\n".join(lines)


def part_page(kind: str, name: str) -> str:
    """Everything about one component."""
    part: Any = find(kind, name)[0]
    lines = [f"# {name}\n", f"{part.summary}\n", _about(part), _picture(kind, name, part)]
    lines += [*_mathematics(part), _parameters(part), _presets(part), _window(part)]
    lines += [
        _integration(kind, name),
        used_in(kind, name),
        removals.told((kind, name)),
        written(f"thalia/library/{kind}/{name}.yaml", part_text(kind, name)[0]),
    ]
    if entries := bibtex(f"{part.source}; {part.numbers}"):
        lines.append(f"## BibTeX\n\n```bibtex\n{entries}\n```\n")
    return "\n".join(filter(None, lines))


def _about(part: Part) -> str:
    keys = ("source", "numbers", "reproduces", "differs", "sign", "evidence", "preparation")
    told = [(key, linked(text)) for key in keys if (text := getattr(part, key, ""))]
    return "".join(f"- **{key.capitalize()}**: {text}\n" for key, text in told)


def _picture(kind: str, name: str, part: Part) -> str:
    part_name = f"{kind}/{name}"
    if part_name in NO_CURVE:
        return f"*No curve: {NO_CURVE[part_name]}.*\n"
    run = measured()[part_name]
    if (change := flat(part_name)) is not None:
        return (
            f"A pair of spikes changes the weight by {change:g} of w_max, whatever the interval "
            f"between them: {_FLAT[change != 0]}.\n"
        )
    if "released" in run:
        what = f"Share of the weight that {name} releases at ten spikes of 20 Hz, and at one later"
    else:
        what = _shown(kind, name)
    return (
        f"![{what}]({name}.svg)\n\n*{what}. Thalia {run['thalia']}, {run['date']}; "
        f"`{run['command']} {part_name}`.*\n"
    )


def _shown(kind: str, name: str) -> str:
    """What the curve of a component shows."""
    what = {
        "neurons": f"Firing rate of {name} against constant current",
        "synapses": f"Potential of a cell after one spike through {name}",
        "modulators": f"Level of {name} over time after a release of 1",
        "stimuli": f"What {name} gives over time",
    }
    return what.get(kind, f"Change of the weight by {name}")


def _mathematics(part: Part) -> Iterator[str]:
    """Equations, expressions and statements, typeset."""
    blocks: list[tuple[str, list[str]]] = []
    equations: tuple[Equation, ...] = getattr(part, "equations", ())
    title = "Of each synapse" if isinstance(part, Layer) else ""
    blocks.append((title, [latex.equation(each) for each in equations]))
    if isinstance(part, Layer):
        blocks.append(("Of the postsynaptic neuron", [latex.equation(e) for e in part.neuron]))
    blocks += [
        (title, [latex.expression(text)])
        for key, title in EXPRESSIONS.items()
        if isinstance(text := getattr(part, key, ""), str) and text
    ]
    for key, title in EVENTS.items():
        statements = getattr(part, key, ()) or ()
        blocks.append((title, [latex.statement(each) for each in statements]))
    if isinstance(part, Rule):
        later = part.later
        after = f"After the time ${latex.symbol(later.after)}$" if later else ""
        blocks.append((after, [latex.statement(each) for each in later.on_pre] if later else []))
    shown = [(title, formulas) for title, formulas in blocks if formulas]
    if shown:
        yield "## Equations\n"
    for title, formulas in shown:
        yield (f"{title}:\n\n" if title else "") + "\n".join(
            f"$$\n{each}\n$$\n" for each in formulas
        )
    if isinstance(part, Rule) and part.pairing:
        yield from _pairings(part)


def _pairings(part: Rule) -> Iterator[str]:
    yield "Pairings, the first by default; after the weight has changed:\n"
    rows = [
        [f"`{name}`"]
        + [
            ", ".join(f"${latex.statement(each)}$" for each in getattr(pairing, event))
            for event in ("on_pre", "on_post")
        ]
        for name, pairing in part.pairing.items()
    ]
    yield table(["pairing", "at a presynaptic spike", "at a postsynaptic spike"], rows)


def _parameters(part: Part) -> str:
    if not part.parameters:
        return ""
    rows = [
        [f"`{key}`", f"${latex.symbol(key)}$", f"{each.default}", each.meaning, linked(each.source)]
        for key, each in part.parameters.items()
    ]
    return "## Parameters\n\n" + table(
        ["name", "", "default", "meaning", "source, if another"], rows
    )


def _numbers(values: dict[str, Value]) -> str:
    return ", ".join(f"`{key}` {value}" for key, value in values.items()) or "the defaults"


def _presets(part: Part) -> str:
    if not isinstance(part, Layer) or not part.presets:
        return ""
    rows = [
        [f"`{key}`", _numbers(each.parameters), each.pairing, linked(each.source)]
        for key, each in part.presets.items()
    ]
    return "## Presets\n\n" + table(["preset", "parameters", "pairing", "source"], rows)


def _window(part: Any) -> str:
    """The rule and the numbers of a published window, or the conditions of a protocol."""
    if hasattr(part, "evidence"):
        preset = f", preset `{part.preset}`" if part.preset else ""
        rule = f"[`{part.rule}`](../plasticity/{part.rule}.md){preset}"
        return f"## Rule\n\n{rule}, with {_numbers(part.values)}.\n"
    if getattr(part, "conditions", ()):
        rows = [
            [
                *(each.series, f"{each.x:g}", _times(each.pre), _times(each.post)),
                *(f"{each.repeat}", "" if each.change is None else f"{each.change:g}"),
            ]
            for each in part.conditions
        ]
        head = ["series", part.x_label, "pre (ms)", "post (ms)", "times", "measured change"]
        return "## Conditions\n\n" + table(head, rows)
    return ""


def _times(times: tuple[float, ...]) -> str:
    return " ".join(f"{time:g}" for time in times)


def _integration(kind: str, name: str) -> str:
    """The row of a neuron or receptor in the table of measured errors; the forms of a rule."""
    if kind == "plasticity":
        return _forms(name)
    page = (ROOT / "docs" / "integration.md").read_text("utf-8")
    row = re.search(rf"^(\| .*\n)(\| ---.*\n)(?:\|.*\n)*?(\| `{name}` \|.*\n)", page, re.MULTILINE)
    if kind not in ("neurons", "synapses") or row is None:
        return ""
    return (
        f"## Integration\n\n[Measured](../../integration.md#measured):\n\n{row[1]}{row[2]}{row[3]}"
    )


def _forms(rule: str) -> str:
    """How the compiler advances the variables of a rule between a spike source and a cell.

    Nothing of a rule that needs more than these, such as another rule or an error signal.
    """
    data = {"thalia": 1, "duration": "1 s"} | circuit_data(rule, 1, PairingSetup())
    try:
        plan = thalia.plan_of(loads(json.dumps(data)))
    except CircuitError:
        return ""
    forms = {name: form for group in plan.synapses for name, form in group.forms.items()}
    rows = [
        [f"`{name.removeprefix(f'{rule}_')}`", f"**{kind}**: {_code(why.replace(f'{rule}_', ''))}"]
        for name, form in forms.items()
        for kind, _, why in [form.partition(": ")]
    ]
    if not rows:
        return ""
    told = "The form that [the compiler chooses](../../lowering.md) for each variable of a synapse:"
    return f"## Integration\n\n{told}\n\n" + table(["variable", "form"], rows)


def _code(text: str) -> str:
    """A sentence in which formulas stand as code."""
    return re.sub(r"(?<=sum of )(.*?)(?=;|$)", r"`\1`", text)


@cache
def circuits() -> dict[str, Circuit]:
    """The circuits to run, by name."""
    return {file.stem: thalia.load(file) for file in sorted((ROOT / "circuits").glob("*.yaml"))}


@cache
def experiments() -> dict[str, Circuit]:
    """The experiments of the library, by name."""
    return {name: loads(*part_text("experiments", name)) for name in names("experiments")}


def written(path: str, text: str) -> str:
    """A file of the repository, folded."""
    indented = "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())
    return f'??? "As it is written: `{path}`"\n\n    ```yaml\n{indented}\n    ```\n'

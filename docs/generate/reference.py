"""Reference pages: every key of a circuit file, every option of a command, the Python interface."""

import inspect
import json
import re
from typing import Any

import typer.main
import yaml

import thalia
from docs.generate.repository import ROOT
from thalia.circuit.json_schema import elements, json_schema, keys_of
from thalia.cli import main

# where each element stands in a file, in the order of the page
PLACES = {
    "Circuit": "the file itself",
    "RegionUse": "`regions.NAME`",
    "Population": "`populations.NAME`",
    "Space": "`populations.NAME.space`",
    "Pathway": "`pathways.NAME`",
    "Connect": "`pathways.NAME.connect`",
    "Delay": "`pathways.NAME.delay`",
    "SynapseUse": "`pathways.NAME.synapse`",
    "RuleUse": "`pathways.NAME.plasticity`",
    "Eligibility": "`eligibility` of a rule",
    "Stimulus": "`stimuli.NAME`",
    "Modulator": "`modulators.NAME`",
    "Release": "`modulators.NAME.schedule`",
    "Phase": "`phases`",
    "Scale": "`scale`",
    "Record": "`record`",
    "RecordTraces": "`record.traces.NAME`",
    "RecordWeights": "`record.weights`",
    "Reference": "`reference`",
    "Variant": "`conditions.NAME`",
    "Experiment": "`experiment`",
    "ExperimentPhase": "`experiment.phases.NAME`",
    "TaskVariant": "`experiment.controls.NAME` and `rules.NAME`",
    "Backend": "`backend`",
    "Fragment": "the file of a region",
    "Gains": "the file of `gains`",
    "Neuron": "a neuron model: `neurons.NAME`, or a file",
    "Compartment": "`compartments.NAME` of a neuron model",
    "Rheobase": "`rheobase` of a neuron model",
    "Synapse": "a synapse model: `synapses.NAME`, or a file",
    "Rule": "a plasticity rule: `rules.NAME`, or a file",
    "Pairing": "`pairing.NAME` of a rule",
    "Later": "`later` of a rule",
    "Rewiring": "`rewiring` of a rule",
    "Window": "a plasticity window: `windows.NAME`, or a file",
    "ModulatorKind": "a kind of modulator: `modulator_kinds.NAME`, or a file",
    "StimulusKind": "a kind of stimulus: `stimulus_kinds.NAME`, or a file",
    "Parameter": "`parameters.NAME` of a component",
    "Preset": "`presets.NAME` of a component",
}


def cell(text: str) -> str:
    """Text within a cell of a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


def code(value: Any) -> str:
    """A value as one writes it in YAML, as code; long lists within a line."""
    if value is None or value == "":
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return f"`{text.removesuffix(chr(10)).removesuffix('...').strip()}`"


def keys_page() -> str:
    """Every key, with its meaning, the default, and an example."""
    schema = json_schema()
    lines = [
        "# Every key of a circuit file\n",
        "`thalia schema` prints the same for editors, which then complete and check what is "
        "written: see [Editors](../guides/editors.md). [Circuits](../circuits.md) explains how "
        "the keys work together, and [Own neurons and rules](../guides/components.md) the format "
        "of components.\n",
    ]
    for name, place in PLACES.items():
        element = elements()[name]
        definition = schema if name == "Circuit" else schema["$defs"].get(name, {})
        properties = definition.get("anyOf", [{}, definition])[-1].get("properties", {})
        rows = [
            [
                f"`{key}`",
                text.means + _choices(properties.get(key, {})) + _elements(properties.get(key, {})),
                code(properties.get(key, {}).get("default")),
                code(text.example),
            ]
            for key, text in keys_of(element).items()
        ]
        lines += [
            f"## {name}\n",
            f"In {place}. {inspect.getdoc(element)}\n",
            table(["key", "meaning", "default", "example"], rows),
        ]
    return "\n".join(lines)


def _choices(schema: dict[str, Any]) -> str:
    """The words among which a value is chosen, if it is."""
    found = schema.get("enum") or next(
        (each["enum"] for each in schema.get("anyOf", ()) if "enum" in each), []
    )
    return f": {', '.join(map(code, found))}" if found and found != [0, 1] else ""


def _elements(schema: dict[str, Any]) -> str:
    """Links to the elements that stand there."""
    named = dict.fromkeys(re.findall(r"#/\$defs/(\w+)", json.dumps(schema)))
    links = [f"[{name}](#{name.lower()})" for name in named if name in PLACES]
    return f" ({', '.join(links)})" if links else ""


def commands_page() -> str:
    """Every command with its arguments and options."""
    lines = [
        "# Every option of every command\n",
        "As `thalia COMMAND --help` prints them; [Commands](../commands.md) is the overview.\n",
    ]
    for name, command in typer.main.get_command(main.app).commands.items():  # type: ignore[attr-defined]
        text, _, example = (command.help or "").partition("Example: ")
        lines += [f"## thalia {name}\n", f"{text.strip()}\n"]
        lines += [f"```\n{example.strip()}\n```\n"] if example else []
        for group in [command, *getattr(command, "commands", {}).values()]:
            if rows := [_option(each) for each in group.params if not each.hidden]:
                lines.append(table(["option", "meaning", "default"], rows))
    return "\n".join(lines)


def _option(option: Any) -> list[str]:
    names = ", ".join(f"`{each}`" for each in (*option.opts, *option.secondary_opts))
    is_argument = not option.opts[0].startswith("-")
    default = "" if option.default in (None, False, ()) else f"`{option.default}`"
    shown = f"`{option.metavar or option.name.upper()}`" if is_argument else names
    return [shown, option.help or "", "" if is_argument and option.required else default]


def python_page() -> str:
    """The public interface, from its docstrings, by what it is for."""
    overview = (ROOT / "docs" / "python.md").read_text("utf-8")
    rows = overview.partition("## The public interface")[2].partition("\n##")[0]
    lines = [
        "# Every function and class\n",
        "What `import thalia` has; [Python](../python.md) is the overview.\n",
    ]
    for purpose, names in re.findall(r"^\| ([a-z][^|]*) \| (`.*) \|$", rows, re.MULTILINE):
        lines.append(f"## {purpose.strip().capitalize()}\n")
        for name in re.findall(r"`(\w+)`", names):
            lines.append(_documented(name))
    for package in ("figures", "analysis"):
        module = getattr(thalia, package)
        lines.append(f"## thalia.{package}\n\n{inspect.getdoc(module)}\n")
        for name in module.__all__:
            member = getattr(module, name)
            if inspect.isfunction(member) or inspect.isclass(member):
                lines.append(f"::: {_home(member)}.{name}\n")
    return "\n".join(lines)


def _home(member: Any) -> str:
    return str(inspect.unwrap(member).__module__)


def _documented(name: str) -> str:
    """A name of the package; of its modules only that they are there."""
    member = getattr(thalia, name)
    if inspect.ismodule(member):
        return f"`thalia.{name}`: {inspect.getdoc(member)}\n".partition("\n\n")[0] + "\n"
    return f"::: {_home(member)}.{name}\n"

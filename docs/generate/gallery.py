"""One page for each circuit, experiment and region: what it is, what it does, how to repeat it."""

import json
import re
from functools import cache
from io import StringIO
from typing import Any

import thalia
from benchmarks import learning
from benchmarks.rendering import measures_table, models, origin, told
from docs.generate import outcomes, removals
from docs.generate.bibliography import linked
from docs.generate.parts import circuits, experiments, written
from docs.generate.reference import table
from docs.generate.repository import ROOT
from thalia.circuit.part_use import RuleUse
from thalia.circuit.spec import Circuit, Pathway
from thalia.circuit.template_spec import Fragment
from thalia.compiler.expand_regions import template_of
from thalia.compiler.graph import network_of
from thalia.library.lookup import names, part_text
from thalia.publication.citations import citations

MEASURED = ROOT / "results" / "circuits"
KINDS = {"rule": "plasticity", "window": "windows"}


def _results(name: str) -> dict[str, Any] | None:
    """What was measured of a circuit."""
    file = MEASURED / f"{name}.json"
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else None


def graph(name: str) -> str:
    """The graph of a circuit or an experiment as SVG."""
    text = StringIO()
    figure = thalia.figures.graph(network_of(thalia.plan_of(_all()[name])))
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


@cache
def _all() -> dict[str, Circuit]:
    return {**circuits(), **experiments()}


def gallery_page() -> str:
    """All circuits, with a picture of each that has one."""
    shown = (ROOT / "docs" / "commands.md").read_text("utf-8")
    says = dict(re.findall(r"^\| `(\w+)\.yaml` \| (.*) \|$", shown, re.MULTILINE))
    rows = [
        [f"[`{name}`]({name}.md)", says[name], "".join(pictures_of(name, 240)[:1])]
        for name in circuits()
    ]
    return (
        "# Circuits to run\n\nThey come with Thalia: each runs with `thalia run NAME`.\n\n"
        + table(["circuit", "shows", ""], rows)
    )


def pictures_of(name: str, width: int = 0) -> list[str]:
    """The figure of a circuit, and its raster, as far as they are kept."""
    size = f"{{ width={width} loading=lazy }}" if width else ""
    return [
        f"![{what} {name} does](../{file}){size}"
        for file, what in (
            (f"plots/{name}.png", "What"),
            (f"results/circuits/{name}.png", "Raster of what"),
        )
        if (ROOT / file).exists()
    ]


def circuit_page(name: str) -> str:
    """What a circuit is, what it was measured to do, and its text."""
    circuit = circuits()[name]
    file = ROOT / "circuits" / f"{name}.yaml"
    says = re.match(r"(?:#.*\n)*", file.read_text("utf-8"))
    comment = " ".join(re.sub(r"^# ?", "", says[0] if says else "", flags=re.MULTILINE).split())
    lines = [f"# {name}\n", circuit.summary, comment.replace("<", "&lt;") + "\n"]
    lines += [f"```\nthalia run {name} --plot\n```\n", *(f"{p}\n" for p in pictures_of(name))]
    lines += [
        _claims(name),
        _beside_brian2(name),
        _contents(circuit),
        f"![Graph of {name}]({name}.svg)\n",
    ]
    lines += [_conditions(name, circuit), _references(circuit)]
    lines.append(written(f"circuits/{name}.yaml", file.read_text("utf-8")))
    return "\n".join(filter(str.strip, lines))


def _claims(name: str) -> str:
    """Measures and rates with intervals, next to published ones and those of every condition."""
    found = _results(name)
    if found is None:
        return ""
    lines = [f"## What it does\n\n{found['neurons']:,} neurons, {found['synapses']:,} synapses."]
    lines.append(f"{origin(name)}\n")
    if any(each["measures"] for each in found["conditions"].values()):
        lines.append(measures_table(name))
    lines.append(_rates(found))
    return "\n".join(lines)


def _beside_brian2(name: str) -> str:
    """The same model by hand in Brian2, where it was measured, and what its paper has."""
    shown = models(name)
    return f"## Beside the same in Brian2\n{shown}" if shown else ""


def _rates(found: dict[str, Any]) -> str:
    """Rates of all populations in the last phase."""
    baseline = found["conditions"]["baseline"]["rates_hz"]
    if not baseline:
        return ""
    others = [condition for condition in found["conditions"] if condition != "baseline"]
    published = found["published_hz"]
    head = ["population", "rate (Hz)", *(["published (Hz)"] if published else []), *others]
    rows = []
    for population, rate in baseline.items():
        row = [f"`{population}`", told(rate)]
        row += [f"{published[population]:.2f}" if population in published else ""] * bool(published)
        for condition in others:
            each = found["conditions"][condition]["rates_hz"].get(population)
            row.append(told(each) if each else "")
        rows.append(row)
    phase = f" in the phase `{found['phase']}`" if found["phase"] not in ("", "run") else ""
    source = f" Published: {linked(found['published_source'])}." if published else ""
    shown = f"Mean rates of all populations{phase}, with 95 % intervals.{source}\n\n"
    return shown + table(head, rows)


def _contents(circuit: Circuit | Fragment, up: str = "../library") -> str:
    """Populations and pathways, with links to the components."""
    lines = []
    if isinstance(circuit, Circuit) and circuit.regions:
        rows = [
            [f"`{name}`", f"[`{use.template}`]({up}/regions/{use.template}.md)", f"{use.size:,}"]
            for name, use in circuit.regions.items()
        ]
        lines.append("## Regions\n\n" + table(["region", "template", "neurons"], rows))
    if circuit.populations:
        rows = [
            [
                f"`{name}`",
                _link("neurons", each.neuron, up),
                f"{each.size or each.share or each.file}",
            ]
            for name, each in circuit.populations.items()
        ]
        lines.append("## Populations\n\n" + table(["population", "neuron", "size"], rows))
    if circuit.pathways:
        rows = [[f"`{name}`", *_pathway(each, up)] for name, each in circuit.pathways.items()]
        head = ["pathway", "from", "to", "synapse", "plasticity"]
        lines.append("## Pathways\n\n" + table(head, rows))
    if isinstance(circuit, Fragment) and (circuit.afferents or circuit.efferents):
        rows = [
            [f"{which} `{name}`", _rules(uses, up)]
            for which, learned in (("on", circuit.afferents), ("of", circuit.efferents))
            for name, uses in learned.items()
        ]
        said = "Where a pathway of a circuit says `plasticity: template`.\n\n"
        head = ["synapses", "plasticity"]
        lines.append("## Plasticity of other pathways\n\n" + said + table(head, rows))
    return "\n".join(lines)


def _pathway(each: Pathway, up: str) -> list[str]:
    synapses = [_link("synapses", use.part, up) for use in each.synapse]
    ends = [", ".join(f"`{name}`" for name in side) for side in (each.pre, each.post)]
    return [*ends, ", ".join(synapses), _rules(each.rules, up)]


def _rules(uses: tuple[RuleUse, ...], up: str) -> str:
    return ", ".join(
        _link(KINDS[key], name, up)
        for rule in uses
        for key in ("rule", "window")
        if (name := getattr(rule, key))
    )


def _link(kind: str, name: str, up: str) -> str:
    known = name in names(kind)
    return f"[`{name}`]({up}/{kind}/{name}.md)" if known else f"`{name}`"


def _conditions(name: str, circuit: Circuit) -> str:
    if not circuit.conditions:
        return ""
    rows = [[f"`{name}`", each.says] for name, each in circuit.conditions.items()]
    return f"## Conditions\n\n`thalia study {name}` compares them.\n\n" + table(
        ["condition", "what it shows"], rows
    )


def _references(circuit: Circuit) -> str:
    cited = citations(circuit)
    lines = [re.sub(r"(https://\S+)", r"<\1>", each) for each in cited]
    return "## References\n\n" + "".join(f"- {each}\n" for each in lines) if lines else ""


def experiments_page() -> str:
    """All experiments, with what each learns."""
    rows = [[f"[`{name}`]({name}.md)", circuit.summary] for name, circuit in experiments().items()]
    return (
        "# Experiments\n\nEach runs with all its controls by `thalia learn NAME`: see "
        "[Learning](../learning.md).\n\n" + table(["experiment", "learns"], rows)
    )


def experiment_page(name: str) -> str:
    """What an experiment learns, with its controls and kept results."""
    circuit = experiments()[name]
    experiment = circuit.experiment
    assert experiment is not None
    lines = [f"# {name}\n", f"{circuit.summary}\n", f"```\nthalia learn {name}\n```\n"]
    tables = learning.tables(experiment=name)
    if tables:
        lines += ["## Results\n", f"![{outcomes.told(name)}]({name}-results.svg)\n", tables]
    if (ROOT / "plots" / f"{name}.png").exists():
        lines.append(f"![What {name} learns, with its controls](../plots/{name}.png)\n")
        lines.append("*Of the seeds that the figure names; the table may have more.*\n")
    lines.append(first_trials(name))
    for key, title in (("computed_by_network", "network"), ("computed_by_task", "task")):
        if said := getattr(experiment, key):
            lines += [f"## Computed by the {title}\n", *(f"- {each}" for each in said), ""]
    for key in ("controls", "rules"):
        if variants := getattr(experiment, key):
            rows = [[f"`{each}`", variant.says] for each, variant in variants.items()]
            lines += [f"## {key.capitalize()}\n", table(["name", "what it shows"], rows)]
    lines += [_contents(circuit), f"![Graph of {name}]({name}.svg)\n", _references(circuit)]
    lines.append(
        written(f"thalia/library/experiments/{name}.yaml", part_text("experiments", name)[0])
    )
    return "\n".join(lines)


def first_trials(name: str) -> str:
    """The raster of an experiment's first trials, or why there is none, and how to see more."""
    if not (ROOT / "results" / "rasters" / f"{name}.png").exists():
        return (
            "There is no raster here: a task that takes the network back to an earlier state "
            "cannot be recorded, and some take minutes until their first seconds can be shown.\n"
        )
    return (
        f"![Raster of the first seconds of {name}](../results/rasters/{name}.png)\n\n"
        f"*Its first seconds, with one seed: `python -m benchmarks.rasters {name}`.* "
        f"`thalia learn {name} --seeds 1 --control none --record -o {name}` writes a run file of "
        "all trials, of which `thalia report` shows each spike.\n"
    )


def regions_page() -> str:
    """All region templates."""
    rows = [
        [f"[`{name}`]({name}.md)", template_of(name).fragment.summary] for name in names("regions")
    ]
    return (
        "# Regions\n\nA circuit takes one by `regions: {NAME: {template: cortex, size: 4000}}`.\n\n"
        + table(["region", "what it is"], rows)
    )


def region_page(name: str) -> str:
    """A region's populations, pathways and published rates."""
    fragment = template_of(name).fragment
    lines = [f"# {name}\n", f"{fragment.summary}\n", f"Source: {linked(fragment.source)}\n"]
    lines.append(_contents(fragment, ".."))
    if reference := fragment.reference:
        rows = [[f"`{key}`", f"{low} to {high}"] for key, (low, high) in reference.ranges.items()]
        rows += [[f"`{key}`", f"{rate}"] for key, rate in reference.rates.items()]
        lines.append(
            f"## Published rates\n\n{linked(reference.source)}\n\n"
            + table(["population", "rate"], rows)
        )
    places = [
        f"[`{each}`](../../gallery/{each}.md)"
        for each, circuit in circuits().items()
        if any(use.template == name for use in circuit.regions.values())
    ]
    lines.append(f"## Used in\n\n{', '.join(places)}\n" if places else "")
    lines.append(removals.told(("regions", name)))
    lines.append(written(f"thalia/library/regions/{name}.yaml", part_text("regions", name)[0]))
    return "\n".join(lines)
